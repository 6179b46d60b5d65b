"""Shapley values of a tree by their definition: every subset of features, one walk down the tree each."""

from itertools import combinations
from math import factorial, isnan

import numpy as np

from crisisrisk.models.tree_arrays import MISSING_NAN, MISSING_ZERO, Tree


def goes_left(tree: Tree, node: int, value: float) -> bool:
    """As LightGBM decides."""
    kind = tree.missing[node]
    if isnan(value) and kind != MISSING_NAN:
        value = 0.0
    if (kind == MISSING_ZERO and abs(value) <= 1e-35) or (kind == MISSING_NAN and isnan(value)):
        return tree.missing_left[node]
    return value <= tree.threshold[node]


def expected(tree: Tree, row: np.ndarray, known: frozenset[int]) -> float:
    """The tree's value when only some features are known; else both ways, by how many training rows went each."""

    def below(node: int) -> float:
        if node < 0:
            return tree.leaf_value[-1 - node]
        left, right = tree.left[node], tree.right[node]
        if tree.feature[node] in known:
            return below(left if goes_left(tree, node, float(row[tree.feature[node]])) else right)
        share = tree.rows_at(left) / tree.rows_at(node)
        return share * below(left) + (1 - share) * below(right)

    return below(0 if tree.feature else -1)


def shapley(tree: Tree, row: np.ndarray, features: int) -> np.ndarray:
    """Shape (features + 1,); the last is what the tree gives when nothing is known."""
    used = sorted(set(tree.feature))
    found = np.zeros(features + 1)
    found[-1] = expected(tree, row, frozenset())
    for feature in used:
        others = [one for one in used if one != feature]
        for size in range(len(used)):
            weight = factorial(size) * factorial(len(used) - size - 1) / factorial(len(used))
            for chosen in combinations(others, size):
                without = frozenset(chosen)
                found[feature] += weight * (expected(tree, row, without | {feature}) - expected(tree, row, without))
    return found
