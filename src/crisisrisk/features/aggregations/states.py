"""Stays: in hospital, in a crisis house, detained. In one now, how long, days of late, the longest, since when not."""

from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.features.aggregations.declared import DAY, Example, PersonAggregation, Seen
from crisisrisk.features.person_kernels import NEVER, EventArrays, Integers, Matrix, RowArrays
from crisisrisk.features.person_series import COUNT, NOTHING_MORE, WHEN, Asked, Series, advance, begin, first_since
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants

_NOW, _DAYS_IN, _DAYS_OF_LATE, _SINCE_LEAVING, _LONGEST = range(5)


@njit(nogil=True, cache=True)
def _scan(
    first: int, last: int, events: EventArrays, rows: RowArrays, series: Series, asked: Asked, out: Matrix
) -> None:
    room, stays_at = np.empty(series.longest + 1, dtype=np.int32), np.zeros(5, dtype=np.int64)
    room_to_leave, leaves_at = np.empty(series.longest + 1, dtype=np.int32), np.zeros(5, dtype=np.int64)
    begins, ends = np.empty(series.longest + 1, dtype=np.int64), np.empty(series.longest + 1, dtype=np.int64)
    occurred, entering, low, gone, ended = events.occurred, series.event, series.low, series.gone, events.ended
    as_of, offsets, slots = rows.as_of, rows.offsets, series.offsets
    merged, number = (np.int64(-1), np.int32(-1), np.int64(0)), 0
    for item in range(len(asked.column)):
        column, kind, if_none = asked.column[item], asked.kind[item], asked.if_none[item]
        lookback = asked.lookback[item]
        for person in range(first, last):
            slot, moments = (person - first) * series.width, offsets[person + 1] - offsets[person]
            stays = begin(slot + asked.series[item], moments, slots, entering, low, room, stays_at)
            leaves, leaves_at[COUNT], leaves_at[WHEN] = room_to_leave, 0, NOTHING_MORE
            if asked.other[item] >= 0:
                leaves = begin(slot + asked.other[item], moments, slots, entering, low, room_to_leave, leaves_at)
            # At a single moment every column of a series sees the same stays.
            asks = (slot + asked.series[item], asked.other[item], asked.gap[item])
            again = moments == 1 and asks == merged
            number, merged = number if again else 0, asks
            for row in range(offsets[person], offsets[person + 1]):
                if not again and min(stays_at[WHEN], leaves_at[WHEN]) <= row - offsets[person]:
                    advance(row - offsets[person], entering, low, gone, occurred, stays, stays_at)
                    if asked.other[item] >= 0:
                        advance(row - offsets[person], entering, low, gone, occurred, leaves, leaves_at)
                    number = _merge(asked.gap[item], stays_at[COUNT], leaves_at[COUNT], occurred, ended, stays, leaves,
                                    begins, ends)  # fmt: skip
                value = if_none
                if number > 0:
                    found = _value(kind, as_of[row], as_of[row] - lookback, begins, ends, number)
                    value = if_none if np.isnan(found) else np.float32(found)
                out[row, column] = value


@njit(nogil=True, cache=True)
def _merge(
    longest: int,
    count: int,
    left: int,
    occurred: Instants,
    ended: Instants,
    stays: Integers,
    leaves: Integers,
    begins: Instants,
    ends: Instants,
) -> int:
    """Stays that touch are one; how many are left. Both arrays ascend."""
    number = 0
    for place in range(count):
        came, end = occurred[stays[place]], ended[stays[place]]
        if end == NEVER:
            end = came + longest
        leaving = first_since(came, occurred, leaves, left)
        if leaving < left:
            end = min(end, occurred[leaves[leaving]])
        if number > 0 and came <= ends[number - 1]:
            ends[number - 1] = max(ends[number - 1], end)
        else:
            begins[number], ends[number] = came, end
            number += 1
    return number


@njit(nogil=True, cache=True)
def _value(kind: int, as_of: int, since: int, begins: Instants, ends: Instants, number: int) -> float:
    inside = ends[number - 1] >= as_of
    if kind == _NOW:
        return 1.0 if inside else np.nan
    if kind == _DAYS_IN:
        return (as_of - begins[number - 1]) / MICROSECONDS_PER_DAY if inside else np.nan
    if kind == _SINCE_LEAVING:
        return np.nan if inside else (as_of - ends[number - 1]) / MICROSECONDS_PER_DAY
    total, longest = np.int64(0), np.int64(0)
    for place in range(number - 1, -1, -1):
        if ends[place] <= since:
            break
        part = min(ends[place], as_of) - max(begins[place], since)
        total, longest = total + part, max(longest, part)
    days = (longest if kind == _LONGEST else total) / MICROSECONDS_PER_DAY
    return days if days > 0 else np.nan


def _stays(spec: FeatureSpec, seen: Seen) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    for event in seen.events:
        end = event.ended_at
        if end is None:
            end = event.occurred_at + int(spec.gap_days or 0) * DAY
        end = min([end, *(one.occurred_at for one in seen.other if one.occurred_at >= event.occurred_at)])
        if found and event.occurred_at <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((event.occurred_at, end))
    return found


