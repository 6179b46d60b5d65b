"""What a calendar and a rota say of a shift: bank holidays, weekday, month, and earlier shifts of the same kind.

All of it is known before any issue time. Bank holidays come from the `holidays` package for the site's
country and subdivision.
"""

from calendar import isleap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from holidays import country_holidays
from numpy.typing import NDArray

from crisisrisk.errors import SiteError
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Instants, Shift, ShiftPattern, instant, microseconds, shift_on

SHIFT_CALENDAR = (
    "shift", "shift_hours", "weekday", "month", "bank_holiday", "day_before_bank_holiday", "day_after_bank_holiday",
)  # fmt: skip

_DAY = timedelta(days=1)

Numbers = NDArray[np.float64]


def shift_calendar(shifts: Sequence[Shift], site: Site) -> dict[str, Numbers]:
    """Calendar features by name, each of shape (shifts,); NaN where a shift is none of the site's.

    A shift belongs to the local day on which it starts. Raises SiteError for an unknown country or subdivision.
    """
    days = [shift.start.astimezone(site.time_zone).date() for shift in shifts]
    holidays = _holidays_around(days, site)
    names = {pattern.name: float(place) for place, pattern in enumerate(site.shifts)}
    return {
        "shift": np.array([names.get(shift.name, np.nan) for shift in shifts], dtype=np.float64),
        "shift_hours": np.array([shift.hours for shift in shifts], dtype=np.float64),
        "weekday": np.array([day.weekday() for day in days], dtype=np.float64),
        "month": np.array([day.month for day in days], dtype=np.float64),
        "bank_holiday": np.array([day in holidays for day in days], dtype=np.float64),
        "day_before_bank_holiday": np.array([day + _DAY in holidays for day in days], dtype=np.float64),
        "day_after_bank_holiday": np.array([day - _DAY in holidays for day in days], dtype=np.float64),
    }


def _holidays_around(days: Sequence[date], site: Site) -> frozenset[date]:
    if not days:
        return frozenset()
    years = range(min(days).year - 1, max(days).year + 2)
    return frozenset().union(*(bank_holidays(site.country, site.subdivision, year) for year in years))


@lru_cache(maxsize=512)
def bank_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """The bank holidays of a year. Raises SiteError for an unknown country or subdivision."""
    try:
        return frozenset(country_holidays(country, subdiv=subdivision, years=year))
    except NotImplementedError as problem:
        raise SiteError(
            "CR-SITE-002",
            "bank holidays of this country are not known",
            wanted='an ISO 3166 country, and a subdivision of it, such as "GB" and "ENG"',
            found=str(problem),
        ) from None


@dataclass(frozen=True, eq=False)
class EarlierShifts:
    """All shifts of one name and weekday that a site's rota makes, ascending. They never overlap one another."""

    start: Instants
    end: Instants

    def of(self, occurred_at: Instants) -> NDArray[np.int64]:
        """For each instant the index of the shift it lies in, or -1. Shape as given."""
        place = np.searchsorted(self.start, occurred_at, side="right") - 1
        inside = place >= 0
        inside[inside] = occurred_at[inside] < self.end[place[inside]]
        return np.where(inside, place, -1)


def earlier_shifts(site: Site, first: int, last: int) -> dict[tuple[str, int], EarlierShifts]:
    """The rota's shifts between two instants (microseconds), by name and local weekday of their start.

    A shift that has begun before `first` is among them. Today's rota is taken for the past.
    """
    years = range(instant(first).year - 1, instant(last).year + 2)
    found = {}
    for pattern in site.shifts:
        of_years = [_shifts_of_year(pattern, site.time_zone, year) for year in years]
        start, end, weekday = (np.concatenate(parts) for parts in zip(*of_years, strict=True))
        between = (end > first) & (start <= last)
        for day in pattern.weekdays:
            chosen = between & (weekday == day)
            found[pattern.name, day] = EarlierShifts(start[chosen], end[chosen])
    return found


@lru_cache(maxsize=1024)
def _shifts_of_year(pattern: ShiftPattern, zone: ZoneInfo, year: int) -> tuple[Instants, Instants, Instants]:
    """Start, end and local weekday of the shifts of a pattern that start in a local year."""
    days = [date(year, 1, 1) + number * _DAY for number in range(366 if isleap(year) else 365)]
    shifts = [shift_on(pattern, day, zone) for day in days if day.weekday() in pattern.weekdays]
    return (
        np.array([microseconds(shift.start) for shift in shifts], dtype=np.int64),
        np.array([microseconds(shift.end) for shift in shifts], dtype=np.int64),
        np.array([shift.weekday for shift in shifts], dtype=np.int64),
    )
