"""The bundles that the service answers from: verified before use, and again whenever a byte may have changed."""

import json
import threading
from pathlib import Path

from crisisrisk.errors import ModelError
from crisisrisk.models.bundle import MANIFEST, Bundle, Manifest, load_bundle
from crisisrisk.models.champions import POINTER, champion_folder, champion_names, changes

OTHER = {"person": "place", "place": "person"}


class VerifiedModel:
    """The bundle that answers about a subject: verified when first asked for, and again whenever a file changed."""

    def __init__(self, models: Path, subject: str, name: str | None) -> None:
        self.models = models
        self.subject = subject
        self.name = name
        self._stamp: tuple[object, ...] | None = None
        self._manifest: Manifest | None = None
        self._lock = threading.Lock()

    def manifest(self) -> Manifest:
        """What the verified bundle says of itself. Raises ModelError when there is none, or one byte is changed."""
        with self._lock:
            stamp = self._stamp_now()
            if self._manifest is None or stamp != self._stamp:
                self._manifest = None  # what fails now must not go on answering
                self._manifest, self._stamp = self._bundle().manifest, stamp
            return self._manifest

    def bundle(self) -> Bundle:
        """The bundle itself, verified now. Raises ModelError as `manifest` does."""
        with self._lock:
            return self._bundle()

    def expected(self) -> bool:
        """Whether the site means to answer about the subject: it names a model, or has promoted one."""
        if self.name is not None:
            return True
        return any(self._may_be_meant(name) for name in champion_names(self.models))

    def _bundle(self) -> Bundle:
        if self.name is None:
            return load_bundle(self._promoted_last())
        bundle = load_bundle(champion_folder(self.models, self.name))
        if bundle.manifest.subject != self.subject:
            raise ModelError(
                "CR-MODEL-003", "the model that service.toml names is about something else",
                where="serving/service.toml, [models]", wanted=self.subject, found=bundle.manifest.subject,
            )  # fmt: skip
        return bundle

    def _promoted_last(self) -> Path:
        # A damaged bundle about places must not take the people away, nor the other way round.
        names = [name for name in champion_names(self.models) if self._may_be_meant(name)]
        if not names:
            raise ModelError("CR-MODEL-004", f"no model answers for {self.subject} yet", where=str(self.models))
        # One whose pointer cannot be read says nothing while another answers; alone, it says what is wrong with it.
        return champion_folder(self.models, max(names, key=lambda name: _promoted_at(self.models, name)))

    def _may_be_meant(self, name: str) -> bool:
        """Whether a model may be about the subject: nothing that can be read of it says that it is about the other."""
        folder = _folder(self.models, name)
        folders = [folder] if folder is not None else (self.models / name).glob("v*")
        return not any(_says_it_is_about(one, OTHER[self.subject]) for one in folders)

    def _stamp_now(self) -> tuple[object, ...]:
        names = champion_names(self.models) if self.name is None else (self.name,)
        return tuple(_stamp(_folder(self.models, name), self.models / name / POINTER) for name in names)


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
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("subject") == subject


def _stamp(folder: Path | None, pointer: Path) -> tuple[object, ...]:
    """Changes whenever a file does: `ctime` cannot be set back."""
    files = [pointer, *sorted(folder.iterdir() if folder is not None and folder.is_dir() else [])]
    stats = [(file.name, file.stat()) for file in files if file.exists()]
    return tuple((name, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats)
