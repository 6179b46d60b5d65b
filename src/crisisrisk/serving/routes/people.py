"""A team's own people: one person's score, and the caseload as a list."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.database.latest import StoredRun, StoredScore, caseload_scores, person_score
from crisisrisk.database.scores import SCORED
from crisisrisk.serving.access import OwnPerson, OwnTeam
from crisisrisk.serving.answers import (
    Caseload,
    CaseloadUnscored,
    ListedPerson,
    PersonRisk,
    PinnedPerson,
    in_100,
    reasons_given,
)
from crisisrisk.serving.examples import CASELOAD, NO_SCORE, PERSON, answered
from crisisrisk.serving.problems import NoAnswerError, too_much
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.wording import EXPIRED, NO_DATA, Freshness, state_in_words

people = APIRouter(prefix=API, tags=["people"])

USUAL_LIST_LENGTH = 25


class CaseloadQuery(BaseModel):
    """How much of a caseload is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: int | None = Field(None, ge=1, description="Most people listed. Left out: the team's own list length.")


@people.get("/people/{pid}/risk", summary="One person's score", responses=answered(PERSON, **NO_SCORE))
def person_risk(pid: OwnPerson, service: ServiceOf) -> PersonRisk:
    """For the care team whose caseload the person is on now. Without a current score: 422 or 410 with the state."""
    service.person_model.manifest()
    now = service.now()
    found = person_score(service.engine, pid, model_name=service.settings.service.person_model, at=now)
    if found is None:
        raise _no_score(service, NO_DATA, None)
    run, score = found
    state = Freshness(service.settings).run_state(run, now) or (NO_DATA if score is None else score.state)
    if score is None or state != SCORED:
        raise _no_score(service, state, run)
    return PersonRisk(**_basis(service, run, [score]), **_listed(score).model_dump())


@people.get("/caseloads/{team}", summary="A team's people, most likely first", responses=answered(CASELOAD))
def caseload(
    team: OwnTeam, query: Annotated[CaseloadQuery, Query()], service: ServiceOf
) -> Caseload | CaseloadUnscored:
    """Everyone on the caseload now. Who has no current score is pinned above the list with the reason."""
    service.person_model.manifest()
    limit, now = _limit(service, team, query.limit), service.now()
    members = service.view().caseloads.people(team, now)
    found = caseload_scores(service.engine, members, model_name=service.settings.service.person_model, at=now)
    if found is None:
        pinned = _pinned(service, dict.fromkeys(members, NO_DATA))
        caveats = ["No scores have been made yet.", service.settings.phrases.caveats["outcome"]]
        return CaseloadUnscored(
            team=team, people_on_caseload=len(members), people_scored=0, pinned=pinned, people=[], caveats=caveats
        )
    run, scores = found
    states = _states(members, scores, Freshness(service.settings).run_state(run, now))
    listed = sorted(
        (scores[person] for person, state in states.items() if state == SCORED),
        key=lambda score: (-(score.probability or 0.0), score.person_id),
    )
    return Caseload(
        **_basis(service, run, listed),
        team=team,
        people_on_caseload=len(members),
        people_scored=len(listed),
        pinned=_pinned(service, {person: state for person, state in states.items() if state != SCORED}),
        people=[_listed(score) for score in listed[:limit]],
    )


def _limit(service: Service, team: str, asked: int | None) -> int:
    most = service.settings.service.limits.list_length
    if asked is not None and asked > most:
        raise too_much("limit", f"at most {most}")
    known = service.settings.site.teams.get(team)
    return asked or min(most, known.list_length if known else USUAL_LIST_LENGTH)


def _states(members: Iterable[str], scores: Mapping[str, StoredScore], run_state: str | None) -> dict[str, str]:
    """What is said of each member: the run's own state where it is too old, else the stored one."""
    stored = {person: scores[person].state if person in scores else NO_DATA for person in members}
    return stored if run_state is None else dict.fromkeys(stored, run_state)


def _pinned(service: Service, states: Mapping[str, str]) -> list[PinnedPerson]:
    """Grouped by state, so that a reader sees who is in a crisis or in hospital together."""
    return [
        PinnedPerson(person_id=person, state=state, meaning=state_in_words(service.settings, state))
        for person, state in sorted(states.items(), key=lambda item: (item[1], item[0]))
    ]


def _listed(score: StoredScore) -> ListedPerson:
    assert score.probability is not None, "the database keeps no score without its probability"
    return ListedPerson(
        person_id=score.person_id,
        state="scored",
        probability=score.probability,
        likely_in_100=in_100(score.probability),
        lower=score.lower,
        upper=score.upper,
        reasons=reasons_given(score.reasons),
    )


def _basis(service: Service, run: StoredRun, scores: Iterable[StoredScore]) -> dict[str, Any]:
    freshness = Freshness(service.settings)
    return {
        **freshness.basis(run, ranged=all(score.lower is not None for score in scores)),
        "horizon_days": run.meta.horizon_days,
        "valid_until": freshness.valid_until(run),
        "reference": f"R-{run.number}",
    }


def _no_score(service: Service, state: str, run: StoredRun | None) -> NoAnswerError:
    code = "CR-HTTP-410" if state == EXPIRED else "CR-PERSON-002"
    stands_at: dict[str, Any] = {} if run is None else {"as_of": _text(run.meta.as_of)}
    return NoAnswerError(code, state_in_words(service.settings, state), state=state, **stands_at)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
