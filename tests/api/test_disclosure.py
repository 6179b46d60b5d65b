"""The one rule of release: no count of 1 to 7."""

import pytest

from crisisrisk.database.latest import StoredPlace
from crisisrisk.serving.disclosure import released_place, tells_small_number


@pytest.mark.parametrize(
    ("text", "tells"),
    [("6 triage calls in the last 28 days", True), ("Two calls here", True), ("once in the last 90 days", True),
     ("28 calls in the last 7 days", False), ("1.5 a week", True), ("12 calls in the last 28 days", False),
     ("more calls than usual here in the last four weeks", False), ("0 calls in 28 days", False),
     ("1,200 calls", False), ("someone phoned", False), ("28 calls in the last 7 days (usual: 2)", True),
     ("recent calls here, those 28 days old counting half", False), ("calls (3)", True), ("calls: 3.", True)],
)  # fmt: skip
def test_a_text_that_tells_a_small_number_is_found(text: str, tells: bool) -> None:
    assert tells_small_number(text) is tells


def reason(text: str) -> dict[str, object]:
    return {"direction": "up", "share": 0.5, "text": text, "events": ["e_1"]}


def place(**changes: object) -> StoredPlace:
    usual = {"place_id": "p", "place_name": "P", "latitude": 52.0, "longitude": -1.0, "expected": 0.03814,
             "lower": None, "upper": None, "usual": 0.8, "rank": 1, "reasons": (reason("30 calls"),)}  # fmt: skip
    return StoredPlace(**{**usual, **changes})  # type: ignore[arg-type]


def test_a_released_place_keeps_its_forecast_and_what_scoring_worded_for_release() -> None:
    words = (reason("more calls than usual here in the last four weeks"), reason("3 calls"))
    released = released_place(place(released_usual=0.7612, released_reasons=words))
    assert (released.expected, released.usual, released.rank) == (0.0, 0.8, 1)
    assert released.reasons == ({**words[0], "events": []},)


def test_what_scoring_did_not_word_for_release_is_not_released() -> None:
    released = released_place(place())
    assert (released.usual, released.reasons) == (None, ())
