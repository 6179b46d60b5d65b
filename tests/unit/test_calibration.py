"""Calibration: numbers in JSON, never falling, equal to what scikit-learn finds."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from crisisrisk.errors import DataError, ModelError
from crisisrisk.models.calibration import KINDS, Calibration, fit_calibration, grouped, pool_adjacent_violators


def invented(rows: int = 4000, slope: float = 0.5, intercept: float = -1.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    log_odds = random.normal(-2, 1.5, rows)
    return log_odds, random.random(rows) < 1 / (1 + np.exp(-(slope * log_odds + intercept)))


def test_platt_finds_the_line_that_made_the_data():
    log_odds, happened = invented(60_000)
    fitted = fit_calibration("platt", log_odds, happened)
    assert (fitted.slope, fitted.intercept) == (pytest.approx(0.5, abs=0.03), pytest.approx(-1.0, abs=0.05))


def test_platt_agrees_with_logistic_regression():
    log_odds, happened = invented()
    fitted = fit_calibration("platt", log_odds, happened)
    peer = LogisticRegression(C=1e9).fit(log_odds[:, None], happened)
    wanted = peer.predict_proba(log_odds[:, None])[:, 1]
    assert np.abs(fitted.apply(log_odds) - wanted).max() < 2e-3  # the smoothed targets move it by a hair


def test_a_model_that_ranks_the_wrong_way_round_says_the_same_to_everyone():
    log_odds, happened = invented()
    fitted = fit_calibration("platt", -log_odds, happened)
    assert fitted.slope == 0
    assert fitted.apply(log_odds) == pytest.approx(happened.mean(), abs=0.01)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.1, 9)), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_pooling_agrees_with_scikit_learn(pairs):
    means, weights = np.array(pairs).T
    blocks = pool_adjacent_violators(means, weights)
    pooled = np.bincount(blocks, weights=means * weights) / np.bincount(blocks, weights=weights)
    wanted = IsotonicRegression().fit_transform(np.arange(len(means)), means, sample_weight=weights)
    assert pooled[blocks] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_calibration_is_kept_as_numbers_and_never_falls(kind):
    log_odds, happened = invented()
    fitted = fit_calibration(kind, log_odds, happened)
    again = Calibration.from_json(fitted.to_json())
    line = np.linspace(-20, 20, 4001)
    assert again == fitted
    assert (again.apply(line) == fitted.apply(line)).all()
    assert (np.diff(fitted.apply(line)) >= 0).all()
    assert fitted.apply(line).min() > 0
    assert fitted.apply(line).max() < 1
    assert fitted.apply(log_odds).mean() == pytest.approx(happened.mean(), abs=0.01)


def test_isotonic_keeps_most_scores_apart():
    log_odds, happened = invented()
    fitted = fit_calibration("isotonic", log_odds, happened)
    assert len(np.unique(fitted.apply(np.sort(log_odds)))) > 0.8 * len(log_odds)


def test_too_few_outcomes_are_refused():
    happened = np.zeros(500, dtype=bool)
    happened[:9] = True
    with pytest.raises(DataError) as caught:
        fit_calibration("platt", np.arange(500.0), happened)
    assert caught.value.rendered() == (
        "error[CR-TRAIN-002]: too few rows with, or without, the outcome to calibrate\n"
        "  where   the validation block\n"
        "  wanted  at least 10 of each\n"
        "  found   9\n"
        "  hint    lengthen split.validation_days, or load more data · see docs/reference/errors.md#cr-train-002"
    )


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "magic"},
        {"kind": "platt", "slope": -1.0, "intercept": 0.0},
        {"kind": "platt", "slope": float("nan"), "intercept": 0.0},
        {"kind": "isotonic", "scores": [0.0, 1.0], "probabilities": [0.5, 0.4]},
        {"kind": "isotonic", "scores": [1.0, 0.0], "probabilities": [0.4, 0.5]},
        {"kind": "isotonic", "scores": [0.0], "probabilities": [0.4, 0.5]},
        {"kind": "isotonic", "scores": [], "probabilities": []},
        {"kind": "isotonic", "scores": [0.0, 1.0], "probabilities": [0.5, 1.4]},
        {"kind": "platt", "slope": "steep"},
        {"kind": "platt", "more": 1},
        [],
    ],
)
def test_a_calibration_that_could_fall_or_leave_0_to_1_is_refused(content):
    with pytest.raises(ModelError) as caught:
        Calibration.from_json(json.dumps(content))
    assert caught.value.code == "CR-MODEL-002"


def test_venn_abers_is_two_isotonic_regressions_with_one_more_row():
    """For some scores as its authors wrote it down: add the row, fit, read off; here with scikit-learn."""
    log_odds, happened = invented(rows=300)
    fitted = fit_calibration("venn_abers", log_odds, happened)
    for score in grouped(log_odds, happened).scores[::29]:
        none, one = (
            IsotonicRegression().fit(np.append(log_odds, score), np.append(happened, outcome)).predict([score])[0]
            for outcome in (0.0, 1.0)
        )
        assert fitted.apply(np.array([score]))[0] == pytest.approx(one / (1 - none + one), abs=1e-9)


def test_venn_abers_of_many_scores_is_that_of_groups_of_neighbours():
    log_odds, happened = invented(rows=20_000)
    fitted = fit_calibration("venn_abers", log_odds, happened)
    assert len(fitted.scores) <= 400
    peer = fit_calibration("isotonic", log_odds, happened)
    assert np.abs(fitted.apply(log_odds) - peer.apply(log_odds)).mean() < 0.02
