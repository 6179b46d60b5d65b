"""The caseload: who comes first whatever the score, then the list by what is new or due, and what a team says of it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from crisisrisk.serving.access import CareViewer, Viewer
from crisisrisk.serving.asked_care import CapacityAsked
from crisisrisk.serving.care_answers import FeedbackGiven
from crisisrisk.serving.caseload_answers import Caseload, CaseloadPerson, CaseloadUnscored, Tab
from crisisrisk.serving.pages.board import fresh, said_once
from crisisrisk.serving.pages.caseload_view import (
    ONLY,
    ORDERS,
    PAGE,
    TABS,
    CaseloadAsked,
    CaseloadView,
    age_said,
    choices_of,
    kept_of,
    orders_of,
    sent_from,
    snooze_days,
)
from crisisrisk.serving.pages.drawing import spark_of, top_of
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.in_place import InPlace, address_of
from crisisrisk.serving.pages.kinds import WOKEN_BY, Kinds, came_since, changed, near_top_said, reached_said
from crisisrisk.serving.pages.page import Local, counted, lower_first, page
from crisisrisk.serving.pages.sending import SAID, Said, SentWrongly, back_to, listed_errors, sent
from crisisrisk.serving.problems import nothing_here
from crisisrisk.serving.routes.care import TeamFeedbackQuery, team_feedback
from crisisrisk.serving.routes.caseload import caseload, say_capacity, say_seen
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.team_weeks import LONG

caseload_pages = APIRouter(tags=["pages"], include_in_schema=False)

HEADINGS: Mapping[Tab, str] = {**TABS, "all": "Everybody with a number"}
EMPTY: Mapping[Tab, str] = {
    "new_or_changed": "Nobody is new, has changed, or has been near the top for weeks. This does not say that all is "
    "well: everybody with a number is on the tab All.",
    "all": "Nobody here has a current number. Why stands above.",
    "review_due": "Everybody with a number was reviewed within the last four weeks.",
    "snoozed": "Nobody is snoozed.",
}
STEP = 25
ANSWERS = 1_000


@caseload_pages.get(PAGE)
def my_caseload(
    request: Request, viewer: CareViewer, service: ServiceOf, asked: Annotated[CaseloadAsked, Query()],
    in_place: InPlace,
) -> HTMLResponse:  # fmt: skip
    """One's own people, or those of the whole team."""
    view = CaseloadView.model_validate(asked.model_dump(exclude={"said"}))
    shown = caseload_page(service, viewer, view, said=asked.said, in_place=in_place)
    if in_place:
        shown.headers.update(address_of(request, f"{view.of(viewer).here}#list-heading"))
    return shown


@caseload_pages.post("/caseload/seen")
def seen(request: Request, viewer: CareViewer, service: ServiceOf) -> Response:
    """Say that the list was looked through."""
    say_seen(_team(viewer), viewer, service)
    return back_to((sent_from(request) or CaseloadView()).here, "seen")


@caseload_pages.post("/caseload/capacity")
def capacity(request: Request, viewer: CareViewer, service: ServiceOf, in_place: InPlace) -> Response:
    """Say what the team can manage in a week."""
    team, view = _team(viewer), sent_from(request) or CaseloadView()
    try:
        say_capacity(team, viewer, sent(request, CapacityAsked), service)
    except SentWrongly as wrong:
        return caseload_page(service, viewer, view, wrong=wrong, in_place=in_place)
    return back_to(view.here, "capacity")


def caseload_page(
    service: Service, viewer: Viewer, view: CaseloadView, *, said: Said | None = None,
    wrong: SentWrongly | None = None, in_place: bool = False,
) -> HTMLResponse:  # fmt: skip
    """The page; with what is wrong about a form that it sent. `in_place`: as a script puts it into the page."""
    team, zone, view = _team(viewer), service.settings.site.time_zone, view.of(viewer)
    listed = caseload(team, viewer, view.asked, service)
    kinds, errors = Kinds(service.settings.site.sources), {} if wrong is None else wrong.errors
    told = {
        **framed(service, viewer, here="caseload", about=getattr(listed, "reference", None)),
        **_about(service, team, listed), "view": view, "list_kept": kept_of(view, viewer),
        "has_own": viewer.worker is not None, "tabs": TABS,
        "kinds": kinds, "said": None if said is None else SAID[said], "errors": errors,
         "errors_listed": listed_errors(errors), "given": {} if wrong is None else wrong.given,
        "snooze_days": snooze_days(service),
    }  # fmt: skip
    if isinstance(listed, Caseload):
        told |= _numbers(service, listed, view, kinds=kinds, local=Local(zone))
        told["aloud"] = _aloud(told)
    return page("caseload.jinja", told, zone=zone, status=200 if wrong is None else 422, in_place=in_place)


