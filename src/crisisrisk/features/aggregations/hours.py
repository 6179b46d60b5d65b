"""Out of character by the clock: whether the last contact came at an hour of the day at which the person makes them."""

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.features.aggregations.declared import Example, PersonAggregation, Seen
from crisisrisk.features.person_kernels import EventArrays, Integers, Matrix, RowArrays
from crisisrisk.features.person_series import COUNT, WHEN, Asked, Series, advance, begin, first_since
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec

_NEAR = 2


@njit(nogil=True, cache=True)
def _scan(
    first: int, last: int, events: EventArrays, rows: RowArrays, series: Series, asked: Asked, out: Matrix
) -> None:
    room, place = np.empty(series.longest + 1, dtype=np.int32), np.zeros(5, dtype=np.int64)
    occurred, entering, low, gone = events.occurred, series.event, series.low, series.gone
    as_of, offsets, slots, hours = rows.as_of, rows.offsets, series.offsets, events.hour
    for item in range(len(asked.column)):
        column, if_none, lookback = asked.column[item], asked.if_none[item], asked.lookback[item]
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
                    found = _share_near(start, place[COUNT], hours, live)
                    value = if_none if np.isnan(found) else np.float32(found)
                out[row, column] = value


@njit(nogil=True, cache=True)
def _share_near(start: int, count: int, hours: Integers, live: Integers) -> float:
    newest = count - 1
    if newest <= start:
        return np.nan
    # Contacts at one moment have one hour, so it does not matter which of them is taken for the last.
    hour, near = hours[live[newest]], 0
    for place in range(start, newest):
        apart = abs(hours[live[place]] - hour)
        near += min(apart, 24 - apart) <= _NEAR
    return near / (newest - start)


def _define(spec: FeatureSpec, seen: Seen) -> float | None:
    hours = [seen.local(one.occurred_at).hour for one in seen.within(spec.lookback_days)]
    if len(hours) < 2:
        return None
    apart = [abs(hour - hours[-1]) for hour in hours[:-1]]
    return sum(min(one, 24 - one) <= _NEAR for one in apart) / len(apart)


AGGREGATIONS = (
    PersonAggregation(
        name="usual_hour",
        column="{column}_usual_hour",
        meaning="Share of this person's earlier {plural} {window} that came within two hours of the clock time of the"
        " last one; 0 is an hour at which they never came before.",
        reason="the last {singular} at an hour unlike this person's others",
        if_none=NOT_KNOWN,
        unit="share, 0 to 1",
        definition="Local hours of the events of the window before the last, at most 2 hours round the clock from"
        " its own. Not known of fewer than two.",
        define=_define,
        scan=_scan,
        reads=("hour",),
        examples=(
            Example(
                says="Three calls by day, and the last at one in the night.",
                group='sources = ["crisis_line"]\naggregations = ["usual_hour"]\nlookback_days = [364]',
                table="occurred\n2025-03-03 10:00\n2025-03-05 11:00\n2025-03-06 15:00\n2025-03-29 01:00",
                as_of="2025-03-31", value=0,
            ),
            Example(
                says="At half past eleven in the evening, near midnight, as one of two before.",
                group='sources = ["crisis_line"]\naggregations = ["usual_hour"]\nlookback_days = [364]',
                table="occurred\n2025-03-03 01:00\n2025-03-05 11:00\n2025-03-29 23:30",
                as_of="2025-03-31", value=0.5,
            ),
        ),
    ),
)  # fmt: skip
