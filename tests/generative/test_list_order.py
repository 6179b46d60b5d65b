"""Order by chance among equal numbers: nobody passes anybody of whom another number is said, and it can be repeated."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crisisrisk.scoring.ordering import in_100, list_place, tie_key

AS_OF = datetime(2026, 11, 22, 6, tzinfo=UTC)
chances = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.04, 0.05, 0.123, 0.127, 0.5])), max_size=40)


def ordered(risk: list[float], seed: int | None, as_of: datetime = AS_OF) -> list[int]:
    """The people, numbered, in the order of the list."""
    keys = [None if seed is None else tie_key(seed, as_of, f"p{who}") for who in range(len(risk))]
    return sorted(range(len(risk)), key=lambda who: list_place(risk[who], f"p{who}", keys[who]))


@given(chances, st.integers(0, 2**62))
def test_only_people_of_the_same_number_change_places(risk, seed):
    drawn = ordered(risk, seed)
    assert sorted(drawn) == list(range(len(risk)))  # nobody is left out or comes twice
    said = [in_100(risk[who]) for who in drawn]
    assert said == sorted(said, reverse=True)
    assert said == [in_100(risk[who]) for who in ordered(risk, None)]


@given(chances, st.integers(0, 2**62), st.integers(1, 40))
def test_a_cut_holds_everybody_above_it_and_differs_only_among_ties(risk, seed, length):
    with_chance, without = set(ordered(risk, seed)[:length]), set(ordered(risk, None)[:length])
    assert len(with_chance) == len(without)
    if len(risk) > length:
        cut = in_100(risk[ordered(risk, None)[length - 1]])
        assert all(in_100(risk[who]) == cut for who in with_chance ^ without)
        assert {who for who in range(len(risk)) if in_100(risk[who]) > cut} <= with_chance & without


@given(chances, st.integers(0, 2**62))
def test_the_same_seed_and_moment_give_the_same_order_in_any_zone(risk, seed):
    elsewhere = AS_OF.astimezone(timezone(timedelta(hours=5)))
    assert ordered(risk, seed) == ordered(risk, seed, elsewhere)


@pytest.mark.parametrize("change", [{"seed": 8}, {"as_of": AS_OF + timedelta(days=7)}])
def test_another_seed_or_week_draws_again_and_places_are_uniform(change):
    people = [f"k1_{number}" for number in range(4000)]
    keys = np.array([tie_key(7, AS_OF, who) for who in people])
    again = np.array([tie_key(change.get("seed", 7), change.get("as_of", AS_OF), who) for who in people])
    assert ((keys >= 0) & (keys < 1)).all()
    assert abs(keys.mean() - 0.5) < 0.03
    assert abs(np.corrcoef(keys, again)[0, 1]) < 0.06
    assert abs(np.corrcoef(keys, np.arange(4000))[0, 1]) < 0.06
