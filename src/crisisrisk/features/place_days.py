"""School holidays, paydays and benefit days, as a site declares them. What it does not declare is not known."""

from calendar import monthrange
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.calendar import bank_holidays
from crisisrisk.features.place_located import Numbers, announced, covered
from crisisrisk.tables.calendar_settings import WEEKDAYS
from crisisrisk.tables.named_files import read_named_file
from crisisrisk.tables.named_tables import SCHOOL_HOLIDAYS
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Instants, Shift

Days = NDArray[np.int64]
_DAY = timedelta(days=1)
LAST = "last_"
LAST_WORKING_DAY = "last_working_day"


def local_days(shifts: Sequence[Shift], site: Site) -> Days:
    """The local day on which each shift starts, as days since year 1. Shape (shifts,)."""
    return np.array([shift.start.astimezone(site.time_zone).toordinal() for shift in shifts], dtype=np.int64)


def school_holiday(shifts: Sequence[Shift], issued_at: Instants, site: Site) -> Numbers:
    """1 on a school holiday, 0 between holidays, NaN before the first and after the last announced. Shape (shifts,)."""
    found = np.full(len(shifts), np.nan)
    path = site.calendar.school_holidays
    rows = () if path is None else read_named_file(path, SCHOOL_HOLIDAYS, site.time_zone)
    if not rows:
        return found
    days, known = local_days(shifts, site), announced(rows)
    first, last = (np.array([row[name].toordinal() for row in rows]) for name in ("first_day", "last_day"))
    begins, ends = covered(first, last, known.known_at, issued_at)
    found[(begins <= days) & (days <= ends)] = 0.0
    for one in range(len(rows)):
        found[(first[one] <= days) & (days <= last[one]) & known.at(one, issued_at)] = 1.0
    return found


def days_since_payday(shifts: Sequence[Shift], site: Site) -> Numbers:
    """Whole local days since the last payday, 0 on the day itself. NaN where no rule is declared. Shape (shifts,)."""
    days, rules = local_days(shifts, site), site.calendar.paydays
    if not rules or not len(days):
        return np.full(len(days), np.nan)
    first, last = date.fromordinal(int(days.min())), date.fromordinal(int(days.max()))
    paid = np.unique([day.toordinal() for rule in rules for day in _paydays(rule, first, last, site)])
    return np.asarray(days - paid[np.searchsorted(paid, days, side="right") - 1], dtype=np.float64)


def days_since_benefit_day(shifts: Sequence[Shift], site: Site) -> Numbers:
    """Whole local days since benefits were last paid, likewise. Shape (shifts,)."""
    days = local_days(shifts, site)
    since = [(days - one.first.toordinal()) % one.every_days for one in site.calendar.benefit_days]
    return np.min(since, axis=0).astype(np.float64) if since else np.full(len(days), np.nan)


def _paydays(rule: str, first: date, last: date, site: Site) -> Iterator[date]:
    """The paydays of a rule, from two months before the first day to the month of the last."""
    month = first.year * 12 + first.month - 3
    while month <= last.year * 12 + last.month - 1:
        yield _payday(rule, month // 12, month % 12 + 1, site)
        month += 1


def _payday(rule: str, year: int, month: int, site: Site) -> date:
    """A month's payday: of a day of the month or the last working day, the working day on it or before it."""
    day = date(year, month, monthrange(year, month)[1] if rule.startswith(LAST) else int(rule))
    if rule.startswith(LAST) and rule != LAST_WORKING_DAY:
        return day - timedelta(days=(day.weekday() - WEEKDAYS.index(rule.removeprefix(LAST))) % 7)
    while day.weekday() >= 5 or day in bank_holidays(site.country, site.subdivision, day.year):
        day -= _DAY
    return day
