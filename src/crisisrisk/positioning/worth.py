"""What ways to stand are worth, for one target; what that rests on is computed once."""

from collections.abc import Mapping, Sequence

import numpy as np

from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.ground import Ground, parts_of
from crisisrisk.positioning.posts import Places
from crisisrisk.positioning.question import Counts, Mask, Numbers
from crisisrisk.positioning.stretches import Stretch, areas_of, away_of, contacts_of


class Worth:
    """Crews at sites, and the contacts that find a free team. The stretches are those of all crews of the plan."""

    def __init__(self, ground: Ground, target: float, stretches: Sequence[Stretch]) -> None:
        self.ground, self.target, self.stretches = ground, target, tuple(stretches)
        self._near, self._shares = ground.near(target), ground.shares
        self._served: dict[tuple[object, ...], list[Numbers]] = {}
        self._reach: dict[tuple[str, ...], Mask] = {}
        self._weights: dict[tuple[str, ...], Numbers] = {}

    def at(self, target: float) -> "Worth":
        """The same for another target; how busy teams are does not depend on it."""
        other = Worth(self.ground, target, self.stretches)
        other._served = self._served
        return other

    def during(self, stretches: Sequence[Stretch]) -> "Worth":
        """The same in other stretches, such as those of an hour."""
        other = Worth(self.ground, self.target, stretches)
        other._reach, other._weights = self._reach, self._weights
        return other

    def reaching(self, crews: Sequence[Crew], places: Places, row: int) -> Counts:
        """How many teams that can serve each sort of contact reach each cell in a stretch. Shape (sorts, cells)."""
        stretch = self.stretches[row]
        found = np.zeros((len(self._shares), self._near.shape[1]), dtype=np.int64)
        for crew, site in zip(crews, places[stretch.period], strict=True):
            if site >= 0 and crew.out(stretch.start, stretch.end):
                found[list(self.ground.meets(crew))] += self._reach_of(crew)[site]
        return found

    def of_cells(self, crews: Sequence[Crew], places: Places, *, period: int | None = None) -> Numbers:
        """Contacts of each cell that find a free team, in the whole shift or in one period. Shape (cells,)."""
        return self._of_near(crews, {row: self.reaching(crews, places, row) for row in self._rows(period)})

    def of(self, crews: Sequence[Crew], places: Places, *, period: int | None = None) -> float:
        """Expected contacts that find a free team, in the whole shift or in one period."""
        return float(self.of_cells(crews, places, period=period).sum())

    def served(self, crews: Sequence[Crew], near: Sequence[Counts], *, period: int | None = None) -> float:
        """The same from how many crews reach each cell, by stretch: `reaching` of each."""
        return float(self._of_near(crews, {row: near[row] for row in self._rows(period)}).sum())

    def _of_near(self, crews: Sequence[Crew], reached: Mapping[int, Counts]) -> Numbers:
        served, cells = self._tables(crews), np.arange(self._near.shape[1])
        found = np.zeros(len(cells))
        for row, of_sorts in reached.items():
            for share, near in zip(self._shares, of_sorts, strict=True):
                found += share * served[row][cells, near]
        return found

    def with_one_at(
        self, near: Sequence[Counts], one: Crew, *, of: Sequence[Crew], period: int | None = None
    ) -> Numbers:
        """The same with one crew more at each of the sites. `of`: all crews that share the work. Shape (sites,)."""
        served, cells = self._tables(of), np.arange(self._near.shape[1])
        total, meets = np.zeros(len(self.ground.sites)), self.ground.meets(one)
        for row in self._rows(period):
            out = one.out(self.stretches[row].start, self.stretches[row].end)
            for share, before, can in zip(self._shares, near[row], meets, strict=True):
                now = served[row][cells, before]
                total += share * now.sum()
                if out and can:
                    total += share * (self._weight_of(one) @ (served[row][cells, before + 1] - now))
        return total

    def lost_by_going_to(self, crews: Sequence[Crew], places: Places, to: Sequence[int]) -> Numbers:
        """The contacts lost if one crew alone stood at a site of its own, `to`, whenever it stands. Shape (crews,).

        0 for a crew whose site is -1. Complexity: crews × cells × stretches.
        """
        served, lost = self._tables(crews), np.zeros(len(crews))
        for row, stretch in enumerate(self.stretches):
            near = self.reaching(crews, places, row)
            for number, (crew, site) in enumerate(zip(crews, places[stretch.period], strict=True)):
                if min(site, to[number]) < 0 or site == to[number] or not crew.out(stretch.start, stretch.end):
                    continue
                reach = self._reach_of(crew)
                cells = np.flatnonzero(reach[site] != reach[to[number]])
                step = np.where(reach[site, cells], -1, 1)
                for share, now, can in zip(self._shares, near[:, cells], self.ground.meets(crew), strict=True):
                    if can:
                        lost[number] += share * float((served[row][cells, now] - served[row][cells, now + step]).sum())
        return lost

    def _rows(self, period: int | None) -> list[int]:
        return [row for row, stretch in enumerate(self.stretches) if period is None or stretch.period == period]

    def shares_of_nights(self, crews: Sequence[Crew], places: Places) -> Numbers:
        """For each night drawn the share of its contacts that find a free team; NaN without a contact. (nights,)."""
        samples = self.ground.samples
        areas = areas_of(np.stack([self.ground.serves(crew) for crew in crews]), self.ground.expected)
        total, found, contacts = samples.sum(axis=1), np.zeros(len(samples)), contacts_of(areas, samples)
        for row, stretch in enumerate(self.stretches):
            away = away_of(stretch, crews, areas, contacts, hours_each=self.ground.hours_each)
            for share, near in zip(self._shares, self.reaching(crews, places, row), strict=True):
                for area in range(len(areas)):
                    for teams in np.unique(near[areas.cells(area)]).tolist():
                        cells = areas.cells(area) & (near == teams)
                        free = stretch.shares @ (1 - away[:, :, area] ** teams)
                        reached = samples[:, cells].sum(axis=1) * free
                        found += share * stretch.share * reached
        return np.asarray(np.divide(found, total, out=np.full(len(total), np.nan), where=total > 0))

    def _tables(self, crews: Sequence[Crew]) -> list[Numbers]:
        """Contacts served where 0, 1, 2 … teams reach a cell, by stretch. Shape (cells, teams + 1) each."""
        key = tuple(sorted((crew.areas, str(crew.spans), str(crew.breaks)) for crew in crews))
        if key not in self._served:
            self._served[key] = [part.served for part in parts_of(self.ground, crews, self.stretches)]
        return self._served[key]

    def _reach_of(self, crew: Crew) -> Mask:
        if crew.areas not in self._reach:
            self._reach[crew.areas] = self._near & self.ground.serves(crew)
        return self._reach[crew.areas]

    def _weight_of(self, crew: Crew) -> Numbers:
        """`_reach_of` as numbers, which are multiplied faster."""
        if crew.areas not in self._weights:
            self._weights[crew.areas] = self._reach_of(crew).astype(np.float64)
        return self._weights[crew.areas]
