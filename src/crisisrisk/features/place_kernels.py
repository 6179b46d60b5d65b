"""Compiled loops over events in cells. Pure functions of arrays.

Events are sorted by cell: those of cell `c` are `starts[c]:starts[c + 1]`. An event is inside for the moments
`first[e]:last[e]`, indices into ascending moments; it is never inside when `first[e] >= last[e]`. All sums are
of integers, so that no order of events and no set of moments changes a value. Tables have shape (cells, moments).

Complexity: `count_live` and `latest_live` are linear in events + cells × moments; `decayed_live` in the pairs of
an event and a moment at which its weight is not nothing. Memory: the table returned.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from crisisrisk.timeline import MICROSECONDS_PER_HOUR, Instants

NEVER = np.iinfo(np.int64).min
"""What `latest_live` has where nothing is inside."""

Counts = NDArray[np.int32]
Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]


@njit(nogil=True, cache=True)
def count_live(starts: Integers, first: Integers, last: Integers, moments: int) -> Counts:
    """How many events are inside, for each cell and moment."""
    cells = len(starts) - 1
    counts = np.zeros((cells, moments), dtype=np.int32)
    steps = np.zeros(moments + 1, dtype=np.int32)
    for cell in range(cells):
        steps[:] = 0
        for event in range(starts[cell], starts[cell + 1]):
            if first[event] < last[event]:
                steps[first[event]] += 1
                steps[last[event]] -= 1
        inside = np.int32(0)
        for moment in range(moments):
            inside += steps[moment]
            counts[cell, moment] = inside
    return counts


@njit(nogil=True, cache=True)
def remove_before(
    counts: Counts, starts: Integers, first: Integers, last: Integers, began: Instants, since: Instants
) -> None:
    """Takes out of `counts`, in place, the events that began before `since[moment]`. For few such events."""
    latest = since.max() if len(since) else NEVER
    for cell in range(len(starts) - 1):
        for event in range(starts[cell], starts[cell + 1]):
            if began[event] >= latest:
                continue
            for moment in range(first[event], last[event]):
                if began[event] < since[moment]:
                    counts[cell, moment] -= 1


@njit(nogil=True, cache=True)
def latest_live(starts: Integers, first: Integers, last: Integers, occurred: Instants, moments: int) -> Instants:
    """When the latest event inside occurred, or NEVER. Events of a cell must descend by `occurred`.

    The latest event paints its moments first; `free` leads past painted ones, so each is painted once.
    """
    cells = len(starts) - 1
    latest = np.full((cells, moments), NEVER, dtype=np.int64)
    free = np.empty(moments + 1, dtype=np.int64)
    for cell in range(cells):
        for moment in range(moments + 1):
            free[moment] = moment
        for event in range(starts[cell], starts[cell + 1]):
            if first[event] >= last[event]:
                continue
            moment = _next_free(free, first[event])
            while moment < last[event]:
                latest[cell, moment] = occurred[event]
                free[moment] = moment + 1
                moment = _next_free(free, moment)
    return latest


@njit(nogil=True, cache=True)
def _next_free(free: Integers, moment: int) -> int:
    found = moment
    while free[found] != found:
        found = free[found]
    while free[moment] != moment:
        free[moment], moment = found, free[moment]
    return found


@njit(nogil=True, cache=True)
def decayed_live(
    starts: Integers, first: Integers, last: Integers, occurred: Instants, times: Instants, weights: Integers
) -> Integers:
    """Sum of `weights[age in whole hours]` of the events inside; older ones weigh nothing."""
    cells, moments = len(starts) - 1, len(times)
    total = np.zeros((cells, moments), dtype=np.int64)
    hour, rest = times // MICROSECONDS_PER_HOUR, times % MICROSECONDS_PER_HOUR
    oldest = len(weights)
    for cell in range(cells):
        for event in range(starts[cell], starts[cell + 1]):
            # Whole hours of age without a division for each pair.
            born = occurred[event] // MICROSECONDS_PER_HOUR
            part = occurred[event] - born * MICROSECONDS_PER_HOUR
            for moment in range(first[event], last[event]):
                age = hour[moment] - born - (rest[moment] < part)
                if age >= oldest:
                    break
                total[cell, moment] += weights[np.uint64(age)]
    return total


@njit(nogil=True, cache=True)
def sum_neighbours(counts: Counts, offsets: Counts, indices: Counts) -> Counts:
    """For each cell the counts of its neighbours together."""
    total = np.zeros_like(counts)
    for cell in range(len(offsets) - 1):
        for place in range(offsets[cell], offsets[cell + 1]):
            total[cell, :] += counts[indices[place], :]
    return total


@njit(nogil=True, cache=True)
def fill_column(out: NDArray[np.float32], column: int, table: Numbers, moment_of_row: Integers) -> None:
    """Puts a table, shape (cells, moments), into one column of `out`, shape (rows, cells, columns)."""
    for row in range(out.shape[0]):
        moment = moment_of_row[row]
        for cell in range(out.shape[1]):
            out[row, cell, column] = np.float32(table[cell, moment])


@njit(nogil=True, cache=True)
def shrunken_rates(
    counts: Counts, total: Integers, squares: Integers, cells: int, prior_events: float
) -> tuple[Numbers, Numbers]:
    """Each cell's expected count as a multiple of the mean cell's, and the mean cell's count.

    A gamma prior around the mean, its spread by the method of moments (or worth `prior_events` when that is
    above 0): multiple = (n v + 1) / (mean v + 1), where v is the relative variance between cells beyond chance.
    Shapes (cells, moments) and (moments,).
    """
    moments = counts.shape[1]
    mean = np.empty(moments)
    relative = np.empty((counts.shape[0], moments))
    for moment in range(moments):
        # Half an event more than there were: a site without any history still expects something.
        mean[moment] = (total[moment] + 0.5) / cells
        spread = 1.0 / prior_events if prior_events > 0 else 0.0
        if prior_events <= 0 and cells > 1 and total[moment] > 0:
            plain = total[moment] / cells
            variance = (squares[moment] - total[moment] * plain) / (cells - 1)
            spread = max(0.0, (variance - plain) / (plain * plain))
        for cell in range(counts.shape[0]):
            relative[cell, moment] = (counts[cell, moment] * spread + 1.0) / (mean[moment] * spread + 1.0)
    return relative, mean


@njit(nogil=True, cache=True)
def log_expected(
    relative: Numbers, mean_rate: Numbers, factors: Numbers, hours: Numbers, moment_of_row: Integers
) -> Numbers:
    """Log of relative × mean_rate × factor × hours. Shape (rows, cells)."""
    rows, cells = len(moment_of_row), relative.shape[0]
    log = np.empty((rows, cells))
    for row in range(rows):
        moment = moment_of_row[row]
        mean_count = mean_rate[moment] * factors[row] * hours[row]
        for cell in range(cells):
            log[row, cell] = math.log(relative[cell, moment] * mean_count)
    return log
