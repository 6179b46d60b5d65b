"""The simple forecasts of places beside which every model is judged: each rule, refitted whenever the model is.

The counts that a rule is fitted on use the versions known at the end of the data, as a model's labels do; what a
forecast reads was known at its own issue time. How counts scatter around a rule is fitted on the very shifts on which
that is fitted for the model: no rule is held to be Poisson where the model is not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.concurrency import in_order
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.features.place_past import PlacePast
from crisisrisk.models.place_rules.rules import PLACE_RULES, PlaceRule, fitted_rule, lacking
from crisisrisk.models.place_scatter import fit_dispersion
from crisisrisk.models.scattered_forecast import ScatteredForecast
from crisisrisk.tables.cells import density_of

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fold:
    """One fit: which shifts it learns from, which of them say how counts scatter, and which it forecasts.

    All are indices into the shifts of the past.
    """

    fit: Indices
    scatter: Indices
    test: Indices


@dataclass(frozen=True, eq=False)
class BaselinePanel:
    """The forecast of every rule, (tested shifts, cells), in the order of the folds; and why some are missing."""

    forecasts: Mapping[str, ScatteredForecast]
    left_out: Mapping[str, str]
    """The rules that these places cannot have, with the reason."""


def place_baselines(past: PlacePast, counts: NDArray[Any], folds: Sequence[Fold], *, workers: int = 1) -> BaselinePanel:
    """Every rule on the tested shifts of all folds. `past`: of all shifts; `counts`: (shifts, cells).

    NaN for a shift with no past at all. Time: a rule without a fit forecasts every shift once, however many folds ask
    for it; those that are fitted are so once a fold. Memory: two tables of the asked shifts a rule. `workers`: how many
    rules or folds are worked on at once; nothing depends on it.
    """
    left_out = {name: problem for name in PLACE_RULES if (problem := lacking(name, past.cells))}
    names = [name for name in PLACE_RULES if name not in left_out]
    asked = np.unique(np.concatenate([part for fold in folds for part in (fold.scatter, fold.test)]))
    shown = past.only(asked)
    steady = [name for name in names if PLACE_RULES[name].fit is None]
    made = in_order([partial(_steady, name, shown, asked, past, counts, folds) for name in steady], workers=workers)
    found = dict(zip(steady, made, strict=True))
    fitted = in_order([partial(_of_fold, past, counts, names, fold) for fold in folds], workers=workers)
    found |= {name: ScatteredForecast.joined([one[name] for one in fitted]) for name in names if name not in found}
    return BaselinePanel({name: found[name] for name in names}, left_out)


def _steady(
    name: str, shown: PlacePast, asked: Indices, past: PlacePast, counts: NDArray[Any], folds: Sequence[Fold]
) -> ScatteredForecast:
    """The forecasts of a rule that nothing is fitted for: the same whichever fold asks. `shown`: past of `asked`."""
    expected = PLACE_RULES[name].expected(shown, {})
    return ScatteredForecast.joined(
        [
            _scattered(
                past, counts, fold, *(expected[np.searchsorted(asked, part)] for part in (fold.scatter, fold.test))
            )
            for fold in folds
        ]
    )


def _of_fold(past: PlacePast, counts: NDArray[Any], names: Sequence[str], fold: Fold) -> dict[str, ScatteredForecast]:
    """The forecasts of the rules that are fitted, by name."""
    fitted = _fitted(past.only(fold.fit), counts[fold.fit], names)
    return {
        name: _scattered(past, counts, fold, *_forecasts(rule, past, (fold.scatter, fold.test)))
        for name, rule in fitted.items()
    }


def _forecasts(rule: PlaceRule, past: PlacePast, parts: Sequence[Indices]) -> Iterator[FloatArray]:
    """What a rule expects on several runs of shifts, asked at once."""
    whole = rule.expected(past.only(np.concatenate(parts)))
    return iter(np.split(whole, np.cumsum([len(part) for part in parts])[:-1]))


def _scattered(
    past: PlacePast, counts: NDArray[Any], fold: Fold, before: FloatArray, tested: FloatArray
) -> ScatteredForecast:
    """What was tested, with dispersions from what was forecast `before`; shifts without a past say nothing."""
    density, known = density_of(past.cells), np.isfinite(before).all(axis=1)
    names = [past.rows.shifts[one].name for one in fold.scatter[known].tolist()]
    distribution = fit_dispersion(before[known], counts[fold.scatter[known]], names, density)
    return ScatteredForecast.of(
        distribution, tested, [past.rows.shifts[one].name for one in fold.test.tolist()], density
    )


def _fitted(past: PlacePast, counts: NDArray[Any], wanted: Sequence[str]) -> dict[str, PlaceRule]:
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
