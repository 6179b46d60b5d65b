"""How the counts of forecast shifts scatter, each by the issue time that its forecast was made with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.place_modes import ModeShares
from crisisrisk.models.issue_time import IssueTime
from crisisrisk.models.late_feeds import NOT_WIDENED, Widening
from crisisrisk.models.place_distribution import (
    LEAST_EXPECTED,
    SHOWN_LEVEL,
    BesideUsual,
    Interval,
    PlaceDistribution,
    beside_usual,
)
from crisisrisk.scoring.outlook import Outlook
from crisisrisk.tables.larger_places import Area
from crisisrisk.timeline import Shift

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """How the counts of some shifts scatter: `expected` of shape (shifts, cells) and what the model says around it."""

    times: Sequence[IssueTime]
    """Of each shift, the issue time that answers for it."""
    hours_ahead: Sequence[float]
    """Of each shift, how long before it the forecast was made."""
    shifts: Sequence[Shift]
    density: Numbers
    """Residents per km², shape (cells,)."""
    expected: Numbers
    widening: Widening = NOT_WIDENED
    """What feeds that are late add. No interval ends nearer for it; what is usual stays as it is."""

    @property
    def is_wider(self) -> bool:
        """Whether late feeds widen the shown range of any cell or of any whole shift."""
        plain = replace(self, widening=NOT_WIDENED)
        cells, wholes = ([one.of_cells(), *map(one._whole_interval, range(len(self.shifts)))] for one in (self, plain))
        return any(
            bool((wide.lower != narrow.lower).any() or (wide.upper != narrow.upper).any())
            for wide, narrow in zip(cells, wholes, strict=True)
        )

    def of_cells(self) -> Interval:
        """The shown interval of each cell. Arrays of shape (shifts, cells)."""
        found = [self._cells_interval(row) for row in range(len(self.shifts))]
        return Interval(**{name: np.concatenate([getattr(one, name) for one in found]) for name in _ENDS})

    def cells_beside(self, usual: Numbers) -> BesideUsual:
        """Each cell beside its usual count, shape (shifts, cells)."""
        dispersions = self._each(lambda row: self._of(row).dispersions(self._strata(row)))
        plain = self._each(lambda row: self.times[row].distribution.dispersions(self._strata(row)))
        return beside_usual(self.expected, usual, dispersions, of_usual=plain)

    def own_dispersions(self) -> Numbers:
        """What is left of each cell's dispersion beside what all cells of its shift share. Shape (shifts, cells)."""
        return self._each(lambda row: self._of(row).own_dispersions(self._strata(row)))

    def shared_dispersion(self, row: int) -> float:
        """The dispersion that all cells of a shift share."""
        return self._of(row).shared_dispersion

    def outlooks(self, usual: Numbers, hourly: Sequence[Numbers], modes: Sequence[ModeShares]) -> tuple[Outlook, ...]:
        """Each shift, all cells together, beside usual counts, shape (shifts, cells).

        `hourly`, `modes`: the shares of its hours and of the ways in which contacts are made.
        """
        wholes = (
            self._outlook(row, self._whole_interval(row), usual[row], None, tuple(hourly[row].tolist()))
            for row in range(len(self.shifts))
        )
        return tuple(
            replace(
                whole, modes=modes[row].expected(whole.expected), released_modes=modes[row].released(whole.expected)
            )
            for row, whole in enumerate(wholes)
        )

    def area_outlooks(self, usual: Numbers, areas: Sequence[Area]) -> tuple[Outlook, ...]:
        """Each area in each shift, shifts in order. An area's hours are those of the whole: they are left out."""
        return tuple(
            self._outlook(row, self._part_interval(row, area), usual[row], area, ())
            for row in range(len(self.shifts))
            for area in areas
        )

    def samples(self, row: int, *, draws: int, seed: int) -> NDArray[np.int32]:
        """Counts of all cells in one of the shifts, drawn together. Shape (draws, cells)."""
        return self._of(row).samples(self.expected[row], self._strata(row)[0], draws=draws, seed=seed)

    def _outlook(
        self, row: int, span: Interval, usual: Numbers, area: Area | None, hourly: tuple[float, ...]
    ) -> Outlook:
        cells = slice(None) if area is None else area.cells
        expected, strata = self.expected[[row]][:, cells], self._strata(row)[:, cells]
        usually = np.maximum(usual[cells].sum(keepdims=True), LEAST_EXPECTED)
        dispersion = self._of(row).total_dispersion(expected, strata)
        plain = self.times[row].distribution.total_dispersion(expected, strata)
        beside = beside_usual(expected.sum(axis=1), usually, dispersion, of_usual=plain)
        return Outlook(
            shift_id=self.shifts[row].id,
            area_id="" if area is None else area.id,
            area_name="" if area is None else area.name,
            places=expected.shape[1],
            issue_hours=self.times[row].hours,
            hours_ahead=self.hours_ahead[row],
            expected=float(expected.sum()),
            lower=int(span.lower[0]),
            upper=int(span.upper[0]),
            usual=float(usually[0]),
            usual_low=int(beside.low[0]),
            usual_high=int(beside.high[0]),
            quieter=float(beside.quieter[0]),
            busier=float(beside.busier[0]),
            hourly=hourly,
        )

    def _cells_interval(self, row: int) -> Interval:
        expected, strata = self.expected[[row]], self._strata(row)
        return self._never_narrower(row, lambda one: one.interval(expected, strata, level=SHOWN_LEVEL))

    def _whole_interval(self, row: int) -> Interval:
        expected, strata, kind = self.expected[[row]], self._strata(row), self._kind(row)
        return self._never_narrower(row, lambda one: one.total_interval(expected, strata, kind, level=SHOWN_LEVEL))

    def _part_interval(self, row: int, area: Area) -> Interval:
        expected, strata = self.expected[[row]][:, area.cells], self._strata(row)[:, area.cells]
        return self._never_narrower(row, lambda one: one.part_interval(expected, strata, level=SHOWN_LEVEL))

    def _never_narrower(self, row: int, asked: Callable[[PlaceDistribution], Interval]) -> Interval:
        """An interval of the widened law that holds that of the law as it was fitted.

        More scatter also makes counts of none likelier: of a small mean the upper end alone could come nearer.
        """
        found = asked(self._of(row))
        return found.holding(asked(self.times[row].distribution)) if self.widening else found

    def _of(self, row: int) -> PlaceDistribution:
        return self._widened[row]

    @cached_property
    def _widened(self) -> tuple[PlaceDistribution, ...]:
        added = self.widening
        return tuple(one.distribution.widened(shared=added.shared, own=added.own) for one in self.times)

    def _kind(self, row: int) -> NDArray[np.int64]:
        return self._of(row).kind_numbers([self.shifts[row].name])

    def _strata(self, row: int) -> NDArray[np.int64]:
        """Shape (1, cells)."""
        return self._of(row).strata(self._kind(row), self.density, self.expected[[row]])

    def _each(self, asked: Callable[[int], Numbers]) -> Numbers:
        return np.concatenate([asked(row) for row in range(len(self.shifts))])


_ENDS = ("lower", "upper", "chance")
