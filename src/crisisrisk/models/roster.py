"""What of a level still holds so many weeks ahead, and how unsure a roster is by then: found from earlier origins."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.features.place_roster import MOST_WEEKS, RosterTable
from crisisrisk.models.count_kernels import intervals
from crisisrisk.models.holding import share_that_holds
from crisisrisk.models.place_distribution import LEAST_EXPECTED, SHOWN_LEVEL, Interval

Numbers = NDArray[np.float64]
Counts = NDArray[np.int32]

LAST_WEEKS = (2, 6, 9, 12)
"""Weeks ahead are taken together up to each of these."""
FEWEST_ORIGINS = 8
DOUBTED = 2.0
"""Origins a week apart see the same weeks: with so many stretches that do not overlap, half of a hold is believed."""


@dataclass(frozen=True, kw_only=True)
class RosterModel:
    """Numbers by span of weeks ahead, in the order of `LAST_WEEKS`.

    `hold`: how much of the recent level counts, from 0 to 1. `whole`, `areas`: dispersion of the counts of a shift, of
    all areas together and of one; neither falls with the weeks.
    """

    hold: tuple[float, ...]
    whole: tuple[float, ...]
    areas: tuple[float, ...]
    origins: int

    def expected(self, table: RosterTable) -> Numbers:
        """Expected contacts of each area. Shape (shifts, areas)."""
        hold = np.array(self.hold)[span_of(table.week)]
        return np.asarray(table.steady * np.exp(hold * table.log_level)[:, None], dtype=np.float64)

    def whole_interval(self, table: RosterTable, expected: Numbers) -> Interval:
        """Of all areas together. Arrays of shape (shifts,)."""
        return _interval(expected.sum(axis=1), np.array(self.whole)[span_of(table.week)])

    def area_interval(self, table: RosterTable, expected: Numbers) -> Interval:
        """Of each area. Arrays of shape (shifts, areas)."""
        spread = np.array(self.areas)[span_of(table.week)]
        return _interval(expected, np.repeat(spread[:, None], expected.shape[1], axis=1))


def span_of(week: NDArray[np.int64]) -> NDArray[np.int64]:
    """The span of weeks that each is in, as an index into `LAST_WEEKS`."""
    return np.minimum(np.searchsorted(LAST_WEEKS, week), len(LAST_WEEKS) - 1)


def fit_roster(table: RosterTable, counts: Counts) -> RosterModel:
    """From the shifts after earlier origins and what came in them, shape (shifts, areas).

    Dispersions are by moments: (y − m)² − m over m². Raises DataError for fewer origins than say anything.
    """
    origins = len(np.unique(table.origin))
    if origins < FEWEST_ORIGINS:
        raise DataError(
            "CR-TRAIN-002", "the data are too short for a roster", found=f"{origins} weeks to look back from",
            wanted=f"{FEWEST_ORIGINS} Mondays with {LAST_WEEKS[-1]} weeks of complete data after each",
            hint="load earlier data",
        )  # fmt: skip
    span, hold, whole, areas = span_of(table.week), [], [], []
    apart = origins / MOST_WEEKS
    borne_out = apart / (apart + DOUBTED)
    for one in range(len(LAST_WEEKS)):
        rows = span == one
        steady, level, came = table.steady[rows], table.log_level[rows], counts[rows]
        hold.append(borne_out * share_that_holds(steady.sum(axis=1), level, came.sum(axis=1)))
        expected = steady * np.exp(hold[-1] * level)[:, None]
        whole.append(_dispersion(expected.sum(axis=1), came.sum(axis=1)))
        areas.append(_dispersion(expected, came))
    rising = _rising(whole)
    return RosterModel(
        hold=tuple(hold), whole=rising, areas=tuple(np.maximum(_rising(areas), rising).tolist()), origins=origins
    )  # fmt: skip


def _dispersion(expected: Numbers, counts: NDArray[np.integer]) -> float:
    square = float(np.sum(np.square(expected)))
    return max(float(np.sum(np.square(counts - expected) - expected)) / square, 0.0) if square > 0 else 0.0


def _rising(dispersions: Sequence[float]) -> tuple[float, ...]:
    return tuple(np.maximum.accumulate(dispersions).tolist())


def _interval(expected: Numbers, dispersion: Numbers) -> Interval:
    shape, means = expected.shape, np.maximum(expected, LEAST_EXPECTED).ravel()
    lower, upper, chance = intervals(means, dispersion.ravel(), np.full(len(means), (1 - SHOWN_LEVEL) / 2))
    return Interval(lower=lower.reshape(shape), upper=upper.reshape(shape), chance=chance.reshape(shape))
