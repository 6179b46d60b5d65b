"""The search for the best places of a known night finds what the slow one finds, and no start does better."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.reference_foresight import best_of_all, best_places

from crisisrisk.positioning.foresight_kernel import best_known_places
from crisisrisk.positioning.replay_kernel import play_night


def in_time(asked, homes, target, ways) -> int:
    _, waited, travelled = play_night(*asked, np.array([homes]), np.zeros(1), *ways)
    return int((waited + travelled <= target).sum())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 8), st.integers(1, 3))
def test_the_search_finds_what_the_slow_one_finds(seed: int, events: int, teams: int) -> None:
    random = np.random.default_rng(seed)
    sites, cells = 4, 6
    ways = (random.uniform(1, 60, (sites, cells)), random.uniform(1, 60, (cells, cells)), np.zeros((sites, sites)))
    asked = np.sort(random.uniform(0, 480, events)), random.integers(0, cells, events), random.uniform(10, 90, events)
    room = random.integers(0, 3, sites)
    room[:2] = teams
    starts, target = random.integers(0, 2, (2, teams)), 20.0
    found = best_known_places(*asked, starts, room, target, *ways)
    slow, _ = best_places(*asked, starts, room, target, *ways)
    reached = in_time(asked, found, target, ways)
    assert reached == in_time(asked, np.array(slow), target, ways)
    assert (np.bincount(found, minlength=sites) <= room).all()
    assert all(reached >= in_time(asked, one, target, ways) for one in starts)
    assert reached <= best_of_all(*asked, teams, room.tolist(), target, *ways)
