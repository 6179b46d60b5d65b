"""Places of few, wrong or no data: a clear error or a typed answer, never a silent number."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.lib.place_sites import EAST, NORTH, RECIPE, SHIFTS, calls, place_recipe, place_site
from tests.lib.table_sites import write_csv, write_mapping

from crisisrisk.commands.data import load_files
from crisisrisk.commands.forecast import forecast
from crisisrisk.errors import CrisisRiskError, DataError, SiteError, UsageError
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.shipped import shipped
from crisisrisk.tables.site import Site, read_configuration
from crisisrisk.tables.store import Store
from crisisrisk.timeline import Window, shift_pattern, shifts_starting_in
from crisisrisk.training.place import train_and_judge
from crisisrisk.training.place_data import PlaceData, place_data
from crisisrisk.training.recipe import parse_training_recipe

AREAS = """table = "places"
[columns]
place_id = "id"
kind = { constant = "area" }
"""


def rows_of(site: Site, *, features: bool = False, **outcome: object) -> PlaceData:
    recipe = place_recipe(site, **outcome)
    columns = read_feature_recipe(shipped("features") / "place.toml", sources=site.sources) if features else None
    return place_data(recipe, columns, Store(site).snapshot(), site, held_out_days=recipe.split.test_days)


def left(data: PlaceData) -> dict[str, int]:
    return {row["step"]: row["events_left"] for row in data.attrition_rows()}


# One cell, no events


def test_a_city_of_one_cell_is_trained_and_judged(tmp_path: Path) -> None:
    site = place_site(tmp_path, calls(90))
    data = rows_of(site, features=True)
    recipe = place_recipe(site)
    columns = read_feature_recipe(shipped("features") / "place.toml", sources=site.sources)
    judged = train_and_judge(recipe, columns, data, site, tell=lambda _: None)
    assert (len(data.cells), judged.report.cells) == (1, 1)
    assert judged.report.as_json()["model"]["deviance"] is not None


@pytest.mark.parametrize("baseline", [None, "trailing_365_days"])
@pytest.mark.parametrize("days", [35, 50, 57])
def test_a_history_that_ends_before_there_is_anything_to_fit_on_says_so(
    tmp_path: Path, days: int, baseline: str | None
) -> None:
    """28 days of warm-up, 14 to validate and 14 to judge on leave nothing of a new site's first eight weeks."""
    site = place_site(tmp_path, calls(days))
    columns = read_feature_recipe(shipped("features") / "place.toml", sources=site.sources)
    with pytest.raises(DataError) as caught:
        train_and_judge(
            place_recipe(site), columns, rows_of(site, features=baseline is None), site, tell=lambda _: None,
            baseline=baseline,
        )  # fmt: skip
    assert (caught.value.code, caught.value.problem[:25]) == ("CR-TRAIN-002", "nothing to fit on before ")
    assert "28 days of warm-up, 14 and 14 to validate and to judge on" in str(caught.value.wanted)


def test_of_a_day_to_fit_on_no_tree_is_grown_and_the_simple_forecast_answers(tmp_path: Path) -> None:
    site = place_site(tmp_path, calls(58))
    columns = read_feature_recipe(shipped("features") / "place.toml", sources=site.sources)
    judged = train_and_judge(place_recipe(site), columns, rows_of(site, features=True), site, tell=lambda _: None)
    assert judged.trained_rows == 1
    assert judged.model.trees.count == 0
    assert "the model earns nothing" in judged.report.verdict


