"""Compiled loops over people and moments: what to expect of each of them, added up by cell. Pure functions of arrays.

Complexity: people × moments, and for those with crisis contacts the contacts as well. Memory: the tables returned,
(cells, moments). Sums are of whole numbers, so that no order of people and no set of moments changes one.
"""

import math

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants

Counts = NDArray[np.int32]
Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]

NO_FIT = -1
NEVER_DAYS = 3650.0
"""Where no crisis contact is known, the last one counts as this long ago; so does one that is longer ago."""
MOST_EXPECTED_LOG = 3.0
"""Nobody is expected to be in contact more than e³ times in a horizon."""


@njit(nogil=True, cache=True)
def factors_at(
    starts: Integers, occurred: Instants, enters: Instants, superseded: Instants, person: int, moment: int,
    lookbacks: Integers, counts: Integers, factors: Numbers,
) -> bool:  # fmt: skip
    """Fill the factors of a person at a moment; whether any contact of theirs was known."""
    counts[:] = 0
    latest = -1
    for event in range(starts[person], starts[person + 1]):
        if enters[event] < moment <= superseded[event]:
            age = moment - occurred[event]
            if latest < 0 or age < latest:
                latest = age
            for place in range(len(lookbacks)):
                if age <= lookbacks[place]:
                    counts[place] += 1
    factors[0] = 1.0
    for place in range(len(lookbacks)):
        factors[1 + place] = math.log1p(counts[place])
    days = NEVER_DAYS if latest < 0 else min(latest / MICROSECONDS_PER_DAY, NEVER_DAYS)
    factors[1 + len(lookbacks)] = math.log1p(days)
    return latest >= 0


@njit(nogil=True, cache=True)
def moments_of_state(
    state_starts: Integers, state_known: Instants, adult_from: Instants, gone_at: Instants, person: int, state: int,
    times: Instants,
) -> tuple[int, int]:  # fmt: skip
    """First and last (exclusive) of the moments at which a state is the one known, and the person of age and here."""
    first = np.searchsorted(times, state_known[state], side="right")
    last = len(times)
    if state + 1 < state_starts[person + 1]:
        last = np.searchsorted(times, state_known[state + 1], side="right")
    first = max(first, np.searchsorted(times, adult_from[state]))
    return first, min(last, np.searchsorted(times, gone_at[state]))


@njit(nogil=True, cache=True)
def sum_expected(
    starts: Integers, occurred: Instants, enters: Instants, superseded: Instants, state_starts: Integers,
    state_known: Instants, cell: Integers, adult_from: Instants, gone_at: Instants, times: Instants, fit: Integers,
    weights: Numbers, lookbacks: Integers, cells: int, full: int,
) -> tuple[Counts, Integers]:  # fmt: skip
    """How many people live in each cell at each moment, and what is expected of them, in parts of `full`."""
    people = np.zeros((cells, len(times)), dtype=np.int32)
    sums = np.zeros((cells, len(times)), dtype=np.int64)
    counts, factors = np.zeros(len(lookbacks), dtype=np.int64), np.zeros(2 + len(lookbacks))
    for person in range(len(starts) - 1):
        for state in range(state_starts[person], state_starts[person + 1]):
            home = cell[state]
            if home < 0:
                continue
            first, last = moments_of_state(state_starts, state_known, adult_from, gone_at, person, state, times)
            quiet, quiet_fit = np.int64(0), -2
            for moment in range(first, last):
                people[home, moment] += 1
                chosen = fit[moment]
                if chosen < 0:
                    continue
                # Of somebody without any contact nothing changes from moment to moment.
                if starts[person] == starts[person + 1] and chosen == quiet_fit:
                    sums[home, moment] += quiet
                    continue
                factors_at(starts, occurred, enters, superseded, person, times[moment], lookbacks, counts, factors)
                log = 0.0
                for place in range(len(factors)):
                    log += weights[chosen, place] * factors[place]
                expected = np.int64(math.floor(math.exp(min(log, MOST_EXPECTED_LOG)) * full + 0.5))
                quiet, quiet_fit = expected, chosen
                sums[home, moment] += expected
    return people, sums


@njit(nogil=True, cache=True)
def rows_to_fit(
    starts: Integers, occurred: Instants, enters: Instants, superseded: Instants, state_starts: Integers,
    state_known: Instants, cell: Integers, adult_from: Instants, gone_at: Instants, times: Instants,
    lookbacks: Integers,
) -> tuple[Integers, Integers, Numbers, Integers]:  # fmt: skip
    """Everybody who lives in a cell at each moment and had a contact known: person, moment and factors of each row.

    And how many more had none, at each moment.
    """
    persons, moments, rows = [np.int64(0)], [np.int64(0)], [0.0]
    quiet = np.zeros(len(times), dtype=np.int64)
    counts, factors = np.zeros(len(lookbacks), dtype=np.int64), np.zeros(2 + len(lookbacks))
    for person in range(len(starts) - 1):
        for state in range(state_starts[person], state_starts[person + 1]):
            if cell[state] < 0:
                continue
            first, last = moments_of_state(state_starts, state_known, adult_from, gone_at, person, state, times)
            for moment in range(first, last):
                if factors_at(starts, occurred, enters, superseded, person, times[moment], lookbacks, counts, factors):
                    persons.append(np.int64(person))
                    moments.append(np.int64(moment))
                    for value in factors:
                        rows.append(value)
                else:
                    quiet[moment] += 1
    shape = (len(persons) - 1, len(factors))
    return np.array(persons)[1:], np.array(moments)[1:], np.array(rows)[1:].reshape(shape), quiet


@njit(nogil=True, cache=True)
def contacts_ahead(
    starts: Integers, occurred: Instants, enters: Instants, superseded: Instants, person: Integers, moment: Instants,
    horizon: int, known_before: int,
) -> Integers:  # fmt: skip
    """Contacts of each person in `[moment, moment + horizon)`, as known before another moment. Shape (rows,)."""
    found = np.zeros(len(person), dtype=np.int64)
    for row in range(len(person)):
        for event in range(starts[person[row]], starts[person[row] + 1]):
            if enters[event] < known_before <= superseded[event]:
                found[row] += moment[row] <= occurred[event] < moment[row] + horizon
    return found


@njit(nogil=True, cache=True)
def contacts_of_quiet(
    starts: Integers, occurred: Instants, enters: Instants, superseded: Instants, state_starts: Integers,
    state_known: Instants, cell: Integers, adult_from: Instants, gone_at: Instants, times: Instants, horizon: int,
    known_before: int,
) -> int:  # fmt: skip
    """Contacts in the horizon after each moment of all who lived in a cell and had none known by then."""
    found = 0
    for person in range(len(starts) - 1):
        if starts[person] == starts[person + 1]:
            continue
        for state in range(state_starts[person], state_starts[person + 1]):
            if cell[state] < 0:
                continue
            first, last = moments_of_state(state_starts, state_known, adult_from, gone_at, person, state, times)
            for moment in range(first, last):
                began, known, ahead = times[moment], False, 0
                for event in range(starts[person], starts[person + 1]):
                    known |= enters[event] < began <= superseded[event]
                    if enters[event] < known_before <= superseded[event]:
                        ahead += began <= occurred[event] < began + horizon
                if not known:
                    found += ahead
    return found
