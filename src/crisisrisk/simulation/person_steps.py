"""The compiled steps of one person on one day, and what is noted of them.

Each step reads the tables of chances and the person's state `now`, a few whole numbers, and changes it.
"""

from typing import NamedTuple

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.simulation.person_chain import (
    BETTER,
    CALM,
    CONDITION_OF,
    CRISIS,
    EXCITED,
    LONG_STAY,
    SHORT_STAY,
    WORSE,
    Chain,
    Traits,
)
from crisisrisk.simulation.person_dynamics import DRIFT_LEVELS, IN_HOSPITAL, TEAM_FOUND, Mask, Numbers, Whole

MOST_A_DAY = 24  # never reached: room for notes needs a bound
SECONDS_PER_HOUR = 3_600
NONE = -1

# Columns of what is noted, and the number of each table.
INCIDENT = ("person", "day", "second", "channel", "triage", "admitted", "first", "condition")
APPOINTMENT = ("person", "day", "attended")
ADMISSION = ("person", "day", "incident", "until")
LIFE_EVENT = ("person", "day")
SPELL = ("person", "condition", "from", "to")
INCIDENTS, APPOINTMENTS, ADMISSIONS, LIFE_EVENTS, SPELLS = range(5)

# Places in the state of one person. STAY is the row of the admission that is going on, NOTICED whether the crisis was.
STATE, STRAIN, DRIFT, PROTECTED_UNTIL, SPELL_FROM, STAY, NOTICED = range(7)


class Notes(NamedTuple):
    """Rows of whole numbers, columns as named above, and how many rows of each table are used."""

    incidents: Whole
    appointments: Whole
    admissions: Whole
    life_events: Whole
    spells: Whole
    used: Whole


class Teams(NamedTuple):
    """The parts of the Reach that decide whom a team reaches, and the cumulated shares of the hours. See Reach."""

    on_duty: Mask
    attends: Numbers
    hours: Numbers


class Today(NamedTuple):
    """One person's day: numbers of the person and the day, kinds of the day, and whether anybody takes notes."""

    person: int
    day: int
    kind: int
    reach: int
    noted: bool


@njit(nogil=True, cache=True)
def new_life(random: np.random.Generator) -> Whole:
    """A stable person on the first day of the burn-in."""
    now = np.zeros(7, dtype=np.int64)
    for _ in range(DRIFT_LEVELS - 1):
        now[DRIFT] += random.random() < 0.5
    now[STAY] = NONE
    return now


@njit(nogil=True, cache=True)
def note(table: Whole, used: Whole, number: int, person: int, second: int) -> int:
    """Begin a row of a table with its first two columns. Returns its place."""
    row = int(used[number])
    table[row, 0], table[row, 1] = person, second
    used[number] += 1
    return row


@njit(inline="always")
def move_drift(random: np.random.Generator, chain: Chain, now: Whole) -> None:
    """The slow drift moves by at most a level, towards the middle more often than away from it."""
    chance, level = random.random(), now[DRIFT]
    if chance < chain.up[level]:
        now[DRIFT] += 1
    elif chance < chain.up[level] + chain.down[level]:
        now[DRIFT] -= 1


@njit(inline="always")
def move_strain(random: np.random.Generator, chain: Chain, now: Whole) -> bool:
    """Benefits or housing are lost, or strain fades. Returns whether something was lost."""
    chance = random.random()
    lost = chance < chain.life_event
    if lost:
        now[STRAIN] = 1
    elif now[STRAIN] == 1 and chance < chain.life_event + (1 - chain.life_event) * chain.strain_fading:
        now[STRAIN] = 0
    return lost


@njit(inline="always")
def keep_appointment(random: np.random.Generator, chain: Chain, person: int, now: Whole) -> bool:
    """A missed appointment strains; a kept one relieves, and may settle somebody who was worsening."""
    state = now[STATE]
    column = 2 if state == EXCITED else 3 if state == BETTER else state
    if random.random() < chain.missed[person, column]:
        now[STRAIN] = 1
        return False
    if random.random() < chain.kept_clears:
        now[STRAIN] = 0
    if state == WORSE and random.random() < chain.kept_settles:
        now[STATE] = CALM
    return True


