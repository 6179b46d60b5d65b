"""Whether the MLflow store can be used now: asked before anything long begins, and without importing MLflow.

MLflow itself tries a store that is locked or gone for minutes, and tells of it with a traceback.
"""

import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

from crisisrisk.errors import ModelError

WAIT_SECONDS = 10.0
"""How long a store may be busy with somebody else's writing."""
SQLITE = "sqlite:///"


def store_file(uri: str) -> Path | None:
    """The file of a SQLite store; None for a server. Raises ModelError for a store that is not named in full."""
    if uri.startswith(SQLITE):
        file = Path(uri.removeprefix(SQLITE))
        if not file.is_absolute():
            raise ModelError("CR-TRAIN-003", "the MLflow store is not named in full", found=uri, wanted="sqlite:////…")
        return file
    if "://" not in uri:
        raise ModelError(
            "CR-TRAIN-003", "MLflow's file store is not used", found=uri, wanted="sqlite:////… or a server's address"
        )
    return None


def require_store(uri: str, *, writing: bool, making: bool = False, wait_seconds: float = WAIT_SECONDS) -> None:
    """Raise ModelError when the store is locked, gone, damaged or does not answer. `making`: a new one will do."""
    file = store_file(uri)
    if file is None:
        _require_answer(uri, wait_seconds)
    elif file.is_file():
        _require_usable(file, writing, wait_seconds)
    elif not making:
        raise store_problem("is gone", where=str(file))
    else:
        _require_folder(file.parent)


def _require_usable(file: Path, writing: bool, wait_seconds: float) -> None:
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=wait_seconds)) as store:
            store.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
            store.execute("SELECT count(*) FROM sqlite_master")
            store.rollback()
    except sqlite3.Error as problem:
        locked = "locked" in str(problem)
        raise store_problem(
            "is locked by another program" if locked else "cannot be used", where=str(file), found=str(problem)
        ) from None


def _require_folder(folder: Path) -> None:
    """A folder that a new store can be made in."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as problem:
        raise store_problem("cannot be made", where=str(folder), found=problem.strerror) from None


def _require_answer(uri: str, wait_seconds: float) -> None:
    """A server over HTTP says that it is well; other kinds of server show it when they are used."""
    if not uri.startswith(("http://", "https://")):
        return
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=wait_seconds):  # noqa: S310 -- http alone
            pass
    except urllib.error.HTTPError:
        return  # it answers; what it allows it says when it is asked
    except (OSError, ValueError) as problem:
        found = str(getattr(problem, "reason", problem))
        raise store_problem("does not answer", where=uri.partition("?")[0], found=found) from None


def store_problem(what: str, *, where: str, found: str | None = None) -> ModelError:
    """The store "is locked", "is gone" …; nothing that was finished is lost by it."""
    return ModelError(
        "CR-TRAIN-005", f"the MLflow store {what}", where=where, found=found,
        hint="bring it back and run the same command again: nothing that was finished is lost",
    )  # fmt: skip
