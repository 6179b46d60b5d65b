"""The compiled scan over people: arrays in, one block of the feature matrix out.

An event version counts for the as-of moments T in (enter, exit], where enter = max(known_at, occurred_at)
and exit = min(superseded_at, occurred_at + lookback). A person's moments ascend, so that is a run of
rows [low, high): +1 is noted at row `low`, -1 at row `high`, and a running sum down the rows gives every count.
Order of events does not matter and corrections need no special case. All sums are integers.

Cost for one person: events x lookbacks + rows x columns; finding a row is one guess on an even grid and
log2(rows) steps on any other. A superseded version costs, for "days since last" alone, the rows that it was live for.
Distinct days and sources sort the person's events, which is linear while they arrive nearly in order.
Memory for each thread: (rows of one person + 1) x counters, nothing that grows with the number of people.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants

NEVER = np.iinfo(np.int64).min

Integers = NDArray[np.int32]


class EventArrays(NamedTuple):
    """Event versions; those of person p are `starts[p]:ends[p]`, in any order."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    occurred: Instants
    known: Instants
    superseded: Instants
    signature: Integers
    """Events of one signature belong to the same channels."""
    day: Integers
    """Local day; empty when no feature counts days."""
    source: Integers


class RowArrays(NamedTuple):
    """As-of moments; those of person p are `offsets[p]:offsets[p + 1]`, ascending."""

    offsets: NDArray[np.int64]
    as_of: Instants


class Grid(NamedTuple):
    """The as-of moments of one person, and what finding a row among them needs."""

    as_of: Instants
    first: int
    last: int
    rows_per_microsecond: float


class Entries(NamedTuple):
    """For each signature which counters its events feed: `offsets[s]:offsets[s + 1]`, in order of lookback."""

    offsets: Integers
    lookback: Integers
    counter: Integers


class Plan(NamedTuple):
    """What to count and where it goes. Columns are those of the feature matrix.

    Counter c < columns is written to column c as it is; columns that are something else overwrite theirs.
    """

    lookbacks: Instants
    columns: int
    counters: int
    counts: Entries
    distinct_days: Entries
    distinct_sources: Entries
    latest: Entries
    """Its `counter` is an index of the latest occurrences; it has no lookback."""
    latest_channels: int
    copy_column: Integers
    copy_counter: Integers
    copy_if_none: NDArray[np.float32]
    ratio_column: Integers
    ratio_counters: Integers
    """Shape (ratios, 2): above, below."""
    ratio_days: Instants
    """Shape (ratios, 2): what multiplies above and below."""
    ratio_if_none: NDArray[np.float32]
    since_column: Integers
    since_channel: Integers
    since_if_none: NDArray[np.float32]


class Scratch(NamedTuple):
    """What one thread needs, reused for every person. `differences` is all zero between people."""

    differences: Integers
    totals: Integers
    latest: Instants
    covered_key: Instants
    covered_to: Integers


@njit(nogil=True, cache=True)
def _grid(as_of: Instants) -> Grid:
    first, last = as_of[0], as_of[len(as_of) - 1]
    return Grid(as_of, first, last, (len(as_of) - 1) / (last - first) if last > first else 0.0)


@njit(nogil=True, cache=True)
def first_row_after(grid: Grid, moment: int) -> int:
    """The first row whose as-of moment is after `moment`; the number of rows when none is."""
    as_of = grid.as_of
    if moment >= grid.last:
        return len(as_of)
    if moment < grid.first:
        return 0
    # The last moment is later and the first is not, so there are two rows or more and the guess is among them.
    guess = min(int((moment - grid.first) * grid.rows_per_microsecond) + 1, len(as_of) - 1)
    if as_of[guess] <= moment:
        guess += 1
    elif as_of[guess - 1] > moment:
        guess -= 1
    if as_of[guess] > moment and as_of[guess - 1] <= moment:
        return guess
    return _first_row_by_halves(as_of, moment)


@njit(nogil=True, cache=True)
def _first_row_by_halves(as_of: Instants, moment: int) -> int:
    low, high = 0, len(as_of) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if as_of[middle] > moment:
            high = middle
        else:
            low = middle
    return high


