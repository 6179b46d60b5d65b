"""Why a number is what it is: exact contributions, summed per group of features, in plain words tied to counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.specs import FeatureRecipe, FeatureSpec, Phrases, phrases_of, reason_in_words
from crisisrisk.models.trees import Numbers

MOST_UP, MOST_DOWN = 3, 2
LEAST_SHARE = 0.03
"""Groups that move the answer less than this share of all movement are not worth a sentence."""

# Of the features of a group, the one that says most in words is shown before the one that moved a little more.
_PLAIN = ("count", "distinct_days", "distinct_sources", "days_since_last", "any", "episodes", "not_followed_up",
          "days_in_total", "same_shift_count", "neighbours_1_count", "neighbours_2_count", "area_count")  # fmt: skip
_COUNTS = ("count", "same_shift_count", "neighbours_1_count", "neighbours_2_count", "area_count")
_FOR_EVERY_CELL = ("area_count", "shift", "shift_hours", "weekday", "month", "bank_holiday", "day_before_bank_holiday")


@dataclass(frozen=True)
class Reason:
    """One reason: `feature` is the column that its words are about, `share` its part of all movement, 0 to 1."""

    direction: str
    share: float
    feature: int
    value: float


@dataclass(frozen=True)
class FeatureGroups:
    """The groups of a recipe: `names` in order of first appearance, and for each feature its group."""

    names: tuple[str, ...]
    of_feature: NDArray[np.int64]


def feature_groups(recipe: FeatureRecipe) -> FeatureGroups:
    """The groups whose contributions are summed."""
    names = tuple(dict.fromkeys(spec.group for spec in recipe.specs))
    place = {name: number for number, name in enumerate(names)}
    return FeatureGroups(names, np.array([place[spec.group] for spec in recipe.specs], dtype=np.int64))


def group_contributions(contributions: Numbers, groups: FeatureGroups) -> Numbers:
    """Sum of the exact contributions of each group. Shape (rows, groups).

    `contributions`: shape (rows, features + 1); its last column, the expected value, is no reason and is left out.
    """
    summed = np.zeros((len(contributions), len(groups.names)))
    for feature, group in enumerate(groups.of_feature):
        summed[:, group] += contributions[:, feature]
    return summed


def reasons_for(
    recipe: FeatureRecipe,
    contributions: Numbers,
    features: NDArray[Any],
    *,
    most_up: int = MOST_UP,
    most_down: int = MOST_DOWN,
) -> list[list[Reason]]:
    """For each row its strongest reasons, those that push up first, each direction by falling share.

    `features`: shape (rows, features), columns in the order of `recipe.names`, as are the contributions.
    """
    groups = feature_groups(recipe)
    telling = _telling(recipe, groups)
    summed = group_contributions(contributions, groups)
    movement = np.abs(summed).sum(axis=1)
    members = [np.flatnonzero(groups.of_feature == group) for group in range(len(groups.names))]
    plain = np.array([spec.aggregation in _PLAIN or not spec.sources for spec in recipe.specs])
    found = []
    for row in range(len(summed)):
        chosen = _strongest(summed[row], movement[row], telling, most_up=most_up, most_down=most_down)
        found.append(
            [
                _reason(group, summed[row], movement[row], members[group], contributions[row], features[row], plain)
                for group in chosen
            ]
        )
    return found


def _telling(recipe: FeatureRecipe, groups: FeatureGroups) -> NDArray[np.bool_]:
    """Which groups tell one row from another. What holds for every cell of a shift is no reason for one of them."""
    apart = np.array([recipe.subject == "person" or spec.aggregation not in _FOR_EVERY_CELL for spec in recipe.specs])
    return np.bincount(groups.of_feature, weights=apart, minlength=len(groups.names)) > 0


def _strongest(
    summed: Numbers, movement: float, telling: NDArray[np.bool_], *, most_up: int, most_down: int
) -> list[int]:
    order = np.argsort(-np.abs(summed), kind="stable")
    worth = [int(group) for group in order if abs(summed[group]) > LEAST_SHARE * movement and telling[group]]
    up = [group for group in worth if summed[group] > 0][:most_up]
    return up + [group for group in worth if summed[group] < 0][:most_down]


def _reason(
    group: int,
    summed: Numbers,
    movement: float,
    members: NDArray[np.int64],
    contributions: Numbers,
    features: NDArray[Any],
    plain: NDArray[np.bool_],
) -> Reason:
    """Words are about the member that pushed hardest in the group's direction, plain ones before the others."""
    direction = 1.0 if summed[group] > 0 else -1.0
    push = contributions[members] * direction
    pushing = push > 0
    candidates = members[pushing & plain[members]] if (pushing & plain[members]).any() else members[pushing]
    best = int(candidates[np.argmax(contributions[candidates] * direction)])
    share = round(float(abs(summed[group]) / movement), 3)
    return Reason("up" if direction > 0 else "down", share, best, float(features[best]))


# Words


def words_of(spec: FeatureSpec, value: float, phrases: Mapping[str, Phrases]) -> str:
    """The reason of a feature in words, tied to its count: "3 missed appointments in the last 28 days"."""
    named = phrases_of(spec, phrases)
    if spec.aggregation == "days_since_last" and isnan(value):
        return f"no {named.singular} so far"
    text = reason_in_words(spec, value, phrases)
    if value < 1:
        text = text.replace(" 0 days", " less than a day")
    if spec.aggregation in _COUNTS and value == 0 and text.startswith("0 "):
        return f"no {text[2:]}"
    return text


def is_count(spec: FeatureSpec) -> bool:
    """Whether a feature's value is a number of events."""
    return spec.aggregation in _COUNTS


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


def usual_before(
    recipe: FeatureRecipe, feature: int, values: NDArray[Any], longer: Sequence[int], *, history_days: float
) -> float:
    """What the count of a feature would be at the rate of the time before its lookback; NaN where that is not known.

    Reads the longest of the longer lookbacks that the history covers.
    """
    short = recipe.specs[feature].lookback_days or 0
    covered = [other for other in longer if (recipe.specs[other].lookback_days or 0) <= history_days]
    if not covered:
        return float("nan")
    days = recipe.specs[covered[-1]].lookback_days or 0
    return float(values[covered[-1]] - values[feature]) * short / (days - short)
