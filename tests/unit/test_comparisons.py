"""What a count says beside the usual and beside other places; a reason that says the opposite is not told."""

import numpy as np
import pytest
from tests.lib.tiny_models import spec

from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.comparisons import comparisons, longer_lookbacks, usual_before
from crisisrisk.models.reasons import reasons_for
from crisisrisk.scoring.directions import in_brief

COUNTED = FeatureRecipe(
    name="r",
    subject="place",
    specs=(
        spec("calls_count_in_7_days", "calls", sources=("crisis_line",), lookback_days=7),
        spec("calls_count_in_28_days", "calls", sources=("crisis_line",), lookback_days=28),
        spec("visits_count_in_28_days", "visits", sources=("ed_attendance",), lookback_days=28),
        spec("people_who_live_here", "people", "age"),
    ),
)
BUSY, QUIET = (9.0, 60.0, 6.0, 2000.0), (1.0, 4.0, 0.0, 100.0)
"""Two places: in the busy one 17 calls in 7 days are usual, in the quiet one 1."""


def told(contributions, *, of=0, places=(BUSY, QUIET), shifts=1):
    features = np.array(places * shifts)
    beside = comparisons(COUNTED, features, shifts=shifts, history_days=365)
    moved = np.zeros((len(features), 5))
    moved[of, :4] = contributions
    found = reasons_for(COUNTED, moved, features, words=beside.words(features))
    return [(one.direction, COUNTED.names[one.feature]) for one in found[of]]


def test_usual_is_the_rate_of_the_time_before():
    assert longer_lookbacks(COUNTED) == {0: (1,), 1: (), 2: ()}
    values = np.array([BUSY, QUIET])
    # 51 in the 21 days before the last 7: 17 in 7 days.
    assert usual_before(COUNTED, values, history_days=100)[:, 0] == pytest.approx([17.0, 1.0])
    assert np.isnan(usual_before(COUNTED, values, history_days=27)).all()
    assert np.isnan(usual_before(COUNTED, values, history_days=900)[:, 1:]).all()


def test_the_average_is_of_all_places_in_the_same_shift():
    features = np.array([BUSY, QUIET, QUIET, QUIET])
    beside = comparisons(COUNTED, features, shifts=2, history_days=365)
    assert beside.average[:, 0].tolist() == [5.0, 5.0, 1.0, 1.0]
    assert np.isnan(beside.average[:, 3]).all()


def test_a_count_below_the_usual_pushes_up_beside_an_average_place_alone():
    features = np.array([BUSY, QUIET])
    words = comparisons(COUNTED, features, shifts=1, history_days=365).words(features)
    assert words.for_more[:, 0].tolist() == [1, 0]
    assert words.for_fewer[:, 0].tolist() == [2, 1]


def test_of_a_group_the_feature_is_told_whose_words_say_what_it_does():
    assert told((0.6, 0.2, 0.0, 0.0)) == [("up", "calls_count_in_28_days")]
    assert told((0.6, 0.0, 0.0, 0.0)) == [("up", "calls_count_in_7_days")]


@pytest.mark.parametrize("of", [0, 1])
def test_a_reason_whose_words_say_the_opposite_is_not_told(of):
    many = of == 0
    assert told((0.0, 0.0, -0.5 if many else 0.5, 0.0), of=of) == []
    assert told((0.0, 0.0, 0.5 if many else -0.5, 0.0), of=of) == [
        ("up" if many else "down", "visits_count_in_28_days")
    ]


def test_what_is_no_count_explains_both_ways():
    assert told((0.0, 0.0, 0.0, 0.5)) == [("up", "people_who_live_here")]
    assert told((0.0, 0.0, 0.0, -0.5)) == [("down", "people_who_live_here")]


def test_a_group_that_is_not_told_leaves_its_room_to_the_next():
    contributions = (0.0, 0.0, -0.9, -0.1)
    assert told(contributions) == [("down", "people_who_live_here")]


# In one line

UP, DOWN, LATE = ("up", "two calls"), ("down", "no visits"), ("not_known", "ambulance contacts")


def test_one_line_has_what_pushes_up():
    assert in_brief([UP, ("up", "a visit"), ("up", "a third"), DOWN]) == ["two calls", "a visit"]
    assert in_brief([LATE, UP, DOWN], most=1) == ["two calls"]


def test_what_pulls_down_is_never_read_as_a_reason_for_more():
    assert in_brief([DOWN, ("down", "few people live here"), LATE]) == [
        "pulling it down: no visits",
        "few people live here",
    ]


def test_what_is_not_known_is_no_reason_of_one_line():
    assert in_brief([LATE]) == in_brief([]) == []
