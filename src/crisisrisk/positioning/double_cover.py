"""The double standard model: everybody within the wide limit, and as many as can be twice within the narrow one.

    max  sum_i d_i y2_i
    with teams within the wide limit of i >= 1 for every cell that some site reaches,
         sum_i d_i y1_i >= share * sum_i d_i,  y2 <= y1,  y1_i + y2_i <= teams within the narrow limit of i

Source: Gendreau, M., Laporte, G. & Semet, F. (1997): Solving an ambulance location model by tabu search. Location
Science 5(2), 75-88.
"""

import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import LinearConstraint

from crisisrisk.errors import UsageError
from crisisrisk.positioning.programme import INFEASIBLE, least, matrix, solved
from crisisrisk.positioning.question import CODE, Counts, Mask, Numbers


@dataclass(frozen=True, kw_only=True, eq=False)
class DoubleCover:
    """Teams at sites. `teams_at`: shape (sites,). `once` and `twice`: expected contacts within the narrow limit."""

    teams_at: Counts
    once: float
    twice: float
    bound: float
    optimal: bool
    seconds: float


def covered_twice(
    narrow: Mask, wide: Mask, demand: Numbers, *, teams: int, room: Counts, share: float = 0.9, seconds: float = 30.0
) -> DoubleCover:
    """The plan that covers most contacts twice. `narrow`, `wide`: shape (sites, cells); `share`: covered once at least.

    Raises UsageError where so few teams cannot do it, with how far they fall short.
    """
    began = time.monotonic()
    if not (np.isfinite(demand).all() and (demand >= 0).all()) or teams < 1 or teams > room.sum():
        raise UsageError(
            CODE, "no plan can be made", found=f"{teams} teams, room for {int(room.sum())}",
            wanted="teams with a place to stand, and expected contacts of 0 or more",
        )  # fmt: skip
    cells = np.flatnonzero(demand > 0)
    near, far, weight = narrow[:, cells], (wide | narrow)[:, cells], demand[cells]
    sites, size = len(room), len(cells)
    columns = sites + 2 * size
    found = solved(
        np.concatenate([np.zeros(sites + size), -weight]),
        np.ones(columns),  # half a contact covered twice is none
        np.concatenate([np.minimum(room, teams), np.ones(2 * size)]),
        _rules(near, far, weight, teams, share, columns),
        seconds=seconds,
    )
    if found.status == INFEASIBLE:
        raise UsageError(
            CODE, "too few teams to reach everybody within the wide limit", found=f"{teams} teams",
            wanted=f"every cell that some site reaches, and {share:.0%} of contacts within the narrow limit",
            hint="add a team, lower the share, or ask for the most that can be covered",
        )  # fmt: skip
    if found.x is None:
        raise UsageError(CODE, "no plan was found in the time given", found=f"{seconds:g} s", hint="give it more time")
    teams_at = np.rint(found.x[:sites]).astype(np.int64)
    reach = teams_at @ near.astype(np.int64)
    return DoubleCover(
        teams_at=teams_at,
        once=float(weight[reach >= 1].sum()),
        twice=float(weight[reach > 1].sum()),
        bound=-least(found),
        optimal=found.status == 0,
        seconds=time.monotonic() - began,
    )


def _rules(near: Mask, far: Mask, weight: Numbers, teams: int, share: float, columns: int) -> list[LinearConstraint]:
    sites, size = near.shape
    once, twice, cell = sites + np.arange(size), sites + size + np.arange(size), np.arange(size)
    placed = matrix(np.zeros(sites, dtype=np.int64), np.arange(sites), None, (1, columns))
    site, reached = np.nonzero(far)
    everybody = matrix(reached, site, None, (size, columns))
    site, reached = np.nonzero(near)
    rows, at = np.concatenate([cell, cell, reached]), np.concatenate([once, twice, site])
    counted = matrix(rows, at, np.concatenate([np.ones(2 * size), -np.ones(len(site))]), (size, columns))
    order = matrix(
        np.tile(cell, 2), np.concatenate([twice, once]), np.repeat([1.0, -1.0], size), (size, columns)
    )  # fmt: skip
    enough = matrix(np.zeros(size, dtype=np.int64), once, weight, (1, columns))
    return [
        LinearConstraint(placed, teams, teams),
        LinearConstraint(everybody, far.any(axis=0).astype(float), np.inf),
        LinearConstraint(counted, -np.inf, 0.0),
        LinearConstraint(order, -np.inf, 0.0),
        LinearConstraint(enough, share * weight.sum() - 1e-9, np.inf),
    ]
