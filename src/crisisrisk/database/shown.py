"""Which scores were shown to whom on which day, what somebody looked through last, and what a team can manage."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects import postgresql, sqlite

from crisisrisk.database.engine import writing
from crisisrisk.database.rows import Author, Said, add, everything, read
from crisisrisk.database.runs import IDS_AT_ONCE
from crisisrisk.database.schema import Exposure, LastSeen, TeamCapacity


@dataclass(frozen=True, kw_only=True)
class KeptCapacity(Said):
    """How many people a team can review in a week."""

    people_a_week: int
    reason: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class SeenMark:
    """When somebody last looked through a team's list, and at which scores."""

    seen_at: datetime
    run_id: int | None


def keep_shown(
    engine: Engine, people: Iterable[str], *, run_id: int, team_id: str, day: str, shown_at: datetime, made_by: str
) -> None:
    """Keep that scores of a run were shown to a team; those that it saw on that day already stay as they are."""
    said = {"run_id": run_id, "team_id": team_id, "day": day, "shown_at": shown_at, "made_by": made_by}
    rows = [{**said, "person_id": person} for person in sorted(set(people))]
    with writing(engine) as connection:
        for start in range(0, len(rows), IDS_AT_ONCE):
            some = rows[start : start + IDS_AT_ONCE]
            connection.execute(_insert(engine)(Exposure).on_conflict_do_nothing(), some)


def _insert(engine: Engine) -> Callable[..., Any]:
    """The insert of the engine's own kind, which can say what becomes of a row that is there already."""
    return postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert


def first_shown(engine: Engine, person_id: str, *, run_id: int, team_id: str) -> datetime | None:
    """When a person's score of a run was first shown to a team."""
    chosen = select(func.min(Exposure.shown_at)).where(
        Exposure.run_id == run_id, Exposure.person_id == person_id, Exposure.team_id == team_id
    )
    with engine.connect() as connection:
        return connection.execute(chosen).scalar_one_or_none()


def mark_seen(engine: Engine, *, made_by: str, team_id: str, seen_at: datetime, run_id: int | None) -> SeenMark:
    """Keep that somebody has looked through a team's list now."""
    key, mark = {"made_by": made_by, "team_id": team_id}, {"seen_at": seen_at, "run_id": run_id}
    made = _insert(engine)(LastSeen).values(**key, **mark)
    with writing(engine) as connection:
        connection.execute(made.on_conflict_do_update(index_elements=list(key), set_=mark))
    return SeenMark(seen_at=seen_at, run_id=run_id)


def last_seen(engine: Engine, *, made_by: str, team_id: str) -> SeenMark | None:
    """When somebody last looked through a team's list; None before the first time."""
    chosen = everything(LastSeen).where(LastSeen.made_by == made_by, LastSeen.team_id == team_id)
    with engine.connect() as connection:
        found = read(connection, SeenMark, chosen)
    return found[0] if found else None


def set_capacity(
    engine: Engine, author: Author, *, made_at: datetime, people_a_week: int, reason: str
) -> KeptCapacity:  # fmt: skip
    """Keep how many people a team can review in a week from now on."""
    said = {**asdict(author), "made_at": made_at, "people_a_week": people_a_week, "reason": reason}
    with writing(engine) as connection:
        return add(connection, TeamCapacity, KeptCapacity, said)


def capacity_of(engine: Engine, team_id: str) -> KeptCapacity | None:
    """What was said last of how many people a team can review in a week; None where nobody ever did."""
    chosen = everything(TeamCapacity).where(TeamCapacity.team_id == team_id).order_by(TeamCapacity.id.desc()).limit(1)
    with engine.connect() as connection:
        found = read(connection, KeptCapacity, chosen)
    return found[0] if found else None
