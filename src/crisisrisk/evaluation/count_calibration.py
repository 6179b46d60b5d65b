"""Whether predictive distributions of counts mean what they say. Pure functions of arrays.

`expected`, `counts` and `dispersion` as in `count_scores`. Counts are discrete: even the interval of a forecast that
is exactly right covers more than its name, so every coverage stands beside the exact expected one. Intervals hold
both ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.evaluation.count_kernels import pit_up_to
from crisisrisk.evaluation.count_scores import dispersion_of, expected_and_counts, means_of
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import NOT_A_NUMBER, wrong_values
from crisisrisk.models.count_kernels import around, intervals

Counts = NDArray[np.int64]

LEVELS = (0.5, 0.8, 0.95)


@dataclass(frozen=True)
class CountInterval:
    """From `lower` to `upper`, both included. Shapes as the forecast's."""

    lower: Counts
    upper: Counts


def chance_of_at_most(counts: ArrayLike, expected: ArrayLike, *, dispersion: ArrayLike = 0.0) -> FloatArray:
    """P(count ≤ k), exactly; 0 for a k below 0. `counts`: the k, whole numbers of the forecast's shape."""
    forecast = means_of(expected)
    return _around(counts, forecast, dispersion)[1]


def _around(counts: ArrayLike, forecast: FloatArray, dispersion: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """P(count < k) and P(count ≤ k) in the forecast's shape."""
    at = np.broadcast_to(np.asarray(counts, dtype=np.int64), forecast.shape).ravel()
    below, up_to = around(forecast.ravel(), dispersion_of(dispersion, forecast.shape).ravel(), at)
    return below.reshape(forecast.shape), up_to.reshape(forecast.shape)


def central_interval(expected: ArrayLike, *, level: float, dispersion: ArrayLike = 0.0) -> CountInterval:
    """From the least k with P(count ≤ k) ≥ (1 − level) ÷ 2 to the least with P(count ≤ k) ≥ (1 + level) ÷ 2."""
    if not 0.0 < level < 1.0:
        raise wrong_values("an interval has no such level", wanted="between 0 and 1", found=f"{level:g}")
    forecast = means_of(expected)
    tails = np.full(forecast.size, (1 - level) / 2)
    lower, upper, _ = intervals(forecast.ravel(), dispersion_of(dispersion, forecast.shape).ravel(), tails)
    return CountInterval(lower.reshape(forecast.shape), upper.reshape(forecast.shape))


def coverage(interval: CountInterval, counts: ArrayLike) -> float:
    """Share of counts inside their interval. NaN without any."""
    events = np.asarray(counts)
    inside = (interval.lower <= events) & (events <= interval.upper)
    return float(inside.mean()) if inside.size else NOT_A_NUMBER


def expected_coverage(interval: CountInterval, expected: ArrayLike, *, dispersion: ArrayLike = 0.0) -> float:
    """What `coverage` would be on average if the distribution were exactly right: mean of P(lower ≤ count ≤ upper).

    For the interval of `central_interval` this is the exact cover of a perfect forecast: an 80 % interval of a
    Poisson mean of 1 covers 92.0 %, of 5 still 89.1 %. NaN without rows.
    """
    through = chance_of_at_most(interval.upper, expected, dispersion=dispersion)
    below = chance_of_at_most(np.asarray(interval.lower) - 1, expected, dispersion=dispersion)
    return float((through - below).mean()) if through.size else NOT_A_NUMBER


def width(interval: CountInterval) -> float:
    """Mean of upper − lower, in events. NaN without rows."""
    apart = np.asarray(interval.upper) - np.asarray(interval.lower)
    return float(apart.mean()) if apart.size else NOT_A_NUMBER


def pit_shares(expected: ArrayLike, counts: ArrayLike, *, dispersion: ArrayLike = 0.0, bins: int = 10) -> FloatArray:
    """Histogram of the non-randomised probability integral transform: flat, 1 ÷ bins each, for a right forecast.

    F(u) is the mean over rows of (u − P(count < y)) ÷ P(count = y), cut to 0 … 1; the share of bin j is
    F(j ÷ bins) − F((j − 1) ÷ bins) (Czado, Gneiting and Held 2009, section 2.1). A hump: too wide; a U: too narrow.
    Shape (bins,), summing to 1; NaN without rows.
    """
    forecast, events = expected_and_counts(expected, counts)
    if forecast.size == 0:
        return np.full(bins, NOT_A_NUMBER)
    below, through = _around(events, forecast, dispersion)
    edges = np.linspace(0.0, 1.0, bins + 1)
    up_to = pit_up_to(edges[1:-1], below.ravel(), through.ravel())
    return np.diff(np.concatenate([[0.0], up_to, [1.0]]))


# By group


@dataclass(frozen=True, kw_only=True)
class CalibrationOfGroup:
    """What was expected and what happened. `ratio`: events ÷ expected, above 1 where too few were expected."""

    group: str
    rows: int
    events: int
    expected: float

    @property
    def ratio(self) -> float:
        """NaN where nothing was expected."""
        return self.events / self.expected if self.expected > 0 else NOT_A_NUMBER


def calibration_by_group(
    expected: ArrayLike, counts: ArrayLike, group: NDArray[np.int64], names: Sequence[str]
) -> tuple[CalibrationOfGroup, ...]:
    """Calibration of each group that has rows. `group`: index into `names`, broadcast to the shape; -1 is in none."""
    forecast, events = expected_and_counts(expected, counts)
    which = np.broadcast_to(group, forecast.shape).ravel()
    some = which >= 0
    which = which[some]
    rows = np.bincount(which, minlength=len(names))
    said = np.bincount(which, weights=forecast.ravel()[some], minlength=len(names))
    came = np.bincount(which, weights=events.ravel()[some], minlength=len(names))
    return tuple(
        CalibrationOfGroup(group=name, rows=int(rows[place]), events=int(came[place]), expected=float(said[place]))
        for place, name in enumerate(names)
        if rows[place]
    )


def forecast_tenth(expected: ArrayLike) -> NDArray[np.int64]:
    """For each row the tenth that its forecast is in, 0 the lowest; equal forecasts are in one tenth. Shape as given.

    By order of the forecast, never of what happened.
    """
    forecast = means_of(expected)
    edges = np.quantile(forecast, np.arange(1, 10) / 10) if forecast.size else np.empty(0)
    return np.searchsorted(edges, forecast, side="left").astype(np.int64)


def deprivation_fifth(decile: ArrayLike) -> NDArray[np.int64]:
    """Deciles 1–10 as fifths 0–4, 0 the most deprived; -1 where not known."""
    tenth = np.asarray(decile, dtype=np.float64)
    return np.where(np.isfinite(tenth), (np.nan_to_num(tenth, nan=1.0) - 1) // 2, -1).astype(np.int64)