@njit(inline="always")
def move_condition(random: np.random.Generator, chain: Chain, today: Today, now: Whole) -> bool:
    """Return whether a crisis begins today."""
    state, chance = now[STATE], random.random()
    if state == CALM:
        if chance < chain.worsens[today.person, today.kind, now[STRAIN], now[DRIFT]]:
            now[STATE] = WORSE
    elif state == WORSE:
        return _breaks(chain.breaks[today.kind, now[STRAIN]], chain.settling, chance, now)
    elif state == BETTER:
        relapses = chain.relapses[today.person, today.kind, now[STRAIN], now[DRIFT]]
        return _breaks(relapses, chain.recovered, chance, now)
    elif state in (CRISIS, EXCITED):
        if chance < chain.crisis_ending:
            now[STATE] = BETTER
    elif chance < (chain.short_stay_ending if state == SHORT_STAY else chain.long_stay_ending):
        now[STATE], now[STRAIN] = BETTER, 1
    return False


@njit(inline="always")
def _breaks(into_crisis: float, into_calm: float, chance: float, now: Whole) -> bool:
    if chance < into_crisis:
        now[STATE], now[NOTICED] = CRISIS, 0
        return True
    if chance < into_crisis + (1 - into_crisis) * into_calm:
        now[STATE] = CALM
    return False


@njit(inline="always")
def count_incidents(random: np.random.Generator, chain: Chain, today: Today, entered: bool, now: Whole) -> int:
    """How many incidents are reported on a day out of hospital, and what that does to a crisis."""
    count = 0
    if now[STATE] < SHORT_STAY:
        count = _poisson(random, _incident_rate(chain, today.person, now))
        if entered and random.random() < chain.noticed_at_once:
            count += 1
        if now[STATE] == EXCITED and count == 0 and random.random() >= chain.excitement_stays:
            now[STATE] = CRISIS
    return count


@njit(inline="always")
def is_found(random: np.random.Generator, chain: Chain, today: Today, now: Whole) -> bool:
    """Whether a team finds somebody in crisis whom nobody reported."""
    in_crisis = now[STATE] in (CRISIS, EXCITED)
    return in_crisis and chain.detects[today.reach] > 0 and random.random() < -np.expm1(-chain.detects[today.reach])


@njit(nogil=True, cache=True)
def have_incidents(
    random: np.random.Generator, chain: Chain, people: Traits, teams: Teams, today: Today, reported: int, found: bool,
    notes: Notes, now: Whole,
) -> None:  # fmt: skip
    """The incidents of a day, in order of time. Any of those in crisis may lead to a ward, after the last of them."""
    in_crisis = now[STATE] in (CRISIS, EXCITED)
    if in_crisis:
        now[STATE] = EXCITED
    seconds = np.empty(min(reported, MOST_A_DAY - 1) + found, dtype=np.int64)
    for number in range(len(seconds)):
        seconds[number] = _second(random, teams)
    by_team = NONE
    if found:
        seconds[0] = _second_on_duty(random, teams, today.reach)
        by_team = seconds[0]
    _sort(seconds)
    admitted = False
    for second in seconds:
        _incident(random, chain, people, teams, today, int(second), second == by_team, notes, now)
        by_team = NONE if second == by_team else by_team
        admitted |= in_crisis and random.random() < chain.admission
    if admitted:
        _admit(random, chain, today, notes, now)


@njit(inline="always")
def _incident_rate(chain: Chain, person: int, now: Whole) -> float:
    state = now[STATE]
    if state in (CRISIS, EXCITED):
        return float(chain.crisis_rate[person, state - CRISIS])
    if state == WORSE:
        return float(chain.stray_worse[person, now[DRIFT]])
    return float(chain.stray[person, now[DRIFT]])


