"""One person at one moment: what `person_kernels` notes down a grid of rows, where there is a single row.

Every lookback ends at the same moment, so an event is looked at once: it adds to the shortest lookback that reaches it,
and a running sum over the lookbacks gives all of them. A nightly list has one row for everybody, and a request has one.

Cost: events, channels x lookbacks, and the memberships of a short history; those of a long one come from running sums
(`person_tally`), but for the events around the ends of the lookbacks. Memory: for distinct things, a table of the
events of the longest lookback in which anything is told apart.
"""

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.features.person_kernels import NEVER, Entries, EventArrays, Integers, Plan, Scratch
from crisisrisk.features.person_tally import EVERY
from crisisrisk.timeline import Instants

_LAST, _FIRST, _HEARD = range(3)
_MULTIPLIER = 0x9E3779B97F4A7C15
"""2^64 divided by the golden ratio: times a key, its highest bits are well spread."""


@njit(nogil=True, cache=True)
def count_at(
    start: int, end: int, sums: tuple[int, int], as_of: int, events: EventArrays, plan: Plan, scratch: Scratch
) -> None:
    """Puts the counters of all events of a person, and the marks, into row 0 of the scratch.

    `sums`: where the person's running sums begin and end; none where the two are equal.
    """
    scratch.reached[:] = 0
    scratch.kept[:] = NEVER
    if sums[0] == sums[1]:
        _count_one_by_one(start, end, as_of, events, plan, scratch)
    else:
        _count_from_sums(start, end, sums[0], as_of, events, plan, scratch)
    if plan.mark_count > 0:
        met = _met(plan, scratch.reached)
        _mark_last_and_first(start, end, as_of, met, events, scratch)
        if sums[0] != sums[1]:
            _mark_heard(start, sums[0], end, as_of, met, events, plan, scratch.kept[_HEARD])
        for channel in range(plan.channels):
            for entry in range(plan.marks.offsets[channel], plan.marks.offsets[channel + 1]):
                scratch.marks[0, plan.marks.counter[entry]] = scratch.kept[plan.marks.lookback[entry], channel]
    _spread(plan.counts, plan.channels, len(plan.lookbacks), scratch.reached, scratch.differences[0])


@njit(nogil=True, cache=True)
def _count_one_by_one(start: int, end: int, as_of: int, events: EventArrays, plan: Plan, scratch: Scratch) -> None:
    occurred, known, superseded = events.occurred, events.known, events.superseded
    channel_from, channels, lookbacks = events.channel_from, events.channel, plan.lookbacks
    reached, heard = scratch.reached, scratch.kept[_HEARD]
    shortest = len(lookbacks)
    for event in range(start, end):
        moment, learnt = occurred[event], known[event]
        if moment >= as_of or learnt >= as_of or superseded[event] < as_of:
            continue
        # In order of occurrence the ages fall, and so do the lookbacks that reach them.
        while shortest > 0 and as_of - moment <= lookbacks[shortest - 1]:
            shortest -= 1
        row = reached[shortest]
        for place in range(channel_from[event], channel_from[event + 1]):
            channel = channels[place]
            row[channel] += 1
            heard[channel] = max(heard[channel], learnt)


@njit(nogil=True, cache=True)
def _count_from_sums(
    start: int, end: int, sums: int, as_of: int, events: EventArrays, plan: Plan, scratch: Scratch
) -> None:
    """The same from running sums: all versions between two instants, less those that do not count at the moment."""
    occurred, known, superseded = events.occurred, events.known, events.superseded
    lookbacks, reached = plan.lookbacks, scratch.reached
    begun = _first_from(as_of, start, end, occurred)
    later = begun
    for shortest in range(len(lookbacks)):
        earlier = _first_from(as_of - lookbacks[shortest], start, later, occurred)
        _add_between(earlier, later, start, sums, events, reached[shortest])
        later = earlier
    _add_between(start, later, start, sums, events, reached[len(lookbacks)])
    shortest = len(lookbacks)
    for event in range(start, begun):
        if known[event] >= as_of or superseded[event] < as_of:
            while shortest > 0 and as_of - occurred[event] <= lookbacks[shortest - 1]:
                shortest -= 1
            _add_events(event, event + 1, -1, events, reached[shortest])


