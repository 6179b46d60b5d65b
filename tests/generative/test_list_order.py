"""Order by chance among ties: who is listed never depends on it, only near-equals change places, it can be repeated."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crisisrisk.scoring.ordering import NEAR, Placed, in_100, list_order, tie_key

AS_OF = datetime(2026, 11, 22, 6, tzinfo=UTC)
near = st.sampled_from([0.012, 0.0151, 0.016, 0.0165, 0.017, 0.0249, 0.123, 0.124, 0.127, 0.176, 0.18, 0.184, 0.5])
chances = st.lists(st.one_of(st.floats(0, 1), near), max_size=40)
lengths = st.integers(1, 40)


def ordered(risk: list[float], seed: int | None, *cuts: int, as_of: datetime = AS_OF) -> list[int]:
    """The people, numbered, in the order of the list."""
    keys = [None if seed is None else tie_key(seed, as_of, f"p{who:02}") for who in range(len(risk))]
    placed = [Placed(f"p{who:02}", chance, key) for who, (chance, key) in enumerate(zip(risk, keys, strict=True))]
    return [int(one.person_id[1:]) for one in list_order(placed, cuts=cuts)]


@given(chances, st.integers(0, 2**62), lengths, lengths)
def test_who_is_on_a_list_is_the_same_with_and_without_the_draw(risk, seed, length, shorter):
    drawn, plain = ordered(risk, seed, length, shorter), ordered(risk, None)
    assert plain == sorted(range(len(risk)), key=lambda who: (-risk[who], who))
    assert sorted(drawn) == sorted(plain)  # nobody is left out or comes twice
    for cut in (length, shorter):
        assert set(drawn[:cut]) == set(plain[:cut])


@given(chances, st.integers(0, 2**62), lengths)
def test_only_people_of_nearly_the_same_risk_and_the_same_number_change_places(risk, seed, length):
    drawn = ordered(risk, seed, length)
    for place, who in enumerate(drawn):
        for later in drawn[place + 1 :]:
            if risk[later] > risk[who]:
                assert in_100(risk[later]) == in_100(risk[who])
                assert risk[later] <= NEAR * risk[who]


def test_a_tie_is_drawn_where_no_list_ends_in_it_and_a_point_is_no_tie():
    near, point = [0.184, 0.183, 0.182, 0.181], [0.0249, 0.0151]
    orders = [ordered(near, seed, 4) for seed in range(200)]
    assert len({tuple(one) for one in orders}) == 24  # every order comes
    assert all(ordered(near, seed, 2) == [0, 1, 2, 3] for seed in range(50))
    assert all(ordered(point, seed) == [0, 1] for seed in range(50))


@given(chances, st.integers(0, 2**62))
def test_the_same_seed_and_moment_give_the_same_order_in_any_zone(risk, seed):
    elsewhere = AS_OF.astimezone(timezone(timedelta(hours=5)))
    assert ordered(risk, seed) == ordered(risk, seed, as_of=elsewhere)


@pytest.mark.parametrize("change", [{"seed": 8}, {"as_of": AS_OF + timedelta(days=7)}])
def test_another_seed_or_week_draws_again_and_places_are_uniform(change):
    people = [f"k1_{number}" for number in range(4000)]
    keys = np.array([tie_key(7, AS_OF, who) for who in people])
    again = np.array([tie_key(change.get("seed", 7), change.get("as_of", AS_OF), who) for who in people])
    assert ((keys >= 0) & (keys < 1)).all()
    assert abs(keys.mean() - 0.5) < 0.03
    assert abs(np.corrcoef(keys, again)[0, 1]) < 0.06
    assert abs(np.corrcoef(keys, np.arange(4000))[0, 1]) < 0.06
