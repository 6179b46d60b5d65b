"""Counts drawn together come as their distribution says, in cells of few and of many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from crisisrisk.models.place_distribution import _least_count, joint_counts


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_each_count_is_the_least_that_reaches_its_chance(seed: int) -> None:
    random = np.random.default_rng(seed)
    chance, means = random.uniform(0.001, 0.999, 50), random.gamma(0.5, 4.0, 50) + 1e-6
    own = np.where(random.random(50) < 0.3, 0.0, random.gamma(1.0, 1.0, 50) + 1e-3)
    some = np.maximum(own, 1e-3)
    wanted = np.where(own > 0, nbinom.ppf(chance, 1 / some, 1 / (1 + some * means)), poisson.ppf(chance, means))
    assert _least_count(chance, means, own).tolist() == wanted.tolist()


@pytest.mark.parametrize(("mean", "own", "shared"), [(0.02, 2.0, 0.1), (3.0, 0.0, 0.3), (200.0, 0.2, 0.05)])
def test_mean_variance_and_what_cells_share(mean: float, own: float, shared: float) -> None:
    drawn = joint_counts(np.full(40, mean), np.full(40, own), shared, draws=20_000, seed=3).astype(float)
    variance = mean + (shared + (1 + shared) * own) * mean**2
    assert drawn.mean() == pytest.approx(mean, rel=0.03)
    assert drawn.var() == pytest.approx(variance, rel=0.06)
    # The variance of the sum of 40 cells is more than of 40 that know nothing of each other: by what they share.
    together = 40 * variance + 40 * 39 * shared * mean**2
    assert drawn.sum(axis=1).var() == pytest.approx(together, rel=0.06)
