"""For the privacy officer: who looked at whom, when and why, and what was on the screen."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from crisisrisk.database.audit_read import AuditFilter, audited_looks, shown
from crisisrisk.purposes import PURPOSES
from crisisrisk.serving.access import AuditViewer
from crisisrisk.serving.pages.frame import framed, role_words, who
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.pages.queues import AT_ONCE, OPEN_ALERTS
from crisisrisk.serving.pages.sending import listed_errors, shown_again
from crisisrisk.serving.problems import nothing_here
from crisisrisk.serving.roles import MOST
from crisisrisk.serving.routes import alerts
from crisisrisk.serving.routes.audit import AuditQuery, audit_page
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.timeline import start_of_day

oversight_pages = APIRouter(tags=["pages"], include_in_schema=False)

SHOWN_POLICY = "sandbox allow-same-origin; default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'"
"""What was shown is shown again, with our own style, and does nothing again: no script, no form."""
LOOKS = 50
WANTED = {
    "person": "Write a whole pseudonym, such as k1_7Q4M2XK0D3RT5VWZ",
    "key_id": "Write the id of a key as it stands in a row below",
    "start": "Write a day as year, month and day",
    "end": "Write a day as year, month and day",
}
BACKWARDS = "The last day is before the first"

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


class LooksAsked(BaseModel):
    """What is looked for, as the form sends it: what is empty does not narrow."""

    model_config = ConfigDict(extra="forbid")

    person: str = ""
    key_id: str = ""
    role: str = ""
    purpose: str = ""
    start: str = ""
    end: str = ""
    before: str = ""


@oversight_pages.get("/audit")
def looks(viewer: AuditViewer, asked: Annotated[LooksAsked, Query()], service: ServiceOf) -> HTMLResponse:
    """The newest looks that fit the form, each with a way to what was shown."""
    given, zone = {name: text.strip() for name, text in asked.model_dump().items()}, service.settings.site.time_zone
    errors: dict[str, str] = {}
    found = None
    try:
        found = audit_page(viewer, AuditQuery.model_validate(_query(given, service, errors)), service)
    except ValidationError as wrong:
        errors |= {str(one["loc"][0]): WANTED.get(str(one["loc"][0]), "This cannot be used") for one in wrong.errors()}
    told: dict[str, Any] = {
        **framed(service, viewer, here="looks", about=None), "given": shown_again(given), "errors": errors,
        "errors_listed": listed_errors(errors), "found": None if errors else found,
        "roles": {"": "every role", **{name: role_words(name) for name in MOST}}, "who": partial(who, service),
        "purposes": {"": "every purpose", **{one.name: one.meaning for one in PURPOSES.values() if one.names_people}},
        "meanings": {one.name: one.meaning for one in PURPOSES.values()},
        "alerts": len(alerts.queue(viewer, OPEN_ALERTS, service).alerts) if viewer.reaches("alerts") else None,
        "at_once": AT_ONCE,
        "more": {name: text for name, text in given.items() if text and name != "before"},
    }  # fmt: skip
    return page("audit.jinja", told, zone=zone, status=422 if errors else 200)


def _query(given: Mapping[str, str], service: Service, errors: dict[str, str]) -> dict[str, Any]:
    asked: dict[str, Any] = {name: text for name, text in given.items() if text} | {"limit": LOOKS}
    for field, name, later in (("start", "from", 0), ("end", "to", 1)):
        text = asked.pop(field, None)
        if text is None:
            continue
        try:
            day = date.fromisoformat(text) + timedelta(days=later)  # the last day counts as a whole
            asked[name] = start_of_day(day, service.settings.site.time_zone)
        except (ValueError, OverflowError):
            errors[field] = WANTED[field]
    if asked.get("from") is not None and asked.get("to") is not None and asked["from"] >= asked["to"]:
        errors["end"] = BACKWARDS
    return asked


@oversight_pages.get("/audit/{number}")
def look(number: Number, viewer: AuditViewer, service: ServiceOf) -> HTMLResponse:
    """One look: who, when and why, and a way to what was on the screen."""
    found = audited_looks(service.engine, AuditFilter(number=number), limit=1)
    if not found:
        raise nothing_here()
    told = {
        **framed(service, viewer, here="looks", about=None), "look": found[0], "who": partial(who, service),
        "meaning": PURPOSES[found[0].purpose].meaning if found[0].purpose in PURPOSES else found[0].purpose,
    }  # fmt: skip
    return page("audit_look.jinja", told, zone=service.settings.site.time_zone)


@oversight_pages.get("/audit/{number}/shown")
def screen(number: Number, _viewer: AuditViewer, service: ServiceOf) -> Response:
    """What was shown, as it was kept: names and numbers were put in afterwards and are not in it."""
    for kept in shown(service.engine, [number]):
        kind = kept.media_type or "text/plain; charset=utf-8"
        return Response(kept.body, media_type=kind, headers={"Content-Security-Policy": SHOWN_POLICY})
    raise nothing_here()
