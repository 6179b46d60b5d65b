"""Event rows with their repeated texts as whole numbers, the form in which they are sorted, compared and joined.

One load shares one list of texts per column, so that rows of different blocks, files and buckets compare by number.
"""

from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.tables.cell_values import one_chunk
from crisisrisk.tables.core import EVENTS
from crisisrisk.tables.known_texts import KnownTexts
from crisisrisk.tables.schema import CATEGORY, INSTANT, Column
from crisisrisk.tables.text_hashes import Hashes, combined, text_hashes

SUPERSEDED_AT = pa.field("superseded_at", INSTANT)
THROUGH_LINK = pa.field("through_link", pa.bool_())

STORED_EVENTS = pa.schema([*EVENTS.arrow_schema, SUPERSEDED_AT, THROUGH_LINK])
PLACE_EVENTS = pa.schema([*EVENTS.arrow_schema, SUPERSEDED_AT])
CATEGORY_NAMES = tuple(field.name for field in STORED_EVENTS if field.type == CATEGORY)

_EMPTY = np.uint64(0x9E3779B97F4A7C15)


def coded_type(kind: pa.DataType) -> pa.DataType:
    """How a stored type is held while rows are worked on: texts that repeat as 32-bit numbers."""
    return pa.int32() if kind == CATEGORY else kind


class Texts:
    """The texts of each repeated column that one load has met, numbered in order of meeting."""

    def __init__(self) -> None:
        self._known = {name: KnownTexts() for name in CATEGORY_NAMES}
        self._whole_orders: dict[str, NDArray[np.int64]] = {}
        self._lock = Lock()

    def coded(self, table: pa.Table) -> pa.Table:
        """A table with its dictionary columns as numbers; columns with nothing in them are left out."""
        kept = [name for name in table.column_names if table.column(name).null_count < table.num_rows]
        columns = [self._coded_column(name, one_chunk(table.column(name))) for name in kept]
        return pa.table(columns, names=kept)

    def _coded_column(self, name: str, column: pa.Array) -> pa.Array:
        if not pa.types.is_dictionary(column.type):
            return column
        numbers = self.numbers_of(name, column.dictionary)
        indices = column.indices
        codes = np.append(numbers, np.int32(0))[np.asarray(indices.fill_null(len(numbers)))]
        return pa.array(codes, mask=np.asarray(indices.is_null()) if indices.null_count else None)

    def numbers_of(self, name: str, texts: pa.StringArray) -> NDArray[np.int32]:
        """The number of each text in a column, new ones added."""
        with self._lock:
            return self._known[name].numbers_of(texts)

    def hashes_of(self, name: str) -> Hashes:
        """A hash of each text of a column by number, and after them that of an empty cell."""
        with self._lock:
            return np.append(self._known[name].hashes, _EMPTY)

    def sorted_column(self, name: str, codes: pa.Array) -> tuple[pa.DictionaryArray, NDArray[np.int32]]:
        """A column as a dictionary array whose texts are in order, and each row's place in that order (-1: empty)."""
        empty = np.asarray(codes.is_null())
        numbers = np.asarray(codes.fill_null(0))
        met = np.zeros(max(len(self._known[name]), 1), dtype=np.bool_)
        met[numbers[~empty]] = True
        present = np.flatnonzero(met)
        in_order, texts = self._in_order(name, present)
        rank = np.zeros(len(met), dtype=np.int32)
        rank[in_order] = np.arange(len(in_order), dtype=np.int32)
        ranks = np.where(empty, np.int32(-1), rank[numbers])
        indices = pa.array(ranks, mask=empty if empty.any() else None)
        return pa.DictionaryArray.from_arrays(indices, texts), ranks

    def _in_order(self, name: str, present: NDArray[np.int64]) -> tuple[NDArray[np.int64], pa.StringArray]:
        """Some numbers in the order of their texts, and the texts. Where most are asked for, all are sorted, once."""
        with self._lock:
            known = self._known[name]
            count, texts, whole = len(known), known.texts, self._whole_orders.get(name)
            if (whole is None or len(whole) != count) and 1 < count <= 4 * len(present):
                whole = np.asarray(pc.sort_indices(texts)).astype(np.int64)
                self._whole_orders[name] = whole
        if whole is None or len(whole) != count:
            some = texts.take(pa.array(present))
            order = pc.sort_indices(some)
            return present[np.asarray(order)], some.take(order)
        wanted = np.zeros(count, dtype=np.bool_)
        wanted[present] = True
        in_order = whole[wanted[whole]]
        return in_order, texts.take(pa.array(in_order))


def column_of(rows: pa.Table, name: str) -> pa.Array:
    """A column of coded rows; one that was left out comes as empty cells."""
    if name in rows.column_names:
        return one_chunk(rows.column(name))
    return pa.nulls(rows.num_rows, coded_type(STORED_EVENTS.field(name).type))


def instants_of(rows: pa.Table, name: str) -> NDArray[np.int64]:
    """A time column in microseconds; 0 where empty."""
    return np.asarray(column_of(rows, name).cast(pa.int64()).fill_null(0))


def event_hashes(rows: pa.Table, texts: Texts) -> Hashes:
    """A hash of (source, event_id) per row: rows of one event have the same."""
    sources = texts.hashes_of("source")[np.asarray(column_of(rows, "source").fill_null(-1))]
    return combined(sources, text_hashes(column_of(rows, "event_id")))


def content_hashes(rows: pa.Table, texts: Texts) -> Hashes:
    """A hash of everything a row says except when it became known. Shape (rows,)."""
    total = np.zeros(rows.num_rows, dtype=np.uint64)
    for column in EVENTS.columns:
        if column.name == "known_at":
            continue
        if column.name not in rows.column_names:
            total = combined(total, np.full(rows.num_rows, _EMPTY))
            continue
        total = combined(total, _cell_hashes(column, column_of(rows, column.name), texts))
    return total


def _cell_hashes(column: Column, cells: pa.Array, texts: Texts) -> Hashes:
    if column.kind.stored == CATEGORY:
        hashes: Hashes = texts.hashes_of(column.name)[np.asarray(cells.fill_null(-1))]
        return hashes
    if pa.types.is_string(cells.type):
        return text_hashes(cells)
    if pa.types.is_boolean(cells.type):
        cells = cells.cast(pa.int32())
    if pa.types.is_timestamp(cells.type):
        cells = cells.cast(pa.int64())
    plain = np.asarray(cells.fill_null(0))
    # -0.0 and 0.0 are one number.
    bits = (plain + 0.0).view(np.uint64) if plain.dtype.kind == "f" else plain.astype(np.int64).view(np.uint64)
    return np.where(np.asarray(cells.is_null()), _EMPTY, bits)
