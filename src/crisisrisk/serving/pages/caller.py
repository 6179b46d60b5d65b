"""The person on the line: looked up by NHS number, then who cares for them and their last contacts. Never a score."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse

from crisisrisk.serving.access import CallerViewer, Viewer
from crisisrisk.serving.caller_answers import CallerCare, LookUp
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.kinds import Kinds
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.pages.sending import SentWrongly, listed_errors, sent
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.routes.callers import CALLER_PAGE, care_of, care_told, look_up
from crisisrisk.serving.state import Service, ServiceOf

caller_pages = APIRouter(tags=["pages"], include_in_schema=False)

NOBODY = "Nobody with this number is known here. Check it with the person."


@caller_pages.get(CALLER_PAGE)
def ask(viewer: CallerViewer, service: ServiceOf) -> HTMLResponse:
    """The form."""
    return _form(service, viewer, {}, {})


@caller_pages.post(CALLER_PAGE)
def find(request: Request, viewer: CallerViewer, service: ServiceOf) -> HTMLResponse:
    """The care of the person with that number; the form again where it is nobody's. A number is never shown again."""
    try:
        asked = sent(request, LookUp)
    except SentWrongly as wrong:
        return _form(service, viewer, wrong.errors, wrong.given, status=422)
    try:
        found = look_up(asked, viewer, service)
    except NoAnswerError as nobody:
        if nobody.code != "CR-HTTP-404":
            raise
        return _form(service, viewer, {"nhs_number": NOBODY}, {"reason": asked.reason}, status=404)
    return _care(service, viewer, care_told(service, viewer, found.person_id))


@caller_pages.get("/caller/{pid}")
def again(
    pid: Annotated[str, Path(description="As the look-up has it.")], viewer: CallerViewer, service: ServiceOf
) -> HTMLResponse:
    """The same again, for half an hour after the same key looked the person up."""
    return _care(service, viewer, care_of(pid, viewer, service))


def _form(
    service: Service, viewer: Viewer, errors: Mapping[str, str], given: Mapping[str, str], *, status: int = 200
) -> HTMLResponse:
    told: dict[str, Any] = {
        **framed(service, viewer, here="caller", about=None), "errors": errors, "errors_listed": listed_errors(errors),
        "given": {name: text for name, text in given.items() if name != "nhs_number"},
    }  # fmt: skip
    return page("caller.jinja", told, zone=service.settings.site.time_zone, status=status)


def _care(service: Service, viewer: Viewer, care: CallerCare) -> HTMLResponse:
    kinds = Kinds(service.settings.site.sources)
    told = {**framed(service, viewer, here="caller", about=None), "care": care, "kinds": kinds}
    return page("caller_care.jinja", told, zone=service.settings.site.time_zone)
