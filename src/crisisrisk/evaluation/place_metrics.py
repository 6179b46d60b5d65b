"""How well expected counts of places fit. Pure functions of arrays.

`expected`: expected events, 0 or more; `counts`: events that happened. Both have the same shape. Where there is
nothing to count the value is NaN. Arrays that do not fit together raise ModelError. Scores of a whole distribution
are in `count_scores`, calibration in `count_calibration`, rankings in `place_ranking`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from crisisrisk.evaluation.count_scores import expected_and_counts
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import NOT_A_NUMBER


def poisson_deviances(expected: ArrayLike, counts: ArrayLike) -> FloatArray:
    """2 × (`y ln(y / mu) − (y − mu)`) of each, with `y ln y` = 0 at 0 (McCullagh and Nelder 1989). Shape as given.

    Infinite when something happened where exactly 0 was expected.
    """
    forecast, events = expected_and_counts(expected, counts)
    found = 2.0 * (forecast - events)
    some = events > 0
    with np.errstate(divide="ignore"):
        found[some] += 2.0 * events[some] * np.log(events[some] / forecast[some])
    return found


def poisson_deviance(expected: ArrayLike, counts: ArrayLike) -> float:
    """Mean of `poisson_deviances`: smaller is better. NaN without cells."""
    found = poisson_deviances(expected, counts)
    return float(found.sum() / found.size) if found.size else NOT_A_NUMBER


@dataclass(frozen=True)
class DevianceFloor:
    """Deviance of counts drawn from the forecast itself: what a forecast that is exactly right would show."""

    mean: float
    spread: float


def deviance_floor(expected: ArrayLike, *, seed: int, draws: int = 20) -> DevianceFloor:
    """Mean and standard deviation over seeded Poisson draws. NaN without cells."""
    forecast = np.asarray(expected, dtype=np.float64)
    random = np.random.default_rng(seed)
    values = [poisson_deviance(forecast, random.poisson(forecast)) for _ in range(draws)]
    return DevianceFloor(float(np.mean(values)), float(np.std(values, ddof=1)) if draws > 1 else NOT_A_NUMBER)


def calibration_ratio(expected: ArrayLike, counts: ArrayLike) -> float:
    """Events that happened ÷ events expected: above 1 too few were expected. NaN when none were."""
    forecast, events = expected_and_counts(expected, counts)
    total = float(forecast.sum())
    return float(events.sum()) / total if total > 0 else NOT_A_NUMBER
