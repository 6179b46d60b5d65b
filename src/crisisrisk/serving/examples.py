"""Examples in the OpenAPI document. Nobody in them exists; a test holds them to the answers' own types."""

from typing import Any

from crisisrisk.positioning.realised import CAUTIOUS
from crisisrisk.serving.answers import Problem
from crisisrisk.serving.care_examples import CAPACITY

_MODEL = {"name": "person_crisis_28d", "version": 4, "run_id": "3f2c51", "recipe_fingerprint": "b71d90"}
_PLACE_MODEL = {**_MODEL, "name": "place_crisis_shift"}
_OUTCOME_CAVEAT = (
    "This is about contact with crisis services. It says nothing about harm, and a small number is not reassurance."
)
_BASIS: dict[str, Any] = {
    "outcome": "contact with a crisis service",
    "as_of": "2026-11-22T06:00:00Z",
    "data_complete_to": {"nhs_111": "2026-11-21T21:40:00Z", "police_999": "2026-11-22T05:58:00Z"},
    "caveats": [_OUTCOME_CAVEAT, "late: nhs_111 since 2026-11-21T21:40Z"],
}
_LISTED: dict[str, Any] = {
    "person_id": "k1_7Q4M2XK0D3RT5VWZ", "state": "scored", "probability": 0.182, "likely_in_100": 18,
    "lower": 0.131, "upper": 0.243, "thin_history": False, "model_version": 4,
    "reasons": [
        {"direction": "up", "share": 0.44, "text": "2 crisis-line calls in the last 7 days", "events": []},
        {"direction": "down", "share": 0.2, "text": "334 days since the last crisis contact", "events": []},
    ],
}  # fmt: skip
_PERSON_BASIS = {
    **_BASIS, "horizon_days": 28, "valid_until": "2026-11-29T06:00:00Z", "model": _MODEL, "reference": "R-17",
}  # fmt: skip

PERSON: dict[str, Any] = {**_PERSON_BASIS, **_LISTED, "fresh": False, "identities": {}}
SCORED_NOW: dict[str, Any] = {
    **_PERSON_BASIS, "reference": "live-20261122T060000Z", "fresh": True, "people": [_LISTED],
    "pinned": [{
        "person_id": "k1_0XKD5Q7M2RT3VWZ4", "state": "in_hospital",
        "meaning": "in hospital as far as is known: not on the list while there",
    }],
}  # fmt: skip

CASELOAD: dict[str, Any] = {
    **_PERSON_BASIS, "team": "north", "people_on_caseload": 2, "people_scored": 1, "people_on_list": 1,
    "pinned": [
        {
            "person_id": "k1_0XKD5Q7M2RT3VWZ4", "state": "in_hospital",
            "meaning": "in hospital as far as is known: not on the list while there",
        }
    ],
    "identities": {}, "tab": "new_or_changed", "worker": None, "workers": ["w_17"],
    "people_without_worker": 1, "seen_at": "2026-11-20T09:12:00Z", "capacity": CAPACITY,
    "not_recorded": ["no_crisis_plan"],
    "answered": [{"number": 31, "person_id": "k1_7Q4M2XK0D3RT5VWZ", "answered_at": "2026-11-21T14:30:00Z",
                  "outcome": "corrected"}],
    "first": [{
        "group": "contact_last_night", "meaning": "a contact since yesterday 18:00, with any agency",
        "people": [{
            "person_id": "k1_7Q4M2XK0D3RT5VWZ", "at": "2026-11-21T23:10:00Z", "on": None, "source": "crisis_line",
        }],
    }],
    "people": [{
        **_LISTED, "change": {"as_of": "2026-11-15T06:00:00Z", "likely_in_100": 7, "changed": True,
                              "new_contacts": {"crisis_line": 2, "mh_missed": 1}, "other_model": False},
        "weeks": [None] * 22 + [7, 18], "near_top_weeks": 1, "new_since_seen": True,
        "reached": {"seen_at": "2026-11-03T10:00:00Z", "seen_on": None, "missed_since": 2},
        "worker": "w_17", "last_contact": "2026-11-21T23:10:00Z", "last_contact_on": None, "crisis_plan": None,
        "crisis_plan_on": None, "last_review": None, "snoozed_until": None, "snooze_number": None, "woken_by": None,
    }],
}  # fmt: skip

