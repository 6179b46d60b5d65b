"""MCLP and p-median beside spopt: the same optimum on small lattices, as spopt's own cases are, and on random ones."""

import numpy as np
import pulp
import pytest
from spopt import locate

from crisisrisk.positioning.cover import most_covered
from crisisrisk.positioning.demand import part_with_busy
from crisisrisk.positioning.nearest import least_travel
from crisisrisk.positioning.question import Question, TeamKind


def lattice(seed: int, cells: int, sites: int) -> tuple[np.ndarray, np.ndarray]:
    """Costs between points of a ten by ten lattice, shape (cells, sites), and weights from 1 to 11."""
    random = np.random.default_rng(seed)
    of_cells, of_sites = random.integers(0, 11, (cells, 2)), random.integers(0, 11, (sites, 2))
    cost = np.hypot(*(of_cells[:, None] - of_sites[None]).transpose(2, 0, 1))
    return cost, random.integers(1, 12, cells).astype(float)


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the solver that spopt asks

CASES = [(0, 10, 5, 4), (0, 100, 5, 4), (1, 50, 12, 3), (2, 80, 20, 6)]


@pytest.mark.parametrize(("seed", "cells", "sites", "teams"), CASES)
@pytest.mark.parametrize("radius", [2.0, 4.0])
def test_the_most_that_can_be_covered_is_spopts(seed: int, cells: int, sites: int, teams: int, radius: float) -> None:
    cost, weights = lattice(seed, cells, sites)
    theirs = locate.MCLP.from_cost_matrix(cost, weights, radius, teams).solve(pulp.PULP_CBC_CMD(msg=False))
    kind = TeamKind(name="any", teams=teams, may_stand=np.ones(sites, dtype=bool), reach=(cost <= radius).T)
    ours = most_covered(
        Question(parts=(part_with_busy(weights, 0.0, teams=teams),), kinds=(kind,), room=np.ones(sites, dtype=np.int64))
    )
    covered = weights[[bool(sited) for sited in theirs.cli2fac]].sum()
    assert ours.value == pytest.approx(covered)
    assert ours.optimal


@pytest.mark.parametrize(("seed", "cells", "sites", "teams"), CASES)
def test_the_least_travel_is_spopts(seed: int, cells: int, sites: int, teams: int) -> None:
    cost, weights = lattice(seed, cells, sites)
    theirs = locate.PMedian.from_cost_matrix(cost, weights, teams).solve(pulp.PULP_CBC_CMD(msg=False))
    ours = least_travel(cost.T, weights, teams=teams)
    assert ours.minutes * weights.sum() == pytest.approx(theirs.problem.objective.value())
    assert ours.optimal
