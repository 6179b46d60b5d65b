"""What an invented city announces ahead: files that a site can name, true to what the city lives through."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from crisisrisk.simulation.announced import write_announced
from crisisrisk.simulation.period import END, ZONE
from crisisrisk.simulation.settings import settings_for
from crisisrisk.simulation.world import World, world
from crisisrisk.tables.named_files import Row, read_named_file
from crisisrisk.tables.named_tables import HAPPENINGS, POINTS


@pytest.fixture(scope="module")
def city() -> World:
    return world(settings_for("sample", people=200))


@pytest.fixture(scope="module")
def files(city: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    write_announced(folder, city.city, city.period)
    return folder / "days"


def matches(files: Path) -> tuple[Row, ...]:
    return read_named_file(files / "happenings.csv", HAPPENINGS, ZONE)


def test_the_matches_are_those_of_the_truth_and_go_on_beyond_the_data(city: World, files: Path) -> None:
    days = {(one["starts"].date() - city.period.first).days for one in matches(files)}
    assert {day for day in days if day < len(city.period)} == set(np.flatnonzero(city.place_map.matches).tolist())
    assert max(one["starts"] for one in matches(files)) > END.replace(tzinfo=ZONE) + timedelta(days=90)


def test_every_match_was_announced_in_the_summer_before_its_season(files: Path) -> None:
    for one in matches(files):
        told = one["known_at"].astimezone(ZONE)
        assert (told.month, told.day) == (6, 19)  # the end of the 18th
        assert timedelta(days=40) < one["starts"] - told < timedelta(days=360)


def test_matches_are_at_the_stadiums_and_points_where_they_stand(city: World, files: Path) -> None:
    standing = np.array(city.city.kinds)
    assert len({one["latitude"] for one in matches(files)}) == np.count_nonzero(standing == "stadium")
    points = read_named_file(files / "points.csv", POINTS, ZONE)
    for kind, named in (("station", "station"), ("hospital", "emergency_department")):
        assert sum(one["kind"] == named for one in points) == np.count_nonzero(standing == kind)
    assert all(one["known_at"] < datetime(2016, 1, 1, tzinfo=UTC) for one in points)
