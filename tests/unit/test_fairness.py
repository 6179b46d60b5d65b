"""Results by subgroup, held against fairlearn, scikit-learn and the slow bootstrap."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from crepes.extras import binning
from fairlearn.metrics import MetricFrame, count, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import precision_score, roc_auc_score

from crisisrisk.evaluation import metrics
from crisisrisk.evaluation.bootstrap import clustered_interval
from crisisrisk.evaluation.fairness import METRICS, TOO_FEW, subgroup_report
from crisisrisk.evaluation.judged import JudgedPredictions, Judging
from crisisrisk.evaluation.person_report import person_report
from crisisrisk.evaluation.slices import Lists

WEEKS = 6


def _predictions(
    seed: int = 1, *, people: int = 400, groups: dict[str, Any] | None = None, **judging: Any
) -> JudgedPredictions:
    random = np.random.default_rng(seed)
    risk = np.repeat(random.beta(1, 6, people), WEEKS)
    sex = np.repeat(random.choice(["female", "male"], people), WEEKS)
    return JudgedPredictions(
        as_of=np.tile(np.arange(WEEKS), people),
        person=np.repeat(np.arange(people), WEEKS),
        team=np.repeat(random.choice(np.array(["north", "south"], dtype=object), people), WEEKS),
        risk=risk,
        happened=random.random(len(risk)) < risk,
        days_to_onset=np.full(len(risk), np.nan),
        groups=groups or {"sex": sex.astype(object)},
        judging=Judging(**{"list_length": 15, "resamples": 30, "seed": 2, **judging}),
    )


def _listed(predictions: JudgedPredictions) -> np.ndarray:
    lists = Lists(predictions.risk, predictions.rows, predictions.judging.list_length)
    return lists.listed(np.ones(len(predictions), dtype=np.int64)) > 0


def test_rates_of_groups_are_those_of_fairlearn() -> None:
    predictions = _predictions()
    frame = MetricFrame(
        metrics={"count": count, "selection_rate": selection_rate, "recall_at_k": true_positive_rate,
                 "false_alarm_rate": false_positive_rate, "precision_at_k": precision_score},
        y_true=predictions.happened, y_pred=_listed(predictions), sensitive_features=predictions.groups["sex"],
    )  # fmt: skip
    (report,) = subgroup_report(predictions)
    assert [one["value"] for one in report["values"]] == ["female", "male"]
    for one in report["values"]:
        theirs = frame.by_group.loc[one["value"]]
        assert one["rows"] == theirs["count"]
        for name in ("selection_rate", "recall_at_k", "false_alarm_rate", "precision_at_k"):
            assert one[name]["value"] == pytest.approx(theirs[name]), name


def test_ranking_and_calibration_of_groups_are_those_of_their_rows() -> None:
    predictions = _predictions()
    for one in subgroup_report(predictions)[0]["values"]:
        rows = predictions.groups["sex"] == one["value"]
        risk, happened = predictions.risk[rows], predictions.happened[rows]
        assert one["auroc"]["value"] == pytest.approx(roc_auc_score(happened, risk))
        slope = metrics.calibration_slope_intercept(risk, happened).slope
        assert one["calibration_slope"]["value"] == pytest.approx(slope)
        assert one["calibration_in_the_large"]["value"] == metrics.calibration_in_the_large(risk, happened)
        assert one["prevalence"]["value"] == pytest.approx(happened.mean())


def test_intervals_of_groups_are_those_of_the_slow_bootstrap() -> None:
    predictions = _predictions()
    female, listed = predictions.groups["sex"] == "female", _listed(predictions)
    shown = subgroup_report(predictions)[0]["values"][0]

    def recall(rows: np.ndarray) -> float:
        inside = rows[female[rows] & predictions.happened[rows]]
        return float(listed[inside].mean())

    def area(rows: np.ndarray) -> float:
        inside = rows[female[rows]]
        return metrics.auroc(predictions.risk[inside], predictions.happened[inside])

    def scaled(rows: np.ndarray) -> float:
        inside = rows[female[rows]]
        return metrics.scaled_brier(predictions.risk[inside], predictions.happened[inside])

    def ratio(rows: np.ndarray) -> float:
        inside = rows[female[rows]]
        return metrics.auprc_over_prevalence(predictions.risk[inside], predictions.happened[inside])

    slow_ones = {"recall_at_k": recall, "auroc": area, "scaled_brier": scaled, "auprc_over_prevalence": ratio}
    for name, metric in slow_ones.items():
        slow = clustered_interval(metric, predictions.person, seed=2, resamples=30)
        assert (shown[name]["lower"], shown[name]["upper"]) == pytest.approx((slow.lower, slow.upper)), name


def test_every_metric_has_its_interval() -> None:
    for one in subgroup_report(_predictions())[0]["values"]:
        for name in METRICS:
            assert one[name]["lower"] <= one[name]["value"] <= one[name]["upper"], name


def test_a_group_gets_every_figure_that_the_whole_report_gives() -> None:
    predictions = _predictions()
    female = predictions.groups["sex"] == "female"
    shown = subgroup_report(predictions)[0]["values"][0]
    alone = predictions.where(female)
    # All rows of the group as one slice: the report of nobody else.
    whole = person_report(
        alone.risk, replace(alone.rows, as_of=np.zeros(len(alone), dtype=np.int64)), baselines={}, seed=1, resamples=2
    )
    for name in ("auroc", "auprc", "auprc_over_prevalence", "sensitivity_at_85_specificity", "brier", "scaled_brier",
                 "calibration_in_the_large", "calibration_slope", "calibration_intercept", "ici"):  # fmt: skip
        assert shown[name]["value"] == pytest.approx(whole.model[name]), name
    assert [one["threshold"] for one in shown["net_benefit"]] == [one["threshold"] for one in whole.net_benefit]
    for one, wanted in zip(shown["net_benefit"], whole.net_benefit, strict=True):
        assert (one["value"], one["everyone"]) == pytest.approx((wanted["model"], wanted["everyone"]))
        assert one["lower"] <= one["value"] <= one["upper"]


def test_small_groups_get_words_not_numbers() -> None:
    predictions = _predictions()
    ages = np.where(predictions.person < 40, "18 to 24", "65 and over").astype(object)
    small, large = subgroup_report(_predictions(groups={"age_band": ages}))[0]["values"]
    assert small["people"] == 40
    assert small["says"] == TOO_FEW
    assert not set(METRICS) & set(small)
    assert large["auroc"]["value"] > 0.5


def test_a_group_without_outcomes_gets_words() -> None:
    predictions = _predictions()
    rare = np.where(np.cumsum(predictions.happened) <= 5, "few outcomes", "the rest").astype(object)
    first = next(one for one in subgroup_report(_predictions(groups={"g": rare}))[0]["values"]
                 if one["value"] == "few outcomes")  # fmt: skip
    assert first["says"] == TOO_FEW


def test_a_group_that_is_never_listed_has_no_precision_and_an_honest_recall() -> None:
    predictions = _predictions()
    unseen = np.where(predictions.risk < 0.06, "seldom", "often").astype(object)
    report = subgroup_report(_predictions(people=400, groups={"record_density": unseen}))
    seldom = next(one for one in report[0]["values"] if one["value"] == "seldom")
    assert seldom["listed"] == 0
    assert seldom["precision_at_k"] is None
    # None of its people was ever listed: the interval says how little that proves.
    assert seldom["recall_at_k"]["value"] == 0.0
    assert 0.0 < seldom["recall_at_k"]["upper"] < 1.0


def test_a_column_of_forty_values_is_put_together() -> None:
    predictions = _predictions()
    many = np.array([f"value {number % 40:02d}" for number in predictions.person], dtype=object)
    (report,) = subgroup_report(_predictions(groups={"ethnicity": many}, most_groups=12))
    assert len(report["values"]) == 12
    assert report["merged"] == 29
    others = next(one for one in report["values"] if one["value"] == "all others")
    assert others["people"] >= 200
    assert sum(one["rows"] for one in report["values"]) == len(predictions)


def test_bins_are_those_of_crepes_where_no_risks_are_tied() -> None:
    risk = np.random.default_rng(3).permutation(np.linspace(0.01, 0.9, 1000))
    theirs = binning(risk, bins=10)[0]
    ours = metrics.calibration_bins(risk, risk > 0.5, bins=10)
    assert ours.people.tolist() == np.bincount(theirs).tolist()
    assert ours.said == pytest.approx([risk[theirs == number].mean() for number in range(10)])
