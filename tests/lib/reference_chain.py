"""Many futures of one person's chain, drawn one day at a time: slow, obvious, and independent of the compiled tables.

It is written from the description of a day: strain, appointment, condition, incidents; on Mondays the drift first.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import Period
from crisisrisk.simulation.person_dynamics import PersonDynamics, Reach

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where futures begin: `condition` of the five, `excited` in a crisis, `long` in hospital."""

    condition: str
    strain: bool = False
    drift: int = 2
    excited: bool = False
    long: bool = False
    protected: int = 0

    @property
    def packed(self) -> int:
        """The same as the latent state that the simulation notes."""
        states = {"stable": 0, "worsening": 1, "in_crisis": 2, "recovering": 4, "in_hospital": 5}
        return ((states[self.condition] + self.excited + self.long) * 2 + self.strain) * 5 + self.drift


class Futures:
    """`count` copies of one person of a block, all in one state, that live on from a day independently."""

    def __init__(
        self, people: People, person: int, dynamics: PersonDynamics, reach: Reach, calendar: Period, start: Start,
        count: int,
    ) -> None:  # fmt: skip
        self.people, self.person, self.dynamics, self.reach, self.calendar = people, person, dynamics, reach, calendar
        self.random = np.random.default_rng([7, person])
        self.condition = np.full(count, start.condition, dtype="U12")
        self.strain = np.full(count, start.strain)
        self.drift = np.full(count, start.drift)
        self.excited = np.full(count, start.excited)
        self.long = np.full(count, start.long)
        self.counted = np.zeros(count, dtype=bool)

    def chance(self, monday: int, days: int, protected: int, *, first_day: int) -> float:
        """The share in which a contact counts within `days` days from a Monday; the calendar begins on `first_day`."""
        for day in range(monday, monday + days):
            self._day(day, first_day, protected=day < monday + protected, moves=day > monday)
        return float(self.counted.mean())

    def _day(self, day: int, first_day: int, *, protected: bool, moves: bool) -> None:
        if day % 7 == 0 and moves:
            self._drift()
        self._strain()
        if self._due(day, first_day):
            self._appointment()
        entered = self._condition(self._push(day, first_day), self.reach.lowers_risk if protected else 1.0)
        self._incidents(entered, int(self.reach.kind_of_day[min(day, len(self.reach.kind_of_day) - 1)]))

    def _yes(self, chance: float | Array) -> Array:
        return np.asarray(self.random.random(len(self.strain)) < chance)

    def _drift(self) -> None:
        moves, upwards = self._yes(self.dynamics.drift_move), self._yes(1 - self.drift / 4)
        self.drift = self.drift + np.where(moves, np.where(upwards, 1, -1), 0)

    def _strain(self) -> None:
        fades = self.strain & self._yes(self.dynamics.strain_fading)
        self.strain = np.where(self._yes(self.dynamics.life_event), True, self.strain & ~fades)

    def _due(self, day: int, first_day: int) -> bool:
        """An appointment planned on some day is due on the next working day."""
        if not self.people.open[self.person] or day < self.people.registered[self.person]:
            return False
        working = self.calendar.working_day
        every, phase = self.people.appointment_every[self.person], self.people.appointment_phase[self.person]
        planned = day - first_day
        while working[day - first_day]:
            if (planned - phase) % every == 0 and planned >= phase:
                return True
            planned -= 1
            if planned < 0 or working[planned]:
                return False
        return False

    def _appointment(self) -> None:
        here = self.condition != "in_hospital"
        factor = dict(zip(("stable", "worsening", "in_crisis", "recovering"), self.dynamics.miss_factor, strict=True))
        chance = np.array([factor.get(name, 0.0) for name in self.condition]) * self.people.misses[self.person]
        missed = here & self._yes(np.minimum(self.dynamics.most_missed, chance))
        kept = here & ~missed
        self.strain = np.where(missed, True, self.strain & ~(kept & self._yes(self.dynamics.kept_clears)))
        settles = kept & (self.condition == "worsening") & self._yes(self.dynamics.kept_settles)
        self.condition[settles] = "stable"

    def _push(self, day: int, first_day: int) -> Array:
        dynamics, number = self.dynamics, day - first_day
        drink = 1.0 * self.calendar.payday[number] + 0.6 * (self.calendar.weekday[number] >= 4)
        since = (day - self.people.anniversary[self.person]) % 365
        near = min(since, 365 - since) <= 7
        push = dynamics.from_drink * drink * self.people.drinks[self.person] + dynamics.from_anniversary * near
        return np.asarray(push + dynamics.from_strain * self.strain)

    def _ease(self, from_frailty: float, from_drift: float) -> Array:
        dynamics = self.dynamics
        frail = 1 / (1 + np.exp(-dynamics.frail_steepness * (self.people.frailty[self.person] - dynamics.frail_from)))
        return np.asarray(np.exp(from_frailty * frail + from_drift * (self.drift - 2) - from_drift**2 / 2))

    def _condition(self, push: Array, lowered: float) -> Array:
        dynamics, before = self.dynamics, self.condition.copy()
        ease = self._ease(dynamics.from_frailty, dynamics.from_drift) * np.exp(push) * lowered
        worsens = (before == "stable") & self._yes(-np.expm1(-dynamics.worsening * ease))
        breaking = dynamics.crisis * np.exp(dynamics.from_push * push) * lowered
        breaks = (before == "worsening") & self._yes(-np.expm1(-breaking))
        relapses = (before == "recovering") & self._yes(-np.expm1(-dynamics.relapse * ease))
        settles = (before == "worsening") & ~breaks & self._yes(dynamics.settling)
        recovers = (before == "recovering") & ~relapses & self._yes(dynamics.recovered)
        ends = (before == "in_crisis") & self._yes(dynamics.crisis_ending)
        leaving = np.where(self.long, dynamics.long_stay_ending, dynamics.short_stay_ending)
        leaves = (before == "in_hospital") & self._yes(leaving)
        self.condition[worsens], self.condition[settles | recovers] = "worsening", "stable"
        self.condition[ends | leaves] = "recovering"
        self.condition[breaks | relapses] = "in_crisis"
        self.strain = self.strain | leaves
        self.excited = self.excited & (self.condition == "in_crisis") & ~(breaks | relapses)
        return np.asarray(breaks | relapses)

    def _incidents(self, entered: Array, kind: int) -> None:
        dynamics, in_crisis = self.dynamics, self.condition == "in_crisis"
        talks = 1 - dynamics.from_talkative + dynamics.from_talkative * self.people.talkative[self.person]
        stray = self._ease(dynamics.stray_from_frailty, dynamics.stray_from_drift)
        worse = self.condition == "worsening"
        stray = stray * np.where(worse, dynamics.stray_incident_worsening, dynamics.stray_incident)
        stray = np.where(self.condition == "in_hospital", 0.0, stray)
        rate = np.where(in_crisis, talks * (dynamics.incident + dynamics.excited_incident * self.excited), stray)
        reported = self.random.poisson(rate) + (entered & self._yes(dynamics.noticed_at_once))
        found = in_crisis & self._yes(-np.expm1(-self.reach.detects[kind]))
        shares = self.reach.qualifying[kind, self.people.area[self.person], 0]
        share = float((shares * self.people.channels[self.person]).sum())
        admitted = in_crisis & self._yes(1 - (1 - dynamics.admission) ** (reported + found))
        self.counted |= (self.random.binomial(reported, share) > 0) | found | admitted
        happened = (reported > 0) | found
        fading = self.excited & ~happened & ~self._yes(dynamics.excitement_stays)
        self.excited = in_crisis & (happened | (self.excited & ~fading))
        self.condition[admitted] = "in_hospital"
        self.long = np.where(admitted, self._yes(dynamics.long_stays), self.long)
