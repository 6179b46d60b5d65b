"""The one rule of release: no count of 1 to 7."""

import pytest

from crisisrisk.database.latest import StoredPlace
from crisisrisk.serving.disclosure import NOT_RELEASED, released_count, released_place, tells_small_number


@pytest.mark.parametrize(
    ("count", "released"),
    [(0, 0), (1, None), (7, None), (8, 10), (12, 10), (13, 15), (17, 15), (18, 20), (100, 100), (1002, 1000)],
)
def test_counts_of_1_to_7_are_not_released_and_others_are_rounded_to_5(count: int, released: int | None) -> None:
    assert released_count(count) == released


@pytest.mark.parametrize(
    ("text", "tells"),
    [("6 triage calls in the last 28 days", True), ("Two calls here", True), ("once in the last 90 days", True),
     ("28 calls in the last 7 days", True), ("1.5 a week", True), ("12 calls in the last 28 days", False),
     ("more calls than usual here", False), ("0 calls in 28 days", False), ("1,200 calls", False),
     ("someone phoned", False),
     ("recent calls here, those 28 days old counting half", False), ("calls (3)", True), ("calls: 3.", True)],
)  # fmt: skip
def test_a_text_that_tells_a_small_number_is_found(text: str, tells: bool) -> None:
    assert tells_small_number(text) is tells


def place(**changes: object) -> StoredPlace:
    reasons = ({"direction": "up", "share": 0.5, "text": "3 calls", "events": ["e_1"]},
               {"direction": "up", "share": 0.2, "text": "30 calls", "events": ["e_2"]})  # fmt: skip
    usual = {"place_id": "p", "place_name": "P", "latitude": 52.0, "longitude": -1.0, "expected": 0.03814,
             "lower": None, "upper": None, "usual": 0.8, "rank": 1, "reasons": reasons}  # fmt: skip
    return StoredPlace(**{**usual, **changes})  # type: ignore[arg-type]


def test_a_released_place_keeps_its_forecast_and_loses_the_contacts_behind_it() -> None:
    released = released_place(place())
    assert (released.expected, released.usual, released.rank) == (0.04, 1.0, 1)
    assert [reason["text"] for reason in released.reasons] == [NOT_RELEASED, "30 calls"]
    assert all(reason["events"] == [] for reason in released.reasons)


@pytest.mark.parametrize(
    ("usual", "released"), [(None, None), (0.0, None), (0.2, None), (0.3, 0.5), (2.3, 2.5), (7.1, 7.0)]
)
def test_the_usual_number_is_rounded_and_never_a_zero_that_says_nothing_happens_there(
    usual: float | None, released: float | None
) -> None:
    assert released_place(place(usual=usual)).usual == released
