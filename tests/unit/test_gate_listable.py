"""The gate and the report among those whom a list can hold, and figures that are too good to be true."""

import re
from dataclasses import replace

import numpy as np
import pytest
from tests.lib.judged_runs import SITE, predictions, run_facts

from crisisrisk.evaluation.card.content import card_content
from crisisrisk.evaluation.gate import against_baselines, fresh, suspicious
from crisisrisk.evaluation.judged import JudgedPredictions
from crisisrisk.evaluation.judged_report import judged_report
from crisisrisk.timeline import instant
from crisisrisk.training.recipe import Gate
from crisisrisk.training.results import TrainedRun

LIMITS = replace(Gate().limits, resamples=60)
PEOPLE, WEEKS = 1200, 8


def _rows(model: str) -> JudgedPredictions:
    """Half on a caseload, where crises are twelve times as common and the ill have more of them."""
    random = np.random.default_rng(7)
    cared_for = random.random(PEOPLE) < 0.5
    ill = random.random(PEOPLE) < 0.2
    chance = np.where(cared_for, np.where(ill, 0.3, 0.08), 0.01)
    person = np.repeat(np.arange(PEOPLE), WEEKS)
    guess = random.random(len(person)) + 0.02 * ill[person]
    risk = {"caseload": np.where(cared_for, 0.1, 0.02), "illness": chance}[model][person]
    return replace(
        predictions(people=PEOPLE, weeks=WEEKS), person=person, risk=risk,
        team=np.where(cared_for, "north", "").astype(object)[person],
        happened=random.random(len(person)) < chance[person], baselines={"count": guess}, groups={},
    )  # fmt: skip


def test_who_only_knows_the_caseloads_beats_the_rules_and_is_refused() -> None:
    everyone, listable = against_baselines(_rows("caseload"), LIMITS)
    assert everyone.passed, everyone
    assert not listable.passed, listable
    assert listable.where.startswith("on a caseload (")
    assert all(check.passed for check in against_baselines(_rows("illness"), LIMITS))


def test_where_everybody_or_nobody_has_a_team_there_is_one_check() -> None:
    rows = _rows("illness")
    for team in (None, np.full(len(rows), "", dtype=object), np.full(len(rows), "north", dtype=object)):
        assert len(against_baselines(replace(rows, team=team), LIMITS)) == 1


def test_the_report_shows_both() -> None:
    rows = _rows("caseload")
    report = judged_report(rows)
    inside = rows.team != ""
    assert report["listable"]["rows"] == int(inside.sum()) < report["rows"]
    assert report["listable"]["model"] == judged_report(rows.where(inside))["model"]
    assert report["model"]["auroc"] > 0.6 > 0.52 > report["listable"]["model"]["auroc"]
    text = _run(report).as_text()
    assert f"{int(inside.sum()):,} rows of" in text
    assert _run(report).as_json()["listable"]["rows"] == int(inside.sum())
    assert judged_report(replace(rows, team=None))["listable"] is None


def test_the_trust_sheet_tells_how_it_ranks_on_caseloads() -> None:
    rows = predictions(people=900)
    summary = " ".join(card_content(run_facts(rows), SITE)["summary"])
    said = re.search(r"its AUPRC \(the mean share of crisis contacts [^)]+\) is ([\d.]+); of the simple rules", summary)
    assert said is not None, summary
    assert said[1] == f"{judged_report(rows)['listable']['model']['auprc']:.3f}"


def _run(report: dict[str, object]) -> TrainedRun:
    return TrainedRun(
        run_id="0" * 32, model="m", subject="person", recipe_fingerprint="f", rows=1, features=1, trees=1,
        prevalence=0.1, metrics=report["model"], baselines=report["baselines"], report=report, attrition=(),
        attrition_text="", judged_on="", seconds=0.0, peak_memory_mb=0.0,
    )  # fmt: skip


def test_what_is_too_good_to_be_true_is_told_everywhere() -> None:
    rows = predictions(people=900)
    rows = replace(rows, risk=np.where(rows.happened, 0.9, 0.05))
    check = suspicious(rows)
    assert not check.passed
    assert check.found.startswith("AUROC 1.000, above 0.93")
    run = _run(judged_report(rows))
    assert run.as_json()["suspicions"] == [check.found]
    assert check.found in run.as_text()
    assert f"Too good to be true: {check.found}." in card_content(run_facts(rows), SITE)["summary"]


def test_an_ordinary_model_raises_no_doubt() -> None:
    rows = _rows("illness")
    assert suspicious(rows).passed
    report = judged_report(rows)
    assert report["suspicions"] == []
    assert "leakage" not in _run(report).as_text()


@pytest.mark.parametrize(("oldest", "passes"), [(60, True), (61, False)])
def test_the_oldest_end_of_the_data_counts(oldest: int, passes: bool) -> None:
    day = 86_400_000_000
    now = 1_000 * day
    ends = {"trained": instant(now), "complete records of crisis_line": instant(now - oldest * day)}
    check = fresh(ends, instant(now), most_days=60)
    assert (check.passed, check.found) == (passes, f"the training data end {oldest} days before the site's clock")
    assert check.where.startswith("complete records of crisis_line: ")
