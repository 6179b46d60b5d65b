"""A small logistic regression, fitted by Newton's method in NumPy: for the five-factor baseline and for calibration."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_MOST_STEPS = 100
_CONVERGED = 1e-10


@dataclass(frozen=True)
class LogisticFit:
    """`P(yes) = 1 / (1 + exp(-(intercept + design @ coefficients + offset)))`. NaN when the fit did not converge."""

    intercept: float
    coefficients: FloatArray

    def predict(self, design: FloatArray) -> FloatArray:
        """Probabilities. `design`: shape (rows, factors). Shape (rows,)."""
        return expit(self.intercept + design @ self.coefficients)


def expit(log_odds: FloatArray) -> FloatArray:
    """Probability of log-odds, without overflow."""
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, small) / (1.0 + small)


def logit(probability: FloatArray, *, least: float) -> FloatArray:
    """Log-odds of probabilities, which are first moved to at least `least` away from 0 and 1."""
    inside = np.clip(probability, least, 1.0 - least)
    return np.log(inside) - np.log1p(-inside)


def fit_logistic(
    design: FloatArray, happened: NDArray[np.bool_], *, ridge: float = 0.0, offset: FloatArray | None = None
) -> LogisticFit:
    """Penalised maximum likelihood, `ridge / 2 × sum of squared coefficients`; the intercept is not penalised.

    `design`: shape (rows, factors), may have no columns; `offset`: shape (rows,), log-odds known beforehand.
    Newton's method with step halving (McCullagh and Nelder 1989, section 4.4). Without a ridge, an outcome that
    the factors separate perfectly has no finite fit: the result is NaN, as it is when only one class is present.
    """
    columns = np.column_stack([np.ones(len(design)), design])
    fixed = np.zeros(len(design)) if offset is None else offset
    penalty = np.full(columns.shape[1], ridge)
    penalty[0] = 0.0
    weights = np.zeros(columns.shape[1])
    if happened.all() or not happened.any():
        return _no_fit(weights)
    loss = _loss(weights, columns, happened, fixed, penalty)
    for _ in range(_MOST_STEPS):
        step = _newton_step(weights, columns, happened, fixed, penalty)
        if step is None:
            break
        weights, lower = _shortened(weights, step, loss, (columns, happened, fixed, penalty))
        if loss - lower < _CONVERGED * (abs(loss) + 1.0):
            return LogisticFit(float(weights[0]), weights[1:]) if _is_finite_fit(weights, columns) else _no_fit(weights)
        loss = lower
    return _no_fit(weights)


def _is_finite_fit(weights: FloatArray, columns: FloatArray) -> bool:
    """Perfect separation lets log-odds run away until the loss no longer changes: no row is left in doubt."""
    return bool(np.abs(columns @ weights).min() < 15.0) if len(weights) > 1 else True


def _no_fit(weights: FloatArray) -> LogisticFit:
    return LogisticFit(float("nan"), np.full(len(weights) - 1, np.nan))


def _loss(
    weights: FloatArray, columns: FloatArray, happened: NDArray[np.bool_], fixed: FloatArray, penalty: FloatArray
) -> float:
    log_odds = columns @ weights + fixed
    return float(np.logaddexp(0.0, np.where(happened, -log_odds, log_odds)).sum() + 0.5 * penalty @ weights**2)


def _newton_step(
    weights: FloatArray, columns: FloatArray, happened: NDArray[np.bool_], fixed: FloatArray, penalty: FloatArray
) -> FloatArray | None:
    probability = expit(columns @ weights + fixed)
    gradient = columns.T @ (probability - happened) + penalty * weights
    curvature = (columns * (probability * (1.0 - probability))[:, None]).T @ columns + np.diag(penalty)
    try:
        return np.asarray(np.linalg.solve(curvature, gradient))
    except np.linalg.LinAlgError:
        return None


def _shortened(
    weights: FloatArray,
    step: FloatArray,
    loss: float,
    data: tuple[FloatArray, NDArray[np.bool_], FloatArray, FloatArray],
) -> tuple[FloatArray, float]:
    """Half the step until the loss falls; when it no longer does, the weights stay."""
    for _ in range(30):
        candidate = weights - step
        lower = _loss(candidate, *data)
        if lower <= loss:
            return candidate, lower
        step = step / 2.0
    return weights, loss
