"""Metrics of rows that count several times equal those of rows that come several times."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crisisrisk.evaluation import metrics
from crisisrisk.evaluation.bootstrap import Draws, clustered_interval, percentile_interval
from crisisrisk.evaluation.calibration_curve import calibration_curve, calibration_errors
from crisisrisk.evaluation.calibration_draws import BinnedCalibration
from crisisrisk.evaluation.person_report import person_report
from crisisrisk.evaluation.slices import JudgedRows, SliceMetrics, slices_of

OF_METRICS = {
    "auroc": metrics.auroc,
    "auprc": metrics.auprc,
    "auprc_over_prevalence": metrics.auprc_over_prevalence,
    "sensitivity_at_85_specificity": metrics.sensitivity_at_specificity,
    "brier": metrics.brier,
    "scaled_brier": metrics.scaled_brier,
}


def _judged(
    seed: int, *, people: int, weeks: int, coarse: bool = True, teams: tuple[str, ...] = ("", "north", "south")
) -> tuple[np.ndarray, JudgedRows]:
    random = np.random.default_rng(seed)
    risk = random.beta(1, 6, people * weeks)
    happened = random.random(people * weeks) < risk
    return np.round(risk, 1) if coarse else risk, JudgedRows(
        happened=happened,
        as_of=np.tile(np.arange(weeks), people),
        person=np.repeat(np.arange(people), weeks),
        team=np.repeat(random.choice(np.array(teams, dtype=object), people), weeks),
    )


def _slow(risk: np.ndarray, judged: JudgedRows, k: int) -> dict[str, list[float]]:
    """Every metric of every slice by its definition in `metrics.py`."""
    lists, found = judged.lists(), {}
    for rows in slices_of(judged.as_of):
        for name, metric in OF_METRICS.items():
            found.setdefault(name, []).append(metric(risk[rows], judged.happened[rows]))
        for name, metric in {"precision_at_k": metrics.precision_at_k, "recall_at_k": metrics.recall_at_k}.items():
            found.setdefault(name, []).append(metric(risk[rows], judged.happened[rows], k=k, lists=lists[rows]))
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), people=st.integers(1, 30), weeks=st.integers(1, 4), k=st.integers(1, 6))
def test_each_slice_is_what_the_definitions_say(seed: int, people: int, weeks: int, k: int) -> None:
    risk, judged = _judged(seed, people=people, weeks=weeks)
    found = SliceMetrics(risk, judged, list_length=k, probability=True).per_slice()
    for name, values in _slow(risk, judged, k).items():
        np.testing.assert_allclose(found[name], values, err_msg=name, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), people=st.integers(2, 25), k=st.integers(1, 6))
def test_a_row_of_weight_two_is_two_rows(seed: int, people: int, k: int) -> None:
    risk, judged = _judged(seed, people=people, weeks=2, teams=("north", "south"))
    times = np.random.default_rng(seed).integers(0, 4, len(risk))
    times[:2] = 1  # both slices keep a row
    weighted = SliceMetrics(risk, judged, list_length=k, probability=True).per_slice(times)
    rows = np.repeat(np.arange(len(risk)), times)
    repeated = SliceMetrics(risk[rows], judged.where(rows), list_length=k, probability=True).per_slice()
    for name, values in repeated.items():
        np.testing.assert_allclose(weighted[name], values, err_msg=name, atol=1e-12)


def test_draws_are_those_of_the_slow_bootstrap() -> None:
    risk, judged = _judged(1, people=60, weeks=3)
    draws = Draws(judged.person, seed=5, resamples=25)
    values = np.array([
        metrics.auroc(np.repeat(risk, weights), np.repeat(judged.happened, weights)) for weights in draws.weights()
    ])  # fmt: skip
    slow = clustered_interval(
        lambda rows: metrics.auroc(risk[rows], judged.happened[rows]), judged.person, seed=5, resamples=25
    )
    assert percentile_interval(slow.value, values) == slow
    np.testing.assert_allclose(draws.sums(risk), [np.sum(risk * weights) for weights in draws.weights()])
    assert draws.sums(np.stack([risk, risk], axis=1)).shape == (25, 2)


def test_a_report_has_the_intervals_of_the_slow_bootstrap() -> None:
    risk, judged = _judged(2, people=80, weeks=3, coarse=False)
    report = person_report(risk, judged, baselines={"half": risk / 2}, list_length=4, seed=3, resamples=20)

    def mean_over_slices(rows: np.ndarray) -> float:
        return float(np.nanmean(_slow(risk[rows], judged.where(rows), 4)["precision_at_k"]))

    slow = clustered_interval(mean_over_slices, judged.person, seed=3, resamples=20)
    assert report.intervals["precision_at_k"].value == pytest.approx(slow.value)
    assert report.intervals["precision_at_k"].lower == pytest.approx(slow.lower)
    assert report.intervals["precision_at_k"].upper == pytest.approx(slow.upper)
    at_5 = next(one for one in report.net_benefit if one["threshold"] == 0.05)
    worth = clustered_interval(
        lambda rows: metrics.net_benefit(risk[rows], judged.happened[rows], threshold=0.05),
        judged.person, seed=3, resamples=20,
    )  # fmt: skip
    assert (at_5["lower"], at_5["upper"]) == pytest.approx((worth.lower, worth.upper))
    assert set(report.intervals) == set(report.model)


def test_bins_move_calibration_by_less_than_a_line_is_wide() -> None:
    random = np.random.default_rng(4)
    risk = random.beta(1, 12, 20_000)
    happened = random.random(len(risk)) < risk**1.1
    weights = random.integers(0, 3, len(risk))
    curve = calibration_curve(risk, happened)
    binned = BinnedCalibration(risk, happened, knots=curve.knots)
    rows = np.repeat(np.arange(len(risk)), weights)
    line = metrics.calibration_slope_intercept(risk[rows], happened[rows])
    assert binned.line(weights) == pytest.approx((line.intercept, line.slope), abs=2e-3)
    assert binned.slope(weights) == binned.line(weights)[1]
    large = metrics.calibration_in_the_large(risk[rows], happened[rows])
    assert binned.in_the_large(weights) == pytest.approx(large, abs=1e-3)
    ones = np.ones(len(risk), dtype=np.int64)
    errors, seen = binned.errors(ones, np.array([0.02, 0.1, 0.3]))
    exact = calibration_errors(risk, happened)
    assert errors == pytest.approx([exact.ici, exact.e50, exact.e90], abs=1e-3)
    assert seen == pytest.approx(curve.happened(np.array([0.02, 0.1, 0.3])), abs=1e-3)