def test_where_no_contact_is_known_before_the_days_held_out_the_hint_is_not_about_columns(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(place_site(tmp_path, calls(12)))
    assert "load more history" in str(caught.value.hint)


def test_a_site_into_which_nothing_was_loaded_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(place_site(tmp_path, []))
    assert caught.value.code == "CR-DATA-005"


def test_a_site_with_places_and_not_one_event_says_so(tmp_path: Path) -> None:
    site = place_site(tmp_path, [])
    load_files(site, [write_csv(tmp_path / "p.csv", [{"id": "a"}])], write_mapping(site, AREAS), create_key=True)
    with pytest.raises(DataError) as caught:
        rows_of(site)
    assert (caught.value.code, caught.value.problem) == ("CR-TRAIN-002", "there is not one event to train on")
    for clock in ("data", "system"):
        with pytest.raises(DataError) as caught:
            forecast(replace(site, clock=clock), start=None, hours=24, out=None)
        assert caught.value.code == "CR-DATA-005"


def test_events_of_which_none_is_an_outcome_say_so(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(place_site(tmp_path, calls(90, source="police_999")))
    assert caught.value.problem == 'the outcome names source "crisis_line", of which no event is loaded'


def test_an_outcome_of_which_no_contact_has_a_place_says_so(tmp_path: Path) -> None:
    """Such as advice on the telephone, where nobody notes from where a call came."""
    nowhere = calls(90, north="", east="")
    with pytest.raises(DataError) as caught:
        rows_of(place_site(tmp_path, [*nowhere, *calls(90, source="police_999")]))
    assert caught.value.problem == "no contact of the outcome counts in any cell"
    assert caught.value.found == "360 known; none is in one of the cells"


# Shifts


def test_a_shift_of_no_length_is_refused() -> None:
    text = 'name = "x"\ntime_zone = "Europe/London"\n[[shift]]\nname = "car"\nstarts = "{}"\nends = "{}"\n[source]\n'
    with pytest.raises(SiteError) as caught:
        read_configuration(text.format("08:00", "08:00"))
    assert caught.value.wanted == "two different local times of day"
    assert len(read_configuration(text.format("08:00", "07:59")).shifts) == 1


def test_a_shift_inside_the_hour_that_the_clocks_skip_is_left_out_that_night() -> None:
    zone = read_configuration('name = "x"\ntime_zone = "Europe/London"\n' + SHIFTS + "[source]\n").time_zone
    short = shift_pattern("short", "01:10", "01:50")
    week = Window(datetime(2025, 3, 27, tzinfo=UTC), datetime(2025, 4, 3, tzinfo=UTC))
    days = [shift.start.day for shift in shifts_starting_in([short], week, zone)]
    assert days == [27, 28, 29, 31, 1, 2]


@pytest.mark.parametrize(
    ("day", "starts", "ends", "hours"),
    [
        ("2025-03-29", "22:00", "06:00", 7), ("2025-10-25", "22:00", "06:00", 9), ("2025-06-14", "22:00", "06:00", 8),
        ("2025-03-29", "10:00", "03:00", 16), ("2025-10-25", "10:00", "03:00", 18),
        ("2025-03-29", "20:00", "01:30", 5), ("2025-03-30", "01:30", "09:00", 7), ("2025-10-26", "01:30", "09:00", 8.5),
    ],
)  # fmt: skip
def test_a_night_on_which_the_clocks_change_has_its_real_hours(day: str, starts: str, ends: str, hours: float) -> None:
    site = read_configuration('name = "x"\ntime_zone = "Europe/London"\n' + SHIFTS + "[source]\n")
    begin = datetime.fromisoformat(day).replace(tzinfo=site.time_zone)
    [shift] = shifts_starting_in(
        [shift_pattern("one", starts, ends)], Window(begin, begin + timedelta(days=1)), site.time_zone
    )
    assert shift.hours == hours


CAR = """
[[shift]]
name = "car"
starts = "10:00"
ends = "03:00"
weekdays = ["fri", "sat"]
"""


def test_a_contact_in_two_overlapping_shifts_counts_in_both_and_once_in_the_attrition(tmp_path: Path) -> None:
    """Of the calls at 00:10, 06:10, 12:10 and 18:10 the car of Friday and Saturday has three each night."""
    site = place_site(tmp_path, calls(90), shifts=SHIFTS + CAR)
    data = rows_of(site)
    car = np.array([shift.name == "car" for shift in data.shifts])
    assert set(data.counts[car, 0].tolist()) == {3}
    assert {shift.weekday for shift, is_car in zip(data.shifts, car, strict=True) if is_car} == {4, 5}
    assert left(data)["in_a_shift"] == data.counts[~car].sum() < data.counts.sum()


def test_contacts_in_the_gaps_of_a_rota_are_in_no_shift(tmp_path: Path) -> None:
    data = rows_of(place_site(tmp_path, calls(90), shifts=CAR))
    assert left(data)["capped"] == 360
    assert left(data)["in_a_shift"] == data.counts.sum() == 3 * len(data.shifts)


# Coordinates


@pytest.mark.parametrize(
    ("north", "east"), [(EAST, NORTH), (286_500, 407_000), ("", ""), (NORTH, ""), (0, 0), (-NORTH, EAST), ("x", "y")]
)
def test_contacts_outside_the_area_swapped_in_metres_or_without_a_point_are_counted_as_in_no_cell(
    tmp_path: Path, north: object, east: object
) -> None:
    wrong = calls(90, each=2, north=north, east=east)
    wrong = [{**row, "id": f"wrong {row['id']}"} for row in wrong]
    data = rows_of(place_site(tmp_path, [*calls(90), *wrong]))
    assert (left(data)["demand"], left(data)["in_a_cell"]) == (540, 360)
    assert len(data.cells) == 1


def test_a_feed_that_is_swapped_altogether_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(place_site(tmp_path, calls(90, north=EAST, east=NORTH)))
    assert caught.value.problem == "latitude and longitude look swapped"


# A source that stops, and a day sent five times


def test_where_a_source_stops_the_shifts_end_and_silence_is_not_learned_as_calm(tmp_path: Path) -> None:
    site = place_site(tmp_path, [*calls(60), *calls(90, source="police_999")])
    data = rows_of(site)
    assert data.counts.min() > 0
    assert max(shift.end for shift in data.shifts) <= datetime(2025, 3, 7, tzinfo=UTC)


def test_a_day_sent_five_times_is_flagged_and_its_shifts_are_not_learned(tmp_path: Path) -> None:
    copies = [
        {**row, "id": f"{row['id']} copy {copy}"} for row in calls(1, each=12, first=70) for copy in range(4)
    ]  # fmt: skip
    site = place_site(tmp_path, [*calls(90, each=12), *copies])
    data = rows_of(site, most_times_usual=3.0)
    assert data.flagged_rows() == [{"source": "crisis_line", "day": "2025-03-17", "limit": 36}]
    touched = [
        number for number, shift in enumerate(data.shifts)
        if shift.start < datetime(2025, 3, 18, tzinfo=UTC) and shift.end > datetime(2025, 3, 17, tzinfo=UTC)
    ]  # fmt: skip
    assert len(touched) == 3
    assert not np.isin(touched, data.usable).any()
    assert data.counts.max() == 6
    assert rows_of(site).counts.max() == 30


# When


@pytest.mark.parametrize("days", [-4000, 29, 40])
def test_a_forecast_before_the_records_or_weeks_ahead_is_refused(tmp_path: Path, days: int) -> None:
    site = place_site(tmp_path, calls(90))
    start = Store(site).snapshot().as_of_now() + timedelta(days=days)
    with pytest.raises(UsageError) as caught:
        forecast(site, start=start, hours=24.0, out=None)
    assert caught.value.problem == "these shifts cannot be forecast"
    assert "28 days ahead" in (caught.value.wanted or "")


# What the recipe asks


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"origins": ["public", "team_initiated"]}, '"team_initiated" is recorded, but is no demand'),
        ({"origins": ["follow_up"]}, '"follow_up" is recorded, but is no demand'),
        ({"treatment_affected": ["s137"]}, 'unknown source "s137"'),
        ({"most_per_person": -1}, "is -1"),
        ({"duplicate_minutes": 1441}, "is 1441"),
    ],
)
def test_a_recipe_cannot_learn_from_where_teams_went(tmp_path: Path, outcome: dict[str, object], said: str) -> None:
    with pytest.raises(CrisisRiskError) as caught:
        place_recipe(place_site(tmp_path, []), **outcome)
    assert said in str(caught.value.rendered())


def test_a_level_that_is_none_is_refused_when_the_recipe_is_read(tmp_path: Path) -> None:
    site = place_site(tmp_path, [])
    levels = {**RECIPE, "grid": {"cells": ["h3:7", "hexagons:7"]}}
    with pytest.raises(CrisisRiskError) as caught:
        parse_training_recipe(levels, sources=site.sources, where="test")
    assert "not a kind and size of cells" in caught.value.rendered()
