"""The walk of a block of people through their days: one person at a time, after a burn-in.

Cost: people x days x about three random numbers. Memory: what is noted, and room for all days of one person.
Nothing is decided by what happened before the state of the day, apart from the tables of chances.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.simulation.intensity import CRISIS_HOURS
from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import Period, stream
from crisisrisk.simulation.person_chain import (
    ANNIVERSARY_DAYS,
    CONDITION_OF,
    SHORT_STAY,
    Calendar,
    Chain,
    Traits,
    calendar,
    chain,
    traits,
)
from crisisrisk.simulation.person_dynamics import BURN_IN_DAYS, DRIFT_LEVELS, WHERE_SHARES, Reach, Whole
from crisisrisk.simulation.person_steps import (
    APPOINTMENTS,
    DRIFT,
    LIFE_EVENTS,
    MOST_A_DAY,
    PROTECTED_UNTIL,
    SPELL_FROM,
    SPELLS,
    STATE,
    STRAIN,
    Notes,
    Teams,
    Today,
    count_incidents,
    end_stay,
    have_incidents,
    is_found,
    keep_appointment,
    move_condition,
    move_drift,
    move_strain,
    new_life,
    no_notes,
    note,
)
from crisisrisk.simulation.settings import BLOCK_PEOPLE

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

_NUMBERS_PER_BLOCK = 2**32


@dataclass(frozen=True, kw_only=True)
class PersonIncidents:
    """Crisis incidents of known people, in order of person, then time. Shape (incidents,).

    `person` is a place in the block; `channel` a place in CHANNELS or TEAM_FOUND; `where` AT_HOME, NEAR_HOME or
    ANYWHERE. `triage`: a team reached the person. `admitted`: a stay in hospital follows, the last incident of its day.
    `first` of its crisis. `condition`: how the person was. `number` is the incident's own in the whole city.
    """

    person: NDArray[np.int32]
    day: NDArray[np.int32]
    at: NDArray[np.int64]
    channel: NDArray[np.int8]
    where: NDArray[np.int8]
    triage: NDArray[np.bool_]
    admitted: NDArray[np.bool_]
    first: NDArray[np.bool_]
    condition: NDArray[np.int8]
    number: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at)


@dataclass(frozen=True, kw_only=True)
class Appointments:
    """Appointments of the diary. `person` is a place in the block, `day` a number of the period."""

    person: Whole
    day: Whole
    attended: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Admissions:
    """Stays in hospital. `incident` is the place of the incident that led there, `until` the day of leaving or -1."""

    person: Whole
    day: Whole
    incident: Whole
    until: Whole


@dataclass(frozen=True, kw_only=True)
class LifeEvents:
    """Losses of a benefit (`housing` false) or of a home."""

    person: Whole
    day: Whole
    housing: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Spells:
    """Unbroken days in one condition, while the person was registered and here: from `begins` until before `ends`."""

    person: Whole
    condition: Whole
    begins: Whole
    ends: Whole


@dataclass(frozen=True, kw_only=True)
class LatentStates:
    """The latent state at some local midnights. `days` (midnights,), the others (people, midnights).

    `state` packs state, strain and drift of the chain, `condition` is an index of CONDITIONS; `protected` counts the
    days of protection left. On a Monday the drift of the new week counts already. Before somebody came
    and after they left nothing is meant by them.
    """

    days: Whole
    state: NDArray[np.int8]
    protected: NDArray[np.int16]

    @property
    def condition(self) -> NDArray[np.int8]:
        """How each person is. Shape (people, midnights)."""
        return np.asarray(CONDITION_OF[self.state // (2 * DRIFT_LEVELS)])

    def on_mondays(self) -> "LatentStates":
        """The states of every seventh day from the first, a Monday."""
        return LatentStates(days=self.days[::7], state=self.state[:, ::7], protected=self.protected[:, ::7])


@dataclass(frozen=True, kw_only=True)
class Lives:
    """What happened to the people of one block."""

    incidents: PersonIncidents
    appointments: Appointments
    admissions: Admissions
    life_events: LifeEvents
    spells: Spells
    states: LatentStates

    @property
    def mondays(self) -> LatentStates:
        """The latent state at the start of each Monday."""
        return self.states.on_mondays()


class _Found(NamedTuple):
    """The latent state and the days of protection left at the start of each day. Shape (people, days)."""

    state: NDArray[np.int8]
    protected: NDArray[np.int16]


def live(settings: "CitySettings", people: People, period: Period, reach: Reach) -> Lives:
    """Let the people of a block live through a burn-in and the period.

    Everything is drawn from the block's own stream. Only what happens while somebody is registered and here is noted.
    """
    random = stream(settings.seed, "stability", people.first // BLOCK_PEOPLE)
    shape = (len(people), len(period))
    found = _Found(np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=np.int16))
    hours = np.cumsum(CRISIS_HOURS / CRISIS_HOURS.sum())
    teams = Teams(reach.on_duty, reach.attends, hours)
    tables = chain(settings, people, reach), traits(people), calendar(period, reach)
    notes = _walk(random, *tables, teams, no_notes(), found, len(period))
    return _lives(random, people, period, notes, found)


def _lives(random: np.random.Generator, people: People, period: Period, notes: Notes, found: _Found) -> Lives:
    incidents, *others = (table[:used] for table, used in zip(notes[:-1], notes.used, strict=True))
    visits, stays, losses, spells = (table.T for table in others)
    return Lives(
        incidents=_incidents(random, people, period, incidents),
        appointments=Appointments(person=visits[0], day=visits[1], attended=visits[2] == 1),
        admissions=Admissions(person=stays[0], day=stays[1], incident=stays[2], until=stays[3]),
        life_events=LifeEvents(person=losses[0], day=losses[1], housing=random.random(len(losses[0])) < 0.4),
        spells=Spells(person=spells[0], condition=spells[1], begins=spells[2], ends=spells[3]),
        states=LatentStates(days=np.arange(len(period)), state=found.state, protected=found.protected),
    )


def _incidents(random: np.random.Generator, people: People, period: Period, rows: Whole) -> PersonIncidents:
    person, day, second, channel, triage, admitted, first, condition = rows.T
    length = period.midnight[day + 1] - period.midnight[day]
    where = np.searchsorted(np.cumsum(WHERE_SHARES)[:-1], random.random(len(rows)), side="right")
    return PersonIncidents(
        person=person.astype(np.int32),
        day=day.astype(np.int32),
        at=period.midnight[day] + np.minimum(second, length - 1),
        channel=channel.astype(np.int8),
        where=where.astype(np.int8),
        triage=triage == 1,
        admitted=admitted == 1,
        first=first == 1,
        condition=condition.astype(np.int8),
        number=people.first // BLOCK_PEOPLE * _NUMBERS_PER_BLOCK + np.arange(len(rows)),
    )


@njit(nogil=True, cache=True)
def _walk(
    random: np.random.Generator, tables: Chain, people: Traits, days: Calendar, teams: Teams, notes: Notes,
    found: _Found, length: int,
) -> Notes:  # fmt: skip
    """Let every person live through all days. Fills `found`; returns the notes with unused room behind."""
    for person in range(len(people.left)):
        notes = _with_room(notes, length)
        _walk_person(random, person, tables, people, days, teams, notes, found, length)
    return notes


@njit(nogil=True, cache=True)
def _with_room(notes: Notes, rows: int) -> Notes:
    return Notes(
        _longer(notes.incidents, notes.used[0] + rows * MOST_A_DAY),
        _longer(notes.appointments, notes.used[1] + rows),
        _longer(notes.admissions, notes.used[2] + rows),
        _longer(notes.life_events, notes.used[3] + rows),
        _longer(notes.spells, notes.used[4] + rows + 1),
        notes.used,
    )


@njit(nogil=True, cache=True)
def _longer(table: Whole, rows: int) -> Whole:
    if len(table) >= rows:
        return table
    longer = np.zeros((2 * rows, table.shape[1]), dtype=np.int64)
    longer[: len(table)] = table
    return longer


@njit(nogil=True, cache=True)
def kinds_of_days(people: Traits, person: int, days: Calendar, kinds: Whole) -> None:
    """Fill `kinds` (all days, 2): the kind of each day for one person, unprotected and protected; see the Chain."""
    for index in range(len(days.drink)):
        near = abs((index - BURN_IN_DAYS - people.anniversary[person] + 182) % 365 - 182) <= ANNIVERSARY_DAYS
        kind = (4 * days.drink[index] if people.drinks[person] else 0) + (2 if near else 0)
        kinds[index, 0], kinds[index, 1] = kind, kind + 1


@njit(nogil=True, cache=True)
def diary(people: Traits, person: int, days: Calendar) -> NDArray[np.bool_]:
    """The days on which an appointment is due, fixed in advance and moved to working days. Shape (all days,)."""
    due = np.zeros(len(days.drink), dtype=np.bool_)
    if people.has_diary[person]:
        for planned in range(people.phase[person], len(due), people.every[person]):
            day = days.working[planned]
            if day < len(due) and day - BURN_IN_DAYS >= people.registered[person]:
                due[day] = True
    return due


@njit(nogil=True, cache=True)
def _walk_person(
    random: np.random.Generator, person: int, tables: Chain, people: Traits, days: Calendar, teams: Teams, notes: Notes,
    found: _Found, length: int,
) -> None:  # fmt: skip
    now, due = new_life(random), diary(people, person, days)
    kinds = np.empty((len(days.drink), 2), dtype=np.int64)
    kinds_of_days(people, person, days, kinds)
    first, last = max(0, people.registered[person]), min(length, people.left[person])
    now[SPELL_FROM] = -BURN_IN_DAYS
    for day in range(-BURN_IN_DAYS, last):
        index = day + BURN_IN_DAYS
        if day % 7 == 0:
            move_drift(random, tables, now)
        if day >= 0:
            _note_state(found, person, day, now)
        kind = kinds[index, 1 if day < now[PROTECTED_UNTIL] else 0]
        today = Today(person, day, kind, days.reach[index], day >= first)
        before = CONDITION_OF[now[STATE]]
        if move_strain(random, tables, now) and today.noted:
            note(notes.life_events, notes.used, LIFE_EVENTS, person, day)
        if due[index] and now[STATE] < SHORT_STAY:
            attended = keep_appointment(random, tables, person, now)
            _note_appointment(notes, today, attended)
        entered = move_condition(random, tables, today, now)
        reported = count_incidents(random, tables, today, entered, now)
        unreported = is_found(random, tables, today, now)
        if reported > 0 or unreported:
            have_incidents(random, tables, people, teams, today, reported, unreported, notes, now)
        if CONDITION_OF[now[STATE]] != before:
            end_stay(notes, CONDITION_OF[now[STATE]], day, now)
            _note_spell(notes, today, before, first, now)
    _note_spell(notes, Today(person, last, 0, 0, True), CONDITION_OF[now[STATE]], first, now)


@njit(nogil=True, cache=True)
def _note_appointment(notes: Notes, today: Today, attended: bool) -> None:
    if today.noted:
        row = note(notes.appointments, notes.used, APPOINTMENTS, today.person, today.day)
        notes.appointments[row, 2] = attended


@njit(inline="always")
def _note_state(found: _Found, person: int, day: int, now: Whole) -> None:
    found.state[person, day] = (now[STATE] * 2 + now[STRAIN]) * DRIFT_LEVELS + now[DRIFT]
    found.protected[person, day] = max(0, now[PROTECTED_UNTIL] - day)


@njit(nogil=True, cache=True)
def _note_spell(notes: Notes, today: Today, condition: int, first: int, now: Whole) -> None:
    """Note the spell that ends before today, where any of it was seen."""
    begins = max(now[SPELL_FROM], first)
    if today.day > begins:
        row = note(notes.spells, notes.used, SPELLS, today.person, condition)
        notes.spells[row, 2], notes.spells[row, 3] = begins, today.day
    now[SPELL_FROM] = today.day