_TOTAL: dict[str, Any] = {
    "expected": 12.4, "usual": 8.0, "lower": 7.0, "upper": 18.0, "usual_low": 6.0, "usual_high": 10.0, "quieter": 0.04,
    "busier": 0.68, "outlook": "busier than usual: 68 in 100 that more than 10 come; about usual 28, quieter 4",
    "issue_hours": 24, "hours_ahead": 16.0,
}  # fmt: skip
_FORECAST: dict[str, Any] = {
    **_TOTAL, "widened_by": [{"source": "nhs_111", "complete_to": "2026-11-21T21:40:00Z"}],
    "modes": {"attendance": 7.9, "s136": 3.4, "not_recorded": 1.1}, "places": 148, "horizon_days": 0.4167,
    "as_of": _BASIS["as_of"], "data_complete_to": _BASIS["data_complete_to"], "valid_until": "2026-11-23T08:00:00Z",
    "model": _PLACE_MODEL, "caveats": _BASIS["caveats"], "reference": "S-9",
}  # fmt: skip
_SHIFT: dict[str, Any] = {
    "id": "night-2026-11-22", "name": "night", "start": "2026-11-22T22:00:00Z", "end": "2026-11-23T08:00:00Z",
    "hours": 10, "forecast": _FORECAST,
}  # fmt: skip

SHIFTS: dict[str, Any] = {"now": "2026-11-22T06:00:00Z", "shifts": [_SHIFT], "caveats": [_OUTCOME_CAVEAT]}

SHIFT: dict[str, Any] = {
    **_SHIFT, "released": False,
    "areas": [{**_TOTAL, "expected": 3.1, "usual": 2.4, "lower": 1.0, "upper": 6.0, "usual_low": 1.0, "usual_high": 3.0,
               "outlook": "looks ordinary: 58 in 100 that 1 to 3 come, as usual; busier 35, quieter 7", "quieter": 0.07,
               "busier": 0.35, "places": 22, "area_id": "86195d2b7ffffff", "area_name": "Bordesley"}],
    "issued": [{"as_of": _BASIS["as_of"], "issue_hours": 24, "hours_ahead": 16.0, "expected": 12.4, "lower": 7.0,
                "upper": 18.0, "widened_by": [], "model": _PLACE_MODEL, "reference": "S-9"}],
}  # fmt: skip

HOTSPOTS: dict[str, Any] = {
    **_BASIS, "horizon_days": 0.4167, "valid_until": "2026-11-23T08:00:00Z", "model": _PLACE_MODEL, "reference": "S-9",
    "shift": _SHIFT, "released": False, "places_forecast": 148,
    "places": [
        {
            "place_id": "88195d2b1dfffff", "place_name": "Digbeth", "latitude": 52.4749, "longitude": -1.8827,
            "expected": 1.3, "lower": None, "upper": None, "usual": 0.8, "rank": 1, "probability": 0.727,
            "likely_in_100": 73,
            "reasons": [
                {"direction": "up", "share": 0.5, "text": "6 triage calls here in the last 28 days", "events": []}
            ],
        }
    ],
}  # fmt: skip

IN_DEPTH: dict[str, Any] = {
    **{name: value for name, value in HOTSPOTS.items() if name != "places"}, "place": HOTSPOTS["places"][0],
    "hours": [0.12, 0.11, 0.11, 0.1, 0.1, 0.09, 0.1, 0.1, 0.09, 0.08],
    "lately": {
        "days": 28, "until": "2026-11-22T06:00:00Z", "total": 9, "by_kind": [
            {"source": "street_triage", "kind": "street-triage call", "count": 6},
            {"source": "s136", "kind": "detention under section 136", "count": 3},
        ],
    },
    "listed_running": None,
    "record": "In judged shifts of the past it was among the highest 40 times. A contact came in about 24 of these; "
    "about 25 were expected to have one.",
}  # fmt: skip

GEOJSON: dict[str, Any] = {
    **{name: value for name, value in HOTSPOTS.items() if name != "places"},
    "type": "FeatureCollection", "bbox": [-1.8827, 52.4749, -1.8827, 52.4749], "timeStamp": "2026-11-22T06:00:00Z",
    "numberReturned": 1,
    "links": [{
        "rel": "self", "type": "application/geo+json",
        "href": "/api/v1/shifts/night-2026-11-22/hotspots?limit=25&f=geojson",
    }],
    "features": [
        {
            "type": "Feature", "id": "88195d2b1dfffff",
            "geometry": {"type": "Point", "coordinates": [-1.8827, 52.4749]},
            "properties": {
                name: value for name, value in HOTSPOTS["places"][0].items() if name not in ("latitude", "longitude")
            },
        }
    ],
}  # fmt: skip

