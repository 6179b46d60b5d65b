"""Examples of what teams say and decide, in the OpenAPI document. Nobody in them exists."""

from typing import Any

_PERSON = "k1_7Q4M2XK0D3RT5VWZ"
_MADE: dict[str, Any] = {
    "number": 31, "made_at": "2026-11-22T09:12:00Z", "made_by": "7f3a91c2", "role": "care", "person_id": _PERSON,
}  # fmt: skip

FEEDBACK: dict[str, Any] = {
    **_MADE, "reference": "R-17", "verdict": "disagree", "reason": "knows_more",
    "words": "Has moved in with her sister, and rings us herself.", "follows": None,
    "asked_again_at": "2026-11-29T09:12:00Z",
}  # fmt: skip
PERSON_FEEDBACK: dict[str, Any] = {"person_id": _PERSON, "feedback": [FEEDBACK]}
TEAM_FEEDBACK: dict[str, Any] = {"team": "north", "feedback": [FEEDBACK]}

REVIEW_MADE: dict[str, Any] = {
    **_MADE, "reference": "R-17", "decision": "contact", "words": "Two night-time calls: visit brought forward.",
    "shown_at": "2026-11-22T09:04:00Z",
}  # fmt: skip
PERSON_REVIEWS: dict[str, Any] = {"person_id": _PERSON, "reviews": [REVIEW_MADE]}

SNOOZE: dict[str, Any] = {
    **_MADE, "until": "2026-12-06T00:00:00Z", "reason": "Visited yesterday; next visit on 4 December.", "rise": 10,
    "asleep": True, "woken_by": None,
}  # fmt: skip
PERSON_SNOOZES: dict[str, Any] = {"person_id": _PERSON, "snoozes": [SNOOZE]}

CONTACTS: dict[str, Any] = {
    "person_id": _PERSON, "now": "2026-11-22T09:00:00Z", "more": False,
    "reached": {"seen_at": "2026-11-03T10:00:00Z", "seen_on": None, "missed_since": 2},
    "contacts": [{
        "event_id": "e_81", "occurred_at": "2026-11-20T22:40:00Z", "occurred_on": None,
        "known_at": "2026-11-20T23:10:00Z", "source": "crisis_line", "code": "call", "outcome": None, "ended_at": None,
    }],
}  # fmt: skip

QUERY: dict[str, Any] = {
    **_MADE, "event_id": "e_81", "source": "crisis_line", "occurred_at": "2026-11-20T22:40:00Z", "occurred_on": None,
    "problem": "another_person", "words": "It was her daughter who rang.", "answered_at": None,
    "outcome": None, "answer": None, "record": "as_it_was", "record_changed_at": None,
}  # fmt: skip
PERSON_QUERIES: dict[str, Any] = {"person_id": _PERSON, "queries": [QUERY]}
QUEUED: dict[str, Any] = {
    "number": 31, "made_at": "2026-11-22T09:12:00Z", "team": "north", "event_id": "e_81", "source": "crisis_line",
    "occurred_at": "2026-11-20T22:40:00Z", "occurred_on": None, "problem": "another_person", "answered_at": None,
    "answered_by": None, "outcome": None, "answer": None,
}  # fmt: skip
QUEUED_ALL: dict[str, Any] = {"queries": [QUEUED]}

SHIFT_FEEDBACK: dict[str, Any] = {
    "number": 5, "shift": "night-2026-11-22", "reference": "S-9", "place_id": "88195d2b1dfffff", "verdict": "useful",
    "words": "Two calls there before midnight.", "made_at": "2026-11-23T08:20:00Z", "made_by": "7f3a90c1",
    "role": "crisis_team",
}  # fmt: skip
SHIFT_FEEDBACK_LIST: dict[str, Any] = {"shift": "night-2026-11-22", "feedback": [SHIFT_FEEDBACK]}

CAPACITY: dict[str, Any] = {
    "team": "north", "people_a_week": 25, "meaning": "This is the team's capacity, not a safety line.",
    "said_at": "2026-11-16T09:00:00Z", "said_by": "7f3a91c2",
}  # fmt: skip
SEEN: dict[str, Any] = {"team": "north", "seen_at": "2026-11-22T09:20:00Z", "reference": "R-17"}
