"""How people fare from day to day: a slowly moving stability that nobody records.

Each day a person is stable, worsening, in crisis or recovering, or is in hospital. What moves them: a
lasting frailty, a slow drift, missed and kept appointments, leaving hospital, paydays and weekends for
those who drink, an anniversary. Inside a crisis one incident makes the next more likely. Contacts are
drawn from these states, but no contact reveals the state by itself.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import Indices, Mask, Numbers, Period, stream

STABLE, WORSENING, IN_CRISIS, RECOVERING, IN_HOSPITAL = range(5)
BURN_IN_DAYS = 400


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """Daily rates and, in the names that start with `from_`, how strongly things act on their logarithms."""

    worsening: float = 0.0019
    crisis: float = 0.0065
    settling: float = 0.012
    crisis_ending: float = 0.14
    recovered: float = 0.035
    relapse: float = 0.002
    from_frailty: float = 1.6
    from_drift: float = 0.8
    drift_days: float = 150.0
    from_missed: float = 1.0
    from_attended: float = 0.6
    from_discharge: float = 1.2
    from_drink: float = 0.55
    from_anniversary: float = 0.9
    from_push: float = 1.6
    admission: float = 0.07
    incident: float = 0.22
    incident_excitation: float = 0.35
    stray_incident: float = 0.00014
    stray_incident_worsening: float = 0.002
    miss_factor: tuple[float, ...] = (1.0, 3.4, 3.6, 1.4, 0.0)


@dataclass(frozen=True)
class Course:
    """What happened. `state` (days, people) int8; `incidents` (days, people) counts of crisis incidents.

    `appointments` has rows (day, person, attended), `admissions` rows (day, person, days in hospital).
    """

    state: NDArray[np.int8]
    incidents: NDArray[np.int8]
    appointments: Indices
    admissions: Indices


def live(seed: int, people: People, period: Period, dynamics: Dynamics | None = None) -> Course:
    """Let the days pass, after a burn-in that leaves the city in its usual state."""
    walk = _Walk(seed, people, period, dynamics or Dynamics())
    for day in range(-BURN_IN_DAYS, len(period)):
        walk.step(day)
    return Course(
        state=np.stack(walk.states),
        incidents=np.stack(walk.incidents),
        appointments=np.concatenate(walk.appointments),
        admissions=np.concatenate(walk.admissions),
    )


def _levelled(frailty: Numbers) -> Numbers:
    """Frailty with its highest values drawn in: many are sturdy, but few are in crisis all the time."""
    return np.minimum(frailty, 1.5 + 0.6 * (frailty - 1.5))


class _Walk:
    """The state of everybody on one day, and what has been noted so far."""

    def __init__(self, seed: int, people: People, period: Period, dynamics: Dynamics) -> None:
        self.random = stream(seed, "stability")
        self.people, self.period, self.dynamics = people, period, dynamics
        count = len(people)
        self.state = np.zeros(count, dtype=np.int8)
        self.drift = self.random.normal(0, 1, count)
        self.missed, self.attended, self.discharged, self.excited = (np.zeros(count) for _ in range(4))
        self.next_appointment = -BURN_IN_DAYS + self.random.integers(0, people.appointment_every)
        self.hospital_until = np.full(count, -BURN_IN_DAYS)
        self.states: list[NDArray[np.int8]] = []
        self.incidents: list[NDArray[np.int8]] = []
        self.appointments: list[Indices] = []
        self.admissions: list[Indices] = []

    def step(self, day: int) -> None:
        """One day for everybody."""
        self._fade()
        self._leave_hospital(day)
        self._appointments(day)
        entering = self._change_states(day)
        count = self._incidents(entering)
        self._admit(day, count)
        if day >= 0:
            self.states.append(self.state.copy())
            self.incidents.append(count.astype(np.int8))

    def _fade(self) -> None:
        pull = 1 / self.dynamics.drift_days
        self.drift += -pull * self.drift + np.sqrt(2 * pull) * self.random.normal(0, 1, len(self.people))
        self.missed *= np.exp(-1 / 16)
        self.attended *= np.exp(-1 / 10)
        self.discharged *= np.exp(-1 / 25)
        self.excited *= 0.55

    def _leave_hospital(self, day: int) -> None:
        leaving = (self.state == IN_HOSPITAL) & (self.hospital_until <= day)
        self.state[leaving] = RECOVERING
        self.discharged[leaving] = 1.0
        self.next_appointment[leaving] = day + 2 + self.random.integers(0, 7, int(leaving.sum()))

    def _appointments(self, day: int) -> None:
        """Appointments fall on working days; a missed one is offered again soon."""
        if day >= 0 and not self.period.working_day[day]:
            self.next_appointment[self.next_appointment == day] += 1
            return
        due = np.flatnonzero((self.next_appointment <= day) & (self.people.team >= 0))
        due = due[self.state[due] != IN_HOSPITAL]
        factor = np.array(self.dynamics.miss_factor)[self.state[due]]
        attended = self.random.random(len(due)) >= np.minimum(0.85, self.people.misses[due] * factor)
        self.missed[due] = np.where(attended, self.missed[due] * 0.3, 1.0)
        self.attended[due] = np.where(attended, 1.0, self.attended[due])
        every = np.where(attended & (self.state[due] == STABLE), self.people.appointment_every[due], 10)
        self.next_appointment[due] = day + np.maximum(3, np.rint(every * self.random.uniform(0.8, 1.25, len(due))))
        if day >= 0:
            self.appointments.append(np.column_stack([np.full(len(due), day), due, attended]))

    def _drinking(self, day: int) -> Numbers:
        period, number = self.period, max(day, 0)
        today = 1.0 * period.payday[number] + 0.6 * (period.weekday[number] >= 4)
        return np.asarray(today * self.people.drinks)

    def _change_states(self, day: int) -> Mask:
        """Move people between states. Returns who enters a crisis today."""
        dynamics, people, state = self.dynamics, self.people, self.state.copy()
        near_anniversary = np.abs((day - people.anniversary + 182) % 365 - 182) <= 7
        ease = dynamics.from_frailty * _levelled(people.frailty) + dynamics.from_drift * self.drift
        ease = ease - (dynamics.from_frailty**2 + dynamics.from_drift**2) / 2
        push = dynamics.from_missed * self.missed + dynamics.from_drink * self._drinking(day)
        push = push + dynamics.from_anniversary * near_anniversary + dynamics.from_discharge * self.discharged
        worsens = (state == STABLE) & self._happens(dynamics.worsening * np.exp(ease + push))
        breaks = (state == WORSENING) & self._happens(
            dynamics.crisis * np.exp(0.3 * people.frailty + dynamics.from_push * push)
        )
        help_given = dynamics.from_attended * self.attended
        settles = (state == WORSENING) & self._happens(dynamics.settling * np.exp(help_given))
        relapses = (state == RECOVERING) & self._happens(dynamics.relapse * np.exp(ease + push))
        ends = (state == IN_CRISIS) & self._happens(np.full(len(people), dynamics.crisis_ending))
        recovers = (state == RECOVERING) & self._happens(np.full(len(people), dynamics.recovered))
        self.state[settles | recovers] = STABLE
        self.state[worsens] = WORSENING
        self.state[ends] = RECOVERING
        self.state[breaks | relapses] = IN_CRISIS
        return np.asarray(breaks | relapses)

    def _happens(self, rate: Numbers) -> Mask:
        return np.asarray(self.random.random(len(rate)) < -np.expm1(-rate))

    def _incidents(self, entering: Mask) -> Indices:
        """Crisis incidents of the day. Most crises are noticed on their first day."""
        dynamics, state = self.dynamics, self.state
        rate = np.where(state == IN_CRISIS, dynamics.incident + dynamics.incident_excitation * self.excited, 0.0)
        rate = rate * (0.5 + 0.5 * self.people.talkative)
        stray = np.exp(0.9 * self.people.frailty + 0.5 * self.drift - 0.53)
        rate = rate + np.where(state == WORSENING, dynamics.stray_incident_worsening * stray, 0.0)
        rate = rate + np.where((state == STABLE) | (state == RECOVERING), dynamics.stray_incident * stray, 0.0)
        count = self.random.poisson(rate) + (entering & (self.random.random(len(state)) < 0.8))
        count = np.minimum(count, 6)
        self.excited += count
        return count

    def _admit(self, day: int, count: Indices) -> None:
        chance = self.dynamics.admission * count * (self.state == IN_CRISIS)
        admitted = np.flatnonzero(self.random.random(len(count)) < chance)
        length = np.ceil(self.random.lognormal(np.log(16), 0.9, len(admitted))).astype(np.int64)
        self.hospital_until[admitted] = day + length
        self.state[admitted] = IN_HOSPITAL
        if day >= 0:
            self.admissions.append(np.column_stack([np.full(len(admitted), day), admitted, length]))
