"""What tests put into an operational database: runs, scores, forecasts and their totals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from crisisrisk.database.scores import RunMeta

RELEASED_TEXT = "more triage calls than usual here in the last four weeks"
AS_OF = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def person_run(**changes: Any) -> RunMeta:
    """What a scoring run of the person model says about itself."""
    usual: dict[str, Any] = {
        "task": "person", "model_name": "person_crisis_28d", "model_version": 4, "run_id": "3f2c0a",
        "recipe_fingerprint": "b71d", "horizon_days": 28, "as_of": AS_OF,
        "data_complete_to": {"police_999": AS_OF - timedelta(minutes=2)},
        "valid_until": AS_OF + timedelta(days=1), "made_at": AS_OF + timedelta(minutes=3),
        "outcome": "contact with a crisis service",
    }  # fmt: skip
    return RunMeta(**{**usual, **changes})


def place_run(**changes: Any) -> RunMeta:
    """What a forecast run of the place model says about itself."""
    return person_run(**{"task": "place", "model_name": "place_crisis_shift", "horizon_days": None, **changes})


def score_row(person_id: str, probability: float | None = 0.182, state: str = "scored", **more: Any) -> dict[str, Any]:
    """One row as the scoring step hands it over."""
    reasons = [{"direction": "up", "share": 0.44, "text": "2 crisis-line calls in the last 7 days", "events": ["e_81"]}]
    row = {"person_id": person_id, "state": state, "probability": probability, "lower": None, "upper": None}
    return {**row, "reasons": reasons if state == "scored" else [], **more}


def scores(*rows: dict[str, Any]) -> pd.DataFrame:
    """A table of scores."""
    columns = ["person_id", "state", "probability", "lower", "upper", "reasons"]
    more = ("thin_history", "model_version", "tie_key")
    given = [*columns, *(name for name in more if any(name in row for row in rows))]
    return pd.DataFrame(list(rows), columns=given)


def forecast(shift_id: str = "night-2026-11-22", *, start: datetime | None = None, places: int = 3) -> pd.DataFrame:
    """A forecast of some cells round the middle of Birmingham for one shift."""
    begins = start or datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
    reason = [{"direction": "up", "share": 0.5, "text": "6 triage calls here in the last 28 days", "events": ["e_1"]}]
    rows = [
        {
            "shift_id": shift_id, "shift_name": shift_id.rsplit("-", 3)[0], "start": begins,
            "end": begins + timedelta(hours=10), "issued_at": AS_OF, "place_id": f"place-{number:02}",
            "place_name": f"Place {number}", "latitude": 52.48 + number / 100, "longitude": -1.89,
            "expected": 1.3 / number, "lower": None, "upper": None, "rank": number, "usual": 0.8, "reasons": reason,
            "released_expected": 1.25 if number == 1 else 0.5, "released_lower": 0, "released_upper": 2,
            "released_rank": 1 if number == 1 else 2, "released_usual": 0.75,
            "released_reasons": [{"direction": "up", "text": RELEASED_TEXT}],
        }
        for number in range(1, places + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def totals(shift_id: str = "night-2026-11-22", *, start: datetime | None = None, **changes: Any) -> pd.DataFrame:
    """The totals of the whole shift and of two areas in it."""
    begins = start or datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
    whole = {
        "shift_id": shift_id, "area_id": "", "area_name": "", "start": begins, "end": begins + timedelta(hours=10),
        "places": 3, "issue_hours": 24, "hours_ahead": 16.0, "expected": 2.38, "lower": 1, "upper": 4, "usual": 2.4,
        "usual_low": 1, "usual_high": 3, "quieter": 0.11, "busier": 0.22,
        "outlook": "looks ordinary: 67 in 100 that 1 to 3 come, as usual; busier 22, quieter 11",
        "released_expected": 2.25, "released_lower": 0, "released_upper": 5,
        "released_usual": 2.25, "released_quieter": 0.12, "released_busier": 0.23,
        "released_outlook": "looks ordinary: 65 in 100 that it is about usual; busier 25, quieter 10",
        "hourly": [0.1] * 10, "shared_dispersion": 0.05, **changes,
    }  # fmt: skip
    areas = [
        {**whole, "area_id": area, "area_name": name, "places": places, "expected": expected, "hourly": []}
        for area, name, places, expected in (("east", "East", 1, 1.3), ("west", "West", 2, 1.08))
    ]
    return pd.DataFrame([whole, *areas])
