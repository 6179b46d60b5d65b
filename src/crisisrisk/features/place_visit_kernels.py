"""Team time before moments, as it was known then. Complexity: moments × visits. Memory: the two answers."""

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.timeline import Instants

Numbers = NDArray[np.float64]
Cells = NDArray[np.int32]


@njit(nogil=True, cache=True)
def team_time(
    cell: Cells, at: Instants, span: int, visit_cell: Cells, begin: Instants, end: Instants, known: Instants
) -> tuple[Numbers, Numbers]:
    """Microseconds of team time in each cell, and anywhere, in `[at - span, at)`. Shape (moments,) each.

    A visit counts from the moment at which it is known. `cell`, `at`: shape (moments,); the others (visits,).
    """
    here, everywhere = np.zeros(len(at)), np.zeros(len(at))
    for moment in range(len(at)):
        for visit in range(len(begin)):
            if known[visit] > at[moment]:
                continue
            passed = min(end[visit], at[moment]) - max(begin[visit], at[moment] - span)
            if passed > 0:
                everywhere[moment] += passed
                if visit_cell[visit] == cell[moment]:
                    here[moment] += passed
    return here, everywhere
