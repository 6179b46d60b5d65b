"""The inputs of a forecast of places, the whole way: declared days and points, modes, and reasons in counts."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.lib.place_sites import EAST, EVENTS, NORTH, Row, calls, forecast_of_run, place_site, small_recipe
from tests.lib.table_sites import write_csv, write_mapping

from crisisrisk.cli import run
from crisisrisk.commands.data import load_files
from crisisrisk.commands.forecast import ForecastResult
from crisisrisk.commands.train import train
from crisisrisk.errors import DataError
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.comparisons import comparisons
from crisisrisk.models.reasons import Reason
from crisisrisk.scoring.places import PlaceForecast, _Speaker
from crisisrisk.scoring.release import forecast_geojson
from crisisrisk.tables.site import Site, read_site
from crisisrisk.training.results import TrainedRun

RECIPE = small_recipe(outcome={"origins": ["public"]}, grid={"issue_hours": 1})
DECLARED = """
[calendar]
paydays = ["last_working_day"]
happenings = "happenings.csv"
[points]
file = "points.csv"
kinds = ["station"]
"""
MODES = ("attendance", "attendance", "telephone_advice", None)


def with_modes(rows: Sequence[Row]) -> list[Row]:
    """Half attended, a quarter advised by telephone; of a quarter nobody says."""
    return [{**row, "mode": MODES[(number + number // 4) % 4] or ""} for number, row in enumerate(rows)]


def site_of(parent: Path, *, declared: str = DECLARED) -> Site:
    site = place_site(parent, [])
    file = site.path / "crisisrisk.toml"
    file.write_text(file.read_text(encoding="utf-8") + declared, encoding="utf-8")
    (site.path / "points.csv").write_text(
        f"kind,latitude,longitude,known_at\nstation,{NORTH},{EAST},2020-01-01\n", encoding="utf-8"
    )
    (site.path / "happenings.csv").write_text(
        f"name,starts,ends,known_at,latitude,longitude\nMatch,2025-03-01,2025-03-01,2025-01-01,{NORTH},{EAST}\n"
        f"Match,2025-05-01,2025-05-01,2025-01-01,{NORTH},{EAST}\n", encoding="utf-8",
    )  # fmt: skip
    other = [{**row, "id": f"b {row['id']}"} for row in calls(90, each=2, north=NORTH + 0.0135)]
    mapping = write_mapping(site, EVENTS.replace("[coordinates]", 'mode = "mode"\n[coordinates]'))
    load_files(site, [write_csv(parent / "calls.csv", with_modes([*calls(90), *other]))], mapping, create_key=True)
    return read_site(site.path)


def recipe_in(folder: Path, extra: str = "") -> Path:
    path = folder / "small.toml"
    path.write_text(RECIPE.replace('origins = ["public"]\n', f'origins = ["public"]\n{extra}'), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, TrainedRun]:
    folder = tmp_path_factory.mktemp("path")
    site = site_of(folder)
    return site, train(site, "place", recipe_in(folder), tell=lambda _: None)


@pytest.fixture(scope="module")
def made(trained: tuple[Site, TrainedRun]) -> tuple[Bundle, PlaceForecast]:
    return forecast_of_run(*trained)


def test_a_bundle_has_the_columns_of_what_its_site_declares_and_no_others(made: tuple[Bundle, PlaceForecast]) -> None:
    names = made[0].features.names
    declared = {"days_since_payday", "happening_here", "happening_nearby", "happening_everywhere", "station_here",
                "station_nearby", "station_nearest_km"}  # fmt: skip
    assert declared <= set(names)
    assert not any(name.startswith(("hostel", "school", "night_life")) for name in names)


def test_a_declared_file_that_is_gone_is_named(trained: tuple[Site, TrainedRun], tmp_path: Path) -> None:
    site = site_of(tmp_path)
    (site.path / "points.csv").unlink()
    with pytest.raises(DataError) as caught:
        train(site, "place", recipe_in(tmp_path), tell=lambda _: None)
    assert caught.value.problem == "the file of points cannot be used"


# Modes


def test_a_forecast_splits_each_shift_by_mode_and_the_parts_add_up(made: tuple[Bundle, PlaceForecast]) -> None:
    bundle, forecast = made
    for outlook in forecast.outlooks:
        assert sum(outlook.modes.values()) == pytest.approx(outlook.expected)
        shares = {name: part / outlook.expected for name, part in outlook.modes.items()}
        assert shares == pytest.approx({"attendance": 0.5, "telephone_advice": 0.25, "not_recorded": 0.25}, abs=0.05)
    released = forecast_geojson(forecast, caveats=bundle.phrases.caveats)
    for shift in released["shifts"]:
        assert sum(shift["modes"].values()) == pytest.approx(round(shift["expected"], 1))
    text = ForecastResult(run=1, forecast=forecast, released=released, zone_name="Europe/London", seconds=0).as_text()
    assert "expected by mode: attendance" in text
    assert forecast.meta.modes.keys() == {outlook.shift_id for outlook in forecast.outlooks}


def test_one_mode_is_an_outcome_of_its_own(trained: tuple[Site, TrainedRun], tmp_path: Path, capsys) -> None:
    """A quarter of six contacts a day."""
    site, _ = trained
    recipe = recipe_in(tmp_path, 'modes = ["telephone_advice"]\n')
    assert run(["train", "place", "--site", str(site.path), "--recipe", str(recipe), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    steps = {row["step"]: row["events_left"] for row in found["attrition"]}
    assert steps["known"] == 90 * 6 // 4


# Reasons


@pytest.mark.parametrize(
    ("way", "four_weeks", "quarter", "live", "released"),
    [
        ("up", 6, 10.5, "6 crisis contacts here in the last 28 days (usual: 2)",
         "crisis contacts here in the last four weeks"),
        ("up", 1, 1, "1 crisis contact here in the last 28 days (usual: none)",
         "crisis contacts here in the last four weeks"),
        ("up", 22, 35.5, "22 crisis contacts here in the last 28 days (usual: 6)",
         "more crisis contacts than usual here in the last four weeks"),
        ("down", 0, 9, "no crisis contacts here in the last 28 days (usual: 4)", "no recent crisis contacts"),
        ("up", 9, 47.25, "9 crisis contacts here in the last 28 days (usual here: 17, in an average place: 4.5)",
         "crisis contacts here in the last four weeks"),
        ("down", 22, 35.5, "22 crisis contacts here in the last 28 days (usual here: 6, in an average place: 11.0)",
         "crisis contacts here in the last four weeks"),
    ],
)  # fmt: skip
def test_a_reason_is_a_count_beside_what_is_usual_and_in_a_file_no_number(
    made: tuple[Bundle, PlaceForecast], way: str, four_weeks: float, quarter: float, live: str, released: str
) -> None:
    """Usual of four weeks is what the nine weeks before them say. In a file one of 1 to 7 is not even more or fewer."""
    bundle, _ = made
    names = bundle.features.names
    values = np.zeros((2, len(names)), dtype=np.float32)  # beside a place where nothing came
    for days, count in ((28, four_weeks), (91, quarter), (365, quarter)):
        values[0, names.index(f"crisis_count_in_{days}_days")] = count
    reason = Reason(way, 0.4, names.index("crisis_count_in_28_days"), four_weeks, 0.3)
    beside = comparisons(bundle.features, values, shifts=1, history_days=100)
    [told], [let_out] = _Speaker(bundle, beside, beside.words(values)).said(0, [reason])
    assert told["text"] == live
    assert let_out["text"] == released
