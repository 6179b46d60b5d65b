"""The shift board: what the shift looks like in a sentence, where, when, and who stands where.

It is made of what the API answers, so that a screen cannot say anything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import HTMLResponse
from sqlalchemy.exc import SQLAlchemyError

from crisisrisk.database.latest import StoredShift
from crisisrisk.database.runs import StoredRun
from crisisrisk.database.shift_notes import KeptNote, notes_of
from crisisrisk.errors import CrisisRiskError
from crisisrisk.serving.access import PlaceViewer, PlanViewer, Viewer
from crisisrisk.serving.answers import AreaForecast, Basis, Hotspot, Hotspots, ShiftForecast
from crisisrisk.serving.briefing import Brief, brief_of
from crisisrisk.serving.forecasts import Said, newest_forecast, shift_forecast
from crisisrisk.serving.further_plans import ORDINALS
from crisisrisk.serving.last_time import last_time
from crisisrisk.serving.noting import added, listed, set_aside, told_of
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.issued import earlier_of
from crisisrisk.serving.pages.map import map_of
from crisisrisk.serving.pages.page import Local, capital, number, page, span
from crisisrisk.serving.pages.steps import steps
from crisisrisk.serving.routes.board import Board, BoardQuery, best_board, on_rota
from crisisrisk.serving.routes.places import ShiftsQuery, shifts
from crisisrisk.serving.routes.places import shift as whole_shift
from crisisrisk.serving.sheet import SHEET_POLICY
from crisisrisk.serving.sheet_content import sheet_of
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.wording import LIVE_CALLS_FIRST, NO_PLAN, OTHER_FORECAST, Freshness
from crisisrisk.tables.cells import larger_place_of

board_pages = APIRouter(tags=["pages"], include_in_schema=False)

FIRST = 10
NAMED = 3
BUSIEST_SHARE = 0.5
"""Of the contacts: the shortest stretch of hours that holds so many is named."""
MODES: Mapping[str, str] = {
    "attendance": "Somebody attends", "telephone_advice": "Advice by telephone", "s136": "Section 136",
    "amhp_assessment": "AMHP assessment", "other": "Otherwise", "not_recorded": "Agencies do not say",
}  # fmt: skip


@board_pages.get("/shifts/next")
def next_board(
    viewer: PlaceViewer, service: ServiceOf, everything: Annotated[bool, Query(alias="all")] = False
) -> HTMLResponse:
    """The board of the shift that runs or, where nothing was forecast of it, of the first one that was."""
    return _board(service, viewer, _first_forecast(service, viewer), everything=everything)


@board_pages.get("/shifts/{id}")
def one_board(
    shift_id: Annotated[str, Path(alias="id")], viewer: PlaceViewer, service: ServiceOf,
    everything: Annotated[bool, Query(alias="all")] = False,
) -> HTMLResponse:  # fmt: skip
    """The board of a shift."""
    return _board(service, viewer, shift_id, everything=everything)


@board_pages.get("/shifts/{id}/print")
def printed(shift_id: Annotated[str, Path(alias="id")], _viewer: PlanViewer, service: ServiceOf) -> HTMLResponse:
    """The briefing on one side of A4."""
    sheet = sheet_of(brief_of(service, shift_id), service.settings.site.time_zone)
    return HTMLResponse(sheet.as_html(), headers={"Content-Security-Policy": SHEET_POLICY})


def _board(service: Service, viewer: Viewer, shift_id: str | None, *, everything: bool) -> HTMLResponse:
    limit = service.settings.service.limits.list_length
    board = best_board(viewer, BoardQuery(shift=shift_id, limit=limit), service)
    told = {**framed(service, viewer, here="board", about=None), **_told(service, viewer, board)}
    notes = told.get("notes", ())
    if not everything and "cells" in told:
        told["cells"] = _first(told["cells"], notes)
    zone = service.settings.site.time_zone
    return page("board.jinja", {**told, "everything": everything}, zone=zone)


def _first(places: Sequence[Hotspot], notes: Sequence[KeptNote]) -> list[Hotspot]:
    """The highest places as a coordinator left them: without those set aside, and with those that were added."""
    return listed(places, notes, FIRST + len(added(notes)))


def _first_forecast(service: Service, viewer: Viewer) -> str | None:
    """None where the best board has to find a shift by itself, as little as there may be."""
    try:
        listed = shifts(viewer, ShiftsQuery.model_validate({}), service)
    except (CrisisRiskError, SQLAlchemyError):
        return None
    return next((one.id for one in listed.shifts if one.end > listed.now and one.forecast is not None), None)


def _told(service: Service, viewer: Viewer, board: Board) -> dict[str, Any]:
    found: dict[str, Any] = {
        "level": board.level, "says": board.says, "why": board.why,
        "doubts": [one for one in board.why if not one.startswith("late: ")], "shift_id": board.shift_id,
        "shift_name": board.shift_id, "start": board.now, "headline": board.says, "usual": board.usual,
        "sheet": board.sheet, "sheet_made_at": board.sheet_made_at,
        "released": board.sheet is not None, "caveats": [LIVE_CALLS_FIRST],
    }  # fmt: skip
    if board.hotspots is None:
        shift = on_rota(service, board.shift_id, board.now)
        if shift is None:
            return found
        when = Local(service.settings.site.time_zone).of_shift(shift.start, shift.end)
        named = {"shift_name": shift.name, "start": shift.start, "headline": f"{when}: there is no forecast"}
        return found | named
    return {
        **found,
        **_of_forecast(service, viewer, board.hotspots, board.now),
        "steps": steps(service, viewer, board.hotspots.shift, board.now),
    }


def _of_forecast(service: Service, viewer: Viewer, hotspots: Hotspots, now: datetime) -> dict[str, Any]:
    shift, zone = hotspots.shift, service.settings.site.time_zone
    stored, cells = newest_forecast(service, shift.id)
    hours = hours_of(stored, Local(zone))
    whole = whole_shift(shift.id, viewer, service)
    forecast = shift.forecast
    notes = notes_of(service.engine, shift.id) if viewer.reaches("plan") else ()
    return {
        "shift_name": shift.name, "start": shift.start, "notes": notes, "out_of_list": set_aside(notes),
        "put_on": added(notes), "note_about": {note.number: told_of(note, cells) for note in notes},
        "headline": headline(forecast, shift.start, shift.end, Local(zone), now=now),
        "last": None if hotspots.released else last_time(service, stored),
        "cool_offs": {} if hotspots.released else service.cool_offs.of(stored, cells),
        "outlook": None if forecast is None or forecast.outlook is None else capital(forecast.outlook),
        "highest": [place.place_name for place in hotspots.places if place.place_id not in set_aside(notes)][:NAMED],
        "hours": hours,
        "hours_said": None if hours is None else f"Most likely between {hours.busiest}.",
        **fresh(service, hotspots), "widened": Freshness(service.settings, zone).widened(stored.run),
        "over": shift.end <= now, "made_at": hotspots.as_of, "model": hotspots.model, "reference": hotspots.reference,
        "released": hotspots.released, "cells": hotspots.places, "tiles": service.tiles,
        "map": map_of(hotspots.places, listed={place.place_id for place in _first(hotspots.places, notes)}),
        "places_forecast": len(hotspots.places), "modes": _modes(forecast),
        "areas": _areas(whole.areas, hotspots.places), "issued": whole.issued, "earlier": earlier_of(whole.issued),
        "paper": None if hotspots.released else on_paper(service, stored, Local(zone)),
        "caveats": said_once(service, hotspots, stored.run), "teams": _teams(service, viewer, shift.id),
    }  # fmt: skip


def headline(
    forecast: ShiftForecast | None, start: datetime, end: datetime, local: Local, *, now: datetime | None
) -> str:  # fmt: skip
    """The shift in a sentence, before any map. `now`: None where it is read at any time, as on paper."""
    which = "" if now is None else local.from_now(start, end, now)
    when = f"{which}, {local.stretch(start, end)}" if which else local.of_shift(start, end)
    if forecast is None or forecast.expected is None:
        return f"{when}: nothing of the whole shift may be shown here."
    usual = "" if forecast.usual is None else f", usual {number(forecast.usual)}"
    if forecast.lower is None or forecast.upper is None or forecast.outlook is None:
        return f"{when}: about {number(forecast.expected)} crisis contacts{usual}."
    looks = forecast.outlook.split(":")[0].replace("looks ordinary", "about as busy as usual")
    whole = f"{span(forecast.lower, forecast.upper)} crisis contacts{usual}"
    is_or_was = "was forecast to be" if now is not None and end <= now else "is likely to be"
    return f"{when}{',' if which else ''} {is_or_was} {looks}: {whole}."


def on_paper(service: Service, stored: StoredShift, local: Local) -> dict[str, Any]:
    """What a print of the live board says: of what may leave it alone."""
    said = Said(service, service.now(), zone=local.zone)
    whole = headline(shift_forecast(said, stored, released=True), stored.start, stored.end, local, now=None)
    return {"headline": whole, "end": stored.end, "handling": service.settings.service.briefing.handling}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One hour of a shift in a drawing."""

    x: float
    y: float
    width: float
    height: float
    hour: str


