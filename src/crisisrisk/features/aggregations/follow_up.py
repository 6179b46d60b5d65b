"""What was not followed up, and whether that is unlike the person: missed appointments of someone who attends."""

from typing import Any

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.features.aggregations.declared import DAY, Example, PersonAggregation, Seen, SeenEvent
from crisisrisk.features.person_kernels import NEVER, EventArrays, Integers, Matrix, RowArrays
from crisisrisk.features.person_series import COUNT, WHEN, Asked, Series, advance, begin, first_since
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants

_NUMBER, _UNLIKE, _WAITING = range(3)


@njit(nogil=True, cache=True)
def _scan(
    first: int, last: int, events: EventArrays, rows: RowArrays, series: Series, asked: Asked, out: Matrix
) -> None:
    room_own, own_at = np.empty(series.longest + 1, dtype=np.int32), np.zeros(5, dtype=np.int64)
    room_other, other_at = np.empty(series.longest + 1, dtype=np.int32), np.zeros(5, dtype=np.int64)
    occurred, entering, low, gone = events.occurred, series.event, series.low, series.gone
    as_of, offsets, slots = rows.as_of, rows.offsets, series.offsets
    for item in range(len(asked.column)):
        column, kind, if_none = asked.column[item], asked.kind[item], asked.if_none[item]
        lookback = asked.lookback[item]
        for person in range(first, last):
            slot, moments = (person - first) * series.width, offsets[person + 1] - offsets[person]
            own = begin(slot + asked.series[item], moments, slots, entering, low, room_own, own_at)
            other = begin(slot + asked.other[item], moments, slots, entering, low, room_other, other_at)
            begins = 0
            for row in range(offsets[person], offsets[person + 1]):
                if min(own_at[WHEN], other_at[WHEN]) <= row - offsets[person]:
                    advance(row - offsets[person], entering, low, gone, occurred, own, own_at)
                    advance(row - offsets[person], entering, low, gone, occurred, other, other_at)
                    # What occurred together with the last answer is answered by it.
                    answered = occurred[other[other_at[COUNT] - 1]] + 1 if other_at[COUNT] > 0 else NEVER
                    begins = first_since(answered, occurred, own, own_at[COUNT])
                while begins < own_at[COUNT] and occurred[own[begins]] < as_of[row] - lookback:
                    begins += 1
                value = if_none
                if begins < own_at[COUNT]:
                    value = np.float32(_value(kind, begins, own_at[COUNT], other_at[COUNT], as_of[row], occurred, own))
                out[row, column] = value


@njit(nogil=True, cache=True)
def _value(kind: int, begins: int, count: int, answers: int, as_of: int, occurred: Instants, own: Integers) -> Any:
    if kind == _WAITING:
        return (as_of - occurred[own[begins]]) / MICROSECONDS_PER_DAY
    number = count - begins
    return number if kind == _NUMBER else number * answers / (count + answers)


def _open(spec: FeatureSpec, seen: Seen) -> list[SeenEvent]:
    answered = max((one.occurred_at for one in seen.other), default=None)
    return [one for one in seen.within(spec.lookback_days) if answered is None or one.occurred_at > answered]


def _define_number(spec: FeatureSpec, seen: Seen) -> float | None:
    return len(_open(spec, seen)) or None


def _define_unlike(spec: FeatureSpec, seen: Seen) -> float | None:
    found, kept = len(_open(spec, seen)), len(seen.other)
    return found * kept / (len(seen.events) + kept) if found else None


def _define_waiting(spec: FeatureSpec, seen: Seen) -> float | None:
    found = _open(spec, seen)
    return (seen.as_of - found[0].occurred_at) / DAY if found else None


_TABLE = """
occurred          source
2025-03-01 09:00  mh_missed
2025-03-08 09:00  mh_contact
2025-03-15 09:00  mh_contact
2025-03-16 09:00  mh_contact
2025-03-22 12:00  mh_missed
2025-03-29 12:00  mh_missed
"""
_GROUP = 'sources = ["mh_missed"]\nother_sources = ["mh_contact"]\nother = "appointments kept"\n'


def _example(name: str, says: str, value: float) -> tuple[Example, ...]:
    group = _GROUP + f'aggregations = ["{name}"]\nlookback_days = [28]'
    return (Example(says=says, group=group, table=_TABLE, as_of="2025-03-31", value=value),)


AGGREGATIONS = (
    PersonAggregation(
        name="not_followed_up",
        column="{column}_not_followed_up",
        meaning="How many {plural} {window} were followed by no {other} as far as was known.",
        reason="{count} {plural} {window} not followed up",
        if_none=0.0,
        takes_other=True,
        unit="contacts",
        definition="Events of the window later than the last event of the other sources, however old it is.",
        define=_define_number,
        scan=_scan,
        kind=_NUMBER,
        examples=_example("not_followed_up", "Two missed since the last appointment that was kept.", 2),
    ),
    PersonAggregation(
        name="not_followed_up_unlike_before",
        column="{column}_not_followed_up_unlike_before",
        meaning="{plural} {window} followed by no {other}, each weighted by this person's share of {other} so far: high"
        " for someone who usually attends.",
        reason="{plural} {window} not followed up, unlike this person",
        if_none=0.0,
        takes_other=True,
        unit="contacts, weighted",
        definition="The number not followed up times the share of events of the other sources among all"
        " events of both, ever.",
        define=_define_unlike,
        scan=_scan,
        kind=_UNLIKE,
        examples=_example("not_followed_up_unlike_before", "Two open, and half of all six so far were kept.", 1),
    ),
    PersonAggregation(
        name="days_not_followed_up",
        column="{column}_days_not_followed_up",
        meaning="Days, with their fraction, since the first of the {plural} {window} that was followed by no {other}.",
        reason="{plural} not followed up for {count} days",
        if_none=NOT_KNOWN,
        takes_other=True,
        unit="days",
        definition="From the earliest event of the window later than the last event of the other sources.",
        define=_define_waiting,
        scan=_scan,
        kind=_WAITING,
        examples=_example("days_not_followed_up", "Open since 22 March at noon.", 8.5),
    ),
)  # fmt: skip
