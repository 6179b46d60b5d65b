"""Events in order: for each person and channel the live events of each as-of moment, by occurrence.

What an aggregation of order needs: `begin` a person and series, which says where the live events stand, then `advance`
in each row that `place[WHEN]` names; they are `live[:place[COUNT]]`, and all before the place that `advance` returns
are as they were.
The arrays are passed one by one: to take one out of a tuple in each row costs more than a row does.

Cost: events of the channel + rows, and for an event known out of order the events that occurred after it. Where there
is one row, its events are found once for all aggregations. Memory: the memberships of one part of the people, and the
longest series.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.features.person_kernels import EventArrays, Integers, RowArrays, ascending, first_row_after, grid_of
from crisisrisk.timeline import Instants

COUNT, NEXT, END, GOES, WHEN = range(5)
"""Of a walk: how many are live, the next to enter, the end of those, the first row in which one goes, and the next row
in which anything changes."""
NOTHING_MORE = np.iinfo(np.int64).max


AT_ONCE = -1
"""In place of the first row in which one goes: everything enters in the one row there is, and stays."""


class Ordered(NamedTuple):
    """All events of each person and series by occurrence, whatever the rows: person p's series s is at p * width + s.

    Depends on the events alone, so it is made once for all the moments that are asked for.
    """

    width: int
    offsets: NDArray[np.int64]
    event: Integers


class Series(NamedTuple):
    """The events of people `first` onwards that are live in any row: (p - first) * width + s is person p's series s."""

    first: int
    width: int
    offsets: NDArray[np.int64]
    event: Integers
    """By the row in which they enter, then by occurrence."""
    low: Integers
    """For each event of the table the first of its person's rows in which it is live."""
    gone: Integers
    longest: int


class Asked(NamedTuple):
    """The columns of one family of aggregations, an item for each."""

    column: Integers
    series: Integers
    other: Integers
    """The series that these are held against, or -1."""
    kind: Integers
    lookback: Instants
    """In microseconds."""
    gap: Instants
    if_none: NDArray[np.float32]


@njit(nogil=True, cache=True)
def in_order(events: EventArrays, width: int, series_of_channel: Integers) -> Ordered:
    """Every person's events of every series. Linear in memberships."""
    people = len(events.starts) if width > 0 else 0
    offsets = np.zeros(len(events.starts) * width + 1, dtype=np.int64)
    for person in range(people):
        for event in range(events.starts[person], events.ends[person]):
            for place in range(events.channel_from[event], events.channel_from[event + 1]):
                series = series_of_channel[events.channel[place]]
                if series >= 0:
                    offsets[person * width + series + 1] += 1
    offsets = np.cumsum(offsets)
    found, filled = np.empty(offsets[-1], dtype=np.int32), offsets[:-1].copy()
    for person in range(people):
        for event in range(events.starts[person], events.ends[person]):
            for place in range(events.channel_from[event], events.channel_from[event + 1]):
                series = series_of_channel[events.channel[place]]
                if series >= 0:
                    found[filled[person * width + series]] = event
                    filled[person * width + series] += 1
    return Ordered(width, offsets, found)


@njit(nogil=True, cache=True)
def series_of(
    first: int, last: int, events: EventArrays, rows: RowArrays, ordered: Ordered, low: Integers, gone: Integers
) -> Series:
    """The series of people `first` to `last` (exclusive); fills `low` and `gone`, shape (events,), for their events."""
    width = ordered.width
    begins, ends = ordered.offsets[first * width], ordered.offsets[last * width]
    offsets = np.zeros((last - first) * width + 1, dtype=np.int64)
    found = np.empty(ends - begins, dtype=np.int32)
    number, longest = 0, 0
    for person in range(first, last):
        _find_rows(person, events, rows, low, gone)
        several = rows.offsets[person + 1] - rows.offsets[person] > 1
        for slot in range(person * width, (person + 1) * width):
            begin_of_slot = number
            for place in range(ordered.offsets[slot], ordered.offsets[slot + 1]):
                event = ordered.event[place]
                # Written in any case, kept if it is live: a branch that is seldom taken costs more.
                found[number] = event
                number += low[event] < gone[event]
            if several:
                _sort_by_entry(found[begin_of_slot:number], low)
            offsets[slot - first * width + 1] = number
            longest = max(longest, number - begin_of_slot)
    return Series(first, width, offsets, found[:number], low, gone, longest)


