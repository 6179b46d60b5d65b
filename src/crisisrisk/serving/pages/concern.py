"""Report a safety concern: a form on which every page leads."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from crisisrisk.serving.access import KeyHolder, Viewer
from crisisrisk.serving.asked import OUR_REFERENCE
from crisisrisk.serving.bodies import form_of
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.pages.sending import shown_again
from crisisrisk.serving.routes.safety import NewConcern, report
from crisisrisk.serving.state import Service, ServiceOf

concern_pages = APIRouter(tags=["pages"], include_in_schema=False)

FORM = "/safety-concern"
ABOUT = {
    "score": "A person's score or its reasons", "place": "A place or a forecast", "plan": "Where teams stand",
    "data": "Records that are wrong or missing", "access": "Somebody saw what they should not",
    "other": "Something else",
}  # fmt: skip
WANTED = {
    "about": "Choose what it is about",
    "text": "Say in a few words what you saw, without names and NHS numbers",
    "reference": "Leave this empty, or write the reference as it stands on the page",
}  # fmt: skip
FIELDS = ("about", "text", "reference")


@concern_pages.get(FORM, response_model=None)
def ask(viewer: KeyHolder, service: ServiceOf, reference: Annotated[str, Query(max_length=100)] = "") -> Response:
    """The form, with the reference of the page that led here. Any other text in the address is dropped with it.

    The address of what is shown is kept in the trail: so what is no reference of ours is answered before it is shown.
    """
    if reference and not OUR_REFERENCE.fullmatch(reference):
        return RedirectResponse(FORM, status_code=303)
    return _form(service, viewer, {"reference": reference})


@concern_pages.post(FORM)
def send(request: Request, viewer: KeyHolder, service: ServiceOf) -> HTMLResponse:
    """Keep a concern, or say on the form what is missing; what was written stays there."""
    given = {name: form_of(request).get(name, "").replace("\r\n", "\n").strip() for name in FIELDS}
    try:
        concern = NewConcern.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as wrong:
        errors = {str(one["loc"][0]): WANTED[str(one["loc"][0])] for one in wrong.errors() if one["loc"]}
        return _form(service, viewer, given, errors, status=422)
    told = framed(service, viewer, here="", about=None)
    return page(
        "concern.jinja", {**told, "number": report(concern, viewer, service).number},
        zone=service.settings.site.time_zone,
    )  # fmt: skip


def _form(
    service: Service, viewer: Viewer, given: Mapping[str, str], errors: Mapping[str, str] | None = None, *,
    status: int = 200,
) -> HTMLResponse:  # fmt: skip
    found = errors or {}
    told = {
        **framed(service, viewer, here="", about=None), "given": shown_again(given), "errors": found,
        "errors_listed": [{"text": text, "href": f"#{name}"} for name, text in found.items()],
        "kinds": [{"value": value, "text": text} for value, text in ABOUT.items()],
    }  # fmt: skip
    return page("concern.jinja", told, zone=service.settings.site.time_zone, status=status)
