"""Compiled loops over events in cells. Pure functions of arrays.

Events are sorted by cell: those of cell `c` are `starts[c]:starts[c + 1]`. An event is inside for the moments
`first[e]:last[e]`, indices into ascending moments; it is never inside when `first[e] >= last[e]`. All sums are
of integers, so that no order of events and no set of moments changes a value. Tables have shape (cells, moments).

Complexity: `count_live` and `latest_live` are linear in events + cells × moments; `decayed_live` in the pairs of
an event and a moment at which its weight is not nothing. Memory: the table returned.
"""

import math

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
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
def drawn_shares(counts: Numbers, parent: Integers, parents: int, prior_events: float) -> Numbers:
    """Each cell's share of the events as a multiple of the mean cell's: 1 on average. Shape (cells, moments).

    Gamma-Poisson by moments at two levels (Clayton and Kaldor 1987): parents are drawn to the mean of all cells,
    cells to their drawn parent, as far as chance explains how they differ; cells by `prior_events` where above 0.
    """
    cells, moments = counts.shape
    mean = np.zeros(moments)
    sizes = np.zeros(parents)
    of_parent = np.zeros((parents, moments))
    for cell in range(cells):
        sizes[parent[cell]] += 1.0
        for moment in range(moments):
            of_parent[parent[cell], moment] += counts[cell, moment]
            mean[moment] += counts[cell, moment]
    # Half an event more than there were: a site without any history still expects something.
    mean = (mean + 0.5) / cells
    due = np.empty((parents, moments))
    for one in range(parents):
        due[one, :] = mean * sizes[one]
    level = _drawn(of_parent, due, 0.0)
    due = np.empty((cells, moments))
    for cell in range(cells):
        for moment in range(moments):
            due[cell, moment] = mean[moment] * level[parent[cell], moment]
    shares = _drawn(counts, due, prior_events)
    for cell in range(cells):
        for moment in range(moments):
            shares[cell, moment] *= level[parent[cell], moment]
    _to_mean_one(shares)
    return shares


@njit(nogil=True, cache=True)
def shares_in_shift(shares: Numbers, seen: Counts, prior_events: float) -> Numbers:
    """The shares as they are in shifts of one name, in which `seen` events were. Both of shape (cells, moments).

    Each cell is drawn to its share over all shifts as `drawn_shares` draws cells to parents; 1 on average.
    """
    cells, moments = shares.shape
    mean = np.zeros(moments)
    for cell in range(cells):
        for moment in range(moments):
            mean[moment] += seen[cell, moment]
    mean /= cells
    due = np.empty((cells, moments))
    for cell in range(cells):
        for moment in range(moments):
            due[cell, moment] = mean[moment] * shares[cell, moment]
    own = _drawn(seen.astype(np.float64), due, prior_events)
    for cell in range(cells):
        for moment in range(moments):
            own[cell, moment] *= shares[cell, moment]
    _to_mean_one(own)
    return own


@njit(nogil=True, cache=True)
def _drawn(seen: Numbers, due: Numbers, prior_events: float) -> Numbers:
    """Each seen ÷ due, drawn to 1: (n v + 1) / (e v + 1), v the relative variance of the units beyond chance.

    v by moments, or so that the prior is worth `prior_events` of a unit's own; 0 for a single unit.
    """
    units, moments = seen.shape
    beyond = np.zeros(moments)
    weight = np.zeros(moments)
    for unit in range(units):
        for moment in range(moments):
            off = seen[unit, moment] - due[unit, moment]
            beyond[moment] += off * off * units / max(units - 1, 1) - due[unit, moment]
            weight[moment] += due[unit, moment] * due[unit, moment]
    drawn = np.empty((units, moments))
    for unit in range(units):
        for moment in range(moments):
            spread = 0.0
            if prior_events > 0:
                spread = 1.0 / prior_events
            elif units > 1 and weight[moment] > 0:
                spread = max(0.0, beyond[moment] / weight[moment])
            drawn[unit, moment] = (seen[unit, moment] * spread + 1.0) / (due[unit, moment] * spread + 1.0)
    return drawn


@njit(nogil=True, cache=True)
def _to_mean_one(shares: Numbers) -> None:
    cells, moments = shares.shape
    total = np.zeros(moments)
    for cell in range(cells):
        for moment in range(moments):
            total[moment] += shares[cell, moment]
    for cell in range(cells):
        for moment in range(moments):
            shares[cell, moment] *= cells / total[moment]


@njit(nogil=True, cache=True)
def fill_log_expected(log: Numbers, rows: Integers, shares: Numbers, moment_of: Integers, mean_counts: Numbers) -> None:
    """Puts log of share × mean count of a cell into some rows of `log`, shape (rows, cells).

    `rows`, `moment_of` and `mean_counts` go together, one for each row to fill.
    """
    for place in range(len(rows)):
        for cell in range(shares.shape[0]):
            log[rows[place], cell] = math.log(shares[cell, moment_of[place]] * mean_counts[place])
