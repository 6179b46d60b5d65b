"""Reading the audit trail: which rows there are, who looked at a person, and what exactly was shown."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, func, select

from crisisrisk.database.schema import AuditedPerson, AuditRow

ONE_MOMENT = ("number", "at", "purpose", "action", "status", "key_id", "role", "team", "request_id", "detail", "sha256")


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which rows: all that fit everything that is said. `start` counts, `end` does not; `before`: lower numbers."""

    number: int | None = None
    person_id: str | None = None
    key_id: str | None = None
    role: str | None = None
    purpose: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    before: int | None = None


@dataclass(frozen=True, kw_only=True)
class AuditedLook:
    """One row without what was shown. `people`: how many it named; `person_id`: whom, where that was one."""

    number: int
    at: datetime
    purpose: str
    action: str
    status: int
    key_id: str | None
    role: str
    team: str | None
    request_id: str
    detail: str
    sha256: str
    people: int = 0
    person_id: str | None = None


@dataclass(frozen=True)
class Shown:
    """The exact bytes of one answer."""

    number: int
    status: int
    media_type: str
    sha256: str
    detail: str
    body: bytes = field(repr=False)


def audited_looks(engine: Engine, chosen: AuditFilter, *, limit: int | None) -> Sequence[AuditedLook]:
    """The newest rows that fit, newest first; every one of them without a limit."""
    columns = [getattr(AuditRow, name) for name in ONE_MOMENT]
    query = _chosen(select(*columns), chosen).order_by(AuditRow.number.desc())
    with engine.connect() as connection:
        rows = connection.execute(query if limit is None else query.limit(limit)).all()
        named = _named(connection, [row.number for row in rows])
    return [_look(row, *named.get(row.number, (0, None))) for row in rows]


def shown(engine: Engine, numbers: Iterable[int]) -> Iterable[Shown]:
    """What was shown, one row after the other."""
    for number in numbers:
        query = select(AuditRow.__table__).where(AuditRow.number == number)
        with engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is not None:
            yield Shown(row.number, row.status, row.media_type, row.sha256, row.detail, zlib.decompress(row.body))


def _chosen(query: Select[Any], chosen: AuditFilter) -> Select[Any]:
    if chosen.person_id is not None:
        about = select(AuditedPerson.number).where(AuditedPerson.person_id == chosen.person_id)
        query = query.where(AuditRow.number.in_(about))
    for name in ("number", "key_id", "role", "purpose"):
        if (wanted := getattr(chosen, name)) is not None:
            query = query.where(getattr(AuditRow, name) == wanted)
    if chosen.start is not None:
        query = query.where(AuditRow.at >= chosen.start)
    if chosen.end is not None:
        query = query.where(AuditRow.at < chosen.end)
    return query if chosen.before is None else query.where(AuditRow.number < chosen.before)


def _named(connection: Connection, numbers: Sequence[int]) -> Mapping[int, tuple[int, str | None]]:
    """By row how many people it names, and whom where that is one."""
    found: dict[int, tuple[int, str | None]] = {}
    counts = select(AuditedPerson.number, func.count(), func.min(AuditedPerson.person_id))
    for start in range(0, len(numbers), 500):
        some = numbers[start : start + 500]
        for number, people, person in connection.execute(
            counts.where(AuditedPerson.number.in_(some)).group_by(AuditedPerson.number)
        ):
            found[number] = (people, person if people == 1 else None)
    return found


def _look(row: Row[Any], people: int, person_id: str | None) -> AuditedLook:
    return AuditedLook(**{name: getattr(row, name) for name in ONE_MOMENT}, people=people, person_id=person_id)
