"""Reports of one incident by two sources: merged by time, place and person, the first that was known stays.

Two outcome events may be one incident when their sources differ, they occurred within so many minutes, in one place,
and not to two people whom both sources named. In one place: so many metres apart at most where both have coordinates,
else in the same cell. Of those that are one incident the first known counts; the others count for as long as it does
not (it is corrected away). What has been merged into another draws nothing else to itself.

A recipe chooses whether an incident takes every such report, or one of each other source and all that name its person
(`place_incident_kernels`), so that two people in crisis in one square whom nobody names stay two.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.episodes import encoded, instants_of
from crisisrisk.features.place_incident_kernels import opening_stretches
from crisisrisk.features.place_spans import Integers, Mask, Spans, joined, thinned
from crisisrisk.tables.areas import distance_km, numbers_of
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_SECOND, Instants

Pairs = tuple[Integers, Integers]


def one_report_each(
    spans: Spans, events: pa.Table, cell: NDArray[np.int32], outcome: Mask, *, minutes: int, metres: int,
    one_each: bool = False,
) -> Spans:  # fmt: skip
    """The spans, those of a second report only where the first does not count. `cell`, `outcome`: shape (events,).

    `one_each`: an incident takes one report of each other source, and all that name its person.
    """
    mine = outcome[spans.row]
    if not minutes or not mine.any():
        return spans
    asked = spans.at(mine)
    one, other = _same_incident(asked.row, events, cell, minutes=minutes, metres=metres)
    if not len(one):
        return spans
    involved = np.unique(np.concatenate([one, other]))
    order = involved[_first_known_first(asked.at(involved), events)]
    place = np.full(len(asked), -1, dtype=np.int64)
    place[order] = np.arange(len(order))
    starts, partners = _earlier(place[one], place[other], len(order))
    alone = np.ones(len(asked), dtype=bool)
    alone[involved] = False
    near = asked.at(order)
    if not one_each:
        return joined(spans.at(~mine), asked.at(alone), thinned(near, starts, partners, allowed=1))
    number, begin, end = opening_stretches(
        starts, partners, near.begin, near.end, codes_of_texts(events, "source")[near.row],
        codes_of_texts(events, "person_id")[near.row], _occurred(events)[near.row],
    )  # fmt: skip
    return joined(spans.at(~mine), asked.at(alone), Spans(near.row[number], begin, end))


def _same_incident(row: Integers, events: pa.Table, cell: NDArray[np.int32], *, minutes: int, metres: int) -> Pairs:
    """Which spans, by their rows, may be the same incident: every pair once, as indices into `row`."""
    occurred = _occurred(events)[row]
    source = codes_of_texts(events, "source")[row]
    person = codes_of_texts(events, "person_id")[row]
    if source.min() == source.max():
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    order = np.argsort(occurred, kind="stable")
    one, other = _within(occurred[order], minutes * 60 * MICROSECONDS_PER_SECOND)
    one, other = order[one], order[other]
    known = (person[one] >= 0) & (person[other] >= 0)
    same = (source[one] != source[other]) & ~(known & (person[one] != person[other]))
    one, other = one[same], other[same]
    together = _in_one_place(row[one], row[other], events, cell, metres=metres)
    return one[together], other[together]


def _occurred(events: pa.Table) -> Instants:
    return instants_of(events, "occurred_at", missing=FOREVER_US)


def _within(ascending: NDArray[np.int64], width: int) -> Pairs:
    """The pairs of ascending moments at most `width` apart."""
    last = np.searchsorted(ascending, ascending + width, side="right")
    ahead = last - np.arange(len(ascending)) - 1
    one = np.repeat(np.arange(len(ascending)), ahead)
    step = np.arange(len(one)) - np.repeat(np.cumsum(ahead) - ahead, ahead)
    return one, one + 1 + step


def _in_one_place(one: Integers, other: Integers, events: pa.Table, cell: NDArray[np.int32], *, metres: int) -> Mask:
    same_cell: Mask = cell[one] == cell[other]
    if not metres:
        return same_cell
    latitude, longitude = numbers_of(events, "latitude"), numbers_of(events, "longitude")
    apart = 1000 * distance_km(latitude[one], longitude[one], latitude[other], longitude[other])
    return np.where(np.isnan(apart), same_cell, apart <= metres)


def codes_of_texts(events: pa.Table, name: str) -> Integers:
    """A number for each different text of a column; -1 where there is none, or no such column."""
    if name not in events.column_names:
        return np.full(len(events), -1, dtype=np.int64)
    return np.asarray(encoded(events, name).indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)


def _first_known_first(spans: Spans, events: pa.Table) -> Integers:
    """The order of spans: whose event was known first, then by source, name and version, whatever the table's order."""
    keys, begin = _keys(events.take(pa.array(spans.row))), spans.begin.tolist()
    first: dict[tuple[str, ...], int] = {}
    versions = _versions_of(events, {key[-1] for key in keys})
    for key, known in zip(_keys(versions), instants_of(versions, "known_at", missing=FOREVER_US).tolist(), strict=True):
        first[key] = min(known, first.get(key, known))
    order = sorted(range(len(keys)), key=lambda one: (first[keys[one]], keys[one], begin[one]))
    return np.array(order, dtype=np.int64)


def _versions_of(events: pa.Table, names: set[str]) -> pa.Table:
    """Every version of some events, whatever it says: when an event was first known never changes."""
    return events.filter(pc.is_in(events["event_id"], value_set=pa.array(sorted(names), pa.string())))


def _keys(events: pa.Table) -> list[tuple[str, ...]]:
    columns = (events[name].cast(pa.string()).to_pylist() for name in ("source", "event_id"))
    return list(zip(*columns, strict=True))


def _earlier(one: Integers, other: Integers, spans: int) -> Pairs:
    """For each span its partners that stand before it, as (starts, partners)."""
    later, earlier = np.maximum(one, other), np.minimum(one, other)
    order = np.lexsort((earlier, later))
    starts = np.searchsorted(later[order], np.arange(spans + 1)).astype(np.int64)
    return starts, earlier[order].astype(np.int64)
