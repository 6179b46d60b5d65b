"""What contacts can tell of places at most: on average exactly the truth, whatever is looked at of what was seen."""

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.generative.test_simulated_truth import MOST_SIGMAS, block

from crisisrisk.simulation.believed_incidents import believed_incidents
from crisisrisk.simulation.intensity import PlaceMap, draw_incidents, draw_map, foreseen_cells, months
from crisisrisk.simulation.map_filter import told_map
from crisisrisk.simulation.period import period_of
from crisisrisk.simulation.person_dynamics import CHANNELS
from crisisrisk.simulation.settings import CitySettings, settings_for
from crisisrisk.simulation.told_places import told_of_places
from crisisrisk.simulation.truth_incidents import expected_incidents
from crisisrisk.simulation.world import world
from crisisrisk.timeline import MICROSECONDS_PER_SECOND

Numbers = NDArray[np.float64]
DAYS = range(140, 182)
LEADS = (1, 2)


@lru_cache(maxsize=1)
def incidents() -> tuple[Numbers, Numbers]:
    """Expected of each day and cell as believed and in truth, over all channels. Shape (2, days, cells)."""
    made = block()
    settings, people, lives, period = made.settings, made.people, made.lives, made.here.period
    believed = believed_incidents(
        settings, people, lives, period, made.reach, made.here.city, block=0, days=DAYS
    )  # fmt: skip
    true = expected_incidents(settings, people, lives, period, made.reach, made.here.city)[:, DAYS[0] : DAYS[-1] + 1]
    return believed.sum(axis=3), true.sum(axis=3)


def agree(off: Numbers) -> None:
    """Cells do not depend on each other; the days of a cell do, so that its mean counts once. `off`: (days, cells)."""
    means = off.mean(axis=0)
    assert abs(means.mean()) < MOST_SIGMAS * means.std() / np.sqrt(len(means)) + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("lead", LEADS)
def test_what_is_believed_of_a_cell_is_on_average_what_is_to_be_expected(lead: int) -> None:
    believed, true = incidents()
    assert (believed > 0).any()
    agree(believed[lead - 1] - true[lead - 1])
    assert np.corrcoef(believed[lead - 1].ravel(), true[lead - 1].ravel())[0, 1] > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("lead", LEADS)
def test_incidents_before_the_issue_could_not_have_told_more(lead: int) -> None:
    made, (believed, true) = block(), incidents()
    seen = np.zeros((DAYS[-1] + 1, len(made.here.city)))
    came, home = made.lives.incidents, made.people.home
    lately = came.day < len(seen)
    np.add.at(seen, (came.day[lately], home[came.person[lately]]), 1)
    for some in (True, False):
        of_day = []
        for row, day in enumerate(DAYS):
            week = seen[day - lead - 7 : day - lead].sum(axis=0)
            of_day.append(np.where((week > np.median(week)) == some, (believed - true)[lead - 1, row], 0.0))
        agree(np.array(of_day))


def test_incidents_found_by_teams_are_a_channel_of_their_own() -> None:
    made = block()
    found = believed_incidents(
        made.settings, made.people, made.lives, made.here.period, made.reach, made.here.city, block=0,
        days=range(150, 151),
    )  # fmt: skip
    assert found.shape == (2, 1, len(made.here.city), len(CHANNELS) + 1)
    assert found[..., -1].sum() > 0


# The map


def _moving(seed: int) -> CitySettings:
    from dataclasses import replace

    settings = settings_for("sample", people=200, years=1.2, residents=120_000, seed=seed)
    lively = replace(
        settings.places, street_incidents=120.0, weekly_drift=0.5, hot_start=0.02, hot_end=0.1, city_level=0.3
    )
    return replace(settings, places=lively)


@lru_cache(maxsize=4)
def _map_of(seed: int) -> tuple[CitySettings, PlaceMap, Numbers, Numbers, Numbers]:
    """The settings, the map, and by day and cell: told, true, and incidents in the streets of the week before."""
    settings = _moving(seed)
    here, period = world(settings), period_of(settings.years)
    place_map = draw_map(settings, here.city, period)
    days = range(200, 340, 9)
    told = told_map(settings, here.city, period, place_map, days=days)
    seen = np.zeros((len(period), len(here.city)))
    for month in range(months(period)):
        found = draw_incidents(settings, here.city, period, place_map, month)
        np.add.at(seen, (period.day_of(found.at[~found.night_out]), found.cell[~found.night_out]), 1)
    ahead = 1
    true = [
        foreseen_cells(place_map, settings.places, week=day // 7, ahead=day // 7 - (day - ahead) // 7) for day in days
    ]
    before = [seen[day - ahead - 7 : day - ahead].sum(axis=0) / (seen.sum(axis=0) / len(seen)) for day in days]
    return settings, place_map, np.array([told.foreseen(day, ahead) for day in days]), np.array(true), np.array(before)


@pytest.mark.parametrize("seed", [3, 4])
def test_what_is_told_of_the_map_is_on_average_how_it_stands(seed: int) -> None:
    _, _, told, true, before = _map_of(seed)
    agree(told - true)
    agree(np.where(before > np.median(before), told - true, 0.0))
    agree(np.where(told > np.median(told), told - true, 0.0))
    assert ((told - true) ** 2).mean() < 0.7 * ((1.0 - true) ** 2).mean()


def test_days_after_the_issue_change_nothing_that_is_told() -> None:
    settings, place_map, *_ = _map_of(3)
    here, period = world(settings), period_of(settings.years)
    day, ahead = 260, 2
    asked = told_map(settings, here.city, period, place_map, days=range(day, day + 1)).foreseen(day, ahead)
    later = told_map(settings, here.city, period, place_map, days=range(day, day + 40)).foreseen(day, ahead)
    assert np.allclose(asked, later, rtol=1e-6)


def test_told_shifts_are_those_of_the_truth_and_about_as_many_contacts() -> None:
    settings = _moving(5)
    here = world(settings)
    starts = here.period.midnight[[300, 320]] * MICROSECONDS_PER_SECOND
    told = told_of_places(settings, starts, tell=lambda _: None)
    assert told.column_names[:2] == ["shift_id", "place_id"]
    ids = told.column("shift_id").to_pylist()
    assert len(set(ids)) == 3 * 21
    assert len(ids) == 3 * 21 * len(here.city)
    assert min(told.column("expected").to_pylist()) > 0
