"""The truth about people: probabilities given the latent state of the moment, integrated over all futures.

Nothing here looks at what happened. Death and moving away are left out of futures, as labels are censored by them.
A horizon is 28 local days, so that around a change of clocks it is an hour longer or shorter than 28 x 24 hours; and
an incident counts on its own day, though a few leave their first contact past midnight.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import Period
from crisisrisk.simulation.person_chain import STATES_OF_CHAIN, Calendar, Chain, Traits, calendar, chain, traits
from crisisrisk.simulation.person_dynamics import (
    BURN_IN_DAYS,
    DRIFT_LEVELS,
    HORIZON_DAYS,
    Mask,
    Numbers,
    Reach,
    Whole,
)
from crisisrisk.simulation.person_futures import (
    Futures,
    Odds,
    Passing,
    drift_back,
    futures_of,
    odds_of,
    step_back,
    uncounted,
)
from crisisrisk.simulation.person_kernel import LatentStates, Lives, diary, kinds_of_days

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

WEEKS = HORIZON_DAYS // 7
_NONE = -1


@dataclass(frozen=True, kw_only=True)
class PersonTruth:
    """One row for each person and Monday on which the person is registered and here. Shape (rows,).

    `person` is the number in the whole city, `as_of` Monday 00:00 local in seconds since 1970 UTC. `probability`: at
    least one named contact that counts as a crisis within 28 days, given the latent state of that moment. In a
    row that no counting contact precedes by less than the stable gap, that is the onset of an episode. `condition`
    is a place in CONDITIONS.
    """

    person: NDArray[np.int32]
    as_of: NDArray[np.int64]
    probability: NDArray[np.float32]
    condition: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.as_of)


class _States(NamedTuple):
    state: NDArray[np.int8]
    protected: NDArray[np.int16]


class _Days(NamedTuple):
    """One person's days: `kinds` (all days, 2) unprotected and protected, `due` and `reach` (all days,)."""

    kinds: Whole
    due: Mask
    reach: NDArray[np.int8]


class _Memory(NamedTuple):
    """Weeks of one person already worked out, as a tree: a week's children are the weeks before it.

    `values` (nodes, states) is what lies ahead at the start of the node's week; `signature` says what kind of week it
    is; `child` and `sibling` are nodes or -1. Node 0 is the horizon. `used` has one entry, the number of nodes.
    """

    values: Numbers
    signature: Whole
    child: Whole
    sibling: Whole
    used: Whole


def person_truth(settings: "CitySettings", people: People, lives: Lives, period: Period, reach: Reach) -> PersonTruth:
    """The truth of every person of a block on every Monday."""
    mondays = lives.mondays
    probability = chances(settings, people, mondays, period, reach)
    here = (mondays.days >= people.registered[:, None]) & (mondays.days < people.left[:, None])
    person, week = np.nonzero(here)
    return PersonTruth(
        person=(people.first + person).astype(np.int32),
        as_of=period.midnight_of(mondays.days[week]),
        probability=probability[person, week].astype(np.float32),
        condition=mondays.condition[person, week],
    )


def chances(settings: "CitySettings", people: People, mondays: LatentStates, period: Period, reach: Reach) -> Numbers:
    """P(a contact counts within 28 days | latent state at the start of the Monday). Shape (people, weeks).

    NaN where the person is not registered yet or has left.
    """
    tables, days = chain(settings, people, reach), calendar(period, reach)
    found = np.full(mondays.state.shape, np.nan)
    states = _States(np.ascontiguousarray(mondays.state), np.ascontiguousarray(mondays.protected))
    _chances(tables, uncounted(tables), traits(people), days, states, found)
    return found


@njit(nogil=True, cache=True)
def _chances(tables: Chain, passing: Passing, people: Traits, days: Calendar, states: _States, found: Numbers) -> None:
    """Cost: people x different weeks x 7 steps. Most weeks of a person are like others, so few are worked out."""
    odds = odds_of(tables)
    weeks = found.shape[1]
    memory = _new_memory(1 + WEEKS * weeks)
    room = np.empty((2, STATES_OF_CHAIN, 2, DRIFT_LEVELS))
    kinds = np.empty((len(days.drink), 2), dtype=np.int64)
    for person in range(len(people.left)):
        kinds_of_days(people, person, days, kinds)
        own, own_days = futures_of(person, tables, passing), _Days(kinds, diary(people, person, days), days.reach)
        _forget(memory)
        for week in range(weeks):
            if people.registered[person] <= 7 * week < people.left[person]:
                left = _left(own, odds, tables, own_days, 7 * week, states.protected[person, week], room, memory)
                found[person, week] = 1.0 - left[states.state[person, week]]


@njit(nogil=True, cache=True)
def _left(
    own: Futures, odds: Odds, tables: Chain, days: _Days, monday: int, protected: int, room: Numbers, memory: _Memory
) -> Numbers:
    """The chance that no contact counts within the horizon, for each state at the start of a Monday."""
    if protected > 0:
        _look_ahead(own, odds, tables, days, monday, protected, room)
        left: Numbers = room[0].reshape(-1)
    else:
        left = memory.values[_remember(own, odds, tables, days, monday, room, memory)]
    return left


