"""A sheet in plain English to share with the person: what is used, what is not, and how to question it."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from crisisrisk.serving.access import CareViewer, OwnPerson
from crisisrisk.serving.pages.caseload_view import ListBefore
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.kinds import Kinds
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.risk_answers import RiskReasons
from crisisrisk.serving.routes.care import ContactsQuery, contacts
from crisisrisk.serving.routes.risk import reasons
from crisisrisk.serving.state import ServiceOf

sharing = APIRouter(tags=["pages"], include_in_schema=False)

MOST = 500


@sharing.get("/people/{pid}/share")
def share(
    pid: OwnPerson, viewer: CareViewer, service: ServiceOf, before: ListBefore,
    number: Annotated[bool, Query()] = False,
) -> HTMLResponse:  # fmt: skip
    """The sheet; with the number and its reasons where whoever shares it wants that. It names nobody."""
    team = viewer.team or ""
    site, kinds = service.settings.site, Kinds(service.settings.site.sources)
    why: RiskReasons | None = None
    if number:
        try:
            why = reasons(pid, viewer, service)
        except NoAnswerError:  # a sheet says what is used; of a number that there is not it says nothing
            why = None
    known = {one.source for one in contacts(pid, viewer, ContactsQuery(limit=MOST), service).contacts}
    told = {
        **framed(service, viewer, here="caseload", about=None), "pid": pid, "before": before, "why": why,
        "number": number,
        "kinds": sorted((kinds.many(name) for name in known), key=str.lower), "now": service.now(),
        "team_name": site.teams[team].name if team in site.teams else team,
        "officer": service.settings.service.person_scores.clinical_safety_officer,
    }  # fmt: skip
    return page("share.jinja", told, zone=site.time_zone)