@dataclass(frozen=True, kw_only=True)
class Hours:
    """The hours of a shift: a bar for each, and the stretch in which half of the contacts come."""

    bars: Sequence[Bar]
    width: int
    busiest: str
    says: str


def hours_of(stored: StoredShift, local: Local) -> Hours | None:
    """Hour by hour; None for a forecast that does not say it."""
    shares = () if stored.total is None else stored.total.hourly
    if not shares or max(shares) <= 0:
        return None
    first, last = _densest(shares)
    starts = [stored.start + timedelta(hours=hour) for hour in range(len(shares) + 1)]
    until = min(starts[last + 1], stored.end)
    busiest = f"{local.time(starts[first])} and {local.time(until)}"
    bars = [
        Bar(x=4 + 40 * hour, y=round(72 - 64 * share / max(shares), 1), width=34,
            height=round(64 * share / max(shares), 1), hour=local.time(starts[hour])[:2])
        for hour, share in enumerate(shares)
    ]  # fmt: skip
    within = sum(shares[first : last + 1])
    return Hours(
        bars=bars, width=8 + 40 * len(shares), busiest=busiest,
        says=f"About {100 * within:.0f} in 100 of the contacts are expected between {busiest}.",
    )  # fmt: skip


def _densest(shares: Sequence[float]) -> tuple[int, int]:
    """The first and the last hour of the shortest stretch that holds half; the fullest of those that are as short."""
    for length in range(1, len(shares) + 1):
        best = max(range(len(shares) - length + 1), key=lambda first: sum(shares[first : first + length]))
        if sum(shares[best : best + length]) >= BUSIEST_SHARE:
            return best, best + length - 1
    return 0, len(shares) - 1


