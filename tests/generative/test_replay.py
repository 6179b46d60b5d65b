"""The kernel plays a night as the slow one does; a night whose answer is known comes out as known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.reference_replay import night as slow_night

from crisisrisk.positioning.replay import Night, Posts, Ways, difference, played, posts_of
from crisisrisk.positioning.replay_kernel import play_night


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 15), st.integers(1, 4), st.integers(1, 3))
def test_the_kernel_plays_the_night_as_the_slow_one(seed: int, events: int, teams: int, parts: int) -> None:
    random = np.random.default_rng(seed)
    sites, cells = 3, 5
    minute = np.sort(random.uniform(0, 480, events))
    ways = (
        random.uniform(1, 60, (sites, cells)),
        random.uniform(1, 60, (cells, cells)),
        random.uniform(1, 60, (sites, sites)),
    )
    if random.random() < 0.3:
        ways[0][:, 0] = np.inf  # a cell that no site reaches
    homes, begins = random.integers(0, sites, (parts, teams)), np.arange(parts) * 160.0
    if random.random() < 0.5:
        homes[random.random((parts, teams)) < 0.3] = -1  # not on duty
    asked = minute, random.integers(0, cells, events), random.uniform(10, 120, events), homes, begins
    went, waited, travelled = play_night(*asked, *ways)
    wanted = slow_night(*asked, *ways)
    assert went.tolist() == [team for team, _, _ in wanted]
    assert waited == pytest.approx([wait for _, wait, _ in wanted])
    assert travelled == pytest.approx([travel for _, _, travel in wanted])


WAYS = Ways(
    site_to_cell=np.array([[10.0, 40.0], [40.0, 10.0]]), cell_to_cell=np.array([[5.0, 30.0], [30.0, 5.0]]),
    site_to_site=np.array([[0.0, 30.0], [30.0, 0.0]]),
)  # fmt: skip


def test_a_team_that_is_away_is_waited_for_or_another_comes_from_further() -> None:
    """Two calls from cell 0 at 0 and 5 minutes; service an hour."""
    night = Night(minute=np.array([0.0, 5.0]), cell=np.array([0, 0]), service=np.array([60.0, 60.0]))
    one = played([night], [posts_of(np.array([[1, 0]]), np.zeros(1))], WAYS)
    assert (one.waited.tolist(), one.travelled.tolist()) == ([0.0, 65.0], [10.0, 5.0])  # done at 70, and near
    two = played([night], [posts_of(np.array([[1, 1]]), np.zeros(1))], WAYS)
    assert (two.waited.tolist(), two.travelled.tolist()) == ([0.0, 0.0], [10.0, 40.0])
    assert (one.covered(15), two.covered(15), two.covered(45)) == (0.5, 0.5, 1.0)
    assert two.as_json()["queued"] == 0
    found = difference(two, one, minutes=45)
    assert (found.mean, found.lower, found.upper) == (0.5, 0.5, 0.5)


def test_a_team_moved_between_parts_answers_from_its_new_home() -> None:
    night = Night(minute=np.array([300.0]), cell=np.array([1]), service=np.array([60.0]))
    posts = posts_of(np.array([[1, 0], [0, 1]]), np.array([0.0, 240.0]))
    assert posts.homes.tolist() == [[0], [1]]
    found = played([night], [posts], WAYS)
    assert (found.travelled.tolist(), found.moves) == ([10.0], 1)
    early = Night(minute=np.array([255.0]), cell=np.array([1]), service=np.array([60.0]))
    assert played([early], [posts], WAYS).travelled.tolist() == [25.0]  # half way: half of 40 and half of 10


def test_a_team_that_is_not_on_duty_is_not_sent() -> None:
    """On duty from 60 to 120 minutes; a call in it, one before and one after."""
    night = Night(minute=np.array([30.0, 90.0, 200.0]), cell=np.array([0, 0, 0]), service=np.full(3, 5.0))
    posts = Posts(homes=np.array([[-1], [0], [-1]]), begins=np.array([0.0, 60.0, 120.0]))
    found = played([night], [posts], WAYS)
    assert found.response.tolist() == [np.inf, 10.0, np.inf]
    assert found.moves == 0


def test_teams_keep_their_sites_where_they_can() -> None:
    posts = posts_of(np.array([[1, 2, 0], [1, 1, 1]]), np.array([0.0, 10.0]))
    assert posts.homes.tolist() == [[0, 1, 1], [0, 1, 2]]


def test_nights_without_contacts_say_nothing() -> None:
    empty = Night(minute=np.zeros(0), cell=np.zeros(0, dtype=np.int64), service=np.zeros(0))
    found = played([empty], [Posts(homes=np.array([[0]]), begins=np.zeros(1))], WAYS)
    assert np.isnan(found.covered(15))
    assert found.as_json()["mean_travel"] is None
