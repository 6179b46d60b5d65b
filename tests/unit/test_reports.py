"""Intervals and the two reports."""

import json

import numpy as np
import pytest

from crisisrisk.errors import ModelError
from crisisrisk.evaluation.bootstrap import clustered_interval, paired_difference, person_difference, person_interval
from crisisrisk.evaluation.metrics import auroc, precision_at_k
from crisisrisk.evaluation.person_report import person_report
from crisisrisk.evaluation.place_metrics import poisson_deviance
from crisisrisk.evaluation.place_report import JudgedShifts, place_report
from crisisrisk.evaluation.slices import JudgedRows
from crisisrisk.models.scattered_forecast import ScatteredForecast


def _judged(seed: int, *, people: int = 150, weeks: int = 6) -> tuple[np.ndarray, JudgedRows]:
    random = np.random.default_rng(seed)
    risk = np.repeat(random.beta(1, 6, people), weeks)
    return risk, JudgedRows(
        happened=random.random(people * weeks) < risk,
        as_of=np.tile(np.arange(weeks), people),
        person=np.repeat(np.arange(people), weeks),
        team=np.repeat(np.where(np.arange(people) % 2, "north", "south"), weeks),
    )


def test_an_interval_draws_whole_clusters() -> None:
    # Ten people, each with a hundred identical rows: rows drawn one by one would look a hundred times surer.
    random = np.random.default_rng(1)
    values = np.repeat(random.normal(size=10), 100)
    clusters = np.repeat(np.arange(10), 100)
    whole = clustered_interval(lambda rows: float(values[rows].mean()), clusters, seed=1, resamples=400)
    single = clustered_interval(lambda rows: float(values[rows].mean()), np.arange(1000), seed=1, resamples=400)
    expected = 2 * 1.96 * values.std() / np.sqrt(10)
    assert whole.upper - whole.lower == pytest.approx(expected, rel=0.2)
    assert single.upper - single.lower < 0.2 * expected
    assert whole.value == pytest.approx(values.mean())


def test_intervals_are_repeatable_and_need_values() -> None:
    risk, judged = _judged(2)
    first, second, other = (
        person_interval(auroc, risk, judged.happened, judged.person, seed=seed, resamples=30) for seed in (1, 1, 2)
    )
    assert first == second != other
    nothing = person_interval(auroc, risk, np.zeros(len(risk)), judged.person, seed=1, resamples=5)
    assert np.isnan([nothing.value, nothing.lower, nothing.upper]).all()
    assert nothing.resamples == 0
    with pytest.raises(ModelError, match="CR-EVAL-001"):
        clustered_interval(lambda rows: 0.0, [1, 2], seed=1, resamples=0)


def test_pairing_cancels_what_both_find_hard() -> None:
    risk, judged = _judged(3)
    same = person_difference(auroc, risk, risk * 2, judged.happened, judged.person, seed=1, resamples=40)
    assert (same.value, same.lower, same.upper) == (0.0, 0.0, 0.0)
    random = np.random.default_rng(4).random(len(risk))
    better = person_difference(auroc, risk, random, judged.happened, judged.person, seed=1, resamples=60)
    assert better.lower > 0
    apart = paired_difference(lambda rows: float(len(rows)), lambda rows: 0.0, judged.person, seed=1, resamples=9)
    assert apart.value == len(risk)


def test_a_person_report_averages_weekly_lists() -> None:
    risk, judged = _judged(5)
    baselines = {"chance": np.random.default_rng(1).random(len(risk)), "five_factor_regression": risk / 2}
    report = person_report(risk, judged, baselines=baselines, list_length=10, seed=1, resamples=20)
    by_week = [
        precision_at_k(risk[week], judged.happened[week], k=10, lists=judged.team[week])
        for week in (judged.as_of == number for number in range(6))
    ]
    assert report.model["precision_at_k"] == pytest.approx(np.mean(by_week))
    assert report.spread["model"]["precision_at_k"] == pytest.approx(np.std(by_week, ddof=1))
    interval = report.intervals["precision_at_k"]
    assert interval.value == pytest.approx(np.mean(by_week))
    assert interval.lower < interval.value < interval.upper
    assert report.model["auroc"] > 0.6 > report.baselines["chance"]["auroc"]
    assert report.gains["chance"]["auprc"].lower > 0
    # Ranks are the same at half the risk, probabilities are not.
    assert report.baselines["five_factor_regression"]["auroc"] == report.model["auroc"]
    assert report.baselines["five_factor_regression"]["calibration_in_the_large"] > 0.5
    assert "brier" not in report.baselines["chance"]