_POST: dict[str, Any] = {
    "team": "team 1", "site_id": "site-08", "site_name": "Larch Mill standby point",
    "from": "2026-11-22T22:00:00Z", "to": "2026-11-23T08:00:00Z",
}  # fmt: skip
_LEFT_OUT: dict[str, Any] = {
    "site_id": "site-09", "site_name": "Holgate café", "state": "full", "from": "2026-11-22T21:10:00Z",
    "until": "2026-11-23T08:00:00Z", "reason": "eight people waiting",
}  # fmt: skip
POSITIONS: dict[str, Any] = {
    **_BASIS, "horizon_days": 0.4167, "valid_until": "2026-11-23T08:00:00Z", "model": _PLACE_MODEL, "reference": "P-12",
    "forecast": "S-9", "made_at": "2026-11-22T21:30:00Z", "shift": {**_SHIFT, "forecast": None}, "teams": 1,
    "in_use": True, "plan": [_POST], "target_minutes": 15.0, "expected_coverage": 0.43, "expected_contacts": 12.4,
    "coverage_said": CAUTIOUS, "realised": {
        "from": "2026-09-01", "to": "2026-11-14", "shifts": 75, "teams": 1, "share": {"15": 0.49, "30": 0.7},
    },
    "optimal": True, "gap": 0.0, "seconds": 0.4,
    "marginal": [{"change": "one more team", "gain": 1.9}, {"change": "team 1 back to its base", "gain": -0.6}],
    "plans": [{
        "name": "covers most", "at": ["site-08"], "posts": [_POST], "moves": 0, "target": 15.0, "price": 0.0,
        "covered": {"15": 5.3, "30": 8.1}, "share": {"15": 0.43, "30": 0.65},
        "worst_decile": 0.21, "worst_area": "Nettle End", "groups": {"most deprived fifth": 0.47},
        "in_reach": {"team 1": {"15": 6.1, "30": 9.4}}, "adds": {"team 1": 5.3},
        "loses": {"team 1": 0.6}, "loses_busiest": {},
        "if_called_away": [{"away": "team 1", "team": None, "site": None, "site_name": None, "gain": 0.0}],
        "one_more_team": 1.9, "one_more_team_hour": None, "gain": 0.6, "optimal": True, "gap": 0.0, "method": "exact",
        "floors_kept": None, "not_told": [],
        "reason": "covers most: about 43 in 100 expected contacts find a free team within 15 minutes, 0.6 contacts"
        " more than from the usual places, for 1 move",
    }],
    "near": {"team 1": [{
        "kind": "place_of_safety", "site": "site-11", "site_name": "Umber Mill place of safety", "minutes": 13.0,
        "kilometres": 7.3, "phone": "01632 960 011", "whom": "adults", "capacity": 2, "ages": "18+", "conditions": "",
        "from": "2026-11-22T22:00:00Z", "to": "2026-11-23T08:00:00Z",
    }]},
    "taken": [{"team": None, "kind": "place_of_safety", "minutes": 14.2, "kilometres": 8.1, "share": 1.0}],
    "advice": {"contacts": None, "share": None, "not_recorded": 0.09, "advises": []},
    "amhp": {"expected": None, "teams": [], "covered": None}, "remarks": [],
    "travel": "straight line × 1.35, at 40 km/h in towns and 60 km/h outside at 03:00, 2 min to set off",
    "hours_each": 1.2, "left_out": [_LEFT_OUT],
}  # fmt: skip

