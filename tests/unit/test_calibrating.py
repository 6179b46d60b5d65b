"""Which calibration is taken, and the range around it: held against invented people whose truth is known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from crisisrisk.errors import DataError, ModelError
from crisisrisk.models.band import Band
from crisisrisk.models.calibration import Calibration, fit_calibration
from crisisrisk.timeline import MICROSECONDS_PER_DAY
from crisisrisk.training.calibrating import CalibrationRows, calibrate, cross_fitted_losses, level_wander

WEEKS, LEVEL, SEEDS = 5, 0.9, 20


def probability(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))


def invented(
    seed: int, people: int = 2000, *, bend: float = 0.0, level: float = -3.6, thin_share: float = 0.15
) -> tuple[CalibrationRows, np.ndarray]:
    """Rows of people whose outcome is the same in all their weeks, and their true probabilities.

    The score is a noisy view of what decides; with `bend` no line in log-odds is right.
    """
    random = np.random.default_rng(seed)
    latent = random.normal(size=people)
    deciding = np.repeat(latent, WEEKS)
    true = probability(level + 1.1 * deciding + bend * np.maximum(deciding - 1, 0))
    score = np.repeat(latent + 0.8 * random.normal(size=people), WEEKS) + 0.3 * random.normal(size=people * WEEKS)
    happened = np.repeat(random.random(people), WEEKS) < true
    thin = np.repeat(random.random(people) < thin_share, WEEKS)
    return CalibrationRows(score + level, happened, np.repeat(np.arange(people), WEEKS), thin), true


def log_odds(chance: np.ndarray | tuple[float, ...]) -> np.ndarray:
    return np.log(np.array(chance) / (1 - np.array(chance)))


def ventiles(scores: np.ndarray) -> list[np.ndarray]:
    return np.array_split(np.argsort(scores, kind="stable"), 20)


@pytest.mark.slow
def test_in_each_ventile_the_range_holds_the_mean_true_probability_at_its_rate() -> None:
    """Over twenty seeds; on people who were not there when the range was made, with a bend that Platt's line misses."""
    held, widths = np.zeros(20), []
    for seed in range(SEEDS):
        calibration = calibrate(
            "platt", invented(seed, bend=0.5, thin_share=0)[0], level=LEVEL, wander=0.0, seed=1
        ).calibration
        rows, true = invented(1000 + seed, people=6000, bend=0.5)
        lower, upper = calibration.ends(rows.log_odds, np.zeros(len(true), dtype=bool))
        groups = ventiles(rows.log_odds)
        held += [lower[rows].mean() <= true[rows].mean() <= upper[rows].mean() for rows in groups]
        widths.append([upper[rows].mean() - lower[rows].mean() for rows in groups])
    assert held.sum() >= LEVEL * SEEDS * 20
    assert held.min() >= 15  # of twenty, a range that holds nine times in ten does less 1 time in 100
    assert np.mean(widths) < 0.05  # a range from 0 to 1 would hold too


def test_the_range_holds_the_probability_and_is_wider_for_a_thin_history() -> None:
    rows, _ = invented(3)
    calibration = calibrate("isotonic", rows, level=LEVEL, wander=0.0, seed=1).calibration
    line = np.linspace(-12, 6, 500)
    everyone = np.zeros(500, dtype=bool)
    (lower, upper), (thin_lower, thin_upper) = calibration.ends(line, everyone), calibration.ends(line, ~everyone)
    chance = calibration.apply(line)
    assert (lower <= chance).all()
    assert (chance <= upper).all()
    assert (thin_lower <= lower).all()
    assert (thin_upper >= upper).all()
    assert (thin_upper - thin_lower).mean() > 1.1 * (upper - lower).mean()


def test_a_level_that_wanders_makes_the_range_wider() -> None:
    rows, _ = invented(3)
    still, moving = (
        calibrate("platt", rows, level=LEVEL, wander=wander, seed=1).calibration.band for wander in (0.0, 0.5)
    )
    widths = [np.subtract(band.upper, band.lower).mean() for band in (still, moving)]
    assert widths[1] > 1.2 * widths[0]


def test_where_thin_histories_are_too_few_their_range_is_twice_as_wide_and_this_is_said() -> None:
    rows, _ = invented(3)
    nobody = replace(rows, thin=np.zeros(len(rows.thin), dtype=bool))
    calibrated = calibrate("platt", nobody, level=LEVEL, wander=0.0, seed=1)
    assert calibrated.account["notes"] == ["too few rows with a thin history to say: their range is 2 times as wide"]
    band = calibrated.calibration.band
    middle = log_odds(calibrated.calibration.apply(np.array(band.scores)))
    for end, wide in ((band.lower, band.thin_lower), (band.upper, band.thin_upper)):
        times = np.abs(log_odds(wide) - middle) / np.abs(log_odds(end) - middle)
        assert np.median(times) >= 2 - 1e-6
        assert times.min() > 1


def test_best_is_the_kind_that_is_best_on_other_people() -> None:
    """A step at the top that no line follows: a staircase is chosen. Where a line is right, the line."""
    random = np.random.default_rng(5)
    score = random.normal(-3, 1.5, 20_000)
    person, thin = np.arange(20_000), np.zeros(20_000, dtype=bool)
    step = np.where(score > -1, 0.6, 0.01)
    for true, kinds in ((step, {"isotonic", "venn_abers"}), (probability(score), {"platt"})):
        rows = CalibrationRows(score, random.random(20_000) < true, person, thin)
        calibrated = calibrate("best", rows, level=LEVEL, wander=0.0, seed=1)
        losses = calibrated.account["log_loss"]
        assert calibrated.calibration.kind == calibrated.account["kind"] == min(losses, key=losses.get)
        assert calibrated.calibration.kind in kinds


