"""The truth about people against futures drawn by the slow reference, and against what then happened."""

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.lib.reference_chain import Futures, Start

from crisisrisk.simulation.contacts import Contacts
from crisisrisk.simulation.intensity import CRISIS_HOURS
from crisisrisk.simulation.people import People, block_people
from crisisrisk.simulation.period import SECONDS_PER_DAY, period
from crisisrisk.simulation.person_dynamics import (
    BURN_IN_DAYS,
    CHANNELS,
    CONDITIONS,
    HORIZON_DAYS,
    PERSON_CLASSES,
    PersonDynamics,
    Reach,
)
from crisisrisk.simulation.person_kernel import LatentStates, Lives, live
from crisisrisk.simulation.recording import recorded
from crisisrisk.simulation.responses import responses
from crisisrisk.simulation.routine import routine_contacts
from crisisrisk.simulation.settings import CitySettings, settings_for
from crisisrisk.simulation.truth_incidents import expected_incidents
from crisisrisk.simulation.truth_people import chances, person_truth
from crisisrisk.simulation.world import World, world

# Rates at which much happens to many, so that few people and futures say much.
EVENTFUL = PersonDynamics(
    worsening=0.004, crisis=0.02, relapse=0.004, from_frailty=1.5, from_drift=0.6, drift_move=0.3, life_event=0.01,
    incident=0.3, excited_incident=0.5, from_talkative=0.6, stray_incident=0.002, stray_incident_worsening=0.005,
    stray_from_frailty=1.0, admission=0.1, crisis_ending=0.12,
)  # fmt: skip
REST = 0.5
MOST_SIGMAS = 4.5
FUTURES = 20_000


def with_teams(days: int) -> Reach:
    """Teams from the hundredth day on; half of the incidents that no team reaches leave nothing that counts."""
    on_duty = np.zeros((2, 24), dtype=bool)
    on_duty[1, 12:] = True
    attends = np.zeros((2, 1, len(CHANNELS)))
    attends[1] = np.linspace(0.1, 0.5, len(CHANNELS))
    reached = attends * np.array([0.0, CRISIS_HOURS[12:].sum() / CRISIS_HOURS.sum()])[:, None, None]
    counts = reached + (1 - reached) * REST
    return Reach(
        kind_of_day=(np.arange(days) >= 100).astype(np.int64),
        on_duty=on_duty,
        attends=attends,
        qualifying=np.repeat(counts[:, :, None], PERSON_CLASSES, axis=2),
        detects=np.array([0.0, 0.03]),
        protected_days=60,
        lowers_risk=0.3,
    )


def eventful(people: int, years: float) -> CitySettings:
    return replace(settings_for("birmingham", people=people, years=years, seed=11), dynamics=EVENTFUL)


@dataclass(frozen=True)
class Block:
    settings: CitySettings
    here: World
    people: People
    reach: Reach
    lives: Lives


@lru_cache(maxsize=1)
def block() -> Block:
    """The people of one block of an eventful city, and what happened to them."""
    settings = eventful(4_096, 1.5)
    here = world(settings)
    people, reach = block_people(settings, here.city, here.period, 0), with_teams(len(here.period))
    return Block(settings, here, people, reach, live(settings, people, here.period, reach))


# Futures drawn from one state

STARTS = [
    Start(condition="stable"),
    Start(condition="stable", strain=True, drift=4),
    Start(condition="stable", protected=20),
    Start(condition="worsening", drift=1),
    Start(condition="worsening", strain=True, protected=9),
    Start(condition="in_crisis"),
    Start(condition="in_crisis", excited=True, drift=0),
    Start(condition="recovering", strain=True, drift=3),
    Start(condition="in_hospital"),
    Start(condition="in_hospital", long=True),
]
WEEKS = (12, 13, 30, 77)  # with the start of triage inside the horizon, after it, over Christmas, and past the end


