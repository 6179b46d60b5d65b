"""What the kernels of contributions read, collected tree by tree and put end to end."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.concurrency import cores
from crisisrisk.models.contribution_kernels import Coding, LongLeaves, PieceLeaves, Tables, fill_tables
from crisisrisk.models.contribution_pieces import CutTree, Piece, Stretches

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

_WORD_BITS = 64
_PIECES_AT_ONCE = 200


def places(values: Sequence[int]) -> Places:
    """Whole numbers as an array."""
    return np.array(values, dtype=np.int64)


def running(lengths: Sequence[int]) -> Places:
    """Where each run begins, and the end of the last. Shape (runs + 1,)."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


@dataclass
class _Runs:
    """Arrays put end to end, and how long each was."""

    values: list[NDArray[Any]] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def add(self, values: NDArray[Any]) -> None:
        self.values.append(values)
        self.lengths.append(len(values))

    def joined(self, kind: Any) -> NDArray[Any]:
        return np.concatenate(self.values).astype(kind, copy=False) if self.values else np.empty(0, dtype=kind)


@dataclass
class TableMaker:
    """Collects what the kernels read, tree by tree."""

    coding: Coding
    column: dict[int, int]
    expected_value: float = 0.0
    word_parts: list[int] = field(default_factory=list)
    word_pieces: list[int] = field(default_factory=list)
    part_column: list[int] = field(default_factory=list)
    lookup: _Runs = field(default_factory=_Runs)
    shifts: list[int] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    filling: "_Filling" = field(default_factory=lambda: _Filling())
    long: "_Long" = field(default_factory=lambda: _Long())

    def add(self, tree: CutTree) -> None:
        """Add the pieces and the long leaves of one tree."""
        self.expected_value += sum(path.value * float(np.prod([*path.shares.values()])) for path in tree.paths)
        codes = {feature: self._stretch_of_code(feature, one) for feature, one in tree.stretches.items()}
        waiting: list[Piece] = []
        for piece in tree.pieces:
            if sum(one.bits for one in waiting) + piece.bits > _WORD_BITS:
                self._word(waiting, tree, codes)
                waiting = []
            waiting.append(piece)
            self.filling.add(piece, tree)
        if waiting:
            self._word(waiting, tree, codes)
        for leaf in tree.long_leaves:
            self.long.add(leaf, tree, codes, self.column)

    def _stretch_of_code(self, feature: int, stretches: Stretches) -> NDArray[np.int64]:
        """For each code of a feature the stretch of the tree that it lies in."""
        column = self.column[feature]
        edges = self.coding.edges[self.coding.edge_from[column] : self.coding.edge_from[column + 1]]
        # The code of a value is how many edges lie below it, so a code's values reach up to the edge of its number.
        ordinary = np.searchsorted(stretches.thresholds, edges, side="left")
        last = len(stretches.thresholds)
        return np.concatenate([ordinary, [last, last + 1, last + 2]]).astype(np.int64)

    def _word(self, pieces: list[Piece], tree: CutTree, codes: dict[int, NDArray[np.int64]]) -> None:
        parts: dict[int, list[int]] = {}
        shift = 0
        for piece in pieces:
            self.pieces.append(piece)
            self.shifts.append(min(shift, _WORD_BITS - 1))
            members, stride = sum(1 << leaf for leaf in piece.leaves), 1
            for feature, states in piece.states.items():
                rules_in = tree.stretches[feature].rules_in
                words = parts.setdefault(feature, [0] * len(rules_in))
                for stretch, one in enumerate(rules_in):
                    words[stretch] += (states.index(one & members) * stride) << shift
                stride *= len(states)
            shift += piece.bits
        for feature, words in parts.items():
            self.part_column.append(self.column[feature])
            self.lookup.add(np.array(words, dtype=np.uint64)[codes[feature]])
        self.word_parts.append(len(parts))
        self.word_pieces.append(len(pieces))

    def tables(self) -> Tables:
        """All pieces added, their tables filled."""
        entries = [piece.entries for piece in self.pieces]
        features = [feature for piece in self.pieces for feature in piece.states]
        sizes = [piece.entries * len(piece.states) for piece in self.pieces]
        tables = Tables(
            word_parts=running(self.word_parts),
            part_column=places(self.part_column),
            part_lookup=running(self.lookup.lengths),
            lookup=self.lookup.joined(np.uint64),
            word_pieces=running(self.word_pieces),
            piece_shift=np.array(self.shifts, dtype=np.uint64),
            piece_mask=np.array([(1 << piece.bits) - 1 for piece in self.pieces], dtype=np.uint64),
            piece_entries=places(entries),
            piece_table=running(sizes),
            piece_features=running([len(piece.states) for piece in self.pieces]),
            feature=places(features),
            table=np.zeros(sum(sizes)),
        )
        self.filling.fill(tables)
        return tables

    def long_leaves(self) -> LongLeaves:
        """All long leaves added."""
        return self.long.arrays()


