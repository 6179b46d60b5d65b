"""Time between one and the next: mean, shortest and last gap, and the silence now against this person's usual."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.features.aggregations.declared import Example, PersonAggregation, Seen
from crisisrisk.features.person_kernels import EventArrays, Integers, Matrix, RowArrays
from crisisrisk.features.person_series import COUNT, WHEN, Asked, Series, advance, begin, first_since
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants

_MEAN, _SHORTEST, _LAST, _LAST_AGAINST_USUAL, _SILENCE_AGAINST_USUAL = range(5)


@njit(nogil=True, cache=True)
def _scan(
    first: int, last: int, events: EventArrays, rows: RowArrays, series: Series, asked: Asked, out: Matrix
) -> None:
    room, place = np.empty(series.longest + 1, dtype=np.int32), np.zeros(5, dtype=np.int64)
    occurred, entering, low, gone = events.occurred, series.event, series.low, series.gone
    as_of, offsets, slots = rows.as_of, rows.offsets, series.offsets
    for item in range(len(asked.column)):
        column, kind, if_none = asked.column[item], asked.kind[item], asked.if_none[item]
        lookback = asked.lookback[item]
        for person in range(first, last):
            slot = (person - first) * series.width + asked.series[item]
            live = begin(slot, offsets[person + 1] - offsets[person], slots, entering, low, room, place)
            start, value = 0, if_none
            for row in range(offsets[person], offsets[person + 1]):
                fresh = place[WHEN] <= row - offsets[person]
                if fresh:
                    advance(row - offsets[person], entering, low, gone, occurred, live, place)
                    start = first_since(as_of[row] - lookback, occurred, live, place[COUNT])
                while start < place[COUNT] and occurred[live[start]] < as_of[row] - lookback:
                    start, fresh = start + 1, True
                if fresh or kind == _SILENCE_AGAINST_USUAL:
                    found = _value(kind, start, place[COUNT], as_of[row], occurred, live)
                    value = if_none if np.isnan(found) else np.float32(found)
                out[row, column] = value


@njit(nogil=True, cache=True)
def _value(kind: int, start: int, count: int, as_of: int, occurred: Instants, live: Integers) -> Any:
    number = count - start
    if number < 2:
        return np.nan
    newest, previous, oldest = occurred[live[count - 1]], occurred[live[count - 2]], occurred[live[start]]
    if kind == _MEAN:
        return (newest - oldest) / (number - 1) / MICROSECONDS_PER_DAY
    if kind == _LAST:
        return (newest - previous) / MICROSECONDS_PER_DAY
    if kind == _SHORTEST:
        return _shortest(start, count, occurred, live) / MICROSECONDS_PER_DAY
    if kind == _LAST_AGAINST_USUAL:
        return (newest - previous) / (previous - oldest) * (number - 2) if previous > oldest else np.nan
    return (as_of - newest) / (newest - oldest) * (number - 1) if newest > oldest else np.nan


@njit(nogil=True, cache=True)
def _shortest(start: int, count: int, occurred: Instants, live: Integers) -> int:
    shortest = np.iinfo(np.int64).max
    for place in range(start + 1, count):
        shortest = min(shortest, occurred[live[place]] - occurred[live[place - 1]])
    return shortest


def _define(of_times: Callable[[list[int], int], float | None]) -> Callable[[FeatureSpec, Seen], float | None]:
    """From the definition over the times of occurrence in the window, in microseconds."""

    def define(spec: FeatureSpec, seen: Seen) -> float | None:
        times = [_since_then(seen, one.occurred_at) for one in seen.within(spec.lookback_days)]
        return of_times(times, 0) if len(times) > 1 else None

    return define


def _since_then(seen: Seen, moment: datetime) -> int:
    """Microseconds after the as-of moment: below 0."""
    return (moment - seen.as_of) // timedelta(microseconds=1)


def _mean(times: list[int], _: int) -> float:
    return (times[-1] - times[0]) / (len(times) - 1) / MICROSECONDS_PER_DAY


def _shortest_of(times: list[int], _: int) -> float:
    return min(later - earlier for earlier, later in pairwise(times)) / MICROSECONDS_PER_DAY


def _last(times: list[int], _: int) -> float:
    return (times[-1] - times[-2]) / MICROSECONDS_PER_DAY


def _last_against_usual(times: list[int], _: int) -> float | None:
    before = times[-2] - times[0]
    return (times[-1] - times[-2]) / before * (len(times) - 2) if before else None


def _silence_against_usual(times: list[int], as_of: int) -> float | None:
    between = times[-1] - times[0]
    return (as_of - times[-1]) / between * (len(times) - 1) if between else None


_TABLE = "occurred\n2025-03-01\n2025-03-03\n2025-03-13\n2025-03-16"


def _gap(
    name: str,
    kind: int,
    words: tuple[str, str],
    unit: str,
    define: Callable[[list[int], int], float | None],
    example: tuple[str, float],
) -> PersonAggregation:
    says, value = example
    return PersonAggregation(
        name=name, column=f"{{column}}_{name}", meaning=words[0], reason=words[1], if_none=NOT_KNOWN, unit=unit,
        definition="Over the events of the window in order of occurrence; contacts at one moment have a gap of 0."
        " Not known of fewer than two, or where what it is divided by is 0.",
        define=_define(define), scan=_scan, kind=kind,
        examples=(
            Example(
                says=says, group=f'sources = ["crisis_line"]\naggregations = ["{name}"]\nlookback_days = [364]',
                table=_TABLE, as_of="2025-03-31", value=value,
            ),
        ),
    )  # fmt: skip


AGGREGATIONS = (
    _gap("mean_gap", _MEAN, (
        "Mean number of days between one and the next of the {plural} {window}.",
        "{plural} {count} days apart on average {window}",
    ), "days", _mean, ("Gaps of 2, 10 and 3 days.", 5)),
    _gap("shortest_gap", _SHORTEST, (
        "Shortest number of days between one and the next of the {plural} {window}.",
        "shortest time between {plural} {window}: {count} days",
    ), "days", _shortest_of, ("Gaps of 2, 10 and 3 days.", 2)),
    _gap("last_gap", _LAST, (
        "Days between the last two of the {plural} {window}.",
        "the last two {plural} {count} days apart",
    ), "days", _last, ("Gaps of 2, 10 and 3 days.", 3)),
    _gap("last_gap_against_usual", _LAST_AGAINST_USUAL, (
        "The last gap between {plural} {window}, divided by the mean of this person's gaps before it.",
        "time between the last two {plural} against this person's usual",
    ), "ratio; 1 is as usual", _last_against_usual, ("The last gap was 3 days; those before it 6 on average.", 0.5)),
    _gap("silence_against_usual", _SILENCE_AGAINST_USUAL, (
        "Days since the last of the {plural} {window}, divided by this person's mean gap between them.",
        "time since the last {singular} against this person's usual",
    ), "ratio; 1 is as usual", _silence_against_usual, ("Fifteen days since the last, five on average.", 3)),
)  # fmt: skip
