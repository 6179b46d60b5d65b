"""The parts of the invented city, one by one."""

from datetime import UTC, date, datetime
from pathlib import Path

import h3
import nhs_number
import numpy as np
import pytest
from pyproj import Transformer

from crisisrisk.errors import UsageError
from crisisrisk.simulation.city import CENTRE, RESOLUTION, build_city
from crisisrisk.simulation.contacts import contacts
from crisisrisk.simulation.intensity import PlaceDynamics, draw_map, expected_incidents
from crisisrisk.simulation.national_grid import to_national_grid
from crisisrisk.simulation.people import build_people
from crisisrisk.simulation.period import SECONDS_PER_HOUR, Period, period, seconds
from crisisrisk.simulation.sample import END, FIRST_DAY, write_sample
from crisisrisk.simulation.stability import IN_CRISIS, STABLE, live
from crisisrisk.simulation.texts import DAY_AND_MINUTE, local_texts, offset_texts, spaced, utc_texts

SEED = 5


@pytest.fixture(scope="module")
def days() -> Period:
    return period(FIRST_DAY, END)


def test_the_period_is_104_weeks_of_local_days(days: Period) -> None:
    assert len(days) == 728
    assert days.end == seconds("2026-11-22T06:00:00")
    lengths = set((np.diff(days.midnight) // SECONDS_PER_HOUR).tolist())
    assert lengths == {23, 24, 25}


def test_paydays_are_the_last_working_day_of_a_month_and_the_two_after() -> None:
    december = period(date(2024, 12, 1), datetime(2024, 12, 31))
    assert np.flatnonzero(december.payday).tolist() == [30]
    may = period(date(2026, 5, 25), datetime(2026, 6, 1))
    assert np.flatnonzero(may.payday).tolist() == [4, 5, 6]
    assert np.flatnonzero(may.bank_holiday).tolist() == [0]


def test_an_hour_of_a_day_stays_inside_that_day(days: Period) -> None:
    short = np.flatnonzero(np.diff(days.midnight) == 23 * SECONDS_PER_HOUR)[0]
    assert days.day_of(days.at(np.array([short]), np.array([23.9]))).tolist() == [short]


def test_national_grid_agrees_with_proj_within_five_metres() -> None:
    latitude, longitude = np.array([52.48, 52.40, 52.6577, 51.5]), np.array([-1.90, -2.10, 1.7179, -3.2])
    easting, northing = to_national_grid(latitude, longitude)
    wanted = Transformer.from_crs(4326, 27700, always_xy=True).transform(longitude, latitude)
    assert np.abs(easting - wanted[0]).max() < 5
    assert np.abs(northing - wanted[1]).max() < 5


def test_nowhere_has_no_grid_reference() -> None:
    easting, northing = to_national_grid(np.array([np.nan, 52.48]), np.array([np.nan, -1.9]))
    assert easting[0] == northing[0] == -1
    assert easting[1] > 0


def test_every_nhs_number_is_valid_and_of_the_range_that_is_never_issued(days: Period) -> None:
    people = build_people(SEED, 400, build_city(SEED), days)
    assert len(set(people.nhs_numbers)) == 400
    assert all(nhs_number.is_valid(number) and number.startswith("999") for number in people.nhs_numbers)


def test_the_city_is_one_piece_of_hexagons_with_names_of_their_own() -> None:
    city = build_city(SEED)
    assert 120 <= len(city) <= 180
    assert len(set(city.names)) == len(city)
    assert {h3.get_resolution(cell) for cell in city.ids} == {RESOLUTION}
    assert all(h3.is_valid_cell(cell) for cell in city.ids)
    assert h3.latlng_to_cell(*CENTRE, RESOLUTION) in city.ids
    assert city.streets.sum() == pytest.approx(1)
    assert city.night_life.sum() == pytest.approx(1)
    assert set(city.decile.tolist()) == set(range(1, 11))


def test_points_lie_in_their_cell() -> None:
    city = build_city(SEED)
    cells = np.repeat(np.arange(len(city)), 20)
    latitude, longitude = city.points_in(cells, np.random.default_rng(1))
    found = [h3.latlng_to_cell(*point, RESOLUTION) for point in zip(latitude, longitude, strict=True)]
    assert found == [city.ids[cell] for cell in cells]


def test_expected_incidents_sum_to_what_the_dynamics_say(days: Period) -> None:
    city, dynamics = build_city(SEED), PlaceDynamics()
    hours = np.arange(days.midnight[0], days.midnight[-1], SECONDS_PER_HOUR)
    expected = expected_incidents(days, draw_map(SEED, city, days, dynamics), dynamics, hours)
    assert expected.shape == (len(hours), len(city))
    assert expected.sum() / len(days) == pytest.approx(dynamics.street_incidents + dynamics.night_incidents, rel=0.15)


def test_crises_bring_incidents_and_most_people_are_stable(days: Period) -> None:
    course = live(SEED, build_people(SEED, 600, build_city(SEED), days), days)
    in_crisis = course.state == IN_CRISIS
    assert course.incidents[in_crisis].mean() > 50 * course.incidents[course.state == STABLE].mean()
    assert (course.state == STABLE).mean() > 0.85
    assert 0.7 < course.appointments[:, 2].mean() < 0.95


def test_a_contact_has_only_columns_that_are_known() -> None:
    nobody = np.array([-1])
    assert contacts("gp", np.array([0]), nobody)["ended"].tolist() == [-1]
    with pytest.raises(TypeError, match="no columns of a contact: \\['colour'\\]"):
        contacts("gp", np.array([0]), nobody, colour="red")


def test_local_texts_keep_the_order_of_times_where_the_clocks_go_back() -> None:
    instants = np.array([seconds(f"2026-10-25T{clock}") for clock in ("00:30:00", "01:10:00", "01:59:00", "02:05:00")])
    assert local_texts(instants, DAY_AND_MINUTE).tolist() == [
        "25/10/2026 01:30", "25/10/2026 02:00", "25/10/2026 02:00", "25/10/2026 02:05",
    ]  # fmt: skip


def test_times_as_agencies_write_them() -> None:
    summer = np.array([seconds("2026-07-01T22:05:11"), -1])
    assert utc_texts(summer).tolist() == ["2026-07-01T22:05:11Z", ""]
    assert local_texts(summer, DAY_AND_MINUTE).tolist() == ["01/07/2026 23:05", ""]
    assert offset_texts(summer[:1]).tolist() == ["2026-07-01T23:05:11+01:00"]
    assert datetime.fromisoformat(offset_texts(summer[:1])[0]).astimezone(UTC).hour == 22
    assert spaced(np.array(["9991234567", ""], dtype=object)).tolist() == ["999 123 4567", ""]


@pytest.mark.parametrize("people", [-1, 0, 199, 100_001])
def test_a_size_out_of_range_is_refused_and_nothing_is_written(people: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        write_sample(tmp_path / "out", people=people)
    assert refused.value.rendered() == (
        "error[CR-USE-001]: a sample of that many people cannot be made\n"
        "  wanted  200 to 100,000 people\n"
        f"  found   {people}\n"
        "  hint    see docs/reference/errors.md#cr-use-001"
    )
    assert not (tmp_path / "out").exists()
