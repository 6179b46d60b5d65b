"""Metrics of places: what they say on small tables, and that scikit-learn and direct sums agree on large ones."""

from math import log

import numpy as np
import pytest
from sklearn.metrics import mean_poisson_deviance

from crisisrisk.errors import ModelError
from crisisrisk.evaluation import place_ranking as ranking
from crisisrisk.evaluation.count_scores import log_score, ranked_probability_score
from crisisrisk.evaluation.place_metrics import calibration_ratio, deviance_floor, poisson_deviance
from crisisrisk.evaluation.place_ranking import (
    capture_curve,
    churn,
    hit_rate_at_coverage,
    hotspots,
    pai,
    pei,
    pei_star,
    recapture_rate_index,
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
    chosen = ranking.hotspot(np.ones((1, 10)), np.ones((1, 10), dtype=int), coverage=0.3)
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
    assert ranking.hotspot(expected, counts, coverage=2 / 7).best == pytest.approx(best)


# Ten squares of 100 m, one shift, worked out by hand. The forecast's order is A … J.
SQUARES = [[9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.5]]
EVENTS = [[3, 0, 5, 1, 0, 0, 8, 0, 2, 1]]  # N = 20


@pytest.mark.parametrize(
    ("cells", "hit_rate", "index", "of_best"),
    [
        (1, 3 / 20, (3 / 20) / 0.1, 3 / 8),  # A; the best square is G with 8
        (2, 3 / 20, (3 / 20) / 0.2, 3 / 13),  # A B; G C hold 13
        (3, 8 / 20, (8 / 20) / 0.3, 8 / 16),  # A B C; G C A hold 16
        (5, 9 / 20, (9 / 20) / 0.5, 9 / 19),  # A–E; G C A I and one of D, J hold 19
        (10, 1.0, 1.0, 1.0),
    ],
)
def test_prediction_accuracy_and_efficiency(cells: int, hit_rate: float, index: float, of_best: float) -> None:
    share = cells / 10
    assert hit_rate_at_coverage(SQUARES, EVENTS, coverage=share) == pytest.approx(hit_rate)
    assert pai(SQUARES, EVENTS, coverage=share) == pytest.approx(index)
    assert pei_star(SQUARES, EVENTS, coverage=share) == pytest.approx(of_best)


def test_the_efficiency_index_beside_a_best_choice_of_another_area() -> None:
    # Three squares hold 8: 8/3 each. The best single square holds 8; the best three hold 16; the best ten all 20.
    assert pei(SQUARES, EVENTS, coverage=0.3, best_coverage=0.1) == pytest.approx((8 / 3) / 8)
    assert pei(SQUARES, EVENTS, coverage=0.3, best_coverage=0.3) == pytest.approx(8 / 16)
    assert pei(SQUARES, EVENTS, coverage=0.3, best_coverage=1.0) == pytest.approx((8 / 3) / 2)
    assert pei(SQUARES, EVENTS, coverage=0.3, best_coverage=0.3) == pei_star(SQUARES, EVENTS, coverage=0.3)


def test_one_sort_serves_all_coverages_in_any_order() -> None:
    random = np.random.default_rng(6)
    expected, counts, area = random.integers(0, 5, (9, 40)) / 4.0, random.poisson(0.4, (9, 40)), random.random(40) + 0.2
    shares = (0.5, 0.05, 0.2)
    together = hotspots(expected, counts, coverages=shares, area=area)
    assert together == [ranking.hotspot(expected, counts, coverage=one, area=area) for one in shares]


def test_a_capture_curve_by_hand() -> None:
    # Two cells of 1 and 3 units; the small one, with 1 of 4 events, comes first.
    curve = capture_curve([[2.0, 3.0]], [[1, 3]], area=[1.0, 3.0], points=5)
    assert curve.coverage.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert curve.captured == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])
    assert curve.area_under == pytest.approx(0.5)
    # Of equal squares: A (3 of 20) covers the first tenth, so the curve rises by 0.15 there, by 0 in the next …
    curve = capture_curve(SQUARES, EVENTS, points=11)
    assert curve.captured == pytest.approx(np.cumsum([0, 3, 0, 5, 1, 0, 0, 8, 0, 2, 1]) / 20)
    assert curve.area_under == pytest.approx(np.trapezoid(curve.captured, curve.coverage))
    assert curve.best == pytest.approx(np.cumsum([0, 8, 5, 3, 2, 1, 1, 0, 0, 0, 0]) / 20)
    assert curve.best_area_under == pytest.approx(np.trapezoid(curve.best, curve.coverage))
    assert curve.share_of_best == pytest.approx(curve.area_under / curve.best_area_under)
    assert capture_curve(EVENTS, EVENTS).share_of_best == pytest.approx(1.0)


def test_capture_curves_are_pooled_over_shifts() -> None:
    curve = capture_curve(FORECAST, HAPPENED, points=5)
    assert curve.captured == pytest.approx([0, 2 / 6, 5 / 6, 1, 1])
    assert curve.best == pytest.approx([0, 5 / 6, 1, 1, 1])


def test_the_recapture_rate_index_by_hand() -> None:
    # Chosen: A B. Before they held 6 of 20, after 3 of 20: half of their share is left.
    before, after = [4, 2, 5, 1, 8], [1, 2, 5, 4, 8]
    assert recapture_rate_index([5.0, 4.0, 3.0, 2.0, 1.0], before, after, coverage=0.4) == pytest.approx(0.5)
    # Twice as many events in all, spread as before, is no change.
    doubled = [2 * count for count in before]
    assert recapture_rate_index([5.0, 4.0, 3.0, 2.0, 1.0], before, doubled, coverage=0.4) == pytest.approx(1.0)
    assert np.isnan(recapture_rate_index([5.0, 4.0], [0, 3], [1, 1], coverage=0.5))


def test_churn_compares_like_shifts_only() -> None:
    # Friday nights (0): cells 0 1, then 0 2, then 0 2. Monday days (1): 3 2, once.
    expected = [[9, 8, 1, 2], [0, 0, 5, 6], [9, 1, 8, 2], [9, 1, 8, 2]]
    assert churn(expected, np.array([0, 1, 0, 0]), coverage=0.5) == pytest.approx(1 / 4)
    assert np.isnan(churn(expected, np.arange(4), coverage=0.5))


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
        capture_curve(FORECAST, np.zeros((2, 4))).share_of_best,
        pei(FORECAST, np.zeros((2, 4)), coverage=0.5, best_coverage=0.5),
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
