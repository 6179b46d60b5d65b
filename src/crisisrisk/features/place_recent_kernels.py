"""The compiled loop that makes the terms of the regression of recent counts. A pure function of arrays.

Complexity: rows × (cells × terms + neighbours). Memory: the table returned and three numbers for each cell.
"""

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]
Rings = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]

LEAST_A_DAY = 1e-6


@njit(nogil=True, cache=True)
def filled_terms(
    matrix: NDArray[np.float32],
    a_day: Numbers,
    kinds: Integers,
    columns: Integers,
    days: Numbers,
    priors: Numbers,
    known_share: float,
    rings: Rings,
) -> Numbers:
    """The terms of each row and cell. Shape (rows, cells, terms).

    `matrix` (rows, cells, features), `a_day` (rows, cells): what is expected a day; `rings`: offsets and indices of
    the neighbours and of the ring behind. By kind: 0 to 3 the log of (came + prior) ÷ (expected + prior) in the cell,
    its neighbours, the ring behind, the whole area; 4 the log of 1 + share × column ÷ expected; 5 whether the column
    is above 0; 6 whether it is below `days`; 7 the log of what is expected. NaN in a column makes a term of 0.
    """
    rows, cells = a_day.shape
    out = np.zeros((rows, cells, len(kinds)))
    around = np.zeros((4, cells))
    for row in range(rows):
        _around(a_day[row], rings, around)
        for cell in range(cells):
            least = max(a_day[row, cell], LEAST_A_DAY)
            for term in range(len(kinds)):
                kind = kinds[term]
                if kind == 7:
                    out[row, cell, term] = np.log(least)
                    continue
                value = np.float64(matrix[row, cell, columns[term]])
                if kind <= 3:
                    due = around[kind, cell] * days[term] + priors[term]
                    made = np.log((value + priors[term]) / due)
                else:
                    made = _of_value(kind, value, days[term], known_share / least)
                out[row, cell, term] = 0.0 if np.isnan(value) else made
    return out


@njit(nogil=True, cache=True)
def _around(a_day: Numbers, rings: Rings, out: Numbers) -> None:
    """What each cell, its neighbours, the ring behind and the whole area expect a day, into `out` (4, cells)."""
    out[0], out[1], out[2], out[3] = a_day, 0.0, 0.0, a_day.sum()
    for cell in range(len(a_day)):
        for place in range(rings[0][cell], rings[0][cell + 1]):
            out[1, cell] += a_day[rings[1][place]]
        for place in range(rings[2][cell], rings[2][cell + 1]):
            out[2, cell] += a_day[rings[3][place]]


@njit(nogil=True, cache=True)
def _of_value(kind: int, value: float, below: float, worth: float) -> float:
    """The term of a kind that compares with no count."""
    if kind == 4:
        return float(np.log1p(worth * max(value, 0.0)))
    if kind == 5:
        return 1.0 if value > 0.0 else 0.0
    return 1.0 if value < below else 0.0
