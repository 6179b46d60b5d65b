"""The queue of people who are with no team: for who finds one for them. No score, and no order by one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.purposes import ALLOCATION
from crisisrisk.serving.access import Allocator, Viewer
from crisisrisk.serving.answers import Answer
from crisisrisk.serving.care_answers import ContactShown
from crisisrisk.serving.contacts import DETENTIONS, shown
from crisisrisk.serving.declarations import SCORES_OFF, SWITCH_ON
from crisisrisk.serving.examples import answered
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.routes import API
from crisisrisk.serving.scores import last_scores
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.unallocated import WithNoTeam, no_longer_here, with_no_team

unallocated = APIRouter(prefix=API, tags=["people"])

ORDER = "Crisis contacts in 28 days, the most first; then the latest contact. No score has a part in it."
MOST = 1_000
_NOW = ("in_crisis_episode", "in_hospital")


class UnallocatedQuery(BaseModel):
    """How much of the queue is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, ge=1, le=MOST)


class Unallocated(Answer):
    """Somebody with no team who had a crisis contact in the last 91 days."""

    person_id: str
    state: Literal["in_crisis_episode", "in_hospital"] | None = Field(description="Where they are now, if it is known.")
    contacts_in_28_days: int = Field(description="Crisis contacts.")
    last_contact: ContactShown
    last_team: str | None = Field(description="Who cared for them last; null for somebody whom no team has had.")
    last_team_until: datetime | None = Field(description="When that ended.")


class Queue(Answer):
    """The queue."""

    now: datetime
    order: str
    people_in_all: int
    people: list[Unallocated]
    not_shown: int = Field(description="How many object to this use of their records: nothing of them is shown.")


QUEUE: dict[str, Any] = {
    "now": "2026-11-22T06:00:00Z", "order": ORDER, "people_in_all": 1, "not_shown": 0,
    "people": [{
        "person_id": "k1_7Q4M2XK0D3RT5VWZ", "state": "in_hospital", "contacts_in_28_days": 3,
        "last_contact": {
            "event_id": "e_81", "occurred_at": "2026-11-20T22:40:00Z", "occurred_on": None,
            "known_at": "2026-11-20T23:10:00Z", "source": "crisis_line", "code": "call",
            "outcome": None, "ended_at": None,
        },
        "last_team": "north", "last_team_until": "2026-06-01T00:00:00Z",
    }],
}  # fmt: skip


@unallocated.get("/unallocated", summary="People who are with no team", responses=answered(QUEUE))
def queue(viewer: Allocator, query: Annotated[UnallocatedQuery, Query()], service: ServiceOf) -> Queue:
    """Whoever had a crisis contact in the last 91 days and is on no caseload now. Nobody else sees them here."""
    if missing := service.settings.service.person_scores.missing:
        raise NoAnswerError("CR-PERSON-001", SCORES_OFF, missing=list(missing), hint=SWITCH_ON)
    now, view = service.now(), service.view()
    crises = view.crises_lately(service.person_model.bundle().task.crisis, now)
    found = with_no_team(crises, view.caseloads, now)
    gone = no_longer_here(view.snapshot, [one.person_id for one in found], now)
    found = [one for one in found if one.person_id not in gone]
    objecting = view.opted_out([one.person_id for one in found], now, ALLOCATION)
    told = [one for one in found if one.person_id not in objecting]
    shown_now = told[: query.limit]
    states = last_scores(service, [one.person_id for one in shown_now], now).states
    return Queue(
        now=now, order=ORDER, people_in_all=len(told), not_shown=len(objecting),
        people=[_line(service, one, states, viewer, now) for one in shown_now],
    )  # fmt: skip


def _line(service: Service, one: WithNoTeam, states: Mapping[str, str], viewer: Viewer, now: datetime) -> Unallocated:
    state, last = states.get(one.person_id), service.view().caseloads.last_team(one.person_id, now)
    return Unallocated(
        person_id=one.person_id, state=state if state in _NOW else None,  # type: ignore[arg-type]
        contacts_in_28_days=one.in_28_days(now),
        last_contact=shown(one.contacts[0], detentions=viewer.reaches(DETENTIONS)),
        last_team=None if last is None else last[0], last_team_until=None if last is None else last[1],
    )  # fmt: skip
