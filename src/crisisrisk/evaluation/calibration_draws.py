"""Calibration again and again, of rows that count several times: what a bootstrap asks for.

Rows whose log-odds agree to a twentieth are taken together, so that a fit reads some hundred lines and not every row;
that moves the end of an interval by less than the width of a drawn line. Values themselves are computed on all rows.
"""

import numpy as np

from crisisrisk.evaluation.bootstrap import Rows
from crisisrisk.evaluation.calibration_curve import CalibrationCurve, errors_of, spline
from crisisrisk.evaluation.logistic import FloatArray, expit, fit_logistic, logit
from crisisrisk.evaluation.metrics import LEAST_PROBABILITY, Happened

STEP = 0.05
"""Width of a bin in log-odds."""


class BinnedCalibration:
    """Rows by their log-odds. `weights` below are of shape (rows,): how often each row counts."""

    def __init__(self, risk: FloatArray, happened: Happened, *, knots: FloatArray | None = None) -> None:
        log_odds = logit(risk, least=LEAST_PROBABILITY)
        self._which = np.unique(np.round(log_odds / STEP), return_inverse=True)[1]
        self._happened = happened
        self._log_odds = np.bincount(self._which, weights=log_odds) / np.bincount(self._which)
        self._knots = np.empty(0) if knots is None else knots

    def slope(self, weights: Rows) -> float:
        """As `metrics.calibration_slope_intercept`."""
        return float(self._fit(self._log_odds[:, None], weights)[1])

    def line(self, weights: Rows) -> tuple[float, float]:
        """Intercept and slope."""
        intercept, slope = self._fit(self._log_odds[:, None], weights)[:2]
        return float(intercept), float(slope)

    def in_the_large(self, weights: Rows) -> float:
        """As `metrics.calibration_in_the_large`."""
        return float(self._fit(np.empty((len(self._log_odds), 0)), weights, offset=True)[0])

    def errors(self, weights: Rows, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """ICI, E50 and E90 of the flexible curve, shape (3,), and the curve at some risks, shape (len(at),)."""
        curve = self._curve(weights)
        people = np.bincount(self._which, weights=weights, minlength=len(self._log_odds))
        errors = errors_of(curve, expit(self._log_odds), people.astype(np.float64))
        return np.array([errors.ici, errors.e50, errors.e90]), curve.happened(at)

    def _curve(self, weights: Rows) -> CalibrationCurve:
        for knots in (self._knots, self._knots[:0]):
            columns = spline(self._log_odds, knots)
            fit = fit_logistic(np.vstack([columns, columns]), self._classes, weights=self._counts(weights))
            if np.isfinite(fit.intercept):
                break
        return CalibrationCurve(knots, fit)

    def _fit(self, columns: FloatArray, weights: Rows, *, offset: bool = False) -> FloatArray:
        fixed = np.concatenate([self._log_odds, self._log_odds]) if offset else None
        fit = fit_logistic(
            np.vstack([columns, columns]), self._classes, offset=fixed, weights=self._counts(weights)
        )  # fmt: skip
        return np.append(fit.intercept, fit.coefficients)

    @property
    def _classes(self) -> Happened:
        return np.repeat([True, False], len(self._log_odds))

    def _counts(self, weights: Rows) -> FloatArray:
        """How often each bin counts with, then without the outcome."""
        bins = len(self._log_odds)
        with_outcome = np.bincount(self._which, weights=weights * self._happened, minlength=bins)
        return np.concatenate([with_outcome, np.bincount(self._which, weights=weights, minlength=bins) - with_outcome])
