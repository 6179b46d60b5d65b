"""Time, decided once: windows, shifts, local clocks. The only place that decides "before".

Instants are UTC, as aware datetimes at the edges and as int64 microseconds since 1970 in arrays.
Windows include their start and exclude their end. Durations are multiples of 24 h; local time
only places the weekly grid, cuts shifts and names weekdays, hours and days.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import TimeError

MICROSECONDS_PER_SECOND = 1_000_000
MICROSECONDS_PER_HOUR = 3_600 * MICROSECONDS_PER_SECOND
MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR
_FEW_AN_HOUR = 4

# Instants outside these years are typing errors in an agency's file, not history.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

# "Never superseded", as an instant that every library on the way can still represent.
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)

Instants = NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 UTC. Raises TimeError for a time without its zone."""
    if moment.tzinfo is None:
        raise TimeError(
            "CR-TIME-004", "a time without its zone", found=moment.isoformat(), wanted="a time with a zone, such as …Z"
        )
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)


def instant(since_1970: int) -> datetime:
    """The aware UTC datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=int(since_1970))


FOREVER_US = microseconds(FOREVER)
FIRST_US = microseconds(datetime.min.replace(tzinfo=UTC))
LAST_US = microseconds(datetime.max.replace(tzinfo=UTC))
"""The calendar: the years 1 to 9999."""


@dataclass(frozen=True, order=True)
class Window:
    """A stretch of time `[start, end)`: the start belongs to it, the end does not."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if microseconds(self.end) < microseconds(self.start):
            raise TimeError("CR-TIME-003", "a window ends before it starts", found=f"{self.start} to {self.end}")

    def __contains__(self, moment: datetime) -> bool:
        return microseconds(self.start) <= microseconds(moment) < microseconds(self.end)

    @property
    def duration(self) -> timedelta:
        """Real elapsed time, clock changes included."""
        return self.end.astimezone(UTC) - self.start.astimezone(UTC)


def lookback(as_of: datetime, *, days: int) -> Window:
    """The window `[as_of - days, as_of)` that a feature summarises. `days` are multiples of 24 h."""
    return Window(_utc(as_of) - _positive_days(days, "lookback"), _utc(as_of))


def horizon(as_of: datetime, *, days: int, gap_days: int = 0) -> Window:
    """The label window `[as_of + gap, as_of + gap + days)`."""
    gap = timedelta(days=gap_days) if gap_days == 0 else _positive_days(gap_days, "gap")
    start = _utc(as_of) + gap
    return Window(start, start + _positive_days(days, "horizon"))


def known_before(known_at: Instants, as_of_us: int) -> NDArray[np.bool_]:
    """Which of `known_at` (microseconds) the service knew before `as_of`: strictly earlier."""
    return known_at < as_of_us


def _utc(moment: datetime) -> datetime:
    microseconds(moment)
    return moment.astimezone(UTC)


def _positive_days(days: int, what: str) -> timedelta:
    if days <= 0:
        raise TimeError("CR-TIME-003", f"a {what} of {days} days", wanted="a whole number of days above 0")
    return timedelta(days=days)


# Local clocks


def utc_from_local(local: datetime, zone: ZoneInfo, *, ambiguous: str = "raise") -> datetime:
    """The instant of a naive local time.

    `ambiguous` says which of two is meant where the clocks went back: `first`, `second` or `raise`.
    A local time that does not exist raises TimeError always: nothing happened then.
    """
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    if first > second:
        raise TimeError(
            "CR-TIME-001",
            "this local time does not exist",
            found=f"{local:%Y-%m-%d %H:%M} ({zone.key}): the clocks went forward over it",
        )
    if ambiguous == "first":
        return first
    if ambiguous == "second":
        return second
    raise TimeError(
        "CR-TIME-002",
        "this local time happened twice",
        found=f"{local:%Y-%m-%d %H:%M} ({zone.key}) — both {first:%H:%M} and {second:%H:%M} UTC",
        hint='say  ambiguous = "first" | "second" | "quarantine"',
    )


