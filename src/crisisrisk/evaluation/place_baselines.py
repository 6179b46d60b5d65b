"""The simple forecasts of places beside which every model is judged: each rule, refitted whenever the model is.

The counts that a rule is fitted on use the versions known at the end of the data, as a model's labels do; what a
forecast reads was known at its own issue time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.features.place_past import PlacePast
from crisisrisk.models.place_rules.rules import PLACE_RULES, PlaceRule, fitted_rule, lacking

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fold:
    """One fit: which shifts it learns from, and which it forecasts. Both are indices into the shifts of the past."""

    fit: Indices
    test: Indices


@dataclass(frozen=True, eq=False)
class BaselinePanel:
    """The forecast of every rule, shape (tested shifts, cells), in the order of the folds; and why some are missing."""

    forecasts: Mapping[str, FloatArray]
    left_out: Mapping[str, str]
    """The rules that these places cannot have, with the reason."""


def place_baselines(past: PlacePast, counts: NDArray[Any], folds: Sequence[Fold]) -> BaselinePanel:
    """Every rule on the tested shifts of all folds. `past`: of all shifts; `counts`: (shifts, cells).

    NaN for a shift with no past at all. Time: the rules that are fitted are so once a fold. Memory: one forecast a
    rule, and the tables of one fold at a time.
    """
    tested = past.only(np.concatenate([fold.test for fold in folds]))
    left_out = {name: problem for name in PLACE_RULES if (problem := lacking(name, past.cells))}
    forecasts = {
        name: kind.expected(tested, {}) if kind.fit is None else np.empty((len(tested.rows), len(past.cells)))
        for name, kind in PLACE_RULES.items()
        if name not in left_out
    }
    first = 0
    for fold in folds:
        part = slice(first, first + len(fold.test))
        first = part.stop
        for name, rule in _fitted(past.only(fold.fit), counts[fold.fit], forecasts).items():
            forecasts[name][part] = rule.expected(past.only(fold.test))
    return BaselinePanel(forecasts, left_out)


def _fitted(past: PlacePast, counts: NDArray[Any], wanted: Mapping[str, FloatArray]) -> dict[str, PlaceRule]:
    """Each rule that is fitted, with its numbers; a kind of fit that two rules share is made once."""
    made: dict[object, PlaceRule] = {}
    found = {}
    for name in wanted:
        fit = PLACE_RULES[name].fit
        if fit is None:
            continue
        if fit not in made:
            made[fit] = fitted_rule(name, past, counts)
        found[name] = PlaceRule(name, made[fit].numbers, made[fit].latency_hours)
    return found
