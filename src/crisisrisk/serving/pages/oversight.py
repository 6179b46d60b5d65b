"""For the privacy and safety officers: who looked at whom, what they were shown, alerts and concerns to be worked."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from crisisrisk.database.audit_read import AuditFilter, audited_looks, shown
from crisisrisk.purposes import PURPOSES
from crisisrisk.serving.access import AlertViewer, AuditViewer, ConcernViewer, Viewer
from crisisrisk.serving.emergency import LASTS
from crisisrisk.serving.oversight_answers import AlertClosing
from crisisrisk.serving.pages.concern import ABOUT
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.pages.sending import given_in, listed_errors, shown_again
from crisisrisk.serving.problems import nothing_here
from crisisrisk.serving.roles import MOST
from crisisrisk.serving.routes import alerts, safety
from crisisrisk.serving.routes.audit import AuditQuery, audit_page
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.timeline import start_of_day

oversight_pages = APIRouter(tags=["pages"], include_in_schema=False)

SHOWN_POLICY = "sandbox allow-same-origin; default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'"
"""What was shown is shown again, with our own style, and does nothing again: no script, no form."""
LOOKS = 50
AT_ONCE = 100
OPEN_ALERTS = alerts.AlertsQuery(open_only=True, limit=AT_ONCE + 1)
OPEN_CONCERNS = safety.ConcernsQuery(open_only=True, limit=AT_ONCE + 1)
WANTED = {
    "person": "Write a whole pseudonym, such as k1_7Q4M2XK0D3RT5VWZ",
    "key_id": "Write the id of a key as it stands in a row below",
    "start": "Write a day as year, month and day",
    "end": "Write a day as year, month and day",
}
BACKWARDS = "The last day is before the first"
DONE = "Say in a few words what was found and done, without names and NHS numbers"
BEFORE = "was closed before. What was said then stands; what you wrote was not kept."
ALERTS: Mapping[str, str] = {
    "emergency_access": "A person of another team was opened in an emergency",
    "emergency_blocked": "Emergency access was refused: too many wait for you",
    "people_a_day": "One user looked at many different people on one day",
}

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
        "roles": {"": "every role", **{name: name.replace("_", " ") for name in MOST}},
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
    found = audited_looks(service.engine, AuditFilter(before=number + 1), limit=1)
    if not found or found[0].number != number:
        raise nothing_here()
    told = {
        **framed(service, viewer, here="looks", about=None), "look": found[0],
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


@oversight_pages.get("/alerts")
def alert_queue(viewer: AlertViewer, service: ServiceOf) -> HTMLResponse:
    """What the privacy officer is alerted to and nobody has closed."""
    return _alerts(service, viewer, {}, {})


@oversight_pages.post("/alerts/{number}/closing")
def close_alert(number: Number, request: Request, viewer: AlertViewer, service: ServiceOf) -> Response:
    """Say what was done about an alert."""
    given = given_in(request, ["done"])
    try:
        closing = AlertClosing.model_validate(given)
    except ValidationError:
        return _alerts(service, viewer, {f"done-{number}": DONE}, {f"done-{number}": given["done"]}, status=422)
    kept = alerts.close(number, closing, viewer, service)
    if kept.done != closing.done:
        return _alerts(service, viewer, {}, {}, status=409, said=f"Alert {number} {BEFORE}")
    return RedirectResponse("/alerts", status_code=303)


def _alerts(
    service: Service, viewer: Viewer, errors: Mapping[str, str], given: Mapping[str, str], *, status: int = 200,
    said: str = "",
) -> HTMLResponse:  # fmt: skip
    told = {
        **framed(service, viewer, here="looks", about=None), "queue": alerts.queue(viewer, OPEN_ALERTS, service),
        "kinds": ALERTS, "errors": errors, "errors_listed": listed_errors(errors), "given": shown_again(given),
        "said": said, "at_once": AT_ONCE, "lasts": LASTS,
        "meanings": {one.name: one.meaning for one in PURPOSES.values()},
    }  # fmt: skip
    return page("alerts.jinja", told, zone=service.settings.site.time_zone, status=status)


@oversight_pages.get("/concerns")
def concern_queue(viewer: ConcernViewer, service: ServiceOf) -> HTMLResponse:
    """What was reported as unsafe and nobody has closed, the one that has waited longest first."""
    return _concerns(service, viewer, {}, {})


@oversight_pages.post("/concerns/{number}/closing")
def close_concern(number: Number, request: Request, viewer: ConcernViewer, service: ServiceOf) -> Response:
    """Say what was found about a concern and what was done."""
    given = given_in(request, ["done"])
    try:
        closing = safety.Closing.model_validate(given)
    except ValidationError:
        return _concerns(service, viewer, {f"done-{number}": DONE}, {f"done-{number}": given["done"]}, status=422)
    kept = safety.close(number, closing, viewer, service)
    if kept.done != closing.done:
        return _concerns(service, viewer, {}, {}, status=409, said=f"Concern {number} {BEFORE}")
    return RedirectResponse("/concerns", status_code=303)


def _concerns(
    service: Service, viewer: Viewer, errors: Mapping[str, str], given: Mapping[str, str], *, status: int = 200,
    said: str = "",
) -> HTMLResponse:  # fmt: skip
    told = {
        **framed(service, viewer, here="concerns", about=None), "about": ABOUT, "said": said, "at_once": AT_ONCE,
        "queue": safety.queue(viewer, OPEN_CONCERNS, service).concerns,
        "errors": errors, "errors_listed": listed_errors(errors), "given": shown_again(given),
    }  # fmt: skip
    return page("concerns.jinja", told, zone=service.settings.site.time_zone, status=status)
