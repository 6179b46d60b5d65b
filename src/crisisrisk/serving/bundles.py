"""The bundles that the service answers from: verified beside the one that answers, then swapped whole.

A request reads one reference and sees one bundle. What is refused takes nothing away: the last good one goes on.
"""

import json
import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from crisisrisk.errors import CrisisRiskError, ModelError
from crisisrisk.models.bundle import Bundle, Manifest
from crisisrisk.models.bundle_files import MANIFEST, read_file
from crisisrisk.models.champions import (
    POINTER,
    bundle_folder,
    champion_folder,
    champion_names,
    changes,
    signed_changes,
    signed_version,
)
from crisisrisk.models.last_good import keep_last_good, read_last_good
from crisisrisk.models.seen import remember_history
from crisisrisk.models.trial import require_trial
from crisisrisk.serving.logs import log

OTHER = {"person": "place", "place": "person"}
RETRY_SECONDS = 30.0
"""After so long what was refused is looked at again, although no file changed: a machine may have been too busy."""


@dataclass(frozen=True)
class Refusal:
    """Why what lies in the models folder now does not answer."""

    code: str
    problem: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.problem}"

    def error(self) -> ModelError:
        """The same as an error, a new one for each that is told."""
        return ModelError(self.code, self.problem, hint=self.hint)


