"""Metrics of places: what they say on small tables, and that scikit-learn and direct sums agree on large ones."""

from math import exp, factorial, log

import numpy as np
import pytest
from sklearn.metrics import mean_poisson_deviance

from crisisrisk.errors import ModelError
from crisisrisk.evaluation import place_metrics as metrics
from crisisrisk.evaluation.place_metrics import (
    calibration_ratio,
    deviance_floor,
    hit_rate_at_coverage,
    log_score,
    pai,
    pei_star,
    poisson_deviance,
    ranked_probability_score,
)


def test_deviance_is_that_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    expected = random.gamma(0.5, 0.4, (60, 20)) + 0.001
    counts = random.poisson(expected)
    assert poisson_deviance(expected, counts) == pytest.approx(mean_poisson_deviance(counts.ravel(), expected.ravel()))


@pytest.mark.parametrize(
    ("expected", "counts", "deviance"),
    [
        ([2.0], [2], 0.0),
        ([0.5], [0], 1.0),
        ([0.0], [0], 0.0),
        ([0.0], [1], float("inf")),
        ([1.0, 3.0], [2, 3], 2 * (2 * log(2) - 1) / 2),
    ],
)
def test_deviance(expected: list[float], counts: list[int], deviance: float) -> None:
    assert poisson_deviance(expected, counts) == pytest.approx(deviance)


def test_log_score_and_ranked_probability_score_are_their_definitions() -> None:
    expected, counts = [0.3, 2.5, 7.0], [1, 0, 9]
    chance = [[exp(-mu) * mu**k / factorial(k) for k in range(60)] for mu in expected]
    by_hand = -sum(log(of_cell[y]) for of_cell, y in zip(chance, counts, strict=True)) / 3
    ranked = [
        sum((sum(of_cell[: k + 1]) - (y <= k)) ** 2 for k in range(60))
        for of_cell, y in zip(chance, counts, strict=True)
    ]
    assert log_score(expected, counts) == pytest.approx(by_hand)
    assert ranked_probability_score(expected, counts) == pytest.approx(sum(ranked) / 3)


def test_the_floor_is_what_a_right_forecast_shows() -> None:
    random = np.random.default_rng(2)
    expected = random.gamma(0.5, 0.4, (400, 50)) + 0.001
    floor = deviance_floor(expected, seed=3)
    assert poisson_deviance(expected, random.poisson(expected)) == pytest.approx(floor.mean, abs=4 * floor.spread)
    assert floor == deviance_floor(expected, seed=3)
    assert floor.spread > 0


FORECAST = [[4.0, 3.0, 2.0, 1.0], [4.0, 3.0, 2.0, 1.0]]
HAPPENED = [[2, 0, 1, 0], [0, 3, 0, 0]]


def test_ranking_is_pooled_over_shifts_before_dividing() -> None:
    # One cell of four in each shift: caught 2 + 0 of 6; the best single cells held 2 + 3.
    assert hit_rate_at_coverage(FORECAST, HAPPENED, coverage=0.25) == pytest.approx(2 / 6)
    assert pai(FORECAST, HAPPENED, coverage=0.25) == pytest.approx((2 / 6) / (1 / 4))
    assert pei_star(FORECAST, HAPPENED, coverage=0.25) == pytest.approx(2 / 5)
    # Two cells: 2 + 3 of 6; the best pairs held 3 + 3.
    assert hit_rate_at_coverage(FORECAST, HAPPENED, coverage=0.5) == pytest.approx(5 / 6)
    assert pei_star(FORECAST, HAPPENED, coverage=0.5) == pytest.approx(5 / 6)


def test_at_least_one_cell_is_chosen_and_its_real_area_counts() -> None:
    assert hit_rate_at_coverage(FORECAST, HAPPENED, coverage=0.01) == pytest.approx(2 / 6)
    assert pai(FORECAST, HAPPENED, coverage=0.01) == pytest.approx((2 / 6) / (1 / 4))


def test_a_share_that_fits_exactly_is_not_lost_to_rounding() -> None:
    chosen = metrics.hotspot(np.ones((1, 10)), np.ones((1, 10), dtype=int), coverage=0.3)
    assert chosen.area == pytest.approx(3.0)


def test_ties_count_in_the_worst_case() -> None:
    assert hit_rate_at_coverage([[1.0, 1.0, 1.0]], [[5, 0, 1]], coverage=0.34) == 0.0
    assert hit_rate_at_coverage([[1.0, 1.0, 1.0]], [[5, 0, 1]], coverage=0.67) == pytest.approx(1 / 6)


def test_areas_rank_by_density_and_stop_at_the_share() -> None:
    # Densities 4, 3, 1: the first cell holds half of the area's 10, the second would pass 60 %.
    expected, counts, area = [[20.0, 9.0, 2.0]], [[5, 4, 1]], [5.0, 3.0, 2.0]
    assert hit_rate_at_coverage(expected, counts, coverage=0.6, area=area) == pytest.approx(0.5)
    assert pai(expected, counts, coverage=0.6, area=area) == pytest.approx(1.0)
    # In 5 units of area the best choice takes the second cell (4) and two fifths of the first (2).
    assert pei_star(expected, counts, coverage=0.6, area=area) == pytest.approx(5 / 6)


def test_best_choice_equals_trying_every_choice() -> None:
    from itertools import combinations

    counts = np.random.default_rng(4).poisson(0.6, (5, 7))
    best = sum(max(sum(row[list(chosen)]) for chosen in combinations(range(7), 2)) for row in counts)
    expected = np.random.default_rng(5).random((5, 7))
    assert metrics.hotspot(expected, counts, coverage=2 / 7).best == pytest.approx(best)


def test_calibration_ratio() -> None:
    assert calibration_ratio([[1.0, 2.0]], [[4, 2]]) == 2.0


@pytest.mark.parametrize(
    "value",
    [
        hit_rate_at_coverage(FORECAST, np.zeros((2, 4)), coverage=0.5),
        pai(FORECAST, np.zeros((2, 4)), coverage=0.5),
        pei_star(FORECAST, np.zeros((2, 4)), coverage=0.5),
        calibration_ratio([0.0], [1]),
        poisson_deviance([], []),
        log_score([], []),
        ranked_probability_score([], []),
    ],
)
def test_nothing_to_count_is_not_a_number(value: float) -> None:
    assert np.isnan(value)


@pytest.mark.parametrize(
    ("expected", "counts", "problem"),
    [
        ([1.0], [1, 2], "expected and actual counts do not fit together"),
        ([-1.0], [1], "an expected count cannot be"),
        ([float("nan")], [1], "an expected count cannot be"),
        ([1.0], [0.5], "a count cannot be"),
        ([1.0], [-1], "a count cannot be"),
    ],
)
def test_values_that_mean_nothing_are_refused(expected: list[float], counts: list[float], problem: str) -> None:
    with pytest.raises(ModelError) as caught:
        poisson_deviance(expected, counts)
    assert (caught.value.code, caught.value.problem) == ("CR-EVAL-001", problem)
