"""What may happen to an operational database of either kind: locked, lost, of no use, put back. And all in it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, make_url, select

from crisisrisk.database.base import Base
from crisisrisk.database.engine import open_engine
from crisisrisk.tables.site import read_site
from tests.lib.postgresql import copied_database, drop_database, put_database

BROKEN = b"no database at all " * 100


def rows_of(connection: Connection) -> list[bytes]:
    """Every row of every table."""
    return [
        repr(tuple(row)).encode()
        for table in Base.metadata.sorted_tables
        for row in connection.execute(select(table))
    ]  # fmt: skip


def stored_bytes(engine: Engine) -> bytes:
    """All that is kept: SQLite's file, which may hold more than its rows, and the rows of a PostgreSQL."""
    if engine.dialect.name == "sqlite":
        return Path(str(engine.url.database)).read_bytes()
    with engine.connect() as connection:
        return b"\n".join(rows_of(connection))


@contextmanager
def locked(engine: Engine, *, against_readers: bool = False) -> Iterator[None]:
    """Somebody else writes until the end of the block. `against_readers`: nobody reads meanwhile, either."""
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(engine.url.database), isolation_level=None)) as other:
            other.execute(f"BEGIN {'EXCLUSIVE' if against_readers else 'IMMEDIATE'}")
            yield
            other.rollback()
        return
    elsewhere = open_engine(engine.url.render_as_string(hide_password=False))
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with elsewhere.connect() as connection:
        connection.exec_driver_sql(f"LOCK TABLE {tables} IN {'ACCESS ' if against_readers else ''}EXCLUSIVE MODE")
        yield
        connection.rollback()
    elsewhere.dispose()


def lose_database(folder: Path) -> None:
    """Take a site's operational database away: no file in SQLite, a PostgreSQL without any table."""
    url = read_site(folder).database_url
    if url.startswith("sqlite"):
        Path(str(make_url(url).database)).unlink()
    else:
        put_database(url, "template0")


def break_database(folder: Path) -> None:
    """Make a site's operational database one that cannot be used: a file that is none, a PostgreSQL that is gone."""
    url = read_site(folder).database_url
    if url.startswith("sqlite"):
        Path(str(make_url(url).database)).write_bytes(BROKEN)
    else:
        drop_database(url)


def kept_copy(folder: Path) -> Callable[[], None]:
    """Copy a site's operational database as it is now. What is returned puts that in the place of the later one."""
    url = read_site(folder).database_url
    if url.startswith("sqlite"):
        file = Path(str(make_url(url).database))
        before = file.read_bytes()
        return lambda: file.write_bytes(before) and None
    copy = copied_database(url)
    return lambda: put_database(url, str(make_url(copy).database))
