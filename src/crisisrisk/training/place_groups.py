"""What each group of features of a place model is worth on validation."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from crisisrisk.evaluation.place_metrics import poisson_deviance
from crisisrisk.evaluation.splits import ShiftSplit
from crisisrisk.features.recipe import groups_of, without_groups
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.training.place import expected_for, fit_place
from crisisrisk.training.place_data import PlaceData
from crisisrisk.training.recipe import TrainingRecipe

SIMPLE = "all groups"
"""What is left without any group: the simple forecast."""
RECENT = "recent counts beside the map"
"""The regression below the trees."""


def group_worth(
    recipe: TrainingRecipe, features: FeatureRecipe, data: PlaceData, split: ShiftSplit, *, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """What each group is worth: Poisson deviance on the validation shifts without it, less that with all of them.

    Every group costs a fit, on the training shifts. The trees stop on the same validation shifts, so a worth near 0 is
    nothing; the last row is what all groups together add to the simple forecast.
    """
    counts = data.counts[data.usable[data.rows_of(split.validation)]]
    whole = _deviance(recipe, features, data, split)
    simple = poisson_deviance(np.exp(data.offset[data.rows_of(split.validation)]), counts)
    rows = []
    for group in groups_of(features):
        if len(groups_of(features)) == 1:
            break
        tell(f"fitting without {group} …")
        rows.append({"group": group, "worth": _deviance(recipe, *_left(features, data, group), split) - whole})
    if data.moved is not None:
        tell("fitting without recent counts beside the map …")
        worth = _deviance(recipe, features, replace(data, recent=None, moved=None), split) - whole
        rows.append({"group": RECENT, "worth": worth})
    return [*rows, {"group": SIMPLE, "worth": simple - whole}]


def _left(features: FeatureRecipe, data: PlaceData, group: str) -> tuple[FeatureRecipe, PlaceData]:
    kept = np.array([spec.group != group for spec in features.specs])
    return without_groups(features, (group,)), replace(data, features=data.features[:, :, kept])


def _deviance(recipe: TrainingRecipe, features: FeatureRecipe, data: PlaceData, split: ShiftSplit) -> float:
    model = fit_place(recipe, features, data, train=split.train, validation=split.validation)
    expected = expected_for(model, features, data, split.validation)
    return poisson_deviance(expected, data.counts[data.usable[data.rows_of(split.validation)]])
