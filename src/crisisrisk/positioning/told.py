"""One way to stand, and everything that can be said of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from crisisrisk.positioning.bases import Bases
from crisisrisk.positioning.changes import Call, MoreHour
from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.demand import worst_decile
from crisisrisk.positioning.ground import Ground
from crisisrisk.positioning.posts import Places, Post, moves_between, posts_in
from crisisrisk.positioning.question import Mask
from crisisrisk.positioning.stretches import areas_of, away_of, contacts_of
from crisisrisk.positioning.worth import Worth

SAME = 1e-6
EVERYWHERE, ELSEWHERE, BUSY_NIGHT = "everywhere", "elsewhere", 0.9


@dataclass(frozen=True, kw_only=True)
class Busy:
    """The share of the time that teams are away, in a stretch and an area: over the nights, and on one of ten."""

    start: str
    end: str
    area: str
    mean: float
    busiest_tenth: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "from": self.start, "to": self.end, "area": self.area, "mean": self.mean,
            "busiest_tenth": self.busiest_tenth,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where everybody stands. Contacts are those expected in the shift; shares are of all expected contacts.

    `places`: the numbers of the sites by period; `posts`: from when to when each team stands where; `at`: the site of
    each team, the first where it moves, "" where it can only advise by telephone. `covered`: by target in minutes,
    contacts that find a free team in time; everything else is of the wished `target`. `worst_decile`: the share on the
    tenth of nights that are covered least. `in_reach`: by team and target the contacts expected where it gets to in
    time; `adds`: how many fewer would find a free team without it; `loses`: what its going back to its base would lose,
    of those away from it that find room there; `loses_busiest`: the same in a night of the busiest tenth, told of the
    plan that is made for those alone. `gain`: contacts beside the usual places, None where these cannot be
    taken. `price`: contacts that it covers less than the plan that covers most. `by_mean`: where everybody would stand
    by the mean night, where that is elsewhere, and `by_mean_loses`: contacts. `optimal`, `gap`: beside the best of all
    plans, less what moves cost; `method`: how it was found. `floors_kept`: whether every wished floor is kept; None
    where none is wished. `not_told`: what was not worked out in the time given, in words: of `adds` and
    `if_called_away` some are absent then, and `one_more_team` is None. `one_more_hour`: one more team for the hour
    of the shift in which that gains most; None where there is no room, too.
    """

    name: str
    places: Places
    at: tuple[str, ...]
    posts: tuple[Post, ...]
    moves: int
    target: float
    covered: dict[float, float]
    share: dict[float, float]
    worst_decile: float
    worst_area: str
    groups: dict[str, float]
    busy: tuple[Busy, ...]
    in_reach: dict[str, dict[float, float]]
    adds: dict[str, float]
    loses: dict[str, float]
    loses_busiest: dict[str, float]
    if_called_away: tuple[Call, ...]
    one_more_team: float | None
    one_more_hour: MoreHour | None
    gain: float | None
    price: float
    by_mean: tuple[str, ...] | None
    by_mean_loses: float
    optimal: bool
    gap: float
    method: str
    floors_kept: bool | None
    reason: str
    not_told: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        by_target = {name: _by_minutes(getattr(self, name)) for name in ("covered", "share")}
        listed = {name: [one.as_json() for one in getattr(self, name)] for name in ("posts", "busy", "if_called_away")}
        mean = None if self.by_mean is None else list(self.by_mean)
        reach = {team: _by_minutes(contacts) for team, contacts in self.in_reach.items()}
        groups = {name: _or_none(value) for name, value in self.groups.items()}
        worst = _or_none(self.worst_decile)
        hour = None if self.one_more_hour is None else self.one_more_hour.as_json()
        plain = {
            "one_more_team_hour": hour,
            "not_told": list(self.not_told),
            "at": list(self.at),
            "by_mean": mean,
            "groups": groups,
            "worst_decile": worst,
            "in_reach": reach,
        }
        own = {name: value for name, value in vars(self).items() if name not in ("places", "one_more_hour")}
        return {**own, **by_target, **listed, **plain}


def _or_none(value: float) -> float | None:
    """None for a share of nothing."""
    return None if np.isnan(value) else value


