"""The gate of places: whole weeks are drawn, and chance is not taken for a better forecast."""

import numpy as np
import pytest

from crisisrisk.evaluation.gate import PlaceLimits, places_against_baselines, places_against_champion
from crisisrisk.evaluation.place_report import JudgedShifts, place_report
from crisisrisk.models.scattered_forecast import ScatteredForecast

LIMITS = PlaceLimits(resamples=100, seed=3, loss_to_champion=0.1)
WEEKS, SHIFTS, CELLS = 12, 21, 40
WEEK = np.repeat(np.arange(WEEKS), SHIFTS)
MAP = np.random.default_rng(1).gamma(0.7, 0.3, CELLS)
CLOCK = np.tile([0.5, 1.0, 1.5], WEEKS * SHIFTS // 3)
TRUTH = CLOCK[:, None] * MAP
COUNTS = np.random.default_rng(2).poisson(TRUTH)
FLAT = np.broadcast_to(MAP, TRUTH.shape)


def gains(expected: np.ndarray, **baselines: np.ndarray) -> list:
    poisson = ScatteredForecast.poisson
    others = {name: poisson(values) for name, values in baselines.items()}
    judged = JudgedShifts(week=WEEK)
    report = place_report(poisson(expected), COUNTS, baselines=others, shifts=judged, seed=3, resamples=100)
    return places_against_baselines(report.gains)


def test_a_forecast_that_knows_the_clock_beats_the_map_alone():
    (check,) = gains(TRUTH, cell_mean=FLAT)
    assert check.passed, check
    assert check.found.startswith("deviance lower by +0.0")


def test_a_forecast_that_is_better_by_chance_alone_does_not_pass():
    # Two forecasts that are equally wrong: which has the lower deviance on these counts is chance.
    random = np.random.default_rng(4)
    pair = [TRUTH * random.choice([0.9, 1 / 0.9], TRUTH.shape) for _ in range(2)]
    checks = [*gains(pair[0], other=pair[1]), *gains(pair[1], other=pair[0])]
    better = [check for check in checks if "by +" in check.found]
    assert better
    assert not any(check.passed for check in checks)


def test_every_baseline_must_be_beaten_and_there_must_be_some():
    checks = gains(TRUTH, cell_mean=FLAT, itself=TRUTH)
    assert [check.passed for check in checks] == [True, False]
    assert [check.passed for check in places_against_baselines({})] == [False]


@pytest.mark.parametrize(("candidate", "passes"), [(TRUTH, True), (1.02 * TRUTH, True), (FLAT, False)])
def test_the_champion_may_not_be_better_than_the_candidate(candidate, passes):
    check = places_against_champion(candidate, TRUTH, COUNTS, WEEK, LIMITS, who="v1")
    assert (check.passed, check.where) == (passes, "v1"), check


def test_a_large_loss_is_refused_however_wide_the_interval():
    one_week = np.zeros_like(WEEK)
    check = places_against_champion(1.5 * FLAT, TRUTH, COUNTS, one_week, LIMITS, who="v1")
    assert not check.passed