@njit(nogil=True, cache=True)
def _count(start: int, end: int, grid: Grid, events: EventArrays, plan: Plan, scratch: Scratch) -> bool:
    """Notes what a person's events add to the counters. Says whether any was superseded within the rows."""
    rows = len(grid.as_of)
    differences, latest = scratch.differences, scratch.latest
    any_superseded = False
    for event in range(start, end):
        occurred = events.occurred[event]
        low = first_row_after(grid, max(events.known[event], occurred))
        if low == rows:
            continue
        gone = first_row_after(grid, events.superseded[event])
        if gone <= low:
            continue
        signature = events.signature[event]
        if gone == rows:
            for entry in range(plan.latest.offsets[signature], plan.latest.offsets[signature + 1]):
                channel = plan.latest.counter[entry]
                latest[low, channel] = max(latest[low, channel], occurred)
        else:
            any_superseded = True
        lookback, high = -1, 0
        for entry in range(plan.counts.offsets[signature], plan.counts.offsets[signature + 1]):
            if plan.counts.lookback[entry] != lookback:
                lookback = plan.counts.lookback[entry]
                high = min(gone, first_row_after(grid, occurred + plan.lookbacks[lookback]))
            if high > low:
                counter = plan.counts.counter[entry]
                differences[low, counter] += 1
                differences[high, counter] -= 1
    return any_superseded


@njit(nogil=True, cache=True)
def _latest_down_the_rows(rows: int, latest: Instants) -> None:
    for row in range(1, rows):
        for channel in range(latest.shape[1]):
            latest[row, channel] = max(latest[row, channel], latest[row - 1, channel])


@njit(nogil=True, cache=True)
def _latest_of_superseded(start: int, end: int, grid: Grid, events: EventArrays, plan: Plan, scratch: Scratch) -> None:
    """Superseded versions are the latest only in the rows in which they were live."""
    rows = len(grid.as_of)
    for event in range(start, end):
        gone = first_row_after(grid, events.superseded[event])
        if gone == rows:
            continue
        occurred, signature = events.occurred[event], events.signature[event]
        low = first_row_after(grid, max(events.known[event], occurred))
        for entry in range(plan.latest.offsets[signature], plan.latest.offsets[signature + 1]):
            channel = plan.latest.counter[entry]
            for row in range(low, gone):
                scratch.latest[row, channel] = max(scratch.latest[row, channel], occurred)


@njit(nogil=True, cache=True)
def _ascending(keys: Instants) -> NDArray[np.int64]:
    """The order that sorts keys: linear when they nearly are, never worse than a merge sort."""
    order = np.arange(len(keys))
    moves = 0
    for place in range(1, len(keys)):
        item = order[place]
        key, hole = keys[item], place
        while hole > 0 and keys[order[hole - 1]] > key:
            order[hole] = order[hole - 1]
            hole -= 1
        order[hole] = item
        moves += place - hole
        if moves > 16 * len(keys):
            return np.argsort(keys, kind="mergesort")
    return order


@njit(nogil=True, cache=True)
def _count_distinct(
    start: int,
    end: int,
    grid: Grid,
    events: EventArrays,
    key_of: Integers,
    entries: Entries,
    lookbacks: Instants,
    scratch: Scratch,
) -> None:
    """Notes the rows in which each key (a day, a source) has at least one event that counts.

    The runs of one key, taken by their first row, are merged: only what is not covered yet is noted.
    """
    rows = len(grid.as_of)
    covered_key, covered_to = scratch.covered_key, scratch.covered_to
    covered_key[:] = NEVER
    low = np.empty(end - start, dtype=np.int64)
    keys = np.empty(end - start, dtype=np.int64)
    for place in range(end - start):
        event = start + place
        low[place] = first_row_after(grid, max(events.known[event], events.occurred[event]))
        keys[place] = np.int64(key_of[event]) * (rows + 1) + low[place]
    for place in _ascending(keys):
        event = start + place
        if low[place] == rows:
            continue
        gone = first_row_after(grid, events.superseded[event])
        signature, key, lookback, high = events.signature[event], key_of[event], -1, 0
        for entry in range(entries.offsets[signature], entries.offsets[signature + 1]):
            if entries.lookback[entry] != lookback:
                lookback = entries.lookback[entry]
                high = min(gone, first_row_after(grid, events.occurred[event] + lookbacks[lookback]))
            counter = entries.counter[entry]
            first = low[place]
            if covered_key[counter] == key:
                first = max(first, covered_to[counter])
            if high > first:
                scratch.differences[first, counter] += 1
                scratch.differences[high, counter] -= 1
                covered_key[counter], covered_to[counter] = key, high


