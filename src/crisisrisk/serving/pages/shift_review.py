"""The morning after: what came beside what was forecast, place by place, and whether the forecast was useful."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from crisisrisk.serving.access import PlanViewer, Viewer
from crisisrisk.serving.afterwards import FORECAST_AFTERWARDS
from crisisrisk.serving.answers import ShiftForecast
from crisisrisk.serving.asked_care import ShiftFeedbackAsked
from crisisrisk.serving.care_answers import ShiftFeedbackGiven
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.in_place import InPlace
from crisisrisk.serving.pages.page import Local, number, page, span
from crisisrisk.serving.pages.sending import SAID, Said, SentWrongly, back_to, listed_errors, sent, sent_in_place
from crisisrisk.serving.place_answers import PlaceReviewed
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.routes.plans import review
from crisisrisk.serving.routes.shift_feedback import give, given
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.wording import NOT_ALL_RECORDED, in_minutes

shift_review_pages = APIRouter(tags=["pages"], include_in_schema=False)

ShiftOfPage = Annotated[str, Path(alias="id")]
OUTCOMES = {"hit": "Came, as listed", "miss": "Came, not listed", "none": "None known"}
VERDICTS = {"useful": "useful", "not_useful": "not useful"}


@shift_review_pages.get("/shifts/{id}/review")
def reviewed(
    shift_id: ShiftOfPage, viewer: PlanViewer, service: ServiceOf, said: Said | None = None
) -> HTMLResponse:  # fmt: skip
    """A shift that is over. Places only: nothing here says who came."""
    return _page(service, viewer, shift_id, said=said)


@shift_review_pages.post("/shifts/{id}/review")
def say(
    shift_id: ShiftOfPage, request: Request, viewer: PlanViewer, service: ServiceOf, in_place: InPlace
) -> Response:  # fmt: skip
    """Keep whether the forecast was useful, as a whole or at one place."""
    if in_place:
        answer = give(shift_id, viewer, sent_in_place(request, ShiftFeedbackAsked), service)
        told = {"about": "shift", "answer": answer, "verdicts": VERDICTS, "said": SAID["useful"]}
        return page("answered.jinja", told, zone=service.settings.site.time_zone)
    try:
        give(shift_id, viewer, sent(request, ShiftFeedbackAsked), service)
    except SentWrongly as wrong:
        return _page(service, viewer, shift_id, wrong=wrong)
    except NoAnswerError as refused:
        if "problems" not in refused.members:
            raise
        return _page(service, viewer, shift_id, wrong=SentWrongly({"verdict": "Choose a place of this forecast"}, {}))
    return back_to(f"/shifts/{shift_id}/review", "useful")


def _page(
    service: Service, viewer: Viewer, shift_id: str, *, said: Said | None = None, wrong: SentWrongly | None = None
) -> HTMLResponse:  # fmt: skip
    zone = service.settings.site.time_zone
    answer = review(shift_id, viewer, service)
    errors = {} if wrong is None else wrong.errors
    forecast, sources = answer.shift.forecast, service.settings.site.sources
    open_still = {name: moment for name, moment in sorted(answer.data_complete_to.items()) if moment < answer.shift.end}
    missing = {NOT_ALL_RECORDED.format(source=name, until=in_minutes(moment)) for name, moment in open_still.items()}
    told: dict[str, Any] = {
        **framed(service, viewer, here="board", about=None if forecast is None else forecast.reference),
        "shift": answer.shift, "headline": came_said(answer.contacts, forecast, all_in=not missing),
        "hits": hits_said(answer.places),
        "missing": [(sources[name].plural if name in sources else name, at) for name, at in open_still.items()],
        "afterwards": FORECAST_AFTERWARDS if FORECAST_AFTERWARDS in answer.caveats else None,
        "places": answer.places, "stood": answer.stood, "outcomes": OUTCOMES,
        "caveats": [Local(zone).told(one) for one in answer.caveats
                    if one not in missing and one != FORECAST_AFTERWARDS],
        "said_before": _said_before(given(shift_id, viewer, service).feedback), "verdicts": VERDICTS,
        "given": {} if wrong is None else wrong.given, "errors": errors, "errors_listed": listed_errors(errors),
        "said": None if said is None else SAID[said],
    }  # fmt: skip
    return page("shift_review.jinja", told, zone=zone, status=200 if wrong is None else 422)


def came_said(contacts: int, forecast: ShiftForecast | None, *, all_in: bool) -> str:
    """What came in the whole shift, beside the range that was forecast. Until `all_in` too few say nothing yet."""
    came = (f"{contacts} crisis contacts are known" if contacts > 1
            else "one crisis contact is known" if contacts else "no crisis contact is known")  # fmt: skip
    if forecast is None or forecast.lower is None or forecast.upper is None:
        return f"{came}. No range of the whole shift was forecast."
    usual = "" if forecast.usual is None else f" (usual {number(forecast.usual)})"
    if contacts < forecast.lower and not all_in:
        return f"{came} so far. The range that was forecast is {span(forecast.lower, forecast.upper)}{usual}."
    where = ("within" if forecast.lower <= contacts <= forecast.upper
             else "fewer than" if contacts < forecast.lower else "more than")  # fmt: skip
    return f"{came}, {where} the range that was forecast: {span(forecast.lower, forecast.upper)}{usual}."


def hits_said(places: Sequence[PlaceReviewed]) -> str:
    """How often the list was right, in a sentence."""
    on = [place for place in places if place.listed]
    hit = [place for place in on if place.came]
    contacts, inside = sum(place.came for place in places), sum(place.came for place in hit)
    said = f"Of the {len(on)} places that were listed {len(hit) or 'none'} had a contact."
    elsewhere = contacts - inside
    if not contacts:
        return said
    if not elsewhere:
        return f"{said} No contact came elsewhere."
    if not inside:
        return f"{said} {'The one contact' if contacts == 1 else f'All {contacts} contacts'} came elsewhere."
    return f"{said} Of {contacts} contacts {inside} came at these places and {elsewhere} elsewhere."


def _said_before(feedback: Sequence[ShiftFeedbackGiven]) -> dict[str, ShiftFeedbackGiven]:
    """What was said last of each place, and under an empty name of the whole."""
    return {one.place_id or "": one for one in reversed(feedback)}
