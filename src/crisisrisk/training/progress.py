"""Stages of a long command that are over, kept in the site's `unfinished/` until the whole of it is.

A folder is of one command, one set of recipes, one state of the data and one configuration of the site. A stage is a
file that appears whole or not at all; whatever is there was computed from exactly what the command would compute it
from again. Nothing here says that a model exists: runs and versions are made when everything is over.
"""

import fcntl
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import PACKAGE
from crisisrisk.errors import DataError
from crisisrisk.models.bundle import software_versions
from crisisrisk.tables.site import CONFIGURATION, Site
from crisisrisk.training.baseline_recipe import FILE as BASELINES
from crisisrisk.training.declared_files import declared

FOLDER = "unfinished"
LOCK, TOKEN = "lock", "token"

Arrays = dict[str, NDArray[np.generic]]


class Progress:
    """The stages of one command. Without a folder nothing is kept, and every stage is computed."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder

    def arrays(self, stage: str, make: Callable[[], Mapping[str, NDArray[np.generic]]]) -> Arrays:
        """The arrays of a stage by name: those kept, else those made now, which are kept. No array holds objects."""
        kept = self._kept_arrays(stage)
        if kept is not None:
            return kept
        made = dict(make())
        with suppress(OSError):  # a full disk keeps nothing, and stops nothing
            self._keep(self.path(f"{stage}.npz"), made)
        return made

    def _keep(self, path: Path | None, made: Arrays) -> None:
        if path is None:
            return
        staged = path.with_suffix(".part")
        with staged.open("wb") as file:
            np.savez(file, allow_pickle=False, **made)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)

    def has(self, stage: str) -> bool:
        """Whether the arrays of a stage are kept."""
        return self._kept_arrays(stage) is not None

    def _kept_arrays(self, stage: str) -> Arrays | None:
        path = self.path(f"{stage}.npz")
        if path is None or not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as content:
                return {name: content[name] for name in content.files}
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            return None  # damaged: computed again

    def text(self, stage: str, make: Callable[[], str]) -> str:
        """As `arrays`, of a text."""
        kept = self.arrays(stage, lambda: {"text": np.frombuffer(make().encode(), dtype=np.uint8)})
        return kept["text"].tobytes().decode()

    def path(self, name: str) -> Path | None:
        """Where a stage puts a file of its own; None where nothing is kept."""
        if self.folder is None:
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / name

    def drop(self, *names: str) -> None:
        """Remove files that a later stage makes needless."""
        for name in names:
            path = self.path(name)
            if path is not None:
                path.unlink(missing_ok=True)

    def moment(self, now: datetime) -> datetime:
        """When the work was begun: the site's clock stands there whenever it is taken up again."""
        return datetime.fromisoformat(self.text("begun", now.isoformat))

    @property
    def is_taken_up(self) -> bool:
        """Whether an earlier process left stages of this work."""
        return self.folder is not None and any(self.folder.glob("*.npz"))

    @property
    def token(self) -> str:
        """A name of this work, the same whenever it is taken up again."""
        path = self.path(TOKEN)
        if path is None:
            return uuid4().hex
        if not path.is_file():
            staged = path.with_suffix(".part")
            staged.write_text(uuid4().hex, encoding="ascii")
            staged.replace(path)
        return path.read_text(encoding="ascii")


NOTHING_KEPT = Progress()


def progress_key(site: Site, fingerprint: str, data_digest: str) -> str:
    """The same for the same recipes, data, configuration and files of the site, simple rules, and software."""
    named = [path for path in (site.path / CONFIGURATION, *site.named_files) if path.is_file()]
    settings = [*named, declared(site, "training", BASELINES)]
    parts = [fingerprint, data_digest, *(_digest([path]) for path in settings), json.dumps(software_versions())]
    return hashlib.sha256("\n".join([*parts, _digest(sorted(PACKAGE.rglob("*.py")))]).encode()).hexdigest()[:16]


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


@contextmanager
def kept_progress(site: Site, command: str, key: str) -> Iterator[Progress]:
    """The progress of a command, such as "train person_crisis_28d", for one process at a time.

    When the block ends without an error everything is over, and the folder goes, with those that earlier recipes or
    data of the same command left. Raises DataError while another process is at the same work.
    """
    name = command.replace(" ", "-")
    folder = site.path / FOLDER / f"{name}-{key}"
    with _alone(folder):
        yield Progress(folder)
        over = folder.rename(folder.with_suffix(".over"))  # all at once: what is removed by halves looks begun
        for left in (site.path / FOLDER).glob(f"{name}-*"):
            if left == over or not _busy(left):
                shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                "CR-TRAIN-004", "the same command is already running on this site", where=str(folder),
                hint="wait for it, or stop it: what it finished is kept",
            ) from None  # fmt: skip
        yield


def _busy(folder: Path) -> bool:
    try:
        with _alone(folder):
            return False
    except DataError:
        return True


def abandoned_tokens(site: Site) -> list[str]:
    """The tokens of work that no process is at any more."""
    tokens = sorted((site.path / FOLDER).glob(f"*/{TOKEN}"))
    return [token.read_text(encoding="ascii") for token in tokens if not _busy(token.parent)]


def unfinished_folders(site: Site) -> list[Path]:
    """The folders of work that was begun. Raises DataError while a process is at any of it."""
    found = sorted(path for path in (site.path / FOLDER).glob("*") if path.is_dir())
    for folder in found:
        if not folder.name.endswith(".over"):
            with _alone(folder):
                pass
    return found
