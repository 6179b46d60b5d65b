"""Ranking metrics of rows that count several times, slice by slice: what a bootstrap of whole people asks for.

Both kernels read rows once that were sorted beforehand: linear in rows, memory of a few numbers a slice. A row of
weight 2 stands for two rows, of weight 0 for none; with weights of 1 the values are those of `metrics.py`.
"""

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit

Numbers = NDArray[np.float64]


@njit(nogil=True, cache=True)
def ranked(
    starts: NDArray[np.int64],
    risk: Numbers,
    happened: NDArray[np.bool_],
    weight: NDArray[np.int64],
    specificity: float,
) -> Numbers:
    """AUROC, AUPRC and sensitivity at a specificity of each slice. Shape (slices, 3), NaN as in `metrics.py`.

    The rows of slice `i` are `starts[i]:starts[i + 1]`, each slice from the highest risk to the lowest.
    """
    found = np.full((len(starts) - 1, 3), np.nan)
    for one in range(len(starts) - 1):
        begin, end = starts[one], starts[one + 1]
        with_outcome = np.sum(weight[begin:end] * happened[begin:end])
        without = np.sum(weight[begin:end]) - with_outcome
        if with_outcome == 0:
            continue
        allowed = (1.0 - specificity) * without + 1e-9
        area, precision, best = 0.0, 0.0, 0
        hits, misses, row = 0, 0, begin
        while row < end:
            more, more_hits, value = 0, 0, risk[row]
            while row < end and risk[row] == value:
                more += weight[row]
                more_hits += weight[row] * happened[row]
                row += 1
            area += (more - more_hits) * (hits + 0.5 * more_hits)
            hits, misses = hits + more_hits, misses + more - more_hits
            if more_hits > 0:
                precision += more_hits * (hits / (hits + misses))
            if misses <= allowed:
                best = hits
        found[one, 1] = precision / with_outcome
        if without > 0:
            found[one, 0] = area / (float(with_outcome) * float(without))
            found[one, 2] = best / with_outcome
    return found


@njit(nogil=True, cache=True)
def listed_weights(
    starts: NDArray[np.int64], weight: NDArray[np.int64], length: int
) -> NDArray[np.int64]:  # fmt: skip
    """How much of each row's weight stands on its list of `length` places. Shape (rows,).

    The rows of list `i` are `starts[i]:starts[i + 1]`, in the order in which they are listed: from the highest risk, of
    the same risk those without the outcome first.
    """
    found = np.zeros(len(weight), dtype=np.int64)
    for one in range(len(starts) - 1):
        free = length
        for row in range(starts[one], starts[one + 1]):
            if free <= 0:
                break
            found[row] = min(free, weight[row])
            free -= weight[row]
    return found
