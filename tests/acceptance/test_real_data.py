"""The whole path on three real data sets, held against slow independent calculations.

The files are not part of the repository; without them these tests skip, saying how to name their folder.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import page, real_data, reference
from tests.acceptance.pathway import DATA_SETS, walk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(real_data.absent() is not None, reason=real_data.absent() or "real data present"),
]

KEEP_IN = "CRISISRISK_REAL_DATA_ANSWERS"
NAMES = [data_set.name for data_set in DATA_SETS]
PLACES = [data_set.name for data_set in DATA_SETS if data_set.subject == "place"]
ROWS = {
    "ctn0094": [6_174, 3_560, 587_764],
    "toronto": [158, 32_000],
    "montgomery_cells": [99_492],
    "montgomery_townships": [68, 99_492],
}
Answer = dict[str, Any]


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Answer]:
    """What each step answered on a data set. Every data set is walked once, whichever worker asks first."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if base.name.startswith("popen-") else base) / "shared-real-data"
    shared.mkdir(exist_ok=True)
    return lambda name: _walked(shared, name)


def _walked(shared: Path, name: str) -> Answer:
    kept = shared / f"{name}.json"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_text(json.dumps(_answers_or_failure(shared, name)))
            if KEEP_IN in os.environ:
                shutil.copy(kept, os.environ[KEEP_IN])
    answers: Answer = json.loads(kept.read_text())
    assert "failed" not in answers, answers["failed"]
    return answers


def _answers_or_failure(shared: Path, name: str) -> Answer:
    data_set = next(one for one in DATA_SETS if one.name == name)
    try:
        return walk(data_set, real_data.folder(), shared / "sites")
    except AssertionError as failure:  # a step failed: every test of the data set says so, none walks again
        return {"failed": str(failure)}


# The slow calculations themselves


def test_the_published_baselines_of_toronto_are_reproduced() -> None:
    """Last 28 % of the shifts as test, 24 hours ahead: the numbers that the data's own description gives."""
    seen = reference.toronto(real_data.folder())
    found = reference.place_baselines(seen, range(seen.days * 3 - 1_150, seen.days * 3), prior_events=10.0)
    assert {name: round(value, 4) for name, value in found.items()} == {
        "all_history_mean": 0.3070,
        "trailing_365_days": 0.3064,
        "mean_times_shift_factor": 0.2998,
        "shrunken_365_days_times_shift_factor": 0.2992,
    }


def test_one_end_of_observation_for_everybody_would_leak() -> None:
    """Days since any record then tell who was still followed: the suspicion that a high AUROC must raise."""
    leaking = reference.ctn0094(real_data.folder(), reference.OTHER_DEFINITIONS[-1], every_person=5)
    built = reference.ctn0094(real_data.folder(), reference.AS_BUILT, every_person=5)
    assert leaking.any_record_auroc > 0.93
    assert built.any_record_auroc < 0.60
    assert 0.68 < built.use_auroc < 0.75


# Check and load


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_read_and_none_is_refused(name: str, walked: Callable[[str], Answer]) -> None:
    answers = walked(name)
    assert [check["rows_read"] for check in answers["check"]] == ROWS[name]
    assert [load["rows_read"] for load in answers["load"]] == ROWS[name]
    assert [load["rows_quarantined"] for load in answers["load"]] == [0] * len(ROWS[name])


@pytest.mark.parametrize("name", NAMES)
def test_the_same_files_again_change_nothing(name: str, walked: Callable[[str], Answer]) -> None:
    assert [load["already_loaded"] for load in walked(name)["again"]] == [True] * len(ROWS[name])


def test_repeated_and_capped_rows_are_counted(walked: Callable[[str], Answer]) -> None:
    toronto, montgomery = walked("toronto")["load"][-1], walked("montgomery_cells")["load"][-1]
    assert (toronto["rows_duplicate"], toronto["rows_left_out"]) == (36, 7)
    assert (montgomery["rows_duplicate"], montgomery["rows_left_out"]) == (1_005, 247)


# Cohort, labels and baselines against the slow calculations


def test_the_rows_of_ctn0094_are_those_of_the_slow_calculation(walked: Callable[[str], Answer]) -> None:
    slow, trained = reference.ctn0094(real_data.folder()), walked("ctn0094")["train"]
    assert trained["rows"] == len(slow.person)
    assert trained["prevalence"] == pytest.approx(slow.happened.mean(), abs=1e-9)
    assert trained["attrition"][-1]["people_left"] == len(set(slow.person.tolist()))


