"""Why a number is what it is: exact contributions, summed per group of features, in plain words tied to counts."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.specs import FeatureRecipe, FeatureSpec
from crisisrisk.models.trees import Numbers

MOST_UP, MOST_DOWN = 3, 2
LEAST_SHARE = 0.03
"""Groups that move the answer less than this share of all movement are not worth a sentence."""

# Of the features of a group, the one that says most in words is shown before the one that moved a little more.
_PLAINEST = ("count", "days_since_last", "any", "not_followed_up", "episodes", "days_in_total", "age", "on_caseload",
             "same_shift_count", "neighbours_1_count", "neighbours_2_count", "area_count")  # fmt: skip
_PLAIN = ("distinct_days", "count_in_week", "days_since_leaving", "days_in", "now", "none", "days_not_followed_up")
_COUNTS = ("count", "same_shift_count", "neighbours_1_count", "neighbours_2_count", "area_count")
_FOR_EVERY_CELL = ("area_count", "shift", "shift_hours", "weekday", "month", "bank_holiday", "day_before_bank_holiday",
                   "school_holiday", "days_since_payday", "days_since_benefit_day",
                   "happenings_everywhere")  # fmt: skip
_FACTS_OF_A_PERSON = ("age", "deprivation_decile", "is_female", "on_caseload")
"""What is not known of a person where it is NaN. Elsewhere NaN says that nothing happened, which is known."""


@dataclass(frozen=True)
class Reason:
    """One reason: `feature` is the column that its words are about, `share` its part of all movement, 0 to 1.

    `moved`: what its whole group gives, in log-odds.
    """

    direction: str
    share: float
    feature: int
    value: float
    moved: float


NOT_AT_ALL, BESIDE_OTHERS, BY_ITSELF = 0, 1, 2


@dataclass(frozen=True)
class Words:
    """How well a feature's words explain a push, shape (rows, features): by themselves, beside others, not at all.

    "9 calls in the last 7 days (usual: 17)" is no reason to expect more by itself. It is one beside an average place
    with 2; and in words it is none where there were 12. What is no count says neither, and explains both.
    """

    for_more: NDArray[np.int8]
    for_fewer: NDArray[np.int8]

    def by_themselves(self, row: int, reason: Reason) -> bool:
        """Whether a reason's words need nothing beside them to say what it does."""
        fitting = self.for_more if reason.direction == "up" else self.for_fewer
        return bool(fitting[row, reason.feature] == BY_ITSELF)


@dataclass(frozen=True)
class FeatureGroups:
    """The groups of a recipe: `names` in order of first appearance, and for each feature its group."""

    names: tuple[str, ...]
    of_feature: NDArray[np.int64]

    def members(self, group: int) -> NDArray[np.int64]:
        """The features of a group."""
        return np.flatnonzero(self.of_feature == group)


@lru_cache(maxsize=8)
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
    words: Words | None = None,
) -> list[list[Reason]]:
    """For each row its strongest reasons, those that push up first, each direction by falling share.

    `features`: shape (rows, features), columns in the order of `recipe.names`, as are the contributions. With `words`
    a group is told by a feature whose words say what it does, and not at all where none of its features' words do.
    """
    groups = feature_groups(recipe)
    summed = group_contributions(contributions, groups)
    movement = np.abs(summed).sum(axis=1)
    worth = np.abs(summed) > LEAST_SHARE * movement[:, None]
    ranks = _ranks(recipe, groups, contributions, summed > 0, words)
    told = np.where(worth & _telling(recipe) & _any_of_group(ranks > 0, groups), summed, 0.0)
    chosen = np.concatenate([_largest(told, most_up), _largest(-told, most_down)], axis=1)
    rows, places = np.nonzero(chosen >= 0)
    group = chosen[rows, places]
    moved = summed[rows, group]
    best = _told_by(groups, contributions, ranks, rows, group, moved > 0)
    shares = np.abs(moved) / movement[rows]
    found: list[list[Reason]] = [[] for _ in range(len(summed))]
    values = features[rows, best].astype(np.float64)
    columns = (rows, shares, best, values, moved)
    for row, share, feature, value, gives in zip(*(column.tolist() for column in columns), strict=True):
        found[row].append(Reason("up" if gives > 0 else "down", round(share, 3), feature, value, gives))
    return found


