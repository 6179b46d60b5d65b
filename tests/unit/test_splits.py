from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crisisrisk.errors import DataError
from crisisrisk.evaluation.splits import (
    person_split,
    rolling_origins,
    shift_split,
    temporal_split,
    weekly_origins,
    weeks_of,
)
from crisisrisk.timeline import ShiftPattern, Window, grid, microseconds, shifts_starting_in

LONDON = ZoneInfo("Europe/London")
YEAR = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
MONDAYS = grid(YEAR, LONDON)
WEEK = timedelta(days=7)


@pytest.mark.parametrize("gap_days", [0, 5, 14])
def test_no_label_window_reaches_into_a_later_block(gap_days: int) -> None:
    split = temporal_split(MONDAYS, horizon_days=28, gap_days=gap_days, validation_days=56, test_days=84)
    reach = timedelta(days=28 + gap_days)
    assert len(split.test) == 12
    assert len(split.validation) == 8
    assert split.test[-1] == MONDAYS[-1]
    assert split.validation[-1] + reach <= split.test[0]
    assert split.train[-1] + reach <= split.validation[0]
    # Nothing that could have been used is thrown away: one week later would reach in.
    assert split.train[-1] + WEEK + timedelta(hours=1) + reach > split.validation[0]
    assert split.train[0] == MONDAYS[0]


def test_parts_of_rows() -> None:
    split = temporal_split(MONDAYS, horizon_days=28, validation_days=28, test_days=28)
    rows = np.array([microseconds(at) for at in (split.train[0], split.validation[0], split.test[0], MONDAYS[-6])])
    assert split.part_of(rows).tolist() == [0, 1, 2, -1]


def test_dates_that_are_too_few() -> None:
    with pytest.raises(DataError) as caught:
        temporal_split(MONDAYS[:10], horizon_days=28, validation_days=28, test_days=28)
    assert caught.value.rendered() == (
        "error[CR-EVAL-002]: the dates are too few for a temporal split\n"
        "  wanted  more than 112 days: 28 to test, 28 to validate, twice 28 between them, "
        "and at least one date to train on\n"
        "  found   10 dates from 2025-01-06 to 2025-03-10\n"
        "  hint    load more history, or ask for shorter blocks or a shorter horizon in [split] of the training recipe"
        " · see docs/reference/errors.md#cr-eval-002"
    )
    with pytest.raises(DataError, match="CR-EVAL-002"):
        temporal_split([], horizon_days=28, validation_days=28, test_days=28)


def test_people_stay_where_they_are_when_others_come() -> None:
    people = np.array([f"k1_{number:05d}" for number in range(4000)], dtype=object)
    parts = person_split(people, seed=7, validation_share=0.2, test_share=0.3)
    assert np.bincount(parts) / 4000 == pytest.approx([0.5, 0.2, 0.3], abs=0.03)
    assert person_split(people[1000:], seed=7, validation_share=0.2, test_share=0.3).tolist() == parts[1000:].tolist()
    assert person_split(people, seed=8, validation_share=0.2, test_share=0.3).tolist() != parts.tolist()


def test_people_that_are_too_few() -> None:
    with pytest.raises(DataError, match="CR-EVAL-002") as caught:
        person_split(np.array(["a"], dtype=object), seed=7, validation_share=0.2, test_share=0.3)
    assert caught.value.problem == "the people are too few to split"
    with pytest.raises(DataError) as caught:
        person_split(np.array(["a"], dtype=object), seed=7, validation_share=0.5, test_share=0.5)
    assert caught.value.problem == "nothing is left to train on"


PATTERNS = (
    ShiftPattern(name="day", starts=time(8), ends=time(20)),
    ShiftPattern(name="night", starts=time(20), ends=time(8)),
)
SHIFTS = shifts_starting_in(
    PATTERNS, Window(datetime(2025, 9, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC)), LONDON
)


def test_origins_are_the_last_mondays_with_a_whole_week_after_them() -> None:
    origins = weekly_origins(SHIFTS, LONDON, count=3)
    assert [origin.astimezone(LONDON).date() for origin in origins] == [
        date(2025, 11, 10), date(2025, 11, 17), date(2025, 11, 24),
    ]  # fmt: skip
    assert len(weekly_origins(SHIFTS, LONDON, count=60)) == 12  # all that these shifts have
    with pytest.raises(DataError) as caught:
        weekly_origins(SHIFTS[:6], LONDON, count=60)
    assert caught.value.found == "2025-09-01 to 2025-09-04"


def test_training_shifts_have_ended_and_are_known_when_the_test_forecast_is_issued() -> None:
    origin = weekly_origins(SHIFTS, LONDON, count=1)[0]
    split = shift_split(SHIFTS, origin=origin, test_days=7, validation_days=14, issue_hours=24, latency_hours=6)
    issued = origin - timedelta(hours=24 + 6)
    assert len(split.test) == 14
    assert min(SHIFTS[index].start for index in split.test) >= origin
    assert max(SHIFTS[index].end for index in split.validation) <= issued
    first_validated = issued - timedelta(days=14)
    assert min(SHIFTS[index].start for index in split.validation) >= first_validated
    assert max(SHIFTS[index].end for index in split.train) <= first_validated - timedelta(hours=30)
    assert max(SHIFTS[index].end for index in split.train) > first_validated - timedelta(hours=30 + 24)


def test_without_validation_everything_known_trains() -> None:
    origin = weekly_origins(SHIFTS, LONDON, count=1)[0]
    split = shift_split(SHIFTS, origin=origin, test_days=7)
    assert split.validation.tolist() == []
    # The night before the origin's Monday ends after it begins: it is in neither block.
    assert split.test[0] - split.train[-1] == 2


def test_rolling_origins_expand() -> None:
    origins = weekly_origins(SHIFTS, LONDON, count=4)
    splits = rolling_origins(SHIFTS, origins)
    assert [len(split.test) for split in splits] == [14] * 4
    assert np.diff([len(split.train) for split in splits]).tolist() == [14] * 3
    tested = np.concatenate([split.test for split in splits])
    assert len(np.unique(tested)) == len(tested)


def test_shifts_that_are_too_few() -> None:
    with pytest.raises(DataError, match="CR-EVAL-002") as caught:
        shift_split(SHIFTS, origin=SHIFTS[0].start, test_days=7)
    assert caught.value.found == "0 to train, 0 to validate, 14 to test"


def test_weeks_run_from_monday_to_sunday() -> None:
    weeks = weeks_of(SHIFTS[:16], LONDON)  # 1 September 2025 was a Monday; its first shift starts in UTC at 07:00
    assert (weeks - weeks[0]).tolist() == [0] * 14 + [1] * 2
