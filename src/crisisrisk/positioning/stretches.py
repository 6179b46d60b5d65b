"""A shift cut into stretches in which the same teams are out, and how busy they are in each, by night and by area."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.demand import MOST_BUSY
from crisisrisk.positioning.question import Counts, Mask, Numbers

HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A stretch of a shift. `period`: teams move only between periods. `share`: of the shift's expected contacts."""

    start: datetime
    end: datetime
    period: int
    share: float

    @property
    def hours(self) -> float:
        """Real hours."""
        return (self.end - self.start) / HOUR


def stretches_of(
    start: datetime, end: datetime, crews: Sequence[Crew], *, hourly: Numbers, periods: int
) -> tuple[Stretch, ...]:
    """The shift cut into so many periods of the same length, and where a crew comes or goes.

    `hourly`: the share of the contacts in each real hour since the start; of no length: they come evenly.
    """
    borders = [start + (end - start) * one / periods for one in range(1, periods)]
    edges = {moment for crew in crews for span in crew.spans or () for moment in span if start < moment < end}
    cuts = [start, *sorted({*borders, *edges}), end]
    return tuple(
        Stretch(
            start=one, end=other, period=sum(border <= one for border in borders),
            share=share_between(start, end, one, other, hourly),
        )
        for one, other in pairwise(cuts)
    )  # fmt: skip


def share_between(start: datetime, end: datetime, begins: datetime, ends: datetime, hourly: Numbers) -> float:
    """The share of the contacts between two moments; within an hour they come evenly."""
    length = (end - start) / HOUR
    if not len(hourly):
        return ((ends - begins) / HOUR) / length
    hours = np.append(np.arange(len(hourly), dtype=np.float64), length)
    until = np.concatenate([[0.0], np.cumsum(hourly)])
    first, last = np.interp([(begins - start) / HOUR, (ends - start) / HOUR], hours, until)
    return float(last - first)


@dataclass(frozen=True, kw_only=True, eq=False)
class Areas:
    """Cells by which crews may serve them. `of_cell`: the number of each cell's area, shape (cells,).

    `serves`: which crews serve which area, shape (crews, areas). `expected`: contacts of each, shape (areas,).
    """

    of_cell: Counts
    serves: Mask
    expected: Numbers

    def __len__(self) -> int:
        return len(self.expected)

    def cells(self, area: int) -> Mask:
        """Which cells it has. Shape (cells,)."""
        return np.asarray(self.of_cell == area)


def areas_of(serves: Mask, expected: Numbers) -> Areas:
    """Cells that the same crews serve are one area. `serves`: shape (crews, cells); `expected`: (cells,)."""
    kinds, of_cell = np.unique(serves, axis=1, return_inverse=True)
    numbers = np.asarray(of_cell).ravel().astype(np.int64)
    contacts = np.bincount(numbers, weights=expected, minlength=kinds.shape[1]).astype(np.float64)
    return Areas(of_cell=numbers, serves=kinds, expected=contacts)


def away_of(
    stretch: Stretch, crews: Sequence[Crew], areas: Areas, samples: Numbers, *, hours_each: float
) -> Numbers:  # fmt: skip
    """The share of a stretch that teams are away, by night and area. `samples`: (nights, cells) of the whole shift.

    Contacts × hours each ÷ the hours that crews are out, those of a crew going to its areas as much as is expected in
    each; breaks come on top. Shape (nights, areas).
    """
    contacts = np.stack([samples[:, areas.cells(area)].sum(axis=1) for area in range(len(areas))], axis=1)
    out = np.array([crew.out(stretch.start, stretch.end) for crew in crews], dtype=bool)
    resting = np.array([crew.resting(stretch.start, stretch.end) for crew in crews])
    weight = areas.serves * np.maximum(areas.expected, 1e-12)
    share = np.divide(weight, weight.sum(axis=1, keepdims=True), out=np.zeros_like(weight), where=weight > 0)
    on_hand, at_work = (np.where(out, stretch.hours * left, 0.0) @ share for left in (np.ones(len(crews)), 1 - resting))
    asked = contacts * stretch.share * hours_each
    busy = np.minimum(asked / np.maximum(at_work, 1e-12), MOST_BUSY)
    working = np.divide(at_work, on_hand, out=np.zeros_like(on_hand), where=on_hand > 0)
    return np.asarray(np.minimum(1 - (1 - busy) * working, MOST_BUSY))
