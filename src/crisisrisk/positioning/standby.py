"""Where teams should stand in a coming shift: plans from the forecast, the site's standing points and travel times."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import cycle, islice
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.errors import UsageError
from crisisrisk.positioning.advice import Advice, AmhpCover, advice_of, amhp_cover
from crisisrisk.positioning.care import STANDING, SitesOfCare
from crisisrisk.positioning.changes import ONE_MORE
from crisisrisk.positioning.crews import Crew, alike, crews_on
from crisisrisk.positioning.ground import Ground
from crisisrisk.positioning.left_out import LeftOut
from crisisrisk.positioning.plan import AS_USUAL, Wish, plans_for, usual_places
from crisisrisk.positioning.question import CODE
from crisisrisk.positioning.realised import CAUTIOUS, Realised, realised_in
from crisisrisk.positioning.service_times import service_records
from crisisrisk.positioning.site_names import SiteNames
from crisisrisk.positioning.standby_text import lines_of
from crisisrisk.positioning.taken import Refuge, Refuges, Taken
from crisisrisk.positioning.time_given import TimeGiven
from crisisrisk.positioning.told import Plan
from crisisrisk.positioning.tonight import Demand, Tonight
from crisisrisk.positioning.worth import Worth
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import Shift, microseconds


@dataclass(frozen=True, kw_only=True)
class Kept:
    """By what reference a plan was kept, and which is the plan of the shift now. `chosen`: by a coordinator."""

    reference: str
    used: str | None
    chosen: bool

    def as_text(self) -> str:
        """In a line."""
        if self.used == self.reference:
            return f"kept as {self.reference}: it is the plan of this shift"
        stays = "this shift has no plan yet" if self.used is None else f"the plan of this shift stays {self.used}"
        return (
            f"kept as {self.reference}, and only asked for: {stays}{', as a coordinator chose' if self.chosen else ''}"
        )


@dataclass(frozen=True, kw_only=True)
class PositionsResult:
    """Plans for one shift, the first the one to follow. `near`: for each team of it the places that take people.

    `realised`: what plans like it reached in a replay of the site, None where there is none of that shift and fleet.
    `taken`: how far people are taken; `advice`: what needs no team; `remarks`: what a plan could not take into account.
    """

    shift: Shift
    zone: ZoneInfo
    crews: tuple[Crew, ...]
    plans: tuple[Plan, ...]
    near: dict[str, tuple[Refuge, ...]]
    taken: tuple[Taken, ...]
    advice: Advice
    amhp: AmhpCover
    remarks: tuple[str, ...]
    travel: str
    hours_each: float
    expected: float
    seconds: float
    left_out: tuple[LeftOut, ...] = ()
    names: SiteNames = field(default_factory=SiteNames)
    kept: Kept | None = None
    realised: Realised | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields of `positions --json`."""
        best = self.plans[0]
        fields: dict[str, Any] = self.names.beside({
            "shift": self.shift.id,
            "teams": len(self.crews),
            "plan": [post.as_json() for post in best.posts],
            "target_minutes": best.target,
            "expected_coverage": best.share[best.target],
            "optimal": best.optimal,
            "gap": best.gap,
            "seconds": round(self.seconds, 2),
            "marginal": [
                *([] if best.one_more_team is None else [{"change": "one more team", "gain": best.one_more_team}]),
                *(
                    []
                    if (hour := best.one_more_hour) is None
                    else [{"change": "one more hour", "team": ONE_MORE, **hour.as_json()}]
                ),
                *({"change": f"{team} back to its base", "gain": -lost} for team, lost in best.loses.items()),
            ],
            "plans": [plan.as_json() for plan in self.plans],
            "near": {team: [refuge.as_json() for refuge in found] for team, found in self.near.items()},
            "taken": [one.as_json() for one in self.taken],
            "advice": self.advice.as_json(),
            "amhp": self.amhp.as_json(),
            "remarks": list(self.remarks),
            "travel": self.travel,
            "hours_each": self.hours_each,
            "expected_contacts": self.expected,
            "left_out": [one.as_json() for one in self.left_out],
            "coverage_said": CAUTIOUS,
            "realised": None if self.realised is None else self.realised.as_json(),
            **(
                {}
                if self.kept is None
                else {
                    "reference": self.kept.reference,
                    "in_use": self.kept.used == self.kept.reference,
                }
            ),
        })  # fmt: skip
        return fields

    def as_text(self) -> str:
        """For a terminal: the plan to follow, and beside it the others."""
        return "\n".join(lines_of(self))


def standby(
    site: Site, snapshot: Snapshot, tonight: Tonight, demand: Demand, *, issued_at: datetime, teams: int | None = None,
    crews: Sequence[Crew] | None = None, bases: Sequence[str] = (), wish: Wish | None = None,
) -> PositionsResult:  # fmt: skip
    """Plans for a shift, with so many teams of which nothing more is said, or with these crews.

    `issued_at`: of the forecast that the demand is of. `bases`: where each usually stands; the site's own bases in turn
    where fewer are named. With neither `teams` nor `crews` those that the site declares for the shift. Raises
    UsageError where no plan can be made, and why.
    """
    began, shift, wished = time.monotonic(), tonight.shift, wish or Wish()
    crews = on_duty(site, shift, tonight.standing, teams=teams, crews=crews, bases=bases)
    hours_each = service_records(snapshot).hours_each(microseconds(issued_at))
    ground = tonight.ground(demand, teams=len(crews), hours_each=hours_each)
    given = TimeGiven.of(wished.seconds)
    plans = _with_why_nobody_moves(plans_for(ground, crews, wished, given=given), wished)
    best, refuges = plans[0], tonight.refuges(demand)
    taken, told = _taken(refuges, ground, crews, best, given)
    return PositionsResult(
        shift=shift,
        zone=site.time_zone,
        crews=crews,
        plans=plans,
        near=_near(refuges, ground, best),
        taken=taken,
        advice=advice_of(tonight.modes, crews),
        amhp=amhp_cover(tonight.modes, ground, crews, best.places, target=wished.target),
        remarks=(
            *tonight.remarks,
            *_remarks(ground, crews, best, tonight.names),
            *_of_floors(plans),
            *_of_time(best, len(crews) - told),
        ),
        travel=ground.travel_said,
        hours_each=ground.hours_each,
        expected=float(demand.expected.sum()),
        seconds=time.monotonic() - began,
        names=tonight.names,
        realised=realised_in(site.reports, shift=shift.name, teams=len(crews), target=wished.target),
    )


