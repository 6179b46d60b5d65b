"""Plans of where teams stand, as they were answered, and what coordinators made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, insert, select

from crisisrisk.database.engine import writing
from crisisrisk.database.schema import PlanOverride, StandbyPlan


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


def save_plan(engine: Engine, plan: StoredPlan) -> StoredPlan:
    """Keep a plan beside all that were made before. Returns it with its number."""
    values = {
        "shift_id": plan.shift_id, "shift_start": plan.shift_start, "shift_end": plan.shift_end, "run_id": plan.run,
        "asked": dict(plan.asked), "answer": dict(plan.answer), **_made(plan),
    }  # fmt: skip
    with writing(engine) as connection:
        number = connection.execute(insert(StandbyPlan).values(**values).returning(StandbyPlan.id)).scalar_one()
    return replace(plan, number=int(number))


def save_override(engine: Engine, override: StoredOverride) -> StoredOverride:
    """Keep a coordinator's change of a plan. The plan stays as it is. Returns it with its number."""
    values = {"plan_id": override.plan, "reason": override.reason, **_made(override)}
    with writing(engine) as connection:
        number = connection.execute(insert(PlanOverride).values(**values).returning(PlanOverride.id)).scalar_one()
    return replace(override, number=int(number))


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
