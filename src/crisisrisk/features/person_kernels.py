"""The compiled scan over people: arrays in, one block of the feature matrix out.

An event version counts for the as-of moments T in (enter, exit], where enter = max(known_at, occurred_at)
and exit = min(superseded_at, occurred_at + lookback). A person's moments ascend, so that is a run of
rows [low, high): +1 is noted at row `low`, -1 at row `high`, and a running sum down the rows gives every count.
Order of events does not matter and corrections need no special case. All sums are integers.

Cost for one person: events x channels x lookbacks that they reach + rows x counters; finding a row is one guess on
an even grid and log2(rows) steps on any other. A superseded version costs, for marks alone, the rows that it was
live for. Distinct days and sources sort the person's events, which is linear while they arrive nearly in order.
Memory for each thread: (rows of one person + 1) x counters, nothing that grows with the number of people.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants

NEVER = np.iinfo(np.int64).min
CHANNELS_PER_WORD = 62

Integers = NDArray[np.int32]
Matrix = NDArray[np.float32]


class EventArrays(NamedTuple):
    """Event versions; those of person p are `starts[p]:ends[p]`, by occurrence. A column not read is empty."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    occurred: Instants
    known: Instants
    superseded: Instants
    channel_from: NDArray[np.int64]
    """Shape (events + 1,): event e belongs to the channels `channel[channel_from[e]:channel_from[e + 1]]`."""
    channel: Integers
    keys: Integers
    """Shape (kinds of distinct things, events): what is counted once; -1 is not counted."""
    source: Integers
    hour: Integers
    """Local hour."""
    ended: Instants
    """NEVER where no end is known."""
    value: NDArray[np.int64]
    """In thousandths; NEVER where there is none."""
    sums_from: NDArray[np.int64]
    """Shape (people + 1,): person p has the sums `sums_from[p]:sums_from[p + 1]` of `person_tally`, or none."""
    sums: Integers
    sums_known: Instants


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
    """For each channel which counters its events feed: `offsets[c]:offsets[c + 1]`, longest lookback first."""

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
    distinct: Entries
    """Channel c of kind k stands at place k * channels + c."""
    distinct_kinds: int
    longest_distinct: int
    """The longest lookback of any of those."""
    marks: Entries
    """Its `counter` is an index of the marks, its `lookback` what the mark keeps: 0 last, 1 first, 2 last known."""
    mark_count: int
    channels: int
    formula_column: Integers
    formula_terms: Integers
    """Shape (formulas, 4): where the terms above, those below and the guard begin, and where they end."""
    formula_constants: NDArray[np.int64]
    """Shape (formulas, 2): above, below."""
    formula_if_none: Matrix
    term_counter: Integers
    term_weight: NDArray[np.int64]
    since_column: Integers
    since_mark: Integers
    since_kind: Integers
    since_if_none: Matrix


class Scratch(NamedTuple):
    """What one thread needs, reused for every person. `differences` is all zero between people."""

    differences: Integers
    totals: Integers
    marks: Instants
    high: Integers
    """Shape (2, lookbacks): the first row past the lookback, and for which event that was found."""
    covered_key: Instants
    covered_to: Integers
    reached: Integers
    """Shape (lookbacks + 1, kinds x channels): for one moment, events by the shortest lookback that reaches them, or
    by none."""
    kept: Instants
    """Shape (3, channels): for one moment, what each kind of mark keeps."""


# Which channels an event belongs to


@njit(nogil=True, cache=True)
def channels_of_events(
    classes: Integers, masks: NDArray[np.int64], bit_of: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Integers]:
    """Where each event's channels begin, and the channels: shapes (events + 1,) and (memberships,).

    `classes`: shape (conditions, events), the class of each event's value. `masks`: shape (conditions, classes,
    words), the channels, as bits, that a class is accepted by. An event belongs where every condition accepts it.
    """
    conditions, events = classes.shape
    words = masks.shape[2]
    begins = np.zeros(events + 1, dtype=np.int64)
    held = np.empty((events, words), dtype=np.int64)
    total = 0
    for event in range(events):
        for word in range(words):
            bits = masks[0, classes[0, event], word]
            for condition in range(1, conditions):
                bits &= masks[condition, classes[condition, event], word]
            held[event, word] = bits
            while bits != 0:
                total += 1
                bits &= bits - 1
        begins[event + 1] = total
    found = np.empty(total, dtype=np.int32)
    place = 0
    for event in range(events):
        for word in range(words):
            bits = held[event, word]
            while bits != 0:
                lowest = bits & -bits
                found[place] = word * CHANNELS_PER_WORD + bit_of[((lowest * _DE_BRUIJN) >> 58) & 63]
                place += 1
                bits &= bits - 1
    return begins, found


