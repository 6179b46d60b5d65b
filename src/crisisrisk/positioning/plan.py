"""Up to three plans for a shift, each with what it covers, what it leaves, and what one more change would do."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from crisisrisk.errors import UsageError
from crisisrisk.positioning.cover import most_covered
from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.demand import part_of_samples, share_covered, worst_decile
from crisisrisk.positioning.ground import Ground, posted, question_of
from crisisrisk.positioning.question import CODE, Counts, Mask, Numbers

TARGETS = (15.0, 30.0)
SAME = 1e-6
MOST_COVER, KEPT_FAIR, AS_USUAL = "covers most", "covers fairly", "as usual"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a coordinator wants of a plan. `target`: minutes. `least_gain`: contacts; for fewer nobody is asked to move.

    `floors`: for a watched group of cells the least share of the average cover. `seconds`: how long to look.
    """

    target: float = TARGETS[0]
    least_gain: float = 0.1
    floors: tuple[tuple[str, float], ...] = ()
    seconds: float = 10.0

    def __post_init__(self) -> None:
        """Raises UsageError for a wish that is none."""
        problems = [
            *([] if isfinite(self.target) and self.target > 0 else [f"a target of {self.target:g} minutes"]),
            *(f"{what} of {value:g}" for what, value in (("a least gain", self.least_gain), ("a time", self.seconds))
              if not (isfinite(value) and value >= 0)),
            *(f"a floor of {share:g} for {group}" for group, share in self.floors
              if not (isfinite(share) and share >= 0)),
        ]  # fmt: skip
        if problems:
            raise UsageError(
                CODE, "a plan cannot be wished so", found="; ".join(problems), wanted="finite, not below 0"
            )


@dataclass(frozen=True, kw_only=True)
class Call:
    """If a team is called away: who should move where, and what that gains; nobody where it gains little."""

    away: str
    team: str | None
    site: str | None
    gain: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where everybody stands. Contacts are those expected in the shift; shares are of all expected contacts.

    `covered`: by target in minutes, contacts that find a free team in time; everything else is of the wished `target`.
    `worst_decile`: the share on the tenth of nights that are covered least. `loses`: what each team's going back to its
    base would lose. `optimal`, `gap`: beside the best of all plans; `method`: how it was found. `floors_kept`: whether
    every wished floor is kept; None where none is wished.
    """

    name: str
    at: tuple[str, ...]
    target: float
    covered: dict[float, float]
    share: dict[float, float]
    worst_decile: float
    worst_area: str
    groups: dict[str, float]
    loses: dict[str, float]
    if_called_away: tuple[Call, ...]
    one_more_team: float
    one_more_hour: float
    gain: float
    optimal: bool
    gap: float
    method: str
    floors_kept: bool | None
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        by_target = {name: _by_minutes(getattr(self, name)) for name in ("covered", "share")}
        calls = [vars(call) for call in self.if_called_away]
        return {**vars(self), **by_target, "at": list(self.at), "if_called_away": calls}


def _by_minutes(values: dict[float, float]) -> dict[str, float]:
    return {f"{minutes:g}": value for minutes, value in values.items()}


def plans_for(ground: Ground, crews: tuple[Crew, ...], wish: Wish) -> tuple[Plan, ...]:
    """The plan that covers most, the fair one where floors are wished, and the usual one; none twice, the best first.

    Where the best gains less than the least gain over the usual one, that comes first: nobody is asked to move.
    Raises UsageError where no plan can be made.
    """
    if not crews:
        raise UsageError(CODE, "there is no team to place", wanted="at least one")
    if unknown := [name for name, _ in wish.floors if name not in ground.groups]:
        raise UsageError(
            CODE, f'no cells are known to be "{unknown[0]}"', found=unknown[0],
            wanted=", ".join(ground.groups) or "no group of cells is known",
        )  # fmt: skip
    usual, worth = _usual(ground, crews), _Worth(ground, wish.target)
    asked = {MOST_COVER: {}, **({KEPT_FAIR: dict(wish.floors)} if wish.floors else {})}
    found: dict[tuple[int, ...], Plan] = {}
    bound = float("inf")
    for name, floors in asked.items():
        question = question_of(ground, crews, wish.target, floors=floors)
        best = most_covered(question, seconds=wish.seconds)
        bound = min(bound, best.bound) if not floors else bound
        at = posted(ground, crews, question, best.teams_at[0])
        if at not in found:
            told = _Told(ground, crews, wish, at, usual, worth)
            found[at] = told.plan(name, bound=best.bound if floors else bound, method=best.method)
    if usual is not None and usual not in found:
        found[usual] = _Told(ground, crews, wish, usual, usual, worth).plan(AS_USUAL, bound=bound, method=AS_USUAL)
    plans = list(found.values())
    if usual is not None and plans[0].gain < wish.least_gain:
        plans.sort(key=lambda plan: plan.at != tuple(ground.sites.ids[site] for site in usual))
    return tuple(plans)


def _usual(ground: Ground, crews: tuple[Crew, ...]) -> tuple[int, ...] | None:
    """Everybody at their base; None where somebody's base is closed tonight, or has no room for all of its teams."""
    at = tuple(ground.site(crew.base) for crew in crews)
    if -1 in at or (np.bincount(at, minlength=len(ground.sites)) > ground.room).any():
        return None
    return at


