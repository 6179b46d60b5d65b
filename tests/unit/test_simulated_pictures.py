"""The page of plots: what it counts, and that it can be read without seeing it."""

from xml.etree import ElementTree

import numpy as np
import pytest

from crisisrisk.simulation.city import City, build_city
from crisisrisk.simulation.contacts import SOURCES, Contacts, contacts, source_number
from crisisrisk.simulation.period import SECONDS_PER_DAY, SECONDS_PER_HOUR, Period, period_of
from crisisrisk.simulation.picture import concentration, picture_page
from crisisrisk.simulation.settings import CitySettings, settings_for
from crisisrisk.simulation.tally import LONGEST_EPISODE_DAYS, Tally, night_of, nothing, tally

DAYS = np.array([SECONDS_PER_DAY])


@pytest.fixture(scope="module")
def settings() -> CitySettings:
    return settings_for("sample", people=200)


@pytest.fixture(scope="module")
def days(settings: CitySettings) -> Period:
    return period_of(settings.years)


@pytest.fixture(scope="module")
def city(settings: CitySettings) -> City:
    return build_city(settings)


@pytest.fixture(scope="module")
def counted(city: City, days: Period) -> Tally:
    """Person 3 has an episode of two whole days and one of a moment; person 7 one detention; nobody known one."""
    starts, _ = night_of(days)
    crises = contacts(
        "crisis_line", starts - np.array([20, 19, 18, 2]) * SECONDS_PER_DAY, np.full(4, 3), code="CRISIS", crisis=True
    )
    detention = contacts(
        "s136", np.array([starts + SECONDS_PER_HOUR] * 2), np.array([7, -1]), crisis=True,
        latitude=city.latitude[[5, 5]], longitude=city.longitude[[5, 5]],
    )  # fmt: skip
    return tally(Contacts.concatenated([crises, detention]), 10, city, days)


def test_contacts_are_counted_by_source_and_local_hour(counted: Tally) -> None:
    assert counted.by_source.sum() == 6
    assert counted.by_hour[source_number("crisis_line"), 22] == 4
    assert counted.by_hour[source_number("s136"), 23] == 2


def test_people_are_counted_by_how_many_they_had_in_the_last_year(counted: Tally) -> None:
    assert {number: count for number, count in enumerate(counted.crises.tolist()) if count} == {0: 8, 1: 1, 4: 1}
    assert {number: count for number, count in enumerate(counted.detentions.tolist()) if count} == {0: 9, 1: 1}


def test_episodes_end_with_a_week_of_calm(counted: Tally) -> None:
    assert {length: count for length, count in enumerate(counted.episodes.tolist()) if count} == {0: 2, 2: 1}


def test_the_map_counts_the_contacts_of_its_night(counted: Tally) -> None:
    assert np.flatnonzero(counted.night).tolist() == [5]
    assert counted.night[5] == 2


def test_tallies_add_up(counted: Tally, city: City) -> None:
    twice = counted + counted + nothing(city)
    assert twice.by_source.sum() == 12
    assert twice.episodes.tolist() == (2 * counted.episodes).tolist()


def test_no_contacts_are_counted_as_none(city: City, days: Period) -> None:
    empty = tally(Contacts.concatenated([]), 4, city, days)
    assert empty.by_hour.shape == (len(SOURCES), 24)
    assert empty.crises[0] == 4
    assert empty.episodes.shape == (LONGEST_EPISODE_DAYS + 1,)


def test_concentration_starts_with_those_who_had_most() -> None:
    people, had = concentration(np.array([6, 2, 0, 0, 2]))
    assert people.tolist() == pytest.approx([0, 0.5, 1])
    assert had.tolist() == pytest.approx([0, 0.8, 1])


@pytest.mark.parametrize("quiet", [False, True])
def test_the_page_is_well_formed_and_every_plot_has_words_and_a_table(
    quiet: bool, settings: CitySettings, city: City, days: Period, counted: Tally
) -> None:
    shown = nothing(city) if quiet else counted
    page = picture_page(settings, city, days, shown, None if quiet else np.full(len(city), 0.5))
    body = ElementTree.fromstring(page.split("\n", 1)[1].replace("<!doctype html>", ""))
    figures = body.findall(".//figure")
    assert len(figures) == 4
    svg = "{http://www.w3.org/2000/svg}"
    for figure in figures:
        assert [figure.find(f".//{svg}{part}") is not None for part in ("title", "desc")] == [True, True]
        assert figure.find(".//figcaption") is not None
        assert figure.find(".//table") is not None
    assert "nan" not in page
    assert settings.digest()[:12] in page