def _aloud(told: Mapping[str, Any]) -> str:
    """What is said of a list that comes in place of another, to who does not see it."""
    if not told["rows"]:
        return f"{told['heading']}: nobody."
    only = "" if told["only"] is None else f" Only some: {lower_first(told['only'])}."
    return f"{told['heading']}: {counted(len(told['rows']), 'person', 'people')}. {told['order']}.{only}"


def _team(viewer: Viewer) -> str:
    if viewer.team is None:
        raise nothing_here()
    return viewer.team


def _about(service: Service, team: str, listed: Caseload | CaseloadUnscored) -> dict[str, Any]:
    """What stands above and beside every list."""
    named = service.settings.site.teams
    by_state: dict[str, list[str]] = {}
    for one in listed.pinned:
        by_state.setdefault(one.meaning, []).append(one.person_id)
    return {
        "team_name": named[team].name if team in named else team, "listed": listed, "first": listed.first,
        "no_plans_recorded": "no_crisis_plan" in listed.not_recorded, "pinned": by_state, "caveats": listed.caveats,
    }  # fmt: skip


def _numbers(
    service: Service, listed: Caseload, view: CaseloadView, *, kinds: Kinds, local: Local
) -> dict[str, Any]:  # fmt: skip
    """The list, and what is said of all its numbers."""
    answers = team_feedback(listed.team, TeamFeedbackQuery(due=False, limit=ANSWERS), service).feedback
    asked, shown = view.limit or listed.capacity.people_a_week, len(listed.people)
    most = service.settings.service.limits.list_length
    left = min(listed.people_on_list, most) - shown
    return {
        **fresh(service, listed), "caveats": said_once(service, listed), "rows": _rows(listed, answers, kinds, local),
        "all_new": _all_new(listed), "all_first": _all_first(listed),
        "other_model": any(one.change.other_model for one in listed.people), "due": _due(service, listed),
        "line_after": listed.capacity.people_a_week if view.is_whole else None,
        "more": view.to(limit=min(max(asked, shown) + STEP, most)) if left > 0 else None,
        "empty": EMPTY[listed.tab if listed.people_scored else "all"],
        "order": ORDERS[view.order], "heading": HEADINGS[listed.tab],
        "only": None if view.only is None else ONLY[view.only],
        "orders": orders_of(listed.tab), "choices": choices_of(view, listed),
    }  # fmt: skip


def _due(service: Service, listed: Caseload) -> Sequence[str]:
    """Of whom the team's answer is asked for again: of one's own people, where these are shown."""
    due = team_feedback(listed.team, TeamFeedbackQuery(due=True, limit=ANSWERS), service).feedback
    caseloads, now = service.view().caseloads, service.now()
    return [
        person for person in dict.fromkeys(one.person_id for one in due)
        if listed.worker is None or caseloads.worker_of(listed.team, person, now) == listed.worker
    ]  # fmt: skip


def _rows(
    listed: Caseload, answers: Sequence[FeedbackGiven], kinds: Kinds, local: Local
) -> list[dict[str, Any]]:  # fmt: skip
    """Lines with what pages say of them. The drawings of one page have one scale."""
    top, all_new, first = top_of([one.weeks for one in listed.people]), _all_new(listed), _all_first(listed)
    said = {one.person_id: one for one in reversed(answers) if one.reference == listed.reference}
    return [
        {
            "person": one, "change": "" if first else changed(one, local), "since": came_since(one, kinds),
            "spark": spark_of(one.weeks, top=top),
            "plan_age": None if one.crisis_plan is None else age_said(one.crisis_plan, listed.as_of),
            "tags": _tags(one, local, all_new=all_new),
            "reached": reached_said(one.reached, kinds, local, listed.as_of) if one.near_top_weeks >= LONG else "",
            "answer": said.get(one.person_id),
        }
        for one in listed.people
    ]  # fmt: skip


def _all_new(listed: Caseload) -> bool:
    return all(one.new_since_seen for one in listed.people)


def _all_first(listed: Caseload) -> bool:
    """Whether nobody listed had a number a week ago, as at a site that has begun."""
    return all(one.change.as_of is None for one in listed.people)


def _tags(one: CaseloadPerson, local: Local, *, all_new: bool) -> list[str]:
    """What is said of somebody in a few words; what is said of everybody listed is said once above."""
    found = ["new since you last looked"] if one.new_since_seen and not all_new else []
    if near_top := near_top_said(one.near_top_weeks):
        found.append(near_top)
    if one.woken_by is not None:
        found.append(f"snooze ended {WOKEN_BY.get(one.woken_by, one.woken_by)}")
    if one.snoozed_until is not None:
        found.append(f"snoozed until {local.date(one.snoozed_until)}")
    return [*found, "known here for a short time"] if one.thin_history else found
