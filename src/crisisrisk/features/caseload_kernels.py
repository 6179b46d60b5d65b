"""Compiled loops over people and what changes of them: what to expect of each, added up by cell. Pure functions.

What is expected of a person stands still until a contact becomes known, is corrected, or leaves a lookback. So each
person costs as much as they have changes, however many moments are asked about: events × lookbacks, times the counts
that are not 0. Memory: the tables returned, (cells, moments). Sums are of whole numbers, so that no order of people and
no set of moments changes one.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.timeline import Instants

Counts = NDArray[np.int32]
Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]

NO_FIT = -1
MOST_COUNTED = 5
"""So many contacts of a sort and lookback say all that more would: a few people ring hundreds of times."""
MOST_EXPECTED = 1.0
"""What is expected of one person comes near to this many contacts in a horizon, and never beyond."""
_MOST_LOG = 30.0


class Events(NamedTuple):
    """Those of person `p` are `starts[p]:starts[p + 1]`. One of sort `s` is in counts `first_slot[s]:last_slot[s]`.

    `lookbacks`: of each count, in microseconds.
    """

    starts: Integers
    sort: NDArray[np.int8]
    occurred: Instants
    enters: Instants
    superseded: Instants
    first_slot: Integers
    last_slot: Integers
    lookbacks: Integers


class States(NamedTuple):
    """Those of person `p` are `starts[p]:starts[p + 1]`, in order of `known`."""

    starts: Integers
    known: Instants
    cell: Integers
    adult_from: Instants
    gone_at: Instants


class Changes(NamedTuple):
    """Of one person, in any order: at which moment which count goes up or down by one."""

    moment: Integers
    slot: Integers
    step: Integers


@njit(nogil=True, cache=True)
def room_for(events: Events) -> Changes:
    """Room for the changes of anybody."""
    most = 0
    for person in range(len(events.starts) - 1):
        needed = 0
        for event in range(events.starts[person], events.starts[person + 1]):
            sort = events.sort[event]
            needed += 2 * (events.last_slot[sort] - events.first_slot[sort])
        most = max(most, needed)
    return Changes(np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64))


@njit(nogil=True, cache=True)
def changes_of(events: Events, person: int, times: Instants, room: Changes) -> int:
    """Fill the changes of a person at ascending moments; how many there are.

    A version counts for T in `(enters, min(superseded, occurred + lookback)]`.
    """
    found = 0
    for event in range(events.starts[person], events.starts[person + 1]):
        first = np.searchsorted(times, events.enters[event], side="right")
        if first == len(times):
            continue
        sort = events.sort[event]
        for slot in range(events.first_slot[sort], events.last_slot[sort]):
            leaves = min(events.superseded[event], events.occurred[event] + events.lookbacks[slot])
            last = np.searchsorted(times, leaves, side="right")
            if first < last:
                room.moment[found], room.slot[found], room.step[found] = first, slot, 1
                room.moment[found + 1], room.slot[found + 1], room.step[found + 1] = last, slot, -1
                found += 2
    return found


@njit(nogil=True, cache=True)
def moments_of_state(states: States, person: int, state: int, times: Instants) -> tuple[int, int]:
    """First and last (exclusive) of the moments at which a state is the one known, and the person of age and here."""
    first = np.searchsorted(times, states.known[state], side="right")
    last = len(times)
    if state + 1 < states.starts[person + 1]:
        last = np.searchsorted(times, states.known[state + 1], side="right")
    first = max(first, np.searchsorted(times, states.adult_from[state]))
    return first, min(last, np.searchsorted(times, states.gone_at[state]))


@njit(nogil=True, cache=True)
def expected_from(counts: Integers, weights: Numbers) -> float:
    """Contacts to expect of somebody with these counts."""
    log = weights[0]
    for slot in range(len(counts)):
        if counts[slot] > 0:
            log += weights[1 + slot] * math.log1p(min(counts[slot], MOST_COUNTED))
    return MOST_EXPECTED * -math.expm1(-math.exp(min(log, _MOST_LOG)) / MOST_EXPECTED)


@njit(nogil=True, cache=True)
def sum_expected(
    events: Events, states: States, times: Instants, fit: Integers, weights: Numbers, cells: int, full: int
) -> tuple[Counts, Integers]:
    """How many people live in each cell at each moment, and what is expected of them, in parts of `full`."""
    moments = len(times)
    people, sums = np.zeros((cells, moments + 1), dtype=np.int32), np.zeros((cells, moments + 1), dtype=np.int64)
    fit_ends = _ends_of_runs(fit)
    room, counts = room_for(events), np.zeros(len(events.lookbacks), dtype=np.int64)
    for person in range(len(states.starts) - 1):
        changes = changes_of(events, person, times, room)
        order = np.argsort(room.moment[:changes])
        counts[:] = 0
        at = 0
        for state in range(states.starts[person], states.starts[person + 1]):
            home = states.cell[state]
            first, last = moments_of_state(states, person, state, times)
            if home < 0 or first >= last:
                continue
            people[home, first] += 1
            people[home, last] -= 1
            moment = first
            while moment < last:
                while at < changes and room.moment[order[at]] <= moment:
                    counts[room.slot[order[at]]] += room.step[order[at]]
                    at += 1
                until = min(last, fit_ends[moment])
                if at < changes:
                    until = min(until, room.moment[order[at]])
                if fit[moment] != NO_FIT:
                    expected = np.int64(math.floor(expected_from(counts, weights[fit[moment]]) * full + 0.5))
                    sums[home, moment] += expected
                    sums[home, until] -= expected
                moment = until
    _add_up(people)
    _add_up(sums)
    return people[:, :moments].copy(), sums[:, :moments].copy()


@njit(nogil=True, cache=True)
def _ends_of_runs(values: Integers) -> Integers:
    """For each place where the run of equal values that it is in ends, exclusive."""
    ends = np.full(len(values), len(values), dtype=np.int64)
    for place in range(len(values) - 2, -1, -1):
        ends[place] = ends[place + 1] if values[place + 1] == values[place] else place + 1
    return ends


@njit(nogil=True, cache=True)
def _add_up(steps: NDArray[Any]) -> None:
    """Turn steps into levels, row by row and in place."""
    for row in range(steps.shape[0]):
        for place in range(1, steps.shape[1]):
            steps[row, place] += steps[row, place - 1]


@njit(nogil=True, cache=True)
def rows_to_fit(
    events: Events, states: States, times: Instants, recent: int, every: int, horizon: int
) -> tuple[Integers, Integers, Counts, NDArray[np.bool_]]:
    """People who live in a cell at a moment: person, moment and counts of each row, and whether it was drawn.

    Drawn is everybody with a contact like the first sort in the last `recent` microseconds, and one in `every` of the
    others, by a fixed shuffle. Besides there is whoever has any version of a contact of the first sort within the
    horizon: which of those came by what was known when, a fit must still ask.
    """
    persons, moments, rows, drawn = [np.int64(0)], [np.int64(0)], [np.int32(0)], [False]
    room, counts = room_for(events), np.zeros(len(events.lookbacks), dtype=np.int64)
    for person in range(len(states.starts) - 1):
        changes = changes_of(events, person, times, room)
        order = np.argsort(room.moment[:changes])
        counts[:] = 0
        at = 0
        for state in range(states.starts[person], states.starts[person + 1]):
            if states.cell[state] < 0:
                continue
            first, last = moments_of_state(states, person, state, times)
            for moment in range(first, last):
                while at < changes and room.moment[order[at]] <= moment:
                    counts[room.slot[order[at]]] += room.step[order[at]]
                    at += 1
                lately = False
                for slot in range(events.first_slot[0], events.last_slot[0]):
                    lately |= events.lookbacks[slot] <= recent and counts[slot] > 0
                chosen = lately or _shuffled(person, moment) % every == 0
                if chosen or _any_ahead(events, person, times[moment], horizon):
                    persons.append(np.int64(person))
                    moments.append(np.int64(moment))
                    drawn.append(chosen)
                    for count in counts:
                        rows.append(np.int32(min(int(count), MOST_COUNTED)))
    shape = (len(persons) - 1, len(counts))
    return np.array(persons)[1:], np.array(moments)[1:], np.array(rows)[1:].reshape(shape), np.array(drawn)[1:]


@njit(inline="always")
def _shuffled(person: int, moment: int) -> int:
    """A fixed number of a person and a moment (the finaliser of MurmurHash3, 32 bits)."""
    mixed = (person * 0x9E3779B1 + moment * 0x85EBCA6B + 0x27D4EB2F) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return mixed ^ (mixed >> 16)


@njit(inline="always")
def _any_ahead(events: Events, person: int, moment: int, horizon: int) -> bool:
    for event in range(events.starts[person], events.starts[person + 1]):
        if events.sort[event] == 0 and moment <= events.occurred[event] < moment + horizon:
            return True
    return False


@njit(nogil=True, cache=True)
def contacts_ahead(events: Events, person: Integers, moment: Instants, horizon: int, known_before: int) -> Integers:
    """Contacts of the first sort in `[moment, moment + horizon)`, as known before another moment. Shape (rows,)."""
    found = np.zeros(len(person), dtype=np.int64)
    for row in range(len(person)):
        for event in range(events.starts[person[row]], events.starts[person[row] + 1]):
            if events.sort[event] == 0 and events.enters[event] < known_before <= events.superseded[event]:
                found[row] += moment[row] <= events.occurred[event] < moment[row] + horizon
    return found