def test_the_people_scored_are_those_of_the_slow_calculation(walked: Callable[[str], Answer]) -> None:
    """The live path stands where the training rows stood: day 84 after consent."""
    states = walked("ctn0094")["answer"]["states"]
    assert {name: states[name] for name in ("scored", "in_crisis_episode")} == reference.ctn0094_states(
        real_data.folder(), as_of=84
    )


def test_days_since_use_rank_the_judged_people_as_all_people(walked: Callable[[str], Answer]) -> None:
    baseline = walked("ctn0094")["train"]["baselines"]["days_since_last_crisis"]
    assert baseline["auroc"] == pytest.approx(reference.ctn0094(real_data.folder()).use_auroc, abs=0.03)


@pytest.mark.parametrize(
    ("name", "first_shift"), [("toronto", 986 * 3), ("montgomery_townships", (257 - 112) * 3)]
)  # fmt: skip
def test_the_baselines_of_places_are_those_of_the_slow_calculation(
    name: str, first_shift: int, walked: Callable[[str], Answer]
) -> None:
    """The same test block: all but the last shift of the data, which no record shows to be complete."""
    if name == "toronto":
        seen = reference.toronto(real_data.folder(), repeated_rows=False)
    else:
        seen = reference.montgomery_townships(real_data.folder())
    slow = reference.place_baselines(seen, range(first_shift, seen.days * 3 - 1), prior_events=5.0)
    report = walked(name)["evaluate"]["report"]
    assert report["shifts"] == seen.days * 3 - 1 - first_shift
    for baseline in ("all_history_mean", "trailing_365_days"):
        assert report["baselines"][baseline]["deviance"] == pytest.approx(slow[baseline], abs=4e-4)


# The models


@pytest.mark.parametrize("name", NAMES)
def test_the_model_is_at_least_equal_to_its_best_baseline(name: str, walked: Callable[[str], Answer]) -> None:
    """Within noise: the paired bootstrap interval of the gain (people, or weeks, drawn whole) is not below nothing."""
    gain = page.gain_over_best(walked(name)["evaluate"]["report"])
    assert gain.upper >= 0.0
    assert gain.value > -0.001


def test_people_and_neighbourhoods_gain_beyond_noise(walked: Callable[[str], Answer]) -> None:
    people = walked("ctn0094")["evaluate"]["report"]
    assert page.gain_over_best(people).lower > 0.0
    assert page.gain_over_best(people, "auroc").lower > 0.0
    assert page.gain_over_best(walked("toronto")["evaluate"]["report"]).lower > -1e-4


def test_toronto_is_not_worse_than_any_baseline_and_better_than_the_map_of_the_year(
    walked: Callable[[str], Answer],
) -> None:
    for report in (walked("toronto")["evaluate"]["report"], walked("toronto")["backtest"]):
        assert page.saved_on_cells(report, page.best_baseline(report)) > -0.002
        assert all(gain["upper"] >= 0.0 for gain in report["gains"].values())
        assert page.saved_on_cells(report, "trailing_365_days") >= 0.025


def test_totals_of_toronto_are_better_than_eight_weeks_of_the_same_shift(walked: Callable[[str], Answer]) -> None:
    for report in (walked("toronto")["evaluate"]["report"], walked("toronto")["backtest"]):
        assert page.saved_on_totals(report) >= 0.08
        assert report["by_level"]["area"]["model"]["deviance"] > report["intervals"]["area_floor"]["mean"] - 0.15


def test_intervals_of_toronto_hold_in_every_stratum(walked: Callable[[str], Answer]) -> None:
    """Within four points of the exact chance wherever there are 500 cells and shifts."""
    for report in (walked("toronto")["evaluate"]["report"], walked("toronto")["backtest"]):
        assert len(report["intervals"]["cells"]) >= 10
        assert report["intervals"]["worst"]["cells"] <= 0.04


def test_nothing_is_too_good_to_be_true(walked: Callable[[str], Answer]) -> None:
    assert walked("ctn0094")["train"]["metrics"]["auroc"] < 0.93
    for name in PLACES:
        report = walked(name)["evaluate"]["report"]
        assert report["model"]["deviance"] > report["floor"]["mean"] - 4 * report["floor"]["spread"]


