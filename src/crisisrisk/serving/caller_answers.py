"""What a clinician on the crisis line is told: who the caller is here, and who cares for them. Never a score."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from crisisrisk.serving.answers import Answer, Naming
from crisisrisk.serving.asked import Asked, Reason
from crisisrisk.serving.care_answers import DAY_ALONE, ContactShown
from crisisrisk.tables.pseudonyms import valid_nhs_numbers


def _valid(text: str) -> str:
    number = valid_nhs_numbers([text])[0]
    if number is None:
        raise ValueError("wanted the ten digits of an NHS number")
    return number


class LookUp(Asked):
    """Who is on the line. The number stands in the body: addresses are written to logs of others."""

    nhs_number: Annotated[str, Field(max_length=20, repr=False), AfterValidator(_valid)] = Field(
        description="Ten digits, with spaces or without.", examples=["999 123 4560"]
    )
    reason: Reason = Field(description="Why, in one line. It is kept with the look.")


class PersonFound(Naming):
    """Somebody whom this site has records of."""

    person_id: str
    reason: str
    until: datetime = Field(description="How long this key may see their care; then somebody looks them up again.")


class CareTeam(Answer):
    """A team that cares for somebody now."""

    team: str
    name: str | None = Field(description="As crisisrisk.toml says; null for a team that it does not name.")
    worker: str | None = Field(description="The care coordinator, as the site names workers.")
    since: datetime


class CrisisPlan(Answer):
    """Somebody's crisis plan, as far as that there is one: the plan itself is in the records of its team."""

    made_at: datetime = Field(description="When it was made or reviewed last.")
    made_on: date | None = Field(description=DAY_ALONE)
    weeks_old: int


class CallerCare(Naming):
    """Who cares for somebody, their crisis plan, and their last contacts with crisis services."""

    person_id: str
    now: datetime
    teams: list[CareTeam] = Field(description="Empty: nobody cares for them, as known here.")
    plan: CrisisPlan | None = Field(description="Null: none is known here, which `plans_recorded` says more of.")
    plans_recorded: bool = Field(description="Whether crisis plans reach this site at all.")
    contacts: list[ContactShown] = Field(description="The latest first.")
    more: bool = Field(description="Whether there are older ones.")
    objected: bool = Field(description="They object to this use of their records: no contacts are shown.")


_PERSON = "k1_7Q4M2XK0D3RT5VWZ"
FOUND: dict[str, Any] = {
    "person_id": _PERSON, "reason": "rang the crisis line at 22:40", "until": "2026-11-22T23:12:00Z", "identities": {},
}  # fmt: skip
CARE: dict[str, Any] = {
    "person_id": _PERSON, "now": "2026-11-22T22:42:00Z",
    "teams": [{"team": "north", "name": "North", "worker": "w_17", "since": "2026-01-01T00:00:00Z"}],
    "plan": {"made_at": "2026-03-02T10:00:00Z", "made_on": None, "weeks_old": 37}, "plans_recorded": True,
    "contacts": [{
        "event_id": "e_81", "occurred_at": "2026-11-20T22:40:00Z", "occurred_on": None,
        "known_at": "2026-11-20T23:10:00Z", "source": "crisis_line", "code": "call", "outcome": None, "ended_at": None,
    }],
    "more": False, "objected": False, "identities": {},
}  # fmt: skip
