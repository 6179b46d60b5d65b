"""What the trees of a checked text say of rows, without LightGBM: every row goes down every tree at once.

To the bit what LightGBM says: the same comparisons in double precision, the trees added in the same order. Memory is
rows × trees × 8 bytes a few times over; time is rows × trees × the longest path.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.models.tree_arrays import MISSING_NAN, MISSING_ZERO, Tree, read_trees

Numbers = NDArray[np.float64]

_ZERO = float(np.float32(1e-35))
"""What LightGBM takes for zero, either side of it: it sets such values to 0 before any tree sees them."""


@dataclass(frozen=True, eq=False)
class Walker:
    """Trees as arrays. Shape (trees, splits of the largest) each, `leaf` (trees, leaves of the largest)."""

    feature: NDArray[np.int64]
    threshold: Numbers
    missing: NDArray[np.int8]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    leaf: Numbers
    start: NDArray[np.int64]
    """Where each tree begins: split 0, or leaf -1 where it has no split."""

    def raw_score(self, columns: NDArray[np.float64]) -> Numbers:
        """The sum of the trees. `columns`: shape (rows, features), in the model's order. Shape (rows,)."""
        trees = np.arange(len(self.start))
        node = np.tile(self.start, (len(columns), 1))
        rows = np.arange(len(columns))[:, None]
        columns = np.where(np.abs(columns) <= _ZERO, 0.0, columns)
        while (walking := node >= 0).any():
            at = np.where(walking, node, 0)
            value = columns[rows, self.feature[trees, at]]
            missing, unknown = self.missing[trees, at], np.isnan(value)
            value = np.where(unknown & (missing != MISSING_NAN), 0.0, value)
            by_rule = ((missing == MISSING_ZERO) & (value == 0)) | ((missing == MISSING_NAN) & unknown)
            left = np.where(by_rule, self.missing_left[trees, at], value <= self.threshold[trees, at])
            node = np.where(walking, np.where(left, self.left[trees, at], self.right[trees, at]), node)
        said: Numbers = np.zeros(len(columns))
        for tree, leaf in enumerate((-1 - node).T):  # one after another: a sum in pairs has other last bits
            said += self.leaf[tree, leaf]
        return said


def walker_of(text: str) -> Walker:
    """The trees of a text whose structure was checked."""
    trees = read_trees(text)
    splits = max((len(tree.feature) for tree in trees), default=0) or 1
    leaves = max((len(tree.leaf_value) for tree in trees), default=0) or 1
    return Walker(
        feature=_array(trees, "feature", splits, np.int64),
        threshold=_array(trees, "threshold", splits, np.float64),
        missing=_array(trees, "missing", splits, np.int8),
        missing_left=_array(trees, "missing_left", splits, np.bool_),
        left=_array(trees, "left", splits, np.int64),
        right=_array(trees, "right", splits, np.int64),
        leaf=_array(trees, "leaf_value", leaves, np.float64),
        start=np.array([0 if tree.feature else -1 for tree in trees], dtype=np.int64),
    )


def _array(trees: Sequence[Tree], name: str, width: int, kind: type) -> NDArray[Any]:
    made: NDArray[Any] = np.zeros((len(trees), width), dtype=kind)
    for number, tree in enumerate(trees):
        values = getattr(tree, name)
        made[number, : len(values)] = values
    return made
