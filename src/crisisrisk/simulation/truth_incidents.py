"""How many incidents of known people to expect, day by day and cell by cell, given their latent states shortly before.

For a forecast made on one day of another: the latent state at the last local midnight before the forecast, with all
futures from there. That somebody is reached by a team in between, and then protected, is left out.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.simulation.city import City
from crisisrisk.simulation.people import NEVER, People
from crisisrisk.simulation.period import Period
from crisisrisk.simulation.person_chain import (
    BETTER,
    CALM,
    CRISIS,
    EXCITED,
    STATES_OF_CHAIN,
    WORSE,
    Calendar,
    Chain,
    Traits,
    calendar,
    chain,
    traits,
)
from crisisrisk.simulation.person_dynamics import (
    BURN_IN_DAYS,
    CHANNELS,
    DRIFT_LEVELS,
    TEAM_FOUND,
    Mask,
    Numbers,
    Reach,
    Whole,
)
from crisisrisk.simulation.person_futures import (
    BEGINS,
    Futures,
    Odds,
    Passing,
    after_condition,
    all_futures,
    before_incidents,
    drift_back,
    futures_of,
    odds_of,
)
from crisisrisk.simulation.person_kernel import Lives, diary, kinds_of_days

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

MOST_LEAD = 2
REPORTED, FOUND = range(2)
_PLACES, MOST_USED, FREE = 1024, 700, -1


class _States(NamedTuple):
    state: NDArray[np.int8]
    protected: NDArray[np.int16]


class Homes(NamedTuple):
    """Cells before and from a move, and the day of the move. Shape (people,)."""

    before: Whole
    later: Whole
    moves: Whole


class DaysOfPerson(NamedTuple):
    """One person's days: `kinds` (all days, 2) unprotected and protected, `due` and `reach` (all days,)."""

    kinds: Whole
    due: Mask
    reach: NDArray[np.int8]


class Expected(NamedTuple):
    """Expected numbers worked out for one person, hashed by `key`: `values` (places, reported or found, states)."""

    values: Numbers
    key: Whole
    used: Whole


def expected_incidents(
    settings: "CitySettings", people: People, lives: Lives, period: Period, reach: Reach, city: City
) -> Numbers:
    """E[incidents of a day | latent state at the midnight that begins the day `lead` days before], for leads 1 and 2.

    Shape (2, days, cells, channels + 1): by the cell of the person's home on that day, and by channel, TEAM_FOUND last.
    The first days, which no such midnight precedes, start from the state of day 0. Sum over blocks.
    """
    # Day by day within a cell, in the order in which each person's numbers come.
    found = np.zeros((len(city), len(period), MOST_LEAD, len(CHANNELS) + 1))
    homes = homes_of(people)
    tables, days = chain(settings, people, reach), calendar(period, reach)
    states = _States(lives.states.state, lives.states.protected)
    _expect(tables, all_futures(tables), traits(people)._replace(channels=people.channels), days, states, homes, found)
    return found.transpose(2, 1, 0, 3)


def homes_of(people: People) -> Homes:
    """Where people live, and where those live later who move while they are here."""
    moves = (people.second_home >= 0) & (people.moves_on > people.registered) & (people.moves_on < people.left)
    return Homes(people.home, people.second_home, np.where(moves, people.moves_on, NEVER))