class _Worth:
    """What ways to stand are worth, for one target; what that rests on is computed once."""

    def __init__(self, ground: Ground, target: float) -> None:
        self._ground, self._reach = ground, ground.near(target)
        self._served: dict[int, Numbers] = {}

    def near(self, at: tuple[int, ...]) -> Counts:
        """How many teams reach each cell. Shape (cells,)."""
        return np.asarray(self._reach[list(at)].sum(axis=0, dtype=np.int64))

    def of_cells(self, at: tuple[int, ...]) -> Numbers:
        """Contacts of each cell that find a free team. Shape (cells,)."""
        teams = max(len(at), 1)
        if teams not in self._served:
            ground = self._ground
            part = part_of_samples(
                ground.samples, ground.expected, teams=teams, hours=ground.hours, hours_each=ground.hours_each
            )
            self._served[teams] = part.served
        return np.asarray(self._served[teams][np.arange(self._reach.shape[1]), self.near(at)])

    def of(self, at: tuple[int, ...]) -> float:
        """Expected contacts that find a free team."""
        return float(self.of_cells(at).sum())


@dataclass(frozen=True, eq=False)
class _Told:
    """One way to stand, and everything that can be said of it."""

    ground: Ground
    crews: tuple[Crew, ...]
    wish: Wish
    at: tuple[int, ...]
    usual: tuple[int, ...] | None
    worth: _Worth

    def plan(self, name: str, *, bound: float, method: str) -> Plan:
        """`bound`: what the best of all plans covers at most."""
        ground, targets = self.ground, sorted({*TARGETS, self.wish.target})
        total = max(float(ground.expected.sum()), 1e-12)
        covered = {minutes: _Worth(ground, minutes).of(self.at) for minutes in targets}
        own = self.worth.of(self.at)
        gain = 0.0 if self.usual is None else own - self.worth.of(self.usual)
        near = self.worth.near(self.at)
        shares = share_covered(
            ground.samples, near.astype(np.float64), teams=len(self.at), hours=ground.hours,
            hours_each=ground.hours_each,
        )  # fmt: skip
        return Plan(
            name=name,
            at=tuple(ground.sites.ids[site] for site in self.at),
            target=self.wish.target,
            covered=covered,
            share={minutes: value / total for minutes, value in covered.items()},
            worst_decile=worst_decile(shares),
            worst_area=self._worst(near),
            groups={group: self._share_of(cells) for group, cells in ground.groups.items()},
            loses=self._loses(own),
            if_called_away=tuple(self._call(number) for number in range(len(self.crews))),
            one_more_team=self._best_addition() - own,
            one_more_hour=own / ground.hours,
            gain=gain,
            optimal=own >= bound * (1 - SAME),
            gap=max(0.0, 1.0 - own / bound) if bound > 0 else 0.0,
            method=method,
            floors_kept=self._floors_kept(own / total),
            reason=self._reason(name, own, total, gain),
        )

    def _floors_kept(self, average: float) -> bool | None:
        if not self.wish.floors:
            return None
        shares = [(self._share_of(self.ground.groups[group]), least) for group, least in self.wish.floors]
        return all(np.isnan(share) or share >= least * average * (1 - SAME) for share, least in shares)

    def _best_addition(self) -> float:
        """What is covered with one more team at the best site that has room; all are less busy then."""
        full = np.bincount(self.at, minlength=len(self.ground.sites)) >= self.ground.room
        sites = np.flatnonzero(~full).tolist()
        return max((self.worth.of((*self.at, site)) for site in sites), default=self.worth.of(self.at))

    def _loses(self, own: float) -> dict[str, float]:
        lost = {}
        for number, crew in enumerate(self.crews):
            base = self.ground.site(crew.base)
            if base >= 0 and base != self.at[number]:
                back = (*self.at[:number], base, *self.at[number + 1 :])
                lost[crew.name] = own - self.worth.of(back)
        return lost

    def _call(self, away: int) -> Call:
        """The best single move when one team is at a contact."""
        left = [number for number in range(len(self.crews)) if number != away]
        at = tuple(self.at[number] for number in left)
        before, best = self.worth.of(at), (0.0, -1, -1)
        room = self.ground.room - np.bincount(at, minlength=len(self.ground.sites))
        for place, number in enumerate(left):
            allowed = self.crews[number].may_stand
            for site in np.flatnonzero(room > 0).tolist():
                if site == at[place] or (allowed and self.ground.sites.ids[site] not in allowed):
                    continue
                gain = self.worth.of((*at[:place], site, *at[place + 1 :])) - before
                best = max(best, (gain, number, site))
        gain, number, site = best
        name = self.crews[away].name
        if number < 0 or gain < self.wish.least_gain:
            return Call(away=name, team=None, site=None, gain=0.0)
        return Call(away=name, team=self.crews[number].name, site=self.ground.sites.ids[site], gain=gain)

    def _worst(self, near: Counts) -> str:
        """Where most contacts are expected that no team reaches in time; "" where all are."""
        missed = np.where(near == 0, self.ground.expected, 0.0)
        return self.ground.cell_names[int(np.argmax(missed))] if missed.any() else ""

    def _share_of(self, cells: Mask) -> float:
        expected = float(self.ground.expected[cells].sum())
        return float(self.worth.of_cells(self.at)[cells].sum()) / expected if expected else float("nan")

    def _reason(self, name: str, own: float, total: float, gain: float) -> str:
        found = f"about {100 * own / total:.0f} in 100 expected contacts find a free team"
        reached = f"{found} within {self.wish.target:g} minutes"
        if self.usual is None or self.at == self.usual:
            return f"{name}: {reached}"
        moved = sum(one != other for one, other in zip(self.at, self.usual, strict=True))
        moves = "1 move" if moved == 1 else f"{moved} moves"
        return f"{name}: {reached}, {gain:+.1f} contacts beside the usual places, for {moves}"
