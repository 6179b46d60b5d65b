"""The days that the invented city lives through: local midnights, weekdays, paydays, bank holidays.

Instants in this package are int64 seconds since 1970 UTC. Every random stream has a name, so that a
change in one part of the city leaves the others as they were.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ZONE = ZoneInfo("Europe/London")
SECONDS_PER_HOUR = 3_600
SECONDS_PER_DAY = 86_400

# Named here, not computed, so that the same seed gives the same bytes whatever calendar is installed.
BANK_HOLIDAYS = frozenset(
    date.fromisoformat(day)
    for day in (
        "2024-01-01", "2024-03-29", "2024-04-01", "2024-05-06", "2024-05-27", "2024-08-26", "2024-12-25", "2024-12-26",
        "2025-01-01", "2025-04-18", "2025-04-21", "2025-05-05", "2025-05-26", "2025-08-25", "2025-12-25", "2025-12-26",
        "2026-01-01", "2026-04-03", "2026-04-06", "2026-05-04", "2026-05-25", "2026-08-31", "2026-12-25", "2026-12-28",
    )
)  # fmt: skip

Seconds = NDArray[np.int64]
Indices = NDArray[np.int64]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of one part of the city."""
    return np.random.default_rng([seed, crc32(name.encode("ascii"))])


@dataclass(frozen=True)
class Period:
    """Consecutive local days. Arrays have shape (days,); `midnight` has one entry more, the end of the last day."""

    first: date
    end: int
    midnight: Seconds
    weekday: Indices
    payday: Mask
    bank_holiday: Mask
    season: Numbers

    def __len__(self) -> int:
        return len(self.weekday)

    @property
    def working_day(self) -> Mask:
        """Monday to Friday, bank holidays left out."""
        return (self.weekday < 5) & ~self.bank_holiday

    def at(self, day: Indices, hour: Numbers) -> Seconds:
        """The instant of a day's number and an hour of the local day, kept inside that day."""
        length = self.midnight[day + 1] - self.midnight[day]
        return np.asarray(self.midnight[day] + np.minimum((hour * SECONDS_PER_HOUR).astype(np.int64), length - 1))

    def midnight_of(self, day: Indices) -> Seconds:
        """Local midnight of each day's number, also of days before the first (read without clock changes)."""
        inside = np.clip(day, 0, len(self))
        return np.asarray(self.midnight[inside] + (day - inside) * SECONDS_PER_DAY)

    def day_of(self, instants: Seconds) -> Indices:
        """The number of the day in which each instant lies."""
        return np.searchsorted(self.midnight, instants, side="right") - 1


def period(first: date, end: datetime) -> Period:
    """All local days from `first` to the one in which `end` (local) lies."""
    days = [first + timedelta(days=number) for number in range((end.date() - first).days + 1)]
    paydays = {day for month in {(day.year, day.month) for day in days} for day in _after_payday(*month)}
    day_of_year = np.array([day.timetuple().tm_yday for day in days])
    return Period(
        first=first,
        end=int(end.replace(tzinfo=ZONE).timestamp()),
        midnight=np.array([_midnight(day) for day in [*days, days[-1] + timedelta(days=1)]], dtype=np.int64),
        weekday=np.array([day.weekday() for day in days]),
        payday=np.array([day in paydays for day in days]),
        bank_holiday=np.array([day in BANK_HOLIDAYS for day in days]),
        season=np.cos(2 * np.pi * (day_of_year - 190) / 365.25),
    )


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), tzinfo=ZONE).timestamp())


def _after_payday(year: int, month: int) -> list[date]:
    """The last working day of a month and the two days after it."""
    day = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
    while day.weekday() >= 5 or day in BANK_HOLIDAYS:
        day -= timedelta(days=1)
    return [day + timedelta(days=number) for number in range(3)]


def local_clock(instants: Seconds) -> pd.DatetimeIndex:
    """Wall-clock times in the city."""
    return pd.DatetimeIndex(pd.to_datetime(instants, unit="s", utc=True)).tz_convert(ZONE)


def seconds(moment: str) -> int:
    """The instant of a UTC time written in ISO."""
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp())
