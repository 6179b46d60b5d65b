"""A team's own people: one person's score, and the caseload as a list."""

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.database.latest import StoredScore
from crisisrisk.database.scores import SCORED
from crisisrisk.scoring.ordering import Placed, list_order
from crisisrisk.serving.access import CareViewer, OwnPerson, OwnTeam
from crisisrisk.serving.answers import Caseload, CaseloadUnscored, PersonRisk, ScoredNow
from crisisrisk.serving.asked import Asked
from crisisrisk.serving.examples import CASELOAD, NO_SCORE, PERSON, SCORED_NOW, answered
from crisisrisk.serving.problems import nothing_here, too_much
from crisisrisk.serving.routes import API
from crisisrisk.serving.scores import LastScores, basis_of, last_scores, listed, live_scores, no_score, pinned
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.trail import WHOLE_PSEUDONYM
from crisisrisk.serving.wording import OTHER_SCORES, UNSCORED

people = APIRouter(prefix=API, tags=["people"])

USUAL_LIST_LENGTH = 25
MOST_AT_ONCE = 100


class RiskQuery(BaseModel):
    """Which score is asked for."""

    model_config = ConfigDict(extra="forbid")

    fresh: bool = Field(False, description="Worked out now from the newest contacts, in place of the last scoring's.")


class PeopleAsked(Asked):
    """Whose scores are to be worked out now."""

    people: list[Annotated[str, Field(pattern=WHOLE_PSEUDONYM)]] = Field(min_length=1, max_length=MOST_AT_ONCE)


class CaseloadQuery(BaseModel):
    """How much of a caseload is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: int | None = Field(None, ge=1, description="Most people listed. Left out: the team's own list length.")


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
def score_now(asked: PeopleAsked, viewer: CareViewer, service: ServiceOf) -> ScoredNow:
    """From the newest contacts, as a scoring of everybody at this moment would. Others' people are as nobody."""
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


@people.get("/caseloads/{team}", summary="A team's people, most likely first", responses=answered(CASELOAD))
def caseload(
    team: OwnTeam, viewer: CareViewer, query: Annotated[CaseloadQuery, Query()], service: ServiceOf
) -> Caseload | CaseloadUnscored:
    """Everyone on the caseload now. Who has no current score is pinned above the list with the reason."""
    service.person_model.manifest()
    limit, now = _limit(service, team, query.limit), service.now()
    members = service.view().caseloads.people(team, now)
    last = last_scores(service, members, now)
    if last.run is None or last.of_another_model:
        caveats = [OTHER_SCORES if last.of_another_model else UNSCORED, service.settings.phrases.caveats["outcome"]]
        return CaseloadUnscored(
            team=team, people_on_caseload=len(members), people_scored=0, pinned=pinned(service, last), people=[],
            caveats=caveats,
        )  # fmt: skip
    ordered = _in_order(last, cuts={limit, _limit(service, team, None)})
    shown = ordered[:limit]
    service.shown.keep(last.run, [score.person_id for score in shown], viewer=viewer, now=now)
    return Caseload(
        **basis_of(service, last.run, shown),
        team=team,
        people_on_caseload=len(members),
        people_scored=len(ordered),
        pinned=pinned(service, last),
        people=[listed(last.run, score, viewer=viewer) for score in shown],
    )


def _in_order(last: "LastScores", *, cuts: Collection[int]) -> list[StoredScore]:
    """Those with a current score, as a list of that length shows them."""
    scored = (last.scores[person] for person, state in last.states.items() if state == SCORED)
    placed = (Placed(score.person_id, score.probability or 0.0, score.tie_key) for score in scored)
    return [last.scores[one.person_id] for one in list_order(placed, cuts=cuts)]


def _limit(service: Service, team: str, asked: int | None) -> int:
    most = service.settings.service.limits.list_length
    if asked is not None and asked > most:
        raise too_much("limit", f"at most {most}")
    known = service.settings.site.teams.get(team)
    return asked or min(most, known.list_length if known else USUAL_LIST_LENGTH)
