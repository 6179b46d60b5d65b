"""Windows, local clocks and shifts: what the nights on which the clocks change do to them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crisisrisk.errors import TimeError
from crisisrisk.timeline import (
    MICROSECONDS_PER_DAY,
    Rhythm,
    Window,
    grid,
    horizon,
    instant,
    known_before,
    local_clock,
    lookback,
    microseconds,
    read_local_times,
    rhythm,
    shift_on,
    shift_pattern,
    shifts_starting_in,
    start_of_day,
    utc_from_local,
)

LONDON = ZoneInfo("Europe/London")
AS_OF = datetime(2026, 11, 22, 6, tzinfo=UTC)


def test_a_lookback_and_a_horizon_meet_at_as_of_without_overlap() -> None:
    before, after = lookback(AS_OF, days=28), horizon(AS_OF, days=28)
    assert before.end == after.start == AS_OF
    assert AS_OF not in before
    assert AS_OF in after
    assert before.start in before
    assert after.end not in after


def test_a_gap_moves_the_whole_label_window() -> None:
    window = horizon(AS_OF, days=28, gap_days=7)
    assert window == Window(AS_OF + timedelta(days=7), AS_OF + timedelta(days=35))


@pytest.mark.parametrize("days", [0, -1])
def test_a_length_of_time_that_is_not_positive_is_refused(days: int) -> None:
    for make in (lookback, horizon):
        with pytest.raises(TimeError, match="CR-TIME-003"):
            make(AS_OF, days=days)
    with pytest.raises(TimeError, match="a gap of -3 days"):
        horizon(AS_OF, days=28, gap_days=-3)


def test_a_window_does_not_end_before_it_starts() -> None:
    with pytest.raises(TimeError, match="a window ends before it starts"):
        Window(AS_OF, AS_OF - timedelta(seconds=1))


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(TimeError, match="a time without its zone"):
        lookback(datetime(2026, 11, 22, 6), days=7)


def test_days_are_24_hours_also_across_a_clock_change() -> None:
    as_of = utc_from_local(datetime(2026, 10, 26), LONDON)
    assert lookback(as_of, days=7).duration == timedelta(days=7)
    assert lookback(as_of, days=7).start == datetime(2026, 10, 19, 0, tzinfo=UTC)  # 01:00 in London


def test_known_before_is_strict() -> None:
    as_of = microseconds(AS_OF)
    assert known_before(np.array([as_of - 1, as_of, as_of + 1]), as_of).tolist() == [True, False, False]


def test_microseconds_and_instant_are_inverse_far_from_today() -> None:
    for moment in (datetime(1, 1, 2, tzinfo=UTC), AS_OF, datetime(9999, 12, 30, tzinfo=UTC)):
        assert instant(microseconds(moment)) == moment


def test_half_past_one_twice_is_two_instants() -> None:
    local = datetime(2026, 10, 25, 1, 30)
    first = utc_from_local(local, LONDON, ambiguous="first")
    second = utc_from_local(local, LONDON, ambiguous="second")
    assert (first, second) == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    with pytest.raises(TimeError) as caught:
        utc_from_local(local, LONDON)
    assert caught.value.rendered().splitlines()[:2] == [
        "error[CR-TIME-002]: this local time happened twice",
        "  found   2026-10-25 01:30 (Europe/London) — both 00:30 and 01:30 UTC",
    ]


def test_a_local_time_that_does_not_exist_is_an_error_that_says_so() -> None:
    with pytest.raises(TimeError) as caught:
        utc_from_local(datetime(2026, 3, 29, 1, 30), LONDON)
    assert caught.value.problem == "this local time does not exist"
    assert caught.value.found == "2026-03-29 01:30 (Europe/London): the clocks went forward over it"


@pytest.mark.parametrize("ambiguous", ["first", "second", "raise"])
def test_arrays_of_local_times_agree_with_single_ones(ambiguous: str) -> None:
    start = datetime(2026, 3, 28, 22)
    nights = [start + timedelta(minutes=20 * i) for i in range(30)]
    nights += [datetime(2026, 10, 24, 22) + timedelta(minutes=20 * i) for i in range(30)]
    read = read_local_times(np.array(nights, dtype="datetime64[us]"), LONDON, ambiguous=ambiguous)
    for i, local in enumerate(nights):
        code, wanted = one_local_time(local, ambiguous)
        assert (read.missing[i], read.ambiguous[i]) == (code == "CR-TIME-001", code == "CR-TIME-002")
        assert code is not None or instant(read.instants[i]) == wanted


def one_local_time(local: datetime, ambiguous: str) -> tuple[str | None, datetime | None]:
    try:
        return None, utc_from_local(local, LONDON, ambiguous=ambiguous)
    except TimeError as problem:
        return problem.code, None


@pytest.mark.parametrize(
    ("evening", "hours"), [(date(2026, 3, 28), 7.0), (date(2026, 6, 1), 8.0), (date(2026, 10, 24), 9.0)]
)
def test_a_night_is_seven_eight_or_nine_real_hours(evening: date, hours: float) -> None:
    assert shift_on(shift_pattern("night", "22:00", "06:00"), evening, LONDON).hours == hours


def test_an_irregular_shift_runs_into_the_next_day_on_its_weekdays() -> None:
    car = shift_pattern("car", "10:00", "03:00", ["fri", "sat"])
    week = Window(datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))
    shifts = shifts_starting_in([car], week, LONDON)
    assert [shift.id for shift in shifts] == ["car-2026-11-20", "car-2026-11-21"]
    assert shifts[0].hours == 17.0
    assert shifts[0].weekday == 4


def test_shifts_may_overlap_and_come_in_order() -> None:
    patterns = [shift_pattern("night", "22:00", "08:00"), shift_pattern("car", "10:00", "03:00")]
    day = Window(datetime(2026, 11, 16, tzinfo=UTC), datetime(2026, 11, 17, tzinfo=UTC))
    car, night = shifts_starting_in(patterns, day, LONDON)
    assert (car.name, night.name) == ("car", "night")
    assert night.start < car.end


def test_a_shift_that_starts_in_the_skipped_hour_starts_when_the_clocks_change() -> None:
    shift = shift_on(shift_pattern("early", "01:30", "09:00"), date(2026, 3, 29), LONDON)
    assert shift.start == datetime(2026, 3, 29, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("starts", "ends", "weekdays", "problem"),
    [
        ("22:00", "22:00", ["mon"], 'shift "x" has no length'),
        ("22:00", "24:00", ["mon"], "not a time of day"),
        ("22:00", "6am", ["mon"], "not a time of day"),
        ("22:00", "06:00", [], 'shift "x" has no weekdays'),
        ("22:00", "06:00", ["funday"], 'shift "x": unknown weekday "funday"'),
    ],
)
def test_a_shift_that_makes_no_sense_is_refused(starts: str, ends: str, weekdays: list[str], problem: str) -> None:
    with pytest.raises(TimeError) as caught:
        shift_pattern("x", starts, ends, weekdays)
    assert caught.value.problem == problem


def test_the_weekly_grid_stands_on_local_monday_midnights() -> None:
    window = Window(datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 4, 10, tzinfo=UTC))
    moments = grid(window, LONDON)
    assert [moment.astimezone(LONDON).strftime("%a %H:%M %z") for moment in moments] == [
        "Mon 00:00 +0000",
        "Mon 00:00 +0100",
        "Mon 00:00 +0100",
    ]
    assert moments[1] - moments[0] == timedelta(days=7, hours=-1)


def test_a_daily_grid_has_every_local_midnight_once() -> None:
    window = Window(datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 28, tzinfo=UTC))
    assert [moment.day for moment in grid(window, LONDON, Rhythm(days=1))] == [24, 26, 27]  # 24th 23:00 UTC
    with pytest.raises(TimeError, match="a grid of every 0 days"):
        Rhythm(days=0)


def _stands(every: Rhythm, first: str, last: str) -> list[str]:
    window = Window(datetime.fromisoformat(f"{first}T00:00+00:00"), datetime.fromisoformat(f"{last}T00:00+00:00"))
    return [f"{moment.astimezone(LONDON):%a %-d %b %H:%M %z}" for moment in grid(window, LONDON, every)]


@pytest.mark.parametrize(
    ("every", "stands"),
    [
        (rhythm("1 month"), ["Sun 1 Mar 00:00 +0000", "Wed 1 Apr 00:00 +0100", "Fri 1 May 00:00 +0100"]),
        (rhythm("2 months", at="06:30"), ["Sun 1 Mar 06:30 +0000", "Fri 1 May 06:30 +0100"]),
        (rhythm("4 weeks", weekday="thu"), ["Thu 26 Feb 00:00 +0000", "Thu 26 Mar 00:00 +0000",
                                            "Thu 23 Apr 00:00 +0100"]),
        (rhythm("30 days", at="06:00"), ["Wed 25 Feb 06:00 +0000", "Fri 27 Mar 06:00 +0000", "Sun 26 Apr 06:00 +0100"]),
    ],
)  # fmt: skip
def test_a_grid_stands_where_its_rhythm_says(every: Rhythm, stands: list[str]) -> None:
    assert _stands(every, "2026-02-25", "2026-05-15") == stands


def test_a_time_of_day_that_the_clocks_skip_or_repeat_is_kept_once() -> None:
    spring = _stands(rhythm("1 day", at="01:30"), "2026-03-28", "2026-03-31")
    assert spring == ["Sat 28 Mar 01:30 +0000", "Sun 29 Mar 02:00 +0100", "Mon 30 Mar 01:30 +0100"]
    autumn = _stands(rhythm("1 day", at="01:30"), "2026-10-24", "2026-10-27")
    assert autumn == ["Sat 24 Oct 01:30 +0100", "Sun 25 Oct 01:30 +0100", "Mon 26 Oct 01:30 +0000"]


@pytest.mark.parametrize("words", ["1 year", "weekly", "0 days", "1.5 weeks", "-1 day"])
def test_other_words_are_no_rhythm(words: str) -> None:
    with pytest.raises(TimeError, match="not a rhythm"):
        rhythm(words)


def test_the_local_clock_names_hours_weekdays_and_days() -> None:
    summer = microseconds(datetime(2026, 7, 1, 23, 30, tzinfo=UTC))  # 00:30 on Thursday in London
    clock = local_clock(np.array([0, summer]), LONDON)
    assert clock.hour.tolist() == [1, 0]  # London kept summer time all through the winter of 1969–70
    assert clock.weekday.tolist() == [3, 3]
    assert clock.day[1] == summer // MICROSECONDS_PER_DAY + 1


@pytest.mark.parametrize(
    ("zone", "day", "starts"),
    [
        ("Europe/London", date(2026, 7, 1), datetime(2026, 6, 30, 23, 0, tzinfo=UTC)),
        ("Europe/London", date(2026, 10, 25), datetime(2026, 10, 24, 23, 0, tzinfo=UTC)),
        ("America/Santiago", date(2026, 9, 6), datetime(2026, 9, 6, 4, 0, tzinfo=UTC)),  # begins at one o'clock
        ("America/Havana", date(2026, 11, 1), datetime(2026, 11, 1, 4, 0, tzinfo=UTC)),  # midnight comes twice
    ],
)
def test_a_day_starts_at_its_first_instant_wherever_the_clocks_change(zone: str, day: date, starts: datetime) -> None:
    assert start_of_day(day, ZoneInfo(zone)) == starts
