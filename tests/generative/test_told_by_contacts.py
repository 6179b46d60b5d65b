"""What contacts can tell at most: on average exactly the truth, whatever is looked at of what was seen."""

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.generative.test_simulated_truth import MOST_SIGMAS, block

from crisisrisk.simulation.person_dynamics import WORSENING
from crisisrisk.simulation.person_filter import chances_from_contacts
from crisisrisk.simulation.routine import routine_days
from crisisrisk.simulation.truth_people import chances

pytestmark = pytest.mark.slow
WEEKS = np.array([9, 30, 44, 58])
FEWEST = 30
Floats = NDArray[np.float64]


@lru_cache(maxsize=1)
def told() -> tuple[Floats, Floats]:
    """What contacts tell, and the truth. Shape (people, WEEKS)."""
    made = block()
    settings, people, lives, period = made.settings, made.people, made.lives, made.here.period
    from_contacts = chances_from_contacts(settings, people, lives, period, made.reach, block=0, mondays=7 * WEEKS)
    return from_contacts, chances(settings, people, lives.mondays, period, made.reach)[:, WEEKS]


def agree(chosen: NDArray[np.bool_]) -> None:
    """The means of both are equal but for chance, week by week; people do not depend on each other."""
    from_contacts, truth = told()
    rows = chosen & np.isfinite(truth)
    weeks = np.flatnonzero(rows.sum(axis=0) > FEWEST)
    assert len(weeks) >= 2
    for week in weeks:
        off = (from_contacts - truth)[rows[:, week], week]
        assert abs(off.mean()) < MOST_SIGMAS * off.std() / np.sqrt(len(off)) + 1e-6


def recent(person: NDArray[np.integer], day: NDArray[np.integer], days: int) -> NDArray[np.int64]:
    """How many of some events each person had in the days before each week. Shape (people, WEEKS)."""
    counts = np.zeros((len(block().people), len(WEEKS)), dtype=np.int64)
    for column, week in enumerate(WEEKS):
        inside = (day < 7 * week) & (day >= 7 * week - days)
        np.add.at(counts[:, column], person[inside], 1)
    return counts


def test_somebody_is_believed_about_exactly_while_registered_and_here() -> None:
    from_contacts, truth = told()
    assert np.array_equal(np.isfinite(from_contacts), np.isfinite(truth))


def test_in_every_tenth_of_what_contacts_tell_the_mean_truth_is_as_told() -> None:
    from_contacts, _ = told()
    tenth = np.digitize(from_contacts, np.nanquantile(from_contacts, np.arange(1, 10) / 10))
    for one in range(10):
        agree(tenth == one)


def test_nothing_that_was_seen_could_have_told_more() -> None:
    lives = block().lives
    incidents, visits, losses = lives.incidents, lives.appointments, lives.life_events
    missed = ~visits.attended
    for seen in (
        recent(incidents.person, incidents.day, 7),
        recent(incidents.person, incidents.day, 56),
        recent(incidents.person[incidents.triage], incidents.day[incidents.triage], 28),
        recent(visits.person[missed], visits.day[missed], 28),
        recent(visits.person[~missed], visits.day[~missed], 14),
        recent(losses.person, losses.day, 28),
        recent(lives.admissions.person, lives.admissions.day, 56),
    ):
        agree(seen > 0)
        agree(seen == 0)


def test_contacts_for_another_reason_are_taken_for_what_they_say() -> None:
    made = block()
    calls = [routine_days(made.settings, source, made.people, made.lives.spells, 0) for source in ("nhs_111", "gp")]
    for call in calls:
        agree(recent(call.person, call.day, 28) > 0)
        agree(recent(call.person, call.day, 28) == 0)


def test_contacts_tell_less_than_the_latent_state_and_more_than_nothing() -> None:
    from_contacts, truth = told()
    known = np.isfinite(truth)
    assert 0.2 < from_contacts[known].var() / truth[known].var() < 0.95
    worsening = block().lives.mondays.condition[:, WEEKS] == WORSENING
    assert np.nanmean(np.where(worsening, from_contacts - truth, np.nan)) < 0
