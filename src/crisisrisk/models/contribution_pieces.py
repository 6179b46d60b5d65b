"""Cutting trees into pieces: neighbouring leaves whose contributions fit one table.

What a leaf gives to each feature depends only on which of its path's features agree with the path. A feature's
value matters to a piece of a tree only by the leaves that it rules out, so it is in one of a few states there; the
states of all its features number the entries of the piece's table. A leaf of so many features that its own table
would be too large is no part of a piece: its contributions are computed for each row ("long" leaf).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from crisisrisk.models.tree_arrays import MISSING_NAN, MISSING_ZERO, Tree

LARGEST_TABLE = 512
"""Entries for each feature of a piece; 9 bits of a word."""


@dataclass(frozen=True)
class Stretches:
    """The values of one feature that one tree tells apart: between its thresholds, then NaN, then 0.

    `rules_in`: for each stretch the leaves that it does not rule out, as bits. `touched`: the leaves under its splits.
    """

    thresholds: tuple[float, ...]
    rules_in: tuple[int, ...]
    touched: int


@dataclass(frozen=True)
class Path:
    """One leaf: `shares` holds for each feature of its path the share of training rows that go its way."""

    value: float
    shares: dict[int, float]


@dataclass
class Piece:
    """Leaves that share a table; `states`: for each feature its different `rules_in`, cut to these leaves."""

    leaves: list[int] = field(default_factory=list)
    states: dict[int, list[int]] = field(default_factory=dict)
    entries: int = 1

    @cached_property
    def bits(self) -> int:
        """How many bits the number of an entry takes."""
        return (self.entries - 1).bit_length()


@dataclass(frozen=True)
class CutTree:
    """A tree as pieces and long leaves."""

    paths: tuple[Path, ...]
    stretches: dict[int, Stretches]
    pieces: tuple[Piece, ...]
    long_leaves: tuple[int, ...]


def cut(tree: Tree) -> CutTree:
    """Leaves from left to right are put together as long as their table stays small."""
    paths, under = _walk(tree)
    stretches = {feature: _stretches(tree, feature, under) for feature in sorted(set(tree.feature))}
    pieces: list[Piece] = []
    long_leaves: list[int] = []
    for leaf in _left_to_right(tree):
        if not paths[leaf].shares:
            continue
        if pieces and (joined := _piece([*pieces[-1].leaves, leaf], stretches)).entries <= LARGEST_TABLE:
            pieces[-1] = joined
        elif (alone := _piece([leaf], stretches)).entries <= LARGEST_TABLE:
            pieces.append(alone)
        else:
            long_leaves.append(leaf)
    return CutTree(tuple(paths), stretches, tuple(pieces), tuple(long_leaves))


def _left_to_right(tree: Tree) -> Iterator[int]:
    waiting = [0 if tree.feature else -1]
    while waiting:
        node = waiting.pop()
        if node < 0:
            yield -1 - node
        else:
            waiting += [tree.right[node], tree.left[node]]


def _walk(tree: Tree) -> tuple[list[Path], dict[int, int]]:
    """The path of each leaf, and for each node the leaves under it as bits."""
    shares: dict[int, dict[int, float]] = {0 if tree.feature else -1: {}}
    for node in range(len(tree.feature)):
        for child in (tree.left[node], tree.right[node]):
            here = shares[node]
            shares[child] = {**here, tree.feature[node]: here.get(tree.feature[node], 1.0) * _share(tree, node, child)}
    under = {-1 - leaf: 1 << leaf for leaf in range(len(tree.leaf_value))}
    for node in reversed(range(len(tree.feature))):
        under[node] = under[tree.left[node]] | under[tree.right[node]]
    return [Path(value, shares[-1 - leaf]) for leaf, value in enumerate(tree.leaf_value)], under


def _share(tree: Tree, node: int, child: int) -> float:
    """Where no training row came by at all, half go each way: shares of two children always add up to 1."""
    rows = tree.split_rows[node]
    return tree.rows_at(child) / rows if rows else 0.5


def _stretches(tree: Tree, feature: int, under: dict[int, int]) -> Stretches:
    nodes = [node for node, one in enumerate(tree.feature) if one == feature]
    thresholds = tuple(sorted({tree.threshold[node] for node in nodes}))
    rules_in = [-1] * (len(thresholds) + 3)
    for node in nodes:
        for stretch, goes_left in enumerate(_goes_left(tree, node, thresholds)):
            rules_in[stretch] &= ~under[tree.right[node] if goes_left else tree.left[node]]
    touched = 0
    for node in nodes:
        touched |= under[node]
    return Stretches(thresholds, tuple(rules_in), touched)


def _goes_left(tree: Tree, node: int, thresholds: Sequence[float]) -> list[bool]:
    """For each stretch, as LightGBM decides (`NumericalDecision` in its tree.h)."""
    threshold, missing, missing_left = tree.threshold[node], tree.missing[node], tree.missing_left[node]
    as_zero = threshold >= 0.0
    nan = missing_left if missing in (MISSING_NAN, MISSING_ZERO) else as_zero
    zero = missing_left if missing == MISSING_ZERO else as_zero
    return [*(one <= threshold for one in thresholds), False, nan, zero]


def _piece(leaves: list[int], stretches: dict[int, Stretches]) -> Piece:
    members = sum(1 << leaf for leaf in leaves)
    piece = Piece(leaves)
    for feature, one in stretches.items():
        if one.touched & members:
            piece.states[feature] = list(dict.fromkeys(rules_in & members for rules_in in one.rules_in))
            piece.entries *= len(piece.states[feature])
    return piece
