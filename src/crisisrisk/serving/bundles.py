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

    def expected(self) -> bool:
        """Whether the site means to answer about the subject: it names a model, or has promoted one."""
        if self.name is not None:
            return True
        folders = (champion_folder(self.models, name) for name in champion_names(self.models))
        return any(not _says_it_is_about(folder, OTHER[self.subject]) for folder in folders)

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
        names = champion_names(self.models)
        for name in sorted(names, key=lambda name: changes(self.models, name)[-1].at, reverse=True):
            folder = champion_folder(self.models, name)
            # A damaged bundle about places must not take the people away, nor the other way round.
            if not _says_it_is_about(folder, OTHER[self.subject]):
                return folder
        raise ModelError("CR-MODEL-004", f"no model answers for {self.subject} yet", where=str(self.models))

    def _stamp_now(self) -> tuple[object, ...]:
        names = champion_names(self.models) if self.name is None else (self.name,)
        folders = {name: champion_folder(self.models, name) for name in names}
        return tuple(_stamp(folder, self.models / name / POINTER) for name, folder in folders.items())


def _says_it_is_about(folder: Path, subject: str) -> bool:
    """What an unverified manifest says, only to pass over the bundle; False where it says nothing readable."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and manifest.get("subject") == subject


def _stamp(folder: Path, pointer: Path) -> tuple[object, ...]:
    """Changes whenever a file does: `ctime` cannot be set back."""
    files = [pointer, *sorted(folder.iterdir() if folder.is_dir() else [])]
    stats = [(file.name, file.stat()) for file in files if file.exists()]
    return tuple((name, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats)