_DE_BRUIJN = 0x03F79D71B4CB0A89
"""Times a power of two, its six highest bits say which: the sequence of N. G. de Bruijn, without a branch."""


def bit_places() -> NDArray[np.int64]:
    """What `channels_of_events` looks the place of a single bit up in. Shape (64,)."""
    places = np.zeros(64, dtype=np.int64)
    for bit in range(CHANNELS_PER_WORD):
        places[((_DE_BRUIJN << bit) % 2**64) >> 58] = bit
    return places


# Rows


@njit(nogil=True, cache=True)
def grid_of(as_of: Instants) -> Grid:
    """The moments of one person, at least one."""
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


# Counts and marks


@njit(nogil=True, cache=True)
def count_events(start: int, end: int, grid: Grid, events: EventArrays, plan: Plan, scratch: Scratch) -> bool:
    """Notes what a person's events add to the counters. Says whether any was superseded within the rows."""
    # Arrays are taken out of their tuples here: to take one out costs as much as to add to a counter.
    offsets, lookbacks, counters = plan.counts.offsets, plan.counts.lookback, plan.counts.counter
    mark_offsets, mark_kinds, marks_of = plan.marks.offsets, plan.marks.lookback, plan.marks.counter
    channel_from, channels, lengths = events.channel_from, events.channel, plan.lookbacks
    differences, marks, reach = scratch.differences, scratch.marks, scratch.high
    rows = len(grid.as_of)
    any_superseded = False
    for event in range(start, end):
        occurred, known = events.occurred[event], events.known[event]
        low = first_row_after(grid, max(known, occurred))
        if low == rows:
            continue
        gone = first_row_after(grid, events.superseded[event])
        if gone <= low:
            continue
        any_superseded = any_superseded or gone < rows
        for place in range(channel_from[event], channel_from[event + 1]):
            channel = channels[place]
            for entry in range(offsets[channel], offsets[channel + 1]):
                lookback = lookbacks[entry]
                if reach[1, lookback] != event:
                    reach[0, lookback] = min(gone, first_row_after(grid, occurred + lengths[lookback]))
                    reach[1, lookback] = event
                high = reach[0, lookback]
                if high <= low:
                    # Longer lookbacks stand first: no shorter one reaches a row either.
                    break
                differences[low, counters[entry]] += 1
                differences[high, counters[entry]] -= 1
            if gone == rows:
                for entry in range(mark_offsets[channel], mark_offsets[channel + 1]):
                    moment = _kept(occurred, known, mark_kinds[entry])
                    marks[low, marks_of[entry]] = max(marks[low, marks_of[entry]], moment)
    return any_superseded


@njit(nogil=True, cache=True)
def _kept(occurred: int, known: int, kind: int) -> int:
    if kind == 2:
        return known
    return -occurred if kind == 1 else occurred


@njit(nogil=True, cache=True)
def marks_down_the_rows(rows: int, marks: Instants) -> None:
    for row in range(1, rows):
        for mark in range(marks.shape[1]):
            marks[row, mark] = max(marks[row, mark], marks[row - 1, mark])


@njit(nogil=True, cache=True)
def marks_of_superseded(start: int, end: int, grid: Grid, events: EventArrays, plan: Plan, scratch: Scratch) -> None:
    """Superseded versions are marked only in the rows in which they were live."""
    rows = len(grid.as_of)
    for event in range(start, end):
        gone = first_row_after(grid, events.superseded[event])
        if gone == rows:
            continue
        low = first_row_after(grid, max(events.known[event], events.occurred[event]))
        for place in range(events.channel_from[event], events.channel_from[event + 1]):
            channel = events.channel[place]
            for entry in range(plan.marks.offsets[channel], plan.marks.offsets[channel + 1]):
                mark = plan.marks.counter[entry]
                moment = _kept(events.occurred[event], events.known[event], plan.marks.lookback[entry])
                for row in range(low, gone):
                    scratch.marks[row, mark] = max(scratch.marks[row, mark], moment)


@njit(nogil=True, cache=True)
def by_occurrence(starts: NDArray[np.int64], ends: NDArray[np.int64], occurred: Instants) -> NDArray[np.int64]:
    """The order that puts the events of each person by occurrence, within that person's run. Shape (events,)."""
    order = np.arange(len(occurred))
    for person in range(len(starts)):
        start, end = starts[person], ends[person]
        found = ascending(occurred[start:end])
        for place in range(end - start):
            order[start + place] = start + found[place]
    return order


@njit(nogil=True, cache=True)
def ascending(keys: Instants) -> NDArray[np.int64]:
    """The stable order that sorts keys: linear when they nearly are, never worse than a merge sort."""
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


