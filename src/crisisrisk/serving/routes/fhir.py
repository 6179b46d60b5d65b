"""FHIR R4: one person's score as a RiskAssessment, for the own care team. There is no list of everybody."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crisisrisk import __version__
from crisisrisk.database.scores import SCORED
from crisisrisk.errors import KINDS
from crisisrisk.serving.access import AnyViewer, CareViewer, Viewer, sees
from crisisrisk.serving.answers import PersonRisk
from crisisrisk.serving.bodies import FORM, form_of
from crisisrisk.serving.examples import NO_SCORE, answered
from crisisrisk.serving.fhir import (
    BASE,
    FHIR,
    assessment_id,
    capability_statement,
    outcome_of,
    risk_assessment,
    search_set,
)
from crisisrisk.serving.problems import NoAnswerError, nothing_here, too_much
from crisisrisk.serving.scores import LastScores, basis_of, last_scores, listed, no_score
from crisisrisk.serving.state import Service, ServiceOf

fhir = APIRouter(prefix=BASE, tags=["fhir"])

AssessmentId = Annotated[
    str, Path(alias="id", description="As a search has it: the scoring's reference, a dot, the person.",
              examples=["R-17.k1-7Q4M2XK0D3RT5VWZ"])
]  # fmt: skip


class SearchQuery(BaseModel):
    """Whose assessment is asked for."""

    model_config = ConfigDict(extra="forbid")

    subject: str = Field(
        max_length=100, description="The person's pseudonym, alone or after `Patient/`.",
        examples=["k1_7Q4M2XK0D3RT5VWZ"],
    )  # fmt: skip


@fhir.get("/metadata", summary="What FHIR offers here", responses=answered(parameters=False), response_model=None)
def metadata(_viewer: AnyViewer, service: ServiceOf) -> JSONResponse:
    """The CapabilityStatement."""
    return _resource(capability_statement(__version__, service.now()))


@fhir.get(
    "/RiskAssessment/{id}", summary="One score as a RiskAssessment", responses=answered(**NO_SCORE), response_model=None
)
def read(assessment: AssessmentId, viewer: CareViewer, request: Request, service: ServiceOf) -> JSONResponse:
    """The score of the last scoring; one of before is gone (410), as an old number would be taken for one of now."""
    now, (reference, _, subject) = service.now(), assessment.rpartition(".")
    person = _own(subject, viewer, request, service)
    risk = _risk(service, person, viewer, now)
    if assessment_id(risk.reference, person) != f"{reference}.{person.replace('_', '-', 1)}":
        raise NoAnswerError("CR-HTTP-410", "a later scoring has replaced this one", hint="search by `subject`")
    return _resource(risk_assessment(risk))


@fhir.get("/RiskAssessment", summary="A person's score as a Bundle", responses=answered(), response_model=None)
def search(
    viewer: CareViewer, query: Annotated[SearchQuery, Query()], request: Request, service: ServiceOf
) -> JSONResponse:
    """Of one person, who is named. Without a current score nothing matches, and an outcome says why."""
    return _found(query, viewer, request, service)


_FORM = {"requestBody": {"required": True, "content": {FORM: {"schema": SearchQuery.model_json_schema()}}}}


@fhir.post(
    "/RiskAssessment/_search", summary="The same, with whose it is in the body", responses=answered(),
    response_model=None, openapi_extra=_FORM,
)  # fmt: skip
def search_by_form(viewer: CareViewer, request: Request, service: ServiceOf) -> JSONResponse:
    """As FHIR has it for what should stand in no log of addresses: a form of the search's parameters."""
    try:
        asked = SearchQuery.model_validate(
            {name: text for name, text in form_of(request).items() if name != "form_token"}
        )
    except ValidationError:
        raise too_much("subject", "a form with the person's pseudonym as `subject`, and nothing else") from None
    return _found(asked, viewer, request, service)


def _found(query: SearchQuery, viewer: Viewer, request: Request, service: Service) -> JSONResponse:
    now = service.now()
    person = _own(query.subject.removeprefix("Patient/"), viewer, request, service)
    url = f"{BASE}/RiskAssessment?subject={person}"
    try:
        return _resource(search_set(risk_assessment(_risk(service, person, viewer, now)), None, url=url))
    except NoAnswerError as none:
        if "state" not in none.members:
            raise
        said = {"title": KINDS[none.code].meaning, "status": none.kind.http_status, "code": none.code,
                "detail": none.problem, "state": none.members["state"]}  # fmt: skip
        return _resource(search_set(None, outcome_of(said, severity="information"), url=url))


def _own(subject: str, viewer: Viewer, request: Request, service: Service) -> str:
    """The pseudonym of a person on the own caseload now, or open in an emergency. Others are as nobody."""
    person = subject.replace("-", "_", 1)
    request.scope["path_params"]["pid"] = person  # whom it is about, for the audit trail
    if not sees(service, request, viewer, person):
        raise nothing_here()
    return person


def _risk(service: Service, person: str, viewer: Viewer, now: datetime) -> PersonRisk:
    last: LastScores = last_scores(service, [person], now)
    if last.run is None or last.states[person] != SCORED:
        raise no_score(service, last, last.states[person])
    score = last.scores[person]
    service.shown.keep(last.run, [person], viewer=viewer, now=now)
    told = listed(last.run, score, viewer=viewer).model_dump()
    return PersonRisk(fresh=False, **basis_of(service, last.run, [score]), **told)


def _resource(content: dict[str, object]) -> JSONResponse:
    return JSONResponse(content, media_type=FHIR)
