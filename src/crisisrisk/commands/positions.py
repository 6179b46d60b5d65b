"""Where teams should stand in a coming shift: plans from the forecast, the site's standing points and travel times."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crisisrisk.commands.forecast import forecast
from crisisrisk.errors import UsageError
from crisisrisk.positioning.care import STANDING, TAKING, SitesOfCare, sites_of_kinds
from crisisrisk.positioning.ground import Crew, Ground
from crisisrisk.positioning.plan import TARGETS, Plan, Wish, plans_for
from crisisrisk.positioning.question import CODE, Mask
from crisisrisk.positioning.travel import Barriers, Points, Roads, straight_line_times
from crisisrisk.scoring.demand import ShiftDemand, demand_of_forecast
from crisisrisk.scoring.places import PlaceForecast
from crisisrisk.tables.cells import Cells, cells_of, density_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import PLACE_COLUMNS, Snapshot, Store
from crisisrisk.timeline import Shift

DRAWS, SEED = 500, 1
TOWN_PER_KM2 = 1000.0
"""Cells of fewer residents a square kilometre are country, where roads are longer and faster."""
MOST_DEPRIVED = 2
FEWEST_VISITS = 30
HOURS_EACH = 1.5
"""From being sent to being free again, where the site's records do not say."""


@dataclass(frozen=True, kw_only=True)
class Refuge:
    """The nearest place of a kind that takes people all shift, from where a team stands."""

    kind: str
    site: str
    minutes: float
    phone: str