_ELSEWHERE = {**_POST, "site_id": "site-01", "site_name": "Marl Reach team base"}
ADJUSTMENT: dict[str, Any] = {
    "reference": "A-3", "plan": "P-12", "kind": "positions", "shift": "night-2026-11-22",
    "posts": [_ELSEWHERE], "changed": [_ELSEWHERE],
    "reason": "the ring road is closed tonight", "made_at": "2026-11-22T21:40:00Z", "made_by": "7f3a90c1",
    "role": "crisis_team", "covers": 0.41, "plan_covers": 0.43,
    "caveats": ["Live calls come first. A place not listed is not therefore safe."],
}  # fmt: skip
NOTE: dict[str, Any] = {
    "reference": "N-4", "kind": "suppress", "shift": _SHIFT["id"], "forecast": "S-9",
    "place_id": HOTSPOTS["places"][0]["place_id"], "withdraws": None, "reason": "the match was moved to Sunday",
    "made_at": "2026-11-22T21:40:00Z", "made_by": "crisisrisk_1", "role": "crisis_team",
}  # fmt: skip
BRIEFING: dict[str, Any] = {
    **_BASIS, "horizon_days": 0.4167, "valid_until": "2026-11-23T08:00:00Z", "model": _PLACE_MODEL, "reference": "S-9",
    "headline": _TOTAL["outlook"], "shift": _SHIFT, "places": HOTSPOTS["places"],
    "plan": {
        "reference": "P-12", "forecast": "S-9", "made_at": "2026-11-22T21:30:00Z",
        "reason": POSITIONS["plans"][0]["reason"], "expected_coverage": 0.43, "target_minutes": 15.0,
        "posts": ADJUSTMENT["posts"], "by_telephone": [],
        "changed": {"reference": "A-3", "reason": ADJUSTMENT["reason"], "made_at": ADJUSTMENT["made_at"]},
    },
    "left_out": [_LEFT_OUT], "notes": [NOTE],
}  # fmt: skip
_STOOD: dict[str, Any] = {
    "name": "plan", "reference": "P-12", "reason": POSITIONS["plans"][0]["reason"], "posts": [_POST],
    "in_time": {"15": 6, "30": 9}, "share": {"15": 0.5, "30": 0.75}, "gained": {"15": 0, "30": 0}, "waited": 2,
}  # fmt: skip
REVIEW: dict[str, Any] = {
    "shift": _SHIFT, "contacts": 12, "plan": "P-12",
    "places": [{**{name: HOTSPOTS["places"][0][name] for name in ("place_id", "place_name", "rank", "expected", "lower",
               "upper")}, "came": 2, "listed": True, "outcome": "hit"}],
    "stood": [_STOOD, {**_STOOD, "name": "override", "reference": "A-3", "reason": ADJUSTMENT["reason"],
                       "posts": ADJUSTMENT["posts"], "in_time": {"15": 5, "30": 9},
                       "share": {"15": 0.4167, "30": 0.75}, "gained": {"15": -1, "30": 0}}],
    "as_of": "2026-11-24T09:00:00Z", "data_complete_to": {"police_999": "2026-11-24T08:58:00Z"},
    "travel": POSITIONS["travel"], "at_scene_minutes": 57.0, "caveats": [_OUTCOME_CAVEAT],
}  # fmt: skip

SITE: dict[str, Any] = {
    "id": "site-09", "name": "Holgate café", "kind": "crisis_cafe", "latitude": 52.4781, "longitude": -1.8913,
    "opens": "18:00", "closes": "02:00", "capacity": 8, "ages": "18+", "conditions": None, "phone": "01632 960 009",
    "status": {
        "state": "full", "reason": "eight people waiting", "from": "2026-11-22T21:10:00Z",
        "until": "2026-11-23T08:00:00Z", "set_at": "2026-11-22T21:10:00Z", "set_by": "7f3a90c1", "role": "crisis_team",
        "holds_now": True,
    },
}  # fmt: skip
SITES: dict[str, Any] = {"now": "2026-11-22T21:30:00Z", "sites": [SITE]}

VERSION: dict[str, Any] = {
    "program": "crisisrisk", "version": "0.1.0", "site": "Invented city", "person_scores": True,
    "database_revision": "0007",
}  # fmt: skip

DATA_STATUS: dict[str, Any] = {
    "now": "2026-11-22T06:00:00Z", "digest": "9f86d081",
    "sources": [
        {
            "source": "nhs_111", "complete_to": "2026-11-20T15:40:00Z", "newest_known_at": "2026-11-20T21:40:00Z",
            "late": True,
        }
    ],
    "scores": {"as_of": "2026-11-22T06:00:00Z", "valid_until": "2026-11-29T06:00:00Z", "model": _MODEL},
    "forecast": {"as_of": "2026-11-22T06:00:00Z", "valid_until": "2026-11-23T08:00:00Z", "model": _PLACE_MODEL},
    "jobs": [
        {
            "name": "load", "state": "done", "succeeded_at": "2026-11-22T05:45:12Z", "ended_at": "2026-11-22T05:45:12Z",
            "next_due_at": "2026-11-22T06:00:00Z", "late": False, "code": None, "problem": None,
            "result": {"files_loaded": 3, "files_already_loaded": 0, "files_refused": 0, "files_waiting": 0},
        }
    ],
    "files_refused": 0, "rows_refused": [{"rule": "occurred_at: a time that exists", "rows": 12}],
}  # fmt: skip

