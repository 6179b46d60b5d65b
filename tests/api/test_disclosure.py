"""What leaves the board: what scoring made for release, and no text with a count of 1 to 7."""

import pytest

from crisisrisk.database.latest import StoredPlace
from crisisrisk.disclosure import tells_small_number
from crisisrisk.serving.disclosure import released_places


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


def place(name: str = "p", **changes: object) -> StoredPlace:
    usual = {"place_id": name, "place_name": "P", "latitude": 52.0, "longitude": -1.0, "expected": 0.03814,
             "lower": None, "upper": None, "usual": 0.8, "rank": 1, "reasons": (reason("30 calls"),)}  # fmt: skip
    return StoredPlace(**{**usual, **changes})  # type: ignore[arg-type]


def test_a_released_place_holds_what_scoring_made_for_release_and_nothing_else() -> None:
    words = (reason("more calls than usual here in the last four weeks"), reason("3 calls"))
    [released] = released_places(
        [place(released_expected=0.04, released_lower=0.0, released_upper=1.0, released_usual=0.75, released_rank=3,
               released_reasons=words)]
    )  # fmt: skip
    assert (released.expected, released.lower, released.upper, released.usual) == (0.04, 0.0, 1.0, 0.75)
    assert released.rank == 3
    assert released.reasons == ({"direction": "up", "text": words[0]["text"], "events": []},)


def test_places_stand_in_order_of_what_is_released() -> None:
    """The live order of cells that are released alike would tell which of them had more."""
    told = [
        place("c", rank=1, released_expected=0.1, released_rank=2),
        place("b", rank=2, released_expected=0.3, released_rank=1),
        place("a", rank=3, released_expected=0.1, released_rank=2),
    ]
    assert [one.place_id for one in released_places(told)] == ["b", "a", "c"]


def test_what_scoring_did_not_make_for_release_is_not_released() -> None:
    assert released_places([place(released_usual=0.7)]) == []