@pytest.mark.parametrize("number", range(len(STARTS)))
def test_the_truth_is_the_share_of_drawn_futures_in_which_a_contact_counts(number: int) -> None:
    start, week, made = STARTS[number], WEEKS[number % len(WEEKS)], block()
    person = _somebody(made.people, drinks=number % 2 == 0, near=7 * week + 10 if number % 3 == 0 else None)
    found = _drawn(made, person, week, start)
    wanted = _exact(made, person, week, start)
    sigma = np.sqrt(wanted * (1 - wanted) / FUTURES)
    assert 0.005 < wanted < 0.995
    assert abs(found - wanted) < MOST_SIGMAS * sigma, (found, wanted)


def _somebody(people: People, *, drinks: bool, near: int | None) -> int:
    """The first person with a diary who drinks or not, and has an anniversary near a day if wanted."""
    chosen = people.open & (people.drinks == drinks) & (people.registered < 0) & (np.abs(people.frailty - 1.0) < 0.5)
    if near is not None:
        chosen &= np.abs((people.anniversary - near) % 365) < 5
    return int(np.flatnonzero(chosen)[0])


def _drawn(made: Block, person: int, week: int, start: Start) -> float:
    days = made.here.period
    last = days.first + timedelta(days=len(days) + HORIZON_DAYS)
    calendar = period(days.first - timedelta(days=BURN_IN_DAYS), datetime.combine(last, time()))
    futures = Futures(made.people, person, EVENTFUL, made.reach, calendar, start, FUTURES)
    return futures.chance(7 * week, HORIZON_DAYS, start.protected, first_day=-BURN_IN_DAYS)


def _exact(made: Block, person: int, week: int, start: Start) -> float:
    mondays = made.lives.mondays
    state, protected = mondays.state.copy(), mondays.protected.copy()
    state[person, week], protected[person, week] = start.packed, start.protected
    given = LatentStates(days=mondays.days, state=state, protected=protected)
    alone = chances(made.settings, made.people, given, made.here.period, made.reach)
    return float(alone[person, week])


# What then happened


def test_as_many_people_have_a_counting_contact_as_the_truth_says() -> None:
    """Overall, by condition, by tenth of the truth, and for the protected; horizons that do not overlap."""
    made = block()
    probability, happened, condition, protected = _judged(made)
    assert len(happened) > 50_000
    groups = {name: condition == number for number, name in enumerate(CONDITIONS)}
    groups |= {"everybody": condition >= 0, "protected": protected}
    tenth = np.searchsorted(np.quantile(probability, np.arange(0.1, 1, 0.1)), probability)
    groups |= {f"tenth {number}": tenth == number for number in range(10)}
    for name, group in groups.items():
        expected = probability[group].sum()
        sigma = np.sqrt((probability * (1 - probability))[group].sum())
        assert expected > 20, name
        assert abs(happened[group].sum() - expected) < MOST_SIGMAS * sigma, (name, happened[group].sum(), expected)


def _judged(made: Block) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int8], NDArray[np.bool_]]:
    """Every fourth Monday of everybody who stays for the horizon: truth, outcome, condition, and whether protected."""
    incidents, mondays, people = made.lives.incidents, made.lives.mondays, made.people
    random = np.random.default_rng(3)
    counts = incidents.admitted | incidents.triage | (random.random(len(incidents)) < REST)
    by_day = np.zeros((len(people), len(made.here.period) + 1), dtype=np.int64)
    np.add.at(by_day, (incidents.person[counts], incidents.day[counts] + 1), 1)
    ever = by_day.cumsum(axis=1)
    fourth = np.flatnonzero((mondays.days % HORIZON_DAYS == 0) & (mondays.days + HORIZON_DAYS <= len(made.here.period)))
    begins = mondays.days[fourth]
    ends = begins + HORIZON_DAYS
    stays = (begins >= people.registered[:, None]) & (ends <= people.left[:, None])
    happened = ever[:, ends] > ever[:, begins]
    truth = chances(made.settings, people, mondays, made.here.period, made.reach)[:, fourth]
    protected = mondays.protected[:, fourth] > 0
    return truth[stays], happened[stays], mondays.condition[:, fourth][stays], protected[stays]