def test_probabilities_and_expected_counts_are_calibrated(walked: Callable[[str], Answer]) -> None:
    assert 0.8 < walked("ctn0094")["train"]["metrics"]["calibration_slope"] < 1.2
    for name in PLACES:
        assert 0.9 < walked(name)["train"]["metrics"]["calibration_ratio"] < 1.1


@pytest.mark.parametrize(("name", "origins"), [("toronto", 52), ("montgomery_cells", 16), ("montgomery_townships", 16)])
def test_rolling_origins_say_the_same(name: str, origins: int, walked: Callable[[str], Answer]) -> None:
    report = walked(name)["backtest"]
    assert report["origins"] == origins
    assert page.gain_over_best(report).upper >= 0.0


@pytest.mark.parametrize("name", NAMES)
def test_the_attrition_table_ends_at_the_rows_that_trained(name: str, walked: Callable[[str], Answer]) -> None:
    attrition = walked(name)["train"]["attrition"]
    assert len(attrition) >= 3
    kept = "rows_left" if name == "ctn0094" else "events_left"
    assert [row[kept] for row in attrition] == sorted((row[kept] for row in attrition), reverse=True)


# Promoted, scored, served, asked


@pytest.mark.parametrize("name", PLACES)
def test_a_crisis_team_gets_the_places_of_the_next_shift(name: str, walked: Callable[[str], Answer]) -> None:
    asked = walked(name)["asked"]
    assert {step: reply["status"] for step, reply in asked.items()} == {
        "ready": 200, "no_key": 401, "shifts": 200, "hotspots": 200, "geojson": 200, "data_status": 200, "person": 403,
    }  # fmt: skip
    places = asked["hotspots"]["body"]["places"]
    assert [place["rank"] for place in places] == list(range(1, len(places) + 1))
    assert [place["expected"] for place in places] == sorted((place["expected"] for place in places), reverse=True)
    assert asked["geojson"]["body"]["type"] == "FeatureCollection"
    assert asked["hotspots"]["body"]["model"]["run_id"] == walked(name)["served"]["run_id"]


def test_a_care_team_gets_its_own_people_and_nobody_else(walked: Callable[[str], Answer]) -> None:
    asked = walked("ctn0094")["asked"]
    assert {step: reply["status"] for step, reply in asked.items()} == {
        "caseload": 200, "risk": 200, "no_key": 401, "other_team": 404, "nobody": 404, "crisis_team": 403,
    }  # fmt: skip
    people = asked["caseload"]["body"]["people"]
    assert [one["probability"] for one in people] == sorted((one["probability"] for one in people), reverse=True)
    assert asked["risk"]["body"]["reasons"]
    assert asked["risk"]["body"]["horizon_days"] == 28
    assert asked["risk"]["body"]["model"]["run_id"] == walked("ctn0094")["train"]["run_id"]


def test_somebody_of_another_team_looks_like_nobody(walked: Callable[[str], Answer]) -> None:
    asked = walked("ctn0094")["asked"]
    assert asked["other_team"]["body"] == asked["nobody"]["body"]


def test_no_person_is_in_the_log_of_the_service(walked: Callable[[str], Answer]) -> None:
    assert "/api/v1/people" in walked("ctn0094")["log"]
    assert "k1_" not in walked("ctn0094")["log"]


# The future


def test_no_future_reaches_a_feature_of_ctn0094(walked: Callable[[str], Answer]) -> None:
    audit = walked("ctn0094")["audit"]
    assert audit["passed"] is True
    assert audit["leaks"] == []
    assert audit["controls"]
    assert audit["suspicious_columns"] == audit["suspicious_values"] == []


# The page


def test_the_page_is_about_these_files_and_tests(request: pytest.FixtureRequest) -> None:
    """`make real-data` writes it after the tests above have passed."""
    text = page.PAGE.read_text(encoding="utf-8")
    module = request.node.getparent(pytest.Module)
    assert module is not None
    assert f"**{len(list(module.collect())) - 1} tests** ran" in text
    for name, digest in real_data.digests().items():
        assert f"`{name}`" in text
        assert f"`{digest}`" in text
