"""Whether contacts gather in a cell in the week before crisis contacts do: small tables, and what chance gives."""

import numpy as np
import pytest

from crisisrisk.features.place_clustering import WEEK_US, clustering, weekly_counts


def test_pairs_are_of_the_same_cell_and_the_week_after() -> None:
    """Cell one: 2 contacts in week 0 and 3 crises in week 1 are 6 pairs; the crisis of week 0 is in none."""
    signal = np.array([[2, 0, 0], [0, 0, 1]])
    crisis = np.array([[1, 3, 0], [0, 4, 0]])
    assert clustering(signal, crisis).pairs == 6


def test_pairs_by_chance_come_from_cells_and_weeks() -> None:
    """Contacts before: 3 and 1 by cell, 2 and 2 by week; crises after: 1 and 3 by cell, 4 and 0 by week.

    By the margins 1.5 and 0.5 in each week, against 1 and 3 in the first: 1.5 + 1.5 = 3.
    """
    signal = np.array([[2, 1, 0], [0, 1, 0]])
    crisis = np.array([[9, 1, 0], [9, 3, 0]])
    found = clustering(signal, crisis)
    assert found.expected == pytest.approx(3.0)
    assert found.pairs == 2
    assert found.lift == pytest.approx(2 / 3)


def test_nothing_is_no_clustering() -> None:
    nothing = np.zeros((3, 5), dtype=np.int64)
    found = clustering(nothing, nothing)
    assert (found.pairs, found.expected, found.z, found.clusters) == (0, 0.0, 0.0, False)
    assert np.isnan(found.lift)


def test_weeks_are_whole_and_end_at_the_end() -> None:
    """Two weeks and a day before the end: the day belongs to none."""
    end = 10 * WEEK_US
    at = np.array([end - 1, end - WEEK_US, end - WEEK_US - 1, end - 2 * WEEK_US, end - 2 * WEEK_US - 1, end])
    counts = weekly_counts(np.array([0, 0, 1, 1, 1, 1]), at, cells=2, first=end - 2 * WEEK_US - WEEK_US // 7, end=end)
    assert counts.tolist() == [[0, 2], [2, 0]]


@pytest.mark.parametrize("seed", range(4))
def test_a_busy_cell_and_a_busy_week_are_no_clustering_and_a_planted_one_is_found(seed: int) -> None:
    """Cells of very different size and a strong season: independent contacts stay near chance; planted ones do not."""
    random = np.random.default_rng(seed)
    cells, weeks = 120, 104
    size = random.gamma(0.5, 1.0, (cells, 1))
    season = 1 + 0.6 * np.sin(np.arange(weeks) / 52 * 2 * np.pi)
    crisis, other = (random.poisson(0.4 * size * season) for _ in range(2))
    alone = clustering(other, crisis)
    assert abs(alone.z) < 3
    assert not alone.clusters
    spells = random.random((cells, weeks)) < 0.02
    after = np.zeros_like(crisis)
    after[:, 1:] = 3 * spells[:, :-1]
    planted = clustering(other + 2 * spells, crisis + after)
    assert planted.clusters
    assert planted.z > 4
