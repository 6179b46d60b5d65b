"""When a source is late: by its own rhythm, weekends included."""

from datetime import UTC, datetime, timedelta

import numpy as np

from crisisrisk.tables.silence import is_late, is_silent
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, microseconds

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


def office_hours(weeks: int) -> list[datetime]:
    days = (MONDAY - timedelta(weeks=weeks) + timedelta(days=day) for day in range(7 * weeks))
    return [day + timedelta(hours=hour) for day in days if day.weekday() < 5 for hour in range(9, 17)]


def test_a_source_that_rests_at_weekends_is_not_late_on_sunday_but_on_tuesday() -> None:
    known_at = np.array([microseconds(moment) for moment in office_hours(20)])
    sunday, tuesday = MONDAY - timedelta(hours=18), MONDAY + timedelta(days=1)
    assert not is_late(known_at, microseconds(sunday))
    assert is_late(known_at, microseconds(tuesday))


def test_a_source_that_never_rests_is_late_after_hours() -> None:
    known_at = np.arange(0, 5_000) * MICROSECONDS_PER_HOUR // 4
    assert not is_late(known_at, int(known_at[-1]) + MICROSECONDS_PER_HOUR // 2)
    assert is_late(known_at, int(known_at[-1]) + 2 * MICROSECONDS_PER_HOUR)


def test_one_single_event_and_events_in_any_order_are_defined() -> None:
    assert is_late(np.array([0]), 2 * MICROSECONDS_PER_HOUR)
    known_at = np.array([3, 1, 2]) * MICROSECONDS_PER_DAY
    assert not is_late(known_at, 4 * MICROSECONDS_PER_DAY)


def test_by_the_mean_gap_alone_a_rare_source_is_not_taken_for_a_broken_one() -> None:
    day = MICROSECONDS_PER_DAY
    assert not is_silent(events=24, first=0, last_known=360 * day, now=420 * day)
    assert is_silent(events=360, first=0, last_known=360 * day, now=420 * day)
