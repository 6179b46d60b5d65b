"""The flexible calibration curve, and how far it lies from what was said: ICI, E50 and E90.

The curve is a logistic regression of the outcome on a restricted cubic spline of the log-odds of the risk, with knots
at Harrell's quantiles. Austin and Steyerberg (2019, Statistics in Medicine 38:4051) define the three numbers, with a
curve by loess; Austin, Harrell and van Klaveren (2020, 39:2714) take such a spline, which is linear in rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from crisisrisk.evaluation.logistic import FloatArray, LogisticFit, fit_logistic, logit
from crisisrisk.evaluation.metrics import LEAST_PROBABILITY, NOT_A_NUMBER, probabilities

KNOTS = (0.05, 0.275, 0.5, 0.725, 0.95)
"""Quantiles of the log-odds at which the curve may bend (Harrell, Regression Modeling Strategies, table 2.3)."""


@dataclass(frozen=True)
class CalibrationCurve:
    """What happened to people of each risk. `knots` are log-odds; fewer than three of them make a straight line."""

    knots: FloatArray
    fit: LogisticFit

    def happened(self, risk: ArrayLike) -> FloatArray:
        """The share to whom it happened, of people with such risks. Shape (rows,); NaN where there was no fit."""
        return self.fit.predict(spline(logit(np.asarray(risk, dtype=np.float64), least=LEAST_PROBABILITY), self.knots))


def calibration_curve(risk: ArrayLike, happened: ArrayLike, *, weights: FloatArray | None = None) -> CalibrationCurve:
    """Fit the curve. Where bends have no finite fit it is a line, and NaN where that has none either.

    `weights`: shape (rows,), how often each row counts; knots lie at quantiles of the rows, counted once each.
    """
    risks, outcomes = probabilities(risk, happened)
    log_odds = logit(risks, least=LEAST_PROBABILITY)
    knots = np.unique(np.quantile(log_odds, KNOTS)) if len(risks) else np.empty(0)
    for bends in (knots, knots[:0]):
        fit = fit_logistic(spline(log_odds, bends), outcomes, weights=weights)
        if np.isfinite(fit.intercept):
            break
    return CalibrationCurve(bends, fit)


def spline(values: FloatArray, knots: FloatArray) -> FloatArray:
    """The columns of a restricted cubic spline: linear outside the outer knots. Shape (rows, max(1, knots − 1)).

    Harrell, section 2.4.5, with his division by the square of the span of the knots.
    """
    if len(knots) < 3:
        return values[:, None]
    last, before = knots[-1], knots[-2]
    span = (last - knots[0]) ** 2

    def cube(knot: float) -> FloatArray:
        return np.asarray(np.maximum(values - knot, 0.0) ** 3)

    bends = [
        (cube(knot) - cube(before) * (last - knot) / (last - before) + cube(last) * (before - knot) / (last - before))
        / span
        for knot in knots[:-2].tolist()
    ]
    return np.column_stack([values, *bends])


@dataclass(frozen=True)
class CalibrationErrors:
    """Distance of the curve from what was said: mean over people (ICI), median (E50) and nine in ten (E90)."""

    ici: float
    e50: float
    e90: float


def calibration_errors(risk: ArrayLike, happened: ArrayLike) -> CalibrationErrors:
    """ICI, E50 and E90 of Austin and Steyerberg 2019. NaN unless both classes are present and the curve has a fit."""
    risks = np.asarray(risk, dtype=np.float64)
    return errors_of(calibration_curve(risks, happened), risks, np.ones(len(risks)))


def errors_of(curve: CalibrationCurve, risk: FloatArray, weights: FloatArray) -> CalibrationErrors:
    """The three numbers of a curve over people with such risks. `weights`: shape (rows,), how many have each."""
    if len(risk) == 0 or not np.isfinite(curve.fit.intercept):
        return CalibrationErrors(NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER)
    apart = np.abs(curve.happened(risk) - risk)
    median, ninth = weighted_quantiles(apart, weights, (0.5, 0.9))
    return CalibrationErrors(float(np.average(apart, weights=weights)), median, ninth)


def weighted_quantiles(values: FloatArray, weights: FloatArray, shares: tuple[float, ...]) -> list[float]:
    """The least value that so large a share of the weight does not exceed (the inverse of the distribution)."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, np.asarray(shares) * reached[-1] - 1e-9, side="left")
    return [float(value) for value in values[order][np.minimum(places, len(values) - 1)]]
