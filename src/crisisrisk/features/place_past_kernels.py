"""Compiled loops over events in shifts and over cells near each other. Pure functions of arrays.

Complexity: `count_in_shifts` is linear in the events of the shifts asked for; `spread_to` in the pairs of near cells ×
moments. Memory: the table returned.
"""

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.timeline import Instants

Counts = NDArray[np.int32]
Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]


@njit(nogil=True, cache=True)
def count_in_shifts(
    starts: Integers,
    cell: Integers,
    known_at: Instants,
    superseded_at: Instants,
    shifts: Integers,
    issued_at: Instants,
    cells: int,
) -> Counts:
    """Events known at each target's issue time in the shifts chosen for it. Shape (targets, cells).

    The events of shift `s` are `starts[s]:starts[s + 1]`. `shifts`: shape (targets, n), -1 for none.
    """
    counts = np.zeros((len(shifts), cells), dtype=np.int32)
    for target in range(len(shifts)):
        for place in range(shifts.shape[1]):
            shift = shifts[target, place]
            if shift < 0:
                continue
            for event in range(starts[shift], starts[shift + 1]):
                if known_at[event] < issued_at[target] <= superseded_at[event]:
                    counts[target, cell[event]] += 1
    return counts


@njit(nogil=True, cache=True)
def spread_to(table: Numbers, offsets: Integers, indices: Integers, weights: Numbers) -> Numbers:
    """For each cell the weighted sum over the cells near it. `table`: shape (cells, moments).

    Those near cell `c` are `indices[offsets[c]:offsets[c + 1]]`, added in that order.
    """
    total = np.zeros(table.shape)
    for cell in range(len(offsets) - 1):
        for place in range(offsets[cell], offsets[cell + 1]):
            near, weight = indices[place], weights[place]
            for moment in range(table.shape[1]):
                total[cell, moment] += weight * table[near, moment]
    return total
