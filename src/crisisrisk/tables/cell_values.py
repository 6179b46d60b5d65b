"""Cells of a file as typed values, a column at a time, with a note of those that could not be read.

Texts that repeat are worked on once per distinct value. Nothing here goes through rows in Python.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.tables.national_grid import degrees, is_on_grid
from crisisrisk.tables.schema import CATEGORY

Mask = NDArray[np.bool_]
_NUMBER = r"^[ ]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[ ]*$"
_MANY_ROWS = 1 << 17
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


@dataclass(frozen=True)
class Read:
    """A column of values. `unreadable`: cells that hold something, but not what was wanted; their value is null."""

    values: pa.Array
    unreadable: Mask


@dataclass(frozen=True)
class Encoded:
    """A column of repeated texts. `codes`: place in `texts`, or -1 for an empty cell. Shape (rows,)."""

    codes: NDArray[np.int32]
    texts: pa.StringArray

    def renamed(self, texts: pa.StringArray) -> tuple["Encoded", Mask]:
        """Every distinct text changed to another, and which rows hold one that was changed to nothing."""
        distinct = texts.dictionary_encode()
        new = np.append(np.asarray(distinct.indices.fill_null(-1)), np.int32(-1))
        codes = new[self.codes]
        return Encoded(codes, distinct.dictionary), (codes < 0) & (self.codes >= 0)

    def rows_with(self, wanted: Callable[[str], bool]) -> Mask:
        """Which rows hold a text of which `wanted` is true. Empty cells hold none."""
        return np.array([wanted(text) for text in self.texts.to_pylist()] + [False], dtype=np.bool_)[self.codes]

    def as_array(self) -> pa.DictionaryArray:
        """As an Arrow dictionary array; empty cells are nulls."""
        empty = self.codes < 0
        indices = pa.array(self.codes, mask=empty if empty.any() else None)
        return pa.DictionaryArray.from_arrays(indices, self.texts)


def as_declared(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Stored rows with the columns and types that are declared now. A column that is younger than the file is empty."""
    columns = []
    for field in schema:
        if field.name not in rows.column_names:
            columns.append(pa.chunked_array([pa.nulls(rows.num_rows, field.type)]))
            continue
        column = rows.column(field.name)
        columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.table(columns, schema=schema)


def one_chunk(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column without chunks."""
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return (
        column.combine_chunks()
        if not pa.types.is_dictionary(column.type)
        else column.unify_dictionaries().combine_chunks()
    )


def texts_of(column: pa.Array) -> pa.Array:
    """A column as plain texts, as a CSV would hold them: whole floats without a point, times as ISO."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        exact = pc.and_(pc.equal(column, pc.round(column)), pc.less(pc.abs(column), 2.0**53))
        whole = pc.cast(pc.if_else(exact, column, None), pa.int64())
        return pc.coalesce(pc.cast(whole, pa.string()), pc.cast(column, pa.string()))
    if pa.types.is_timestamp(column.type) and column.type.tz:
        return pc.strftime(pc.cast(column, pa.timestamp("us", "UTC")), format="%Y-%m-%dT%H:%M:%SZ")
    return column if column.type == pa.string() else pc.cast(column, pa.string())


def encoded(column: pa.Array) -> Encoded:
    """A column as repeated texts."""
    if not (pa.types.is_dictionary(column.type) and column.type.value_type == pa.string()):
        column = texts_of(column).dictionary_encode()
    codes = np.asarray(column.indices.fill_null(-1)).astype(np.int32, copy=False)
    return Encoded(codes, column.dictionary)


def numbers(column: pa.Array) -> Read:
    """Finite numbers. `1e999`, `NaN`, `inf` and `1,5` are unreadable."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        texts = texts_of(column)
        column = _parsed(texts)
        given = np.asarray(texts.is_valid())
    else:
        given = np.asarray(column.is_valid())
        column = pc.cast(column, pa.float64(), safe=False)
    finite = np.isfinite(np.asarray(column.fill_null(np.nan)))
    return Read(pc.if_else(pa.array(finite), column, None), given & ~finite)


def _parsed(texts: pa.Array) -> pa.Array:
    """Texts as numbers, null where they are none. Most columns hold nothing else, and are read at once."""
    try:
        return pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        fits = pc.match_substring_regex(texts, _NUMBER)
        return pc.cast(pc.utf8_trim(pc.if_else(fits, texts, None), " "), pa.float64())


def whole_numbers(column: pa.Array) -> Read:
    """Whole numbers of 32 bits; `1981.0` is one, `1981.5` is not."""
    read = numbers(column)
    values = np.asarray(read.values.fill_null(0.0))
    fits = (values == np.rint(values)) & (np.abs(values) < 2**31)
    found = pa.array(np.where(fits, values, 0).astype(np.int32), mask=np.asarray(read.values.is_null()) | ~fits)
    return Read(found, read.unreadable | ~fits)


def flags(column: pa.Array) -> Read:
    """True and false, from the usual words for them in either case."""
    if pa.types.is_boolean(column.type):
        return Read(column, np.zeros(len(column), dtype=np.bool_))
    texts = encoded(column)
    true = texts.rows_with(lambda text: text.strip().lower() in _TRUE)
    false = texts.rows_with(lambda text: text.strip().lower() in _FALSE)
    return Read(pa.array(true, mask=~(true | false)), (texts.codes >= 0) & ~(true | false))


def repeated_text(text: str, rows: int) -> pa.DictionaryArray:
    """The same text in every row."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array([text], pa.string()))


def nothing(kind: pa.DataType, rows: int) -> pa.Array:
    """Empty cells of a stored type."""
    if rows > _MANY_ROWS:
        return _empty_cells(kind, rows)
    return _many_empty_cells(kind).slice(0, rows)


@cache
def _many_empty_cells(kind: pa.DataType) -> pa.Array:
    return _empty_cells(kind, _MANY_ROWS)


def _empty_cells(kind: pa.DataType, rows: int) -> pa.Array:
    if kind == CATEGORY:
        return pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()), pa.array([], pa.string()))
    return pa.nulls(rows, kind)


def degrees_from_grid(easting: Read, northing: Read) -> tuple[Read, Read]:
    """Latitude and longitude of British National Grid metres, to a millionth of a degree (about 0.1 m).

    Off the grid (east of 700 km, north of 1,300 km) is unreadable, and so is half a place.
    """
    east = np.asarray(easting.values.fill_null(np.nan))
    north = np.asarray(northing.values.fill_null(np.nan))
    outside = ~is_on_grid(east, north) & ~(np.isnan(east) & np.isnan(north))
    latitude, longitude = degrees(east, north)
    return _degrees(latitude, northing.unreadable | outside), _degrees(longitude, easting.unreadable | outside)


def _degrees(values: NDArray[np.float64], unreadable: Mask) -> Read:
    fine = np.isfinite(values)
    return Read(pa.array(np.round(np.where(fine, values, 0.0), 6), mask=~fine), unreadable)