def _by_minutes(values: dict[float, float]) -> dict[str, float]:
    return {f"{minutes:g}": value for minutes, value in values.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """A way to stand beside the usual one and the one that covers `most`."""

    ground: Ground
    crews: tuple[Crew, ...]
    places: Places
    bases: Bases
    most: Places
    worth: Worth
    targets: tuple[float, ...]
    target: float
    least_gain: float
    floors: tuple[tuple[str, float], ...]
    move_cost: float

    @property
    def usual(self) -> Places | None:
        """Everybody at their base; None where that cannot be."""
        return self.bases.usual

    def plan(self, name: str, *, bound: float, method: str) -> Plan:
        """`bound`: what no plan is worth more than, contacts less the cost of moves and of leaving bases.

        What takes longest is not in it yet: what one more change would do (`changes.py`), and the mean night.
        """
        ground, total = self.ground, max(float(self.ground.expected.sum()), 1e-12)
        stretches, moves = self.worth.stretches, moves_between(self.places)
        covered = {minutes: self._worths[minutes].of(self.crews, self.places) for minutes in self.targets}
        own = covered[self.target]
        leaving = self.least_gain * self.bases.asked_to_leave(self.places)
        value, gain = own - self.move_cost * moves - leaving, None if self.usual is None else own - self._of(self.usual)
        return Plan(
            name=name,
            places=self.places,
            at=first_sites(self.ground, self.places),
            posts=posts_in(self.places, self.crews, stretches, ground.sites.ids),
            moves=moves,
            target=self.target,
            covered=covered,
            share={minutes: contacts / total for minutes, contacts in covered.items()},
            worst_decile=worst_decile(self.worth.shares_of_nights(self.crews, self.places)),
            worst_area=self._worst(),
            groups={group: self._share_of(cells) for group, cells in ground.groups.items()},
            busy=self._busy(),
            in_reach={crew.name: self._in_reach(number) for number, crew in enumerate(self.crews)},
            adds={},
            loses=by_name(self.crews, self.bases.lost(self.places)),
            loses_busiest={},
            if_called_away=(),
            one_more_team=None,
            one_more_hour=None,
            gain=gain,
            price=max(self._of(self.most) - own, 0.0),
            by_mean=None,
            by_mean_loses=0.0,
            optimal=value >= bound * (1 - SAME),
            gap=max(0.0, 1.0 - value / bound) if bound > 0 else 0.0,
            method=method,
            floors_kept=self._floors_kept(own / total),
            reason=self._reason(name, own, total, gain),
            not_told=(),
        )

    @cached_property
    def _worths(self) -> dict[float, Worth]:
        return {one: self.worth if one == self.target else self.worth.at(one) for one in self.targets}

    def _of(self, places: Places) -> float:
        return self.worth.of(self.crews, places)

    def _floors_kept(self, average: float) -> bool | None:
        if not self.floors:
            return None
        shares = [(self._share_of(self.ground.groups[group]), least) for group, least in self.floors]
        return all(np.isnan(share) or share >= least * average * (1 - SAME) for share, least in shares)

    def _in_reach(self, number: int) -> dict[float, float]:
        """Contacts that one crew can serve and gets to in time while it is out, by target."""
        alone, places = (self.crews[number],), self._only([number])
        found = {}
        for minutes in self.targets:
            worth = self._worths[minutes]
            found[minutes] = sum(
                share * stretch.share * float(self.ground.expected[near > 0].sum())
                for row, stretch in enumerate(self.worth.stretches)
                for share, near in zip(self.ground.shares, worth.reaching(alone, places, row), strict=True)
            )
        return found

    def _only(self, numbers: list[int]) -> Places:
        return tuple(tuple(row[number] for number in numbers) for row in self.places)

    def _worst(self) -> str:
        """Where most contacts are expected that no team reaches in time; "" where all are."""
        missed = np.zeros(len(self.ground.expected))
        for row, stretch in enumerate(self.worth.stretches):
            for share, near in zip(
                self.ground.shares, self.worth.reaching(self.crews, self.places, row), strict=True
            ):  # fmt: skip
                missed += np.where(near == 0, self.ground.expected * stretch.share * share, 0.0)
        return self.ground.cell_names[int(np.argmax(missed))] if missed.any() else ""

    def _share_of(self, cells: Mask) -> float:
        expected = float(self.ground.expected[cells].sum())
        return float(self.worth.of_cells(self.crews, self.places)[cells].sum()) / expected if expected else float("nan")

    def _busy(self) -> tuple[Busy, ...]:
        ground, crews = self.ground, self.crews
        areas = areas_of(np.stack([ground.serves(crew) for crew in crews]), ground.expected)
        found, contacts = [], contacts_of(areas, ground.samples)
        for stretch in self.worth.stretches:
            of_pieces = away_of(stretch, crews, areas, contacts, hours_each=ground.hours_each)
            away = np.tensordot(stretch.lengths, of_pieces, axes=1)
            for area in range(len(areas)):
                names = sorted({name for crew, serves in zip(crews, areas.serves[:, area], strict=True) if serves
                                for name in crew.areas})  # fmt: skip
                named = " and ".join(names) or (EVERYWHERE if len(areas) == 1 else ELSEWHERE)
                found.append(Busy(
                    start=stretch.start.isoformat(), end=stretch.end.isoformat(), area=named,
                    mean=float(away[:, area].mean()), busiest_tenth=float(np.quantile(away[:, area], BUSY_NIGHT)),
                ))  # fmt: skip
        return tuple(found)

    def _reason(self, name: str, own: float, total: float, gain: float | None) -> str:
        if not self.ground.expected.any():
            return f"{name}: no contacts are expected, so that every plan covers the same"
        found = f"about {100 * own / total:.0f} in 100 expected contacts find a free team"
        reached = f"{found} within {self.target:g} {'minute' if self.target == 1 else 'minutes'}"
        if self.usual is None or gain is None or self.places == self.usual:
            return f"{name}: {reached}"
        pairs = zip(first_sites(self.ground, self.places), first_sites(self.ground, self.usual), strict=True)
        moved = sum(one != other for one, other in pairs) + moves_between(self.places)
        moves = "1 move" if moved == 1 else f"{moved} moves"
        told = f"{abs(gain):.1f}"
        than = f"{told} contacts {'fewer' if gain < 0 else 'more'} than from" if float(told) else "as many as from"
        return f"{name}: {reached}, {than} the usual places, for {moves}"


def by_name(crews: tuple[Crew, ...], lost: dict[int, float]) -> dict[str, float]:
    """By the name of each crew what is said by its number."""
    return {crews[number].name: contacts for number, contacts in lost.items()}


def first_sites(ground: Ground, places: Places) -> tuple[str, ...]:
    """The first site of each crew, "" for one that stands nowhere."""
    first = [next((site for site in of_crew if site >= 0), -1) for of_crew in zip(*places, strict=True)]
    return tuple(ground.sites.ids[site] if site >= 0 else "" for site in first)
