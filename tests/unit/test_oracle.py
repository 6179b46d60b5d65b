"""A forecast beside the truth: the truth reaches all of itself, the best simple forecast none of the way to it."""

import numpy as np
import pytest

from crisisrisk.evaluation.oracle import (
    CONTACTS,
    MODEL,
    TRUTH,
    as_counted,
    people_beside_truth,
    places_beside_truth,
)
from crisisrisk.evaluation.slices import JudgedRows

RANDOM = np.random.default_rng(4)


def _people() -> tuple[dict[str, np.ndarray], JudgedRows]:  # type: ignore[type-arg]
    truth = RANDOM.beta(0.5, 20, 20_000)
    judged = JudgedRows(
        happened=RANDOM.random(20_000) < truth,
        as_of=np.repeat(np.arange(4), 5_000),
        person=np.tile(np.arange(5_000), 4),
    )
    blurred = truth * RANDOM.lognormal(0, 1.0, 20_000)
    return {TRUTH: truth, MODEL: np.minimum(blurred, 0.99), "chance": 60 * RANDOM.random(20_000)}, judged


def test_the_truth_ranks_best_and_is_calibrated() -> None:
    risks, judged = _people()
    found = {row.name: row for row in people_beside_truth(risks, judged, probabilities=(TRUTH, MODEL), list_length=25)}
    assert found[TRUTH].auprc_of_truth == 1.0
    assert found["chance"].auprc_of_truth < found[MODEL].auprc_of_truth < 1.0
    assert found[TRUTH].calibration_slope == pytest.approx(1.0, abs=0.15)
    best, ours = found[TRUTH].net_benefit, found[MODEL].net_benefit
    assert best is not None
    assert ours is not None
    assert all(more >= less for more, less in zip(best, ours, strict=True))


def test_a_ranking_that_is_no_probability_has_no_brier_score_and_no_net_benefit() -> None:
    risks, judged = _people()
    chance = people_beside_truth(risks, judged, probabilities=(TRUTH, MODEL), list_length=25)[-1]
    assert (chance.brier, chance.calibration_slope, chance.net_benefit) == (None, None, None)


def test_shares_of_what_contacts_can_tell_are_known_only_where_that_is() -> None:
    risks, judged = _people()
    alone = people_beside_truth(risks, judged, probabilities=(TRUTH,), list_length=25)
    assert all(np.isnan(row.auprc_of_contacts) for row in alone)
    told = risks | {CONTACTS: risks[MODEL]}
    found = {row.name: row for row in people_beside_truth(told, judged, probabilities=(TRUTH,), list_length=25)}
    assert found[MODEL].auprc_of_contacts == found[CONTACTS].auprc_of_contacts == 1.0
    assert found["chance"].auprc_of_contacts < 1.0 < found[TRUTH].auprc_of_contacts


def test_the_share_of_the_way_runs_from_the_best_simple_forecast_to_the_truth() -> None:
    truth = RANDOM.gamma(0.4, 0.5, (400, 30)) + 0.001
    counts = RANDOM.poisson(truth)
    flat = np.full_like(truth, truth.mean())
    forecasts = {TRUTH: truth, MODEL: (truth + flat) / 2, "flat": flat, "twice too much": 2 * flat}
    found = {row.name: row for row in places_beside_truth(forecasts, counts, area=None)}
    assert found[TRUTH].deviance_reached == 1.0
    assert found["flat"].deviance_reached == 0.0
    assert 0.0 < found[MODEL].deviance_reached < 1.0
    assert found["twice too much"].deviance_reached < 0.0
    assert found[TRUTH].calibration_ratio == pytest.approx(1.0, abs=0.05)


def test_the_way_and_the_hit_rate_are_told_beside_what_contacts_can_tell() -> None:
    truth = RANDOM.gamma(0.4, 0.5, (400, 40)) + 0.001
    counts = RANDOM.poisson(truth)
    flat = np.full_like(truth, truth.mean())
    told = np.sqrt(truth * flat)
    forecasts = {TRUTH: truth, CONTACTS: told, MODEL: (3 * told + flat) / 4, "flat": flat}
    found = {row.name: row for row in places_beside_truth(forecasts, counts, area=None)}
    assert found[CONTACTS].deviance_reached_of_contacts == 1.0
    assert found["flat"].deviance_reached_of_contacts == 0.0
    assert found[TRUTH].deviance_reached_of_contacts > 1.0 > found[MODEL].deviance_reached_of_contacts > 0.0
    assert found[CONTACTS].deviance_reached < 1.0
    assert found[TRUTH].hit_rate_5_of_truth == 1.0
    highest = np.argsort(-truth, axis=1)[:, :2]  # 5 % of 40 cells as large as each other
    caught = np.take_along_axis(counts, highest, axis=1).sum()
    assert found[TRUTH].hit_rate_5 == pytest.approx(caught / counts.sum())
    assert found["flat"].hit_rate_5_of_truth < found[MODEL].hit_rate_5_of_truth <= 1.05


def test_an_intensity_of_contacts_becomes_one_of_what_is_counted_of_them() -> None:
    truth = RANDOM.gamma(0.4, 0.5, (2_000, 30)) + 0.001
    counted = RANDOM.poisson(0.7 * truth**0.8)
    found = as_counted(truth[:500], truth[500:], counted[500:])
    some = truth[:500] > 0.05
    assert np.allclose(found[some], 0.7 * truth[:500][some] ** 0.8, rtol=0.1)
    assert np.allclose(as_counted(truth, truth, RANDOM.poisson(truth))[:500][some], truth[:500][some], rtol=0.1)
