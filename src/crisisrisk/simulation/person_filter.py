"""The most that contacts can tell: the chance of every latent state of a person given all contacts up to a moment.

Whoever works it out knows the city's parameters and each person's lasting traits, and sees at once, and under the right
name, each incident, appointment, loss and stay, and each contact for another reason: more than any service does. The
latent state itself is not seen. No forecast made from contacts can do better on average.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import Period
from crisisrisk.simulation.person_beliefs import KEPT, MISSED, Sight, begin_belief, drift_forward, pass_day
from crisisrisk.simulation.person_chain import STATES_OF_CHAIN, Calendar, Chain, Traits, calendar, chain, traits
from crisisrisk.simulation.person_dynamics import (
    BURN_IN_DAYS,
    CONDITIONS,
    DRIFT_LEVELS,
    IN_HOSPITAL,
    TEAM_FOUND,
    Mask,
    Numbers,
    Reach,
    Whole,
)
from crisisrisk.simulation.person_futures import Passing, all_futures
from crisisrisk.simulation.person_kernel import Lives, diary, kinds_of_days
from crisisrisk.simulation.routine import RATES, routine_days
from crisisrisk.simulation.truth_people import expected_chances

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

# In place of a rate of nothing at all, so that its logarithm exists.
_NEVER = 1e-12
Bytes = NDArray[np.int8]


class Seen(NamedTuple):
    """What happened to each person on each day of the period, as somebody sees it who misses nothing.

    Shape (people, days), `other` (people, days, conditions): what contacts for another reason say of the condition, a
    likelihood up to a factor. `protected`: days of protection left. See Sight.
    """

    incidents: Bytes
    found: Mask
    visit: Bytes
    lost: Mask
    ward: Mask
    other: NDArray[np.float32]
    protected: NDArray[np.int16]


def chances_from_contacts(
    settings: "CitySettings", people: People, lives: Lives, period: Period, reach: Reach, *, block: int, mondays: Whole
) -> Numbers:
    """P(a contact counts within 28 days | every contact before the Monday). Shape (people, len(mondays)).

    `mondays`: days of the period, ascending. NaN where the person is not registered yet or has left.
    """
    tables = chain(settings, people, reach)
    beliefs = np.zeros((len(people), len(mondays), STATES_OF_CHAIN, 2, DRIFT_LEVELS))
    seen = everything_seen(settings, people, lives, period, block)
    _follow(tables, all_futures(tables), traits(people), calendar(period, reach), seen, mondays, beliefs)
    return expected_chances(settings, people, period, reach, mondays, beliefs, seen.protected)


def everything_seen(settings: "CitySettings", people: People, lives: Lives, period: Period, block: int) -> Seen:
    shape = (len(people), len(period))
    visits, incidents, stays = lives.appointments, lives.incidents, lives.spells
    by_team = incidents.channel == TEAM_FOUND
    visit, ward = np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=bool)
    visit[visits.person, visits.day] = np.where(visits.attended, KEPT, MISSED)
    for one in np.flatnonzero(stays.condition == IN_HOSPITAL):
        ward[stays.person[one], stays.begins[one] : stays.ends[one]] = True
    return Seen(
        incidents=_counted(incidents.person[~by_team], incidents.day[~by_team], shape),
        found=_counted(incidents.person[by_team], incidents.day[by_team], shape) > 0,
        visit=visit,
        lost=_counted(lives.life_events.person, lives.life_events.day, shape) > 0,
        ward=ward,
        other=_other(settings, people, lives, period, block),
        protected=lives.states.protected,
    )


def _counted(person: NDArray[Any], day: NDArray[Any], shape: tuple[int, int]) -> Bytes:
    counts = np.zeros(shape, dtype=np.int8)
    np.add.at(counts, (person, day), 1)
    return counts


def _other(settings: "CitySettings", people: People, lives: Lives, period: Period, block: int) -> NDArray[np.float32]:
    """Poisson likelihoods of all other contacts, greatest 1. What depends on no condition says nothing of it."""
    found = np.zeros((len(people), len(period), len(CONDITIONS)), dtype=np.float32)
    for source in RATES:
        drawn = routine_days(settings, source, people, lives.spells, block)
        tells = ~drawn.daily
        rates = settings.dynamics.routine * np.array(RATES[source])
        found -= (np.where(tells, drawn.own, 0.0)[:, None] * rates).astype(np.float32)[:, None, :]
        told = tells[drawn.person]
        np.add.at(found, (drawn.person[told], drawn.day[told]), np.log(np.maximum(rates, _NEVER)).astype(np.float32))
    found -= found.max(axis=2, keepdims=True)
    return np.exp(found, out=found)


@njit(nogil=True, cache=True)
def _follow(
    tables: Chain, passing: Passing, people: Traits, days: Calendar, seen: Seen, mondays: Whole, beliefs: Numbers
) -> None:
    """Fill `beliefs` (people, mondays, the states) with those of each Monday; zeros for who is not here."""
    kinds = np.empty((len(days.drink), 2), dtype=np.int64)
    belief, room = np.empty(beliefs.shape[2:]), np.empty((STATES_OF_CHAIN + 1, 2, DRIFT_LEVELS))
    until = mondays[-1] + 1 if len(mondays) else 0
    for person in range(len(people.left)):
        kinds_of_days(people, person, days, kinds)
        due = diary(people, person, days)
        begin_belief(belief)
        monday = 0
        for day in range(-BURN_IN_DAYS, min(until, people.left[person])):
            if day % 7 == 0:
                drift_forward(tables, belief)
            while monday < len(mondays) and mondays[monday] <= day:
                if mondays[monday] == day and day >= people.registered[person]:
                    beliefs[person, monday] = belief
                monday += 1
            index = day + BURN_IN_DAYS
            sight = sight_of(seen, person, day, people.registered[person])
            kind = kinds[index, 1 if day >= 0 and seen.protected[person, day] > 0 else 0]
            other = seen.other[person, max(day, 0)]
            pass_day(tables, passing, person, kind, days.reach[index], due[index], sight, other, belief, room)


@njit(inline="always")
def sight_of(seen: Seen, person: int, day: int, registered: int) -> Sight:
    if day < max(0, registered):
        return Sight(False, 0, False, 0, False, False)
    # int(…) alone would leave Numba with bytes, and with two kinds of Sight.
    incidents, visit = int(np.int64(seen.incidents[person, day])), int(np.int64(seen.visit[person, day]))
    return Sight(True, incidents, seen.found[person, day], visit, seen.lost[person, day], seen.ward[person, day])
