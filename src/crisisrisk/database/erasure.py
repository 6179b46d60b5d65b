"""Taking a person out of the operational database: one commit for all tables and the audit trail, then no free page.

Every table with a column `person_id` is emptied of the person, those of `KEPT` in their own way, and a pseudonym in any
other text is replaced. A new table needs nothing said here.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Connection, Engine, String, Table, and_, cast, delete, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.elements import ColumnElement

from crisisrisk.database.audit import AuditTrail, head
from crisisrisk.database.audit_chain import COMMAND, AuditKey, Look
from crisisrisk.database.audit_erasure import ERASURE, keep_rewritten, listing, rewritten_rows
from crisisrisk.database.base import Base
from crisisrisk.database.schema import Forecast, SafetyConcern
from crisisrisk.errors import ServiceError
from crisisrisk.purposes import AUDIT

TRAIL = frozenset({"audit", "audit_people"})
TAKEN_OUT = "(taken out: the person was erased)"


@dataclass(frozen=True, kw_only=True)
class Why:
    """Who erases, why and when. `name` stands for the person in the trail from now on, and says nothing."""

    name: str
    reason: str
    user: str
    at: datetime


def _end_concerns(connection: Connection, person_id: str) -> int:
    """That something was unsafe stays, with when, who said it and what it was about; whom and in which words goes."""
    about = SafetyConcern.person_id == person_id
    count = _count(connection, Base.metadata.tables["safety_concerns"], about)
    connection.execute(update(SafetyConcern).where(about, SafetyConcern.done.is_not(None)).values(done=TAKEN_OUT))
    connection.execute(update(SafetyConcern).where(about).values(person_id=None, reference=None, text=TAKEN_OUT))
    return count


KEPT: Mapping[str, Callable[[Connection, str], int]] = {"safety_concerns": _end_concerns}
"""Tables of which something stays, and what takes the person out of them."""


def tables_about_people() -> Sequence[Table]:
    """Every table with a column that says of whom a row is, those that hang on others first; not the trail's own."""
    tables = reversed(Base.metadata.sorted_tables)
    return [table for table in tables if "person_id" in table.c and table.name not in TRAIL]


def rows_about(engine: Engine, person_id: str) -> dict[str, int]:
    """By table how many rows are about a person, the trail's among them; tables without one are left out."""
    with engine.connect() as connection:
        tables = [*tables_about_people(), Base.metadata.tables["audit_people"]]
        counts = {table.name: _count(connection, table, table.c.person_id == person_id) for table in tables}
    return {name: count for name, count in counts.items() if count}


def people_in(engine: Engine) -> frozenset[str]:
    """The pseudonyms in any table's column of people."""
    tables = [*tables_about_people(), Base.metadata.tables["audit_people"]]
    with engine.connect() as connection:
        found = [connection.execute(select(table.c.person_id).distinct()).scalars() for table in tables]
        return frozenset(person for column in found for person in column if person is not None)


def erase(trail: AuditTrail, person_id: str, why: Why) -> dict[str, int]:
    """Take a person out of every table and of the audit trail, and say so in a row of it: in one commit, or not at all.

    Returns by table how many rows were about the person. What the trail held before is looked through first, so that
    others wait for the last part of it alone. Raises ServiceError.
    """
    counts: dict[str, int] = {}
    key = trail.check()
    with trail.engine.connect() as connection:
        seen = head(connection)[0]
        before = list(rewritten_rows(connection, key, person_id, why.name, until=seen))

    def make(connection: Connection, key: AuditKey) -> Sequence[Look]:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        rows = [*before, *rewritten_rows(connection, key, person_id, why.name, after=seen)]
        keep_rewritten(connection, rows, person_id, why.name)
        counts.update(_erase_rows(connection, person_id, why.name), audit=len(rows))
        detail = {"reason": why.reason, "user": why.user, "rows": len(rows), "erased": why.name}
        return [
            Look(
                at=why.at, purpose=AUDIT.name, action=ERASURE, status=200, key_id=None, role=COMMAND, team=None,
                request_id="", detail=json.dumps(detail, sort_keys=True, ensure_ascii=False),
                media_type="application/json", body=listing(rows, key), people=(why.name,),
            )
        ]  # fmt: skip

    trail.append_made(make)
    return {name: count for name, count in counts.items() if count}


def _erase_rows(connection: Connection, person_id: str, name: str) -> dict[str, int]:
    counts = {}
    for table in tables_about_people():
        own = KEPT.get(table.name)
        if own is not None:
            counts[table.name] = own(connection, person_id)
            continue
        about = table.c.person_id == person_id
        counts[table.name] = _count(connection, table, about)
        connection.execute(delete(table).where(about))
    # When the last contact came to a place may be when theirs did. It is of use until the next forecast alone.
    connection.execute(update(Forecast).where(Forecast.last_contact.is_not(None)).values(last_contact=None))
    for table in Base.metadata.sorted_tables:
        if table.name not in TRAIL:
            _rename_in_texts(connection, table, person_id, name)
    return counts


def _rename_in_texts(connection: Connection, table: Table, person_id: str, name: str) -> None:
    """Replace a pseudonym wherever it stands in the texts of a table."""
    texts = [column for column in table.c if isinstance(column.type, String | JSON)]
    said = [cast(column, String).contains(person_id, autoescape=True) for column in texts]
    for row in connection.execute(select(table).where(or_(*said))).all():
        changed = {column.name: _renamed(getattr(row, column.name), person_id, name) for column in texts}
        own = and_(*(column == getattr(row, column.name) for column in table.primary_key))
        connection.execute(update(table).where(own).values(**changed))


def _renamed(value: Any, person_id: str, name: str) -> Any:
    if isinstance(value, str):
        return value.replace(person_id, name)
    return value if value is None else json.loads(json.dumps(value).replace(person_id, name))


def _count(connection: Connection, table: Table, chosen: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(chosen)).scalar_one())


# What deleted rows leave behind


def compact(engine: Engine) -> None:
    """Write the database anew, so that nothing of deleted rows is left in its files.

    SQLite: the file is made again from its rows, and its journal emptied. PostgreSQL: the files of every table and
    index, and the statistics of its columns; not what the server's own log of changes holds until it is reused.
    Raises ServiceError where others keep it from being done.
    """
    try:
        _COMPACT[engine.dialect.name](engine)
    except (SQLAlchemyError, sqlite3.Error) as problem:
        raise _in_use(type(problem).__name__) from problem


def _compact_sqlite(engine: Engine) -> None:
    with closing(engine.raw_connection()) as held:
        connection = held.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise _in_use("a reader of the write-ahead log")


def _compact_postgresql(engine: Engine) -> None:
    quoted = engine.dialect.identifier_preparer.quote
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in Base.metadata.sorted_tables:
            connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {quoted(table.name)}")


_COMPACT: Mapping[str, Callable[[Engine], None]] = {"sqlite": _compact_sqlite, "postgresql": _compact_postgresql}


def _in_use(found: str) -> ServiceError:
    return ServiceError(
        "CR-ERASE-001", "the database could not be written anew, and may still hold deleted rows", found=found,
        hint="stop the service and the worker, then say the same command again",
    )  # fmt: skip