_LOOK: dict[str, Any] = {
    "number": 4711, "at": "2026-11-22T06:12:31.402118Z", "purpose": "direct_care",
    "action": "GET /api/v1/people/{pid}/risk", "status": 200, "key_id": "7f3a91c2", "role": "care", "team": "north",
    "people": 1, "person_id": "k1_7Q4M2XK0D3RT5VWZ", "request_id": "5d41402abc4b2a76",
    "shown_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}  # fmt: skip
AUDIT_PAGE: dict[str, Any] = {"looks": [_LOOK], "next_before": None}
ACCESS_LOG: dict[str, Any] = {
    "person_id": "k1_7Q4M2XK0D3RT5VWZ", "purposes": {"direct_care": "the care of a person by their own team"},
    "looks": [_LOOK],
}  # fmt: skip
CONCERN_RAISED: dict[str, Any] = {"number": 12, "raised_at": "2026-11-22T06:20:00Z"}
CONCERN: dict[str, Any] = {
    **CONCERN_RAISED, "key_id": "7f3a91c2", "role": "care", "team": "north", "about": "score",
    "person_id": "k1_7Q4M2XK0D3RT5VWZ", "reference": "R-17",
    "text": "The reasons name a stay that was somebody else's.", "closed_at": None, "closed_by": None, "done": None,
}  # fmt: skip
CONCERNS: dict[str, Any] = {"concerns": [CONCERN]}
RELOADED: dict[str, Any] = {**_MODEL, "subject": "person", "state": "current", "problem": None}

MODELS: dict[str, Any] = {
    "models": [RELOADED], "unavailable": {"place": "CR-MODEL-004: no model answers for place yet"},
}  # fmt: skip

CURRENT_MODEL: dict[str, Any] = {
    **RELOADED, "training_cut_off": "2026-10-19T00:00:00+00:00", "made_at": "2026-11-20T10:00:00+00:00",
    "data_digest": "9f86d081", "baseline": None, "trees": 180, "features": ["crisis_line_count_in_91_days", "age"],
    "other_issue_hours": [], "versions": {"crisisrisk": "0.1.0", "lightgbm": "4.7.0"},
    "promotion": {
        "by": "A. Nowak (invented)", "at": "2026-11-20T11:00:00+00:00", "reason": "better lists in both teams",
        "checks": ["baselines: passed"], "accepted": [], "because": "",
    },
}  # fmt: skip

CARD: dict[str, Any] = {"task": "person_crisis_28d", "subject": "person"}

Responses = dict[int | str, dict[str, Any]]

ANYWHERE: Responses = {
    405: {"model": Problem, "description": "This address answers to other methods only."},
    408: {"model": Problem, "description": "The body came too slowly."},
    413: {"model": Problem, "description": "The body is too large."},
    500: {"model": Problem, "description": "A defect; `reference` finds it in the service's log."},
}
_REFUSALS: Responses = {
    **ANYWHERE,
    401: {"model": Problem, "description": "No key that works."},
    403: {"model": Problem, "description": "The key's role may not ask this, or it is switched off here."},
    429: {"model": Problem, "description": "The key asks too often; `Retry-After` says when it may again."},
    503: {
        "model": Problem,
        "description": "A part of the service that this needs is not ready, or more is asked than can be answered now.",
    },
}
_OF_WHAT_IS_ASKED: Responses = {
    404: {"model": Problem, "description": "It does not exist, or this key may not see it."},
    422: {"model": Problem, "description": "A value in the request cannot be used."},
}

NOT_NOW: Responses = {409: {"model": Problem, "description": "It is too early for this, or too late."}}

NO_SCORE: dict[str, Any] = {
    "expired": {"model": Problem, "description": "The last score is too old to be shown."},
    "unscored": {
        "model": Problem,
        "description": "The person has no current score; `state` says why: no_data, in_crisis_episode, in_hospital, "
        "opted_out, under_18, out_of_scope or stale.",
    },
}


def answered(
    example: dict[str, Any] | None = None, status: int = 200, *, geojson: dict[str, Any] | None = None,
    expired: dict[str, Any] | None = None, unscored: dict[str, Any] | None = None, parameters: bool = True,
) -> Responses:  # fmt: skip
    """What a route answers with: its example, its other forms, and the problems that it may say instead."""
    said = _REFUSALS | _OF_WHAT_IS_ASKED if parameters else _REFUSALS
    responses: Responses = {code: dict(response) for code, response in said.items()}
    content = {} if example is None else {"application/json": {"example": example}}
    if geojson is not None:
        content["application/geo+json"] = {"schema": {"type": "object"}, "example": geojson}
    if content:
        responses[status] = {"content": content}
    if expired is not None:
        responses[410] = expired
    if unscored is not None:
        responses[422] = unscored
    return responses
