"""The compiled part of exact contributions: values to codes, codes to entries of tables, entries added up.

Cost for each row: for each feature one search among its thresholds; for each tree one addition for each of its
features, and one for each piece and feature of the piece. A long leaf of d features costs d² more, a few rows at once.
Memory for each thread: one block of (rows × features) results and as many codes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit

NEARLY_ZERO = float(np.float32(1e-35))
"""What LightGBM takes for 0 (`kZeroThreshold` in its meta.h)."""

ROWS_IN_CACHE = 256

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
Codes = NDArray[np.uint16]
Words = NDArray[np.uint64]


class Coding(NamedTuple):
    """The features that a model reads; those of column u are cut at `edges[edge_from[u]:edge_from[u + 1]]`.

    A value's code is how many edges it exceeds; then come one code for NaN and one for 0 where 0 means missing.
    """

    feature: Places
    edge_from: Places
    edges: Numbers
    zero_apart: NDArray[np.bool_]


class Tables(NamedTuple):
    """All pieces. A word holds the entry numbers of a few pieces of one tree, each in bits of its own."""

    word_parts: Places
    """Shape (words + 1,): the parts of word w are `word_parts[w]:word_parts[w + 1]`; a part is one feature's."""
    part_column: Places
    part_lookup: Places
    """Where in `lookup` a part's words begin, one for each code."""
    lookup: Words
    word_pieces: Places
    piece_shift: Words
    piece_mask: Words
    piece_entries: Places
    piece_table: Places
    piece_features: Places
    """Shape (pieces + 1,): the features of piece p are `feature[piece_features[p]:piece_features[p + 1]]`."""
    feature: Places
    table: Numbers
    """For each feature of a piece one contribution for each entry."""


class LongLeaves(NamedTuple):
    """Leaves without a table. `factor` and `ratio` hold for each part two runs of points: not agreeing, agreeing."""

    leaf_parts: Places
    part_column: Places
    part_feature: Places
    part_agrees: Places
    agrees: NDArray[np.uint8]
    part_points: Places
    factor: Numbers
    ratio: Numbers
    leaf_points: Places
    weight: Numbers


@njit(nogil=True, cache=True)
def code_rows(features: NDArray[np.float32], coding: Coding, codes: Codes) -> None:
    """Fill `codes`, shape (columns, rows), from `features`, shape (rows, all features)."""
    for column in range(len(coding.feature)):
        first, count = coding.edge_from[column], coding.edge_from[column + 1] - coding.edge_from[column]
        feature, zero_apart = coding.feature[column], coding.zero_apart[column]
        for row in range(len(features)):
            value = np.float64(features[row, feature])
            if np.isnan(value):
                codes[column, row] = count + 1
            elif zero_apart and -NEARLY_ZERO <= value <= NEARLY_ZERO:
                codes[column, row] = count + 2
            else:
                below, left = 0, count
                while left > 0:
                    half = left >> 1
                    if coding.edges[first + below + half] < value:
                        below += half + 1
                        left -= half + 1
                    else:
                        left = half
                codes[column, row] = below


@njit(nogil=True, cache=True)
def add_tables(codes: Codes, tables: Tables, word: Words, entry: Places, out: Numbers) -> None:
    """Add what the pieces give. `out`: shape (features, rows); `word` and `entry`: room for a number a row."""
    rows = codes.shape[1]
    for w in range(len(tables.word_parts) - 1):
        word[:rows] = 0
        for part in range(tables.word_parts[w], tables.word_parts[w + 1]):
            column, start = tables.part_column[part], tables.part_lookup[part]
            for row in range(rows):
                word[row] += tables.lookup[start + codes[column, row]]
        for piece in range(tables.word_pieces[w], tables.word_pieces[w + 1]):
            shift, mask = tables.piece_shift[piece], tables.piece_mask[piece]
            for row in range(rows):
                entry[row] = np.int64((word[row] >> shift) & mask)
            start = tables.piece_table[piece]
            for place in range(tables.piece_features[piece], tables.piece_features[piece + 1]):
                feature = tables.feature[place]
                for row in range(rows):
                    out[feature, row] += tables.table[start + entry[row]]
                start += tables.piece_entries[piece]