@njit(nogil=True, cache=True)
def _write(as_of: Instants, plan: Plan, scratch: Scratch, out: NDArray[np.float32]) -> None:
    """Turns what was noted into the person's rows, and leaves the scratch clean."""
    differences, totals = scratch.differences, scratch.totals
    totals[:] = 0
    for row in range(len(as_of)):
        for counter in range(plan.counters):
            totals[counter] += differences[row, counter]
            differences[row, counter] = 0
        for column in range(plan.columns):
            out[row, column] = np.float32(totals[column])
        for item in range(len(plan.copy_column)):
            total = totals[plan.copy_counter[item]]
            out[row, plan.copy_column[item]] = np.float32(total) if total != 0 else plan.copy_if_none[item]
        for item in range(len(plan.ratio_column)):
            above, below = totals[plan.ratio_counters[item, 0]], totals[plan.ratio_counters[item, 1]]
            value = plan.ratio_if_none[item]
            if below != 0:
                value = np.float32((above * plan.ratio_days[item, 0]) / (below * plan.ratio_days[item, 1]))
            out[row, plan.ratio_column[item]] = value
        for item in range(len(plan.since_column)):
            latest = scratch.latest[row, plan.since_channel[item]]
            value = plan.since_if_none[item]
            if latest != NEVER:
                value = np.float32((as_of[row] - latest) / MICROSECONDS_PER_DAY)
            out[row, plan.since_column[item]] = value
    differences[len(as_of), :] = 0


@njit(nogil=True, cache=True)
def scan_people(
    first: int, last: int, events: EventArrays, rows: RowArrays, plan: Plan, out: NDArray[np.float32]
) -> None:
    """Fills the rows of people `first` to `last` (exclusive) of `out`, shape (all rows, columns), in place."""
    longest = 0
    for person in range(first, last):
        longest = max(longest, rows.offsets[person + 1] - rows.offsets[person])
    scratch = Scratch(
        np.zeros((longest + 1, plan.counters), dtype=np.int32),
        np.zeros(plan.counters, dtype=np.int32),
        np.empty((longest, plan.latest_channels), dtype=np.int64),
        np.empty(plan.counters, dtype=np.int64),
        np.empty(plan.counters, dtype=np.int32),
    )
    for person in range(first, last):
        begin, finish = rows.offsets[person], rows.offsets[person + 1]
        if begin == finish:
            continue
        as_of, start, end = rows.as_of[begin:finish], events.starts[person], events.ends[person]
        grid = _grid(as_of)
        scratch.latest[: len(as_of), :] = NEVER
        any_superseded = _count(start, end, grid, events, plan, scratch)
        if plan.latest_channels > 0:
            _latest_down_the_rows(len(as_of), scratch.latest)
            if any_superseded:
                _latest_of_superseded(start, end, grid, events, plan, scratch)
        if len(plan.distinct_days.counter) > 0:
            _count_distinct(start, end, grid, events, events.day, plan.distinct_days, plan.lookbacks, scratch)
        if len(plan.distinct_sources.counter) > 0:
            _count_distinct(start, end, grid, events, events.source, plan.distinct_sources, plan.lookbacks, scratch)
        _write(as_of, plan, scratch, out[begin:finish])


@njit(nogil=True, cache=True)
def runs_of_people(person: Integers, people: int) -> tuple[Any, Any, bool]:
    """Where each person's run of events starts and ends; the last item is False when a person has two runs.

    `person`: for each event the index of its person, or -1. Linear in events.
    """
    starts = np.zeros(people, dtype=np.int64)
    ends = np.zeros(people, dtype=np.int64)
    previous = -1
    for event in range(len(person)):
        one = person[event]
        if one < 0:
            previous = -1
            continue
        if one != previous:
            if ends[one] > 0:
                return starts, ends, False
            starts[one] = event
        ends[one] = event + 1
        previous = one
    return starts, ends, True


@njit(nogil=True, cache=True)
def latest_versions(
    starts: NDArray[np.int64], ends: NDArray[np.int64], known: Instants, rows: RowArrays
) -> NDArray[np.int64]:
    """For each row its person's last version known before the as-of moment, or -1. Linear in versions + rows.

    Versions of person p are `starts[p]:ends[p]`, ascending by `known`.
    """
    found = np.full(len(rows.as_of), -1, dtype=np.int64)
    for person in range(len(starts)):
        version = starts[person]
        for row in range(rows.offsets[person], rows.offsets[person + 1]):
            while version < ends[person] and known[version] < rows.as_of[row]:
                version += 1
            if version > starts[person]:
                found[row] = version - 1
    return found


@njit(nogil=True, cache=True)
def earliest_known(events: EventArrays, people: int) -> Instants:
    """For each person when the first of its event versions became known; NEVER without any. Shape (people,)."""
    found = np.full(people, NEVER, dtype=np.int64)
    for person in range(people):
        for event in range(events.starts[person], events.ends[person]):
            if found[person] == NEVER or events.known[event] < found[person]:
                found[person] = events.known[event]
    return found
