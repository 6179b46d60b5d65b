"""What was reported as unsafe: kept, listed, and closed with what was done."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, insert, select, update

from crisisrisk.database.engine import writing
from crisisrisk.database.schema import SafetyConcern

ABOUT = ("score", "place", "plan", "data", "access", "other")


@dataclass(frozen=True, kw_only=True)
class Concern:
    """One concern. Its texts are somebody's own words, and appear nowhere but here."""

    number: int
    raised_at: datetime
    key_id: str
    role: str
    team: str | None
    about: str
    person_id: str | None
    reference: str | None
    text: str = field(repr=False)
    closed_at: datetime | None
    closed_by: str | None
    done: str | None = field(repr=False)


def raise_concern(
    engine: Engine, *, raised_at: datetime, key_id: str, role: str, team: str | None, about: str,
    person_id: str | None, reference: str | None, text: str,
) -> int:  # fmt: skip
    """Keep a concern. Returns its number."""
    said = {
        "raised_at": raised_at, "key_id": key_id, "role": role, "team": team, "about": about, "person_id": person_id,
        "reference": reference, "text": text,
    }  # fmt: skip
    with writing(engine) as connection:
        made = connection.execute(insert(SafetyConcern).values(**said).returning(SafetyConcern.id))
        return int(made.scalar_one())


def concerns(
    engine: Engine, *, open_only: bool = False, person_id: str | None = None, limit: int | None = None
) -> Sequence[Concern]:
    """The concerns, the one that has waited longest first."""
    query = select(SafetyConcern.__table__).order_by(SafetyConcern.id)
    if open_only:
        query = query.where(SafetyConcern.closed_at.is_(None))
    if person_id is not None:
        query = query.where(SafetyConcern.person_id == person_id)
    with engine.connect() as connection:
        rows = connection.execute(query if limit is None else query.limit(limit)).all()
    return [_concern(row) for row in rows]


def close_concern(engine: Engine, number: int, *, closed_at: datetime, closed_by: str, done: str) -> Concern | None:
    """Say what was done. One that is closed already stays as it is. None where there is none of this number."""
    ended = update(SafetyConcern).where(SafetyConcern.id == number, SafetyConcern.closed_at.is_(None))
    query = select(SafetyConcern.__table__).where(SafetyConcern.id == number)
    with writing(engine) as connection:
        connection.execute(ended.values(closed_at=closed_at, closed_by=closed_by, done=done))
        row = connection.execute(query).one_or_none()
    return None if row is None else _concern(row)


def _concern(row: Row[Any]) -> Concern:
    names = ("raised_at", "key_id", "role", "team", "about", "person_id", "reference", "text", "closed_at",
             "closed_by", "done")  # fmt: skip
    return Concern(number=row.id, **{name: getattr(row, name) for name in names})
