"""Where teams should stand in a coming shift: plans from the forecast, the site's standing points and travel times."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from crisisrisk.commands.forecast import MOST_HOURS, forecast, shifts_from
from crisisrisk.errors import UsageError
from crisisrisk.positioning.care import STANDING, TAKING, SitesOfCare, sites_of_kinds
from crisisrisk.positioning.cover import GREEDY
from crisisrisk.positioning.ground import Crew, Ground
from crisisrisk.positioning.plan import Plan, Wish, plans_for
from crisisrisk.positioning.question import CODE, Mask, Numbers
from crisisrisk.positioning.travel import Barriers, Points, Roads, great_circle_km, straight_line_times
from crisisrisk.scoring.demand import ShiftDemand, demand_of_forecast
from crisisrisk.scoring.places import PlaceForecast
from crisisrisk.tables.areas import numbers_of
from crisisrisk.tables.cells import Cells, cells_of, density_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import PLACE_COLUMNS, Snapshot, Store
from crisisrisk.timeline import Shift

DRAWS, SEED = 2000, 1
AT_ONCE, A_DAY = 1 / 60, 24
"""Hours: the one shift that starts then; and beyond a day no contact of a team lasts."""
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
            "target_minutes": best.target,
            "expected_coverage": best.share[best.target],
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
        known = "no plan covers more" if plan.optimal else f"at most {100 * plan.gap:.0f} % below the best"
        others = "".join(
            f"; {100 * share:.0f} in 100 within {minutes:g} min"
            for minutes, share in plan.share.items()
            if minutes != plan.target
        )
        worst = f"{100 * plan.worst_decile:.0f} in 100 on the worst tenth of nights"
        lines = [f"  {100 * plan.share[plan.target]:.0f} in 100 within {plan.target:g} min ({known}), {worst}{others}"]
        if plan.method == GREEDY:
            lines.append("  found at once, one team after the other: more seconds may find a better plan")
        if plan.floors_kept is not None:
            lines.append("  every floor is kept" if plan.floors_kept else "  not every floor is kept")
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
    shift = _asked(site, start)
    made = forecast(site, start=shift.start, hours=AT_ONCE, out=None).forecast
    return positions_for(site, made, teams=teams, bases=bases, wish=wish)


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
    cells = cells_of(site, snapshot.table("places"), snapshot.place_events(columns=PLACE_COLUMNS))
    standing = _standing(snapshot, shift, site, cells)
    issued_at = made.meta.as_of
    ground = _ground(site, snapshot, shift, demand, standing, teams, cells, issued_at)
    crews = _crews(standing, teams, bases)
    plans = plans_for(ground, crews, wish or Wish())
    return PositionsResult(
        shift=shift,
        zone=site.time_zone,
        crews=crews,
        plans=plans,
        near=_near(snapshot, shift, site, standing.points, crews, plans[0], cells),
        travel=ground.travel_said,
        hours_each=ground.hours_each,
        expected=float(demand.expected.sum()),
        seconds=time.monotonic() - began,
    )


def require_teams(teams: int) -> None:
    """Raise UsageError for a number of teams that is none."""
    if teams < 1:
        raise UsageError(CODE, "there is no team to place", found=f"{teams} teams", wanted="1 or more")


def _standing(snapshot: Snapshot, shift: Shift, site: Site, cells: Cells) -> SitesOfCare:
    care = snapshot.table("sites_of_care")
    found = sites_of_kinds(care, STANDING, urban=_towns_at(care, cells))
    if not len(found):
        raise UsageError(
            CODE, "the site has nowhere for a team to stand", found="no base and no standby point with coordinates",
            hint="load sites_of_care with kinds base and standby_point",
        )  # fmt: skip
    if not any(found.open_all(one, shift.start, shift.end, site.time_zone) for one in range(len(found))):
        raise UsageError(CODE, "no site where a team can stand is open all shift", found=f"{len(found)} sites")
    return found


def _ground(
    site: Site, snapshot: Snapshot, shift: Shift, demand: ShiftDemand, standing: SitesOfCare, teams: int, cells: Cells,
    issued_at: datetime,
) -> Ground:  # fmt: skip
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
        hours_each=_hours_each(snapshot, issued_at),
        groups=_groups(cells, rows),
    )


def _hour(shift: Shift, site: Site) -> int:
    """The local hour in the middle of the shift."""
    return (shift.start + (shift.end - shift.start) / 2).astimezone(site.time_zone).hour


def _towns(cells: Cells) -> Mask:
    density = density_of(cells)
    return np.asarray(~(density < TOWN_PER_KM2))


def _groups(cells: Cells, rows: "np.ndarray[Any, Any]") -> dict[str, Mask]:
    """Cells whose cover is watched: those of the most deprived fifth, and the country. None of which there is none."""
    found = {
        "most deprived fifth": (cells.deprivation_decile <= MOST_DEPRIVED)[rows], "country": ~_towns(cells)[rows],
    }  # fmt: skip
    return {name: inside for name, inside in found.items() if inside.any()}


def _towns_at(care: pa.Table, cells: Cells) -> Mask:
    """Whether each site lies in a town: as the cell whose centre is nearest. Shape (sites,)."""
    known = np.isfinite(cells.latitude)
    if not known.any():
        return np.ones(len(care), dtype=bool)
    sites = [np.nan_to_num(numbers_of(care, name)) for name in ("latitude", "longitude")]
    apart = great_circle_km(_points(*sites), _points(cells.latitude[known], cells.longitude[known]))
    return np.asarray(_towns(cells)[known][apart.argmin(axis=1)])


def _points(latitude: Numbers, longitude: Numbers) -> Points:
    ids = tuple(str(number) for number in range(len(latitude)))
    return Points(ids=ids, latitude=latitude, longitude=longitude, urban=np.ones(len(ids), dtype=bool))


def _hours_each(snapshot: Snapshot, issued_at: datetime) -> float:
    """The mean time from being sent to being free, of the contacts of teams known by then, where the records say."""
    events = snapshot.place_events(columns=("dispatched_at", "cleared_at", "known_at", "team_id")).to_pandas()
    events = events[(events["known_at"] < issued_at) & events["team_id"].notna()]
    hours = (events["cleared_at"] - events["dispatched_at"]).dropna().dt.total_seconds() / 3600
    hours = hours[(hours > 0) & (hours < A_DAY)]
    return float(hours.mean()) if len(hours) >= FEWEST_VISITS else HOURS_EACH


def _crews(standing: SitesOfCare, teams: int, bases: Sequence[str]) -> tuple[Crew, ...]:
    if len(bases) > teams:
        raise UsageError(CODE, "more bases than teams", found=f"{len(bases)} bases", wanted=f"{teams} at most")
    if unknown := [name for name in bases if name not in standing.points.ids]:
        raise UsageError(
            CODE, f'there is no site "{unknown[0]}" to stand at', found=unknown[0],
            wanted=", ".join(standing.points.ids),
        )  # fmt: skip
    own = [name for name, kind in zip(standing.points.ids, standing.kinds, strict=True) if kind == STANDING[0]]
    usual = [*bases, *islice(cycle(own or standing.points.ids), max(0, teams - len(bases)))][:teams]
    return tuple(Crew(name=f"team {number + 1}", base=base) for number, base in enumerate(usual))


def _near(
    snapshot: Snapshot, shift: Shift, site: Site, standing: Points, crews: Sequence[Crew], plan: Plan, cells: Cells
) -> dict[str, tuple[Refuge, ...]]:
    """For each team the nearest open site of each kind that takes people."""
    care = snapshot.table("sites_of_care")
    taking = sites_of_kinds(care, TAKING, urban=_towns_at(care, cells))
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
