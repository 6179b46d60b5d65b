"""Incidents of known people to expect of each cell, where of their latent states only what contacts tell is known.

As `truth_incidents.py`, with the beliefs of `person_filter.py` in place of the states: the same futures, weighed by the
chance of every state given all contacts before the midnight that begins the day of the forecast's issue.
"""

from typing import TYPE_CHECKING

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.simulation.city import City
from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import Period
from crisisrisk.simulation.person_beliefs import begin_belief, drift_forward, pass_day
from crisisrisk.simulation.person_chain import STATES_OF_CHAIN, Calendar, Chain, Traits, calendar, chain, traits
from crisisrisk.simulation.person_dynamics import (
    BURN_IN_DAYS,
    CHANNELS,
    DRIFT_LEVELS,
    TEAM_FOUND,
    Numbers,
    Reach,
)
from crisisrisk.simulation.person_filter import Seen, everything_seen, sight_of
from crisisrisk.simulation.person_futures import Futures, Odds, Passing, all_futures, futures_of, odds_of
from crisisrisk.simulation.person_kernel import Lives, diary, kinds_of_days
from crisisrisk.simulation.truth_incidents import (
    FOUND,
    FREE,
    MOST_LEAD,
    MOST_USED,
    REPORTED,
    DaysOfPerson,
    Expected,
    Homes,
    entry_of,
    forget,
    homes_of,
    key_of,
    nothing_expected,
    work_out,
)

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings


def believed_incidents(
    settings: "CitySettings", people: People, lives: Lives, period: Period, reach: Reach, city: City, *, block: int,
    days: range,
) -> Numbers:  # fmt: skip
    """E[incidents of a day | every contact before the midnight that begins the day `lead` days before], leads 1 and 2.

    Shape (2, len(days), cells, channels + 1), as `expected_incidents` has it for every day. Sum over blocks.
    """
    found = np.zeros((len(city), len(days), MOST_LEAD, len(CHANNELS) + 1))
    tables, calendar_days = chain(settings, people, reach), calendar(period, reach)
    seen = everything_seen(settings, people, lives, period, block)
    own = traits(people)._replace(channels=people.channels)
    _believe(tables, all_futures(tables), own, calendar_days, seen, homes_of(people), days[0], found)
    return found.transpose(2, 1, 0, 3)


@njit(nogil=True, cache=True)
def _believe(
    tables: Chain, passing: Passing, people: Traits, days: Calendar, seen: Seen, homes: Homes, first_day: int,
    found: Numbers,
) -> None:  # fmt: skip
    """Cost: people x days of the whole history, and for each day asked about the states of the chain."""
    odds, last_day = odds_of(tables), first_day + found.shape[1]
    memory = nothing_expected(STATES_OF_CHAIN * 2 * DRIFT_LEVELS)
    room = np.empty((2, STATES_OF_CHAIN, 2, DRIFT_LEVELS))
    step = np.empty((STATES_OF_CHAIN + 1, 2, DRIFT_LEVELS))
    belief = np.empty((STATES_OF_CHAIN, 2, DRIFT_LEVELS))
    kinds = np.empty((len(days.drink), 2), dtype=np.int64)
    for person in range(len(people.left)):
        if people.left[person] <= first_day:
            continue
        kinds_of_days(people, person, days, kinds)
        due = diary(people, person, days)
        own, own_days = futures_of(person, tables, passing), DaysOfPerson(kinds, due, days.reach)
        forget(memory)
        begin_belief(belief)
        for day in range(-BURN_IN_DAYS, min(last_day - 1, people.left[person])):
            if day % 7 == 0:
                drift_forward(tables, belief)
            for lead in range(1, MOST_LEAD + 1):
                target = day + lead
                here = people.registered[person] <= target < people.left[person]
                if day < 0 or not here or not first_day <= target < last_day:
                    continue
                entry = _expected_of(person, own, odds, tables, own_days, seen, day, target, room, memory)
                cell = homes.before[person] if target < homes.moves[person] else homes.later[person]
                flat = belief.reshape(-1)
                reported = (flat * memory.values[entry, REPORTED]).sum()
                for channel in range(TEAM_FOUND):
                    found[cell, target - first_day, lead - 1, channel] += reported * people.channels[person, channel]
                found[cell, target - first_day, lead - 1, TEAM_FOUND] += (flat * memory.values[entry, FOUND]).sum()
                if memory.used[0] > MOST_USED:
                    forget(memory)
            index = day + BURN_IN_DAYS
            kind = kinds[index, 1 if day >= 0 and seen.protected[person, day] > 0 else 0]
            sight, other = sight_of(seen, person, day, people.registered[person]), seen.other[person, max(day, 0)]
            pass_day(tables, passing, person, kind, days.reach[index], due[index], sight, other, belief, step)


@njit(nogil=True, cache=True)
def _expected_of(
    person: int, own: Futures, odds: Odds, tables: Chain, days: DaysOfPerson, seen: Seen, first: int, target: int,
    room: Numbers, memory: Expected,
) -> int:  # fmt: skip
    """The entry of the memory for the run of days from `first` to `target`, worked out where it is new."""
    until = first + seen.protected[person, first]
    key = key_of(days, first, target, until)
    entry = entry_of(memory, key)
    if memory.key[entry] == FREE:
        memory.key[entry] = key
        memory.used[0] += 1
        work_out(person, own, odds, tables, days, first, target, until, room, memory.values[entry])
    return int(entry)
