"""Emergency access: a person of another team, opened for half an hour with a reason and an alert."""

from math import ceil
from typing import Annotated

from fastapi import APIRouter, Path, Request

from crisisrisk.database.emergency import Blocked, open_person
from crisisrisk.serving.access import EmergencyViewer
from crisisrisk.serving.emergency import LASTS, is_pseudonym
from crisisrisk.serving.examples import NOT_NOW, answered
from crisisrisk.serving.oversight_answers import OPENED, EmergencyAsked, EmergencyOpened
from crisisrisk.serving.problems import NoAnswerError, nothing_here
from crisisrisk.serving.routes import API
from crisisrisk.serving.routes.care import author_of
from crisisrisk.serving.state import ServiceOf

emergency = APIRouter(prefix=API, tags=["people"])


@emergency.post(
    "/people/{pid}/emergency-access", summary="See a person of another team in an emergency", status_code=201,
    responses={**answered(OPENED, 201), **NOT_NOW},
)  # fmt: skip
def open_in_emergency(
    pid: Annotated[str, Path(description="The person's pseudonym.", examples=["k1_7Q4M2XK0D3RT5VWZ"])],
    viewer: EmergencyViewer, asked: EmergencyAsked, request: Request, service: ServiceOf,
) -> EmergencyOpened:  # fmt: skip
    """For half an hour, to this user alone, at every address of the person. The privacy officer is alerted.

    It is answered alike whether there is such a person or not: only the addresses of the person say that, afterwards.
    """
    if viewer.team is None or not is_pseudonym(pid):
        raise nothing_here()
    author, now = author_of(viewer, service), service.clock.now()
    if service.view().caseloads.has(viewer.team, pid, service.now()):
        raise NoAnswerError("CR-HTTP-409", "the person is on your own caseload", hint="ask without emergency access")
    made = open_person(
        service.engine, author, pid, now=now, ends_at=now + LASTS,
        most=service.settings.service.privacy.emergency_a_week, request_id=request.state.request_id,
        day=now.astimezone(service.settings.site.time_zone).date().isoformat(),
    )  # fmt: skip
    if isinstance(made, Blocked):
        raise NoAnswerError(
            "CR-ACCESS-006", "too many of your emergency accesses of this week were not looked at yet",
            hint="the privacy officer was alerted; in between the person's own team, or the crisis line, can be rung",
            headers={"Retry-After": str(ceil((made.until - now).total_seconds()))},
        )  # fmt: skip
    return EmergencyOpened(
        person_id=pid, reason=asked.reason, opened_at=made.opened_at, until=made.ends_at, alert=made.alert_id
    )
