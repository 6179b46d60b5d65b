"""Whether what a site has stored may have changed: what the file system says of the few files that name all others."""

from dataclasses import dataclass
from pathlib import Path

from crisisrisk.tables.checked_people import FOLDER, HEAD
from crisisrisk.tables.manifest import current_manifest
from crisisrisk.tables.site import Site

Seen = tuple[int, int, int] | None
"""A file's number, its time of change in nanoseconds and its size; None for one that is not there."""


@dataclass(frozen=True)
class Stamp:
    """What was seen of `CURRENT`, the manifest that it names, and the list of who may be used for planning."""

    seen: tuple[tuple[Path, Seen], ...]

    @classmethod
    def of(cls, site: Site) -> "Stamp":
        """As it is now: to be taken before the files are read, so that what changes meanwhile is seen the next time."""
        files = [site.data / "CURRENT", site.path / FOLDER / HEAD]
        seen = [(file, _seen(file)) for file in files]
        manifest = current_manifest(site)
        return cls((*seen, *([] if manifest is None else [(manifest, _seen(manifest))])))

    def is_current(self) -> bool:
        """Whether every file is as it was."""
        return all(_seen(file) == seen for file, seen in self.seen)


def _seen(file: Path) -> Seen:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