@njit(nogil=True, cache=True)
def _first_from(moment: int, low: int, high: int, occurred: Instants) -> int:
    """The first event of `low:high` that occurred at a moment or later; `high` when none did."""
    while low < high:
        middle = (low + high) // 2
        if occurred[middle] < moment:
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True, cache=True)
def _add_between(low: int, high: int, start: int, sums: int, events: EventArrays, row: Integers) -> None:
    """Adds the memberships of events `low:high`, whole runs of them from the sums."""
    first, last = (low - start + EVERY - 1) // EVERY, (high - start) // EVERY
    if first >= last:
        _add_events(low, high, 1, events, row)
        return
    _add_events(low, start + first * EVERY, 1, events, row)
    for channel in range(events.sums.shape[1]):
        row[channel] += events.sums[sums + last, channel] - events.sums[sums + first, channel]
    _add_events(start + last * EVERY, high, 1, events, row)


@njit(nogil=True, cache=True)
def _add_events(low: int, high: int, times: int, events: EventArrays, row: Integers) -> None:
    channel_from, channels = events.channel_from, events.channel
    for place in range(channel_from[low], channel_from[high]):
        row[channels[place]] += times


@njit(nogil=True, cache=True)
def _met(plan: Plan, reached: Integers) -> NDArray[np.bool_]:
    """Whether any event of a channel counts. Shape (channels,)."""
    met = np.zeros(plan.channels, dtype=np.bool_)
    for row in range(reached.shape[0]):
        for channel in range(plan.channels):
            met[channel] |= reached[row, channel] > 0
    return met


@njit(nogil=True, cache=True)
def _mark_last_and_first(
    start: int, end: int, as_of: int, met: NDArray[np.bool_], events: EventArrays, scratch: Scratch
) -> None:
    """From either end of a person's events, until every channel that has any was met: seldom far."""
    last, first = scratch.kept[_LAST], scratch.kept[_FIRST]
    missing, event = np.count_nonzero(met), end
    while missing > 0:
        event -= 1
        if events.occurred[event] < as_of and events.known[event] < as_of <= events.superseded[event]:
            for place in range(events.channel_from[event], events.channel_from[event + 1]):
                if last[events.channel[place]] == NEVER:
                    last[events.channel[place]] = events.occurred[event]
                    missing -= 1
    missing, event = np.count_nonzero(met), start - 1
    while missing > 0:
        event += 1
        if events.occurred[event] < as_of and events.known[event] < as_of <= events.superseded[event]:
            for place in range(events.channel_from[event], events.channel_from[event + 1]):
                if first[events.channel[place]] == NEVER:
                    first[events.channel[place]] = -events.occurred[event]
                    missing -= 1


