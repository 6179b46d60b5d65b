"""Examples of a score's history, reasons and changes, in the OpenAPI document. Nobody in them exists."""

from typing import Any

from crisisrisk.serving.care_examples import CONTACTS
from crisisrisk.serving.examples import PERSON

_CONTACT: dict[str, Any] = CONTACTS["contacts"][0]
_NUMBER = {name: value for name, value in PERSON.items() if name not in ("fresh", "reasons")}
_WHO = {name: value for name, value in _NUMBER.items() if name not in ("lower", "upper")}
_UP: dict[str, Any] = {**PERSON["reasons"][0], "events": ["e_81"], "contacts": [_CONTACT]}
_DOWN: dict[str, Any] = {**PERSON["reasons"][1], "contacts": []}

HISTORY: dict[str, Any] = {
    **_NUMBER, "reasons": PERSON["reasons"], "since": "2026-06-07T09:00:00Z",
    "team_in_100": 3, "near_top_weeks": 1,
    "scores": [
        {"as_of": "2026-11-21T06:00:00Z", "state": "scored", "probability": 0.074, "likely_in_100": 7, "lower": 0.05,
         "upper": 0.11, "model_version": 3, "late": ["nhs_111"], "made_afterwards": False,
         "reference": "R-16"},
        {"as_of": "2026-11-22T06:00:00Z", "state": "scored", "probability": 0.182, "likely_in_100": 18, "lower": 0.131,
         "upper": 0.243, "model_version": 4, "late": [], "made_afterwards": False,
         "reference": "R-17"},
    ],
    "model_changes": [{"as_of": "2026-11-22T06:00:00Z", "before": 3, "after": 4}], "contacts": [_CONTACT],
}  # fmt: skip

REASONS: dict[str, Any] = {
    **_NUMBER, "up": [_UP], "down": [_DOWN],
    "not_known": [{"direction": "not_known", "share": 0.0, "text": "age: not recorded", "events": [], "contacts": []}],
}  # fmt: skip

CHANGES: dict[str, Any] = {
    **_WHO, "since": "2026-11-14T00:00:00Z", "state_then": "scored", "probability_then": 0.074, "likely_in_100_then": 7,
    "points": 11, "log_odds": 1.024,
    "parts": [
        {"cause": "new_contacts", "meaning": "contacts that became known since", "points": 12, "log_odds": 1.1,
         "reasons": [_UP]},
        {"cause": "ageing", "meaning": "time passing, and older contacts fading", "points": -2, "log_odds": -0.17,
         "reasons": []},
        {"cause": "model", "meaning": "another model answers now", "points": 1, "log_odds": 0.094, "reasons": []},
    ],
}  # fmt: skip
