"""Exact contributions of each feature to the sum of a model's trees (SHAP values, path-dependent).

Equal to LightGBM's own `pred_contrib` to the rounding of sums, and several times as quick: what a tree's leaves give
is worked out once for each combination of states that a row can be in, and then only looked up.
Lundberg et al., Nature Machine Intelligence 2 (2020); tables by leaf: Yang, Fast TreeSHAP (2021); the integral:
Yu et al., Linear TreeShap (2022). The code is our own.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.concurrency import cores
from crisisrisk.errors import ModelError
from crisisrisk.models.contribution_kernels import (
    Coding,
    LongLeaves,
    Tables,
    add_long_leaves,
    add_tables,
    code_rows,
)
from crisisrisk.models.contribution_pieces import cut
from crisisrisk.models.contribution_tables import TableMaker, places, running
from crisisrisk.models.tree_arrays import MISSING_ZERO, Tree, read_trees

Numbers = NDArray[np.float64]

ROWS_AT_ONCE = 2048
_MOST_THRESHOLDS = 65_000


@dataclass(frozen=True)
class Explainer:
    """A model's trees, ready to be explained. `expected_value`: the mean of the trees over their training rows."""

    features: int
    expected_value: float
    coding: Coding
    tables: Tables
    long_leaves: LongLeaves

    def contributions(self, features: NDArray[Any], *, threads: int | None = None) -> Numbers:
        """Contributions to the raw score, which they add up to. Shape (rows, features + 1), expected value last.

        `features`: shape (rows, features), in the model's order. `threads`: every core by default; the result does
        not depend on it, and that of a row not on the other rows.
        """
        out = np.zeros((self.features + 1, len(features)))
        out[-1] = self.expected_value
        blocks = [slice(first, first + ROWS_AT_ONCE) for first in range(0, len(features), ROWS_AT_ONCE)]
        many = min(len(blocks), threads or cores())
        if many <= 1:
            for block in blocks:
                self._add(features[block], out[:, block])
        else:
            with ThreadPoolExecutor(max_workers=many) as pool:
                list(pool.map(lambda block: self._add(features[block], out[:, block]), blocks))
        return out.T

    def _add(self, features: NDArray[Any], out: Numbers) -> None:
        # The kernels are compiled for one layout each: a block of its own, in order of memory.
        rows = len(features)
        block, codes = np.zeros((self.features, rows)), np.empty((len(self.coding.feature), rows), dtype=np.uint16)
        code_rows(np.ascontiguousarray(features, dtype=_kind(features)), self.coding, codes)
        add_tables(codes, self.tables, np.empty(rows, dtype=np.uint64), np.empty(rows, dtype=np.int64), block)
        add_long_leaves(codes, self.long_leaves, int(np.diff(self.long_leaves.leaf_parts).max(initial=0)), block)
        out[:-1] = block


def _kind(features: NDArray[Any]) -> type[np.float32] | type[np.float64]:
    return np.float32 if features.dtype == np.float32 else np.float64


# Made of the text of a model


@lru_cache(maxsize=4)
def explainer_of(text: str, features: int) -> Explainer:
    """An explainer of the trees of a checked text, kept for whoever opens the same model again.

    Raises ModelError for a kind of tree that is not used here.
    """
    trees = read_trees(text)
    coding = _coding(trees)
    column = {int(feature): number for number, feature in enumerate(coding.feature)}
    maker = TableMaker(coding, column)
    for one in map(cut, trees):
        maker.add(one)
    return Explainer(features, maker.expected_value, coding, maker.tables(), maker.long_leaves())


def _coding(trees: list[Tree]) -> Coding:
    """Every threshold of every feature that is split on."""
    thresholds: dict[int, set[float]] = {}
    zero_apart = set()
    for tree in trees:
        for feature, threshold, missing in zip(tree.feature, tree.threshold, tree.missing, strict=True):
            thresholds.setdefault(feature, set()).add(threshold)
            if missing == MISSING_ZERO:
                zero_apart.add(feature)
    used = sorted(thresholds)
    edges = [sorted(thresholds[feature]) for feature in used]
    if any(len(one) > _MOST_THRESHOLDS for one in edges):
        raise ModelError(
            "CR-MODEL-002", "a feature has more thresholds than can be explained", wanted=f"up to {_MOST_THRESHOLDS}"
        )
    return Coding(
        feature=places(used),
        edge_from=running([len(one) for one in edges]),
        edges=np.array([edge for one in edges for edge in one], dtype=np.float64),
        zero_apart=np.array([feature in zero_apart for feature in used], dtype=bool),
    )
