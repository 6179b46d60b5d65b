"""An invented city, from the command to the report on its truth: files, site, both models; nobody beats the truth."""

from pathlib import Path
from typing import Any

import pytest

from crisisrisk.cli import run
from tests.acceptance.commands import command

PEOPLE, YEARS = 1_500, 1.6


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("invented") / "city"
    sizes = ("--people", str(PEOPLE), "--years", str(YEARS), "--seed", "5")
    made = command("simulate", "--scale", "sample", *sizes, "--out", str(out))
    assert made["people"] == PEOPLE
    return out


@pytest.fixture(scope="module")
def loads(city: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = command("data", "load-folder", str(city), "--site", str(city))["loads"]
    return found


@pytest.fixture(scope="module")
def oracle(city: Path, loads: list[dict[str, Any]]) -> dict[str, Any]:
    assert loads
    return command("simulate", "oracle", "--site", str(city))


def test_every_file_loads_and_only_the_planted_rows_are_refused(loads: list[dict[str, Any]]) -> None:
    refused = sum(load["rows_quarantined"] for load in loads)
    assert refused == 61
    assert sum(load["rows_loaded"] for load in loads) > 50_000


def test_loading_the_folder_again_changes_nothing(city: Path, loads: list[dict[str, Any]]) -> None:
    assert loads
    again = command("data", "load-folder", str(city), "--site", str(city))["loads"]
    assert all(load["already_loaded"] for load in again)


def test_nobody_ranks_people_better_than_the_truth(oracle: dict[str, Any]) -> None:
    truth, *others = oracle["people"]
    assert truth["name"] == "the truth"
    assert all(other["auprc"] < truth["auprc"] for other in others)
    assert truth["auroc"] > 0.75
    assert truth["calibration_slope"] == pytest.approx(1.0, abs=0.25)


def test_contacts_tell_less_than_the_truth_and_more_than_the_model_says(oracle: dict[str, Any]) -> None:
    ways = {way["name"]: way for way in oracle["people"]}
    told = ways["the most that contacts can tell"]
    assert ways["model"]["auprc"] < told["auprc"] < ways["the truth"]["auprc"]
    assert told["auprc_of_contacts"] == 1.0
    assert told["calibration_slope"] == pytest.approx(1.0, abs=0.25)


def test_no_forecast_of_places_is_better_than_the_truth(oracle: dict[str, Any]) -> None:
    truth, *others = oracle["places"]
    assert truth["name"] == "the truth"
    assert all(other["deviance"] > truth["deviance"] for other in others)
    assert truth["calibration_ratio"] == pytest.approx(1.0, abs=0.15)


def test_a_folder_without_truth_is_refused(
    city: Path, loads: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert loads
    assert run(["simulate", "oracle", "--site", str(city), "--truth", str(tmp_path)]) == 3
    assert "the folder holds no truth" in capsys.readouterr().err


def test_a_folder_without_a_load_order_is_refused(
    city: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "load-folder", str(tmp_path), "--site", str(city)]) == 3
    assert "the folder has no load order" in capsys.readouterr().err
