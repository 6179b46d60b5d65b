"""How complete a feed is for the person: how late its records arrive, and what share of them late."""

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.features.aggregations.declared import DAY, Example, PersonAggregation, Seen
from crisisrisk.features.person_kernels import EventArrays, Integers, Matrix, RowArrays
from crisisrisk.features.person_series import COUNT, WHEN, Asked, Series, advance, begin, first_since
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_SECOND, Instants

_MEAN, _SHARE = range(2)
_SECONDS_PER_DAY = MICROSECONDS_PER_DAY // MICROSECONDS_PER_SECOND


@njit(nogil=True, cache=True)
def _scan(
    first: int, last: int, events: EventArrays, rows: RowArrays, series: Series, asked: Asked, out: Matrix
) -> None:
    room, place = np.empty(series.longest + 1, dtype=np.int32), np.zeros(5, dtype=np.int64)
    occurred, entering, low, gone = events.occurred, series.event, series.low, series.gone
    as_of, offsets, slots, known = rows.as_of, rows.offsets, series.offsets, events.known
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
                    found = _value(kind, start, place[COUNT], known, occurred, live)
                    value = if_none if np.isnan(found) else np.float32(found)
                out[row, column] = value


@njit(nogil=True, cache=True)
def _value(kind: int, start: int, count: int, known: Instants, occurred: Instants, live: Integers) -> float:
    number = count - start
    if number == 0:
        return np.nan
    seconds, late = np.int64(0), 0
    for place in range(start, count):
        event = live[place]
        # Whole seconds: microseconds of many long delays would not fit.
        delay = max(known[event] - occurred[event], 0) // MICROSECONDS_PER_SECOND
        seconds += delay
        late += delay >= 7 * _SECONDS_PER_DAY
    return late / number if kind == _SHARE else seconds / number / _SECONDS_PER_DAY


def _delays(spec: FeatureSpec, seen: Seen) -> list[int]:
    waits = [one.known_at - one.occurred_at for one in seen.within(spec.lookback_days)]
    return [max(wait // (DAY / _SECONDS_PER_DAY), 0) for wait in waits]


def _define_mean(spec: FeatureSpec, seen: Seen) -> float | None:
    delays = _delays(spec, seen)
    return sum(delays) / len(delays) / _SECONDS_PER_DAY if delays else None


def _define_share(spec: FeatureSpec, seen: Seen) -> float | None:
    delays = _delays(spec, seen)
    return sum(delay >= 7 * _SECONDS_PER_DAY for delay in delays) / len(delays) if delays else None


_TABLE = """
occurred    known
2025-03-05  2025-03-06
2025-03-12  2025-03-22
2025-03-26  2025-03-27
2025-04-03  2025-03-01
"""

AGGREGATIONS = (
    PersonAggregation(
        name="mean_days_late",
        column="{column}_mean_days_late",
        meaning="Mean number of days from when {plural} {window} occurred to when they became known.",
        reason="records of {plural} {window} arriving {count} days late on average",
        if_none=NOT_KNOWN,
        unit="days",
        definition="`known_at` less `occurred_at` over the events of the window, in whole seconds, never below 0.",
        define=_define_mean,
        scan=_scan,
        kind=_MEAN,
        examples=(
            Example(
                says="Known after 1, 10 and 1 days; an appointment still to come is not counted.",
                group='sources = ["crisis_line"]\naggregations = ["mean_days_late"]\nlookback_days = [28]',
                table=_TABLE, as_of="2025-03-31", value=4,
            ),
        ),
    ),
    PersonAggregation(
        name="share_late",
        column="{column}_share_late",
        meaning="Share of the {plural} {window} that became known seven days or more after they occurred.",
        reason="share of {plural} {window} recorded late",
        if_none=NOT_KNOWN,
        unit="share, 0 to 1",
        definition="Events known 7 x 24 hours or more after their occurrence, over all events of the window.",
        define=_define_share,
        scan=_scan,
        kind=_SHARE,
        examples=(
            Example(
                says="One of three.",
                group='sources = ["crisis_line"]\naggregations = ["share_late"]\nlookback_days = [28]',
                table=_TABLE, as_of="2025-03-31", value=1 / 3,
            ),
        ),
    ),
)  # fmt: skip
