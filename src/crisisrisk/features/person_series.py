"""Events in order: for each person and channel the live events of each as-of moment, by occurrence.

What an aggregation of order needs: `begin` a person and series, then `advance` in each row that `place[WHEN]` names;
the live events stand in `live[:place[COUNT]]`, and all before the place that `advance` returns are as they were.
The arrays are passed one by one: to take one out of a tuple in each row costs more than a row does.

Cost: events of the channel + rows, and for an event known out of order the events that occurred after it. At the
first row all events are taken at once. Memory: the memberships of one part of the people, and the longest series.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from crisisrisk.features.person_kernels import EventArrays, Integers, RowArrays, ascending, first_row_after, grid_of
from crisisrisk.timeline import Instants

COUNT, NEXT, END, GOES, WHEN = range(5)
"""Of a walk: how many are live, the next to enter, the end of those, the first row in which one goes, and the next row
in which anything changes."""
NOTHING_MORE = np.iinfo(np.int64).max


class Series(NamedTuple):
    """The events of people `first` onwards: those of person p and series s are at place (p - first) * width + s."""

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
def series_of(
    first: int,
    last: int,
    events: EventArrays,
    rows: RowArrays,
    series_of_channel: Integers,
    low: Integers,
    gone: Integers,
) -> Series:
    """The series of people `first` to `last` (exclusive); fills `low` and `gone`, shape (events,), for their events."""
    width = max(series_of_channel) + 1
    offsets = np.zeros((last - first) * width + 1, dtype=np.int64)
    for person in range(first, last):
        _find_rows(person, events, rows, low, gone)
        start, end = events.starts[person], events.ends[person]
        order = np.arange(start, end)
        _put(order, (person - first) * width, events.channel_from, events.channel, series_of_channel, low, gone,
             offsets[1:], np.empty(0, dtype=np.int32))  # fmt: skip
    longest = max(offsets)
    offsets = np.cumsum(offsets)
    found, filled = np.empty(offsets[-1], dtype=np.int32), offsets[:-1].copy()
    for person in range(first, last):
        order = _by_entry(events.starts[person], events.ends[person], events.occurred, low)
        _put(order, (person - first) * width, events.channel_from, events.channel, series_of_channel, low, gone,
             filled, found)  # fmt: skip
    return Series(first, width, offsets, found, low, gone, longest)


@njit(nogil=True, cache=True)
def _put(
    order: NDArray[np.int64],
    slot: int,
    channel_from: NDArray[np.int64],
    channels: Integers,
    series_of_channel: Integers,
    low: Integers,
    gone: Integers,
    filled: NDArray[np.int64],
    found: Integers,
) -> None:
    """Counts a person's events into their series and, where `found` has room, puts them there."""
    for event in order:
        if low[event] >= gone[event]:
            continue
        for place in range(channel_from[event], channel_from[event + 1]):
            one = series_of_channel[channels[place]]
            if one >= 0:
                if len(found) > 0:
                    found[filled[slot + one]] = event
                filled[slot + one] += 1


@njit(nogil=True, cache=True)
def _find_rows(person: int, events: EventArrays, rows: RowArrays, low: Integers, gone: Integers) -> None:
    begin, finish = rows.offsets[person], rows.offsets[person + 1]
    for event in range(events.starts[person], events.ends[person]):
        low[event] = gone[event] = 0
    if begin == finish:
        return
    grid = grid_of(rows.as_of[begin:finish])
    for event in range(events.starts[person], events.ends[person]):
        low[event] = first_row_after(grid, max(events.known[event], events.occurred[event]))
        gone[event] = first_row_after(grid, events.superseded[event])


@njit(nogil=True, cache=True)
def _by_entry(start: int, end: int, occurred: Instants, low: Integers) -> NDArray[np.int64]:
    """Events by the row in which they enter, then by occurrence."""
    by_time = ascending(occurred[start:end])
    entry = np.empty(end - start, dtype=np.int64)
    for place in range(end - start):
        entry[place] = low[start + by_time[place]]
    return start + by_time[ascending(entry)]


@njit(nogil=True, cache=True)
def begin(slot: int, offsets: NDArray[np.int64], entering: Integers, low: Integers, place: NDArray[np.int64]) -> None:
    """Before the first row of a person and series, which stands at `slot` of the series."""
    place[COUNT], place[NEXT], place[END], place[GOES] = 0, offsets[slot], offsets[slot + 1], NOTHING_MORE
    place[WHEN] = low[entering[offsets[slot]]] if offsets[slot + 1] > offsets[slot] else NOTHING_MORE


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
