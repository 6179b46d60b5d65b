"""One person: the number in a sentence, over the contacts of its time, why, and what the team says, does and decides.

Without a current number the page says why, and shows the last contacts: silence is never a blank page.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from crisisrisk.database.emergency import open_until
from crisisrisk.errors import CrisisRiskError
from crisisrisk.serving.access import CareViewer, OwnPerson, Viewer
from crisisrisk.serving.afterwards import NUMBERS_AFTERWARDS
from crisisrisk.serving.care_answers import FeedbackGiven
from crisisrisk.serving.pages.board import fresh, said_once
from crisisrisk.serving.pages.caseload_view import CameFrom, ListBefore
from crisisrisk.serving.pages.drawing import hundred_of
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.kinds import WOKEN_BY, Kinds, near_top_said, reached_said
from crisisrisk.serving.pages.led_to import models_since, query_led_to
from crisisrisk.serving.pages.looks import looks_at
from crisisrisk.serving.pages.notes import Late, notes_of
from crisisrisk.serving.pages.page import Local, page
from crisisrisk.serving.pages.sending import SAID, Said, SentWrongly, listed_errors
from crisisrisk.serving.pages.timeline import timeline_of
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.risk_answers import RiskChanges, RiskHistory, RiskReasons
from crisisrisk.serving.routes.care import (
    ContactsQuery,
    contacts,
    person_feedback,
    person_queries,
    person_reviews,
    person_snoozes,
)
from crisisrisk.serving.routes.risk import ChangesQuery, changes, history, reasons
from crisisrisk.serving.state import Service, ServiceOf

person_pages = APIRouter(tags=["pages"], include_in_schema=False)

LAST = 20
VERDICTS = {"agree": "I agree", "disagree": "I disagree", "acted": "I have acted on it"}
REASONS = {
    "": "No reason given", "knows_more": "I know something that is not in the records",
    "data_wrong": "Records are wrong", "acted_already": "We had acted already", "other": "Another reason",
}  # fmt: skip
DECISIONS = {
    "no_change": "Go on as before", "contact": "Get in touch", "crisis_plan": "Make or review the crisis plan",
    "referred": "Refer to another service", "discussed_in_team": "Discussed in the team", "other": "Something else",
}  # fmt: skip
WAYS: Sequence[tuple[Literal["up", "down", "not_known"], str]] = (
    ("up", "Pushing it up"), ("down", "Pulling it down: why it is not higher"), ("not_known", "Not known"),
)  # fmt: skip
OTHER_DAY = "Choose a day before {day}, at most 24 weeks before it."
BUSY = "It cannot be worked out now: the service has just begun, or works out as many as it can. Ask again soon."
YOURS = " of your team's list"
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@person_pages.get("/people/{pid}")
def one_person(
    pid: OwnPerson, viewer: CareViewer, service: ServiceOf, before: ListBefore,
    since: Annotated[date | None, Query()] = None, said: Said | None = None,
) -> HTMLResponse:  # fmt: skip
    """Somebody on the caseload of the viewer's team now."""
    return person_page(service, viewer, pid, before=before, since=since, said=said)


def person_page(
    service: Service, viewer: Viewer, pid: str, *, before: CameFrom, since: date | None = None,
    said: Said | None = None, wrong: SentWrongly | None = None, form: str = "",
) -> HTMLResponse:  # fmt: skip
    """The page; with what is wrong about a form that it sent. `before`: the list it leads back to; `form`: which."""
    zone, kinds = service.settings.site.time_zone, Kinds(service.settings.site.sources)
    found = _number(service, viewer, pid, since=since, kinds=kinds)
    errors = {} if wrong is None else {f"{form}-{name}": text for name, text in wrong.errors.items()}
    given = {} if wrong is None else {f"{form}-{name}": text for name, text in wrong.given.items()}
    known = contacts(pid, viewer, ContactsQuery(limit=LAST), service)
    told = {
        **framed(service, viewer, here="caseload", about=found.get("reference")), "pid": pid, "kinds": kinds,
        "before": before, "contacts": known, "reached": reached_said(known.reached, kinds, Local(zone), known.now),
        **found, **_said_before(service, viewer, pid, found.get("told"), kinds=kinds),
        "looks": looks_at(service, pid, Local(zone)), "opened_until": _opened_until(service, viewer, pid),
        "said": None if said is None else SAID[said], "errors": errors, "errors_listed": listed_errors(errors),
        "given": given, "ways": WAYS, "verdicts": VERDICTS, "why_said": REASONS,
        "decisions": DECISIONS, "woken_by": WOKEN_BY,
        "in_a_week": (service.now() + WEEK).astimezone(zone).date(),
    }  # fmt: skip
    return page("person.jinja", told, zone=zone, status=200 if wrong is None else 422)


