"""What a team says, decides and asks about one of its people, sent by forms of the pages."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from crisisrisk.serving.access import CareViewer, OwnPerson, Viewer
from crisisrisk.serving.asked_care import DataQueryAsked, EventId, FeedbackAsked, ReviewAsked, SnoozeAsked
from crisisrisk.serving.care_answers import SnoozeMade
from crisisrisk.serving.pages.caseload_view import (
    CameFrom,
    CaseloadView,
    ListBefore,
    came_from,
    kept_of,
    sent_from,
    snooze_days,
)
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.in_place import InPlace
from crisisrisk.serving.pages.kinds import Kinds
from crisisrisk.serving.pages.led_to import PROBLEMS
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.pages.person import person_page
from crisisrisk.serving.pages.sending import (
    SAID,
    Said,
    SentWrongly,
    back_to,
    given_in,
    listed_errors,
    sent,
    sent_in_place,
    wanted_of,
)
from crisisrisk.serving.problems import NoAnswerError, nothing_here
from crisisrisk.serving.routes.care import (
    SnoozeNumber,
    contact_of,
    end,
    give_feedback,
    query_contact,
    record_review,
    snooze,
)
from crisisrisk.serving.state import Service, ServiceOf

saying = APIRouter(tags=["pages"], include_in_schema=False)

_Made = TypeVar("_Made")


@saying.post("/people/{pid}/feedback")
def say_feedback(
    pid: OwnPerson, request: Request, viewer: CareViewer, service: ServiceOf, in_place: InPlace
) -> Response:  # fmt: skip
    """What somebody thinks of the number, said on the list or on the person's page."""
    if in_place:
        answer = give_feedback(pid, viewer, sent_in_place(request, FeedbackAsked), service)
        told = {"about": "person", "answer": answer, "said": SAID["answer"]}
        return page("answered.jinja", told, zone=service.settings.site.time_zone)
    return _done(
        request, viewer, service, pid, "answer",
        lambda: give_feedback(pid, viewer, sent(request, FeedbackAsked), service),
    )  # fmt: skip


@saying.post("/people/{pid}/reviews")
def say_decision(pid: OwnPerson, request: Request, viewer: CareViewer, service: ServiceOf) -> Response:
    """What somebody decided."""
    return _done(
        request, viewer, service, pid, "decision",
        lambda: record_review(pid, viewer, sent(request, ReviewAsked), service),
    )  # fmt: skip


@saying.post("/people/{pid}/snoozes")
def say_snooze(
    pid: OwnPerson, request: Request, viewer: CareViewer, service: ServiceOf, in_place: InPlace
) -> Response:  # fmt: skip
    """Leave somebody off the usual list for a while."""

    def keep() -> SnoozeMade:
        return snooze(pid, viewer, sent(request, SnoozeAsked), service)

    if in_place:
        return _in_row(request, viewer, service, pid, "snoozed", keep)
    return _done(request, viewer, service, pid, "snoozed", keep)


@saying.post("/people/{pid}/snoozes/{number}/end")
def say_awake(
    pid: OwnPerson, number: SnoozeNumber, request: Request, viewer: CareViewer, service: ServiceOf, in_place: InPlace
) -> Response:
    """End a snooze."""

    def keep() -> SnoozeMade:
        return end(pid, number, viewer, service)

    if in_place:
        return _in_row(request, viewer, service, pid, "woken", keep)
    return _done(request, viewer, service, pid, "woken", keep)


@saying.get("/people/{pid}/wrong")
def ask_what_is_wrong(
    pid: OwnPerson, viewer: CareViewer, service: ServiceOf, before: ListBefore, event_id: Annotated[EventId, Query()]
) -> HTMLResponse:
    """The form about one contact."""
    return _wrong_page(service, viewer, pid, event_id, before)


@saying.post("/people/{pid}/wrong")
def say_what_is_wrong(
    pid: OwnPerson, request: Request, viewer: CareViewer, service: ServiceOf, before: ListBefore
) -> Response:
    """Put a contact into the queue of those who keep the records."""
    try:
        query_contact(pid, viewer, sent(request, DataQueryAsked), service)
    except SentWrongly as wrong:
        if "event_id" in wrong.errors:
            raise nothing_here() from None
        return _wrong_page(service, viewer, pid, wrong.given["event_id"], before, wrong)
    return back_to(before.on(f"/people/{pid}"), "query")


def _done(
    request: Request, viewer: Viewer, service: Service, pid: str, said: Said, do: Callable[[], object]
) -> Response:  # fmt: skip
    """Back to where the form was, or the person's page with what is wrong about it."""
    view = sent_from(request)
    before = came_from(request) if view is None else CameFrom(view)
    try:
        _kept(request, do)
    except SentWrongly as wrong:
        return person_page(service, viewer, pid, before=before, wrong=wrong, form=said)
    return back_to(before.on(f"/people/{pid}") if view is None else view.here, said)


def _in_row(
    request: Request, viewer: Viewer, service: Service, pid: str, said: Said, do: Callable[[], SnoozeMade]
) -> HTMLResponse:  # fmt: skip
    """The same in a row of the caseload: what it says from now on of a snooze, or its form with what is wrong."""
    view, made, wrong = sent_from(request) or CaseloadView(), None, None
    try:
        made = _kept(request, do)
    except SentWrongly as refused:
        wrong = refused
    told = {
        **framed(service, viewer, here="caseload", about=None), "pid": pid, "view": view, "made": made,
        "list_kept": kept_of(view, viewer), "said": SAID[said], "snooze_days": snooze_days(service),
        "errors": {} if wrong is None else wrong.errors, "given": {} if wrong is None else wrong.given,
    }  # fmt: skip
    zone = service.settings.site.time_zone
    return page("row_snooze.jinja", told, zone=zone, status=200 if wrong is None else 422)


def _kept(request: Request, do: Callable[[], _Made]) -> _Made:
    """What was made of a form. Raises SentWrongly, also where it cannot be used as things are."""
    try:
        return do()
    except NoAnswerError as refused:
        problems: list[dict[str, Any]] = refused.members.get("problems", [])
        if not problems:
            raise
        errors = wanted_of([{"loc": (one["where"],)} for one in problems])
        raise SentWrongly(errors, given_in(request, list(SnoozeAsked.model_fields))) from None


def _wrong_page(
    service: Service, viewer: Viewer, pid: str, event_id: str, before: CameFrom, wrong: SentWrongly | None = None
) -> HTMLResponse:  # fmt: skip
    errors = {} if wrong is None else wrong.errors
    told = {
        **framed(service, viewer, here="caseload", about=None), "pid": pid, "problems": PROBLEMS, "errors": errors,
        "before": before,
        "contact": contact_of(service, viewer, pid, event_id), "kinds": Kinds(service.settings.site.sources),
        "errors_listed": listed_errors(errors), "given": {} if wrong is None else wrong.given,
    }  # fmt: skip
    zone = service.settings.site.time_zone
    return page("wrong.jinja", told, zone=zone, status=200 if wrong is None else 422)
