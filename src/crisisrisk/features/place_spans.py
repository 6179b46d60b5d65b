"""For how long each record counts, when others that count take its place. A compiled loop and what feeds it.

A record counts at issue times T with `begin < T <= end`. One that others stand in front of counts only while fewer
than `allowed` of those count themselves: what counts at T then depends on nothing that was not known by T.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.timeline import Instants

Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Spans:
    """Stretches in which records count: `row` in the table of events, and `(begin, end]`. Shapes (spans,)."""

    row: Integers
    begin: Instants
    end: Instants

    def __len__(self) -> int:
        return len(self.row)

    def at(self, wanted: Mask | Integers) -> "Spans":
        """Only some of the spans, in the order asked for."""
        return Spans(self.row[wanted], self.begin[wanted], self.end[wanted])

    def count(self, rows: Mask, moment: int) -> int:
        """How many of the rows of a mask over the table count at a moment."""
        return int(np.count_nonzero(rows[self.row] & (self.begin < moment) & (moment <= self.end)))


def joined(*parts: Spans) -> Spans:
    """Spans together, by row and then by begin. Quick where the parts are long runs of ascending rows."""
    row, begin, end = (np.concatenate([getattr(one, name) for one in parts]) for name in ("row", "begin", "end"))
    order = np.argsort(row, kind="stable")
    again = np.flatnonzero(row[order][1:] == row[order][:-1])
    if len(again):  # the few rows with several spans
        several = np.union1d(again, again + 1)
        order[several] = order[several][np.lexsort((begin[order[several]], row[order[several]]))]
    return Spans(row[order], begin[order], end[order])


def thinned(spans: Spans, starts: Integers, partners: Integers, *, allowed: int) -> Spans:
    """Each span while fewer than `allowed` of its partners count, in order, with those counting as this very rule says.

    The partners of span `i` are `partners[starts[i]:starts[i + 1]]`, all below `i`.
    """
    number, begin, end = _thinned(starts, partners, spans.begin, spans.end, allowed)
    return Spans(spans.row[number], begin, end)


@njit(nogil=True, cache=True)
def _thinned(
    starts: Integers, partners: Integers, begins: Instants, ends: Instants, allowed: int
) -> tuple[Integers, Instants, Instants]:
    """Linear in spans and partners' spans, with a sort of the edges where many overlap. Memory: the result."""
    spans = len(begins)
    first = np.zeros(spans + 1, dtype=np.int64)
    row = np.empty(spans + 16, dtype=np.int64)
    begin, end = np.empty_like(row), np.empty_like(row)
    size = 0
    for span in range(spans):
        first[span] = size
        edges = 0
        for place in range(starts[span], starts[span + 1]):
            other = partners[place]
            for one in range(first[other], first[other + 1]):
                edges += begin[one] < ends[span] and end[one] > begins[span]
        if size + edges + 1 > len(row):
            longer = 2 * len(row) + edges
            row, begin, end = _longer(row, longer), _longer(begin, longer), _longer(end, longer)
        if edges < allowed:
            row[size], begin[size], end[size] = span, begins[span], ends[span]
            size += 1
            first[span + 1] = size
            continue
        moments, steps = np.empty(2 * edges, dtype=np.int64), np.empty(2 * edges, dtype=np.int64)
        edge = 0
        for place in range(starts[span], starts[span + 1]):
            other = partners[place]
            for one in range(first[other], first[other + 1]):
                if begin[one] < ends[span] and end[one] > begins[span]:
                    moments[edge], steps[edge] = max(begin[one], begins[span]), 1
                    moments[edge + 1], steps[edge + 1] = min(end[one], ends[span]), -1
                    edge += 2
        size = _open_stretches(
            moments, steps, np.argsort(moments), begins[span], ends[span], allowed, span, row, begin, end, size
        )
        first[span + 1] = size
    return row[:size], begin[:size], end[:size]


@njit(nogil=True, cache=True)
def _longer(values: Integers, length: int) -> Integers:
    grown = np.empty(length, dtype=np.int64)
    grown[: len(values)] = values
    return grown


@njit(nogil=True, cache=True)
def _open_stretches(
    moments: Instants, steps: Integers, order: Integers, begin_at: int, end_at: int, allowed: int, span: int,
    row: Integers, begin: Instants, end: Instants, size: int,
) -> int:  # fmt: skip
    """Appends the stretches of `(begin_at, end_at]` in which fewer than `allowed` are open; how many there are then."""
    active, edge, at, before = 0, 0, begin_at, size
    while at < end_at:
        while edge < len(order) and moments[order[edge]] <= at:
            active += steps[order[edge]]
            edge += 1
        until = moments[order[edge]] if edge < len(order) else end_at
        if active < allowed:
            if size > before and end[size - 1] == at:
                end[size - 1] = until
            else:
                row[size], begin[size], end[size] = span, at, until
                size += 1
        at = until
    return size


@njit(nogil=True, cache=True)
def window_starts(group: Integers, at: Instants, width: int) -> Integers:
    """For each record, sorted by group and then time, the first of its group less than `width` before it."""
    first = np.zeros(len(group), dtype=np.int64)
    low = 0
    for record in range(len(group)):
        if record and group[record] != group[record - 1]:
            low = record
        while at[record] - at[low] >= width:
            low += 1
        first[record] = low
    return first


@njit(nogil=True, cache=True)
def crowded(group: Integers, begins: Instants, ends: Instants, limits: Integers) -> tuple[Integers, Instants, Instants]:
    """The stretches in which more spans of a group are open than its limit. `group` ascends; limits are by group.

    Group, begin and end of each stretch, in order.
    """
    found_group = np.empty(len(group) + 1, dtype=np.int64)
    found_begin, found_end = np.empty_like(found_group), np.empty_like(found_group)
    size, first = 0, 0
    while first < len(group):
        last = first
        while last < len(group) and group[last] == group[first]:
            last += 1
        limit = limits[group[first]]
        if last - first > limit:
            opened, closed = np.sort(begins[first:last]), np.sort(ends[first:last])
            size = _stretches_above(opened, closed, limit, group[first], found_group, found_begin, found_end, size)
        first = last
    return found_group[:size], found_begin[:size], found_end[:size]


@njit(nogil=True, cache=True)
def _stretches_above(
    opened: Instants, closed: Instants, limit: int, group: int,
    found_group: Integers, found_begin: Instants, found_end: Instants, size: int,
) -> int:  # fmt: skip
    """A span is open from its begin to its end; at one moment those that close go before those that open."""
    active, close, above = 0, 0, False
    for moment in opened:
        while closed[close] <= moment:
            active -= 1
            if above and active <= limit:
                found_end[size], above = closed[close], False
                size += 1
            close += 1
        active += 1
        if active > limit and not above:
            found_group[size], found_begin[size], above = group, moment, True
    while above:
        active -= 1
        if active <= limit:
            found_end[size], above = closed[close], False
            size += 1
        close += 1
    return size
