"""One person counts only so many times in a cell within so many days: a single person can be a hot spot.

Of a person's contacts in a cell, in order of occurrence, one counts while fewer than so many others that count occurred
in the days before it. A person is known by the site's pseudonym, else by the agency's own key of them. Contacts of
people whom nobody knows are not capped.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import instants_of
from crisisrisk.features.place_duplicates import codes_of_texts
from crisisrisk.features.place_spans import Integers, Mask, Spans, joined, thinned, window_starts
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY

_SPREAD, _DRAWER_BITS = np.uint64(0x9E3779B97F4A7C15), 22
"""Fibonacci hashing (Knuth 1973): the multiplier, and the bits that say which drawer."""


def capped(spans: Spans, events: pa.Table, cell: NDArray[np.int32], outcome: Mask, *, most: int, days: int) -> Spans:
    """The spans, those beyond the cap only while enough of the others do not count. Outcome events by themselves."""
    if not most or not len(spans):
        return spans
    group = _contributor(events, cell, outcome)[spans.row]
    occurred = instants_of(events, "occurred_at", missing=FOREVER_US)[spans.row]
    many = np.flatnonzero(_of_more_than(most, group))
    order = many[np.lexsort((occurred[many], group[many]))]
    first = window_starts(group[order], occurred[order], days * MICROSECONDS_PER_DAY)
    reached = np.arange(len(order)) - first >= most
    often = np.isin(group, group[order][reached]) & (group >= 0)
    asked = np.flatnonzero(often)
    asked = asked[np.lexsort((spans.begin[asked], _name(events, spans.row[asked]), occurred[asked], group[asked]))]
    starts, partners = _from_first(window_starts(group[asked], occurred[asked], days * MICROSECONDS_PER_DAY))
    return joined(spans.at(~often), thinned(spans.at(asked), starts, partners, allowed=most))


def _contributor(events: pa.Table, cell: NDArray[np.int32], outcome: Mask) -> Integers:
    """A number for each person, cell and sort of event; -1 where the person is not known. Shape (events,)."""
    person, key = codes_of_texts(events, "person_id"), codes_of_texts(events, "source_person_key")
    source = codes_of_texts(events, "source")
    keyed = (person < 0) & (key >= 0)
    people = int(person.max(initial=-1)) + 1
    who = np.where(keyed, people + key * (int(source.max(initial=0)) + 1) + source, person)
    cells = int(cell.max(initial=0)) + 1
    return np.where(who >= 0, (who * cells + np.maximum(cell, 0)) * 2 + outcome, -1)


def _of_more_than(most: int, group: Integers) -> Mask:
    """Which records belong to a contributor with more records than that: no other can reach the cap.

    By hashing, in two steps: contributors are first counted in drawers that several may share.
    """
    drawer = (group.astype(np.uint64) * _SPREAD >> np.uint64(64 - _DRAWER_BITS)).astype(np.int64)
    many = np.flatnonzero((np.bincount(drawer)[drawer] > most) & (group >= 0))
    code = np.asarray(pa.array(group[many]).dictionary_encode().indices)
    found: Mask = np.zeros(len(group), dtype=bool)
    found[many[np.bincount(code)[code] > most]] = True
    return found


def _name(events: pa.Table, rows: Integers) -> Integers:
    """Numbers by which rows stand in order of their names, whatever the table's order. Shape (rows,)."""
    names = np.array(events["event_id"].take(pa.array(rows)).to_pylist(), dtype=object).astype(str)
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _from_first(first: Integers) -> tuple[Integers, Integers]:
    """The partners of each record: those from its first to the one before it, as (starts, partners)."""
    before = np.arange(len(first)) - first
    starts = np.concatenate([[0], np.cumsum(before)]).astype(np.int64)
    partners = np.arange(starts[-1]) - np.repeat(starts[:-1] - first, before)
    return starts, partners.astype(np.int64)
