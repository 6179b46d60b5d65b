"""How many at most, close together: on one local day, or within any seven days."""

from collections import Counter

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.features.aggregations.declared import DAY, Example, PersonAggregation, Seen
from crisisrisk.features.person_kernels import EventArrays, Integers, Matrix, RowArrays
from crisisrisk.features.person_series import COUNT, WHEN, Asked, Series, advance, begin, first_since
from crisisrisk.features.specs import FeatureSpec
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants

_HOURS_24, _DAYS_7 = 1, 7


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
                if fresh:
                    found = _most(kind * MICROSECONDS_PER_DAY, start, place[COUNT], occurred, live)
                    value = if_none if np.isnan(found) else np.float32(found)
                out[row, column] = value


@njit(nogil=True, cache=True)
def _most(span: int, start: int, count: int, occurred: Instants, live: Integers) -> float:
    most, oldest = 0, start
    for place in range(start, count):
        while occurred[live[place]] - occurred[live[oldest]] >= span:
            oldest += 1
        most = max(most, place - oldest + 1)
    return most if most > 0 else np.nan


def _define(spec: FeatureSpec, seen: Seen, days: int) -> float | None:
    times = [one.occurred_at for one in seen.within(spec.lookback_days)]
    reach = Counter({start: sum(start <= time < start + days * DAY for time in times) for start in times})
    return max(reach.values(), default=None)


_TABLE = """
occurred
2025-03-03 22:00
2025-03-04 06:00
2025-03-04 21:59
2025-03-10 21:00
2025-03-20 21:00
"""


def _burst(name: str, days: int, words: str, value: float) -> PersonAggregation:
    return PersonAggregation(
        name=name,
        column=f"{{column}}_{name}",
        meaning=f"The most {{plural}} within any {words}, {{window}}.",
        reason=f"up to {{count}} {{plural}} within {words} {{window}}",
        if_none=0.0,
        unit="contacts",
        definition=f"The largest number of events of the window that lie within {days * 24} hours, the last"
        " moment of them excluded.",
        define=lambda spec, seen: _define(spec, seen, days),
        scan=_scan,
        kind=days,
        examples=(
            Example(
                says="Three contacts in one night and day, a fourth within the week.",
                group=f'sources = ["crisis_line"]\naggregations = ["{name}"]\nlookback_days = [364]',
                table=_TABLE, as_of="2025-03-31", value=value,
            ),
        ),
    )  # fmt: skip


AGGREGATIONS = (
    _burst("most_in_24_hours", _HOURS_24, "24 hours", 3),
    _burst("most_in_7_days", _DAYS_7, "7 days", 4),
)
