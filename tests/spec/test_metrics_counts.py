"""Scores and calibration of counts: small tables by hand, scoringrules and SciPy as independent values."""

from math import log

import numpy as np
import pytest
import scoringrules
from scipy import stats

from crisisrisk.errors import ModelError
from crisisrisk.evaluation import count_calibration as calibration
from crisisrisk.evaluation.count_scores import (
    dawid_sebastiani_score,
    log_score,
    log_scores,
    ranked_probability_score,
    ranked_probability_scores,
)
from crisisrisk.evaluation.scaled_errors import mase, rmsse

RANDOM = np.random.default_rng(1)
MEANS = np.concatenate([RANDOM.gamma(0.5, 0.4, 60) + 1e-4, RANDOM.gamma(3, 4, 30)])
COUNTS = RANDOM.poisson(MEANS)
LARGE = np.array([900.0, 2500.0])
DISPERSIONS = (0.0, 0.3, 2.5)


def _scipy(mean: float, dispersion: float) -> stats.rv_discrete:
    if dispersion == 0:
        return stats.poisson(mean)
    size = 1 / dispersion
    return stats.nbinom(size, size / (size + mean))


@pytest.mark.parametrize("dispersion", DISPERSIONS)
def test_log_and_ranked_scores_are_those_of_scoringrules(dispersion: float) -> None:
    if dispersion == 0:
        logs = scoringrules.logs_poisson(COUNTS, MEANS)
        ranked = scoringrules.crps_poisson(COUNTS, MEANS)
    else:
        size = 1 / dispersion
        logs = scoringrules.logs_negbinom(COUNTS, size, mu=MEANS)
        ranked = scoringrules.crps_negbinom(COUNTS, size, mu=MEANS)
    if dispersion < 1:  # scoringrules says infinity to every size under 1; SciPy stands in below
        assert log_scores(MEANS, COUNTS, dispersion=dispersion) == pytest.approx(np.asarray(logs), rel=1e-9)
    found = ranked_probability_scores(MEANS, COUNTS, dispersion=dispersion)
    assert found == pytest.approx(np.asarray(ranked), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("dispersion", DISPERSIONS)
def test_scores_are_their_definitions(dispersion: float) -> None:
    means, counts = np.array([0.3, 2.5, 7.0, *LARGE]), np.array([1, 0, 9, 870, 2600])
    every = np.arange(100_000)
    laws = [_scipy(mean, dispersion) for mean in means]
    ranked = [((law.cdf(every) - (y <= every)) ** 2).sum() for law, y in zip(laws, counts, strict=True)]
    by_hand = [-law.logpmf(y) for law, y in zip(laws, counts, strict=True)]
    squares = [(y - law.mean()) ** 2 / law.var() + log(law.var()) for law, y in zip(laws, counts, strict=True)]
    assert log_score(means, counts, dispersion=dispersion) == pytest.approx(np.mean(by_hand))
    assert ranked_probability_score(means, counts, dispersion=dispersion) == pytest.approx(np.mean(ranked))
    assert dawid_sebastiani_score(means, counts, dispersion=dispersion) == pytest.approx(np.mean(squares))


def test_dawid_and_sebastiani_by_hand() -> None:
    # Mean 4, Poisson: variance 4. y = 6: (2² ÷ 4) + ln 4. With dispersion 0.5 the variance is 4 + 0.5 × 16 = 12.
    assert dawid_sebastiani_score([4.0], [6]) == pytest.approx(1 + log(4))
    assert dawid_sebastiani_score([4.0], [6], dispersion=0.5) == pytest.approx(4 / 12 + log(12))
    with pytest.raises(ModelError, match="has no variance"):
        dawid_sebastiani_score([0.0], [0])


def test_a_dispersion_for_each_row_is_that_of_each_row() -> None:
    spread = np.array([0.0, 0.4, 3.0])
    one_by_one = [log_score([m], [y], dispersion=a) for m, y, a in zip([1.0, 2.0, 3.0], [0, 4, 1], spread, strict=True)]
    assert log_scores([1.0, 2.0, 3.0], [0, 4, 1], dispersion=spread) == pytest.approx(one_by_one)
    by_shift = log_scores(np.ones((2, 3)), np.ones((2, 3), dtype=int), dispersion=spread[:2, None])
    assert by_shift[0] == pytest.approx(log_scores(np.ones(3), [1, 1, 1]))


def test_nothing_expected_is_certain() -> None:
    assert log_scores([0.0, 0.0], [0, 1]).tolist() == [0.0, float("inf")]
    assert ranked_probability_scores([0.0, 0.0], [0, 3]).tolist() == [0.0, 3.0]


@pytest.mark.parametrize("dispersion", DISPERSIONS)
@pytest.mark.parametrize("level", calibration.LEVELS)
def test_intervals_and_their_exact_cover_are_those_of_scipy(level: float, dispersion: float) -> None:
    means = np.concatenate([MEANS, LARGE])
    interval = calibration.central_interval(means, level=level, dispersion=dispersion)
    laws = [_scipy(mean, dispersion) for mean in means]
    assert interval.lower.tolist() == [law.ppf((1 - level) / 2) for law in laws]
    assert interval.upper.tolist() == [law.ppf((1 + level) / 2) for law in laws]
    exact = [law.cdf(b) - law.cdf(a - 1) for law, a, b in zip(laws, interval.lower, interval.upper, strict=True)]
    assert calibration.expected_coverage(interval, means, dispersion=dispersion) == pytest.approx(np.mean(exact))


@pytest.mark.parametrize(
    ("mean", "ends", "cover"), [(1.0, (0, 2), 0.9197), (5.0, (2, 8), 0.8915), (0.05, (0, 0), 0.9512)]
)
def test_even_a_perfect_interval_covers_more_than_its_name(mean: float, ends: tuple[int, int], cover: float) -> None:
    interval = calibration.central_interval([mean], level=0.8)
    assert (int(interval.lower[0]), int(interval.upper[0])) == ends
    assert calibration.expected_coverage(interval, [mean]) == pytest.approx(cover, abs=5e-5)


def test_coverage_of_drawn_counts_is_the_expected_one() -> None:
    random = np.random.default_rng(2)
    means = random.gamma(0.5, 2.0, (200, 100)) + 0.01
    counts = random.negative_binomial(2.0, 2.0 / (2.0 + means))
    interval = calibration.central_interval(means, level=0.8, dispersion=0.5)
    exact = calibration.expected_coverage(interval, means, dispersion=0.5)
    assert calibration.coverage(interval, counts) == pytest.approx(exact, abs=0.01)
    assert calibration.expected_coverage(interval, means) != pytest.approx(exact, abs=0.01)


def test_coverage_and_width_by_hand() -> None:
    interval = calibration.CountInterval(np.array([0, 1, 2]), np.array([1, 1, 6]))
    assert calibration.coverage(interval, [1, 0, 6]) == pytest.approx(2 / 3)
    assert calibration.width(interval) == pytest.approx(5 / 3)


def test_the_histogram_of_one_count_by_hand() -> None:
    # Mean ln 2: P(0) = 1/2, P(1) = ln 2 ÷ 2. A count of 0 spreads over 0 … 0.5, so evenly over the first two quarters.
    assert calibration.pit_shares([log(2)], [0], bins=4) == pytest.approx([0.5, 0.5, 0, 0])
    # A count of 1 spreads over 0.5 … 0.8466: 0.25 of 0.3466 in the third quarter, the rest in the fourth.
    share = 0.25 / (log(2) / 2)
    assert calibration.pit_shares([log(2)], [1], bins=4) == pytest.approx([0, 0, share, 1 - share])
    both = calibration.pit_shares([log(2), log(2)], [0, 1], bins=4)
    assert both == pytest.approx([0.25, 0.25, share / 2, (1 - share) / 2])


def test_the_histogram_is_flat_for_a_right_forecast_and_a_u_for_a_narrow_one() -> None:
    random = np.random.default_rng(3)
    means = random.gamma(0.7, 1.5, (300, 100)) + 0.01
    counts = random.negative_binomial(1.0, 1.0 / (1.0 + means))
    right = calibration.pit_shares(means, counts, dispersion=1.0)
    narrow = calibration.pit_shares(means, counts)
    assert right == pytest.approx(np.full(10, 0.1), abs=0.005)
    assert narrow[0] > 0.11
    assert narrow[-1] > 0.13
    assert right.sum() == pytest.approx(1.0)


def test_calibration_by_group_by_hand() -> None:
    kinds = np.array([[0], [1], [0]])
    expected, counts = [[1.0, 2.0], [4.0, 4.0], [3.0, 2.0]], [[0, 4], [1, 1], [4, 2]]
    day, night = calibration.calibration_by_group(expected, counts, kinds, ("day", "night", "car"))
    assert (day.group, day.rows, day.events, day.expected, day.ratio) == ("day", 4, 10, 8.0, 1.25)
    assert (night.group, night.rows, night.events, night.expected, night.ratio) == ("night", 2, 2, 8.0, 0.25)


def test_tenths_of_the_forecast_and_fifths_of_deprivation() -> None:
    assert np.bincount(calibration.forecast_tenth(np.arange(100.0))).tolist() == [10] * 10
    assert set(calibration.forecast_tenth(np.ones(50))) == {0}
    fifths = calibration.deprivation_fifth([1, 2, 3, 10, np.nan])
    assert fifths.tolist() == [0, 0, 1, 4, -1]


def test_scaled_errors_by_hand() -> None:
    # Season 2. The first series changes by 2, 2 from season to season, the second by 1, 3; the third is too sparse.
    history = [[1, 4, 0], [3, 2, 1], [3, 5, 0], [5, 5, 0]]
    expected, counts = [[4.0, 6.0, 9.0], [6.0, 6.0, 9.0]], [[5, 6, 0], [6, 4, 0]]
    # Errors 1, 0 and 0, 2. MASE: mean(0.5 ÷ 2, 1 ÷ 2); RMSSE: mean(√(0.5 ÷ 4), √(2 ÷ 5)).
    assert mase(expected, counts, history, season=2) == pytest.approx((0.5 / 2 + 1 / 2) / 2)
    assert rmsse(expected, counts, history, season=2) == pytest.approx(((0.5 / 4) ** 0.5 + (2 / 5) ** 0.5) / 2)


def test_where_most_counts_are_nothing_no_scaled_error_is_given() -> None:
    sparse = np.random.default_rng(4).poisson(0.1, (50, 3))
    assert np.isnan(mase(np.zeros((2, 3)), [[0, 0, 0], [0, 0, 1]], sparse, season=7))
    with pytest.raises(ModelError, match="a history does not fit"):
        mase([[1.0]], [[1]], [[1], [2]], season=2)


@pytest.mark.parametrize("dispersion", [-0.1, float("nan"), float("inf")])
def test_a_dispersion_that_means_nothing_is_refused(dispersion: float) -> None:
    with pytest.raises(ModelError, match="a dispersion cannot be"):
        log_score([1.0], [1], dispersion=dispersion)