@dataclass(frozen=True)
class LocalReading:
    """Instants read from naive local times. `instants` holds 0 where either mask is set."""

    instants: Instants
    ambiguous: NDArray[np.bool_]
    missing: NDArray[np.bool_]


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day: midnight, or the change of the clocks where they go forward over midnight."""
    return _rota_instant(datetime.combine(day, time()), zone)


def read_local_times(local: NDArray[np.datetime64], zone: ZoneInfo, *, ambiguous: str = "raise") -> LocalReading:
    """Instants of naive local times (any datetime64 unit), as an array.

    Where the clocks went back, `ambiguous` = `first` or `second` picks one; anything else marks the
    time in the `ambiguous` mask. Times that do not exist are marked in `missing`.
    """
    import pandas as pd

    index = pd.DatetimeIndex(local.astype("datetime64[us]"))
    empty = np.asarray(index.isna())
    first = np.full(len(index), True)
    if ambiguous in ("first", "second"):
        read = index.tz_localize(zone, ambiguous=first if ambiguous == "first" else ~first, nonexistent="NaT")
    else:
        read = index.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    instants = read.tz_convert(UTC).as_unit("us").asi8.copy()
    unread = np.flatnonzero(np.asarray(read.isna()) & ~empty)
    # Few times are unclear, so only those are asked a second time which of the two reasons it is.
    again = index[unread].tz_localize(zone, ambiguous=first[unread], nonexistent="NaT")
    missing, unclear = np.zeros(len(index), dtype=bool), np.zeros(len(index), dtype=bool)
    missing[unread] = np.asarray(again.isna())
    unclear[unread] = ~np.asarray(again.isna())
    instants[missing | unclear | empty] = 0
    return LocalReading(instants=instants, ambiguous=unclear, missing=missing)


@dataclass(frozen=True)
class LocalClock:
    """What a local clock and calendar showed. All arrays have one entry per instant."""

    day: NDArray[np.int32]
    """Local days since 1970-01-01."""
    hour: NDArray[np.int8]
    """Local hour, 0 to 23."""
    weekday: NDArray[np.int8]
    """0 is Monday."""


def local_clock(instants: Instants, zone: ZoneInfo) -> LocalClock:
    """Local day, hour and weekday of instants (microseconds)."""
    wall_us = wall_clock(instants, zone)
    day = wall_us // MICROSECONDS_PER_DAY
    return LocalClock(
        day=day.astype(np.int32),
        hour=((wall_us // MICROSECONDS_PER_HOUR) % 24).astype(np.int8),
        weekday=((day + 3) % 7).astype(np.int8),  # 1970-01-01 was a Thursday
    )


def wall_clock(instants: Instants, zone: ZoneInfo) -> Instants:
    """What the clock on the wall shows, in microseconds since it showed 1970.

    Of many instants the zone is asked about whole hours alone: between two of the same offset it does not change.
    """
    if not len(instants):
        return instants
    hour = instants // MICROSECONDS_PER_HOUR
    first, hours = int(hour.min()), int(hour.max() - hour.min()) + 2
    if hours * _FEW_AN_HOUR > len(instants):
        return _asked_of_the_zone(instants, zone)
    edges = (first + np.arange(hours, dtype=np.int64)) * MICROSECONDS_PER_HOUR
    ahead = _asked_of_the_zone(edges, zone) - edges
    wall = instants + ahead[hour - first]
    changing = np.flatnonzero((ahead[1:] != ahead[:-1])[hour - first])
    wall[changing] = _asked_of_the_zone(instants[changing], zone)
    return wall


def _asked_of_the_zone(instants: Instants, zone: ZoneInfo) -> Instants:
    import pandas as pd

    wall = pd.DatetimeIndex(instants.astype("datetime64[us]")).tz_localize(UTC).tz_convert(zone).tz_localize(None)
    return np.asarray(wall.as_unit("us").asi8, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """How far apart the moments of a grid stand, on the local calendar, and at which local time of day.

    `weekday` (0 is Monday) is where a grid of whole weeks stands; one of months stands on the first day of a month;
    one of other days counts from the first day of its window.
    """

    days: int = 7
    months: int = 0
    """Above 0: so many months apart, whatever `days` says."""
    at: time = time()
    weekday: int = 0

    def __post_init__(self) -> None:
        if self.days <= 0 or self.months < 0:
            every = f"{self.months} months" if self.months else f"{self.days} days"
            raise TimeError("CR-TIME-003", f"a grid of every {every}", wanted="a whole number above 0")

    def first_on_or_after(self, day: date) -> date:
        """The first day on or after this one on which a grid may begin."""
        if self.months:
            return day if day.day == 1 else _months_later(day, 1)
        if self.days % 7 == 0:
            return day + timedelta(days=(self.weekday - day.weekday()) % 7)
        return day

    def after(self, day: date) -> date:
        """The day of the grid that follows one of its days."""
        return _months_later(day, self.months) if self.months else day + timedelta(days=self.days)


_RHYTHM = re.compile(r"([1-9]\d{0,3}) (day|week|month)s?")


def rhythm(every: str, *, at: str = "00:00", weekday: str = "mon") -> Rhythm:
    """A rhythm from text as a recipe has it: `1 day`, `2 weeks`, `1 month`; `06:00`; `thu`."""
    read = _RHYTHM.fullmatch(every)
    if read is None:
        raise TimeError("CR-TIME-003", "not a rhythm", found=repr(every), wanted='"1 day", "2 weeks" or "1 month"')
    if weekday not in _DAYS:
        raise TimeError("CR-TIME-003", f'unknown weekday "{weekday}"', found=weekday, wanted=", ".join(_DAYS))
    count, unit = int(read[1]), read[2]
    days = count * (7 if unit == "week" else 1)
    months = count if unit == "month" else 0
    return Rhythm(days=days, months=months, at=time_of_day(at), weekday=_DAYS.index(weekday))


def _months_later(day: date, months: int) -> date:
    """The first day of a month so many months after that of a day."""
    number = day.year * 12 + day.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


WEEKLY = Rhythm()


def grid(window: Window, zone: ZoneInfo, every: Rhythm = WEEKLY) -> tuple[datetime, ...]:
    """As-of moments in a window, at the same local time of day each: local midnights of Mondays, if nothing is said.

    A time of day inside the hour that the clocks skip moves to the moment of the change; one inside the hour that
    happens twice takes the first.
    """
    return tuple(_moments(window, zone, every))


def _moments(window: Window, zone: ZoneInfo, every: Rhythm) -> Iterator[datetime]:
    day = every.first_on_or_after(window.start.astimezone(zone).date())
    while (moment := _rota_instant(datetime.combine(day, every.at), zone)) < window.end:
        if moment >= window.start:
            yield moment
        day = every.after(day)


# Shifts


@dataclass(frozen=True, kw_only=True)
class ShiftPattern:
    """A named stretch of local time that repeats, such as `10:00` to `03:00` on Fridays and Saturdays."""

    name: str
    starts: time
    ends: time
    weekdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    teams: int = 0
    """How many teams are on duty; 0: nobody says."""
    cells_per_team: int = 1
    """How many cells one team can cover."""

    def __post_init__(self) -> None:
        if self.teams < 0 or self.cells_per_team < 1:
            raise TimeError(
                "CR-TIME-003",
                f'shift "{self.name}" has no such teams',
                wanted="teams = 0 or more, cells_per_team = 1 or more",
            )
        if self.starts == self.ends:
            raise TimeError(
                "CR-TIME-003", f'shift "{self.name}" has no length', wanted="two different local times of day"
            )
        if not self.weekdays:
            raise TimeError("CR-TIME-003", f'shift "{self.name}" has no weekdays', wanted="at least one weekday")


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One staffed stretch of time. `start` and `end` are UTC; the end does not belong to it."""

    id: str
    name: str
    start: datetime
    end: datetime
    weekday: int
    """Local weekday on which it starts; 0 is Monday."""

    @property
    def hours(self) -> float:
        """Real hours: an eight-hour night is seven or nine when the clocks change."""
        return (self.end - self.start) / timedelta(hours=1)


