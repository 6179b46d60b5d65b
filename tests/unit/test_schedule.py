"""When jobs are due, over the nights on which the clock on the wall is changed too."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from crisisrisk.operations.schedule import BeforeShifts, Daily, Every
from crisisrisk.timeline import shift_pattern

LONDON = ZoneInfo("Europe/London")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "last", "following"),
    [
        ("2026-06-10T03:59", "2026-06-09T04:00", "2026-06-10T04:00"),  # 05:00 in summer is 04:00 UTC
        ("2026-06-10T04:00", "2026-06-10T04:00", "2026-06-11T04:00"),
        ("2026-10-25T04:30", "2026-10-24T04:00", "2026-10-25T05:00"),  # the clocks went back at 01:00 UTC
        ("2026-03-29T03:30", "2026-03-28T05:00", "2026-03-29T04:00"),  # and forward
    ],
)
def test_a_local_time_follows_the_clock_on_the_wall(now: str, last: str, following: str) -> None:
    daily = Daily((time(5),), LONDON)
    assert (daily.last(utc(now)), daily.following(utc(now))) == (utc(last), utc(following))


def test_a_time_that_is_skipped_is_due_at_the_change_and_one_that_comes_twice_once() -> None:
    daily = Daily((time(1, 30),), LONDON)
    assert daily.following(utc("2026-03-28T12:00")) == utc("2026-03-29T01:00")
    first = daily.following(utc("2026-10-24T12:00"))
    assert first == utc("2026-10-25T00:30")
    assert daily.following(first) == utc("2026-10-26T01:30")


def test_a_shift_is_forecast_so_many_real_hours_before_it() -> None:
    night = shift_pattern("night", "22:00", "06:00", ["fri"])
    before = BeforeShifts((24, 1), (night,), LONDON)
    assert before.last(utc("2026-10-23T20:30")) == utc("2026-10-23T20:00")  # Friday 22:00 is 21:00 UTC
    assert before.following(utc("2026-10-23T20:30")) == utc("2026-10-29T22:00")  # Thursday; in winter it is 22:00 UTC
    assert before.last(utc("2026-10-28T00:00")) == utc("2026-10-23T20:00")


def test_every_so_often_counts_from_a_fixed_beginning() -> None:
    quarter = Every(15)
    assert quarter.last(utc("2026-10-25T00:44")) == utc("2026-10-25T00:30")
    assert quarter.following(utc("2026-10-25T00:45")) - utc("2026-10-25T00:45") == timedelta(minutes=15)


def test_no_times_are_never() -> None:
    assert Daily((), LONDON).last(utc("2026-06-10T03:59")) is None
    assert BeforeShifts((), (), LONDON).following(utc("2026-06-10T03:59")) is None