def test_losses_are_of_people_whom_the_calibration_did_not_see() -> None:
    """Scores that are noise, each person's own: a staircase fitted on the same rows looks better than chance."""
    random = np.random.default_rng(6)
    person = np.repeat(np.arange(100), 50)
    happened = np.repeat(random.random(100) < 0.3, 50)
    rows = CalibrationRows(np.repeat(random.normal(size=100), 50), happened, person, np.zeros(5000, dtype=bool))
    seen = fit_calibration("isotonic", rows.log_odds, happened).apply(rows.log_odds)
    own = -np.mean(np.log(np.where(happened, seen, 1 - seen)))
    share = happened.mean()
    chance = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    assert own < chance < cross_fitted_losses(rows, seed=1)["isotonic"]


def test_with_few_outcomes_platt_is_taken_and_this_is_said() -> None:
    rows, _ = invented(3, people=150)
    assert 10 <= rows.happened.sum() < 50
    calibrated = calibrate("best", rows, level=LEVEL, wander=0.0, seed=1, notes=["said before"])
    assert calibrated.calibration.kind == "platt"
    assert calibrated.account["notes"][:2] == [
        "said before",
        "fewer than 50 outcomes to choose a calibration by: platt was taken",
    ]


def test_too_few_outcomes_to_calibrate_are_refused() -> None:
    rows, _ = invented(3, people=50, level=-6)
    with pytest.raises(DataError, match="too few rows with, or without, the outcome to calibrate"):
        calibrate("best", rows, level=LEVEL, wander=0.0, seed=1)


def test_the_same_rows_and_seed_give_the_same_numbers() -> None:
    rows, _ = invented(3)
    made = [calibrate("best", rows, level=LEVEL, wander=0.1, seed=seed).calibration.to_json() for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]


# How far the level wanders


def test_a_level_that_stands_still_does_not_wander_and_one_that_moves_is_measured() -> None:
    random = np.random.default_rng(7)
    moments, people = np.arange(60) * 7 * MICROSECONDS_PER_DAY, 3000
    found = {}
    for spread in (0.0, 0.3):
        level = np.repeat(random.normal(-3, spread, 15), 4)  # another every four weeks
        happened = random.random((60, people)) < probability(level)[:, None]
        found[spread] = level_wander(np.repeat(moments, people), happened.ravel(), step_us=28 * MICROSECONDS_PER_DAY)
    assert found[0.0] < 0.06
    assert found[0.3] == pytest.approx(0.3 * np.sqrt(2), rel=0.4)


def test_without_two_moments_a_horizon_apart_nothing_is_said_to_wander() -> None:
    as_of = np.repeat(np.arange(3) * 7 * MICROSECONDS_PER_DAY, 100)
    assert level_wander(as_of, np.arange(300) % 9 == 0, step_us=28 * MICROSECONDS_PER_DAY) == 0.0


# As numbers in the bundle


def band(**changes: object) -> Band:
    usual = {"level": 0.9, "scores": (-1.0, 0.0), "lower": (0.1, 0.2), "upper": (0.2, 0.4), "thin_lower": (0.05, 0.1),
             "thin_upper": (0.3, 0.5)}  # fmt: skip
    return Band(**{**usual, **changes})


def test_a_band_survives_json_with_its_calibration() -> None:
    calibration = Calibration(kind="platt", slope=1.0, intercept=-1.0, band=band())
    assert Calibration.from_json(calibration.to_json()) == calibration
    lower, upper = calibration.ends(np.array([-0.5, 9.0]), np.array([False, True]))
    assert lower == pytest.approx([0.15, 0.1])
    assert upper == pytest.approx([0.3, probability(8.0)])  # the range holds the probability beyond its knots too


def test_without_a_band_there_are_no_ends() -> None:
    ends = Calibration(kind="platt").ends(np.array([0.0, 1.0]), np.array([False, True]))
    assert np.isnan(ends).all()


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"lower": (0.1,)}, "every curve needs as many finite numbers"),
        ({"upper": (0.2, float("nan"))}, "every curve needs as many finite numbers"),
        ({"scores": (0.0, -1.0)}, "scores must rise"),
        ({"lower": (0.2, 0.1)}, "no curve may fall"),
        ({"thin_lower": (0.05, 0.3)}, "its curves cross"),
        ({"thin_upper": (0.3, 1.5)}, "leave 0 to 1"),
        ({"level": 1.0}, "its level"),
    ],
)
def test_a_band_that_is_none_is_refused(changes: dict[str, object], problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        band(**changes)


@pytest.mark.parametrize("spoil", [{"level": None}, {"other": 1}, {"lower": "x"}])
def test_a_calibration_file_with_a_spoilt_band_is_refused(spoil: dict[str, object]) -> None:
    content = json.loads(Calibration(kind="platt", band=band()).to_json())
    content["band"] |= spoil
    with pytest.raises(ModelError):
        Calibration.from_json(json.dumps(content))
