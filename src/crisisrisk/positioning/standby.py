"""Where teams should stand in a coming shift: plans from the forecast, the site's standing points and travel times."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import cycle, islice
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.errors import UsageError
from crisisrisk.positioning.care import STANDING, SitesOfCare
from crisisrisk.positioning.cover import GREEDY
from crisisrisk.positioning.crews import Crew, alike, crews_on
from crisisrisk.positioning.left_out import LeftOut
from crisisrisk.positioning.plan import Wish, plans_for
from crisisrisk.positioning.question import CODE
from crisisrisk.positioning.told import Plan
from crisisrisk.positioning.tonight import Demand, Refuge, Tonight, hours_each
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import Shift


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
    left_out: tuple[LeftOut, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The fields of `positions --json`."""
        best = self.plans[0]
        return {
            "shift": self.shift.id,
            "teams": len(self.crews),
            "plan": [post.as_json() for post in best.posts],
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
            "left_out": [one.as_json() for one in self.left_out],
        }

    def as_text(self) -> str:
        """For a terminal: the plan to follow, and beside it the others."""
        start, end = (moment.astimezone(self.zone) for moment in (self.shift.start, self.shift.end))
        best, others = self.plans[0], [f"or {plan.reason}" for plan in self.plans[1:]]
        return "\n".join([
            f"{self.shift.name}  {start:%a %-d %b %H:%M} – {end:%a %H:%M}   {self.expected:.1f} contacts expected",
            best.reason, *self._posts(best), *self._more(best), *others,
            *(one.as_text(self.zone) for one in self.left_out),
            f"travel: {self.travel}; a team is taken to be away {self.hours_each:.1f} h for each contact",
            "Live calls come first. A place not listed is not therefore safe.",
        ])  # fmt: skip

    def _posts(self, plan: Plan) -> list[str]:
        lines = []
        for crew, site in zip(self.crews, plan.at, strict=True):
            near = " · ".join(
                f"{one.kind.replace('_', ' ')} {one.minutes:.0f} min" for one in self.near.get(crew.name, ())
            )
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


def standby(
    site: Site, snapshot: Snapshot, tonight: Tonight, demand: Demand, *, issued_at: datetime, teams: int | None = None,
    crews: Sequence[Crew] | None = None, bases: Sequence[str] = (), wish: Wish | None = None,
) -> PositionsResult:  # fmt: skip
    """Plans for a shift, with so many teams of which nothing more is said, or with these crews.

    `issued_at`: of the forecast that the demand is of. `bases`: where each usually stands; the site's own bases in turn
    where fewer are named. With neither `teams` nor `crews` those that the site declares for the shift. Raises
    UsageError where no plan can be made, and why.
    """
    began, shift = time.monotonic(), tonight.shift
    crews = on_duty(site, shift, tonight.standing, teams=teams, crews=crews, bases=bases)
    ground = tonight.ground(demand, teams=len(crews), hours_each=hours_each(snapshot, issued_at))
    plans = plans_for(ground, crews, wish or Wish())
    return PositionsResult(
        shift=shift,
        zone=site.time_zone,
        crews=crews,
        plans=plans,
        near={crew.name: tonight.near(where) for crew, where in zip(crews, plans[0].at, strict=True) if where},
        travel=ground.travel_said,
        hours_each=ground.hours_each,
        expected=float(demand.expected.sum()),
        seconds=time.monotonic() - began,
    )


def require_teams(teams: int) -> None:
    """Raise UsageError for a number of teams that is none."""
    if teams < 1:
        raise UsageError(CODE, "there is no team to place", found=f"{teams} teams", wanted="1 or more")


def on_duty(
    site: Site, shift: Shift, standing: SitesOfCare, *, teams: int | None = None, crews: Sequence[Crew] | None = None,
    bases: Sequence[str] = (),
) -> tuple[Crew, ...]:  # fmt: skip
    """The crews to place: those given, so many alike, or those that the site declares for the shift.

    A crew without a base gets one of the site's own in turn. Raises UsageError for none, and for sites that are none.
    """
    if crews is None and teams is None:
        crews = crews_on(site.mobile_teams, shift, site.time_zone, site.positions)
        if not crews:
            raise UsageError(
                CODE, "nobody says which teams are on duty", found=f"{len(site.mobile_teams)} mobile teams, none of"
                f" them on the shift {shift.name}", wanted="[[mobile_team]] in crisisrisk.toml, or a number of teams",
                hint="crisisrisk positions --teams 2",
            )  # fmt: skip
    if crews is None:
        require_teams(teams or 0)
        crews = alike(teams or 0, _usual(standing, teams or 0, bases))
    elif bases:
        raise UsageError(CODE, "teams that are declared have their own bases", found=f"{len(bases)} bases")
    own = cycle(_usual(standing, max(len(crews), 1), ()))
    named = tuple(crew if crew.base else replace(crew, base=(*crew.may_stand, next(own))[0]) for crew in crews)
    for crew in named:
        _require_known(standing, (crew.base, *crew.may_stand))
    return named


def _usual(standing: SitesOfCare, teams: int, bases: Sequence[str]) -> tuple[str, ...]:
    if len(bases) > teams:
        raise UsageError(CODE, "more bases than teams", found=f"{len(bases)} bases", wanted=f"{teams} at most")
    _require_known(standing, bases)
    own = [name for name, kind in zip(standing.points.ids, standing.kinds, strict=True) if kind == STANDING[0]]
    return (*bases, *islice(cycle(own or standing.points.ids), max(0, teams - len(bases))))


def _require_known(standing: SitesOfCare, named: Sequence[str]) -> None:
    if unknown := [name for name in named if name not in standing.points.ids]:
        raise UsageError(
            CODE, f'there is no site "{unknown[0]}" to stand at', found=unknown[0],
            wanted=", ".join(standing.points.ids),
        )  # fmt: skip
