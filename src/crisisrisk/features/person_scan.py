"""The compiled scan over people, person by person: what was noted for each becomes its rows of the feature matrix."""

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.features.person_kernels import (
    NEVER,
    EventArrays,
    Matrix,
    Plan,
    RowArrays,
    Scratch,
    count_distinct,
    count_events,
    grid_of,
    marks_down_the_rows,
    marks_of_superseded,
    write_rows,
)
from crisisrisk.features.person_moment import count_at, count_distinct_at
from crisisrisk.timeline import Instants


@njit(nogil=True, cache=True)
def scan_people(first: int, last: int, events: EventArrays, rows: RowArrays, plan: Plan, out: Matrix) -> None:
    """Fills the rows of people `first` to `last` (exclusive) of `out`, shape (all rows, columns), in place."""
    longest = 0
    for person in range(first, last):
        longest = max(longest, rows.offsets[person + 1] - rows.offsets[person])
    scratch = _scratch(longest, plan)
    for person in range(first, last):
        begin, finish = rows.offsets[person], rows.offsets[person + 1]
        if begin == finish:
            continue
        as_of, start, end = rows.as_of[begin:finish], events.starts[person], events.ends[person]
        if len(as_of) == 1:
            sums = events.sums_from[person], events.sums_from[person + 1]
            count_at(start, end, sums, as_of[0], events, plan, scratch)
            if plan.distinct_kinds > 0:
                count_distinct_at(start, end, as_of[0], events, plan, scratch)
        else:
            _down_the_rows(start, end, as_of, events, plan, scratch)
        write_rows(as_of, plan, scratch, out[begin:finish])


@njit(nogil=True, cache=True)
def _scratch(longest: int, plan: Plan) -> Scratch:
    lookbacks = len(plan.lookbacks)
    return Scratch(
        np.zeros((longest + 1, plan.counters), dtype=np.int32),
        np.zeros(plan.counters, dtype=np.int32),
        np.empty((longest, plan.mark_count), dtype=np.int64),
        np.full((2, lookbacks), -1, dtype=np.int32),
        np.empty(plan.counters, dtype=np.int64),
        np.empty(plan.counters, dtype=np.int32),
        np.empty((lookbacks + 1, plan.channels * max(1, plan.distinct_kinds)), dtype=np.int32),
        np.empty((3, plan.channels), dtype=np.int64),
    )


@njit(nogil=True, cache=True)
def _down_the_rows(start: int, end: int, as_of: Instants, events: EventArrays, plan: Plan, scratch: Scratch) -> None:
    grid = grid_of(as_of)
    scratch.marks[: len(as_of), :] = NEVER
    any_superseded = count_events(start, end, grid, events, plan, scratch)
    if plan.mark_count > 0:
        marks_down_the_rows(len(as_of), scratch.marks)
        if any_superseded:
            marks_of_superseded(start, end, grid, events, plan, scratch)
    for kind in range(plan.distinct_kinds):
        count_distinct(kind, start, end, grid, events, plan, scratch)
