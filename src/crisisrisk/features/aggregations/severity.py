"""How grave the last episode was: how many contacts of a graver kind fell in it."""

from typing import Any

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.features.aggregations.declared import DAY, Example, PersonAggregation, Seen
from crisisrisk.features.person_kernels import EventArrays, Integers, Matrix, RowArrays
from crisisrisk.features.person_series import COUNT, WHEN, Asked, Series, advance, begin, first_since
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec
from crisisrisk.timeline import Instants


@njit(nogil=True, cache=True)
def _scan(
    first: int, last: int, events: EventArrays, rows: RowArrays, series: Series, asked: Asked, out: Matrix
) -> None:
    room_own, own_at = np.empty(series.longest + 1, dtype=np.int32), np.zeros(5, dtype=np.int64)
    room_graver, graver_at = np.empty(series.longest + 1, dtype=np.int32), np.zeros(5, dtype=np.int64)
    occurred, entering, low, gone = events.occurred, series.event, series.low, series.gone
    offsets, slots = rows.offsets, series.offsets
    for item in range(len(asked.column)):
        column, gap = asked.column[item], asked.gap[item]
        for person in range(first, last):
            slot, moments = (person - first) * series.width, offsets[person + 1] - offsets[person]
            own = begin(slot + asked.series[item], moments, slots, entering, low, room_own, own_at)
            graver = begin(slot + asked.other[item], moments, slots, entering, low, room_graver, graver_at)
            value = asked.if_none[item]
            for row in range(offsets[person], offsets[person + 1]):
                if min(own_at[WHEN], graver_at[WHEN]) <= row - offsets[person]:
                    advance(row - offsets[person], entering, low, gone, occurred, own, own_at)
                    advance(row - offsets[person], entering, low, gone, occurred, graver, graver_at)
                    value = asked.if_none[item]
                    if own_at[COUNT] > 0:
                        value = np.float32(_inside(gap, own_at[COUNT], graver_at[COUNT], occurred, own, graver))
                out[row, column] = value


@njit(nogil=True, cache=True)
def _inside(gap: int, count: int, graver_count: int, occurred: Instants, own: Integers, graver: Integers) -> Any:
    opening = count - 1
    while opening > 0 and occurred[own[opening]] - occurred[own[opening - 1]] < gap:
        opening -= 1
    starts, over = occurred[own[opening]], occurred[own[count - 1]] + gap
    return first_since(over, occurred, graver, graver_count) - first_since(starts, occurred, graver, graver_count)


def _define(spec: FeatureSpec, seen: Seen) -> float | None:
    if not seen.events:
        return None
    gap, times = int(spec.gap_days or 0) * DAY, [event.occurred_at for event in seen.events]
    starts = times[-1]
    for moment in reversed(times[:-1]):
        if starts - moment >= gap:
            break
        starts = moment
    return sum(starts <= one.occurred_at < times[-1] + gap for one in seen.other)


AGGREGATIONS = (
    PersonAggregation(
        name="last_episode_graver",
        column="{column}_last_episode_graver",
        meaning="How many {other} fell in the last episode of {plural}; {gap_days} days without any end one.",
        reason="{count} {other} in the last episode of {plural}",
        if_none=NOT_KNOWN,
        lookback="none",
        takes_gap_days=True,
        takes_other=True,
        unit="contacts",
        definition="Events of the other sources from the first event of the last episode until it is over, so"
        " many days (of 24 hours) after its last. 0 is an episode without any; without an episode it is not known.",
        define=_define,
        scan=_scan,
        examples=(
            Example(
                says="The last episode has two calls, and the detention between them; that of January is of another.",
                group='sources = ["crisis_line"]\nother_sources = ["s136"]\nother = "detentions"\ngap_days = 7\n'
                'aggregations = ["last_episode_graver"]',
                table="""
occurred          source
2025-01-10 12:00  crisis_line
2025-01-10 13:00  s136
2025-03-20 12:00  crisis_line
2025-03-22 12:00  s136
2025-03-26 00:00  crisis_line
""",
                as_of="2025-03-31", value=1,
            ),
        ),
    ),
)  # fmt: skip