def _define_now(spec: FeatureSpec, seen: Seen) -> float | None:
    return 1.0 if any(end >= seen.as_of for _, end in _stays(spec, seen)) else None


def _define_days_in(spec: FeatureSpec, seen: Seen) -> float | None:
    inside = [start for start, end in _stays(spec, seen) if end >= seen.as_of]
    return (seen.as_of - inside[0]) / DAY if inside else None


def _parts(spec: FeatureSpec, seen: Seen) -> list[int]:
    """Microseconds of each stay that lie in the window."""
    stays = _stays(spec, seen)
    since = min([seen.as_of, *(start for start, _ in stays)])
    since = since if spec.lookback_days is None else seen.as_of - spec.lookback_days * DAY
    parts = [min(end, seen.as_of) - max(start, since) for start, end in stays if end > since]
    return [part // timedelta(microseconds=1) for part in parts]


def _define_days_of_late(spec: FeatureSpec, seen: Seen) -> float | None:
    return sum(_parts(spec, seen)) / MICROSECONDS_PER_DAY or None


def _define_longest(spec: FeatureSpec, seen: Seen) -> float | None:
    return max(_parts(spec, seen), default=0) / MICROSECONDS_PER_DAY or None


def _define_since_leaving(spec: FeatureSpec, seen: Seen) -> float | None:
    stays = _stays(spec, seen)
    if not stays or stays[-1][1] >= seen.as_of:
        return None
    return (seen.as_of - stays[-1][1]) / DAY


_TABLE = """
occurred          known             source          ended
2025-01-10 12:00  2025-01-20 13:00  mh_admission    2025-01-20 12:00
2025-03-20 12:00  2025-03-21 00:00  mh_admission    -
2025-03-28 00:00  2025-03-29 00:00  mh_discharge    -
"""
_GROUP = 'sources = ["mh_admission"]\nother_sources = ["mh_discharge"]\nother = "discharges"\ngap_days = 365\n'


def _state(
    name: str,
    kind: int,
    words: tuple[str, str],
    unit: str,
    definition: str,
    define: Callable[[FeatureSpec, Seen], float | None],
    examples: tuple[tuple[str, str, float], ...],
) -> PersonAggregation:
    windowed = kind in (_DAYS_OF_LATE, _LONGEST)
    group = _GROUP + f'aggregations = ["{name}"]' + ("\nlookback_days = [84]" if windowed else "")
    return PersonAggregation(
        name=name, column=f"{{column}}_{name}", meaning=words[0], reason=words[1], unit=unit,
        if_none=0.0 if windowed or kind == _NOW else NOT_KNOWN,
        lookback="or_ever" if windowed else "none", takes_gap_days=True,
        definition=f"{definition} A stay lasts from its event to the end that the event says or to the first"
        " event of the other sources, whichever is earlier; without either it is believed for so many days. Stays that"
        " touch are one.",
        define=define, scan=_scan, kind=kind, reads=("ended_at",),
        examples=tuple(Example(says=says, group=group, table=_TABLE, as_of=as_of, value=value)
                       for says, as_of, value in examples),
    )  # fmt: skip


AGGREGATIONS = (
    _state("now", _NOW, (
        "1 where the person is in one of the {plural} as far as is known.", "in one of the {plural} now",
    ), "0 or 1", "1 where a stay has not ended before the as-of moment.", _define_now, (
        ("The discharge of 28 March is not known yet.", "2025-03-28 06:00", 1),
        ("It is known.", "2025-03-31", 0),
    )),
    _state("days_in", _DAYS_IN, (
        "Days, with their fraction, that the present one of the {plural} has lasted.",
        "in one of the {plural} for {count} days",
    ), "days", "From the start of the stay that has not ended.", _define_days_in, (
        ("Admitted on 20 March at noon, still in.", "2025-03-27", 6.5),
    )),
    _state("days_in_total", _DAYS_OF_LATE, (
        "Days, with their fraction, spent in {plural} {window}.", "{count} days in {plural} {window}",
    ), "days", "The parts of all stays that lie in the window, added.", _define_days_of_late, (
        ("Ten days in January, seven and a half in March.", "2025-03-31", 17.5),
    )),
    _state("longest_stay", _LONGEST, (
        "Days, with their fraction, of the longest of the {plural} {window}.",
        "longest of the {plural} {window}: {count} days",
    ), "days", "Of the parts of all stays that lie in the window, the longest.", _define_longest, (
        ("Ten days in January, seven and a half in March.", "2025-03-31", 10),
    )),
    _state("days_since_leaving", _SINCE_LEAVING, (
        "Days, with their fraction, since the last of the {plural} ended; not known while one lasts.",
        "{count} days since the last of the {plural} ended",
    ), "days", "From the end of the last stay to the as-of moment.", _define_since_leaving, (
        ("Left on 28 March.", "2025-03-31", 3),
    )),
)  # fmt: skip
