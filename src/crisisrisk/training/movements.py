"""Which features move a model most, and which way, as numbers: from exact contributions to judged rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.specs import FeatureRecipe, Phrases, meaning_in_words
from crisisrisk.models.scorer import Scorer
from crisisrisk.models.trees import Numbers

SHOWN_FEATURES = 15
FIFTH = 0.2


def movements(
    scorer: Scorer, features: NDArray[Any], recipe: FeatureRecipe, phrases: Mapping[str, Phrases]
) -> list[dict[str, Any]]:
    """The features that move the log-odds most, by mean absolute contribution, each with its meaning.

    `features`: shape (rows, features), columns in the order of `recipe.names`. `when_small`, `when_large`: the mean
    contribution where the value is in its smallest, and its largest, fifth; None where it has no two values.
    """
    columns = [recipe.names.index(name) for name in scorer.feature_names]
    contributions: Numbers = scorer.contributions(features, recipe.names)[:, :-1]
    movement = np.abs(contributions).mean(axis=0) if len(features) else np.zeros(len(columns))
    chosen = [place for place in np.argsort(-movement, kind="stable")[:SHOWN_FEATURES].tolist() if movement[place] > 0]
    return [
        {
            "name": scorer.feature_names[place],
            "meaning": meaning_in_words(recipe.specs[columns[place]], phrases),
            "movement": float(movement[place]),
            **_ends(features[:, columns[place]], contributions[:, place]),
        }
        for place in chosen
    ]


def _ends(values: NDArray[Any], contribution: Numbers) -> dict[str, float | None]:
    known = ~np.isnan(values)
    values, contribution = values[known], contribution[known]
    if len(values) == 0 or values.min() == values.max():
        return {"when_small": None, "when_large": None}
    small, large = np.quantile(values, FIFTH), np.quantile(values, 1 - FIFTH)
    at_least = values >= large if large > small else values > small  # most values are the same: the others are large
    return {
        "when_small": float(contribution[values <= small].mean()),
        "when_large": float(contribution[at_least].mean()) if at_least.any() else None,
    }