def test_the_json_of_a_person_report() -> None:
    risk, judged = _judged(6, people=40, weeks=2)
    nobody = judged.where(np.arange(len(risk)) < 30)
    quiet = JudgedRows(happened=np.zeros(30, dtype=bool), as_of=nobody.as_of, person=nobody.person)
    values = person_report(risk[:30], quiet, baselines={}, seed=1, resamples=3).as_json()
    text = json.dumps(values, allow_nan=False)
    assert json.loads(text)["model"]["auroc"] is None
    assert values["slices"] == 2
    assert set(values["model"]) == {
        "auroc", "auprc", "auprc_over_prevalence", "sensitivity_at_85_specificity", "precision_at_k", "recall_at_k",
        "brier", "scaled_brier", "calibration_slope", "calibration_intercept", "calibration_in_the_large",
        "ici", "e50", "e90",
    }  # fmt: skip
    assert set(values["net_benefit"][0]) == {"threshold", "model", "lower", "upper", "everyone", "nobody"}
    assert values["calibration"]["happened"][0] is None
    assert [week["outcomes"] for week in values["weekly"]] == [0, 0]


poisson = ScatteredForecast.poisson


def test_a_place_report() -> None:
    random = np.random.default_rng(8)
    truth = random.gamma(0.5, 0.5, 40) * np.ones((60, 1))
    counts = random.poisson(truth)
    report = place_report(
        poisson(truth), counts,
        baselines={"flat": poisson(np.full_like(truth, truth.mean())), "half": poisson(truth / 2)},
        shifts=JudgedShifts(
            week=np.arange(60) // 6, kind=np.arange(60) % 2, kinds=("day", "night"),
            deprivation_decile=np.arange(40) % 10 + 1,
        ),
        origins=4, seed=1, resamples=50,
    )  # fmt: skip
    values = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert [values[name] for name in ("origins", "cells", "shifts", "events")] == [4, 40, 60, int(counts.sum())]
    assert set(values["model"]) == {
        "deviance", "log_score", "rps", "dawid_sebastiani", "calibration_ratio", "capture", "hit_rate", "pai", "pei",
        "teams", "coverage", "coverage_exact",
    }  # fmt: skip
    assert set(values["model"]["hit_rate"]) == {"0.5", "1", "2", "5", "10"}
    assert values["baselines"]["half"]["calibration_ratio"] == pytest.approx(2 * values["model"]["calibration_ratio"])
    assert values["model"]["deviance"] == pytest.approx(report.floor.mean, abs=4 * report.floor.spread)
    assert report.gains["flat"].lower > 0
    assert report.best_baseline == min(("flat", "half"), key=lambda name: values["baselines"][name]["deviance"])
    assert report.skill > 0
    area = values["by_level"]["area"]
    assert area["baselines"]["half"]["deviance"] > area["model"]["deviance"]
    assert [one["group"] for one in values["calibration"]["kind_of_shift"]] == ["day", "night"]
    assert len(values["calibration"]["deprivation"]) == 5
    for groups in values["calibration"].values():
        assert sum(one["events"] for one in groups) == counts.sum()
        assert sum(one["rows"] for one in groups) == counts.size
    assert set(values["churn"].values()) == {0.0}  # the same map in every shift
    assert report.earns
    said = f"the model is better than the best simple rule, {report.best_baseline}: deviance"
    assert values["verdict"].startswith(said)


def test_intervals_of_weeks_are_those_of_drawing_their_rows() -> None:
    random = np.random.default_rng(9)
    truth = random.gamma(0.5, 0.5, (30, 12)) + 0.01
    counts, other, week = random.poisson(truth), truth * random.gamma(5, 0.2, (30, 12)), np.arange(30) // 4
    report = place_report(
        poisson(truth),
        counts,
        baselines={"other": poisson(other)},
        shifts=JudgedShifts(week=week),
        seed=3,
        resamples=40,
    )
    slow = paired_difference(
        lambda rows: poisson_deviance(other[rows], counts[rows]),
        lambda rows: poisson_deviance(truth[rows], counts[rows]),
        week, seed=3, resamples=40,
    )  # fmt: skip
    assert report.gains["other"].lower == pytest.approx(slow.lower)
    assert report.gains["other"].upper == pytest.approx(slow.upper)
    assert report.gains["other"].value == pytest.approx(slow.value)


def test_a_model_that_earns_nothing_is_told_so_with_what_to_serve() -> None:
    random = np.random.default_rng(10)
    truth = random.gamma(0.5, 0.5, 40) * np.ones((60, 1))
    report = place_report(
        poisson(truth * random.gamma(20, 0.05, truth.shape)), random.poisson(truth),
        baselines={"trailing_365_days": poisson(truth)},
        shifts=JudgedShifts(week=np.arange(60) // 6), seed=1, resamples=50,
    )  # fmt: skip
    assert not report.earns
    assert "earns nothing over the simple rule trailing_365_days" in report.verdict
    assert report.verdict.endswith("crisisrisk train place --baseline trailing_365_days")
