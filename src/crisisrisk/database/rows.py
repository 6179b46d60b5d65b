"""Rows of the database as frozen values: the fields that the value has, and `number` for the row's `id`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Row, Select, Table, insert, select

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from crisisrisk.database.base import Base

Kept = TypeVar("Kept", bound="DataclassInstance")


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who says something, for which team, by which right."""

    team_id: str
    made_by: str
    role: str


@dataclass(frozen=True, kw_only=True)
class Said:
    """What everything says that somebody of a team said or decided."""

    number: int
    team_id: str
    made_at: datetime
    made_by: str
    role: str


def kept_as(kind: type[Kept], row: Row[Any]) -> Kept:
    """A row as a value of a kind."""
    names = [one.name for one in fields(kind)]
    return kind(**{name: row.id if name == "number" else getattr(row, name) for name in names})


def add(connection: Connection, table: "type[Base]", kind: type[Kept], values: Mapping[str, Any]) -> Kept:
    """Add a row, and read it back as it is kept."""
    made = insert(table).values(**values).returning(*_table(table).c)
    return kept_as(kind, connection.execute(made).one())


def everything(table: "type[Base]") -> "Select[Any]":
    """A query of every column of a table."""
    return select(_table(table))


def read(connection: Connection, kind: type[Kept], query: "Select[Any]") -> Sequence[Kept]:
    """The rows of a query as values."""
    return [kept_as(kind, row) for row in connection.execute(query).all()]


def _table(table: "type[Base]") -> Table:
    found = table.__table__
    assert isinstance(found, Table)
    return found
