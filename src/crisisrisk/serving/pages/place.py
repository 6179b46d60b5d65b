"""One place in one shift: what is expected there, why, when, and how often forecasts of it were right."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse

from crisisrisk.database.shift_notes import notes_of
from crisisrisk.serving.access import PlaceViewer
from crisisrisk.serving.answers import Hotspot
from crisisrisk.serving.forecasts import newest_forecast
from crisisrisk.serving.pages.board import fresh, hours_of, said_once
from crisisrisk.serving.pages.frame import framed
from crisisrisk.serving.pages.kinds import Kinds
from crisisrisk.serving.pages.page import Local, page
from crisisrisk.serving.place_record import came_lately, record_of
from crisisrisk.serving.problems import nothing_here
from crisisrisk.serving.routes.places import HotspotsQuery, board_of, is_release
from crisisrisk.serving.stand_near import stand_near
from crisisrisk.serving.state import ServiceOf
from crisisrisk.serving.wording import Freshness

place_pages = APIRouter(tags=["pages"], include_in_schema=False)

WHY = {"up": "Pushing it up", "down": "Pulling it down", "not_known": "Not known"}


@place_pages.get("/shifts/{id}/places/{place}")
def one_place(
    shift_id: Annotated[str, Path(alias="id")], place: str, viewer: PlaceViewer, service: ServiceOf
) -> HTMLResponse:
    """A place of a shift's forecast, as this viewer may see it."""
    stored, cells = newest_forecast(service, shift_id)
    query = HotspotsQuery.model_validate({"limit": service.settings.service.limits.list_length})
    hotspots = board_of(service, stored, cells, released=is_release(viewer, query), query=query)
    found = next((one for one in hotspots.places if one.place_id == place), None)
    if found is None:
        raise nothing_here()
    zone = service.settings.site.time_zone
    notes = notes_of(service.engine, shift_id) if viewer.reaches("plan") else ()
    told = {
        **framed(service, viewer, here="board", about=hotspots.reference), "place": found, "shift": hotspots.shift,
        "places_forecast": hotspots.places_forecast, "why": why(found), "hours": hours_of(stored, Local(zone)),
        "lately": came_lately(service, place, as_of=stored.run.meta.as_of, released=hotspots.released),
        "cool": None if hotspots.released else service.cool_offs.of(stored, cells).get(place),
        "kinds": Kinds(service.settings.site.sources),
        "record": record_of(service, stored.run.meta.model_name, stored.run.meta.run_id, place),
        "late": fresh(service, hotspots)["late"], "caveats": said_once(service, hotspots, stored.run),
        "widened": Freshness(service.settings, zone).widened(stored.run),
        "released": hotspots.released, "notes": [note for note in notes if note.place_id == place],
        "may_note": viewer.reaches("plan"),
        "stands": stand_near(service, found.latitude, found.longitude) if viewer.reaches("plan") else [],
    }  # fmt: skip
    return page("place.jinja", told, zone=zone)


def why(place: Hotspot) -> list[tuple[str, list[Any]]]:
    """The reasons under what they do; empty where there is none."""
    found = [(words, [one for one in place.reasons if one.direction == way]) for way, words in WHY.items()]
    return [one for one in found if one[1]]
