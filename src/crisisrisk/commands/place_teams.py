"""Where teams should stand in a shift: the forecast made anew, and plans on it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from crisisrisk.commands.forecast import MOST_HOURS, ForecastResult, forecast, shifts_from
from crisisrisk.database.plans import COMMAND, PlanInUse, StoredPlan, plan_in_use
from crisisrisk.database.upgrade import current_engine
from crisisrisk.errors import UsageError
from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.left_out import LeftOut
from crisisrisk.positioning.plan import Wish
from crisisrisk.positioning.standby import Kept, PositionsResult, require_teams, standby
from crisisrisk.positioning.tonight import tonight_of
from crisisrisk.scoring.demand import demand_of_forecast
from crisisrisk.scoring.places import PlaceForecast
from crisisrisk.serving.kept_plans import keep, left_out, wish_as_json
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import Shift

AT_ONCE = 1 / 60
"""Hours: the one shift that starts then."""


def positions(
    site: Site, *, start: datetime | None, teams: int | None = None, bases: Sequence[str] = (),
    full: Sequence[str] = (), travel: Path | None = None, wish: Wish | None = None, use: bool = True,
) -> PositionsResult:  # fmt: skip
    """Forecast the shift that starts at `start` (the next one by default), plan it and keep the plan.

    `use`: it is the plan of the shift, where no coordinator chose another; else it was only asked for. Sites that are
    full or closed at any time of it are left out; see `kept_positions`.
    """
    if teams is not None:
        require_teams(teams)
    shift = _asked(site, start)
    issued = forecast(site, start=shift.start, hours=AT_ONCE, out=None)
    return kept_positions(site, issued, teams=teams, bases=bases, full=full, travel=travel, wish=wish, use=use)


def kept_positions(
    site: Site, issued: ForecastResult, *, teams: int | None = None, bases: Sequence[str] = (),
    full: Sequence[str] = (), travel: Path | None = None, wish: Wish | None = None, use: bool = True,
) -> PositionsResult:  # fmt: skip
    """Plans for the first shift of a forecast that was kept, without the sites that take nobody then; kept beside it.

    `full`: further sites that are full or closed; `use` as in `positions`; the others as in `positions_for`.
    """
    made, engine = issued.forecast, current_engine(site.database_url)
    shift, snapshot = made.spread.shifts[0], Store(site).snapshot()
    out = left_out(engine, snapshot.table("sites_of_care"), shift.start, shift.end)
    asked = {
        "teams": teams,
        "bases": list(bases),
        "full": list(full),
        "travel": None if travel is None else travel.name,
    }
    wished = wish or Wish()
    found = positions_for(site, made, teams=teams, bases=bases, full=full, out=out, travel=travel, wish=wished)
    result = replace(found, left_out=out)
    plan = keep(
        engine, result, run=issued.run, asked={**asked, **wish_as_json(wished)}, made_at=snapshot.as_of_now(),
        made_by=COMMAND, role=COMMAND, use=use,
    )  # fmt: skip
    return replace(result, kept=_kept(plan, plan_in_use(engine, shift.id)))


def _kept(plan: StoredPlan, used: PlanInUse | None) -> Kept:
    return Kept(
        reference=f"P-{plan.number}", used=None if used is None else f"P-{used.plan.number}",
        chosen=used is not None and used.role != COMMAND,
    )  # fmt: skip


def _asked(site: Site, start: datetime | None) -> Shift:
    """The shift that starts then, or the next one. Raises UsageError where none does, naming those that come."""
    coming = shifts_from(site, start or Store(site).snapshot().as_of_now(), MOST_HOURS)
    if coming and (start is None or coming[0].start == start):
        return coming[0]
    named = ", ".join(f"{one.start.astimezone(site.time_zone):%Y-%m-%dT%H:%M}" for one in coming[:3])
    raise UsageError(
        "CR-USE-001", "no shift starts then", found="" if start is None else start.isoformat(),
        wanted=named or f"a shift within {MOST_HOURS // 24} days", hint="see [[shift]] in crisisrisk.toml",
    )  # fmt: skip


def positions_for(
    site: Site, made: PlaceForecast, *, teams: int | None = None, crews: Sequence[Crew] | None = None,
    bases: Sequence[str] = (), full: Sequence[str] = (), out: Sequence[LeftOut] = (), travel: Path | None = None,
    wish: Wish | None = None,
) -> PositionsResult:  # fmt: skip
    """Plans for the first shift of a forecast; see `standby`.

    `full`: sites that are full or closed tonight; `out`: for some hours. `travel`: a file of travel times.
    """
    shift, snapshot = made.spread.shifts[0], Store(site).snapshot()
    modes = next(one.modes for one in made.outlooks if one.shift_id == shift.id)
    tonight = tonight_of(
        site,
        snapshot,
        made.cells,
        shift,
        issued_at=made.meta.as_of,
        modes=modes,
        full=tuple(full),
        out=out,
        travel=travel,
    )
    demand = demand_of_forecast(made, shift.id)
    return standby(
        site, snapshot, tonight, demand, issued_at=made.meta.as_of, teams=teams, crews=crews, bases=bases, wish=wish
    )
