"""One person's score, and some people's scored now."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.database.scores import SCORED
from crisisrisk.serving.access import CareViewer, OwnPerson
from crisisrisk.serving.answers import PersonRisk, ScoredNow
from crisisrisk.serving.asked import Asked
from crisisrisk.serving.examples import NO_SCORE, PERSON, SCORED_NOW, answered
from crisisrisk.serving.problems import nothing_here
from crisisrisk.serving.routes import API
from crisisrisk.serving.scores import basis_of, last_scores, listed, live_scores, no_score, pinned
from crisisrisk.serving.state import ServiceOf
from crisisrisk.serving.trail import WHOLE_PSEUDONYM

people = APIRouter(prefix=API, tags=["people"])

MOST_AT_ONCE = 100


class RiskQuery(BaseModel):
    """Which score is asked for."""

    model_config = ConfigDict(extra="forbid")

    fresh: bool = Field(False, description="Worked out now from the newest contacts, in place of the last scoring's.")


class PeopleAsked(Asked):
    """Whose scores are to be worked out now."""

    people: list[Annotated[str, Field(pattern=WHOLE_PSEUDONYM)]] = Field(min_length=1, max_length=MOST_AT_ONCE)


@people.get("/people/{pid}/risk", summary="One person's score", responses=answered(PERSON, **NO_SCORE))
def person_risk(
    pid: OwnPerson, viewer: CareViewer, query: Annotated[RiskQuery, Query()], service: ServiceOf
) -> PersonRisk:
    """For the care team whose caseload the person is on now. Without a current score: 422 or 410 with the state.

    `fresh=true` works it out anew from the newest contacts, by the engine that scores everybody.
    """
    now = service.now()
    last = live_scores(service, [pid], now) if query.fresh else last_scores(service, [pid], now)
    if last.run is None or last.states[pid] != SCORED:
        raise no_score(service, last, last.states[pid])
    score = last.scores[pid]
    if not query.fresh:
        service.shown.keep(last.run, [pid], viewer=viewer, now=now)
    return PersonRisk(
        fresh=query.fresh, **basis_of(service, last.run, [score]), **listed(last.run, score, viewer=viewer).model_dump()
    )


@people.post("/people/score", summary="Score some of the own people now", responses=answered(SCORED_NOW))
def score_now(asked: PeopleAsked, viewer: CareViewer, request: Request, service: ServiceOf) -> ScoredNow:
    """From the newest contacts, as a scoring of everybody at this moment would. Others' people are as nobody."""
    request.state.one_by_one = True  # whoever is asked for by pseudonym counts in the budget of the day
    now = service.now()
    caseloads, wanted = service.view().caseloads, list(dict.fromkeys(asked.people))
    if viewer.team is None or not all(caseloads.has(viewer.team, person, now) for person in wanted):
        raise nothing_here()
    last = live_scores(service, wanted, now)
    assert last.run is not None, "a live scoring has its own run"
    scores = [last.scores[person] for person in wanted if last.states[person] == SCORED]
    return ScoredNow(
        **basis_of(service, last.run, scores), fresh=True, pinned=pinned(service, last),
        people=[listed(last.run, score, viewer=viewer) for score in scores],
    )  # fmt: skip