@njit(nogil=True, cache=True)
def add_long_leaves(codes: Codes, leaves: LongLeaves, most: int, out: Numbers) -> None:
    """Add what the leaves without a table give. `out`: shape (features, rows); `most`: features of the longest leaf.

    Rows are innermost, a few at a time, and agreement is a number, so that a processor does several rows at once.
    """
    product, agrees = np.empty(((most + 1) // 2, ROWS_IN_CACHE)), np.empty((most, ROWS_IN_CACHE))
    for leaf in range(len(leaves.leaf_parts) - 1):
        for first in range(0, codes.shape[1], ROWS_IN_CACHE):
            rows = min(ROWS_IN_CACHE, codes.shape[1] - first)
            add_long_leaf(leaf, codes[:, first : first + rows], leaves, product, agrees, out[:, first : first + rows])


@njit(nogil=True, cache=True)
def add_long_leaf(leaf: int, codes: Codes, leaves: LongLeaves, product: Numbers, agrees: Numbers, out: Numbers) -> None:
    """Add what one leaf gives to a few rows; by the integral that `fill_tables` explains."""
    rows, begin = codes.shape[1], leaves.leaf_parts[leaf]
    parts, weight = leaves.leaf_parts[leaf + 1] - begin, leaves.leaf_points[leaf]
    points = leaves.leaf_points[leaf + 1] - weight
    for point in range(points):
        product[point, :rows] = leaves.weight[weight + point]
    for part in range(parts):
        column, lookup = leaves.part_column[begin + part], leaves.part_agrees[begin + part]
        for row in range(rows):
            agrees[part, row] = leaves.agrees[lookup + codes[column, row]]
        start = leaves.part_points[begin + part]
        for point in range(points):
            against = leaves.factor[start + point]
            gain = leaves.factor[start + points + point] - against
            for row in range(rows):
                product[point, row] *= against + agrees[part, row] * gain
    for part in range(parts):
        start, feature = leaves.part_points[begin + part], leaves.part_feature[begin + part]
        for point in range(points):
            against = leaves.ratio[start + point]
            gain = leaves.ratio[start + points + point] - against
            for row in range(rows):
                out[feature, row] += product[point, row] * (against + agrees[part, row] * gain)


class PieceLeaves(NamedTuple):
    """What a table is filled from; leaf l of a piece has the parts `leaf_parts[l]:leaf_parts[l + 1]`, as above."""

    piece_leaves: Places
    leaf_parts: Places
    part_place: Places
    """Which feature of the piece a part is of, counted within the piece."""
    part_share: Numbers
    part_agrees: Places
    """Where in `agrees` a part's states begin."""
    agrees: NDArray[np.uint8]
    piece_radix: Places
    """Where in `radix` the numbers of states of a piece's features begin."""
    radix: Places
    value: Numbers


@njit(nogil=True, cache=True)
def fill_tables(
    first: int, last: int, leaves: PieceLeaves, tables: Tables, points: Numbers, weights: Numbers, most: int
) -> None:
    """Fill the tables of the pieces `first:last`. `points[q]`, `weights[q]`: a rule of q points, from 0 to 1.

    With o = 1 where a feature agrees with the path and r its share, the Shapley value of feature j at a leaf is
    value x (o_j - r_j) x the integral over t from 0 to 1 of the product over the others of t o + (1 - t) r: a
    polynomial, which Gauss and Legendre's rule integrates exactly. `most`: features of the longest leaf.
    """
    factor, ratio, state = np.empty((2, most, most)), np.empty((2, most, most)), np.empty(most, dtype=np.int64)
    for piece in range(first, last):
        radix = leaves.radix[leaves.piece_radix[piece] : leaves.piece_radix[piece + 1]]
        entries, start = tables.piece_entries[piece], tables.piece_table[piece]
        table = tables.table[start : start + entries * len(radix)].reshape(len(radix), entries)
        for leaf in range(leaves.piece_leaves[piece], leaves.piece_leaves[piece + 1]):
            count = leaves.leaf_parts[leaf + 1] - leaves.leaf_parts[leaf]
            rule = (count + 1) // 2
            for part in range(count):
                share = leaves.part_share[leaves.leaf_parts[leaf] + part]
                for point in range(rule):
                    t = points[rule, point]
                    factor[0, part, point], factor[1, part, point] = (1 - t) * share, t + (1 - t) * share
                    ratio[0, part, point], ratio[1, part, point] = -1 / (1 - t), (1 - share) / factor[1, part, point]
            fill_from_leaf(leaf, leaves, radix, weights[rule, :rule], factor, ratio, state, table)


@njit(nogil=True, cache=True)
def fill_from_leaf(
    leaf: int, leaves: PieceLeaves, radix: Places, weights: Numbers, factor: Numbers, ratio: Numbers, state: Places,
    table: Numbers,
) -> None:  # fmt: skip
    """Add one leaf to every entry of its piece's table, shape (features, entries)."""
    begin, end = leaves.leaf_parts[leaf], leaves.leaf_parts[leaf + 1]
    product = np.empty(len(weights))
    state[: len(radix)] = 0
    for entry in range(table.shape[1]):
        product[:] = leaves.value[leaf] * weights
        for part in range(begin, end):
            agrees = leaves.agrees[leaves.part_agrees[part] + state[leaves.part_place[part]]]
            for point in range(len(weights)):
                product[point] *= factor[agrees, part - begin, point]
        for part in range(begin, end):
            agrees = leaves.agrees[leaves.part_agrees[part] + state[leaves.part_place[part]]]
            for point in range(len(weights)):
                table[leaves.part_place[part], entry] += product[point] * ratio[agrees, part - begin, point]
        for place in range(len(radix)):  # the next entry: the first feature's state turns fastest
            state[place] += 1
            if state[place] < radix[place]:
                break
            state[place] = 0
