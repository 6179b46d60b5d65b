"""What the city announces ahead, as the files that a site's configuration can name: home matches, stations, hospitals.

The matches are those of the truth, and go on for half a year after the end of the data, as a list of fixtures does.
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from crisisrisk.simulation.city import City
from crisisrisk.simulation.intensity import home_matches
from crisisrisk.simulation.period import END, Period, period

FOLDER = "days"
MATCHES, PLACES = "happenings.csv", "points.csv"
MATCH_COLUMNS = ("name", "kind", "starts", "ends", "known_at", "latitude", "longitude", "radius_m")
POINT_COLUMNS = ("kind", "latitude", "longitude", "known_at")
POINT_KINDS = {"station": "station", "hospital": "emergency_department"}
"""What stands in a cell, and what a recipe calls it."""

AHEAD_DAYS = 180
FIXTURES = (6, 18)
"""Month and day on which the list of the season that begins in August comes out."""
SEASON_BEGINS = 8
GATES_OPEN, CROWD_GONE = "12:00", "23:00"
REACH_M = 1_200
STANDS_SINCE = "2010-01-01"


def write_announced(folder: Path, city: City, days: Period) -> None:
    """Write `days/` into a city's folder."""
    target = folder / FOLDER
    target.mkdir()
    _write(target / MATCHES, MATCH_COLUMNS, list(_matches(city, days)))
    _write(target / PLACES, POINT_COLUMNS, list(_points(city)))


def _matches(city: City, days: Period) -> Iterable[tuple[object, ...]]:
    """One row for each home match and stadium, in order."""
    longer = period(days.first, END + timedelta(days=AHEAD_DAYS))
    for number in np.flatnonzero(home_matches(longer)).tolist():
        day = days.first + timedelta(days=number)
        for cell in _standing(city, "stadium"):
            yield (
                f"Match at {city.names[cell]}", "football", f"{day} {GATES_OPEN}", f"{day} {CROWD_GONE}", _told(day),
                f"{city.latitude[cell]:.5f}", f"{city.longitude[cell]:.5f}", REACH_M,
            )  # fmt: skip


def _told(day: date) -> date:
    """When the season's list came out."""
    return date(day.year - (day.month < SEASON_BEGINS), *FIXTURES)


def _points(city: City) -> Iterable[tuple[object, ...]]:
    for kind, named in POINT_KINDS.items():
        for cell in _standing(city, kind):
            yield named, f"{city.latitude[cell]:.5f}", f"{city.longitude[cell]:.5f}", STANDS_SINCE


def _standing(city: City, kind: str) -> list[int]:
    return [cell for cell, standing in enumerate(city.kinds) if standing == kind]


def _write(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])
