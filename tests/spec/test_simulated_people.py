"""Who lives in the invented city, and what happens to them: what holds in every city, and that it is believable."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest

from crisisrisk.simulation.contacts import SOURCES, Contacts, number_of
from crisisrisk.simulation.people import FEWEST_WITH_DAILY_CALLER, NEVER, People, block_people
from crisisrisk.simulation.period import SECONDS_PER_DAY, SECONDS_PER_HOUR
from crisisrisk.simulation.person_dynamics import (
    IN_CRISIS,
    IN_HOSPITAL,
    STABLE,
    TEAM_FOUND,
    WHERE_SHARES,
    WORSENING,
    PersonDynamics,
)
from crisisrisk.simulation.person_kernel import Lives, live
from crisisrisk.simulation.responses import responses
from crisisrisk.simulation.routine import routine_contacts
from crisisrisk.simulation.settings import CitySettings, settings_for
from crisisrisk.simulation.world import World, world

# Sources of which the people's own part of the city makes contacts; the responses to crises make the others.
ROUTINE = {
    "gp", "nhs_111", "nhs_111_mh", "police_101", "police_999", "ambulance_999", "ed_attendance",
    "welfare_check_request", "liaison_diversion", "fire_safe_and_well_visit", "social_care", "housing", "mh_contact",
    "mh_missed", "mh_admission", "mh_discharge",
}  # fmt: skip


@dataclass(frozen=True)
class Made:
    settings: CitySettings
    here: World
    people: People
    lives: Lives
    routine: Contacts
    crises: Contacts

    @property
    def years(self) -> float:
        """Years of all people together."""
        ends = np.minimum(self.people.left, len(self.here.period))
        return float((ends - np.maximum(self.people.registered, 0)).sum() / 365.25)


def _made(people: int, preset: str = "birmingham", seed: int = 8) -> Made:
    settings = settings_for(preset, people=people, years=2, seed=seed)
    here = world(settings)
    block = block_people(settings, here.city, here.period, 0)
    lives = live(settings, block, here.period, here.reach)
    routine = routine_contacts(settings, block, lives, here.period, 0)
    crises = responses(settings, here.city, here.period, lives.incidents, block, block=0)
    return Made(settings, here, block, lives, routine, crises)


@pytest.fixture(scope="module")
def made() -> Made:
    return _large()


@lru_cache(maxsize=1)
def _large() -> Made:
    return _made(FEWEST_WITH_DAILY_CALLER)


# What holds in every city


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_happens_to_anybody_before_registration_or_after_leaving(seed: int) -> None:
    city = _made(400, "sample", seed)
    people, lives = city.people, city.lives
    for person, day in (
        (lives.incidents.person, lives.incidents.day),
        (lives.appointments.person, lives.appointments.day),
        (lives.admissions.person, lives.admissions.day),
        (lives.life_events.person, lives.life_events.day),
        (lives.spells.person, lives.spells.begins),
        (lives.spells.person, lives.spells.ends - 1),
    ):
        assert len(person) > 0
        assert (day >= np.maximum(people.registered[person], 0)).all()
        assert (day < np.minimum(people.left[person], len(city.here.period))).all()


def test_the_same_settings_give_the_same_lives_and_another_seed_gives_others() -> None:
    once, again, other = _made(300, "sample", 5), _made(300, "sample", 5), _made(300, "sample", 6)
    assert np.array_equal(once.lives.incidents.at, again.lives.incidents.at)
    assert np.array_equal(once.lives.states.state, again.lives.states.state)
    assert np.array_equal(once.routine.at, again.routine.at)
    assert not np.array_equal(once.lives.incidents.at, other.lives.incidents.at)


def test_blocks_hold_everybody_once_and_differ() -> None:
    settings = settings_for("birmingham", people=5_000, years=1, seed=2)
    here = world(settings)
    first, second = (block_people(settings, here.city, here.period, number) for number in range(settings.blocks))
    assert [len(first), len(second)] == [4_096, 904]
    assert [first.first, second.first] == [0, 4_096]
    assert not np.array_equal(first.frailty[:904], second.frailty)
    assert live(settings, second, here.period, here.reach).incidents.number.min() >= 2**32


def test_spells_fill_the_days_on_which_somebody_is_here(made: Made) -> None:
    people, spells = made.people, made.lives.spells
    here = np.minimum(people.left, len(made.here.period)) - np.maximum(people.registered, 0)
    filled = np.bincount(spells.person, weights=spells.ends - spells.begins, minlength=len(people))
    assert np.array_equal(filled, here)
    same = spells.person[1:] == spells.person[:-1]
    assert (spells.begins[1:][same] == spells.ends[:-1][same]).all()
    assert (spells.condition[1:][same] != spells.condition[:-1][same]).all()


def test_people_have_lives_that_fit_together(made: Made) -> None:
    people = made.people
    assert people.channels.sum(axis=1) == pytest.approx(1)
    assert ((people.left == NEVER) | (people.left >= np.maximum(people.registered, 0))).all()
    assert (people.died <= (people.left < NEVER)).all()
    assert ((people.team >= 0) == people.open).all()
    assert (np.isnan(people.second_latitude) == (people.second_home < 0)).all()
    year = people.birth_date.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    assert np.array_equal(year, people.birth_year)
    assert people.talkative.mean() == pytest.approx(1, abs=0.1)


# What acts on whom


def test_incidents_come_in_crises_and_most_people_are_stable(made: Made) -> None:
    spells, incidents = made.lives.spells, made.lives.incidents
    days = np.bincount(spells.condition, weights=spells.ends - spells.begins, minlength=5)
    rate = np.bincount(incidents.condition, minlength=5) / days
    assert days[STABLE] / days.sum() > 0.85
    assert 0.0005 < days[IN_CRISIS] / days.sum() < 0.01
    assert rate[IN_CRISIS] > 100 * rate[STABLE] > 0
    assert rate[IN_HOSPITAL] == 0
    assert incidents.first[incidents.condition == IN_CRISIS].mean() < 0.6


def test_where_and_through_which_channel_an_incident_comes(made: Made) -> None:
    incidents = made.lives.incidents
    shares = np.bincount(incidents.where, minlength=3) / len(incidents)
    assert shares == pytest.approx(WHERE_SHARES, abs=0.03)
    assert set(incidents.channel.tolist()) == {0, 1, 2, 3, 4, TEAM_FOUND}
    assert incidents.triage[incidents.channel == TEAM_FOUND].all()
    assert (np.diff(incidents.at)[np.diff(incidents.person) == 0] >= 0).all()
    assert len(np.unique(incidents.number)) == len(incidents)
    assert np.array_equal(made.here.period.day_of(incidents.at), incidents.day)


def test_teams_reach_people_only_on_duty_and_protect_them_from_the_next_day_on(made: Made) -> None:
    incidents, states, reach = made.lives.incidents, made.lives.states, made.here.reach
    reached = np.flatnonzero(incidents.triage)
    hour = (incidents.at - made.here.period.midnight[incidents.day]) // SECONDS_PER_HOUR
    whole = np.diff(made.here.period.midnight)[incidents.day] == SECONDS_PER_DAY
    kind = reach.kind_of_day[incidents.day]
    assert len(reached) > 50
    assert reach.on_duty[kind, np.minimum(hour, 23)][incidents.triage & whole].all()
    ends = np.minimum(len(made.here.period), made.people.left[incidents.person])
    inside = reached[(incidents.day + 1 < ends)[reached]]
    left = states.protected[incidents.person[inside], incidents.day[inside] + 1]
    assert (left == reach.protected_days).all()
    assert states.protected.max() == reach.protected_days


def test_appointments_follow_the_diary_and_are_missed_more_often_by_people_who_worsen(made: Made) -> None:
    visits, people = made.lives.appointments, made.people
    assert made.here.period.working_day[visits.day].all()
    assert people.open[visits.person].all()
    condition = made.lives.states.condition[visits.person, visits.day]
    missed = [float((~visits.attended[condition == number]).mean()) for number in (STABLE, WORSENING)]
    assert 0.07 < missed[0] < 0.2
    assert missed[1] > 2 * missed[0]


def test_a_stay_in_hospital_follows_an_incident_and_ends_or_goes_on(made: Made) -> None:
    stays, incidents = made.lives.admissions, made.lives.incidents
    assert incidents.admitted.sum() == len(stays.day)
    assert incidents.admitted[stays.incident].all()
    over = stays.until >= 0
    assert (stays.until[over] > stays.day[over]).all()
    admitted = made.routine.of("mh_admission")
    wait = (admitted.at - incidents.at[stays.incident]) / SECONDS_PER_HOUR
    assert 0.4 < wait.min() <= wait.max() < 9.1
    ended = admitted.ended >= 0
    assert (admitted.ended[ended] > admitted.at[ended]).all()
    after = made.here.period.day_of(admitted.at) - stays.day
    assert 0.1 < after.mean() < 0.6, "some are admitted after midnight"


# How much there is


def test_there_are_about_29_contacts_a_year_and_hardly_one_of_them_is_a_crisis(made: Made) -> None:
    assert 26 < (len(made.routine) + len(made.crises)) / made.years < 32
    assert 0.3 < made.crises.crisis.sum() / made.years < 1.0
    assert {SOURCES[number] for number in np.unique(made.routine.source)} == ROUTINE
    assert not (made.routine.crisis & ~made.routine.is_from("mh_admission")).any()


def test_one_person_of_a_large_city_rings_every_day_and_none_of_a_small_one(made: Made) -> None:
    caller = np.flatnonzero(made.people.daily_caller)
    assert len(caller) == 1
    assert not _made(400, "sample").people.daily_caller.any()
    own = made.routine.taken(made.routine.person == made.people.first + caller[0])
    calls = own.of("police_999", "police_101", "ambulance_999", "nhs_111")
    attended = own.of("police_999").outcome == number_of("ATT")
    assert len(calls) / 2 > 250
    assert attended.sum() / 2 > 140


def test_calls_have_a_heavy_tail(made: Made) -> None:
    calls = made.routine.of("police_101", "police_999", "ambulance_999")
    each = np.sort(np.bincount(calls.person, minlength=len(made.people)))[::-1]
    assert each[: len(each) // 50].sum() > 0.25 * each.sum()
    assert (each == 0).mean() > 0.1


def test_no_source_alone_tells_the_condition(made: Made) -> None:
    """Of the people who have a contact of a source, most are stable on that day."""
    states, contacts = made.lives.states.condition, made.routine
    day = made.here.period.day_of(contacts.at)
    inside = day < made.people.left[contacts.person - made.people.first]
    for name in sorted(ROUTINE - {"mh_admission", "mh_discharge"}):
        own = contacts.is_from(name) & inside
        stable = states[contacts.person[own] - made.people.first, day[own]] == STABLE
        assert stable.mean() > 0.5, name


def test_without_strain_and_drink_fewer_worsen() -> None:
    settings = settings_for("sample", people=2_000, years=2, seed=3)
    here = world(settings)
    people = block_people(settings, here.city, here.period, 0)
    calm = PersonDynamics(from_strain=0.0, from_drink=0.0, from_anniversary=0.0)
    counts = []
    for dynamics in (settings.dynamics, calm):
        changed = CitySettings(**{**vars(settings), "dynamics": dynamics})
        spells = live(changed, people, here.period, here.reach).spells
        counts.append(int((spells.condition == WORSENING).sum()))
    assert counts[1] < 0.9 * counts[0]