def _with_why_nobody_moves(plans: tuple[Plan, ...], wish: Wish) -> tuple[Plan, ...]:
    """Where the usual places are the plan to follow, and no floor makes them that, its reason says why."""
    first = plans[0]
    if first.name != AS_USUAL or wish.floors or not first.covered[wish.target]:
        return plans
    why = f"nobody is asked to move, as no move that is allowed gains {wish.least_gain:g} contacts"
    return (replace(first, reason=f"{first.reason}; {why}"), *plans[1:])


def _near(refuges: Refuges, ground: Ground, plan: Plan) -> dict[str, tuple[Refuge, ...]]:
    found: dict[str, tuple[Refuge, ...]] = {}
    for post in plan.posts:
        found[post.team] = (*found.get(post.team, ()), *refuges.near(post, ground.sites.ids.index(post.site)))
    return found


def _taken(
    refuges: Refuges, ground: Ground, crews: Sequence[Crew], plan: Plan, given: TimeGiven
) -> tuple[tuple[Taken, ...], int]:
    """Of all whom the plan reaches, and of those in reach of each team; of how many teams there was time to tell."""
    stretches, near = ground.stretches(crews, len(plan.places)), ground.near(plan.target)
    worth = Worth(ground, plan.target, stretches)
    reached = []
    for period in range(len(plan.places)):
        inside = [stretch for stretch in stretches if stretch.period == period]
        reached.append((worth.of_cells(crews, plan.places, period=period), inside[0].start, inside[-1].end))
    found = list(refuges.taken("", reached, ground.come_between))
    for number, crew in enumerate(crews):
        if given.over:
            return tuple(found), number
        at = [plan.places[one.period][number] for one in stretches]
        own = [
            (ground.expected * one.share * (near[site] & ground.serves(crew)), one.start, one.end)
            for one, site in zip(stretches, at, strict=True)
            if site >= 0 and crew.out(one.start, one.end)
        ]
        found += refuges.taken(crew.name, own, ground.come_between)
    return tuple(found), len(crews)


def _remarks(ground: Ground, crews: Sequence[Crew], plan: Plan, names: SiteNames) -> Iterator[str]:
    total = float(ground.expected.sum())
    for need in ground.needs:
        if not any(need.met_by(crew) for crew in crews):
            yield f"{100 * need.share:.0f} in 100 contacts need {need.name}, and no team on duty has them"
    for crew, site in zip(crews, plan.at, strict=True):
        if not site:
            yield f"{crew.name} stands nowhere: it would work alone, and can advise by telephone"
    yield from _of_breaks(crews)
    yield from _of_bases(ground, crews, plan, names)
    reached = ground.near(plan.target)[ground.room > 0].any(axis=0)
    if missed := float(ground.expected[~reached].sum()):
        share = "every contact is" if missed == total else f"{100 * missed / total:.0f} in 100 contacts are"
        yield f"{share} expected where no open site is near enough to be in time"


def _of_breaks(crews: Sequence[Crew]) -> Iterator[str]:
    for crew in crews:
        if crew.break_elsewhere:
            outside = f"{crew.name} has its break of {crew.break_elsewhere:.0f} min outside its hours in this shift"
            yield f"{outside}: none is planned"


def _of_bases(ground: Ground, crews: Sequence[Crew], plan: Plan, names: SiteNames) -> Iterator[str]:
    """Why a gain beside the usual places cannot be told, where not everybody can be at their base."""
    if usual_places(ground, tuple(crews), len(plan.places)) is not None:
        return
    barred = [
        f"{crew.name} ({names.label(crew.base)})"
        for crew in crews
        if crew.spans != () and (ground.site(crew.base) < 0 or not ground.may_stand(crew)[ground.site(crew.base)])
    ]
    why = f"closed, full or barred to {', '.join(barred)}" if barred else "a base has too little room"
    yield f"not everybody can be at their usual base, so what moving gains is not known: {why}"


def _of_floors(plans: Sequence[Plan]) -> Iterator[str]:
    if all(plan.floors_kept is False for plan in plans):
        yield "no plan that keeps every floor was found in the time given: more seconds may find one"


def _of_time(plan: Plan, teams: int) -> Iterator[str]:
    """What was not worked out in the time given. `teams`: of how many it is not told how far people are taken."""
    missed = [*plan.not_told, *([f"how far people are taken from {teams} teams"] if teams else [])]
    if missed:
        yield f"not worked out in the time given: {'; '.join(missed)}; more seconds tell it"


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
    if crews is not None and not crews:
        raise UsageError(
            CODE, "there is no team to place", found=f"none that works in the shift {shift.name}",
            wanted="a team with hours in the shift",
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
