"""Whether contacts of one sort gather in a cell shortly before crisis contacts do: a measure over weeks, and its noise.

Knox (1964) asks how many pairs of events are close in space and time. Here a pair is a contact and a crisis contact of
the same cell in the week after it. How many pairs there would be by chance comes from what each cell has of each sort
over the whole stretch and what each week has over all cells: a busy cell and a busy week are no clustering.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]

WEEK_US = 7 * MICROSECONDS_PER_DAY
LEAST_LIFT, LEAST_Z = 1.1, 3.0
"""Contacts cluster with crises where there are a tenth more pairs than by chance, and three standard deviations."""


@dataclass(frozen=True)
class Clustering:
    """Pairs seen, pairs by chance, and how many standard deviations lie between them."""

    pairs: int
    expected: float
    z: float

    @property
    def lift(self) -> float:
        """Pairs seen ÷ by chance; NaN where chance gives none."""
        return self.pairs / self.expected if self.expected > 0 else float("nan")

    @property
    def clusters(self) -> bool:
        """Whether that is more than chance."""
        return self.lift >= LEAST_LIFT and self.z >= LEAST_Z


def weekly_counts(cell: NDArray[np.int64], occurred_at: Instants, *, cells: int, first: int, end: int) -> Counts:
    """Events of each cell in the whole weeks that end at `end` and began at `first` or later. Shape (cells, weeks)."""
    weeks = max((end - first) // WEEK_US, 0)
    week = (occurred_at - (end - weeks * WEEK_US)) // WEEK_US
    inside = (week >= 0) & (week < weeks) & (occurred_at < end)
    counts = np.bincount(cell[inside] * weeks + week[inside], minlength=cells * weeks)
    return counts.reshape(cells, weeks).astype(np.int64)


def clustering(signal: Counts, crisis: Counts) -> Clustering:
    """Of two tables of weekly counts, shape (cells, weeks).

    The variance is that of a sum of products of independent Poisson counts with these means.
    """
    before, after = signal[:, :-1], crisis[:, 1:]
    one, other = _by_margins(before), _by_margins(after)
    pairs, expected = int((before * after).sum()), float((one * other).sum())
    variance = float((one * other * (1 + one + other)).sum())
    return Clustering(pairs, expected, float((pairs - expected) / np.sqrt(variance)) if variance > 0 else 0.0)


def _by_margins(counts: Counts) -> Numbers:
    """What each cell and week would have by its share of the cells and of the weeks."""
    total = counts.sum()
    if not total:
        return np.zeros(counts.shape)
    return np.asarray(np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total, dtype=np.float64)
