"""Opening the operational database: a SQLite file by default, a PostgreSQL by its URL."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DisconnectionError, NoSuchModuleError

from crisisrisk.errors import SiteError

BUSY_SECONDS = 30


def open_engine(database_url: str, *, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """An engine of a `sqlite:///…` or `postgresql+psycopg://…` URL. Nothing is connected or created yet.

    `busy_seconds`: how long a statement waits for what others have locked before it fails.
    Raises SiteError for another kind of URL. Values never appear in messages of the database driver.
    """
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise _unusable("not a URL") from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise _unusable(url.drivername)
    try:
        if url.drivername == "sqlite":
            return _sqlite(url, busy_seconds)
        return create_engine(
            url, hide_parameters=True, pool_pre_ping=True, pool_timeout=busy_seconds,
            connect_args={"connect_timeout": 5, "options": f"-c lock_timeout={1000 * busy_seconds:.0f}"},
        )  # fmt: skip
    except (ModuleNotFoundError, NoSuchModuleError):
        raise SiteError(
            "CR-DB-001", "the driver of this database is not installed", found=url.drivername,
            hint="pip install 'crisisrisk[postgres]'",
        ) from None  # fmt: skip


def _unusable(found: str) -> SiteError:
    """Says the kind of URL only: the URL itself may hold a password."""
    return SiteError(
        "CR-DB-001", "database_url cannot be used", where="crisisrisk.toml", found=found,
        wanted="sqlite:///… or postgresql://…",
    )  # fmt: skip


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes: whole, or not at all."""
    with engine.execution_options(crisisrisk_writes=True).begin() as connection:
        yield connection


# SQLite


def write_ahead_log_is_safe(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite is free of the write-ahead log's reset race, which can corrupt a database.

    Affected: 3.7.0 to 3.51.2, except 3.44.6 and later in 3.44, and 3.50.7 and later in 3.50 (sqlite.org/wal.html).
    """
    if version >= (3, 51, 3) or version < (3, 7, 0):
        return True
    mended = {44: 6, 50: 7}
    return version[:2] in {(3, minor) for minor in mended} and version[2] >= mended[version[1]]


def _sqlite(url: URL, busy_seconds: float) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": busy_seconds})
    file = _file_of(url)
    if file is not None:
        _watch(engine, file)
    return _set_up(engine)


def _watch(engine: Engine, file: Path) -> None:
    """A kept connection would go on reading a file that was deleted or replaced: it is used for the same file alone."""

    @event.listens_for(engine, "connect")
    def _opened(_connection: Any, record: Any) -> None:
        record.info["file"] = _identity(file)

    @event.listens_for(engine, "checkout")
    def _taken(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info.get("file") is None or record.info["file"] != _identity(file):
            raise DisconnectionError


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _file_of(url: URL) -> Path | None:
    return None if url.drivername != "sqlite" or url.database in (None, "", ":memory:") else Path(str(url.database))


def _set_up(engine: Engine) -> Engine:
    journal = "WAL" if write_ahead_log_is_safe(sqlite3.sqlite_version_info) else "DELETE"

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy says BEGIN, so that table changes are transactions too
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode={journal}")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its lock at the start: taken half-way, two of them could only fail.
        writes = connection.get_execution_options().get("crisisrisk_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def make_folder_of(engine: Engine) -> None:
    """The folder of a SQLite file, and the file itself, readable by its owner alone."""
    file = _file_of(engine.url)
    if file is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.touch(mode=0o600)


def is_there(engine: Engine) -> bool:
    """Whether there is a database to ask: merely asking a SQLite would make its file."""
    file = _file_of(engine.url)
    return file is None or file.is_file()


def answers(engine: Engine) -> bool:
    """Whether the database can be reached and read."""
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
    except DatabaseError:
        return False
    return True