@cache
def _rule(points: int) -> tuple[Numbers, Numbers]:
    """Gauss and Legendre's rule from 0 to 1: points and weights. It integrates powers below twice their number."""
    places, weights = np.polynomial.legendre.leggauss(points)
    return (places + 1) / 2, weights / 2


def _points_for(features: int) -> int:
    """A leaf of d features has a polynomial of degree d - 1."""
    return (features + 1) // 2


def _rules(most: int) -> tuple[Numbers, Numbers]:
    """All rules of up to `most` points. Shape (most + 1, most): row q holds the rule of q points."""
    points, weights = np.zeros((most + 1, most)), np.zeros((most + 1, most))
    for rule in range(1, most + 1):
        points[rule, :rule], weights[rule, :rule] = _rule(rule)
    return points, weights


@dataclass
class _Filling:
    """Collects what tables are filled from."""

    piece_leaves: list[int] = field(default_factory=list)
    leaf_parts: list[int] = field(default_factory=list)
    part_place: list[int] = field(default_factory=list)
    part_share: list[float] = field(default_factory=list)
    part_agrees: list[int] = field(default_factory=list)
    agrees: list[int] = field(default_factory=list)
    piece_radix: list[int] = field(default_factory=list)
    radix: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)

    def add(self, piece: Piece, tree: CutTree) -> None:
        place = {feature: number for number, feature in enumerate(piece.states)}
        for leaf in piece.leaves:
            path = tree.paths[leaf]
            for feature, share in path.shares.items():
                self.part_place.append(place[feature])
                self.part_share.append(share)
                self.part_agrees.append(len(self.agrees))
                self.agrees += [state >> leaf & 1 for state in piece.states[feature]]
            self.leaf_parts.append(len(path.shares))
            self.value.append(path.value)
        self.piece_leaves.append(len(piece.leaves))
        self.piece_radix.append(len(piece.states))
        self.radix += [len(states) for states in piece.states.values()]

    def fill(self, tables: Tables) -> None:
        leaves = PieceLeaves(
            piece_leaves=running(self.piece_leaves),
            leaf_parts=running(self.leaf_parts),
            part_place=places(self.part_place),
            part_share=np.array(self.part_share, dtype=np.float64),
            part_agrees=places(self.part_agrees),
            agrees=np.array(self.agrees, dtype=np.uint8),
            piece_radix=running(self.piece_radix),
            radix=places(self.radix),
            value=np.array(self.value, dtype=np.float64),
        )
        pieces, most = len(self.piece_leaves), max([*self.leaf_parts, *self.piece_radix, 1])
        points, weights = _rules(_points_for(most))

        def part(bounds: tuple[int, int]) -> None:
            fill_tables(*bounds, leaves, tables, points, weights, most)

        if pieces <= _PIECES_AT_ONCE:
            part((0, pieces))
            return
        firsts = range(0, pieces, _PIECES_AT_ONCE)
        with ThreadPoolExecutor(max_workers=cores()) as pool:
            list(pool.map(part, [(first, min(first + _PIECES_AT_ONCE, pieces)) for first in firsts]))


@dataclass
class _Long:
    """Collects the leaves without a table."""

    leaf_parts: list[int] = field(default_factory=list)
    part_column: list[int] = field(default_factory=list)
    part_feature: list[int] = field(default_factory=list)
    agrees: _Runs = field(default_factory=_Runs)
    factor: _Runs = field(default_factory=_Runs)
    ratio: _Runs = field(default_factory=_Runs)
    weight: _Runs = field(default_factory=_Runs)

    def add(self, leaf: int, tree: CutTree, codes: dict[int, NDArray[np.int64]], column: dict[int, int]) -> None:
        path = tree.paths[leaf]
        points, weights = _rule(_points_for(len(path.shares)))
        for feature, share in path.shares.items():
            states = np.array([one >> leaf & 1 for one in tree.stretches[feature].rules_in], dtype=np.uint8)
            self.agrees.add(states[codes[feature]])
            self.part_column.append(column[feature])
            self.part_feature.append(feature)
            agreeing = points + (1 - points) * share
            self.factor.add(np.concatenate([(1 - points) * share, agreeing]))
            self.ratio.add(np.concatenate([-1 / (1 - points), (1 - share) / agreeing]))
        self.leaf_parts.append(len(path.shares))
        self.weight.add(path.value * weights)

    def arrays(self) -> LongLeaves:
        return LongLeaves(
            leaf_parts=running(self.leaf_parts),
            part_column=places(self.part_column),
            part_feature=places(self.part_feature),
            part_agrees=running(self.agrees.lengths),
            agrees=self.agrees.joined(np.uint8),
            part_points=running(self.factor.lengths),
            factor=self.factor.joined(np.float64),
            ratio=self.ratio.joined(np.float64),
            leaf_points=running(self.weight.lengths),
            weight=self.weight.joined(np.float64),
        )
