"""What a coordinator notes about a shift, and the places that are set aside or added, by plain forms."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from crisisrisk.serving.access import PlanViewer, Viewer
from crisisrisk.serving.asked import NoteAsked
from crisisrisk.serving.briefing import brief_of
from crisisrisk.serving.noting import noted, told_of
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.in_place import InPlace
from crisisrisk.serving.pages.page import page
from crisisrisk.serving.pages.sending import SAID, Said, SentWrongly, back_to, given_in, listed_errors
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.state import Service, ServiceOf

shift_note_pages = APIRouter(tags=["pages"], include_in_schema=False)

ShiftOfPage = Annotated[str, Path(alias="id")]
WHAT: Mapping[str, str] = {
    "suppress": "Set it aside: off the list of the highest", "add": "Add it to the list of the highest",
    "note": "Only note something about it",
}  # fmt: skip
SAY_WHY = "Say it in a few words, without names and NHS numbers"
WANTED: Mapping[str, str] = {"kind": "Choose what is to be done", "place_id": "Choose a place from the list"}
FIELDS = ("kind", "place_id", "withdraws", "reason")


@shift_note_pages.get("/shifts/{id}/notes")
def notes(
    shift_id: ShiftOfPage, viewer: PlanViewer, service: ServiceOf, said: Said | None = None,
    place: Annotated[str, Query(max_length=100)] = "", in_place: InPlace = False,
) -> HTMLResponse:  # fmt: skip
    """The notes that stand, and the forms to write one, set a place aside or add it, and take a note back."""
    given = {"place_id": place, "kind": "suppress"}
    return _page(service, viewer, shift_id, said=said, given=given, in_place=in_place)


@shift_note_pages.post("/shifts/{id}/notes")
def note(
    shift_id: ShiftOfPage, request: Request, viewer: PlanViewer, service: ServiceOf, in_place: InPlace
) -> Response:  # fmt: skip
    """Keep what one of the forms says."""
    given = given_in(request, FIELDS)
    try:
        kept = noted(service, viewer, shift_id, _asked(given))
    except SentWrongly as wrong:
        return _page(service, viewer, shift_id, wrong=wrong, in_place=in_place)
    except NoAnswerError as refused:
        if "problems" not in refused.members:
            raise
        wrong_place = SentWrongly({"place_id": WANTED["place_id"]}, given)
        return _page(service, viewer, shift_id, wrong=wrong_place, in_place=in_place)
    return back_to(f"/shifts/{shift_id}/notes", "withdrawn" if kept.kind == "withdraw" else "note")


def _asked(given: Mapping[str, str]) -> NoteAsked:
    """The form as a body of the API. Raises SentWrongly, by the field of the form that it came from."""
    if given["kind"] in ("suppress", "add") and not given["place_id"]:
        raise SentWrongly({"place_id": WANTED["place_id"]}, given)
    try:
        return NoteAsked.model_validate({name: value for name, value in given.items() if value})
    except ValidationError as wrong:
        fields = {str(one["loc"][0]) for one in wrong.errors() if one["loc"]}
        why = "reason" if given["place_id"] else "words"
        raise SentWrongly({why if name == "reason" else name: WANTED.get(name, SAY_WHY) for name in sorted(fields)},
                          {**given, why: given["reason"]}) from None  # fmt: skip


def _page(
    service: Service, viewer: Viewer, shift_id: str, *, said: Said | None = None, wrong: SentWrongly | None = None,
    given: Mapping[str, str] | None = None, in_place: bool = False,
) -> HTMLResponse:  # fmt: skip
    brief, errors = brief_of(service, shift_id), {} if wrong is None else wrong.errors
    told: dict[str, Any] = {
        **framed(service, viewer, here="board", about=f"S-{brief.stored.run.number}"), "shift_id": shift_id,
        "stored": brief.stored, "notes": list(reversed(brief.notes)), "over": service.now() >= brief.stored.end,
        "about_of": {one.number: told_of(one, brief.cells) for one in brief.notes}, "what": WHAT,
        "places": {cell.place_id: f"{cell.place_name} (rank {cell.rank})" for cell in brief.cells},
        "given": given if wrong is None else wrong.given, "errors": errors, "errors_listed": listed_errors(errors),
        "said": None if said is None else SAID[said],
    }  # fmt: skip
    zone = service.settings.site.time_zone
    return page("shift_notes.jinja", told, zone=zone, status=200 if wrong is None else 422, in_place=in_place)
