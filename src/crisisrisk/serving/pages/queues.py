"""What waits for somebody to look into it: alerts, safety concerns, contacts said to be wrong. Each is closed once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from crisisrisk.purposes import PURPOSES
from crisisrisk.serving.access import AlertViewer, ConcernViewer, QueryViewer, Viewer
from crisisrisk.serving.asked_care import QueryAnswerAsked
from crisisrisk.serving.emergency import LASTS
from crisisrisk.serving.oversight_answers import AlertClosing
from crisisrisk.serving.pages.concern import ABOUT
from crisisrisk.serving.pages.frame import framed, who
from crisisrisk.serving.pages.kinds import Kinds
from crisisrisk.serving.pages.led_to import OUTCOMES, PROBLEMS
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.pages.sending import given_in, listed_errors, shown_again
from crisisrisk.serving.routes import alerts, data_queries, safety
from crisisrisk.serving.state import Service, ServiceOf

queue_pages = APIRouter(tags=["pages"], include_in_schema=False)

AT_ONCE = 100
OPEN_ALERTS = alerts.AlertsQuery(open_only=True, limit=AT_ONCE + 1)
OPEN_CONCERNS = safety.ConcernsQuery(open_only=True, limit=AT_ONCE + 1)
OPEN_QUERIES = data_queries.QueriesQuery(open_only=True, limit=AT_ONCE + 1)
WANTED = {
    "done": "Say in a few words what was found and done, without names and NHS numbers",
    "answer": "Say in a few words what was found, without names and NHS numbers",
    "outcome": "Choose what became of the record",
}
BEFORE = "was closed before. What was said then stands; what you wrote was not kept."
ALERTS: Mapping[str, str] = {
    "emergency_access": "A person of another team was opened in an emergency",
    "emergency_blocked": "Emergency access was refused: too many wait for you",
    "people_a_day": "One user looked at many different people on one day",
}

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Show = Callable[["Sent"], HTMLResponse]


@dataclass(frozen=True)
class Sent:
    """A form of the page that cannot be used, or came too late. All empty where the page was only opened."""

    errors: Mapping[str, str]
    given: Mapping[str, str]
    said: str = ""
    status: int = 200

    @property
    def told(self) -> Mapping[str, Any]:
        """As `errors.jinja` and the forms have it."""
        return {
            "errors": self.errors, "errors_listed": listed_errors(self.errors), "given": shown_again(self.given),
            "said": self.said,
        }  # fmt: skip


NOTHING = Sent({}, {})


def _closed(request: Request, number: int, kind: type[BaseModel], close: Callable[[Any], Any], show: Show) -> Response:
    """Back to the queue; or the queue again, with what is wrong about the form. What was closed before stays so."""
    given = given_in(request, list(kind.model_fields))
    beside = {f"{name}-{number}": text for name, text in given.items()}
    try:
        closing = kind.model_validate(given)
    except ValidationError as wrong:
        fields = [str(one["loc"][0]) for one in wrong.errors()]
        return show(Sent({f"{name}-{number}": WANTED[name] for name in fields}, beside, status=422))
    kept = close(closing)
    if any(getattr(kept, name) != getattr(closing, name) for name in kind.model_fields):
        return show(Sent({}, {}, said=f"Number {number} {BEFORE}", status=409))
    return RedirectResponse(request.url.path.removesuffix(f"/{number}/closing"), status_code=303)


@queue_pages.get("/alerts")
def alert_queue(viewer: AlertViewer, service: ServiceOf) -> HTMLResponse:
    """What the privacy officer is alerted to and nobody has closed."""
    return _alerts(service, viewer, NOTHING)


@queue_pages.post("/alerts/{number}/closing")
def close_alert(number: Number, request: Request, viewer: AlertViewer, service: ServiceOf) -> Response:
    """Say what was done about an alert."""
    return _closed(
        request, number, AlertClosing, lambda closing: alerts.close(number, closing, viewer, service),
        lambda found: _alerts(service, viewer, found),
    )  # fmt: skip


def _alerts(service: Service, viewer: Viewer, found: Sent) -> HTMLResponse:
    told = {
        **framed(service, viewer, here="looks", about=None), "queue": alerts.queue(viewer, OPEN_ALERTS, service),
        "kinds": ALERTS, "at_once": AT_ONCE, "lasts": LASTS, **found.told,
        "meanings": {one.name: one.meaning for one in PURPOSES.values()},
        "day": lambda day: f"{date.fromisoformat(day):%-d %b %Y}",
    }  # fmt: skip
    return page("alerts.jinja", told, zone=service.settings.site.time_zone, status=found.status)


@queue_pages.get("/concerns")
def concern_queue(viewer: ConcernViewer, service: ServiceOf) -> HTMLResponse:
    """What was reported as unsafe and nobody has closed, the one that has waited longest first."""
    return _concerns(service, viewer, NOTHING)


@queue_pages.post("/concerns/{number}/closing")
def close_concern(number: Number, request: Request, viewer: ConcernViewer, service: ServiceOf) -> Response:
    """Say what was found about a concern and what was done."""
    return _closed(
        request, number, safety.Closing, lambda closing: safety.close(number, closing, viewer, service),
        lambda found: _concerns(service, viewer, found),
    )  # fmt: skip


def _concerns(service: Service, viewer: Viewer, found: Sent) -> HTMLResponse:
    told = {
        **framed(service, viewer, here="concerns", about=None), "about": ABOUT, "at_once": AT_ONCE, **found.told,
        "queue": safety.queue(viewer, OPEN_CONCERNS, service).concerns, "who": partial(who, service),
    }  # fmt: skip
    return page("concerns.jinja", told, zone=service.settings.site.time_zone, status=found.status)


@queue_pages.get("/data/queries")
def query_queue(viewer: QueryViewer, service: ServiceOf) -> HTMLResponse:
    """The contacts that teams say are wrong: which record it is, and not whose."""
    return _queries(service, viewer, NOTHING)


@queue_pages.post("/data/queries/{number}/closing")
def close_query(number: Number, request: Request, viewer: QueryViewer, service: ServiceOf) -> Response:
    """Say what was found about a contact, to the team that asked."""
    return _closed(
        request, number, QueryAnswerAsked, lambda closing: data_queries.answer(number, closing, viewer, service),
        lambda found: _queries(service, viewer, found),
    )  # fmt: skip


def _queries(service: Service, viewer: Viewer, found: Sent) -> HTMLResponse:
    site = service.settings.site
    told = {
        **framed(service, viewer, here="data", about=None), "problems": PROBLEMS,
        "outcomes": {"": "Choose one", **OUTCOMES},
        "queue": data_queries.queue(viewer, OPEN_QUERIES, service).queries, "at_once": AT_ONCE, **found.told,
        "kinds": Kinds(site.sources), "teams": {name: team.name for name, team in site.teams.items()},
    }  # fmt: skip
    return page("queries.jinja", told, zone=site.time_zone, status=found.status)
