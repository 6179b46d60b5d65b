"""Feature rows of people, computed block by block whenever they are asked for: the whole matrix never has to exist.

A block is some people of one bucket. Where all rows fit into `kept_bytes` each block is computed once and kept; where
they do not, it is computed again for every reader, and only the rows that the reader asked for. The numbers are the
same to the bit either way, because a row depends on nothing but its own person and moment.
Memory beyond what is kept: one block, and the tables of one bucket.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.cohorts import PersonRows
from crisisrisk.features.person import person_features
from crisisrisk.features.specs import FeatureRecipe

Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]
ReadBucket = Callable[[int], tuple[pa.Table, pa.Table]]
"""Events and people of a bucket, by its number."""

BLOCK_ROWS = 65_536
"""Rows of a block, about; a person's rows are never parted."""
KEPT_BYTES = 1 << 30
_CELL_BYTES = 4


@dataclass(frozen=True)
class _Block:
    bucket: int
    rows: PersonRows


class FeatureStream:
    """All rows of some buckets, in order of bucket, person and moment, as features. Shape (rows, features)."""

    def __init__(
        self,
        recipe: FeatureRecipe,
        buckets: Sequence[PersonRows],
        read: ReadBucket,
        *,
        zone: ZoneInfo,
        caseloads: pa.Table | None = None,
        kept_bytes: int = KEPT_BYTES,
        block_rows: int = BLOCK_ROWS,
    ) -> None:
        """`buckets`: the rows of each bucket; `read` is asked for the tables of those that have any.

        `caseloads`: of everybody; without them what features say of caseloads is not known.
        """
        self._caseloads = caseloads
        self.recipe, self._read, self._zone = recipe, read, zone
        self._blocks = list(_blocks(buckets, block_rows))
        self._edges = np.cumsum([0, *(len(block.rows) for block in self._blocks)])
        self.shape = (int(self._edges[-1]), len(recipe.specs))
        fits = self.shape[0] * self.shape[1] * _CELL_BYTES <= kept_bytes
        self._kept: dict[int, Matrix] | None = {} if fits else None
        self._tables: tuple[int, tuple[pa.Table, pa.Table]] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Rows) -> Matrix:
        """The features of some rows, in any order, as one matrix. Shape (len(rows), features)."""
        ascending, back = np.unique(rows, return_inverse=True)
        out = np.empty((len(ascending), self.shape[1]), dtype=np.float32)
        for place, matrix in self.rows(ascending).blocks():
            out[place] = matrix
        return out if np.array_equal(ascending, rows) else out[back]

    def rows(self, rows: Rows) -> "StreamedRows":
        """Some rows, ascending and each once, for a reader that takes them block by block."""
        return StreamedRows(self, rows)

    def parts(self, rows: Rows) -> "list[tuple[int, slice]]":
        """Of ascending rows the number of each block that has any, and the places among them that are its own."""
        edges = np.searchsorted(rows, self._edges).tolist()
        return [(number, slice(*edge)) for number, edge in enumerate(pairwise(edges)) if edge[0] < edge[1]]

    def block(self, number: int, rows: Rows) -> Matrix:
        """The features of ascending rows that all belong to one block. Shape (len(rows), features)."""
        chosen, whole = rows - self._edges[number], self._blocks[number]
        if self._kept is None:
            return self._computed(whole.bucket, rows_taken(whole.rows, chosen))
        if number not in self._kept:
            self._kept[number] = self._computed(whole.bucket, whole.rows)
        matrix = self._kept[number]
        return matrix if len(chosen) == len(matrix) else matrix[chosen]

    def _computed(self, bucket: int, rows: PersonRows) -> Matrix:
        if self._tables is None or self._tables[0] != bucket:
            self._tables = None  # the tables of the last bucket go before those of the next come
            self._tables = (bucket, self._read(bucket))
        events, people = self._tables[1]
        return person_features(self.recipe, events, people, rows, zone=self._zone, caseloads=self._caseloads)


@dataclass(frozen=True)
class StreamedRows:
    """Some rows of a stream, ascending."""

    stream: FeatureStream
    numbers: Rows

    def __len__(self) -> int:
        return len(self.numbers)

    def blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """Places among these rows, and their features, block by block."""
        for number, place in self.stream.parts(self.numbers):
            yield place, self.stream.block(number, self.numbers[place])

    def sequences(self) -> "list[RowSequence]":
        """The rows as LightGBM reads a `Sequence`, one for each block."""
        held = _Held()
        return [
            RowSequence(held, partial(self.stream.block, number, self.numbers[place]), place.stop - place.start)
            for number, place in self.stream.parts(self.numbers)
        ]


class _Held:
    """The one block that is in memory, shared by the sequences of all."""

    def __init__(self) -> None:
        self._owner: RowSequence | None = None
        self._matrix: Matrix | None = None

    def matrix(self, owner: "RowSequence", compute: Callable[[], Matrix]) -> Matrix:
        if self._owner is not owner or self._matrix is None:
            self._matrix = None  # never two blocks at once
            self._owner, self._matrix = owner, compute()
        return self._matrix


class RowSequence:
    """One block as LightGBM reads it: first single rows of it, to find where bins end, then all of it at once.

    `fitting.py` registers it as a `lightgbm.Sequence`: this module does without importing LightGBM.
    """

    def __init__(self, held: _Held, compute: Callable[[], Matrix], rows: int) -> None:
        self._held, self._compute, self.batch_size = held, compute, rows

    def __len__(self) -> int:
        return self.batch_size

    def __getitem__(self, index: int | slice) -> NDArray[np.float32] | NDArray[np.float64]:
        """A slice of rows, shape (rows, features), as float32; one row, shape (features,), as LightGBM's float64."""
        matrix = self._held.matrix(self, self._compute)
        return matrix[index] if isinstance(index, slice) else matrix[index].astype(np.float64)


def _blocks(buckets: Sequence[PersonRows], block_rows: int) -> Iterator[_Block]:
    for bucket, rows in enumerate(buckets):
        cuts = np.searchsorted(rows.offsets, np.arange(block_rows, len(rows), block_rows), side="left")
        edges = np.unique(np.concatenate([[0], cuts, [len(rows.person_id)]]))
        for first, last in pairwise(edges.tolist()):
            begin, end = rows.offsets[first], rows.offsets[last]
            if begin < end:
                offsets = rows.offsets[first : last + 1] - begin
                yield _Block(bucket, PersonRows(rows.person_id[first:last], offsets, rows.as_of[begin:end]))


def rows_taken(rows: PersonRows, chosen: Rows) -> PersonRows:
    """Only some rows, by their ascending numbers. Everybody stays a person of theirs, some with no row."""
    return PersonRows(rows.person_id, np.searchsorted(chosen, rows.offsets), rows.as_of[chosen])
