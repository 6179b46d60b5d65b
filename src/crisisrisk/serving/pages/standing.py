"""Where teams stand in a shift: asking for plans, standing elsewhere with a reason, and sites that take nobody."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from crisisrisk.database.plans import StoredPlan, plans_of
from crisisrisk.errors import DataError, UsageError
from crisisrisk.positioning.care import STANDING
from crisisrisk.positioning.site_names import SiteNames
from crisisrisk.serving.access import PlanViewer, Viewer
from crisisrisk.serving.asked import PlanChosen
from crisisrisk.serving.bodies import form_of
from crisisrisk.serving.briefing import Brief, brief_of
from crisisrisk.serving.further_plans import ORDINALS
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.in_place import InPlace
from crisisrisk.serving.pages.page import Local, page
from crisisrisk.serving.pages.sending import SAID, Said, SentWrongly, back_to, listed_errors
from crisisrisk.serving.pages.standing_forms import (
    MOST_ROWS,
    ROWS,
    change_asked,
    plan_asked,
    status_asked,
)
from crisisrisk.serving.plan_answers import Adjustment, Positions, SiteShown
from crisisrisk.serving.problems import NoAnswerError, nothing_here
from crisisrisk.serving.routes.plans import changed_plan, positions, positions_said, use
from crisisrisk.serving.routes.sites import listed, put_status
from crisisrisk.serving.sheet_content import near_said
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.wording import LIVE_CALLS_FIRST, OTHER_FORECAST

standing_pages = APIRouter(tags=["pages"], include_in_schema=False)

MOST_TOLD = 6
"""Plans that are listed, the newest first."""
PlanOfPage = Annotated[str, Query(max_length=20)]
ShiftOfPage = Annotated[str, Path(alias="id")]
STATES: Mapping[str, str] = {"full": "Full", "closed": "Closed", "open": "Open again"}
STAFF: Mapping[str, str] = {"2": "Two or more", "1": "One, alone"}
GROUPS: Mapping[str, str] = {"most deprived fifth": "The most deprived fifth of places", "country": "The country"}
NO_SITE = "Choose a site from the list"


@standing_pages.get("/shifts/{id}/positions")
def standing(
    shift_id: ShiftOfPage, viewer: PlanViewer, service: ServiceOf, said: Said | None = None,
    plan: PlanOfPage | None = None, in_place: InPlace = False,
) -> HTMLResponse:  # fmt: skip
    """The plan of a shift, or one that was asked for, and the forms to make, use, change and limit plans."""
    return _page(service, viewer, shift_id, said=said, named=plan, in_place=in_place)


@standing_pages.post("/shifts/{id}/positions")
def ask_for_plans(
    shift_id: ShiftOfPage, request: Request, viewer: PlanViewer, service: ServiceOf, in_place: InPlace
) -> Response:  # fmt: skip
    """Make plans for the teams of the form, and keep them; they are used only where that button was pressed."""
    form, made = _form(request), list[Positions]()
    wrong = _tried(lambda: made.append(positions(shift_id, viewer, plan_asked(form), service)), form, "teams")
    if wrong is not None:
        return _page(service, viewer, shift_id, wrong=wrong, in_place=in_place)
    path = f"/shifts/{shift_id}/positions"
    return back_to(path, "plan") if made[0].in_use else back_to(f"{path}?plan={made[0].reference}", "tried")


@standing_pages.post("/shifts/{id}/positions/use")
def use_a_plan(shift_id: ShiftOfPage, request: Request, viewer: PlanViewer, service: ServiceOf) -> Response:
    """Make a plan that was asked for the plan of the shift, the second or third of those made at once too; or take a
    change of it back."""
    form = _form(request)
    try:
        asked = PlanChosen.model_validate({"plan": form.get("plan", ""), "which": form.get("which", 1)})
    except ValidationError:
        raise nothing_here() from None
    use(shift_id, viewer, asked, service)
    return back_to(f"/shifts/{shift_id}/positions", "plan")


@standing_pages.post("/shifts/{id}/positions/change")
def change(
    shift_id: ShiftOfPage, request: Request, viewer: PlanViewer, service: ServiceOf, in_place: InPlace
) -> Response:  # fmt: skip
    """Stand elsewhere than the plan says; the page tells what that covers and which rules it leaves."""
    form, brief, kept = _form(request), brief_of(service, shift_id), []
    zone = service.settings.site.time_zone
    wrong = _tried(
        lambda: kept.append(changed_plan(service, viewer, shift_id, change_asked(form, brief.stored, zone))),
        form, "posts",
    )  # fmt: skip
    return _page(service, viewer, shift_id, wrong=wrong, kept=kept[0] if kept else None, in_place=in_place)


@standing_pages.post("/shifts/{id}/sites")
def say_of_site(
    shift_id: ShiftOfPage, request: Request, viewer: PlanViewer, service: ServiceOf, in_place: InPlace
) -> Response:  # fmt: skip
    """Say that a site is full or closed in a shift, or open again."""
    form, brief = _form(request), brief_of(service, shift_id)
    if form.get("site_id") not in {site.id for site in listed(viewer, service).sites}:
        return _page(service, viewer, shift_id, wrong=SentWrongly({"site_id": NO_SITE}, form), in_place=in_place)
    zone = service.settings.site.time_zone
    wrong = _tried(
        lambda: put_status(form["site_id"], viewer, status_asked(form, brief.stored, zone, service.now()), service),
        form, "site-until",
    )  # fmt: skip
    return back_to(f"/shifts/{shift_id}/positions", "site") if wrong is None else _page(
        service, viewer, shift_id, wrong=wrong, in_place=in_place
    )  # fmt: skip


def _form(request: Request) -> dict[str, str]:
    return {name: value.strip() for name, value in form_of(request).items() if name != "form_token"}


def _tried(do: Callable[[], object], form: Mapping[str, str], field: str) -> SentWrongly | None:
    """What is wrong about a form, once it was tried; what has no answer at all is told by its own page."""
    try:
        do()
    except SentWrongly as wrong:
        return wrong
    except (UsageError, DataError) as wrong:
        hints = [f"Wanted: {wrong.wanted}." if wrong.wanted else "", f"Found: {wrong.found}." if wrong.found else ""]
        return SentWrongly({field: " ".join(filter(None, [f"{wrong.problem}.", *hints]))}, form)
    except NoAnswerError as refused:
        problems: list[dict[str, Any]] = refused.members.get("problems", [])
        if not problems:
            raise
        return SentWrongly({field: "; ".join(str(one["problem"]) for one in problems)}, form)
    return None


def _page(
    service: Service, viewer: Viewer, shift_id: str, *, said: Said | None = None, wrong: SentWrongly | None = None,
    kept: Adjustment | None = None, named: str | None = None, in_place: bool = False,
) -> HTMLResponse:  # fmt: skip
    used, zone = brief_of(service, shift_id), service.settings.site.time_zone
    made = plans_of(service.engine, shift_id, most=MOST_TOLD)
    plan = _shown(service, used, made, named or ("" if wrong is None else wrong.given.get("plan", "")))
    in_use = plan is not None and used.plan is not None and plan.number == used.plan.number
    brief = used if in_use else replace(used, plan=plan, override=None)
    told = None if plan is None else positions_said(service, brief.stored, plan, in_use=in_use)
    sites, errors = listed(viewer, service).sites, {} if wrong is None else wrong.errors
    given = {**_before(brief, Local(zone)), **({} if wrong is None else wrong.given)}
    rule = service.settings.site.positions
    alone = None if rule.lone_working_until is None else (rule.lone_working_until, rule.lone_working_from)
    shown = {
        **framed(service, viewer, here="board", about=None if told is None else told.reference),
        "shift_id": shift_id, "stored": brief.stored, "told": told, "override": brief.override, "kept": kept,
        "further": brief.further, "ordinals": ORDINALS,
        "left": [] if kept is None else [Local(zone).told(one) for one in kept.caveats if one != LIVE_CALLS_FIRST],
        "other_forecast": OTHER_FORECAST if brief.of_another_forecast else None, "shut": brief.shut,
        "posts": brief.posts, "near": [(post, near_said(brief, post, zone)) for post in brief.posts],
        "out": brief.out, "over": brief.stored.end <= service.now(), "names": brief.names,
        "standing": _options(brief.names, sites, STANDING),
        "every_site": _options(brief.names, sites, ()), "rows": _rows(service, brief, given), "alone": alone,
        "staff": STAFF, "begun": brief.stored.start <= service.now(), "states": STATES, "groups": GROUPS,
        "given": given, "errors": errors, "errors_listed": listed_errors(errors),
        "said": None if said is None else SAID[said], "made": made, "used": used.plan,
    }  # fmt: skip
    return page("standing.jinja", shown, zone=zone, status=200 if wrong is None else 422, in_place=in_place)


def _shown(service: Service, used: Brief, made: Sequence[StoredPlan], named: str) -> StoredPlan | None:
    """The plan that is named, else the one in use, else the last asked for. Raises NoAnswerError where it is none."""
    if not named:
        return used.plan or next(iter(made), None)
    every = made if any(f"P-{one.number}" == named for one in made) else plans_of(service.engine, used.stored.shift_id)
    found = [one for one in every if f"P-{one.number}" == named]
    if not found:
        raise nothing_here()
    return found[0]


def _options(names: SiteNames, sites: Sequence[SiteShown], kinds: Sequence[str]) -> dict[str, str]:
    """Sites by id, in words and by their order; of every kind where none is named."""
    said = {site.id: names.in_list(site.id, site.kind) for site in sites if not kinds or site.kind in kinds}
    return dict(sorted(said.items(), key=lambda one: one[1].casefold()))


def _before(brief: Brief, local: Local) -> dict[str, str]:
    """What the forms hold at first: the teams and wishes of the plan made last, and where they stand by now."""
    asked = {} if brief.plan is None else brief.plan.asked
    found = {"target_minutes": f"{asked.get('target_minutes', 15):g}", "site-state": "full"}
    floors: Mapping[str, float] = asked.get("floors") or {}
    for group, share in list(floors.items())[:1]:
        found |= {"floor_group": group, "floor": f"{100 * share:.0f}"}
    teams = asked.get("teams")
    for number, team in enumerate(teams if isinstance(teams, list) else [], start=1):
        found |= {f"{name}-{number}": str(team[name]) for name in ("name", "base", "staff", "starts", "ends")
                  if team.get(name)}  # fmt: skip
        found |= {f"skills-{number}": ", ".join(team.get("skills", []))}
        found |= {f"fixed-{number}": "yes"} if team.get("may_stand") == [team.get("base")] else {}
    for number, post in enumerate(brief.posts, start=1):
        found |= {f"site-{number}": post.site_id, f"from-{number}": local.time(post.start),
                  f"to-{number}": local.time(post.end)}  # fmt: skip
    return found


def _rows(service: Service, brief: Brief, given: dict[str, str]) -> list[int]:
    """The numbers of the rows for teams: those of before, or the site's own for this shift, and some that are empty."""
    of_site = brief.plan is None or brief.plan.asked.get("teams") is None
    if of_site and not any(given.get(f"name-{number}") for number in range(1, MOST_ROWS + 1)):
        declared = [
            team for team in service.settings.site.mobile_teams
            if not team.shifts or brief.stored.shift_name in team.shifts
        ][:MOST_ROWS]  # fmt: skip
        for number, team in enumerate(declared, start=1):
            given |= {f"name-{number}": team.name, f"base-{number}": team.base, f"skills-{number}":
                      ", ".join(team.skills), f"staff-{number}": "1" if team.staff == 1 else "2"}  # fmt: skip
    filled = max((number for number in range(1, MOST_ROWS + 1) if given.get(f"name-{number}")), default=0)
    return list(range(1, min(max(ROWS, filled + 1), MOST_ROWS) + 1))
