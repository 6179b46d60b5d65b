"""Where teams should stand in a shift: the forecast made anew, and plans on it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from crisisrisk.commands.forecast import MOST_HOURS, forecast, shifts_from
from crisisrisk.errors import UsageError
from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.plan import Wish
from crisisrisk.positioning.standby import PositionsResult, require_teams, standby
from crisisrisk.positioning.tonight import Tonight
from crisisrisk.scoring.demand import demand_of_forecast
from crisisrisk.scoring.places import PlaceForecast
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import Shift

AT_ONCE = 1 / 60
"""Hours: the one shift that starts then."""


def positions(
    site: Site, *, start: datetime | None, teams: int, bases: Sequence[str] = (), full: Sequence[str] = (),
    travel: Path | None = None, wish: Wish | None = None,
) -> PositionsResult:  # fmt: skip
    """Forecast the shift that starts at `start` (the next one by default), and plan it; see `positions_for`."""
    require_teams(teams)
    shift = _asked(site, start)
    made = forecast(site, start=shift.start, hours=AT_ONCE, out=None).forecast
    return positions_for(site, made, teams=teams, bases=bases, full=full, travel=travel, wish=wish)


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
    bases: Sequence[str] = (), full: Sequence[str] = (), travel: Path | None = None, wish: Wish | None = None,
) -> PositionsResult:  # fmt: skip
    """Plans for the first shift of a forecast; see `standby`.

    `full`: sites that are full or closed tonight. `travel`: a file of travel times.
    """
    shift, snapshot = made.spread.shifts[0], Store(site).snapshot()
    tonight = Tonight(snapshot.table("sites_of_care"), made.cells, shift, site.time_zone, tuple(full), travel)
    demand = demand_of_forecast(made, shift.id)
    return standby(
        site, snapshot, tonight, demand, issued_at=made.meta.as_of, teams=teams, crews=crews, bases=bases, wish=wish
    )
