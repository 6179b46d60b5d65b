"""Plans between positioning and the database: what is left out of them, and what is kept of them."""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine

from crisisrisk.database.plans import StoredPlan, posts_of, save_plan
from crisisrisk.database.site_status import taking_nobody
from crisisrisk.positioning.left_out import LeftOut
from crisisrisk.positioning.plan import Wish
from crisisrisk.positioning.standby import PositionsResult


def left_out(engine: Engine, care: pa.Table, start: datetime, end: datetime) -> tuple[LeftOut, ...]:
    """The sites of the table `sites_of_care` that are full or closed at any time in `[start, end)`."""
    known = set(care["site_id"].cast(pa.string()).to_pylist())
    return tuple(
        LeftOut(site=one.site_id, state=one.state, since=one.starts, until=one.ends, reason=one.reason)
        for one in taking_nobody(engine, start, end)
        if one.site_id in known
    )


def keep(
    engine: Engine, result: PositionsResult, *, run: int, asked: Mapping[str, Any], made_at: datetime, made_by: str,
    role: str, use: bool,
) -> StoredPlan:  # fmt: skip
    """Keep a plan as it was asked and answered. `run`: the number of the forecast that it rests on.

    `use`: it is the shift's plan from now on.
    """
    answer = plain(result.as_json())
    plan = StoredPlan(
        shift_id=result.shift.id, shift_start=result.shift.start, shift_end=result.shift.end, run=run,
        posts=posts_of(answer["plan"]), made_at=made_at, made_by=made_by, role=role, asked=plain(dict(asked)),
        answer=answer,
    )  # fmt: skip
    return save_plan(engine, plan, use=use)


def wish_as_json(wish: Wish) -> dict[str, Any]:
    """What was wished of a plan, as plain values."""
    return {
        "target_minutes": wish.target, "least_gain": wish.least_gain, "floors": dict(wish.floors),
        "seconds": wish.seconds, "periods": wish.periods, "move_cost": wish.move_cost, "model": wish.model,
    }  # fmt: skip


def plain(value: Any) -> Any:
    """Values as JSON has them: None for what is no number."""
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value
