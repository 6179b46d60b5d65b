"""Tables that fit in memory: all but events. What is stored depends on the set of rows, not on their order."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.tables.cell_values import Mask, one_chunk
from crisisrisk.tables.ordering import canonical_order, text_ranks
from crisisrisk.tables.schema import CATEGORY, Table
from crisisrisk.tables.text_hashes import Hashes, combined, text_hashes
from crisisrisk.timeline import Instants

_ALWAYS_KNOWN = np.iinfo(np.int64).min


@dataclass(frozen=True)
class MergedTable:
    """A table with new rows in it. By row of the new ones: whether it was there already, and whether it corrects."""

    rows: pa.Table
    duplicate: Mask
    correcting: Mask


def merged_table(table: Table, old: pa.Table, new: pa.Table) -> MergedTable:
    """The distinct rows of both; without a history, the newest of each key."""
    rows = sorted_texts(pa.concat_tables([old, new]).unify_dictionaries())
    content = _hashes(rows, table.names)
    key = _hashes(rows, table.key)
    known = _known(rows, table)
    order = np.lexsort((np.arange(len(content)), content))
    repeats = np.zeros(len(content), dtype=np.bool_)
    repeats[order[1:]] = content[order[1:]] == content[order[:-1]]
    # Of rows that say no moment the one that tells more counts: a column that a site adds is not lost by chance.
    told = np.zeros(len(content), dtype=np.int64) if table.history else _filled(rows)
    by_key = np.lexsort((content, told, known, key))
    later = np.append(key[by_key[1:]] == key[by_key[:-1]], False)
    correcting = np.zeros(len(content), dtype=np.bool_)
    correcting[by_key[1:]] = later[:-1]
    keep = ~repeats
    if not table.history:
        newest = np.zeros(len(content), dtype=np.bool_)
        newest[by_key[~later]] = True
        keep = newest
    kept = rows.take(pa.array(np.flatnonzero(keep)))
    left = content[keep]
    order = canonical_order([_ranks(kept, name) for name in table.sort], None, lambda tied: left[np.asarray(tied)])
    fresh = slice(old.num_rows, None)
    return MergedTable(sorted_texts(kept.take(pa.array(order))), repeats[fresh], correcting[fresh] & ~repeats[fresh])


def sorted_texts(rows: pa.Table) -> pa.Table:
    """The rows in one chunk, each dictionary in order and without texts that no row has."""
    for place, field in enumerate(rows.schema):
        column = one_chunk(rows.column(place))
        if field.type == CATEGORY:
            plain = column.dictionary_decode()
            ranks = text_ranks(plain)
            texts = plain.dictionary_encode().dictionary
            column = pa.DictionaryArray.from_arrays(pa.array(ranks, mask=ranks < 0), texts.sort())
        rows = rows.set_column(place, field, column)
    return rows


def _known(rows: pa.Table, table: Table) -> Instants:
    if "known_at" not in table.names:
        return np.zeros(rows.num_rows, dtype=np.int64)
    return np.asarray(one_chunk(rows.column("known_at")).cast(pa.int64()).fill_null(_ALWAYS_KNOWN))


def _filled(rows: pa.Table) -> NDArray[np.int64]:
    """How many cells of each row are filled."""
    filled = [np.asarray(one_chunk(column).is_valid()) for column in rows.columns]
    return np.asarray(np.sum(filled, axis=0), dtype=np.int64)


def _ranks(rows: pa.Table, name: str) -> NDArray[np.int64] | NDArray[np.int32]:
    column = one_chunk(rows.column(name))
    if column.type == CATEGORY:
        return text_ranks(column)
    return np.asarray(column.cast(pa.int64()).fill_null(_ALWAYS_KNOWN))


def _hashes(rows: pa.Table, names: tuple[str, ...]) -> Hashes:
    total = np.zeros(rows.num_rows, dtype=np.uint64)
    for name in names:
        total = combined(total, _cells(one_chunk(rows.column(name))))
    return total


def _cells(column: pa.Array) -> Hashes:
    if column.type == CATEGORY or pa.types.is_string(column.type):
        return text_hashes(column)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    empty = np.asarray(column.is_null())
    plain = np.asarray(
        column.cast(pa.int32()).fill_null(0) if pa.types.is_boolean(column.type) else column.fill_null(0)
    )
    bits = (plain + 0.0).view(np.uint64) if plain.dtype.kind == "f" else plain.astype(np.int64).view(np.uint64)
    return np.where(empty, np.uint64(0x9E3779B97F4A7C15), bits)
