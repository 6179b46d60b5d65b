"""The queue of what the privacy officer is alerted to: nobody is named in it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from crisisrisk.database.alerts import KeptAlert, alerts, close_alert
from crisisrisk.serving.access import AlertViewer
from crisisrisk.serving.examples import answered
from crisisrisk.serving.oversight_answers import ALERT, ALERTS, AlertClosing, PrivacyAlert, PrivacyAlerts
from crisisrisk.serving.problems import nothing_here
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import ServiceOf

oversight = APIRouter(prefix=API, tags=["audit"])


class AlertsQuery(BaseModel):
    """Which alerts are asked for."""

    model_config = ConfigDict(extra="forbid")

    open_only: bool = Field(True, description="Only those that nobody has closed.")
    limit: int = Field(100, ge=1, le=1_000, description="Most alerts, the one that has waited longest first.")


@oversight.get("/alerts", summary="What the privacy officer is alerted to", responses=answered(ALERTS))
def queue(_viewer: AlertViewer, query: Annotated[AlertsQuery, Query()], service: ServiceOf) -> PrivacyAlerts:
    """The one that has waited longest first. The audit trail says of whom, by the moment and the request's id."""
    found = alerts(service.engine, open_only=query.open_only, limit=query.limit)
    officer = service.settings.service.privacy.officer.strip()
    return PrivacyAlerts(privacy_officer=officer or None, alerts=[_told(one) for one in found])


@oversight.post("/alerts/{number}/closing", summary="Close an alert", responses=answered(ALERT))
def close(
    number: Annotated[int, Path(ge=1, le=2**31 - 1, description="The alert's number.")],
    closing: AlertClosing, viewer: AlertViewer, service: ServiceOf,
) -> PrivacyAlert:  # fmt: skip
    """Say what was done. One that is closed already stays as it is; one of an emergency access blocks no more."""
    service.auditor.check()
    found = close_alert(
        service.engine, number, closed_at=service.clock.now(), closed_by=viewer.key_id, done=closing.done
    )
    if found is None:
        raise nothing_here()
    return _told(found)


def _told(alert: KeptAlert) -> PrivacyAlert:
    return PrivacyAlert(
        number=alert.number, kind=alert.kind, raised_at=alert.raised_at,  # type: ignore[arg-type]
        request_id=alert.request_id, closed_at=alert.closed_at, closed_by=alert.closed_by, done=alert.done,
        key_id=alert.key_id, day=alert.day, people=alert.people, budget=alert.budget,
        by_purpose=None if alert.by_purpose is None else dict(alert.by_purpose),
    )  # fmt: skip
