"""Rows and columns for HiGHS, and what it answers."""

from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from crisisrisk.positioning.question import Counts, Numbers

TOLERANCE = 1e-7
"""The relative gap at which a plan is called the best."""
INFEASIBLE = 2


def matrix(rows: Counts, columns: Counts, values: Numbers | None, shape: tuple[int, int]) -> Any:
    """A sparse matrix; ones where no values are given."""
    return sparse.csr_array((np.ones(len(rows)) if values is None else values, (rows, columns)), shape=shape)


def solved(
    objective: Numbers, whole: Numbers, upper: Numbers, constraints: list[LinearConstraint], *, seconds: float
) -> Any:
    """What HiGHS answers: the least of `objective`, columns from 0 to `upper`, those of `whole` in whole numbers."""
    return milp(
        objective,
        integrality=whole,
        bounds=Bounds(np.zeros(len(objective)), upper),
        constraints=constraints,
        options={"time_limit": seconds, "mip_rel_gap": TOLERANCE},
    )


def least(found: Any) -> float:
    """No answer has a smaller objective than this."""
    bound = getattr(found, "mip_dual_bound", None)
    return -float("inf") if bound is None else float(bound)
