"""A team's own people: one person's score, and the caseload as a list."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.database.latest import StoredScore, caseload_scores
from crisisrisk.database.runs import StoredRun
from crisisrisk.database.scores import SCORED
from crisisrisk.purposes import DIRECT_CARE
from crisisrisk.scoring.former import FORMER
from crisisrisk.scoring.ordering import Placed, in_100, list_order
from crisisrisk.serving.access import CareViewer, OwnPerson, OwnTeam
from crisisrisk.serving.answers import (
    Caseload,
    CaseloadUnscored,
    ListedPerson,
    PersonRisk,
    PinnedPerson,
    reasons_given,
)
from crisisrisk.serving.examples import CASELOAD, NO_SCORE, PERSON, answered
from crisisrisk.serving.problems import NoAnswerError, too_much
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.wording import (
    EXPIRED,
    NO_DATA,
    OPTED_OUT,
    OTHER_SCORES,
    RESCORE,
    STALE,
    UNSCORED,
    Freshness,
    state_in_words,
)

people = APIRouter(prefix=API, tags=["people"])

USUAL_LIST_LENGTH = 25


class CaseloadQuery(BaseModel):
    """How much of a caseload is asked for."""

    model_config = ConfigDict(extra="forbid")

    limit: int | None = Field(None, ge=1, description="Most people listed. Left out: the team's own list length.")


@people.get("/people/{pid}/risk", summary="One person's score", responses=answered(PERSON, **NO_SCORE))
def person_risk(pid: OwnPerson, viewer: CareViewer, service: ServiceOf) -> PersonRisk:
    """For the care team whose caseload the person is on now. Without a current score: 422 or 410 with the state."""
    now = service.now()
    last = last_scores(service, [pid], now)
    if last.run is None or last.states[pid] != SCORED:
        raise no_score(service, last, last.states[pid])
    score = last.scores[pid]
    service.shown.keep(last.run, [pid], viewer=viewer, now=now)
    return PersonRisk(**_basis(service, last.run, [score]), **_listed(last.run, score).model_dump())


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
            team=team, people_on_caseload=len(members), people_scored=0, pinned=_pinned(service, last), people=[],
            caveats=caveats,
        )  # fmt: skip
    listed = _in_order(last, cuts={limit, _limit(service, team, None)})
    shown = listed[:limit]
    service.shown.keep(last.run, [score.person_id for score in shown], viewer=viewer, now=now)
    return Caseload(
        **_basis(service, last.run, shown),
        team=team,
        people_on_caseload=len(members),
        people_scored=len(listed),
        pinned=_pinned(service, last),
        people=[_listed(last.run, score) for score in shown],
    )


def _in_order(last: "LastScores", *, cuts: Collection[int]) -> list[StoredScore]:
    """Those with a current score, as a list of that length shows them."""
    scored = (last.scores[person] for person, state in last.states.items() if state == SCORED)
    placed = (Placed(score.person_id, score.probability or 0.0, score.tie_key) for score in scored)
    return [last.scores[one.person_id] for one in list_order(placed, cuts=cuts)]


@dataclass(frozen=True, kw_only=True)
class LastScores:
    """What is known of some people at a moment, and the run that says it."""

    run: StoredRun | None
    of_another_model: bool
    scores: Mapping[str, StoredScore]
    states: Mapping[str, str]


def last_scores(service: Service, people: Iterable[str], now: datetime) -> LastScores:
    """The newest scores of the verified model that answers now; else what another one's run says but its numbers."""
    members, answering = list(people), service.person_model.manifest()
    found = caseload_scores(
        service.engine, members, model_name=answering.name, model_version=answering.version, at=now
    )  # fmt: skip
    other = None if found else caseload_scores(service.engine, members, at=now)
    run, scores = found or other or (None, {})
    too_old = None if run is None else Freshness(service.settings).run_state(run, now)
    states = _states(members, scores, STALE if other else too_old)
    states |= dict.fromkeys(service.view().opted_out(members, now, DIRECT_CARE), OPTED_OUT)
    return LastScores(run=run, of_another_model=other is not None, scores=scores, states=states)


def _limit(service: Service, team: str, asked: int | None) -> int:
    most = service.settings.service.limits.list_length
    if asked is not None and asked > most:
        raise too_much("limit", f"at most {most}")
    known = service.settings.site.teams.get(team)
    return asked or min(most, known.list_length if known else USUAL_LIST_LENGTH)


def _states(members: Iterable[str], scores: Mapping[str, StoredScore], in_place: str | None) -> dict[str, str]:
    """What is said of each member: the stored state, but `in_place` of a score where the run is too old for it."""
    stored = {person: scores[person].state if person in scores else NO_DATA for person in members}
    return {person: (in_place or state) if state == SCORED else state for person, state in stored.items()}


def _pinned(service: Service, last: LastScores) -> list[PinnedPerson]:
    """Everyone without a score, grouped by state: a reader sees who is in a crisis or in hospital together."""
    return [
        PinnedPerson(person_id=person, state=state, meaning=_meaning(service, last, state))
        for person, state in sorted(last.states.items(), key=lambda item: (item[1], item[0]))
        if state != SCORED
    ]


def _meaning(service: Service, last: LastScores, state: str) -> str:
    return RESCORE if state == STALE and last.of_another_model else state_in_words(service.settings, state)


def _listed(run: StoredRun, score: StoredScore) -> ListedPerson:
    assert score.probability is not None, "the database keeps no score without its probability"
    return ListedPerson(
        person_id=score.person_id,
        state="scored",
        probability=score.probability,
        likely_in_100=in_100(score.probability),
        lower=score.lower,
        upper=score.upper,
        thin_history=score.thin_history,
        model_version=_whose(run, score),
        reasons=reasons_given(score.reasons),
    )


def _basis(service: Service, run: StoredRun, scores: Collection[StoredScore]) -> dict[str, Any]:
    freshness = Freshness(service.settings)
    compared = bool(run.meta.former_versions)
    ranged = compared or all(score.lower is not None for score in scores)  # FORMER says why there is none
    thin = any(score.thin_history for score in scores)
    basis = freshness.basis(run, ranged=ranged, thin=thin)
    if compared:
        basis["caveats"] = [*basis["caveats"], FORMER]
    return {
        **basis,
        "horizon_days": run.meta.horizon_days,
        "valid_until": freshness.valid_until(run),
        "reference": f"R-{run.number}",
    }


def _whose(run: StoredRun, score: StoredScore) -> int:
    """The version whose number it is."""
    return run.meta.model_version if score.model_version is None else score.model_version


def no_score(service: Service, last: LastScores, state: str) -> NoAnswerError:
    """Why there is no number: 410 where the last one is too old, 422 else."""
    code = "CR-HTTP-410" if state == EXPIRED else "CR-PERSON-002"
    stands_at: dict[str, Any] = {} if last.run is None else {"as_of": _text(last.run.meta.as_of)}
    return NoAnswerError(code, _meaning(service, last, state), state=state, **stands_at)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