@njit(nogil=True, cache=True)
def _mark_heard(
    start: int,
    sums: int,
    end: int,
    as_of: int,
    met: NDArray[np.bool_],
    events: EventArrays,
    plan: Plan,
    heard: Instants,
) -> None:
    """When each channel was heard of last: from the latest event back, as long as an earlier one may be known later."""
    wanted = np.empty(plan.channels, dtype=np.int64)
    number = 0
    for channel in range(plan.channels):
        for entry in range(plan.marks.offsets[channel], plan.marks.offsets[channel + 1]):
            if plan.marks.lookback[entry] == _HEARD and met[channel]:
                wanted[number] = channel
                number += 1
    wanted = wanted[:number]
    for event in range(end - 1, start - 1, -1):
        if (event + 1 - start) % EVERY == 0:
            latest = events.sums_known[sums + (event + 1 - start) // EVERY]
            if np.all(heard[wanted] >= latest):
                return
        learnt = events.known[event]
        if events.occurred[event] < as_of and learnt < as_of <= events.superseded[event]:
            for place in range(events.channel_from[event], events.channel_from[event + 1]):
                channel = events.channel[place]
                heard[channel] = max(heard[channel], learnt)


@njit(nogil=True, cache=True)
def _spread(entries: Entries, places: int, lookbacks: int, reached: Integers, counters: Integers) -> None:
    """Sums over the lookbacks, shortest first, and puts each where it is asked for."""
    for lookback in range(1, lookbacks):
        for place in range(places):
            reached[lookback, place] += reached[lookback - 1, place]
    for place in range(places):
        for entry in range(entries.offsets[place], entries.offsets[place + 1]):
            counters[entries.counter[entry]] = reached[entries.lookback[entry], place]


@njit(nogil=True, cache=True)
def count_distinct_at(start: int, end: int, as_of: int, events: EventArrays, plan: Plan, scratch: Scratch) -> None:
    """Puts the counters of distinct things into row 0 of the scratch.

    The latest event of a key decides which lookbacks it is in: events are gone through from the latest.
    """
    occurred, channel_from, channels = events.occurred, events.channel_from, events.channel
    offsets, lookbacks, reached, width = plan.distinct.offsets, plan.lookbacks, scratch.reached, plan.channels
    asked = _asked_at_all(plan)
    oldest = _oldest_within(plan.longest_distinct, start, end, as_of, occurred)
    seen = _empty_table(_memberships(oldest, end, events, asked) * plan.distinct_kinds)
    reached[:] = 0
    shortest = 0
    for event in range(end - 1, oldest - 1, -1):
        moment = occurred[event]
        if moment >= as_of or events.known[event] >= as_of or events.superseded[event] < as_of:
            continue
        while shortest < len(lookbacks) and as_of - moment > lookbacks[shortest]:
            shortest += 1
        for place in range(channel_from[event], channel_from[event + 1]):
            channel = channels[place]
            if not asked[channel]:
                continue
            for kind in range(plan.distinct_kinds):
                key, slot = np.int64(events.keys[kind, event]), kind * width + channel
                if key != -1 and offsets[slot] < offsets[slot + 1]:
                    reached[shortest, slot] += _is_new(key * reached.shape[1] + slot, seen)
    _spread(plan.distinct, plan.distinct_kinds * width, len(lookbacks), reached, scratch.differences[0])


@njit(nogil=True, cache=True)
def _asked_at_all(plan: Plan) -> NDArray[np.bool_]:
    """Whether anything distinct is counted in a channel. Shape (channels,)."""
    asked = np.zeros(plan.channels, dtype=np.bool_)
    for kind in range(plan.distinct_kinds):
        for channel in range(plan.channels):
            slot = kind * plan.channels + channel
            asked[channel] |= plan.distinct.offsets[slot] < plan.distinct.offsets[slot + 1]
    return asked


@njit(nogil=True, cache=True)
def _oldest_within(reach: int, start: int, end: int, as_of: int, occurred: Instants) -> int:
    oldest = end
    while oldest > start and as_of - occurred[oldest - 1] <= reach:
        oldest -= 1
    return oldest


@njit(nogil=True, cache=True)
def _memberships(oldest: int, end: int, events: EventArrays, asked: NDArray[np.bool_]) -> int:
    found = 0
    for event in range(oldest, end):
        for place in range(events.channel_from[event], events.channel_from[event + 1]):
            found += asked[events.channel[place]]
    return found


@njit(nogil=True, cache=True)
def _empty_table(most: int) -> Instants:
    """Room for so many keys, at most half full; its length is a power of two."""
    size = 16
    while size < 2 * most:
        size *= 2
    return np.full(size, NEVER, dtype=np.int64)


@njit(nogil=True, cache=True)
def _is_new(key: int, table: NDArray[np.int64]) -> bool:
    """Whether the key was not in the table yet; it is afterwards."""
    mask = len(table) - 1
    place = np.int64((np.uint64(key) * np.uint64(_MULTIPLIER)) >> np.uint64(40)) & mask
    while table[place] != NEVER:
        if table[place] == key:
            return False
        place = (place + 1) & mask
    table[place] = key
    return True
