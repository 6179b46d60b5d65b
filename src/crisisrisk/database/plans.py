"""Plans of where teams stand, as they were answered, which of them is a shift's, and what coordinators made of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select

from crisisrisk.database.engine import writing
from crisisrisk.database.schema import PlanChoice, PlanOverride, StandbyPlan

COMMAND = "command"
"""Who made a plan that no key asked for, and in what role."""


@dataclass(frozen=True, kw_only=True)
class KeptPost:
    """Where one team stands from `start` and before `end`."""

    team: str
    site_id: str
    start: datetime
    end: datetime


@dataclass(frozen=True, kw_only=True)
class StoredPlan:
    """One plan. `run`: the number of the forecast it rests on. `asked`, `answer`: plain values, as asked and answered.

    `made_by`: a key's id, or the name of the command.
    """

    number: int = 0
    shift_id: str
    shift_start: datetime
    shift_end: datetime
    run: int
    posts: tuple[KeptPost, ...]
    made_at: datetime
    made_by: str
    role: str
    asked: Mapping[str, Any]
    answer: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StoredOverride:
    """Where a coordinator put a plan's teams instead, and why."""

    number: int = 0
    plan: int
    posts: tuple[KeptPost, ...]
    reason: str
    made_at: datetime
    made_by: str
    role: str


@dataclass(frozen=True, kw_only=True)
class PlanInUse:
    """The plan of a shift, as a coordinator left it. `made_at`: when it was chosen; `role`: in which role."""

    plan: StoredPlan
    override: StoredOverride | None
    made_at: datetime
    role: str


def save_plan(engine: Engine, plan: StoredPlan, *, use: bool = False) -> StoredPlan:
    """Keep a plan beside all that were made before, and return it with its number. `use`: it is its shift's now."""
    values = {
        "shift_id": plan.shift_id, "shift_start": plan.shift_start, "shift_end": plan.shift_end, "run_id": plan.run,
        "asked": dict(plan.asked), "answer": dict(plan.answer), **_made(plan),
    }  # fmt: skip
    with writing(engine) as connection:
        number = connection.execute(insert(StandbyPlan).values(**values).returning(StandbyPlan.id)).scalar_one()
        if use:
            _choose(connection, int(number), None, plan)
    return replace(plan, number=int(number))


def save_override(engine: Engine, override: StoredOverride) -> StoredOverride:
    """Keep a coordinator's change of a plan, which is the shift's from now on, so changed. The plan stays as it is.

    Returns it with its number.
    """
    values = {"plan_id": override.plan, "reason": override.reason, **_made(override)}
    with writing(engine) as connection:
        number = connection.execute(insert(PlanOverride).values(**values).returning(PlanOverride.id)).scalar_one()
        _choose(connection, override.plan, int(number), override)
    return replace(override, number=int(number))


def use_plan(engine: Engine, plan: int, *, made_at: datetime, made_by: str, role: str) -> None:
    """From now on a plan is its shift's, as it was made: a change that it had counts no more."""
    values = {"plan_id": plan, "override_id": None, "made_at": made_at, "made_by": made_by, "role": role}
    with writing(engine) as connection:
        connection.execute(insert(PlanChoice).values(**values))


def _choose(connection: Connection, plan: int, override: int | None, by: StoredPlan | StoredOverride) -> None:
    values = {"plan_id": plan, "override_id": override, "made_at": by.made_at, "made_by": by.made_by, "role": by.role}
    connection.execute(insert(PlanChoice).values(**values))


def plan_in_use(engine: Engine, shift_id: str, *, before: datetime | None = None) -> PlanInUse | None:
    """The plan of a shift: what a coordinator chose or changed last, before a moment; else the last of the command.

    None where nothing was chosen: what was only asked for is no plan.
    """
    query = (
        select(PlanChoice.__table__)
        .join(StandbyPlan, StandbyPlan.id == PlanChoice.plan_id)
        .where(StandbyPlan.shift_id == shift_id)
        .order_by((PlanChoice.role == COMMAND).asc(), PlanChoice.id.desc())
        .limit(1)
    )
    if before is not None:
        query = query.where(PlanChoice.made_at < before)
    with engine.connect() as connection:
        choice = connection.execute(query).first()
        if choice is None:
            return None
        plan = connection.execute(select(StandbyPlan.__table__).where(StandbyPlan.id == choice.plan_id)).one()
        changes = select(PlanOverride.__table__).where(PlanOverride.id == choice.override_id)
        change = None if choice.override_id is None else connection.execute(changes).one()
    return PlanInUse(
        plan=_plan(plan), override=None if change is None else _override(change), made_at=choice.made_at,
        role=choice.role,
    )  # fmt: skip


def plans_of(
    engine: Engine, shift_id: str, *, at: datetime | None = None, most: int | None = None
) -> Sequence[StoredPlan]:
    """Every plan of a shift (made not after `at`), or the last few of them, the one made last first."""
    query = select(StandbyPlan.__table__).where(StandbyPlan.shift_id == shift_id)
    if at is not None:
        query = query.where(StandbyPlan.made_at <= at)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(StandbyPlan.id.desc()).limit(most)).all()
    return [_plan(row) for row in rows]


def overrides_of(engine: Engine, plan: int) -> Sequence[StoredOverride]:
    """Every change of a plan, the last first."""
    query = select(PlanOverride.__table__).where(PlanOverride.plan_id == plan).order_by(PlanOverride.id.desc())
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return [_override(row) for row in rows]


def _made(kept: StoredPlan | StoredOverride) -> dict[str, Any]:
    posts = [
        {"team": post.team, "site_id": post.site_id, "from": post.start.isoformat(), "to": post.end.isoformat()}
        for post in kept.posts
    ]
    return {"posts": posts, "made_at": kept.made_at, "made_by": kept.made_by, "role": kept.role}


def _plan(row: Row[Any]) -> StoredPlan:
    names = ("shift_id", "shift_start", "shift_end", "made_at", "made_by", "role", "asked", "answer")
    return StoredPlan(
        number=row.id, run=row.run_id, posts=posts_of(row.posts), **{name: getattr(row, name) for name in names}
    )


def _override(row: Row[Any]) -> StoredOverride:
    names = ("reason", "made_at", "made_by", "role")
    return StoredOverride(
        number=row.id, plan=row.plan_id, posts=posts_of(row.posts), **{name: getattr(row, name) for name in names}
    )


def posts_of(kept: Sequence[Mapping[str, str]]) -> tuple[KeptPost, ...]:
    """Posts from their plain values."""
    return tuple(
        KeptPost(
            team=post["team"], site_id=post["site_id"], start=datetime.fromisoformat(post["from"]),
            end=datetime.fromisoformat(post["to"]),
        )
        for post in kept
    )  # fmt: skip
