"""The terms of the regression of recent counts as their definition reads, cell by cell: slow and obvious."""

from math import isnan, log

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.place_recent import ABOVE_0, BELOW, CASELOAD, HERE, ITSELF, RING_1, RING_2, Term
from crisisrisk.tables.cells import Cells


def reference_term(
    term: Term, matrix: NDArray[np.float32], a_day: NDArray[np.float64], cells: Cells, cell: int, *, known_share: float
) -> float:
    """One term of one cell in one shift. `matrix`: shape (cells, features), `a_day`: shape (cells,)."""
    here = max(float(a_day[cell]), 1e-6)
    if term.kind == ITSELF:
        return log(here)
    value = float(matrix[cell, term.column])
    if isnan(value):
        return 0.0
    if term.kind == CASELOAD:
        return log(1 + known_share * max(value, 0.0) / here)
    if term.kind == ABOVE_0:
        return float(value > 0)
    if term.kind == BELOW:
        return float(value < term.days)
    if term.kind == HERE:
        among = [cell]
    elif term.kind == RING_1:
        among = cells.neighbours_1.of(cell).tolist()
    elif term.kind == RING_2:
        among = cells.neighbours_2.of(cell).tolist()
    else:
        among = list(range(len(a_day)))
    due = sum(float(a_day[one]) for one in among) * term.days
    return log((value + term.prior) / (due + term.prior))
