"""Cells in order of a forecast, shift by shift: what every ranking score of places walks along.

Complexity: a sort of the cells of each shift, then linear. Memory: one shift, beside what is returned.
"""

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]


@njit(nogil=True, cache=True)
def _worst_order(density: Numbers, value: Numbers) -> Integers:
    """Cells by falling density; among equal densities by rising value, then as they come."""
    order = np.argsort(-density, kind="mergesort")
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and density[order[end]] == density[order[begin]]:
            end += 1
        if end - begin > 1:
            tied = order[begin:end].copy()
            order[begin:end] = tied[np.argsort(value[tied], kind="mergesort")]
        begin = end
    return order


@njit(nogil=True, cache=True)
def chosen_up_to(expected: Numbers, events: Numbers, sizes: Numbers, limits: Numbers) -> tuple[Numbers, Numbers]:
    """Area and events of the cells taken in order until the next one would pass each of the ascending `limits`.

    At least one cell is taken. Ties in the worst case. Both of shape (limits, shifts).
    """
    shifts, cells = expected.shape
    area, caught = np.zeros((len(limits), shifts)), np.zeros((len(limits), shifts))
    for shift in range(shifts):
        order = _worst_order(expected[shift] / sizes, events[shift] / sizes)
        place, taken, found = 0, 0.0, 0.0
        for which in range(len(limits)):
            most = limits[which] * (1.0 + 1e-12) + 1e-12
            while place < cells and (place == 0 or taken + sizes[order[place]] <= most):
                taken += sizes[order[place]]
                found += events[shift, order[place]]
                place += 1
            area[which, shift], caught[which, shift] = taken, found
    return area, caught


@njit(nogil=True, cache=True)
def most_within(events: Numbers, sizes: Numbers, limits: Numbers) -> Numbers:
    """The most events that any choice of so much area could hold, a part of the last cell counted in part.

    `limits`: shape (limits, shifts). Shape (limits, shifts).
    """
    most = np.zeros(limits.shape)
    for shift in range(limits.shape[1]):
        some = np.flatnonzero(events[shift] > 0)
        order = some[np.argsort(-events[shift][some] / sizes[some], kind="mergesort")]
        for which in range(len(limits)):
            left = limits[which, shift]
            for cell in order:
                share = min(left / sizes[cell], 1.0)
                if share < 1e-9:
                    break
                most[which, shift] += share * events[shift, cell]
                left -= sizes[cell]
    return most


@njit(nogil=True, cache=True)
def captured_at(expected: Numbers, events: Numbers, sizes: Numbers, limits: Numbers) -> tuple[Numbers, float]:
    """Events caught, over all shifts, within each of the ascending `limits` of area, a part of a cell in part.

    And the area under that curve: the sum over cells of events × the area that comes after the cell's middle.
    Ties in the worst case. Shape (limits,).
    """
    caught, under, whole = np.zeros(len(limits)), 0.0, sizes.sum()
    for shift in range(expected.shape[0]):
        if not events[shift].any():
            continue
        order = _worst_order(expected[shift] / sizes, events[shift] / sizes)
        before = 0.0
        for cell in order:
            if events[shift, cell] > 0:
                under += events[shift, cell] * (whole - before - 0.5 * sizes[cell])
                for which in range(len(limits)):
                    share = (limits[which] - before) / sizes[cell]
                    if share > 1e-9:
                        caught[which] += events[shift, cell] * min(share, 1.0)
            before += sizes[cell]
    return caught, under