@dataclass(frozen=True, kw_only=True)
class PositionsResult:
    """Plans for one shift, the first the one to follow. `near`: for each team of it the places that take people."""

    shift: Shift
    zone: ZoneInfo
    crews: tuple[Crew, ...]
    plans: tuple[Plan, ...]
    near: dict[str, tuple[Refuge, ...]]
    travel: str
    hours_each: float
    expected: float
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The fields of `positions --json`."""
        best = self.plans[0]
        span = {"from": self.shift.start.isoformat(), "to": self.shift.end.isoformat()}
        posts = zip(self.crews, best.at, strict=True)
        return {
            "shift": self.shift.id,
            "teams": len(self.crews),
            "plan": [{"team": crew.name, "site_id": site, **span} for crew, site in posts],
            "expected_coverage": best.share[int(TARGETS[0])],
            "optimal": best.optimal,
            "gap": best.gap,
            "seconds": round(self.seconds, 2),
            "marginal": [
                {"change": "one more team", "gain": best.one_more_team},
                {"change": "one more hour", "gain": best.one_more_hour},
                *({"change": f"{team} back to its base", "gain": -lost} for team, lost in best.loses.items()),
            ],
            "plans": [plan.as_json() for plan in self.plans],
            "near": {team: [vars(refuge) for refuge in found] for team, found in self.near.items()},
            "travel": self.travel,
            "hours_each": self.hours_each,
            "expected_contacts": self.expected,
        }

    def as_text(self) -> str:
        """For a terminal: the plan to follow, and beside it the others."""
        start, end = (moment.astimezone(self.zone) for moment in (self.shift.start, self.shift.end))
        best, others = self.plans[0], [f"or {plan.reason}" for plan in self.plans[1:]]
        return "\n".join([
            f"{self.shift.name}  {start:%a %-d %b %H:%M} – {end:%a %H:%M}   {self.expected:.1f} contacts expected",
            best.reason, *self._posts(best), *self._more(best), *others,
            f"travel: {self.travel}; a team is taken to be away {self.hours_each:.1f} h for each contact",
            "Live calls come first. A place not listed is not therefore safe.",
        ])  # fmt: skip

    def _posts(self, plan: Plan) -> list[str]:
        lines = []
        for crew, site in zip(self.crews, plan.at, strict=True):
            near = " · ".join(f"{one.kind.replace('_', ' ')} {one.minutes:.0f} min" for one in self.near[crew.name])
            loses = f"   back to base would lose {plan.loses[crew.name]:.1f}" if crew.name in plan.loses else ""
            lines.append(f"  {crew.name:<10} {site:<12} {near}{loses}".rstrip())
        return lines

    def _more(self, plan: Plan) -> list[str]:
        known = "no plan covers more" if plan.optimal else f"at most {100 * plan.gap:.0f} in 100 below the best"
        share = ", ".join(
            f"{100 * plan.share[int(minutes)]:.0f} in 100 within {minutes:.0f} min" for minutes in TARGETS
        )
        lines = [f"  {share}; {100 * plan.worst_decile:.0f} in 100 on the worst tenth of nights ({known})"]
        if plan.worst_area:
            lines.append(f"  not reached in time, most of all: {plan.worst_area}")
        lines += [f"  {group}: {100 * value:.0f} in 100" for group, value in plan.groups.items() if value == value]
        lines.append(f"  one more team +{plan.one_more_team:.1f} contacts, one more hour +{plan.one_more_hour:.1f}")
        moves = [call for call in plan.if_called_away if call.team is not None]
        return [
            *lines,
            *(f"  if {one.away} is called away: {one.team} to {one.site}, +{one.gain:.1f}" for one in moves),
        ]


def positions(
    site: Site, *, start: datetime | None, teams: int, bases: Sequence[str] = (), wish: Wish | None = None
) -> PositionsResult:
    """Forecast the shift that starts at `start` (the next one by default), and plan it; see `positions_for`."""
    require_teams(teams)
    made = forecast(site, start=start, hours=24.0, out=None).forecast
    return positions_for(site, made, teams=teams, bases=bases, wish=wish)


def positions_for(
    site: Site, made: PlaceForecast, *, teams: int, bases: Sequence[str] = (), wish: Wish | None = None
) -> PositionsResult:
    """Plans for the first shift of a forecast with so many teams.

    `bases`: where each usually stands; the site's own bases in turn where fewer are named. Raises UsageError where no
    plan can be made, and why.
    """
    began = time.monotonic()
    require_teams(teams)
    shift, snapshot = made.spread.shifts[0], Store(site).snapshot()
    demand = demand_of_forecast(made, shift.id)
    standing = _standing(snapshot, shift, site)
    ground = _ground(site, snapshot, shift, demand, standing, teams)
    crews = _crews(standing, teams, bases)
    plans = plans_for(ground, crews, wish or Wish())
    return PositionsResult(
        shift=shift,
        zone=site.time_zone,
        crews=crews,
        plans=plans,
        near=_near(snapshot, shift, site, standing.points, crews, plans[0]),
        travel=ground.travel_said,
        hours_each=ground.hours_each,
        expected=float(demand.expected.sum()),
        seconds=time.monotonic() - began,
    )


def require_teams(teams: int) -> None:
    """Raise UsageError for a number of teams that is none."""
    if teams < 1:
        raise UsageError(CODE, "there is no team to place", found=f"{teams} teams", wanted="1 or more")


def _standing(snapshot: Snapshot, shift: Shift, site: Site) -> SitesOfCare:
    found = sites_of_kinds(snapshot.table("sites_of_care"), STANDING)
    if not len(found):
        raise UsageError(
            CODE, "the site has nowhere for a team to stand", found="no base and no standby point with coordinates",
            hint="load sites_of_care with kinds base and standby_point",
        )  # fmt: skip
    if not any(found.open_all(one, shift.start, shift.end, site.time_zone) for one in range(len(found))):
        raise UsageError(CODE, "no site where a team can stand is open all shift", found=f"{len(found)} sites")
    return found


def _ground(
    site: Site, snapshot: Snapshot, shift: Shift, demand: ShiftDemand, standing: SitesOfCare, teams: int
) -> Ground:
    cells = cells_of(site, snapshot.table("places"), snapshot.place_events(columns=PLACE_COLUMNS))
    at = {name: number for number, name in enumerate(cells.ids)}
    rows = np.array([at[name] for name in demand.place_ids])
    points = Points(
        ids=demand.place_ids, latitude=demand.latitude, longitude=demand.longitude, urban=_towns(cells)[rows]
    )
    ways = straight_line_times(standing.points, points, Roads(), hour=_hour(shift, site), barriers=Barriers())
    open_all = [standing.open_all(one, shift.start, shift.end, site.time_zone) for one in range(len(standing))]
    return Ground(
        start=shift.start,
        end=shift.end,
        cells=points,
        cell_names=tuple(cells.names[row] for row in rows),
        sites=standing.points,
        site_names=standing.points.ids,
        room=np.where(open_all, teams, 0),
        minutes=ways.minutes,
        travel_said=ways.said,
        expected=demand.expected,
        samples=demand.counts(draws=DRAWS, seed=SEED).astype(np.float64),
        hours_each=_hours_each(snapshot),
        groups=_groups(cells, rows),
    )


def _hour(shift: Shift, site: Site) -> int:
    return shift.start.astimezone(site.time_zone).hour


def _towns(cells: Cells) -> Mask:
    density = density_of(cells)
    return np.asarray(~(density < TOWN_PER_KM2))


def _groups(cells: Cells, rows: "np.ndarray[Any, Any]") -> dict[str, Mask]:
    """Cells whose cover is watched: those of the most deprived fifth, and the country. None of which there is none."""
    found = {
        "most deprived fifth": (cells.deprivation_decile <= MOST_DEPRIVED)[rows], "country": ~_towns(cells)[rows],
    }  # fmt: skip
    return {name: inside for name, inside in found.items() if inside.any()}


def _hours_each(snapshot: Snapshot) -> float:
    """The median time from being sent to being free, where the records say."""
    events = snapshot.place_events(columns=("dispatched_at", "cleared_at")).to_pandas()
    hours = (events["cleared_at"] - events["dispatched_at"]).dropna().dt.total_seconds() / 3600
    hours = hours[(hours > 0) & (hours < 24)]
    return float(hours.median()) if len(hours) >= FEWEST_VISITS else HOURS_EACH


def _crews(standing: SitesOfCare, teams: int, bases: Sequence[str]) -> tuple[Crew, ...]:
    if unknown := [name for name in bases if name not in standing.points.ids]:
        raise UsageError(
            CODE, f'there is no site "{unknown[0]}" to stand at', found=unknown[0],
            wanted=", ".join(standing.points.ids),
        )  # fmt: skip
    own = [name for name, kind in zip(standing.points.ids, standing.kinds, strict=True) if kind == STANDING[0]]
    usual = [*bases, *islice(cycle(own or standing.points.ids), max(0, teams - len(bases)))][:teams]
    return tuple(Crew(name=f"team {number + 1}", base=base) for number, base in enumerate(usual))


def _near(
    snapshot: Snapshot, shift: Shift, site: Site, standing: Points, crews: Sequence[Crew], plan: Plan
) -> dict[str, tuple[Refuge, ...]]:
    """For each team the nearest open site of each kind that takes people."""
    taking = sites_of_kinds(snapshot.table("sites_of_care"), TAKING)
    usable = [one for one in range(len(taking)) if taking.open_all(one, shift.start, shift.end, site.time_zone)]
    if not usable:
        return {crew.name: () for crew in crews}
    ways = straight_line_times(standing, taking.points, Roads(), hour=_hour(shift, site), barriers=Barriers())
    found = {}
    for crew, where in zip(crews, plan.at, strict=True):
        minutes = ways.minutes[standing.ids.index(where)]
        nearest = {
            kind: min((one for one in usable if taking.kinds[one] == kind), key=lambda one: float(minutes[one]))
            for kind in TAKING
            if any(taking.kinds[one] == kind for one in usable)
        }
        found[crew.name] = tuple(
            Refuge(kind=kind, site=taking.points.ids[one], minutes=float(minutes[one]), phone=taking.phones[one])
            for kind, one in nearest.items()
        )
    return found
