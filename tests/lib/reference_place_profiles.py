"""The forecast by kinds of week as its definition reads, event by event and shift by shift: slow and obvious."""

from datetime import timedelta
from math import log

from crisisrisk.features.place_profiles import (
    HALF_LIFE_DAYS,
    LATE_EVENTS,
    LATE_HALF_LIFE_DAYS,
    OWN_EVENTS,
    WeekProfiles,
)
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Shift, Window, instant, microseconds, shifts_starting_in
from tests.lib.reference_place_rules import CELLS, FIRST, SITE, InventedPast


def reference_log_expected(numbers: WeekProfiles, invented: InventedPast, target: Shift, issued: int) -> list[float]:
    """Log of what one shift is expected to bring to each cell, issued at a moment in microseconds."""
    profiles, cells = range(len(numbers.rates)), range(len(CELLS))
    own, seen = [[0.0 for _ in profiles] for _ in cells], [0.0 for _ in profiles]
    came, due = [0.0 for _ in cells], [0.0 for _ in cells]
    latency = timedelta(hours=invented.latency_hours)
    before: int | None = None
    all_shifts = shifts_starting_in(SITE.shifts, Window(FIRST - timedelta(days=3), instant(issued)), SITE.time_zone)
    for shift in sorted(all_shifts, key=lambda one: (one.end, one.start)):
        settled = microseconds(shift.end + latency)
        if settled > issued or microseconds(shift.start) < _records_began(invented, settled):
            continue
        days = 0.0 if before is None else (settled - before) / MICROSECONDS_PER_DAY
        slow, late = 0.5 ** (days / HALF_LIFE_DAYS), 0.5 ** (days / LATE_HALF_LIFE_DAYS)
        before = settled
        parts = [_parts(numbers, own, seen, shift, cell) for cell in cells]
        for cell in cells:
            count = sum(
                where == cell
                and known < settled <= superseded
                and microseconds(shift.start) <= occurred < microseconds(shift.end)
                for where, occurred, known, superseded in invented.versions
            )
            for one in profiles:
                own[cell][one] = own[cell][one] * slow + count * parts[cell][one] / sum(parts[cell])
            came[cell] = came[cell] * late + count
            due[cell] = due[cell] * late + sum(parts[cell])
        seen = [old * slow + new for old, new in zip(seen, _exposure(numbers, shift), strict=True)]
    expected = [
        sum(_parts(numbers, own, seen, target, cell)) * (came[cell] + LATE_EVENTS) / (due[cell] + LATE_EVENTS)
        for cell in cells
    ]
    return [log(numbers.level * one) for one in expected]


def _exposure(numbers: WeekProfiles, shift: Shift) -> list[float]:
    """Rate × hours in each profile; a shift that was not learned has the mean rate."""
    kinds = list(zip(numbers.names, numbers.weekdays, strict=True))
    kind = (shift.name, shift.weekday)
    return [(rates[kinds.index(kind)] if kind in kinds else 1.0) * shift.hours for rates in numbers.rates]


def _parts(numbers: WeekProfiles, own: list[list[float]], seen: list[float], shift: Shift, cell: int) -> list[float]:
    """What each profile makes of a shift in a cell."""
    found = []
    for one, exposure in enumerate(_exposure(numbers, shift)):
        mean = (sum(each[one] for each in own) + 1.0) / (seen[one] * len(own) + 1.0 / numbers.usual[one])
        found.append((own[cell][one] + OWN_EVENTS) / (seen[one] + OWN_EVENTS / mean) * exposure)
    return found


def _records_began(invented: InventedPast, moment: int) -> int:
    """The first occurrence known before a moment among what came within 14 days, else among all; else the moment."""
    known = [(occurred, at) for _, occurred, at, _ in invented.versions if max(at, occurred) < moment]
    prompt = [occurred for occurred, at in known if at - occurred <= 14 * MICROSECONDS_PER_DAY]
    return min(prompt or [occurred for occurred, _ in known], default=moment)
