"""Errors of series beside those of the seasonal naive forecast: for totals, never for sparse cells. Pure functions.

`expected`, `counts`: shape (shifts, series). `history`: counts before the forecast, shape (earlier shifts, series),
in order of time. `season`: shifts in a week. A series whose history has a mean under 1 is left out: where most
counts are 0, forecasting 0 would win. NaN where no series is left.
"""

import numpy as np
from numpy.typing import ArrayLike

from crisisrisk.evaluation.count_scores import expected_and_counts
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import NOT_A_NUMBER, wrong_values

LEAST_MEAN = 1.0


def mase(expected: ArrayLike, counts: ArrayLike, history: ArrayLike, *, season: int) -> float:
    """Mean over series of mean |y − mu| ÷ mean |y(t) − y(t − season)| of the history (Hyndman and Koehler 2006)."""
    forecast, events, before = _usable(expected, counts, history, season)
    naive = np.abs(before[season:] - before[:-season]).mean(axis=0)
    return _mean_ratio(np.abs(events - forecast).mean(axis=0), naive)


def rmsse(expected: ArrayLike, counts: ArrayLike, history: ArrayLike, *, season: int) -> float:
    """Mean over series of √(mean (y − mu)² ÷ mean (y(t) − y(t − season))²) (M5, Makridakis and others 2022)."""
    forecast, events, before = _usable(expected, counts, history, season)
    naive = ((before[season:] - before[:-season]) ** 2).mean(axis=0)
    return _mean_ratio(((events - forecast) ** 2).mean(axis=0), naive, root=True)


def _usable(
    expected: ArrayLike, counts: ArrayLike, history: ArrayLike, season: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    forecast, events = expected_and_counts(expected, counts)
    before = np.asarray(history, dtype=np.float64)
    if forecast.ndim != 2 or before.ndim != 2 or before.shape[1] != forecast.shape[1] or len(before) <= season:
        raise wrong_values(
            "a history does not fit the forecast", wanted=f"more than {season} shifts of the same series",
            found=f"{before.shape} for {forecast.shape}",
        )  # fmt: skip
    kept = before.mean(axis=0) >= LEAST_MEAN
    return forecast[:, kept], events[:, kept].astype(np.float64), before[:, kept]


def _mean_ratio(error: FloatArray, naive: FloatArray, *, root: bool = False) -> float:
    """Series whose history never changes from season to season have no scale and are left out."""
    scaled = error[naive > 0] / naive[naive > 0]
    if not scaled.size or not np.isfinite(scaled).all():
        return NOT_A_NUMBER
    return float((np.sqrt(scaled) if root else scaled).mean())
