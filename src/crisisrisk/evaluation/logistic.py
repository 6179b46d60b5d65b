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
    design: FloatArray,
    happened: NDArray[np.bool_],
    *,
    ridge: float = 0.0,
    offset: FloatArray | None = None,
    weights: FloatArray | None = None,
) -> LogisticFit:
    """Penalised maximum likelihood, `ridge / 2 × sum of squared coefficients`; the intercept is not penalised.

    `design`: shape (rows, factors), may have no columns; `offset`: shape (rows,), log-odds known beforehand;
    `weights`: shape (rows,), how often each row counts, 0 or more.
    Newton's method with step halving (McCullagh and Nelder 1989, section 4.4). Without a ridge, an outcome that
    the factors separate perfectly has no finite fit: the result is NaN, as it is when only one class is present.
    """
    columns = np.column_stack([np.ones(len(design)), design])
    penalty = np.full(columns.shape[1], ridge)
    penalty[0] = 0.0
    offset = np.zeros(len(design)) if offset is None else offset
    data = _Data(columns, happened, offset, np.ones(len(design)) if weights is None else weights, penalty)
    return _newton(data if weights is None else data.where(weights > 0))


@dataclass(frozen=True)
class _Data:
    columns: FloatArray
    happened: NDArray[np.bool_]
    offset: FloatArray
    counts: FloatArray
    penalty: FloatArray

    def where(self, rows: NDArray[np.bool_]) -> "_Data":
        return _Data(self.columns[rows], self.happened[rows], self.offset[rows], self.counts[rows], self.penalty)

    def loss(self, coefficients: FloatArray) -> float:
        log_odds = self.columns @ coefficients + self.offset
        surprise = np.logaddexp(0.0, np.where(self.happened, -log_odds, log_odds))
        return float((self.counts * surprise).sum() + 0.5 * self.penalty @ coefficients**2)

    def step(self, coefficients: FloatArray) -> FloatArray | None:
        """Newton's step, None where the curvature cannot be inverted."""
        probability = expit(self.columns @ coefficients + self.offset)
        gradient = self.columns.T @ (self.counts * (probability - self.happened)) + self.penalty * coefficients
        steepness = self.counts * probability * (1.0 - probability)
        curvature = (self.columns * steepness[:, None]).T @ self.columns + np.diag(self.penalty)
        try:
            return np.asarray(np.linalg.solve(curvature, gradient))
        except np.linalg.LinAlgError:
            return None

    def shortened(self, coefficients: FloatArray, step: FloatArray, loss: float) -> tuple[FloatArray, float]:
        """Half the step until the loss falls; when it no longer does, the coefficients stay."""
        for _ in range(30):
            candidate = coefficients - step
            lower = self.loss(candidate)
            if lower <= loss:
                return candidate, lower
            step = step / 2.0
        return coefficients, loss


def _newton(data: _Data) -> LogisticFit:
    coefficients = np.zeros(data.columns.shape[1])
    if data.happened.all() or not data.happened.any():
        return _no_fit(coefficients)
    loss = data.loss(coefficients)
    for _ in range(_MOST_STEPS):
        step = data.step(coefficients)
        if step is None:
            break
        coefficients, lower = data.shortened(coefficients, step, loss)
        if loss - lower < _CONVERGED * (abs(loss) + 1.0):
            finite = _is_finite_fit(coefficients, data.columns)
            return LogisticFit(float(coefficients[0]), coefficients[1:]) if finite else _no_fit(coefficients)
        loss = lower
    return _no_fit(coefficients)


def _is_finite_fit(coefficients: FloatArray, columns: FloatArray) -> bool:
    """Perfect separation lets log-odds run away until the loss no longer changes: no row is left in doubt."""
    return bool(np.abs(columns @ coefficients).min() < 15.0) if len(coefficients) > 1 else True


def _no_fit(coefficients: FloatArray) -> LogisticFit:
    return LogisticFit(float("nan"), np.full(len(coefficients) - 1, np.nan))