def test_incidents_of_people_are_as_many_as_expected_the_day_before() -> None:
    """By channel, by weekday, and by tenth of the expectation over days and cells."""
    made = block()
    incidents, days, cells = made.lives.incidents, len(made.here.period), len(made.here.city)
    expected = expected_incidents(made.settings, made.people, made.lives, made.here.period, made.reach, made.here.city)
    moved = made.people.second_home >= 0
    for lead in range(2):
        _near(np.bincount(incidents.channel, minlength=6), expected[lead].sum(axis=(0, 1)))
        by_day = expected[lead].sum(axis=(1, 2))
        happened = np.bincount(incidents.day, minlength=days)
        _near(_summed(happened, np.arange(days) % 7), _summed(by_day, np.arange(days) % 7))
        stay = ~moved[incidents.person]
        at_home = np.bincount(made.people.home[incidents.person[stay]], minlength=cells)
        never = _expected_of(made, ~moved)[lead].sum(axis=(0, 2))
        _near(at_home[never > 20], never[never > 20], sigmas=6.0)


def _expected_of(made: Block, who: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Expected incidents of some people only: the others are not there."""
    left = np.where(who, made.people.left, -1)
    return expected_incidents(
        made.settings, replace(made.people, left=left), made.lives, made.here.period, made.reach, made.here.city
    )


def _summed(values: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.bincount(group, weights=values)


def _near(happened: NDArray[np.float64], expected: NDArray[np.float64], sigmas: float = MOST_SIGMAS) -> None:
    """Incidents come in runs, so that the spread of a sum is up to three times that of independent ones."""
    assert (np.abs(happened - expected) < 1.7 * sigmas * np.sqrt(expected + 1)).all(), (happened, expected)


# With the agencies and their recording


def test_named_contacts_of_the_whole_chain_of_agencies_come_true_as_often_as_the_truth_says() -> None:
    settings = replace(settings_for("birmingham", people=8_192, years=1.5, seed=4), dynamics=EVENTFUL)
    here, expected, happened, variance = world(settings), 0.0, 0, 0.0
    for number in range(settings.blocks):
        people = block_people(settings, here.city, here.period, number)
        lives = live(settings, people, here.period, here.reach)
        truth = person_truth(settings, people, lives, here.period, here.reach)
        onset, stays = _onsets(settings, here, people, lives, number)
        week = np.searchsorted(here.period.midnight, truth.as_of) // 7
        chosen = stays[truth.person - people.first, week]
        expected += float(truth.probability[chosen].sum())
        variance += float((truth.probability * (1 - truth.probability))[chosen].sum())
        happened += int(onset[truth.person - people.first, week][chosen].sum())
    assert expected > 3_000
    # Horizons four weeks apart do not overlap; the agencies' delays move a few contacts over midnight.
    assert abs(happened - expected) < MOST_SIGMAS * np.sqrt(variance) + 0.01 * expected, (happened, expected)


def _onsets(
    settings: CitySettings, here: World, people: People, lives: Lives, number: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each person and Monday: a named crisis contact within the horizon, and whether the row is judged."""
    found = responses(settings, here.city, here.period, lives.incidents, people, block=number)
    routine = routine_contacts(settings, people, lives, here.period, number)
    kept = recorded(settings, here.period, Contacts.concatenated([found, routine]), people, block=number)
    crisis = kept.contacts.crisis | kept.contacts.is_from("s136", "street_triage", "mh_admission", "crisis_line")
    counts = crisis & (kept.named >= 0)
    person, at = kept.named[counts] - people.first, kept.contacts.at[counts]
    days = lives.mondays.days
    onset, calm = (np.zeros((len(people), len(days)), dtype=bool) for _ in range(2))
    for week, day in enumerate(days):
        as_of = here.period.midnight_of(day)
        inside = (at >= as_of) & (at < as_of + HORIZON_DAYS * SECONDS_PER_DAY)
        onset[person[inside], week] = True
        calm[:, week] = True
        calm[person[(at < as_of) & (at >= as_of - 7 * SECONDS_PER_DAY)], week] = False
    late = len(here.period) - HORIZON_DAYS - 30  # what is known late has arrived by the end
    judged = (days % HORIZON_DAYS == 0) & (days < late)
    stays = (days >= people.registered[:, None]) & (days + HORIZON_DAYS <= people.left[:, None])
    return onset, calm & stays & judged