class VerifiedModel:
    """The bundle that answers about a subject. Safe to use from several threads; only `refresh` reads files."""

    def __init__(self, models: Path, subject: str, name: str | None) -> None:
        self.models = models
        self.subject = subject
        self.name = name
        self.refusal: Refusal | None = None
        self._answers: Bundle | None = None
        self._stamp: tuple[object, ...] | None = None
        self._looked_at = 0.0
        self._verifying = threading.Lock()

    def bundle(self) -> Bundle:
        """The bundle that answers now. Take it once for a request. Raises ModelError where none was ever good."""
        answers = self._answers
        if answers is None:
            self.refresh()
            answers, refusal = self._answers, self.refusal
            if answers is None:
                raise (refusal or Refusal("CR-MODEL-004", f"no model answers for {self.subject} yet")).error()
        return answers

    def manifest(self) -> Manifest:
        """What the bundle that answers says of itself. Raises ModelError where none was ever good."""
        return self.bundle().manifest

    def expected(self) -> bool:
        """Whether the site means to answer about the subject: it names a model, or has promoted one."""
        if self.name is not None or self._answers is not None:
            return True
        try:
            return any(self._may_be_meant(name) for name in champion_names(self.models))
        except OSError:
            return True  # who cannot look says so as the part that failed, rather than that there is none

    def refresh(self, *, anew: bool = False, wait: bool = True) -> None:
        """Look whether another bundle should answer, and let it where it verifies; `anew`: though no file changed.

        Never raises: what is refused is said in `refusal` and logged, and the last good one goes on answering. Without
        `wait` it does nothing where somebody is looking already.
        """
        if not self._verifying.acquire(blocking=wait):
            return
        try:
            self._look(anew=anew)
        finally:
            self._verifying.release()

    def _look(self, *, anew: bool) -> None:
        stamp, now = self._stamp_now(), time.monotonic()
        overdue = self.refusal is not None and now - self._looked_at >= RETRY_SECONDS
        if stamp == self._stamp and not overdue and not anew:
            return
        self._looked_at = now
        try:
            name = self._meant()
            self._answers = self._verified(name)
            self.refusal = None
        except CrisisRiskError as problem:
            self._refuse(Refusal(problem.code, problem.problem, problem.hint))
        except (OSError, ValueError, TypeError, LookupError) as failure:
            self._refuse(Refusal("CR-MODEL-001", f"it cannot be read ({type(failure).__name__})"))
        self._stamp = stamp

    def _refuse(self, refusal: Refusal) -> None:
        if self._answers is None:
            self._answers = self._last_good()
        if self.refusal != refusal:
            # Said once, not each time that somebody asks.
            said = "the last good one goes on answering" if self._answers is not None else "nothing answers"
            log(logging.ERROR, f"a model was refused; {said}", part=f"{self.subject}_model", code=refusal.code,
                problem=refusal.problem)  # fmt: skip
        self.refusal = refusal

    def _last_good(self) -> Bundle | None:
        """The copy of what answered before this process began."""
        try:
            return read_last_good(self.models, self.subject, self.name)
        except (CrisisRiskError, OSError) as problem:
            log(logging.ERROR, "the copy of the last good model cannot be used", part=f"{self.subject}_model",
                problem=type(problem).__name__)  # fmt: skip
            return None

    def _verified(self, name: str) -> Bundle:
        """The bundle that answers for a model, through every check; remembered as seen, and copied."""
        made = signed_changes(self.models, name)
        version, digest = made[-1].version, made[-1].bundle
        bundle = signed_version(self.models, name, version, made=made)
        if bundle.manifest.subject != self.subject:
            raise ModelError(
                "CR-MODEL-003", "the model that service.toml names is about something else",
                where="serving/service.toml, [models]", wanted=self.subject, found=bundle.manifest.subject,
            )  # fmt: skip
        require_trial(self.models, bundle.model, digest)
        try:
            remember_history(self.models, name, [change.signature for change in made])
            keep_last_good(self.models, self.subject, bundle_folder(self.models, name, version), bundle)
        except OSError as failure:
            log(logging.ERROR, "what was seen of the models cannot be kept", part=f"{self.subject}_model",
                problem=type(failure).__name__)  # fmt: skip
        return bundle

    def _meant(self) -> str:
        """The name of the model that should answer: the one that service.toml names, else the one promoted last."""
        if self.name is not None:
            champion_folder(self.models, self.name)
            return self.name
        if self._answers is not None and self._answers.manifest.name not in champion_names(self.models):
            raise ModelError("CR-MODEL-001", f"{POINTER} of the model that answers is gone", where=str(self.models))
        # A damaged bundle about places must not take the people away, nor the other way round.
        names = [name for name in champion_names(self.models) if self._may_be_meant(name)]
        if not names:
            raise ModelError("CR-MODEL-004", f"no model answers for {self.subject} yet", where=str(self.models))
        if self._answers is not None:
            signed_changes(self.models, self._answers.manifest.name)  # damaging one lets no other answer in its place
        # One whose pointer cannot be read says nothing while another answers; alone, it says what is wrong with it.
        name = max(names, key=lambda name: _promoted_at(self.models, name))
        champion_folder(self.models, name)
        return name

    def _may_be_meant(self, name: str) -> bool:
        """Whether a model may be about the subject: nothing that can be read of it says that it is about the other."""
        folder = _folder(self.models, name)
        folders = [folder] if folder is not None else (self.models / name).glob("v*")
        return not any(_says_it_is_about(one, OTHER[self.subject]) for one in folders)

    def _stamp_now(self) -> tuple[object, ...]:
        try:
            names = champion_names(self.models) if self.name is None else (self.name,)
            return tuple(_stamp(_folder(self.models, name), self.models / name / POINTER) for name in names)
        except OSError as failure:
            return (type(failure).__name__,)


def _folder(models: Path, name: str) -> Path | None:
    """The bundle that answers for a model; None where its pointer names none that can be read."""
    try:
        return champion_folder(models, name)
    except (ModelError, OSError):
        return None


def _promoted_at(models: Path, name: str) -> str:
    """When a model was promoted last; before all others where that cannot be read."""
    return "" if _folder(models, name) is None else str(changes(models, name)[-1].at)


def _says_it_is_about(folder: Path, subject: str) -> bool:
    """What an unverified manifest says, only to pass over the bundle; False where it says nothing readable."""
    try:
        manifest = json.loads(read_file(folder, MANIFEST))
    except (ModelError, ValueError, RecursionError):
        return False
    return isinstance(manifest, dict) and manifest.get("subject") == subject


def _stamp(folder: Path | None, pointer: Path) -> tuple[object, ...]:
    """Changes whenever a file does: `ctime` cannot be set back."""
    files = [pointer, *sorted(folder.iterdir() if folder is not None and folder.is_dir() else [])]
    stats = [(file.name, file.lstat()) for file in files if file.exists()]
    return tuple((name, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats)
