"""Numbers that came with the contacts: their sum, their mean, the largest, the smallest, the latest."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.features.aggregations.declared import Example, PersonAggregation, Seen
from crisisrisk.features.person_kernels import NEVER, EventArrays, Integers, Matrix, RowArrays
from crisisrisk.features.person_series import COUNT, WHEN, Asked, Series, advance, begin, first_since
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec
from crisisrisk.timeline import Instants

_SUM, _MEAN, _LARGEST, _SMALLEST, _LATEST = range(5)
_THOUSANDTHS = 1000
_ABOVE_ALL = np.iinfo(np.int64).max


@njit(nogil=True, cache=True)
def _scan(
    first: int, last: int, events: EventArrays, rows: RowArrays, series: Series, asked: Asked, out: Matrix
) -> None:
    room, place = np.empty(series.longest + 1, dtype=np.int32), np.zeros(5, dtype=np.int64)
    occurred, entering, low, gone = events.occurred, series.event, series.low, series.gone
    as_of, offsets, slots, values_of = rows.as_of, rows.offsets, series.offsets, events.value
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
                if fresh:
                    found = _value(kind, start, place[COUNT], values_of, occurred, live)
                    value = if_none if np.isnan(found) else np.float32(found)
                out[row, column] = value


@njit(nogil=True, cache=True)
def _value(kind: int, start: int, count: int, values: NDArray[np.int64], occurred: Instants, live: Integers) -> float:
    total, number, largest, smallest, latest, latest_at = np.int64(0), 0, NEVER, _ABOVE_ALL, NEVER, NEVER
    for place in range(start, count):
        value, moment = values[live[place]], occurred[live[place]]
        if value != NEVER:
            total += value
            number += 1
            largest, smallest = max(largest, value), min(smallest, value)
            # Contacts at one moment have no order: the largest of them is the latest.
            latest, latest_at = max(latest, value) if moment == latest_at else value, moment
    if number == 0:
        return np.nan
    if kind == _SMALLEST:
        return smallest / _THOUSANDTHS
    if kind in (_LARGEST, _LATEST):
        return (largest if kind == _LARGEST else latest) / _THOUSANDTHS
    return total / _THOUSANDTHS if kind == _SUM else total / (number * _THOUSANDTHS)


def _define(of_values: Callable[[list[int]], float]) -> Callable[[FeatureSpec, Seen], float | None]:
    def define(spec: FeatureSpec, seen: Seen) -> float | None:
        valued = [(one.occurred_at, one.value) for one in seen.within(spec.lookback_days) if one.value is not None]
        return of_values([round(value * _THOUSANDTHS) for _, value in sorted(valued)]) if valued else None

    return define


_TABLE = """
occurred    value
2025-03-05  2.5
2025-03-12  4
2025-03-26  -
2025-01-01  90
"""


def _of_values(
    name: str, kind: int, words: tuple[str, str], of_values: Callable[[list[int]], float], value: float
) -> PersonAggregation:
    return PersonAggregation(
        name=name,
        column=f"{{column}}_{name}",
        meaning=words[0],
        reason=words[1],
        if_none=NOT_KNOWN,
        unit="as the code's own",
        definition="Over the events of the window that have a value, kept as whole thousandths.",
        define=_define(of_values),
        scan=_scan,
        kind=kind,
        reads=("value",),
        examples=(
            Example(
                says="Two values in the window, one contact without any, one that is too old.",
                group=f'sources = ["crisis_line"]\naggregations = ["{name}"]\nlookback_days = [28]',
                table=_TABLE, as_of="2025-03-31", value=value,
            ),
        ),
    )  # fmt: skip


AGGREGATIONS = (
    _of_values("sum", _SUM, (
        "Sum of the values of the {plural} {window}.", "values of {plural} {window}: {count} in all",
    ), lambda values: sum(values) / _THOUSANDTHS, 6.5),
    _of_values("mean_value", _MEAN, (
        "Mean of the values of the {plural} {window}.", "values of {plural} {window}: {count} on average",
    ), lambda values: sum(values) / (len(values) * _THOUSANDTHS), 3.25),
    _of_values("largest", _LARGEST, (
        "Largest of the values of the {plural} {window}.", "values of {plural} {window}: up to {count}",
    ), lambda values: max(values) / _THOUSANDTHS, 4),
    _of_values("smallest", _SMALLEST, (
        "Smallest of the values of the {plural} {window}.", "values of {plural} {window}: down to {count}",
    ), lambda values: min(values) / _THOUSANDTHS, 2.5),
    _of_values("latest_value", _LATEST, (
        "Value of the last of the {plural} {window} that had one; of several at one moment the largest.",
        "latest value of {plural} {window}: {count}",
    ), lambda values: values[-1] / _THOUSANDTHS, 4),
)  # fmt: skip