def expected_chances(
    settings: "CitySettings",
    people: People,
    period: Period,
    reach: Reach,
    mondays: Whole,
    beliefs: Numbers,
    protected: NDArray[np.int16],
) -> Numbers:
    """The same chances, on some Mondays, where of the latent state only what is believed is known.

    `beliefs`: shape (people, mondays, states …), `protected`: (people, days). NaN where there is no belief.
    """
    tables, days = chain(settings, people, reach), calendar(period, reach)
    flat = np.ascontiguousarray(beliefs.reshape(*beliefs.shape[:2], -1))
    found = np.full(flat.shape[:2], np.nan)
    left = np.ascontiguousarray(protected[:, mondays])
    _expected(tables, uncounted(tables), traits(people), days, mondays, flat, left, found)
    return found


@njit(nogil=True, cache=True)
def _expected(
    tables: Chain, passing: Passing, people: Traits, days: Calendar, mondays: Whole, beliefs: Numbers,
    protected: NDArray[np.int16], found: Numbers,
) -> None:  # fmt: skip
    odds = odds_of(tables)
    memory = _new_memory(1 + WEEKS * len(mondays))
    room = np.empty((2, STATES_OF_CHAIN, 2, DRIFT_LEVELS))
    kinds = np.empty((len(days.drink), 2), dtype=np.int64)
    for person in range(len(people.left)):
        kinds_of_days(people, person, days, kinds)
        own, own_days = futures_of(person, tables, passing), _Days(kinds, diary(people, person, days), days.reach)
        _forget(memory)
        for place in range(len(mondays)):
            belief = beliefs[person, place]
            if belief.sum() > 0:
                left = _left(own, odds, tables, own_days, mondays[place], protected[person, place], room, memory)
                found[person, place] = 1.0 - (belief * left).sum()


@njit(nogil=True, cache=True)
def _new_memory(nodes: int) -> _Memory:
    values = np.ones((nodes, STATES_OF_CHAIN * 2 * DRIFT_LEVELS))
    whole = np.empty((3, nodes), dtype=np.int64)
    return _Memory(values, whole[0], whole[1], whole[2], np.ones(1, dtype=np.int64))


@njit(nogil=True, cache=True)
def _forget(memory: _Memory) -> None:
    memory.used[0] = 1
    memory.child[0], memory.sibling[0] = _NONE, _NONE


@njit(nogil=True, cache=True)
def _look_ahead(
    own: Futures, odds: Odds, tables: Chain, days: _Days, monday: int, protected: int, room: Numbers
) -> None:
    """The chance that no contact counts within the horizon, for each state at the start of a Monday, into `room[0]`."""
    room[0] = 1.0
    for week in range(WEEKS - 1, -1, -1):
        _week_back(own, odds, days, monday + 7 * week, monday + protected, room)
        if week > 0:
            drift_back(tables.up, tables.down, room[0])


@njit(nogil=True, cache=True)
def _remember(own: Futures, odds: Odds, tables: Chain, days: _Days, monday: int, room: Numbers, memory: _Memory) -> int:
    """The node of a Monday without protection; weeks of a kind that was not met yet are worked out."""
    node = 0
    for week in range(WEEKS - 1, -1, -1):
        start = monday + 7 * week
        kind = _signature(days, start)
        known = memory.child[node]
        while known != _NONE and memory.signature[known] != kind:
            known = memory.sibling[known]
        if known == _NONE:
            room[0].reshape(-1)[:] = memory.values[node]
            if node > 0:
                drift_back(tables.up, tables.down, room[0])
            _week_back(own, odds, days, start, start, room)
            known = _grown(memory, node, kind, room[0].reshape(-1))
        node = known
    return node


@njit(nogil=True, cache=True)
def _grown(memory: _Memory, node: int, kind: int, values: Numbers) -> int:
    new = int(memory.used[0])
    memory.used[0] += 1
    memory.values[new] = values
    memory.signature[new], memory.child[new] = kind, _NONE
    memory.sibling[new] = memory.child[node]
    memory.child[node] = new
    return new


@njit(nogil=True, cache=True)
def _signature(days: _Days, start: int) -> int:
    """A number that weeks share whose seven days are alike: nine bits a day, five of them for kinds of the Reach."""
    kind = 0
    for index in range(start + BURN_IN_DAYS, start + BURN_IN_DAYS + 7):
        kind = kind * 512 + days.kinds[index, 0] * 32 + days.due[index] * 32 + days.reach[index]
    return kind


@njit(nogil=True, cache=True)
def _week_back(own: Futures, odds: Odds, days: _Days, start: int, until: int, room: Numbers) -> None:
    """Turn `room[0]` from the end of a week into its start; protection ends before day `until`."""
    ahead, after = room[0], room[1]
    for day in range(start + 6, start - 1, -1):
        index = day + BURN_IN_DAYS
        kind = days.kinds[index, 1 if day < until else 0]
        step_back(own, odds, kind, days.reach[index], days.due[index], ahead, after)