# Distinct things


@njit(nogil=True, cache=True)
def count_distinct(
    kind: int, start: int, end: int, grid: Grid, events: EventArrays, plan: Plan, scratch: Scratch
) -> None:
    """Notes the rows in which each key (a day, a source, a place) has at least one event that counts.

    The runs of one key, taken by their first row, are merged: only what is not covered yet is noted.
    """
    offsets, lookbacks, counters = plan.distinct.offsets, plan.distinct.lookback, plan.distinct.counter
    channel_from, channels, lengths = events.channel_from, events.channel, plan.lookbacks
    differences, covered_key, covered_to = scratch.differences, scratch.covered_key, scratch.covered_to
    rows, key_of = len(grid.as_of), events.keys[kind]
    covered_key[:] = NEVER
    low = np.empty(end - start, dtype=np.int64)
    keys = np.empty(end - start, dtype=np.int64)
    chosen = np.empty(end - start, dtype=np.int64)
    number = 0
    for event in range(start, end):
        if key_of[event] == -1:
            continue
        occurred = events.occurred[event]
        enters = first_row_after(grid, max(events.known[event], occurred))
        # Of a long history most is older than any lookback in which things are told apart.
        if enters < min(rows, first_row_after(grid, occurred + plan.longest_distinct)):
            low[number], chosen[number] = enters, event
            keys[number] = np.int64(key_of[event]) * (rows + 1) + enters
            number += 1
    for item in ascending(keys[:number]):
        event, enters = chosen[item], low[item]
        gone, occurred, key = first_row_after(grid, events.superseded[event]), events.occurred[event], key_of[event]
        for place in range(channel_from[event], channel_from[event + 1]):
            channel = kind * plan.channels + channels[place]
            for entry in range(offsets[channel], offsets[channel + 1]):
                high = min(gone, first_row_after(grid, occurred + lengths[lookbacks[entry]]))
                if high <= enters:
                    break
                counter, first = counters[entry], enters
                if covered_key[counter] == key:
                    first = max(first, covered_to[counter])
                if high > first:
                    differences[first, counter] += 1
                    differences[high, counter] -= 1
                    covered_key[counter], covered_to[counter] = key, high


# What is made of them


@njit(nogil=True, cache=True)
def _sum(first: int, last: int, weights: NDArray[np.int64], counters: Integers, totals: Integers) -> np.int64:
    found = np.int64(0)
    for term in range(first, last):
        found += weights[term] * totals[counters[term]]
    return found


@njit(nogil=True, cache=True)
def write_rows(as_of: Instants, plan: Plan, scratch: Scratch, out: Matrix) -> None:
    """Turns what was noted into the person's rows, and leaves the scratch clean."""
    differences, totals, marks = scratch.differences, scratch.totals, scratch.marks
    columns, terms, constants = plan.formula_column, plan.formula_terms, plan.formula_constants
    if_none, weights, counters = plan.formula_if_none, plan.term_weight, plan.term_counter
    since, mark_of, kinds, since_none = plan.since_column, plan.since_mark, plan.since_kind, plan.since_if_none
    totals[:] = 0
    for row in range(len(as_of)):
        for counter in range(plan.counters):
            totals[counter] += differences[row, counter]
            differences[row, counter] = 0
        for column in range(plan.columns):
            out[row, column] = np.float32(totals[column])
        for item in range(len(columns)):
            value = if_none[item]
            if _sum(terms[item, 2], terms[item, 3], weights, counters, totals) != 0:
                above = constants[item, 0] + _sum(terms[item, 0], terms[item, 1], weights, counters, totals)
                below = constants[item, 1] + _sum(terms[item, 1], terms[item, 2], weights, counters, totals)
                value = np.float32(above / below)
            out[row, columns[item]] = value
        for item in range(len(since)):
            moment, value = marks[row, mark_of[item]], since_none[item]
            if moment != NEVER:
                moment = -moment if kinds[item] == 1 else moment
                value = np.float32((as_of[row] - moment) / MICROSECONDS_PER_DAY)
            out[row, since[item]] = value
    differences[len(as_of), :] = 0


# Runs and versions


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
def earliest(starts: NDArray[np.int64], ends: NDArray[np.int64], known: Instants, occurred: Instants) -> Instants:
    """For each person the first moment at which one of its versions was known and had occurred; NEVER without any.

    Shape (people,).
    """
    found = np.full(len(starts), NEVER, dtype=np.int64)
    for person in range(len(starts)):
        for version in range(starts[person], ends[person]):
            moment = max(known[version], occurred[version])
            if found[person] == NEVER or moment < found[person]:
                found[person] = moment
    return found
