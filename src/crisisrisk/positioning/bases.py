"""Who is asked to leave their base, and what going back would lose: nobody does for less than the least gain."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.posts import Places
from crisisrisk.positioning.question import Counts
from crisisrisk.positioning.stretches import Stretch
from crisisrisk.positioning.worth import Worth

SAME = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Bases:
    """The bases of the crews of one plan, and the ways to stand beside them."""

    crews: tuple[Crew, ...]
    worth: Worth

    @cached_property
    def sites(self) -> tuple[int, ...]:
        """The number of each crew's base; -1 where it is closed, full or barred to it tonight."""
        return tuple(self.worth.ground.base(crew) for crew in self.crews)

    @cached_property
    def usual(self) -> Places | None:
        """Everybody at their base; None where somebody's base is closed tonight, barred to them or too full."""
        found = np.full((1 + max(one.period for one in self.worth.stretches), len(self.crews)), -1, dtype=np.int64)
        for stretch in self.worth.stretches:
            for number in self._out(stretch):
                if self.sites[number] < 0:
                    return None
                found[stretch.period, number] = self.sites[number]
        return None if self.crowded_out else tuple(tuple(row) for row in found.tolist())

    @cached_property
    def crowded_out(self) -> int:
        """How many crews must leave their base, because it holds fewer than have it as theirs at the same time."""
        most = np.zeros(len(self.worth.ground.sites), dtype=np.int64)
        for stretch in self.worth.stretches:
            bases = [self.sites[number] for number in self._out(stretch)]
            most = np.maximum(most, self._standing(bases) - self.worth.ground.room)
        return int(most.sum())

    def left(self, places: Places) -> list[int]:
        """The crews that stand elsewhere than at their base at any time, and could stand there if it has room."""
        return [
            number
            for number, base in enumerate(self.sites)
            if base >= 0 and any(row[number] not in (base, -1) for row in places)
        ]

    def asked_to_leave(self, places: Places) -> int:
        """How many crews are asked to leave their base, beside those for whom it has no room."""
        return len(self.left(places)) - self.crowded_out

    def lost(self, places: Places) -> dict[int, float]:
        """For each crew away from its base that finds room there: the contacts that its going back would lose."""
        lost = self.worth.lost_by_going_to(self.crews, places, self.sites)
        return {number: lost[number] for number in self.left(places) if self._finds_room(places, number)}

    def settled(self, places: Places, least_gain: float, *, allowed: Callable[[Places], bool]) -> Places:
        """The same without moves that gain less than the least gain, or nothing: one after the other, the least first.

        `allowed`: whether a way to stand may be taken.
        """
        kept: set[int] = set()
        while True:
            lost = {number: loses for number, loses in self.lost(places).items() if number not in kept}
            number = min(lost, key=lambda one: lost[one], default=-1)
            if number < 0 or (lost[number] > 0 and lost[number] >= least_gain - SAME):
                return places
            back = gone_to(places, number, self.sites[number])
            if allowed(back):
                places = back
            else:
                kept.add(number)

    def _finds_room(self, places: Places, number: int) -> bool:
        base = self.sites[number]
        for stretch in self.worth.stretches:
            out = self._out(stretch)
            if number in out and places[stretch.period][number] != base:
                standing = self._standing([places[stretch.period][one] for one in out])
                if standing[base] >= self.worth.ground.room[base]:
                    return False
        return True

    def _out(self, stretch: Stretch) -> list[int]:
        return [number for number, crew in enumerate(self.crews) if crew.out(stretch.start, stretch.end)]

    def _standing(self, at: list[int]) -> Counts:
        sites = np.array([site for site in at if site >= 0], dtype=np.int64)
        return np.bincount(sites, minlength=len(self.worth.ground.sites)).astype(np.int64)


def gone_to(places: Places, number: int, site: int) -> Places:
    """The same with one crew at a site whenever it stands."""
    return tuple((*row[:number], site, *row[number + 1 :]) if row[number] >= 0 else row for row in places)
