"""What a count of a place says: more or fewer than usual here, or than in an average place."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.reasons import BESIDE_OTHERS, BY_ITSELF, NOT_AT_ALL, Words, is_count
from crisisrisk.models.trees import Numbers


@dataclass(frozen=True)
class Comparisons:
    """What counts are held against. Shape (rows, features), NaN for what is no count or not known.

    `usual`: the count at the rate of the time before its lookback, in the same place. `average`: that of all places in
    the same shift.
    """

    counts: NDArray[np.bool_]
    """Which features are counts. Shape (features,)."""
    usual: Numbers
    average: Numbers

    def words(self, features: NDArray[Any]) -> Words:
        """What the words of each count say. `features`: shape (rows, features)."""
        here = np.sign(features - np.round(self.usual))
        elsewhere = np.sign(features - self.average)
        return Words(*(self._fitting(here * way, elsewhere * way) for way in (1, -1)))

    def _fitting(self, here: Numbers, elsewhere: Numbers) -> NDArray[np.int8]:
        """Either is 1 where the count says so, -1 where it says the opposite, and 0 or NaN where neither."""
        beside = np.where(elsewhere > 0, np.where(np.isnan(here), BY_ITSELF, BESIDE_OTHERS), NOT_AT_ALL)
        return np.where(~self.counts | (here > 0), BY_ITSELF, beside).astype(np.int8)


def comparisons(recipe: FeatureRecipe, features: NDArray[Any], *, shifts: int, history_days: float) -> Comparisons:
    """What every count of every place of some shifts is held against. `features`: shape (shifts × places, features)."""
    counts = np.array([is_count(spec) for spec in recipe.specs], dtype=bool)
    of_shifts = features.reshape(shifts, -1, features.shape[1])
    average = np.where(counts, of_shifts.mean(axis=1, dtype=np.float64), np.nan)
    usual = usual_before(recipe, features, history_days=history_days)
    return Comparisons(counts, usual, np.repeat(average, of_shifts.shape[1], axis=0))


def usual_before(recipe: FeatureRecipe, features: NDArray[Any], *, history_days: float) -> Numbers:
    """What each count would be at the rate of the time before its lookback. Shape (rows, features); NaN if not known.

    Read from the longest of its longer lookbacks that the history covers.
    """
    usual = np.full(features.shape, np.nan)
    for feature, longer in longer_lookbacks(recipe).items():
        short = recipe.specs[feature].lookback_days or 0
        covered = [other for other in longer if (recipe.specs[other].lookback_days or 0) <= history_days]
        if covered:
            days = recipe.specs[covered[-1]].lookback_days or 0
            before = features[:, covered[-1]].astype(np.float64) - features[:, feature]
            usual[:, feature] = before * short / (days - short)
    return usual


def longer_lookbacks(recipe: FeatureRecipe) -> dict[int, tuple[int, ...]]:
    """For each count in a lookback, the features that count the same in longer ones, shortest first."""
    by_kind: dict[tuple[object, ...], list[int]] = {}
    for feature, spec in enumerate(recipe.specs):
        if is_count(spec) and spec.lookback_days is not None:
            by_kind.setdefault((spec.aggregation, spec.sources, spec.where), []).append(feature)
    days = [spec.lookback_days or 0 for spec in recipe.specs]
    return {
        feature: tuple(sorted((other for other in kind if days[other] > days[feature]), key=lambda other: days[other]))
        for kind in by_kind.values()
        for feature in kind
    }
