"""The queue of contacts that teams say are wrong, for those who keep the data: which row it is, and not whose."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.database.data_queries import KeptQuery, answer_query, data_queries
from crisisrisk.serving.access import QueryViewer
from crisisrisk.serving.asked_care import QueryAnswerAsked
from crisisrisk.serving.care_answers import QueuedQueries, QueuedQuery
from crisisrisk.serving.care_examples import QUEUED, QUEUED_ALL
from crisisrisk.serving.examples import answered
from crisisrisk.serving.problems import nothing_here
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import Service, ServiceOf

queries = APIRouter(prefix=API, tags=["data"])


class QueriesQuery(BaseModel):
    """Which questions are asked for."""

    model_config = ConfigDict(extra="forbid")

    open_only: bool = Field(True, description="Only those that nobody has answered.")
    limit: int = Field(100, ge=1, le=1_000, description="Most questions, the one that has waited longest first.")


@queries.get("/data-queries", summary="Contacts said to be wrong: the queue", responses=answered(QUEUED_ALL))
def queue(_viewer: QueryViewer, query: Annotated[QueriesQuery, Query()], service: ServiceOf) -> QueuedQueries:
    """The one that has waited longest first. Nobody is named, and no words of the team are shown."""
    found = data_queries(service.engine, open_only=query.open_only, limit=query.limit)
    return QueuedQueries(queries=[_queued(service, one) for one in found])


@queries.post("/data-queries/{number}/answer", summary="Say what was found", responses=answered(QUEUED))
def answer(
    number: Annotated[int, Path(ge=1, le=2**31 - 1, description="The question's number.")],
    asked: QueryAnswerAsked, viewer: QueryViewer, service: ServiceOf,
) -> QueuedQuery:  # fmt: skip
    """To the team that asked. One that is answered already stays as it is, and is answered."""
    service.auditor.check()
    found = answer_query(
        service.engine, number, answered_at=service.now(), answered_by=viewer.key_id, outcome=asked.outcome,
        answer=asked.answer,
    )  # fmt: skip
    if found is None:
        raise nothing_here()
    return _queued(service, found)


def _queued(service: Service, one: KeptQuery) -> QueuedQuery:
    return QueuedQuery(
        number=one.number, made_at=one.made_at, team=one.team_id, event_id=one.event_id, source=one.source,
        occurred_at=one.occurred_at,
        occurred_on=service.view().snapshot.days_alone.of(one.source, one.occurred_at), problem=one.problem,
        answered_at=one.answered_at, answered_by=one.answered_by, outcome=one.outcome, answer=one.answer,
    )  # fmt: skip
