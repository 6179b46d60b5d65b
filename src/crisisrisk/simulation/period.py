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

END = datetime(2026, 11, 22, 6, 0)  # noqa: DTZ001 - local time of the city; data end here however many years there are
MOST_YEARS = 10

# Named here, not computed, so that the same seed gives the same bytes whatever calendar is installed.
# England and Wales; from a year before the longest simulation begins, for the burn-in.
BANK_HOLIDAYS = frozenset(
    date.fromisoformat(day)
    for day in (
        "2015-01-01", "2015-04-03", "2015-04-06", "2015-05-04", "2015-05-25", "2015-08-31", "2015-12-25", "2015-12-28",
        "2016-01-01", "2016-03-25", "2016-03-28", "2016-05-02", "2016-05-30", "2016-08-29", "2016-12-26", "2016-12-27",
        "2017-01-02", "2017-04-14", "2017-04-17", "2017-05-01", "2017-05-29", "2017-08-28", "2017-12-25", "2017-12-26",
        "2018-01-01", "2018-03-30", "2018-04-02", "2018-05-07", "2018-05-28", "2018-08-27", "2018-12-25", "2018-12-26",
        "2019-01-01", "2019-04-19", "2019-04-22", "2019-05-06", "2019-05-27", "2019-08-26", "2019-12-25", "2019-12-26",
        "2020-01-01", "2020-04-10", "2020-04-13", "2020-05-08", "2020-05-25", "2020-08-31", "2020-12-25", "2020-12-28",
        "2021-01-01", "2021-04-02", "2021-04-05", "2021-05-03", "2021-05-31", "2021-08-30", "2021-12-27", "2021-12-28",
        "2022-01-03", "2022-04-15", "2022-04-18", "2022-05-02", "2022-06-02", "2022-06-03", "2022-08-29", "2022-09-19",
        "2022-12-26", "2022-12-27",
        "2023-01-02", "2023-04-07", "2023-04-10", "2023-05-01", "2023-05-08", "2023-05-29", "2023-08-28", "2023-12-25",
        "2023-12-26",
        "2024-01-01", "2024-03-29", "2024-04-01", "2024-05-06", "2024-05-27", "2024-08-26", "2024-12-25", "2024-12-26",
        "2025-01-01", "2025-04-18", "2025-04-21", "2025-05-05", "2025-05-26", "2025-08-25", "2025-12-25", "2025-12-26",
        "2026-01-01", "2026-04-03", "2026-04-06", "2026-05-04", "2026-05-25", "2026-08-31", "2026-12-25", "2026-12-28",
    )
)  # fmt: skip

Seconds = NDArray[np.int64]
Indices = NDArray[np.int64]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


def stream(seed: int, name: str, block: int = 0) -> np.random.Generator:
    """The random stream of one part of the city, for one block of its people."""
    return np.random.default_rng([seed, crc32(name.encode("ascii")), block])


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


def first_day(years: float) -> date:
    """The first Monday that is no more than so many years before the end of the data."""
    day = END.date() - timedelta(days=round(years * 365.25))
    return day + timedelta(days=-day.weekday() % 7)


def period_of(years: float) -> Period:
    """So many years of local days, from a Monday to the end of the data."""
    return period(first_day(years), END)


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