@njit(nogil=True, cache=True)
def _find_rows(person: int, events: EventArrays, rows: RowArrays, low: Integers, gone: Integers) -> None:
    begin, finish = rows.offsets[person], rows.offsets[person + 1]
    for event in range(events.starts[person], events.ends[person]):
        low[event] = gone[event] = 0
    if begin == finish:
        return
    if finish - begin == 1:
        as_of = rows.as_of[begin]
        for event in range(events.starts[person], events.ends[person]):
            low[event] = max(events.known[event], events.occurred[event]) >= as_of
            gone[event] = events.superseded[event] >= as_of
        return
    grid = grid_of(rows.as_of[begin:finish])
    for event in range(events.starts[person], events.ends[person]):
        low[event] = first_row_after(grid, max(events.known[event], events.occurred[event]))
        gone[event] = first_row_after(grid, events.superseded[event])


@njit(nogil=True, cache=True)
def _sort_by_entry(found: Integers, low: Integers) -> None:
    """Events by the row in which they enter; those of one row stay in their order."""
    moves = 0
    for place in range(1, len(found)):
        event, hole = found[place], place
        while hole > 0 and low[found[hole - 1]] > low[event]:
            found[hole] = found[hole - 1]
            hole -= 1
        found[hole] = event
        moves += place - hole
        if moves > 16 * len(found):
            found[:] = found[ascending(low[found].astype(np.int64))]
            return


@njit(nogil=True, cache=True)
def begin(
    slot: int,
    moments: int,
    offsets: NDArray[np.int64],
    entering: Integers,
    low: Integers,
    room: Integers,
    place: NDArray[np.int64],
) -> Integers:
    """Before the first row of a person and series, which stands at `slot` of the series; where the live events stand.

    `room`: as long as the longest series. A person of one row needs none: the series itself is what is live there.
    """
    place[COUNT], place[NEXT], place[END], place[GOES] = 0, offsets[slot], offsets[slot + 1], NOTHING_MORE
    place[WHEN] = low[entering[offsets[slot]]] if offsets[slot + 1] > offsets[slot] else NOTHING_MORE
    if moments == 1:
        place[GOES] = AT_ONCE
        return entering[offsets[slot] : offsets[slot + 1]]
    return room


@njit(nogil=True, cache=True)
def advance(
    row: int,
    entering: Integers,
    low: Integers,
    gone: Integers,
    occurred: Instants,
    live: Integers,
    place: NDArray[np.int64],
) -> int:
    """Takes a walk to a row, the next of the person; the first place of `live` that is not as it was before."""
    changed = place[COUNT]
    if place[GOES] == AT_ONCE:
        place[COUNT], place[NEXT] = place[END] - place[NEXT], place[END]
        place[GOES] = place[WHEN] = NOTHING_MORE
        return 0
    if place[GOES] <= row:
        changed = _leave(row, gone, live, place)
    following, count = place[NEXT], place[COUNT]
    while following < place[END] and low[entering[following]] <= row:
        event = entering[following]
        following += 1
        hole, moment = count, occurred[event]
        while hole > 0 and occurred[live[hole - 1]] > moment:
            live[hole] = live[hole - 1]
            hole -= 1
        live[hole] = event
        count += 1
        changed = min(changed, hole)
        place[GOES] = min(place[GOES], gone[event])
    place[NEXT], place[COUNT] = following, count
    place[WHEN] = min(place[GOES], low[entering[following]] if following < place[END] else NOTHING_MORE)
    return int(changed)


@njit(nogil=True, cache=True)
def _leave(row: int, gone: Integers, live: Integers, place: NDArray[np.int64]) -> int:
    """Takes out what is superseded; the place of the first of them."""
    kept, changed = 0, place[COUNT]
    place[GOES] = NOTHING_MORE
    for one in range(place[COUNT]):
        event = live[one]
        if gone[event] <= row:
            changed = min(changed, one)
            continue
        live[kept] = event
        kept += 1
        place[GOES] = min(place[GOES], gone[event])
    place[COUNT] = kept
    return int(changed)


@njit(nogil=True, cache=True)
def first_since(moment: int, occurred: Instants, live: Integers, count: int) -> int:
    """The first place of the live events that occurred at `moment` or later; how many are live when none did."""
    low, high = 0, count
    if count == 0 or occurred[live[0]] >= moment:
        return 0
    while low < high:
        middle = (low + high) // 2
        if occurred[live[middle]] < moment:
            low = middle + 1
        else:
            high = middle
    return low
