"""The chances of each person's chain, as tables that the simulation and the truth both read.

A day goes like this: strain comes or fades; an appointment is kept or missed; the condition changes; incidents
happen. On Mondays the slow drift moves first. Every chance depends on the person's lasting traits, on the kind of
day, on strain and on the level of drift, so that the whole chain of a person is a small table.
"""

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.footprint import person_classes
from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import Period
from crisisrisk.simulation.period import period as days_between
from crisisrisk.simulation.person_dynamics import (
    BURN_IN_DAYS,
    DRIFT_LEVELS,
    HORIZON_DAYS,
    Numbers,
    PersonDynamics,
    Reach,
    Whole,
)
from crisisrisk.simulation.settings import BLOCK_PEOPLE

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

# Inside the chain a crisis has two states, by whether an incident still works on, and a hospital stay two lengths.
CALM, WORSE, CRISIS, EXCITED, BETTER, SHORT_STAY, LONG_STAY = range(7)
CONDITION_OF = np.array([0, 1, 2, 2, 3, 4, 4], dtype=np.int8)
STATES_OF_CHAIN = len(CONDITION_OF)

# Kinds of day that push: nothing, weekend, payday, both, for those who drink; near an anniversary; protected.
_DRINK = np.array([0.0, 0.6, 1.0, 1.6])
DAY_KINDS = len(_DRINK) * 2 * 2
ANNIVERSARY_DAYS = 7

# Chances that everybody shares, named as in the PersonDynamics.
_SHARED = (
    "life_event", "strain_fading", "kept_clears", "kept_settles", "settling", "crisis_ending", "recovered",
    "excitement_stays", "noticed_at_once", "admission", "long_stays", "short_stay_ending", "long_stay_ending",
)  # fmt: skip

Bytes = NDArray[np.int8]


class Calendar(NamedTuple):
    """Days from the start of the burn-in to a horizon after the end; day 0 is at index BURN_IN_DAYS. Shape (all days,).

    `drink` is an index of how much there is to drink on that day, `reach` the kind of day of the Reach, `working` the
    index of the next working day, the day itself if it is one.
    """

    drink: Bytes
    reach: Bytes
    working: Whole


class Chain(NamedTuple):
    """Chances per day. First axis people; `day` is a kind of day, `reach` a kind of the Reach, `strain` no or yes.

    Shapes: `worsens` and `relapses` (people, day, strain, drift), `breaks` (day, strain), `missed` (people, 4);
    `crisis_rate` (people, 2) incidents a day by excitement, `stray` and `stray_worse` (people, drift) out of crisis;
    `counts` (people, reach) share of incidents that count, `detects` (reach,); `up` and `down` (drift,) the chances of
    the drift on a Monday. The rest is one number for everybody.
    """

    worsens: Numbers
    relapses: Numbers
    breaks: Numbers
    missed: Numbers
    crisis_rate: Numbers
    stray: Numbers
    stray_worse: Numbers
    counts: Numbers
    detects: Numbers
    up: Numbers
    down: Numbers
    life_event: float
    strain_fading: float
    kept_clears: float
    kept_settles: float
    settling: float
    crisis_ending: float
    recovered: float
    excitement_stays: float
    noticed_at_once: float
    admission: float
    long_stays: float
    short_stay_ending: float
    long_stay_ending: float
    protected_days: int


class Traits(NamedTuple):
    """What the kernels need of the people themselves. Shape (people,), `channels` (people, channels) cumulated."""

    drinks: NDArray[np.bool_]
    anniversary: Whole
    has_diary: NDArray[np.bool_]
    every: Whole
    phase: Whole
    registered: Whole
    left: Whole
    area: Whole
    channels: Numbers


def calendar(period: Period, reach: Reach) -> Calendar:
    """The days that the chain lives through, and those that its futures may need."""
    last = period.first + timedelta(days=len(period) - 1 + HORIZON_DAYS)
    every = days_between(period.first - timedelta(days=BURN_IN_DAYS), datetime.combine(last, time()))
    drink = (every.weekday >= 4).astype(np.int8) + 2 * every.payday.astype(np.int8)
    number = np.arange(len(every)) - BURN_IN_DAYS
    inside = np.where(number < 0, number % 7, np.where(number < len(period), number, len(period) - 7 + number % 7))
    working = np.append(np.flatnonzero(every.working_day), len(every))
    return Calendar(
        drink=drink,
        reach=reach.kind_of_day[np.clip(inside, 0, len(period) - 1)].astype(np.int8),
        working=working[np.searchsorted(working, np.arange(len(every)))],
    )