@njit(nogil=True, cache=True)
def _expect(
    tables: Chain, passing: Passing, people: Traits, days: Calendar, states: _States, homes: Homes, found: Numbers
) -> None:
    """Cost: people x (different runs of three days, and days). Memory: one person's numbers for such runs."""
    odds, size = odds_of(tables), STATES_OF_CHAIN * 2 * DRIFT_LEVELS
    memory = nothing_expected(size)
    room = np.empty((2, STATES_OF_CHAIN, 2, DRIFT_LEVELS))
    kinds = np.empty((len(days.drink), 2), dtype=np.int64)
    for person in range(len(people.left)):
        kinds_of_days(people, person, days, kinds)
        own, own_days = (
            futures_of(person, tables, passing),
            DaysOfPerson(kinds, diary(people, person, days), days.reach),
        )
        forget(memory)
        for day in range(max(0, people.registered[person]), min(found.shape[1], people.left[person])):
            cell = homes.before[person] if day < homes.moves[person] else homes.later[person]
            for lead in range(1, MOST_LEAD + 1):
                first = max(0, day - lead)
                until = first + states.protected[person, first]
                key = key_of(own_days, first, day, until)
                entry = entry_of(memory, key)
                if memory.key[entry] == FREE:
                    memory.key[entry] = key
                    memory.used[0] += 1
                    work_out(person, own, odds, tables, own_days, first, day, until, room, memory.values[entry])
                state = states.state[person, first]
                reported, unreported = memory.values[entry, REPORTED, state], memory.values[entry, FOUND, state]
                for channel in range(TEAM_FOUND):
                    found[cell, day, lead - 1, channel] += reported * people.channels[person, channel]
                found[cell, day, lead - 1, TEAM_FOUND] += unreported
                if memory.used[0] > MOST_USED:
                    forget(memory)


@njit(nogil=True, cache=True)
def nothing_expected(states: int) -> Expected:
    """Room for one person's numbers, to be emptied by `forget` before use."""
    return Expected(np.empty((_PLACES, 2, states)), np.empty(_PLACES, np.int64), np.zeros(1, np.int64))


@njit(nogil=True, cache=True)
def key_of(days: DaysOfPerson, first: int, last: int, until: int) -> int:
    """A number shared by runs of days that are alike: their length, the kind of each day and whether it is a Monday."""
    key = last - first
    for day in range(first, last + 1):
        index = day + BURN_IN_DAYS
        kind = days.kinds[index, 1 if day < until else 0]
        key = key * 4096 + ((kind * 2 + days.due[index]) * 32 + days.reach[index]) * 2 + (day % 7 == 0)
    return key


@njit(nogil=True, cache=True)
def entry_of(memory: Expected, key: int) -> int:
    """The place of a key, or the free place where it belongs."""
    place = (key * 0x9E3779B1 >> 7) % _PLACES
    while memory.key[place] != key and memory.key[place] != FREE:
        place = (place + 1) % _PLACES
    return place


@njit(nogil=True, cache=True)
def forget(memory: Expected) -> None:
    memory.key[:] = FREE
    memory.used[0] = 0


@njit(nogil=True, cache=True)
def work_out(
    person: int, own: Futures, odds: Odds, tables: Chain, days: DaysOfPerson, first: int, last: int, until: int,
    room: Numbers, values: Numbers,
) -> None:  # fmt: skip
    """Expected incidents of day `last`, reported and found, for each state at the start of day `first`."""
    ahead, after = room[0], room[1]
    for what in range(2):
        ahead[:] = 0.0
        if what == REPORTED:
            _reported(tables, person, after)
        else:
            _found(tables, days.reach[last + BURN_IN_DAYS], after)
        for day in range(last, first - 1, -1):
            index = day + BURN_IN_DAYS
            kind = days.kinds[index, 1 if day < until else 0]
            if day < last:
                after_condition(own, odds, days.reach[index], ahead, after)
            before_incidents(own, odds, kind, days.due[index], ahead, after)
            if day % 7 == 0 and day > first:
                drift_back(tables.up, tables.down, ahead)
        values[what] = ahead.reshape(-1)


@njit(nogil=True, cache=True)
def _reported(tables: Chain, person: int, after: Numbers) -> None:
    """Incidents of a day reported to somebody, by the state once the condition of the day is known."""
    for level in range(DRIFT_LEVELS):
        after[CALM, :, level] = tables.stray[person, level]
        after[WORSE, :, level] = tables.stray_worse[person, level]
        after[BETTER, :, level] = tables.stray[person, level]
    after[CRISIS] = tables.crisis_rate[person, 0]
    after[EXCITED] = tables.crisis_rate[person, 1]
    after[BEGINS] = tables.crisis_rate[person, 0] + tables.noticed_at_once


@njit(nogil=True, cache=True)
def _found(tables: Chain, reach: int, after: Numbers) -> None:
    """The same of people whom a team finds."""
    chance = -np.expm1(-tables.detects[reach])
    after[:] = 0.0
    after[CRISIS], after[EXCITED], after[BEGINS] = chance, chance, chance
