"""Fitting a simple rule: its means, and where it leaves them open its weights, from the training rows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.evaluation.logistic import fit_logistic
from crisisrisk.models.formula import GREATEST, Formula, Term
from crisisrisk.models.trees import Numbers, column_places
from crisisrisk.training.baseline_recipe import BaselineRecipe

RIDGE = 1.0
"""Keeps the fit finite where a column separates the outcome, per standard deviation of each column."""


def fit_formula(
    rule: BaselineRecipe, features: NDArray[Any], names: tuple[str, ...], happened: NDArray[np.bool_]
) -> Formula:
    """A rule fitted on training rows. `features`: shape (rows, columns) with `names`; `happened`: shape (rows,).

    Raises DataError when weights are to be fitted and the rows cannot say which.
    """
    if rule.combine == GREATEST:
        return Formula(tuple(_term(rule, place, _given(rule, place)) for place in range(len(rule.terms))),
                       combine=GREATEST)  # fmt: skip
    columns = features[:, column_places(rule.columns, names)].astype(np.float64)
    for place, term in enumerate(rule.terms):
        if term.logarithm:
            columns[:, place] = np.log1p(columns[:, place])
    known = ~np.isnan(columns)
    mean = _mean(columns, known)
    centred = np.where(known, columns - mean, 0.0)
    intercept, weights = _fitted(centred, known, happened) if rule.is_fitted else (0.0, _weights(rule))
    terms = (_term(rule, place, weights[place], mean[place]) for place in range(len(rule.terms)))
    return Formula(tuple(terms), intercept=intercept)


def _given(rule: BaselineRecipe, place: int) -> float:
    return rule.terms[place].weight or 0.0


def _weights(rule: BaselineRecipe) -> Numbers:
    return np.array([_given(rule, place) for place in range(len(rule.terms))])


def _mean(columns: Numbers, known: NDArray[np.bool_]) -> Numbers:
    """Of what is known; 0 for a column of which nothing is."""
    found: Numbers = np.where(known, columns, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return found


def _fitted(centred: Numbers, known: NDArray[np.bool_], happened: NDArray[np.bool_]) -> tuple[float, Numbers]:
    spread = np.sqrt((centred**2).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    spread = np.where(spread > 0, spread, 1.0)
    fit = fit_logistic(centred / spread, happened, ridge=RIDGE)
    if not np.isfinite(fit.intercept):
        raise DataError(
            "CR-TRAIN-002", "the rule's weights cannot be fitted", where="the training rows",
            wanted="rows with the outcome and rows without, which no column tells apart without an error",
            hint="load more data, or serve a rule whose weights are given",
        )  # fmt: skip
    return fit.intercept, fit.coefficients / spread


def _term(rule: BaselineRecipe, place: int, weight: float, mean: float = 0.0) -> Term:
    named = rule.terms[place]
    return Term(column=named.column, logarithm=named.logarithm, weight=float(weight), mean=float(mean))