def traits(people: People) -> Traits:
    """The people's own columns, as the kernels take them."""
    return Traits(
        drinks=people.drinks,
        anniversary=people.anniversary,
        has_diary=people.open,
        every=people.appointment_every,
        phase=people.appointment_phase,
        registered=people.registered,
        left=people.left,
        area=people.area,
        channels=np.cumsum(people.channels, axis=1),
    )


def chain(settings: "CitySettings", people: People, reach: Reach) -> Chain:
    """The chances of everybody in a block."""
    dynamics = settings.dynamics
    step = np.arange(DRIFT_LEVELS) / (DRIFT_LEVELS - 1)
    return Chain(
        **_changes(people, dynamics, reach),
        **_incidents(people, dynamics),
        counts=_counts(settings, people, reach),
        detects=reach.detects,
        up=dynamics.drift_move * (1 - step),
        down=dynamics.drift_move * step,
        protected_days=int(reach.protected_days),
        **{name: getattr(dynamics, name) for name in _SHARED},
    )


def _changes(people: People, dynamics: PersonDynamics, reach: Reach) -> dict[str, Any]:
    """The chances with which conditions change and appointments are missed."""
    ease = _person_and_drift(people, dynamics, dynamics.from_frailty, dynamics.from_drift)[:, None, None, :]
    push, lowered = _push(dynamics, reach)
    eased = ease * (np.exp(push) * lowered)[None, :, :, None]
    return {
        "worsens": _chance(dynamics.worsening * eased),
        "relapses": _chance(dynamics.relapse * eased),
        "breaks": _chance(dynamics.crisis * np.exp(dynamics.from_push * push) * lowered),
        "missed": np.minimum(dynamics.most_missed, people.misses[:, None] * np.array(dynamics.miss_factor)),
    }


def _incidents(people: People, dynamics: PersonDynamics) -> dict[str, Any]:
    """Incidents a day, in a crisis and out of one."""
    stray = _person_and_drift(people, dynamics, dynamics.stray_from_frailty, dynamics.stray_from_drift)
    talks = 1 - dynamics.from_talkative + dynamics.from_talkative * people.talkative
    return {
        "crisis_rate": talks[:, None] * (dynamics.incident + dynamics.excited_incident * np.array([0.0, 1.0])),
        "stray": dynamics.stray_incident * stray,
        "stray_worse": dynamics.stray_incident_worsening * stray,
    }


def _person_and_drift(people: People, dynamics: PersonDynamics, from_frailty: float, from_drift: float) -> Numbers:
    """What multiplies a rate: above 1 for the frail, on average 1 over the levels of drift. Shape (people, drift)."""
    drift = np.arange(DRIFT_LEVELS) - (DRIFT_LEVELS - 1) / 2  # standard deviation 1 where Ehrenfest's urn settles
    ease = from_frailty * _frail(people, dynamics)[:, None] + from_drift * drift
    return np.asarray(np.exp(ease - from_drift**2 / 2))


def _frail(people: People, dynamics: PersonDynamics) -> Numbers:
    """Between 0 and 1: most people are sturdy, about one in seven are not, few are in between. Shape (people,)."""
    return np.asarray(1 / (1 + np.exp(-dynamics.frail_steepness * (people.frailty - dynamics.frail_from))))


def _push(dynamics: PersonDynamics, reach: Reach) -> tuple[Numbers, Numbers]:
    """What is added to the logarithm of rates, (kinds of day, strain), and what protection multiplies them by."""
    kind = np.arange(DAY_KINDS)
    drink, anniversary, protected = _DRINK[kind // 4], kind // 2 % 2, kind % 2
    of_day = dynamics.from_drink * drink + dynamics.from_anniversary * anniversary
    push = of_day[:, None] + dynamics.from_strain * np.array([0.0, 1.0])
    return push, np.where(protected == 1, reach.lowers_risk, 1.0)[:, None]


def _chance(rate: Numbers) -> Numbers:
    return np.asarray(-np.expm1(-rate))


def _counts(settings: "CitySettings", people: People, reach: Reach) -> Numbers:
    """The share of a person's incidents that count, for each kind of the Reach. Shape (people, kinds)."""
    classes = person_classes(settings, people.first // BLOCK_PEOPLE, len(people))
    shares = reach.qualifying[:, people.area, classes]
    return np.ascontiguousarray((shares * people.channels).sum(axis=2).T)
