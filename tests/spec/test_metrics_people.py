"""Metrics of people: what they say on small tables, and that scikit-learn agrees on large ones."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as peer
from sklearn.linear_model import LogisticRegression

from crisisrisk.errors import ModelError
from crisisrisk.evaluation import metrics
from crisisrisk.evaluation.calibration_curve import calibration_curve, calibration_errors, spline
from crisisrisk.evaluation.logistic import fit_logistic, logit

PERFECT = ([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0])
ALL_TIED = ([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 0])


@pytest.mark.parametrize(
    ("risk", "happened", "auroc", "auprc"),
    [
        (*PERFECT, 1.0, 1.0),
        (PERFECT[0], [0, 0, 1, 1], 0.0, (1 / 3 + 2 / 4) / 2),
        (*ALL_TIED, 0.5, 0.25),
        ([3, 2, 2, 1], [0, 1, 0, 1], 0.5 / 4 + 0 / 4, (1 / 3 + 2 / 4) / 2),
    ],
)
def test_ranking(risk: list[float], happened: list[int], auroc: float, auprc: float) -> None:
    assert metrics.auroc(risk, happened) == pytest.approx(auroc)
    assert metrics.auprc(risk, happened) == pytest.approx(auprc)


def _invented(seed: int, *, tied: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    risk = random.beta(1, 8, 700)
    happened = random.random(700) < risk
    return (np.round(risk, 2) if tied else risk), happened


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_scikit_learn_agrees(seed: int, tied: bool) -> None:
    risk, happened = _invented(seed, tied=tied)
    false_positives, true_positives, _ = peer.roc_curve(happened, risk, drop_intermediate=False)
    assert metrics.auroc(risk, happened) == pytest.approx(peer.roc_auc_score(happened, risk))
    assert metrics.auprc(risk, happened) == pytest.approx(peer.average_precision_score(happened, risk))
    assert metrics.brier(risk, happened) == pytest.approx(peer.brier_score_loss(happened, risk))
    best = true_positives[false_positives <= 0.15].max()
    assert metrics.sensitivity_at_specificity(risk, happened) == pytest.approx(best)
    assert metrics.auprc_over_prevalence(risk, happened) == pytest.approx(
        peer.average_precision_score(happened, risk) / happened.mean()
    )


def test_a_list_holds_the_highest_and_loses_ties() -> None:
    risk, happened = [0.9, 0.5, 0.5, 0.5, 0.1], [1, 1, 0, 0, 1]
    assert metrics.precision_at_k(risk, happened, k=1) == 1.0
    assert metrics.precision_at_k(risk, happened, k=2) == 0.5  # of the three at 0.5 one without the outcome comes first
    assert metrics.precision_at_k(risk, happened, k=3) == pytest.approx(1 / 3)
    assert metrics.recall_at_k(risk, happened, k=4) == pytest.approx(2 / 3)
    assert metrics.precision_at_k(risk, happened, k=50) == pytest.approx(3 / 5)


def test_every_team_and_week_has_its_own_list() -> None:
    risk = [0.9, 0.8, 0.7, 0.3, 0.2]
    happened = [1, 0, 0, 0, 1]
    teams = ["north", "north", "north", "south", "south"]
    assert metrics.precision_at_k(risk, happened, k=1, lists=teams) == 0.5
    assert metrics.recall_at_k(risk, happened, k=2, lists=teams) == 1.0
    assert metrics.precision_at_k(risk, happened, k=2, lists=teams) == 0.5


def test_pooling_over_lists_divides_after_adding() -> None:
    # One list of one (a hit), one of three cut at two (no hit): one hit in three places, not the mean of 1 and 0.
    lists = [1, 2, 2, 2]
    assert metrics.precision_at_k([0.9, 0.8, 0.7, 0.6], [1, 0, 0, 1], k=2, lists=lists) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    "value",
    [
        metrics.auroc([0.1, 0.2], [0, 0]),
        metrics.auroc([0.1, 0.2], [1, 1]),
        metrics.auroc([], []),
        metrics.auprc([0.1, 0.2], [0, 0]),
        metrics.auprc_over_prevalence([0.1], [0]),
        metrics.sensitivity_at_specificity([0.1, 0.2], [1, 1]),
        metrics.precision_at_k([], [], k=3),
        metrics.recall_at_k([0.1], [0], k=3),
        metrics.brier([], []),
        metrics.scaled_brier([0.1, 0.2], [0, 0]),
        metrics.calibration_in_the_large([0.1, 0.2], [0, 0]),
        metrics.calibration_slope_intercept([0.1, 0.2], [1, 1]).slope,
        metrics.calibration_slope_intercept([0.2, 0.2], [0, 1]).slope,
        metrics.calibration_slope_intercept(*PERFECT).slope,
        calibration_errors([], []).ici,
        calibration_errors([0.1, 0.2], [1, 1]).e90,
        metrics.net_benefit([], [], threshold=0.1),
    ],
)
def test_nothing_to_count_is_not_a_number(value: float) -> None:
    assert np.isnan(value)


@pytest.mark.parametrize(
    ("risk", "happened", "problem"),
    [
        ([0.1, 0.2], [1], "risks and outcomes do not fit together"),
        ([0.1, float("nan")], [1, 0], "a risk is not a finite number"),
        ([0.1, 0.2], [1, -1], "an outcome is neither 0 nor 1"),
        ([0.1, 1.2], [1, 0], "a risk is not a probability"),
    ],
)
def test_values_that_mean_nothing_are_refused(risk: list[float], happened: list[int], problem: str) -> None:
    with pytest.raises(ModelError) as caught:
        metrics.brier(risk, happened)
    assert caught.value.code == "CR-EVAL-001"
    assert caught.value.problem == problem


def test_a_list_without_length_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        metrics.precision_at_k([0.1], [1], k=0)
    assert caught.value.rendered().splitlines()[:3] == [
        "error[CR-EVAL-001]: a list has no length",
        "  wanted  k of 1 or more",
        "  found   0",
    ]


def test_brier_is_scaled_by_saying_the_prevalence() -> None:
    assert metrics.scaled_brier([0.25] * 4, [1, 0, 0, 0]) == pytest.approx(0.0)
    assert metrics.scaled_brier([1, 0, 0, 0], [1, 0, 0, 0]) == 1.0


def test_calibration_of_risks_that_are_right() -> None:
    random = np.random.default_rng(5)
    risk = random.beta(1, 6, 200_000)
    happened = random.random(len(risk)) < risk
    line = metrics.calibration_slope_intercept(risk, happened)
    assert line.slope == pytest.approx(1.0, abs=0.02)
    assert line.intercept == pytest.approx(0.0, abs=0.04)
    assert metrics.calibration_in_the_large(risk, happened) == pytest.approx(0.0, abs=0.02)
    errors = calibration_errors(risk, happened)
    assert errors.e50 < errors.e90 < 0.006
    assert errors.ici < 0.003


def test_calibration_of_risks_that_are_too_extreme_and_too_low() -> None:
    random = np.random.default_rng(6)
    log_odds = random.normal(-1, 1, 100_000)
    happened = random.random(len(log_odds)) < 1 / (1 + np.exp(-log_odds))
    extreme = 1 / (1 + np.exp(-2 * log_odds))
    low = 1 / (1 + np.exp(-(log_odds - 0.7)))
    assert metrics.calibration_slope_intercept(extreme, happened).slope == pytest.approx(0.5, abs=0.02)
    assert metrics.calibration_in_the_large(low, happened) == pytest.approx(0.7, abs=0.03)
    assert metrics.calibration_slope_intercept(low, happened).slope == pytest.approx(1.0, abs=0.03)


def test_the_curve_finds_by_how_much_risks_are_wrong() -> None:
    # Risks that are too high by a factor that changes with the risk: the distance of the truth is known row by row.
    random = np.random.default_rng(8)
    true = random.beta(1, 9, 300_000)
    happened = random.random(len(true)) < true
    said = np.minimum(1.0, true**0.8)
    apart = np.abs(said - true)
    errors = calibration_errors(said, happened)
    assert errors.ici == pytest.approx(apart.mean(), abs=0.002)
    assert errors.e50 == pytest.approx(np.median(apart), abs=0.002)
    assert errors.e90 == pytest.approx(np.quantile(apart, 0.9), abs=0.005)


def test_the_curve_is_a_logistic_regression_on_the_spline() -> None:
    random = np.random.default_rng(9)
    risk = random.beta(1, 4, 3_000)
    happened = random.random(len(risk)) < risk**1.3
    curve = calibration_curve(risk, happened)
    columns = spline(logit(risk, least=1e-6), curve.knots)
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(columns, happened)
    assert curve.happened(risk) == pytest.approx(theirs.predict_proba(columns)[:, 1], abs=2e-4)
    assert len(curve.knots) == 5


def test_a_spline_is_straight_outside_its_knots_and_smooth_inside() -> None:
    knots = np.array([-2.0, 0.0, 1.0, 3.0])
    beyond = spline(np.array([-5.0, -4.0, -3.0, 4.0, 5.0, 6.0]), knots)
    assert np.diff(beyond[:3], n=2, axis=0) == pytest.approx(0.0, abs=1e-12)
    assert np.diff(beyond[3:], n=2, axis=0) == pytest.approx(0.0, abs=1e-12)
    step = 1e-4
    around = spline(np.array([1.0 - step, 1.0, 1.0 + step]), knots)
    assert np.diff(around, n=2, axis=0) / step == pytest.approx(0.0, abs=1e-3)


def test_risks_of_few_values_have_a_straight_curve() -> None:
    risk = np.repeat([0.1, 0.3], [400, 100])
    happened = np.concatenate([np.arange(400) < 60, np.arange(100) < 20])
    curve = calibration_curve(risk, happened)
    assert curve.happened(np.array([0.1, 0.3])) == pytest.approx([0.15, 0.2])
    errors = calibration_errors(risk, happened)
    assert (errors.ici, errors.e50, errors.e90) == pytest.approx((0.06, 0.05, 0.1))


def test_weights_stand_for_rows() -> None:
    random = np.random.default_rng(10)
    design, times = random.normal(size=(300, 2)), random.integers(0, 4, 300)
    happened = random.random(300) < 1 / (1 + np.exp(-design[:, 0]))
    weighted = fit_logistic(design, happened, weights=times.astype(float))
    repeated = fit_logistic(np.repeat(design, times, axis=0), np.repeat(happened, times))
    assert weighted.coefficients == pytest.approx(repeated.coefficients, abs=1e-7)
    nobody = fit_logistic(design, happened, weights=(~happened).astype(float))
    assert np.isnan(nobody.intercept)


def test_the_logistic_fit_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(7)
    design = random.normal(size=(800, 3)) * [1, 5, 0.2]
    happened = random.random(800) < 1 / (1 + np.exp(-(design @ [1.0, -0.3, 2.0] - 1)))
    for ridge in (0.5, 20.0):
        ours, theirs = fit_logistic(design, happened, ridge=ridge), LogisticRegression(C=1 / ridge, tol=1e-10)
        theirs.fit(design, happened)
        assert ours.coefficients == pytest.approx(theirs.coef_[0], rel=1e-3)
        assert ours.predict(design) == pytest.approx(theirs.predict_proba(design)[:, 1], abs=1e-4)


def test_a_logistic_fit_without_end_is_not_a_number() -> None:
    design = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    separated = np.array([False, False, True, True])
    assert np.isnan(fit_logistic(design, separated).coefficients).all()
    assert np.isfinite(fit_logistic(design, separated, ridge=1.0).coefficients).all()


def test_log_odds_of_certainties_are_finite() -> None:
    assert logit(np.array([0.0, 0.5, 1.0]), least=1e-6) == pytest.approx([-13.8155, 0.0, 13.8155], abs=1e-3)


def test_bins_keep_people_of_the_same_risk_together() -> None:
    bins = metrics.calibration_bins([0.1] * 6 + [0.5, 0.9], [1, 0, 0, 0, 0, 0, 1, 1], bins=4)
    assert bins.people.tolist() == [6, 2]
    assert bins.said == pytest.approx([0.1, 0.7])
    assert bins.happened == pytest.approx([1 / 6, 1.0])


def test_net_benefit_against_everyone_and_nobody() -> None:
    risk, happened = [0.9, 0.6, 0.2, 0.1], [1, 0, 1, 0]
    assert metrics.net_benefit(risk, happened, threshold=0.5) == pytest.approx(1 / 4 - 1 / 4)
    assert metrics.net_benefit(risk, happened, threshold=0.2) == pytest.approx(2 / 4 - 1 / 4 * 0.25)
    assert metrics.net_benefit_of_all(happened, threshold=0.2) == pytest.approx(2 / 4 - 2 / 4 * 0.25)
    assert metrics.net_benefit([0.0] * 4, happened, threshold=0.2) == 0.0
