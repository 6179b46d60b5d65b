from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crisisrisk.errors import ModelError
from crisisrisk.evaluation.place_baselines import (
    MINIMUM_EXPECTED,
    PlacePast,
    medic,
    place_baselines,
    place_past,
    shift_factor,
)
from crisisrisk.evaluation.place_metrics import deviance_floor, poisson_deviance
from crisisrisk.timeline import ShiftPattern, Window, shifts_starting_in

LONDON = ZoneInfo("Europe/London")
PATTERNS = (
    ShiftPattern(name="day", starts=time(8), ends=time(16)),
    ShiftPattern(name="evening", starts=time(16), ends=time(0)),
    ShiftPattern(name="night", starts=time(0), ends=time(8)),
)
TWO_YEARS = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 12, 29, tzinfo=UTC))
SHIFTS = shifts_starting_in(PATTERNS, TWO_YEARS, LONDON)
CLOCK = np.array([{"day": 1.0, "evening": 1.5, "night": 0.5}[shift.name] for shift in SHIFTS])
MAP = np.random.default_rng(1).gamma(0.7, 0.3, 30)
TRUTH = CLOCK[:, None] * MAP
COUNTS = np.random.default_rng(2).poisson(TRUTH)
LAST = np.arange(len(SHIFTS) - 84, len(SHIFTS))


def _past(**changes: object) -> PlacePast:
    return place_past(COUNTS, SHIFTS, **{"targets": LAST, "issue_hours": 24, **changes})


def test_every_baseline_forecasts_every_target_and_the_clock_helps() -> None:
    forecasts = place_baselines(_past())
    actual = COUNTS[LAST]
    deviance = {name: poisson_deviance(forecast, actual) for name, forecast in forecasts.items()}
    floor = deviance_floor(TRUTH[LAST], seed=1)
    assert {forecast.shape for forecast in forecasts.values()} == {(84, 30)}
    assert deviance["trailing_365_days_times_shift_factor"] < deviance["trailing_365_days"] - 0.01
    assert deviance["shrunken_rate_times_shift_factor"] < deviance["same_shift_mean_52_weeks"]
    assert deviance["same_shift_mean_52_weeks"] < deviance["same_shift_mean_8_weeks"] < deviance["seasonal_naive"]
    assert min(deviance.values()) > floor.mean - 4 * floor.spread


def test_factors_find_the_clock() -> None:
    found = shift_factor(_past())
    for name, factor in (("day", 1.0), ("evening", 1.5), ("night", 0.5)):
        mine = [place for place, index in enumerate(LAST) if SHIFTS[index].name == name]
        assert found[mine].mean() == pytest.approx(factor, abs=0.05)


def test_medic_recalls_the_same_shift_across_clock_changes() -> None:
    # All counts are 0 but those of Sunday nights, so every recalled shift must have been a Sunday night.
    nights = np.array([shift.name == "night" and shift.weekday == 6 for shift in SHIFTS])
    counts = np.repeat(nights[:, None], 2, axis=1).astype(int)
    targets = np.flatnonzero(nights)[8:]
    forecast = medic(place_past(counts, SHIFTS, targets=targets, issue_hours=1))
    assert forecast == pytest.approx(np.ones((len(targets), 2)))


def test_a_week_ahead_the_shift_a_week_before_is_not_known() -> None:
    counts = np.arange(len(SHIFTS))[:, None]
    for issue_hours, weeks_back in ((24, 1), (7 * 24, 2)):
        naive = place_baselines(place_past(counts, SHIFTS, targets=LAST, issue_hours=issue_hours))["seasonal_naive"]
        assert naive[:, 0].tolist() == (LAST - 21 * weeks_back).tolist()


def test_no_past_is_not_a_number_and_nowhere_is_impossible() -> None:
    empty = place_past(np.zeros_like(COUNTS), SHIFTS, targets=np.array([0, 500]), issue_hours=24)
    for forecast in place_baselines(empty).values():
        assert np.isnan(forecast[0]).all()
        assert (forecast[1] == MINIMUM_EXPECTED).all()


def test_counts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ModelError) as caught:
        place_past(COUNTS[:-1], SHIFTS, issue_hours=24)
    assert caught.value.problem == "counts and shifts do not fit together"
