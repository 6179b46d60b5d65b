"""One way to stand, and everything that can be said of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from crisisrisk.positioning.bases import Bases
from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.demand import worst_decile
from crisisrisk.positioning.ground import Ground
from crisisrisk.positioning.posts import Places, Post, moves_between, posts_in
from crisisrisk.positioning.question import Counts, Mask
from crisisrisk.positioning.stretches import areas_of, away_of, contacts_of
from crisisrisk.positioning.worth import Worth

SAME = 1e-6
EVERYWHERE, ELSEWHERE, BUSY_NIGHT = "everywhere", "elsewhere", 0.9


@dataclass(frozen=True, kw_only=True)
class Call:
    """If a team is called away: who should move where, and what that gains; nobody where it gains little.

    `start`, `end`: the period in which that holds, as ISO text.
    """

    away: str
    team: str | None
    site: str | None
    gain: float
    start: str
    end: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "away": self.away, "team": self.team, "site": self.site, "gain": self.gain, "from": self.start,
            "to": self.end,
        }  # fmt: skip


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
    of those away from it that find room there. `gain`: contacts beside the usual places, None where these cannot be
    taken. `price`: contacts that it covers less than the plan that covers most. `by_mean`: where everybody would stand
    by the mean night, where that is elsewhere, and `by_mean_loses`: contacts. `optimal`, `gap`: beside the best of all
    plans, less what moves cost; `method`: how it was found. `floors_kept`: whether every wished floor is kept; None
    where none is wished.
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
    if_called_away: tuple[Call, ...]
    one_more_team: float
    one_more_hour: float
    gain: float | None
    price: float
    by_mean: tuple[str, ...] | None
    by_mean_loses: float
    optimal: bool
    gap: float
    method: str
    floors_kept: bool | None
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        by_target = {name: _by_minutes(getattr(self, name)) for name in ("covered", "share")}
        listed = {name: [one.as_json() for one in getattr(self, name)] for name in ("posts", "busy", "if_called_away")}
        mean = None if self.by_mean is None else list(self.by_mean)
        reach = {team: _by_minutes(contacts) for team, contacts in self.in_reach.items()}
        groups = {name: _or_none(value) for name, value in self.groups.items()}
        worst = _or_none(self.worst_decile)
        plain = {"at": list(self.at), "by_mean": mean, "groups": groups, "worst_decile": worst, "in_reach": reach}
        own = {name: value for name, value in vars(self).items() if name != "places"}
        return {**own, **by_target, **listed, **plain}


def _or_none(value: float) -> float | None:
    """None for a share of nothing."""
    return None if np.isnan(value) else value


def _by_minutes(values: dict[float, float]) -> dict[str, float]:
    return {f"{minutes:g}": value for minutes, value in values.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """A way to stand beside the usual one, the one that covers `most`, and the one by the `mean` night."""

    ground: Ground
    crews: tuple[Crew, ...]
    places: Places
    bases: Bases
    most: Places
    mean: Places | None
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
        """`bound`: what no plan is worth more than, contacts less the cost of moves and of leaving bases."""
        ground, total = self.ground, max(float(self.ground.expected.sum()), 1e-12)
        stretches, moves = self.worth.stretches, moves_between(self.places)
        covered = {minutes: self._worth_at(minutes).of(self.crews, self.places) for minutes in self.targets}
        own = covered[self.target]
        leaving = self.least_gain * self.bases.asked_to_leave(self.places)
        value, gain = own - self.move_cost * moves - leaving, None if self.usual is None else own - self._of(self.usual)
        return Plan(
            name=name,
            places=self.places,
            at=self._sites(self.places),
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
            adds=self._adds(own),
            loses={self.crews[number].name: lost for number, lost in self.bases.lost(self.places).items()},
            if_called_away=self._calls(),
            one_more_team=self._one_more_team() - own,
            one_more_hour=own / ground.hours,
            gain=gain,
            price=max(self._of(self.most) - own, 0.0),
            by_mean=self._sites(self.mean) if self.mean is not None and self.mean != self.places else None,
            by_mean_loses=0.0 if self.mean is None else max(own - self._of(self.mean), 0.0),
            optimal=value >= bound * (1 - SAME),
            gap=max(0.0, 1.0 - value / bound) if bound > 0 else 0.0,
            method=method,
            floors_kept=self._floors_kept(own / total),
            reason=self._reason(name, own, total, gain),
        )

    def _worth_at(self, minutes: float) -> Worth:
        return self.worth if minutes == self.target else Worth(self.ground, minutes, self.worth.stretches)

    def _of(self, places: Places) -> float:
        return self.worth.of(self.crews, places)

    def _sites(self, places: Places) -> tuple[str, ...]:
        """The first site of each crew."""
        first = [next((row[crew] for row in places if row[crew] >= 0), -1) for crew in range(len(self.crews))]
        return tuple(self.ground.sites.ids[site] if site >= 0 else "" for site in first)

    def _floors_kept(self, average: float) -> bool | None:
        if not self.floors:
            return None
        shares = [(self._share_of(self.ground.groups[group]), least) for group, least in self.floors]
        return all(np.isnan(share) or share >= least * average * (1 - SAME) for share, least in shares)

    def _free(self, places: Places) -> Mask:
        """Which sites hold one team more in every stretch. Shape (sites,)."""
        free = np.ones(len(self.ground.sites), dtype=bool)
        for stretch in self.worth.stretches:
            free &= self._standing(places, stretch.period) < self.ground.room
        return free

    def _standing(self, places: Places, period: int) -> Counts:
        at = np.array([site for site in places[period] if site >= 0], dtype=np.int64)
        return np.bincount(at, minlength=len(self.ground.sites))

    def _one_more_team(self) -> float:
        """What is covered with one more team of every skill at the best site that has room; all are less busy then."""
        skills = tuple(skill for need in self.ground.needs for skill in need.skills)
        one, free = Crew(name="one more", skills=skills), self._free(self.places)
        if not free.any():
            return self._of(self.places)
        return float(self.worth.with_one_at(self.crews, self.places, one, of=(*self.crews, one))[free].max())

    def _in_reach(self, number: int) -> dict[float, float]:
        """Contacts that one crew can serve and gets to in time while it is out, by target."""
        alone, places = (self.crews[number],), self._only([number])
        found = {}
        for minutes in self.targets:
            worth = self._worth_at(minutes)
            found[minutes] = sum(
                share * stretch.share * float(self.ground.expected[near > 0].sum())
                for row, stretch in enumerate(self.worth.stretches)
                for share, near in zip(self.ground.shares, worth.reaching(alone, places, row), strict=True)
            )
        return found

    def _adds(self, own: float) -> dict[str, float]:
        """What each crew adds to the others: without it they are the busier."""
        found = {}
        for number, crew in enumerate(self.crews):
            rest = [one for one in range(len(self.crews)) if one != number]
            others = tuple(self.crews[one] for one in rest)
            found[crew.name] = own - (self.worth.of(others, self._only(rest)) if rest else 0.0)
        return found

    def _calls(self) -> tuple[Call, ...]:
        """For every period and team that stands in it the best single move of another when it is at a contact."""
        return tuple(
            self._call(number, period)
            for period in range(len(self.places))
            for number in range(len(self.crews))
            if self.places[period][number] >= 0
        )

    def _call(self, away: int, period: int) -> Call:
        left = [number for number in range(len(self.crews)) if number != away]
        crews = tuple(self.crews[number] for number in left)
        before = self.worth.of(crews, self._only(left), period=period) if left else 0.0
        best = (0.0, -1, -1)
        for number in left:
            now = self.places[period][number]
            if now < 0:
                continue
            rest = [one for one in left if one != number]
            others = self._only(rest)
            allowed = self.ground.may_stand(self.crews[number]) & (self._standing(others, period) < self.ground.room)
            allowed[now] = False
            totals = self.worth.with_one_at(
                [self.crews[one] for one in rest], others, self.crews[number], of=crews, period=period
            )
            for site in np.flatnonzero(allowed).tolist():
                best = max(best, (float(totals[site]) - before, number, site))
        gain, number, site = best
        inside = [stretch for stretch in self.worth.stretches if stretch.period == period]
        span = {"start": inside[0].start.isoformat(), "end": inside[-1].end.isoformat()}
        name = self.crews[away].name
        if number < 0 or gain < self.least_gain:
            return Call(away=name, team=None, site=None, gain=0.0, **span)
        return Call(away=name, team=self.crews[number].name, site=self.ground.sites.ids[site], gain=gain, **span)

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
        found = f"about {100 * own / total:.0f} in 100 expected contacts find a free team"
        reached = f"{found} within {self.target:g} minutes"
        if self.usual is None or gain is None or self.places == self.usual:
            return f"{name}: {reached}"
        pairs = zip(self._sites(self.places), self._sites(self.usual), strict=True)
        moved = sum(one != other for one, other in pairs) + moves_between(self.places)
        moves = "1 move" if moved == 1 else f"{moved} moves"
        return f"{name}: {reached}, {gain:+z.1f} contacts beside the usual places, for {moves}"