def shift_pattern(
    name: str, starts: str, ends: str, weekdays: Sequence[str] = _DAYS, *, teams: int = 0, cells_per_team: int = 1
) -> ShiftPattern:
    """A pattern from text as a site's configuration has it: `22:00`, `08:00`, `["fri", "sat"]`."""
    unknown = [day for day in weekdays if day not in _DAYS]
    if unknown:
        raise TimeError("CR-TIME-003", f'shift "{name}": unknown weekday "{unknown[0]}"', wanted=", ".join(_DAYS))
    days = tuple(sorted(_DAYS.index(day) for day in weekdays))
    return ShiftPattern(
        name=name, starts=time_of_day(starts), ends=time_of_day(ends), weekdays=days, teams=teams,
        cells_per_team=cells_per_team,
    )  # fmt: skip


def time_of_day(text: str) -> time:
    """A local time of day from `HH:MM`. Raises TimeError for text that is none."""
    if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text) is None:
        raise TimeError("CR-TIME-003", "not a time of day", found=repr(text), wanted="HH:MM, 00:00 to 23:59")
    return time.fromisoformat(text)


def shift_on(pattern: ShiftPattern, day: date, zone: ZoneInfo) -> Shift:
    """The shift of a pattern that starts on a local day.

    A start or end inside the hour that the clocks skip moves to the moment of the change; one inside
    the hour that happens twice takes the first: a rota must not lose a shift on those two nights.
    """
    last = day if pattern.ends > pattern.starts else day + timedelta(days=1)
    start = _rota_instant(datetime.combine(day, pattern.starts), zone)
    end = _rota_instant(datetime.combine(last, pattern.ends), zone)
    return Shift(id=f"{pattern.name}-{day.isoformat()}", name=pattern.name, start=start, end=end, weekday=day.weekday())


def _rota_instant(local: datetime, zone: ZoneInfo) -> datetime:
    try:
        return utc_from_local(local, zone, ambiguous="first")
    except TimeError:
        # fold=1 applies the offset from after the gap, fold=0 the one from before it; the change lies between.
        late, early = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        while late - early > timedelta(seconds=1):
            middle = early + (late - early) / 2
            before = middle.astimezone(zone).utcoffset() == early.astimezone(zone).utcoffset()
            early, late = (middle, late) if before else (early, middle)
        return late.replace(microsecond=0)


def shifts_starting_in(patterns: Sequence[ShiftPattern], window: Window, zone: ZoneInfo) -> tuple[Shift, ...]:
    """Every shift that starts inside a window, in order of start, then name. Shifts may overlap.

    One that lies wholly inside the hour that the clocks skip has no length that night, and is left out.
    """
    day = window.start.astimezone(zone).date() - timedelta(days=1)
    last = window.end.astimezone(zone).date() + timedelta(days=1)
    found: list[Shift] = []
    while day <= last:
        due = (shift_on(pattern, day, zone) for pattern in patterns if day.weekday() in pattern.weekdays)
        found.extend(shift for shift in due if shift.start in window and shift.start < shift.end)
        day += timedelta(days=1)
    return tuple(sorted(found, key=lambda shift: (shift.start, shift.name)))
