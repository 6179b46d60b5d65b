"""Proper scores of counts: what a whole predictive distribution is worth. Pure functions of arrays; smaller is better.

`expected`: means of a negative binomial distribution, 0 or more; `counts`: events that happened, of the same shape.
`dispersion`: a in variance = mean + a mean², 0 or more, one number or an array that broadcasts to the shape;
0, the default, is Poisson. Nothing to count is NaN. Arrays that do not fit together raise ModelError.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.evaluation.count_kernels import ranked_scores
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import NOT_A_NUMBER, wrong_values
from crisisrisk.models.count_kernels import log_chances

Counts = NDArray[np.int64]


def expected_and_counts(expected: ArrayLike, counts: ArrayLike) -> tuple[FloatArray, Counts]:
    """Both as arrays. Raises ModelError unless they have one shape, means are 0 or more and counts whole."""
    forecast, events = means_of(expected), np.asarray(counts)
    if forecast.shape != events.shape:
        raise wrong_values(
            "expected and actual counts do not fit together", wanted="two arrays of one shape",
            found=f"{forecast.shape} and {events.shape}",
        )  # fmt: skip
    whole = np.issubdtype(events.dtype, np.integer) or bool(np.equal(np.mod(events, 1), 0).all())
    if not (whole and (events >= 0).all()):
        raise wrong_values("a count cannot be", wanted="whole numbers of 0 or more", found="a fraction or below 0")
    return forecast, events.astype(np.int64)


def means_of(expected: ArrayLike) -> FloatArray:
    """As an array. Raises ModelError for what cannot be an expected count."""
    forecast = np.asarray(expected, dtype=np.float64)
    if not (np.isfinite(forecast).all() and (forecast >= 0).all()):
        raise wrong_values("an expected count cannot be", wanted="finite, 0 or more", found="NaN, infinity or below 0")
    return forecast


def dispersion_of(dispersion: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """One for each row, of that shape. Raises ModelError below 0."""
    spread = np.asarray(dispersion, dtype=np.float64)
    if not (np.isfinite(spread).all() and (spread >= 0).all()):
        raise wrong_values("a dispersion cannot be", wanted="finite, 0 or more", found="NaN, infinity or below 0")
    return np.ascontiguousarray(np.broadcast_to(spread.reshape(()) if spread.size == 1 else spread, shape))


def log_scores(expected: ArrayLike, counts: ArrayLike, *, dispersion: ArrayLike = 0.0) -> FloatArray:
    """−ln P(y) of each (Czado, Gneiting and Held 2009, section 3.2). Infinite where exactly 0 was expected."""
    forecast, events = expected_and_counts(expected, counts)
    scores: FloatArray = -log_chances(
        events.ravel(), forecast.ravel(), dispersion_of(dispersion, forecast.shape).ravel()
    )
    return scores.reshape(forecast.shape)


def log_score(expected: ArrayLike, counts: ArrayLike, *, dispersion: ArrayLike = 0.0) -> float:
    """Mean of `log_scores`."""
    return _mean(log_scores(expected, counts, dispersion=dispersion))


def ranked_probability_scores(expected: ArrayLike, counts: ArrayLike, *, dispersion: ArrayLike = 0.0) -> FloatArray:
    """Sum over k of (P(count ≤ k) − [y ≤ k])² of each (Epstein 1969; Czado, Gneiting and Held 2009, section 3.2)."""
    forecast, events = expected_and_counts(expected, counts)
    scores: FloatArray = ranked_scores(
        events.ravel(), forecast.ravel(), dispersion_of(dispersion, forecast.shape).ravel()
    )
    return scores.reshape(forecast.shape)


def ranked_probability_score(expected: ArrayLike, counts: ArrayLike, *, dispersion: ArrayLike = 0.0) -> float:
    """Mean of `ranked_probability_scores`."""
    return _mean(ranked_probability_scores(expected, counts, dispersion=dispersion))


def dawid_sebastiani_score(expected: ArrayLike, counts: ArrayLike, *, dispersion: ArrayLike = 0.0) -> float:
    """Mean of ((y − mu) ÷ s)² + 2 ln s, with s² = mu + a mu² (Dawid and Sebastiani 1999; Czado and others 2009).

    Only mean and variance enter, so it is cheap, and proper, but blind to the rest of the shape. Raises ModelError
    where exactly 0 was expected: a certain count has no such score.
    """
    forecast, events = expected_and_counts(expected, counts)
    if (forecast == 0).any():
        raise wrong_values("an expected count has no variance", wanted="above 0", found="0")
    variance = forecast + dispersion_of(dispersion, forecast.shape) * forecast**2
    return _mean((events - forecast) ** 2 / variance + np.log(variance))


def _mean(scores: FloatArray) -> float:
    return float(scores.mean()) if scores.size else NOT_A_NUMBER
