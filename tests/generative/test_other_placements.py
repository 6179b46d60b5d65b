"""The p-median and the double standard are the best of all choices, on questions small enough to try every one."""

from itertools import combinations, combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crisisrisk.errors import UsageError
from crisisrisk.positioning.double_cover import covered_twice
from crisisrisk.positioning.nearest import least_travel

SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.integers(1, 7), st.integers(1, 9), st.integers(1, 4))
def test_the_p_median_has_the_least_mean_travel_time(seed: int, sites: int, cells: int, teams: int) -> None:
    random = np.random.default_rng(seed)
    minutes = random.integers(1, 12, (sites, cells)).astype(float)  # with ties
    demand = random.integers(0, 4, cells) * 0.5
    may = random.random(sites) < 0.8
    choices = [list(chosen) for chosen in combinations(np.flatnonzero(may), teams)]
    if not choices or not demand.sum():
        with pytest.raises(UsageError):
            least_travel(minutes, demand, teams=teams, may_stand=may)
        return
    best = min((minutes[chosen].min(axis=0) * demand).sum() for chosen in choices) / demand.sum()
    found = least_travel(minutes, demand, teams=teams, may_stand=may)
    assert found.minutes == pytest.approx(best)
    assert found.bound == pytest.approx(best)
    assert (found.optimal, found.chosen.sum(), found.chosen[~may].sum()) == (True, teams, 0)


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.integers(1, 5), st.integers(1, 8), st.integers(1, 4), st.sampled_from([0.0, 0.5, 1.0]))
def test_the_double_standard_covers_most_twice(seed: int, sites: int, cells: int, teams: int, share: float) -> None:
    random = np.random.default_rng(seed)
    minutes = random.integers(1, 12, (sites, cells))
    narrow, wide = minutes <= 5, minutes <= 9
    demand, room = random.integers(0, 4, cells) * 0.5, random.integers(0, 3, sites)
    best = -1.0
    for chosen in combinations_with_replacement(range(sites), teams):
        at = np.bincount(chosen, minlength=sites)
        near, far = at @ narrow.astype(int), at @ wide.astype(int)
        must = wide.any(axis=0) & (demand > 0)
        if (at <= room).all() and (far[must] > 0).all() and demand[near > 0].sum() >= share * demand.sum() - 1e-9:
            best = max(best, demand[near > 1].sum())
    if best < 0:
        with pytest.raises(UsageError):
            covered_twice(narrow, wide, demand, teams=teams, room=room, share=share)
        return
    found = covered_twice(narrow, wide, demand, teams=teams, room=room, share=share)
    assert found.twice == pytest.approx(best, abs=1e-7)
    assert found.optimal
    assert found.once >= share * demand.sum() - 1e-9