def _opened_until(service: Service, viewer: Viewer, pid: str) -> datetime | None:
    """Until when somebody of another team is open in an emergency; None for the own team's people."""
    if viewer.team is not None and service.view().caseloads.has(viewer.team, pid, service.now()):
        return None
    return open_until(service.engine, pid, made_by=viewer.key_id, now=service.clock.now())


def _number(
    service: Service, viewer: Viewer, pid: str, *, since: date | None, kinds: Kinds
) -> dict[str, Any]:  # fmt: skip
    """All that is said of the current number; or why there is none."""
    zone = service.settings.site.time_zone
    try:
        told, why = history(pid, viewer, service), reasons(pid, viewer, service)
    except NoAnswerError as nothing:
        return {"no_number": nothing.problem, "stands_at": nothing.members.get("as_of")}
    except CrisisRiskError:  # the model does not answer; what happened to the person is known all the same
        return {"no_number": "the model that gives numbers does not answer now", "stands_at": None}
    local, known, caveats = Local(zone), fresh(service, told), said_once(service, told)
    why = _late_once(why, known["late"])
    moved, not_moved = (None, None) if since is None else _changes(service, viewer, pid, since, as_of=told.as_of)
    return {
        "told": told, "why": why,
        "afterwards": NUMBERS_AFTERWARDS if any(one.made_afterwards for one in told.scores) else None,
        "reference": told.reference, "near_top": near_top_said(told.near_top_weeks, YOURS), **known, "caveats": caveats,
        "moved": moved, "not_moved": not_moved, "since": since or (told.as_of - WEEK).astimezone(zone).date(),
        "first_day": (told.since + DAY).astimezone(zone).date(), "last_day": told.as_of.astimezone(zone).date(),
        "hundred": hundred_of(told.likely_in_100, _of_100(told.upper)), "timeline": timeline_of(told, kinds, local),
        "notes": notes_of(why, local, caveats=caveats, late=known["late"]),
    }  # fmt: skip


def _late_once(why: RiskReasons, late: Late) -> RiskReasons:
    """Without the reasons that say of an agency what is said of it already: since when it is silent."""
    others = [one for one in why.not_known if not any(one.text.startswith(f"{name} ") for name, _ in late)]
    return why.model_copy(update={"not_known": others})


def _of_100(chance: float | None) -> float | None:
    return None if chance is None else round(100 * chance, 1)


def _changes(
    service: Service, viewer: Viewer, pid: str, since: date, *, as_of: datetime
) -> tuple[RiskChanges | None, str | None]:  # fmt: skip
    """What changed; or why that is not said."""
    zone = service.settings.site.time_zone
    moment = datetime.combine(since, time(), tzinfo=zone)
    try:
        return changes(pid, viewer, ChangesQuery(since=moment), service), None
    except NoAnswerError as nothing:
        if nothing.code == "CR-HTTP-503":
            return None, BUSY
        return None, OTHER_DAY.format(day=Local(zone).date(as_of)) if "problems" in nothing.members else nothing.problem


def _said_before(
    service: Service, viewer: Viewer, pid: str, told: RiskHistory | None, *, kinds: Kinds
) -> dict[str, Any]:  # fmt: skip
    """What the team said, decided and asked about somebody, and what it led to."""
    local, queries = Local(service.settings.site.time_zone), person_queries(pid, viewer, service).queries
    answers, now = person_feedback(pid, viewer, service).feedback, service.now()
    try:
        snoozes = person_snoozes(pid, viewer, service).snoozes
    except CrisisRiskError:  # whether one lasts depends on the number, which no model gives now
        snoozes = []
    return {
        "answers": answers, "due": _due(answers, now), "snoozes": snoozes,
        "asleep": next((one for one in snoozes if one.asleep), None),
        "reviews": person_reviews(pid, viewer, service).reviews,
        "queries": [query_led_to(one, kinds, local, None if told is None else told.as_of) for one in queries],
        "asked_about": {one.event_id for one in queries if one.answered_at is None},
        "models_since": {} if told is None else models_since(answers, told.model_changes, local),
    }  # fmt: skip


def _due(answers: Sequence[FeedbackGiven], now: datetime) -> FeedbackGiven | None:
    """The answer whose second step is due the longest; of who said something of one number again, the last alone."""
    followed = {one.follows for one in answers}
    last = {
        (one.made_by, one.reference or one.number): one for one in reversed(answers) if one.follows is None
    }.values()
    due = [one for one in last if one.asked_again_at and one.asked_again_at <= now and one.number not in followed]
    return min(due, key=lambda one: one.number, default=None)
