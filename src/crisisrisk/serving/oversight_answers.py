"""Emergency access and the alerts of it: what is asked and what is answered."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from crisisrisk.serving.answers import Answer
from crisisrisk.serving.asked import Asked, Note, Reason


class EmergencyAsked(Asked):
    """Why somebody of another team must be seen now."""

    reason: Reason = Field(description="Why, in one line, without a name. It is kept with the look.")


class EmergencyOpened(Answer):
    """What the address of a person answers to this user until a moment, whether there is such a person or not."""

    person_id: str
    reason: str
    opened_at: datetime
    until: datetime
    alert: int | None = Field(description="The number of the privacy officer's alert, which names neither of you.")


class PrivacyAlert(Answer):
    """Something to look at, naming nobody: `request_id` finds the look in the audit trail, `key_id` those of a day."""

    number: int
    kind: Literal["emergency_access", "emergency_blocked", "people_a_day"]
    raised_at: datetime
    request_id: str
    closed_at: datetime | None
    closed_by: str | None
    done: str | None
    key_id: str | None = Field(description="Of `people_a_day`: by which key; null of the others, as all that follows.")
    day: str | None = Field(description="The day, by the site's clock on the wall.")
    people: int | None = Field(description="How many different people were looked at on that day until now.")
    budget: int | None = Field(description="How many of a user and day raise no alert.")
    by_purpose: dict[str, int] | None = Field(description="How many of them were looked at first for which purpose.")


class PrivacyAlerts(Answer):
    """The queue, the one that has waited longest first."""

    privacy_officer: str | None = Field(description="As service.toml names them; null where it names nobody.")
    alerts: list[PrivacyAlert]


class AlertClosing(Asked):
    """What was found about an alert."""

    done: Note = Field(description="What was found and what was done, without a name.")


OPENED: dict[str, Any] = {
    "person_id": "k1_7Q4M2XK0D3RT5VWZ", "reason": "brought to the emergency department, own team closed",
    "opened_at": "2026-11-22T02:10:00Z", "until": "2026-11-22T02:40:00Z", "alert": 7,
}  # fmt: skip
ALERT: dict[str, Any] = {
    "number": 7, "kind": "emergency_access", "raised_at": "2026-11-22T02:10:00Z", "request_id": "5f0c2a9be1d34c77",
    "closed_at": None, "closed_by": None, "done": None, "key_id": None, "day": None, "people": None, "budget": None,
    "by_purpose": None,
}  # fmt: skip
OF_DAY: dict[str, Any] = {
    **ALERT, "number": 8, "kind": "people_a_day", "key_id": "7f3a91c2", "day": "2026-11-22", "people": 74,
    "budget": 60, "by_purpose": {"direct_care": 71, "emergency": 3},
}  # fmt: skip
ALERTS: dict[str, Any] = {"privacy_officer": "A. Example (invented)", "alerts": [ALERT, OF_DAY]}
