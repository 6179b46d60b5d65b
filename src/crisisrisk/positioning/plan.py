"""Up to three plans for a shift, each with what it covers, what it leaves, and what one more change would do."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite

import numpy as np

from crisisrisk.errors import UsageError
from crisisrisk.positioning.bases import SAME, Bases
from crisisrisk.positioning.changes import OneMore
from crisisrisk.positioning.cover import most_covered
from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.demand import worst_decile
from crisisrisk.positioning.ground import Ground, places_of, question_of
from crisisrisk.positioning.other_models import COVER, MODELS, NAMES, by_aim
from crisisrisk.positioning.posts import Places
from crisisrisk.positioning.question import CODE, TARGETS
from crisisrisk.positioning.time_given import TimeGiven
from crisisrisk.positioning.told import Plan, Told, by_name, first_sites
from crisisrisk.positioning.worth import Worth

MOST_COVER, KEPT_FAIR, BAD_NIGHTS, AS_USUAL = "covers most", "covers fairly", "for the busiest nights", "as usual"
MOST_PLANS, BUSIEST = 3, 0.1
LOOKING, OTHERS = 0.5, 0.25
"""The share of the time left for looking for a plan, and for one that only stands beside it."""
FIRST, EACH = 0.7, 0.6
"""… and for telling what one more change to the plan to follow would do, and to each plan beside it."""
BETTER = 0.005
"""By so much of its contacts the worst tenth of nights is covered better, where a plan for them is worth telling."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a coordinator wants of a plan. `target`: minutes. `least_gain`: contacts; for fewer no team is asked to move
    from its base: what its own going back would lose.

    `floors`: for a watched group of cells the least share of the average cover. `seconds`: how long the whole answer
    may take, looking and telling; 0: the plan that is found at once, told in a second at most. `periods`: of the shift,
    between which teams may move; `move_cost`: contacts that each such move must gain. `model`: by which aim the plan to
    follow is the best.
    """

    target: float = TARGETS[0]
    least_gain: float = 0.1
    floors: tuple[tuple[str, float], ...] = ()
    seconds: float = 10.0
    periods: int = 1
    move_cost: float = 0.1
    model: str = COVER

    def __post_init__(self) -> None:
        """Raises UsageError for a wish that is none."""
        amounts = (("a least gain", self.least_gain), ("a time", self.seconds), ("a cost of a move", self.move_cost))
        problems = [
            *([] if isfinite(self.target) and self.target > 0 else [f"a target of {self.target:g} minutes"]),
            *(f"{what} of {value:g}" for what, value in amounts if not (isfinite(value) and value >= 0)),
            *(f"a floor of {share:g} for {group}" for group, share in self.floors
              if not (isfinite(share) and share >= 0)),
        ]  # fmt: skip
        if self.periods not in (1, 2):
            raise UsageError(CODE, "a shift has one period or two", found=f"{self.periods} periods", wanted="1 or 2")
        if self.model not in MODELS:
            raise UsageError(CODE, "there is no such model", found=self.model, wanted=", ".join(MODELS))
        if self.model != COVER and (self.floors or self.periods > 1):
            raise UsageError(
                CODE, f"{self.model} knows neither floors nor two periods", wanted="one period, no floors",
                hint="the covering model plans them: leave --model out",
            )  # fmt: skip
        if problems:
            raise UsageError(
                CODE, "a plan cannot be wished so", found="; ".join(problems),
                wanted="numbers: a target above 0 minutes, everything else not below 0",
            )  # fmt: skip


def plans_for(
    ground: Ground, crews: tuple[Crew, ...], wish: Wish, *, given: TimeGiven | None = None
) -> tuple[Plan, ...]:
    """The plan that covers most, the fair one where floors are wished, one for the busiest nights where that covers
    those better, and the usual one; none twice, three at most, the best first.

    In each every team away from its base is worth the least gain there, in the one for the busiest nights on those,
    unless its base cannot take it or a floor needs it. Where floors are wished, plans that keep them come before those
    that do not. Where the usual one is worth more than the best that was found, less what moves cost, it comes first,
    if it keeps the floors. Where another aim is wished its plan comes first, whatever it gains.
    `given`: the time that is left for all of it, by default what is wished. Half of it is for looking; what is not told
    at its end is left out, and each plan says what that is. Raises UsageError where no plan can be made.
    """
    if not crews:
        raise UsageError(CODE, "there is no team to place", wanted="at least one")
    if unknown := [name for name, _ in wish.floors if name not in ground.groups]:
        raise UsageError(
            CODE, f'no cells are known to be "{unknown[0]}"', found=unknown[0],
            wanted=", ".join(ground.groups) or "no group of cells is known",
        )  # fmt: skip
    return _Plans(ground, crews, wish, given or TimeGiven.of(wish.seconds)).all()


@dataclass(frozen=True, eq=False)
class _Found:
    """A way to stand, and how it was found."""

    places: Places
    bound: float
    method: str


class _Plans:
    """The plans of one shift."""

    def __init__(self, ground: Ground, crews: tuple[Crew, ...], wish: Wish, given: TimeGiven) -> None:
        self._ground, self._crews, self._wish, self._given = ground, crews, wish, given
        self._left_out: list[str] = []
        self._stretches = ground.stretches(crews, wish.periods)
        self._worth = Worth(ground, wish.target, self._stretches)
        self._bases = Bases(crews=crews, worth=self._worth)
        self._usual = self._bases.usual

    def all(self) -> tuple[Plan, ...]:
        """The best first."""
        most = self._settled(self._ground, {}, share=LOOKING)
        made = {most.places: self._told(AS_USUAL if most.places == self._usual else MOST_COVER, most, most)}
        if self._wish.model != COVER:
            return self._by_aim(made, most)
        if self._wish.floors:
            fair = self._settled(self._ground, dict(self._wish.floors), share=LOOKING)
            self._add(made, KEPT_FAIR, fair, most)
            if made[fair.places].floors_kept is False and fair.places != most.places:
                del made[fair.places]  # the time ended before one was found that keeps them
        if self._usual is not None:
            self._add(made, AS_USUAL, _Found(self._usual, most.bound, AS_USUAL), most)
        first = self._in_order(made)[0].places
        made[first] = self._with_changes(made[first], FIRST)  # before plans that only stand beside it are looked for
        made[most.places] = self._with_mean(made[most.places])
        if len(made) < MOST_PLANS and (busy := self._for_busy_nights(most)) is not None:
            self._add(made, BAD_NIGHTS, busy, most)
            made[busy.places] = self._with_busiest(made[busy.places])
            if self._usual is not None and self._usual != most.places and made[self._usual].name == AS_USUAL:
                made[self._usual] = made.pop(self._usual)
        return self._all_told(self._in_order(made), told={first})

    def _all_told(self, plans: list[Plan], *, told: set[Places]) -> tuple[Plan, ...]:
        """With what one more change to each would do; the first says what else was left out."""
        found = [plan if plan.places in told else self._with_changes(plan, EACH) for plan in plans]
        return (replace(found[0], not_told=(*found[0].not_told, *self._left_out)), *found[1:])

    def _with_changes(self, plan: Plan, share: float) -> Plan:
        """With what one more change would do, as far as a share of the time left goes."""
        told = OneMore(
            ground=self._ground, crews=self._crews, places=plan.places, worth=self._worth,
            least_gain=self._wish.least_gain,
        ).told(plan.covered[self._wish.target], self._given.part(share))  # fmt: skip
        return replace(
            plan, adds=told.adds, if_called_away=told.if_called_away, one_more_team=told.one_more_team,
            one_more_hour=told.one_more_hour, not_told=told.not_told,
        )  # fmt: skip

    def _in_order(self, made: dict[Places, Plan]) -> list[Plan]:
        """Those that keep the floors first; the usual one before all where nothing that was found is worth more."""
        plans = sorted(made.values(), key=lambda plan: bool(self._wish.floors) and plan.floors_kept is not True)
        usual = None if self._usual is None else made[self._usual]
        kept = not self._wish.floors or (usual is not None and usual.floors_kept is True)
        if usual is not None and kept and self._net(plans[0]) < self._net(usual):
            plans.sort(key=lambda plan: plan is not usual)
        return plans

    def _net(self, plan: Plan) -> float:
        """Contacts covered, less those that its moves must gain."""
        leaving = self._wish.least_gain * self._bases.asked_to_leave(plan.places)
        return plan.covered[self._wish.target] - leaving - self._wish.move_cost * plan.moves

    def _by_aim(self, made: dict[Places, Plan], most: _Found) -> tuple[Plan, ...]:
        """The plan by the wished aim first, then the one that covers most and the usual one."""
        wish, model = self._wish, self._wish.model
        seconds = min(wish.seconds, self._given.part(LOOKING).left)
        found = by_aim(model, self._ground, self._crews, target=wish.target, seconds=seconds)
        question = question_of(self._ground, self._crews, wish.target)
        places = places_of(self._ground, self._crews, question, found.teams_at)
        told = self._told(NAMES[model], _Found(places, most.bound, model), most)
        first = replace(
            told, reason=f"{told.reason}; {found.says}{'' if found.optimal else ', the best found in time'}"
        )
        if self._usual is not None:
            self._add(made, AS_USUAL, _Found(self._usual, most.bound, AS_USUAL), most)
        made[most.places] = self._with_mean(made[most.places])
        return self._all_told([first, *(plan for plan in made.values() if plan.places != places)], told=set())

    def _add(self, made: dict[Places, Plan], name: str, found: _Found, most: _Found) -> None:
        if found.places not in made:
            made[found.places] = self._told(name, found, most)

    def _told(self, name: str, found: _Found, most: _Found) -> Plan:
        return Told(
            ground=self._ground, crews=self._crews, places=found.places, bases=self._bases, most=most.places,
            worth=self._worth, targets=tuple(sorted({*TARGETS, self._wish.target})),
            target=self._wish.target, least_gain=self._wish.least_gain, floors=self._wish.floors,
            move_cost=self._wish.move_cost,
        ).plan(name, bound=found.bound, method=found.method)  # fmt: skip

    def _solved(self, ground: Ground, floors: dict[str, float], *, share: float) -> _Found:
        """`share`: of the time that is left."""
        wish = self._wish
        question = question_of(
            ground, self._crews, wish.target, floors=floors, periods=wish.periods, move_cost=wish.move_cost,
            least_gain=wish.least_gain,
        )  # fmt: skip
        best = most_covered(question, seconds=self._given.part(share).left if wish.seconds > 0 else 0.0)
        return _Found(places_of(ground, self._crews, question, best.teams_at), best.bound, best.method)

    def _settled(self, ground: Ground, floors: dict[str, float], *, share: float) -> _Found:
        """Without moves that gain too little on these nights: the best of all plans has none, one made in haste may."""
        found = self._solved(ground, floors, share=share)
        must = bool(floors) and self._keeps(found.places, floors)
        own = ground is self._ground
        worth = self._worth if own else Worth(ground, self._wish.target, self._stretches)
        places = Bases(crews=self._crews, worth=worth).settled(
            found.places, self._wish.least_gain, allowed=lambda back: not must or self._keeps(back, floors)
        )
        return replace(found, places=places)

    def _keeps(self, places: Places, floors: dict[str, float]) -> bool:
        """Whether every group is covered at least so many times as well as the average."""
        served, expected = self._worth.of_cells(self._crews, places), self._ground.expected
        for group, least in floors.items():
            cells = self._ground.groups[group]
            wanted = least * float(served.sum()) * float(expected[cells].sum())
            if float(served[cells].sum()) * float(expected.sum()) < wanted * (1 - SAME):
                return False
        return True

    def _with_mean(self, plan: Plan) -> Plan:
        """With where they would stand if every night were the mean one, where that is elsewhere."""
        if self._given.over:
            self._left_out.append("where everybody would stand by the mean night alone")
            return plan
        mean = self._solved(replace(self._ground, samples=self._ground.expected[None]), {}, share=OTHERS).places
        if mean == plan.places:
            return plan
        loses = max(plan.covered[self._wish.target] - self._worth.of(self._crews, mean), 0.0)
        return replace(plan, by_mean=first_sites(self._ground, mean), by_mean_loses=loses)

    @cached_property
    def _busiest(self) -> Ground:
        """The tenth of nights with most contacts, and what is expected in one of them."""
        total = self._ground.samples.sum(axis=1)
        nights = self._ground.samples[np.argsort(-total, kind="stable")[: max(1, int(len(total) * BUSIEST))]]
        return replace(self._ground, samples=nights, expected=nights.mean(axis=0))

    def _with_busiest(self, plan: Plan) -> Plan:
        """With what going back loses on the busiest nights: the least gain is asked on those, not over all."""
        worth = Worth(self._busiest, self._wish.target, self._stretches)
        lost = Bases(crews=self._crews, worth=worth).lost(plan.places)
        return replace(plan, loses_busiest=by_name(self._crews, lost))

    def _for_busy_nights(self, most: _Found) -> _Found | None:
        """The plan for the tenth of nights with most contacts, where it covers the worst tenth better."""
        if self._given.over:
            self._left_out.append("a plan for the busiest nights")
            return None
        busy = self._busiest
        if len(self._ground.samples) < 1 / BUSIEST or not busy.samples.sum():
            return None
        found = self._settled(busy, {}, share=OTHERS)
        if found.places == most.places:
            return None
        nights = [self._worth.shares_of_nights(self._crews, one.places) for one in (found, most)]
        worst = [worst_decile(shares) for shares in nights]
        if not worst[0] > worst[1] + BETTER:
            return None
        return _Found(found.places, most.bound, found.method)


def usual_places(ground: Ground, crews: tuple[Crew, ...], periods: int = 1) -> Places | None:
    """Everybody at their base; None where somebody's base is closed tonight, barred to them or too full."""
    worth = Worth(ground, TARGETS[0], ground.stretches(crews, periods))
    return Bases(crews=crews, worth=worth).usual