def fresh(service: Service, hotspots: Basis) -> dict[str, Any]:
    """Up to when anything is known, and since when each agency that is late is silent."""
    freshness = Freshness(service.settings)
    late = freshness.late(hotspots.data_complete_to, hotspots.as_of)
    known = freshness.newest_known(hotspots.data_complete_to)
    sources = service.settings.site.sources
    return {
        "known_to": max(known.values(), default=None),
        "late": [(sources[name].plural if name in sources else name, since) for name, since in late.items()],
    }


def _modes(forecast: ShiftForecast | None) -> list[tuple[str, float]]:
    said = {} if forecast is None else forecast.modes
    return [(MODES.get(name, name.replace("_", " ")), expected) for name, expected in said.items()]


def said_once(service: Service, hotspots: Basis, run: StoredRun | None = None) -> list[str]:
    """The caveats without those that say what is late, and wider for it: the page says that at its head, in words."""
    freshness = Freshness(service.settings)
    late = freshness.late(hotspots.data_complete_to, hotspots.as_of).items()
    said = {*(freshness.late_caveat(name, since) for name, since in late)}
    if run is not None:
        said |= {*freshness.widened(run)}
    return [caveat for caveat in hotspots.caveats if caveat not in said]


def _areas(areas: Sequence[AreaForecast], places: Sequence[Hotspot]) -> list[dict[str, Any]]:
    """Areas, the most contacts first. One without a name of its own is told by its highest place."""
    highest = {parent: place.place_name for place in reversed(places) if (parent := larger_place_of(place.place_id))}
    return [
        {**dict(area), "area_name": f"around {highest[area.area_id]}" if area.area_name == area.area_id
         and area.area_id in highest else area.area_name, "outlook": capital(area.outlook or "")}
        for area in sorted(areas, key=lambda area: -(area.expected or 0.0))
    ]  # fmt: skip


def _teams(service: Service, viewer: Viewer, shift_id: str) -> dict[str, Any] | None:
    if not viewer.reaches("plan"):
        return None
    brief = brief_of(service, shift_id)
    out = [{"site": brief.names.label(one.site), "state": one.state, "start": one.since, "end": one.until,
            "reason": one.reason} for one in brief.out]  # fmt: skip
    return {"says": plan_said(brief), "posts": brief.posts, "shut": brief.shut, "names": brief.names, "out": out,
            "other_forecast": OTHER_FORECAST if brief.of_another_forecast else None}  # fmt: skip


def plan_said(brief: Brief) -> str:
    """A plan, or its change, in a sentence."""
    if brief.plan is None:
        return NO_PLAN
    plans = brief.plan.answer["plans"]
    said = capital(str(plans[0]["reason"]))
    if brief.override is None:
        return said
    if brief.further is not None:
        ordinal = capital(ORDINALS[brief.further])
        return f"{ordinal} plan, chosen by the coordinator: {plans[brief.further - 1]['reason']}. The first was: {said}"
    return f"Changed by the coordinator: {brief.override.reason}. The plan was: {said}"
