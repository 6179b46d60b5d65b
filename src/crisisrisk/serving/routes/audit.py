"""Who looked at whom, when and why; and who looked at one person, for that person's own request."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from crisisrisk.database.audit_read import AuditedLook, AuditFilter, audited_looks
from crisisrisk.purposes import PURPOSES
from crisisrisk.serving.access import AuditViewer
from crisisrisk.serving.answers import AccessLog, AuditEntry, AuditPage
from crisisrisk.serving.examples import ACCESS_LOG, AUDIT_PAGE, answered
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import ServiceOf
from crisisrisk.serving.trail import WHOLE_PSEUDONYM
from crisisrisk.tables.pseudonyms import has_nhs_number

audit = APIRouter(prefix=API, tags=["audit"])

MOST = 1_000
TEN = 10
_NAME = r"^[a-z_]{1,40}$"


class AuditQuery(BaseModel):
    """Which rows are asked for: those that fit everything that is said."""

    model_config = ConfigDict(extra="forbid")

    person: str | None = Field(None, pattern=WHOLE_PSEUDONYM, description="Rows that name this person, by pseudonym.")
    key_id: str | None = Field(
        None, pattern=r"^(u[0-9a-f]{16}|[0-9a-f]{1,32})$", description="Looks with this key, or by this user."
    )
    role: str | None = Field(None, pattern=_NAME, description="Looks by this role.")
    purpose: str | None = Field(None, pattern=_NAME, description="Looks for this purpose.")
    start: AwareDatetime | None = Field(None, alias="from", description="First moment, with its zone.")
    end: AwareDatetime | None = Field(None, alias="to", description="The moment after the last, with its zone.")
    before: int | None = Field(None, ge=1, le=2**31 - 1, description="Rows before this one, for the next page.")
    limit: int = Field(100, ge=1, le=MOST, description="Most rows, the newest first.")

    @field_validator("key_id")
    @classmethod
    def _no_nhs_number(cls, key_id: str | None) -> str | None:
        # What was asked is kept with the look. No id of a key or a user has ten characters.
        if key_id is not None and len(key_id) == TEN and has_nhs_number(key_id):
            raise ValueError("it may be an NHS number, and is no id of a key")
        return key_id


@audit.get("/audit", summary="Who looked at whom, when and why", responses=answered(AUDIT_PAGE))
def audit_page(_viewer: AuditViewer, query: Annotated[AuditQuery, Query()], service: ServiceOf) -> AuditPage:
    """The newest looks that fit. What was shown is not repeated: `crisisrisk audit pack` has it. Is itself audited."""
    chosen = AuditFilter(
        person_id=query.person, key_id=query.key_id, role=query.role, purpose=query.purpose, start=query.start,
        end=query.end, before=query.before,
    )  # fmt: skip
    looks = audited_looks(service.engine, chosen, limit=query.limit)
    more = looks[-1].number if len(looks) == query.limit else None
    return AuditPage(looks=[_entry(look) for look in looks], next_before=more)


@audit.get("/people/{pid}/access-log", summary="Who looked at a person, and why", responses=answered(ACCESS_LOG))
def access_log(
    pid: Annotated[
        str, Path(pattern=WHOLE_PSEUDONYM, description="The person's pseudonym.", examples=["k1_7Q4M2XK0D3RT5VWZ"])
    ],
    _viewer: AuditViewer,
    service: ServiceOf,
) -> AccessLog:
    """Every kept look, the newest first, for the person's own request. Of somebody whom nobody looked at: none."""
    looks = audited_looks(service.engine, AuditFilter(person_id=pid), limit=None)
    meanings = {look.purpose: PURPOSES[look.purpose].meaning for look in looks if look.purpose in PURPOSES}
    return AccessLog(person_id=pid, purposes=meanings, looks=[_entry(look) for look in looks])


def _entry(look: AuditedLook) -> AuditEntry:
    return AuditEntry(
        number=look.number, at=look.at, purpose=look.purpose, action=look.action, status=look.status,
        key_id=look.key_id, role=look.role, team=look.team, people=look.people, person_id=look.person_id,
        shown_sha256=look.sha256, request_id=look.request_id,
    )  # fmt: skip