@lru_cache(maxsize=8)
def _telling(recipe: FeatureRecipe) -> NDArray[np.bool_]:
    """Which groups tell one row from another. What holds for every cell of a shift is no reason for one of them."""
    groups = feature_groups(recipe)
    apart = np.array([recipe.subject == "person" or spec.aggregation not in _FOR_EVERY_CELL for spec in recipe.specs])
    return np.bincount(groups.of_feature, weights=apart, minlength=len(groups.names)) > 0


def _largest(values: Numbers, most: int) -> NDArray[np.int64]:
    """The columns of the largest values above 0 in each row, by falling value; -1 where there are no more."""
    left, rows = values.copy(), np.arange(len(values))
    found = np.full((len(values), min(most, values.shape[1])), -1, dtype=np.int64)
    for place in range(found.shape[1]):
        best = left.argmax(axis=1)
        found[:, place] = np.where(left[rows, best] > 0, best, -1)
        left[rows, best] = 0.0
    return found


def _ranks(
    recipe: FeatureRecipe, groups: FeatureGroups, contributions: Numbers, up: NDArray[np.bool_], words: Words | None
) -> NDArray[np.int64]:
    """How well each feature would tell its group, 0 for not at all. Shape (rows, features); `up`: (rows, groups).

    It must push the group's way. Words that say so come before plain words, these before others.
    """
    way = up[:, groups.of_feature]
    pushes = np.where(way, contributions[:, :-1], -contributions[:, :-1]) > 0
    plainness = _plainness_of(recipe)
    if words is None:
        return np.where(pushes, plainness, 0)
    fitting = np.where(way, words.for_more, words.for_fewer).astype(np.int64)
    return np.where(pushes & (fitting > 0), (plainness.max() + 1) * fitting + plainness, 0)


def _any_of_group(of_features: NDArray[np.bool_], groups: FeatureGroups) -> NDArray[np.bool_]:
    """Whether it holds of any feature of each group. Shapes (rows, features) and (rows, groups)."""
    found = np.zeros((len(of_features), len(groups.names)), dtype=bool)
    for feature, group in enumerate(groups.of_feature):
        found[:, group] |= of_features[:, feature]
    return found


def _told_by(
    groups: FeatureGroups,
    contributions: Numbers,
    ranks: NDArray[np.int64],
    rows: NDArray[np.int64],
    group: NDArray[np.int64],
    up: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """The feature that words are about: of those of the highest rank the one that pushes hardest."""
    best = np.empty(len(rows), dtype=np.int64)
    for one in np.unique(group):
        asked, members = np.flatnonzero(group == one), groups.members(one)
        at = np.ix_(rows[asked], members)
        push = contributions[at] * np.where(up[asked], 1.0, -1.0)[:, None]
        hardest = np.where(ranks[at] == ranks[at].max(axis=1, keepdims=True), push, -np.inf)
        best[asked] = members[hardest.argmax(axis=1)]
    return best


@lru_cache(maxsize=8)
def _plainness_of(recipe: FeatureRecipe) -> NDArray[np.int64]:
    return np.array([_plainness(spec) for spec in recipe.specs], dtype=np.int64)


def _plainness(spec: FeatureSpec) -> int:
    """3 says most in words, 1 least."""
    if spec.aggregation in _PLAINEST:
        return 3
    return 2 if spec.aggregation in _PLAIN or not spec.sources else 1


def facts_not_known(recipe: FeatureRecipe, features: NDArray[Any]) -> list[tuple[int, NDArray[np.bool_]]]:
    """The facts that some person of the rows is not known for: the feature, and of which rows. Shape (rows,)."""
    facts = [number for number, spec in enumerate(recipe.specs) if spec.aggregation in _FACTS_OF_A_PERSON]
    missing = [(feature, np.isnan(features[:, feature])) for feature in facts]
    return [(feature, rows) for feature, rows in missing if rows.any()]


def is_count(spec: FeatureSpec) -> bool:
    """Whether a feature's value is a number of events."""
    return spec.aggregation in _COUNTS
