"""Copies of the operational database while it is in use, each checked before it counts."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine

from crisisrisk.errors import ServiceError

PREFIX, PART = "crisisrisk-", ".part"
ENDINGS = {"sqlite": ".db", "postgresql": ".dump"}
STAMP = "%Y%m%dT%H%M%SZ"

PAGES_AT_ONCE = 4_096
GENTLY_SECONDS = 60.0
"""For so long a SQLite is copied in pieces, between which others may write. Each of their commits begins it anew."""


def back_up(engine: Engine, folder: Path, *, kept: int, now: datetime) -> Path:
    """Make one more copy, check it, and let the oldest go beyond `kept`. Raises ServiceError; then all are as before.

    The copy of a SQLite is a SQLite; that of a PostgreSQL is made by `pg_dump` for `pg_restore`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob(f"{PREFIX}*{PART}*"):
        left.unlink()
    kind = engine.dialect.name
    part = folder / f"{PREFIX}{now.astimezone(UTC):{STAMP}}{ENDINGS[kind]}{PART}"
    part.touch(mode=0o600)
    try:
        _COPY[kind](engine, part)
        _sync(part)
        whole = part.with_suffix("")
        part.replace(whole)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync(folder)
    for old in copies(folder)[:-kept]:
        old.unlink()
    return whole


def copies(folder: Path) -> list[Path]:
    """The copies there are, the oldest first."""
    return sorted(path for ending in ENDINGS.values() for path in folder.glob(f"{PREFIX}*{ending}"))


def made_at(copy: Path) -> datetime:
    """When a copy was begun, by its name; whole seconds."""
    return datetime.strptime(copy.stem.removeprefix(PREFIX), STAMP).replace(tzinfo=UTC)


def _copy_sqlite(engine: Engine, part: Path) -> None:
    with closing(engine.raw_connection()) as held, closing(sqlite3.connect(part)) as copy:
        source = held.driver_connection
        assert isinstance(source, sqlite3.Connection)
        try:
            source.backup(copy, pages=PAGES_AT_ONCE, progress=_until(time.monotonic() + GENTLY_SECONDS), sleep=0.01)
        except _TooLongError:
            source.backup(copy)  # at once: whoever writes waits for it
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, whatever the journal of the original is
        said = [row[0] for row in copy.execute("PRAGMA integrity_check")]
    if said != ["ok"]:
        raise _not_whole(f"integrity_check says {len(said)} things")


class _TooLongError(Exception):
    """Others write more often than a copy takes."""


def _until(end: float) -> Callable[[int, int, int], None]:
    def progress(_status: int, remaining: int, _total: int) -> None:
        if remaining and time.monotonic() > end:
            raise _TooLongError

    return progress


def _copy_postgresql(engine: Engine, part: Path) -> None:
    dump, restore = (shutil.which(name) for name in ("pg_dump", "pg_restore"))
    if dump is None or restore is None:
        raise ServiceError(
            "CR-WORK-004", "pg_dump and pg_restore are not installed here", where="crisisrisk.toml, [work] back_up_at",
            hint="install the client programs of the server's version; or copy the database where it runs, and say "
            "back_up_at = [] (docs/how-to/work.md)",
        )  # fmt: skip
    url = engine.url
    parts = {"--host": url.host, "--port": url.port, "--username": url.username, "--dbname": url.database}
    where = [f"{name}={value}" for name, value in parts.items() if value is not None]
    environ = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    _run([dump, "--format=custom", "--no-password", f"--file={part}", *where], environ)
    _run([restore, "--list", str(part)], environ)


def _run(command: list[str], environ: Mapping[str, str]) -> None:
    """What a program says may hold names and values, so that only its exit code is told."""
    done = subprocess.run(
        command, env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise _not_whole(f"{Path(command[0]).name} ended with {done.returncode}")


_COPY: Mapping[str, Callable[[Engine, Path], None]] = {"sqlite": _copy_sqlite, "postgresql": _copy_postgresql}


def _not_whole(found: str) -> ServiceError:
    return ServiceError(
        "CR-WORK-004", "the copy of the database is not whole, and was not kept", found=found,
        hint="the copies before it are as they were; look whether the database itself is whole",
    )  # fmt: skip


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