@njit(inline="always")
def _poisson(random: np.random.Generator, rate: float) -> int:
    """Poisson count by inversion; rates here are small."""
    chance = random.random()
    if chance < 1 - rate:  # below exp(-rate), and far the most frequent
        return 0
    term = np.exp(-rate)
    total, count = term, 0
    while chance >= total and count < MOST_A_DAY:
        count += 1
        term *= rate / count
        total += term
    return count


@njit(nogil=True, cache=True)
def _place(cumulated: Numbers, chance: float) -> int:
    """The first place whose cumulated share is above a chance; the last one when none is."""
    place = 0
    while place < len(cumulated) - 1 and cumulated[place] <= chance:
        place += 1
    return place


@njit(nogil=True, cache=True)
def _sort(seconds: Whole) -> None:
    """Put a few moments in order. Compiles in no time, which the general sort does not."""
    for last in range(1, len(seconds)):
        for place in range(last, 0, -1):
            if seconds[place - 1] > seconds[place]:
                seconds[place - 1], seconds[place] = seconds[place], seconds[place - 1]


@njit(nogil=True, cache=True)
def _second(random: np.random.Generator, teams: Teams) -> int:
    hour = _place(teams.hours, random.random())
    return hour * SECONDS_PER_HOUR + int(random.random() * SECONDS_PER_HOUR)


@njit(nogil=True, cache=True)
def _second_on_duty(random: np.random.Generator, teams: Teams, reach: int) -> int:
    """A moment of the hours in which a team is out. There are some wherever a team finds anybody."""
    while True:
        second = _second(random, teams)
        if teams.on_duty[reach, second // SECONDS_PER_HOUR]:
            return second


@njit(nogil=True, cache=True)
def _incident(
    random: np.random.Generator, chain: Chain, people: Traits, teams: Teams, today: Today, second: int,
    team_found: bool, notes: Notes, now: Whole,
) -> None:  # fmt: skip
    """One incident, and whether a team reaches the person."""
    state = now[STATE]
    in_crisis = state in (CRISIS, EXCITED)
    channel, reached = TEAM_FOUND, True
    if not team_found:
        shares = people.channels[today.person]
        channel = _place(shares, random.random() * shares[-1])
        chance = teams.attends[today.reach, people.area[today.person], channel]
        reached = random.random() < chance and teams.on_duty[today.reach, second // SECONDS_PER_HOUR]
    if reached:
        now[PROTECTED_UNTIL] = today.day + 1 + chain.protected_days
    if today.noted:
        row = note(notes.incidents, notes.used, INCIDENTS, today.person, today.day)
        first = in_crisis and now[NOTICED] == 0
        columns = notes.incidents[row]
        columns[2], columns[3], columns[4], columns[6] = second, channel, reached, first
        columns[7] = CONDITION_OF[state]
    now[NOTICED] = 1


@njit(nogil=True, cache=True)
def _admit(random: np.random.Generator, chain: Chain, today: Today, notes: Notes, now: Whole) -> None:
    now[STATE] = LONG_STAY if random.random() < chain.long_stays else SHORT_STAY
    now[STAY] = NONE
    if today.noted:
        row = note(notes.admissions, notes.used, ADMISSIONS, today.person, today.day)
        incident = notes.used[INCIDENTS] - 1
        notes.incidents[incident, 5] = 1
        notes.admissions[row, 2], notes.admissions[row, 3] = incident, NONE
        now[STAY] = row


@njit(nogil=True, cache=True)
def end_stay(notes: Notes, condition: int, day: int, now: Whole) -> None:
    """Note the day of leaving hospital, once the condition is another."""
    if now[STAY] != NONE and condition != IN_HOSPITAL:
        notes.admissions[now[STAY], 3] = day
        now[STAY] = NONE


def no_notes() -> Notes:
    """Empty tables."""
    incidents, appointments, admissions, life_events, spells = (
        np.zeros((0, len(names)), dtype=np.int64) for names in (INCIDENT, APPOINTMENT, ADMISSION, LIFE_EVENT, SPELL)
    )
    return Notes(incidents, appointments, admissions, life_events, spells, np.zeros(5, dtype=np.int64))
