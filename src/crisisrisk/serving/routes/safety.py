"""Report a safety concern, and work the queue of them."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.database.concerns import Concern, close_concern, concerns, raise_concern
from crisisrisk.serving.access import ConcernViewer, KeyHolder
from crisisrisk.serving.answers import ConcernRaised, Concerns, SafetyConcern
from crisisrisk.serving.asked import Reference, Words
from crisisrisk.serving.examples import CONCERN, CONCERN_RAISED, CONCERNS, answered
from crisisrisk.serving.problems import nothing_here
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import ServiceOf
from crisisrisk.serving.trail import WHOLE_PSEUDONYM

safety = APIRouter(prefix=API, tags=["safety"])


class NewConcern(BaseModel):
    """What somebody found unsafe."""

    model_config = ConfigDict(extra="forbid")

    about: Literal["score", "place", "plan", "data", "access", "other"] = Field(description="What it is about.")
    text: Words = Field(description="In your own words. No names: say the person below.")
    person_id: str | None = Field(
        None, pattern=WHOLE_PSEUDONYM, description="The person's pseudonym, if it is about one."
    )
    reference: Reference | None = Field(
        None, description="The `reference` of the answer, or the id of a shift or place."
    )


class Closing(BaseModel):
    """What was done about a concern."""

    model_config = ConfigDict(extra="forbid")

    done: Words = Field(description="What was found and what was done.")


class ConcernsQuery(BaseModel):
    """Which concerns are asked for."""

    model_config = ConfigDict(extra="forbid")

    open_only: bool = Field(True, description="Only those that nobody has closed.")
    limit: int = Field(100, ge=1, le=1_000, description="Most concerns, the one that has waited longest first.")


@safety.post(
    "/safety-concerns", summary="Report a safety concern", status_code=201, responses=answered(CONCERN_RAISED, 201)
)
def report(concern: NewConcern, viewer: KeyHolder, service: ServiceOf) -> ConcernRaised:
    """For every key. It is read by the safety officer; nothing about anybody is looked up or told."""
    now = datetime.now(UTC)
    number = raise_concern(
        service.engine, raised_at=now, key_id=viewer.key_id, role=viewer.role_name, team=viewer.team,
        about=concern.about, person_id=concern.person_id, reference=concern.reference, text=concern.text,
    )  # fmt: skip
    return ConcernRaised(number=number, raised_at=now)


@safety.get("/safety-concerns", summary="The queue of safety concerns", responses=answered(CONCERNS))
def queue(_viewer: ConcernViewer, query: Annotated[ConcernsQuery, Query()], service: ServiceOf) -> Concerns:
    """The one that has waited longest first."""
    found = concerns(service.engine, open_only=query.open_only, limit=query.limit)
    return Concerns(concerns=[_told(one) for one in found])


@safety.post(
    "/safety-concerns/{number}/closing", summary="Close a safety concern", responses=answered(CONCERN)
)  # fmt: skip
def close(
    number: Annotated[int, Path(ge=1, le=2**31 - 1, description="The concern's number.")],
    closing: Closing, viewer: ConcernViewer, service: ServiceOf,
) -> SafetyConcern:  # fmt: skip
    """Say what was done. One that is closed already stays as it is, and is answered."""
    found = close_concern(
        service.engine, number, closed_at=datetime.now(UTC), closed_by=viewer.key_id, done=closing.done
    )
    if found is None:
        raise nothing_here()
    return _told(found)


def _told(concern: Concern) -> SafetyConcern:
    return SafetyConcern(
        number=concern.number, raised_at=concern.raised_at, role=concern.role, team=concern.team,
        key_id=concern.key_id, about=concern.about, person_id=concern.person_id, reference=concern.reference,
        text=concern.text, closed_at=concern.closed_at, closed_by=concern.closed_by, done=concern.done,
    )  # fmt: skip
