"""Events that came with an agency's own key, joined to persons through `person_links`."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.tables.cell_values import encoded, one_chunk
from crisisrisk.tables.coding import Texts, column_of, instants_of
from crisisrisk.tables.schema import INSTANT
from crisisrisk.timeline import FOREVER_US, Instants


@dataclass(frozen=True)
class Links:
    """Versions of links in order of (key, known). `key`: number of source and key; `person`: number of the person;
    `superseded_us`: when the key's next link became known. Shapes (links,)."""

    key: NDArray[np.int64]
    person: NDArray[np.int32]
    known_us: Instants
    superseded_us: Instants


def _pairs(sources: NDArray[np.int32], keys: NDArray[np.int32]) -> NDArray[np.int64]:
    return sources.astype(np.int64) << 32 | keys.astype(np.int64)


def links_from(table: pa.Table, texts: Texts) -> Links:
    """The links of the `person_links` table. Of two that became known together the later in its order counts."""
    columns = {}
    for name in ("source", "source_person_key", "person_id"):
        column = encoded(one_chunk(table.column(name)))
        numbers = texts.numbers_of(name, column.texts)
        columns[name] = numbers[column.codes]
    key = _pairs(columns["source"], columns["source_person_key"])
    known = np.asarray(one_chunk(table.column("known_at")).cast(pa.int64()))
    order = np.lexsort((np.arange(len(key)), known, key))
    key, known, person = key[order], known[order], columns["person_id"][order]
    # A link that says again what the key's last one said changes nothing.
    news = np.append(True, (key[1:] != key[:-1]) | (person[1:] != person[:-1]))[: len(key)]
    key, known, person = key[news], known[news], person[news]
    superseded = np.full(len(key), FOREVER_US, dtype=np.int64)
    same = key[1:] == key[:-1]
    superseded[:-1][same] = known[1:][same]
    return Links(key, person, known, superseded)


def linked(rows: pa.Table, links: Links) -> pa.Table:
    """Rows of persons made from coded rows with an agency's key: one for each link version during which they count.

    They are known once both the event and the link are, and superseded with whichever comes first.
    """
    keyed = np.flatnonzero(np.asarray(column_of(rows, "source_person_key").is_valid()))
    numbers = [np.asarray(column_of(rows, name).fill_null(0))[keyed] for name in ("source", "source_person_key")]
    key = _pairs(numbers[0], numbers[1])
    first, last = np.searchsorted(links.key, key, "left"), np.searchsorted(links.key, key, "right")
    count = last - first
    event = np.repeat(keyed, count)
    link = np.repeat(first, count) + np.arange(len(event)) - np.repeat(np.cumsum(count) - count, count)
    known = np.maximum(instants_of(rows, "known_at")[event], links.known_us[link])
    superseded = np.minimum(instants_of(rows, "superseded_at")[event], links.superseded_us[link])
    counts = known < superseded
    made = rows.take(pa.array(event[counts]))
    made = _with(made, "known_at", pa.array(known[counts]).cast(INSTANT))
    made = _with(made, "superseded_at", pa.array(superseded[counts]).cast(INSTANT))
    made = _with(made, "person_id", pa.array(links.person[link][counts]))
    return _with(made, "through_link", pa.array(np.ones(int(counts.sum()), dtype=np.bool_)))


def without_links(rows: pa.Table) -> pa.Table:
    """The rows that came with their person."""
    if "through_link" not in rows.column_names:
        return rows
    return rows.filter(pc.invert(pc.fill_null(rows.column("through_link"), False)))


def _with(rows: pa.Table, name: str, values: pa.Array) -> pa.Table:
    if name in rows.column_names:
        return rows.set_column(rows.column_names.index(name), name, values)
    return rows.append_column(name, values)
