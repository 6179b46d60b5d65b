"""Calling everybody in the operational database by the pseudonym of a new key: one commit for all tables and the trail.

Every table with a column `person_id` is renamed in it, and any other text that holds a former pseudonym. A new table
needs nothing said here.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    and_,
    cast,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from crisisrisk.database.audit import AuditTrail
from crisisrisk.database.audit_chain import COMMAND, AuditKey, Look
from crisisrisk.database.audit_erasure import ROTATION, Names, listed, listing_of, put_rows, renamed_rows
from crisisrisk.database.base import Base
from crisisrisk.database.erasure import TRAIL, tables_about_people
from crisisrisk.database.identities import rename_identities
from crisisrisk.database.schema import AuditRow
from crisisrisk.purposes import AUDIT

_AT_ONCE = 500
LISTED_AT_ONCE = 5_000
"""So many rows of the trail are vouched for by one row."""


@dataclass(frozen=True, kw_only=True)
class WhyRotated:
    """Who changes the key, to which and why, and when."""

    key: str
    reason: str
    user: str
    at: datetime


def former_rows_in(engine: Engine, names: Names) -> dict[str, int]:
    """By table how many rows are about somebody by a former pseudonym, the trail's among them."""
    with engine.connect() as connection:
        counts = {
            table.name: connection.execute(
                select(func.count()).select_from(table).where(_former(table, names))
            ).scalar_one()
            for table in _tables()
        }  # fmt: skip
    return {name: count for name, count in counts.items() if count}


def is_said(engine: Engine, key: str) -> bool:
    """Whether the trail says already that everybody was renamed by a key."""
    with engine.connect() as connection:
        said = connection.execute(select(AuditRow.detail).where(AuditRow.action == ROTATION)).scalars()
        return any(json.loads(detail).get("key") == key for detail in said)


def rotate(trail: AuditTrail, names: Names, why: WhyRotated, identity_key: Path) -> dict[str, int]:
    """Replace every former pseudonym in every table and in the trail, and say so in rows of it: in one commit.

    Rows of the trail keep their codes, as with an erasure, and are vouched for. Returns by table how many rows had one.
    Raises ServiceError, and DataError where identities could not be read afterwards.
    """
    counts: dict[str, int] = {}

    def make(connection: Connection, key: AuditKey) -> Sequence[Look]:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        identities = rename_identities(connection, identity_key, names.of)
        lines, rows = _rename_trail(connection, key, names)
        counts.update(_rename_tables(connection, names), identities=identities, audit=rows)
        starts = range(0, max(len(lines), 1), LISTED_AT_ONCE)
        return [_look(why, rows, lines[start : start + LISTED_AT_ONCE]) for start in starts]

    trail.append_made(make)
    return {name: count for name, count in counts.items() if count}


def _look(why: WhyRotated, rows: int, lines: Sequence[Sequence[int | str]]) -> Look:
    detail = {"reason": why.reason, "user": why.user, "rows": rows, "key": why.key}
    return Look(
        at=why.at, purpose=AUDIT.name, action=ROTATION, status=200, key_id=None, role=COMMAND, team=None,
        request_id="", detail=json.dumps(detail, sort_keys=True, ensure_ascii=False),
        media_type="application/json", body=listing_of(lines),
    )  # fmt: skip


def _rename_trail(connection: Connection, key: AuditKey, names: Names) -> tuple[list[Sequence[int | str]], int]:
    """What is vouched for, and how many rows were rewritten. Memory: a few hundred bytes a row, and _AT_ONCE bodies."""
    lines: list[Sequence[int | str]] = []
    found, count = renamed_rows(connection, key, names), 0
    while some := list(islice(found, _AT_ONCE)):
        put_rows(connection, some)
        lines += [listed(one, key) for one in some if one.listed]
        count += len(some)
    return lines, count


# The other tables


def _rename_tables(connection: Connection, names: Names) -> dict[str, int]:
    counts = _RENAME[connection.dialect.name](connection, names)
    for table in Base.metadata.sorted_tables:
        if table.name not in TRAIL:
            _rename_in_texts(connection, table, names)
    return counts


def _rename_in_sqlite(connection: Connection, names: Names) -> dict[str, int]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.create_function("renamed", 1, names.of, deterministic=True)
    return {
        table.name: connection.execute(
            update(table).where(_former(table, names)).values(person_id=func.renamed(table.c.person_id))
        ).rowcount
        for table in _tables()
    }  # fmt: skip


def _rename_in_postgresql(connection: Connection, names: Names) -> dict[str, int]:
    """By a table that ends with the transaction, and of which the server's log of changes has nothing."""
    pairs = Table(
        "renamed_people", MetaData(), Column("former", String(100), primary_key=True), Column("newer", String(100)),
        prefixes=["TEMPORARY"], postgresql_on_commit="DROP",
    )  # fmt: skip
    people: set[str] = set()
    for table in _tables():
        people |= set(connection.execute(select(table.c.person_id).where(_former(table, names)).distinct()).scalars())
    if not people:
        return {}
    pairs.create(connection)
    connection.execute(insert(pairs), [{"former": one, "newer": names.of(one)} for one in sorted(people)])
    return {
        table.name: connection.execute(
            update(table).where(table.c.person_id == pairs.c.former).values(person_id=pairs.c.newer)
        ).rowcount
        for table in _tables()
    }  # fmt: skip


_RENAME: Mapping[str, Callable[[Connection, Names], dict[str, int]]] = {
    "sqlite": _rename_in_sqlite, "postgresql": _rename_in_postgresql,
}  # fmt: skip


def _rename_in_texts(connection: Connection, table: Table, names: Names) -> None:
    """Replace former pseudonyms wherever else they stand in the texts of a table."""
    texts = [column for column in table.c if isinstance(column.type, String | JSON)]
    said = [cast(column, String).contains(one, autoescape=True) for column in texts for one in names.beginnings]
    for row in connection.execute(select(table).where(or_(*said))).all() if texts else ():
        values = {column.name: getattr(row, column.name) for column in texts}
        changed = {name: made for name, value in values.items() if (made := _renamed(value, names)) != value}
        if not changed:
            continue
        own = and_(*(column == getattr(row, column.name) for column in table.primary_key))
        connection.execute(update(table).where(own).values(**changed))


def _renamed(value: Any, names: Names) -> Any:
    if isinstance(value, str):
        return names.in_text(value)
    return value if value is None else json.loads(names.in_text(json.dumps(value)))


def _tables() -> Sequence[Table]:
    return [*tables_about_people(), Base.metadata.tables["audit_people"]]


def _former(table: Table, names: Names) -> ColumnElement[bool]:
    return or_(*(table.c.person_id.startswith(one, autoescape=True) for one in names.beginnings))
