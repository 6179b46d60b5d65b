"""A matrix of the site's own, and the detour learned from journeys."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crisisrisk.errors import DataError
from crisisrisk.positioning.journeys import Journeys, with_learned_detour
from crisisrisk.positioning.travel import Roads, TravelTimes
from crisisrisk.positioning.travel_matrix import matrix_times

SITES, CELLS = ("base", "cafe"), ("a", "b")
LINE = TravelTimes(minutes=np.array([[91.0, 92.0], [93.0, 94.0]]), said="straight line")


def written(folder: Path, text: str) -> Path:
    path = folder / "travel.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_matrix_is_read_by_site_and_place(tmp_path: Path) -> None:
    path = written(tmp_path, "site_id,place_id,minutes\nbase,a,5\nbase,b,7.5\ncafe,b,3\ncafe,a,4\nelsewhere,a,1\n")
    found = matrix_times(path, SITES, CELLS, hours={3: 1.0}, otherwise=LINE)
    assert found.minutes.tolist() == [[5.0, 7.5], [4.0, 3.0]]
    assert found.said == "travel times of travel.csv at 03:00"
    pq.write_table(pa.table({"site_id": ["base"], "place_id": ["b"], "minutes": [6]}), tmp_path / "travel.parquet")
    other = matrix_times(tmp_path / "travel.parquet", SITES, CELLS, hours={3: 1.0}, otherwise=LINE)
    assert other.minutes.tolist() == [[91.0, 6.0], [93.0, 94.0]]
    assert other.said == "travel times of travel.parquet at 03:00; 3 of 4 pairs are not in it: straight line"


@pytest.mark.parametrize(("hour", "minutes"), [(7, 9.0), (12, 9.0), (19, 5.0), (23, 5.0), (3, 5.0)])
def test_a_matrix_may_differ_by_the_hour_and_pass_midnight(tmp_path: Path, hour: int, minutes: float) -> None:
    path = written(tmp_path, "site_id,place_id,minutes,from_hour,to_hour\nbase,a,9,7,19\nbase,a,5,19,7\n")
    assert matrix_times(path, SITES, CELLS, hours={hour: 1.0}, otherwise=LINE).minutes[0, 0] == minutes


def test_a_shift_over_such_hours_has_their_mean_as_contacts_come_in_them(tmp_path: Path) -> None:
    path = written(
        tmp_path, "site_id,place_id,minutes,from_hour,to_hour\nbase,a,9,7,19\nbase,a,5,19,7\nbase,b,3,19,7\n"
    )
    found = matrix_times(path, SITES, CELLS, hours={18: 0.25, 19: 0.75}, otherwise=LINE)
    assert found.minutes[0].tolist() == [0.25 * 9 + 0.75 * 5, 0.25 * 92 + 0.75 * 3]  # no way to b by day: straight line
    assert found.said == (
        "travel times of travel.csv over the hours of the shift, as contacts come in them; 3 of 4 pairs are not in it"
        " at every hour: straight line"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("site,place,minutes\nbase,a,1\n", 'no column "site_id"'),
        ("site_id,place_id,minutes\nbase,a,1\nbase,b,-1\n", "a travel time is no number of 0 or more"),
        ("site_id,place_id,minutes\nbase,a,\nbase,b,-1\n", "2 travel times are no numbers of 0 or more"),
        ("site_id,place_id,minutes\nbase,a,1\nbase,a,2\n", "1 pairs of site and place are given twice"),
        ("site_id,place_id,minutes\nx,a,1\n", "none of the site's pairs"),
        ("site_id,place_id,minutes\nbase,a,1\nbase,b,fast\n", 'column "minutes" of the matrix'),
        ("site_id,place_id,minutes,from_hour,to_hour\nbase,a,1,22:00,6\n", 'column "from_hour" of the matrix'),
        ("site_id,place_id,minutes,from_hour\nbase,a,1,22\n", "has from_hour alone"),
        ("site_id,place_id,minutes,from_hour,to_hour\nbase,a,1,7,9\n", "no times for 03:00"),
    ],
)
def test_a_matrix_that_cannot_be_used_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        matrix_times(written(tmp_path, text), SITES, CELLS, hours={3: 1.0}, otherwise=LINE)
    with pytest.raises(DataError, match="cannot be read"):
        matrix_times(tmp_path / "absent.csv", SITES, CELLS, hours={3: 1.0}, otherwise=LINE)


def test_the_first_travel_time_that_cannot_be_is_named(tmp_path: Path) -> None:
    for text, found in (
        ("base,a,1\nbase,b,-1\n", "-1 from base to b"),
        ("x,a,\nbase,b,-1\n", "none from x to a and more"),
    ):
        with pytest.raises(DataError) as raised:
            matrix_times(
                written(tmp_path, f"site_id,place_id,minutes\n{text}"), SITES, CELLS, hours={3: 1.0}, otherwise=LINE
            )
        assert raised.value.found == found


def test_ids_that_look_like_numbers_are_texts(tmp_path: Path) -> None:
    path = written(tmp_path, "site_id,place_id,minutes\n001,7,5\n001,07,6\n")
    found = matrix_times(path, ("001", "1"), ("7", "07"), hours={3: 1.0}, otherwise=LINE)
    assert found.minutes.tolist() == [[5.0, 6.0], [93.0, 94.0]]


def journeys(count: int, detour: float, roads: Roads) -> Journeys:
    random = np.random.default_rng(1)
    kilometres, hour, urban = random.uniform(2, 20, count), random.integers(0, 24, count), random.random(count) < 0.5
    speed = np.where(urban, np.array(roads.urban_kmh)[hour], np.array(roads.rural_kmh)[hour])
    minutes = roads.set_off_minutes + kilometres * detour / speed * 60 * random.lognormal(0, 0.1, count)
    minutes[: count // 10] = 600.0  # interrupted
    return Journeys(kilometres=kilometres, minutes=minutes, hour=hour, urban=urban)


def test_the_detour_is_learned_where_there_are_journeys_enough() -> None:
    roads = Roads()
    learned = with_learned_detour(roads, journeys(600, 1.6, roads))
    assert learned.detour == pytest.approx(1.6, rel=0.02)
    assert learned.learned_from == 540
    assert with_learned_detour(roads, journeys(40, 1.6, roads)) == roads
