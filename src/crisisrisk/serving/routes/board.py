"""The board whatever has failed: the forecast, an old one that says so, what is usual, or the last printed sheet."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError

from crisisrisk.database.latest import StoredShift, latest_forecast_run
from crisisrisk.errors import CrisisRiskError
from crisisrisk.scoring.sheet import SHEET_TEXT
from crisisrisk.serving.access import PlaceViewer, Viewer
from crisisrisk.serving.answers import Answer, Hotspots
from crisisrisk.serving.examples import HOTSPOTS, answered
from crisisrisk.serving.forecasts import Said, newest_forecast
from crisisrisk.serving.problems import NoAnswerError, nothing_here, too_much
from crisisrisk.serving.routes import API
from crisisrisk.serving.routes.places import USUAL_LIMIT, HotspotsQuery, board_of, is_release
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.wording import Freshness, in_minutes
from crisisrisk.timeline import Shift, Window, shifts_starting_in

board = APIRouter(prefix=API, tags=["places"])

LONGEST_SHIFT, AHEAD = timedelta(hours=24), timedelta(days=3)
MOST_BYTES = 200_000
_Read = TypeVar("_Read")
_FAILURES = (CrisisRiskError, SQLAlchemyError, OSError, ValueError, LookupError)

NO_FORECAST, NO_TABLES = "no forecast of this shift can be read", "the tables cannot be read"
NOTHING_LEFT = "there is no forecast, no table and no printed sheet"
WITHOUT = "work as in a shift without forecasts, and tell whoever runs this site"

FULL = "The newest forecast, current."
STALE = "A forecast that is not current: see why."
HISTORY = (
    "No forecast can be shown. These are the mean counts of the same shift of the week in the last year: no model, and "
    "nothing of what has happened lately."
)
PRINTED = "Neither a forecast nor the tables can be read. This is the sheet of the last forecast as it was printed."


class BoardQuery(BaseModel):
    """Which shift is asked for."""

    model_config = ConfigDict(extra="forbid")

    shift: str | None = Field(None, max_length=100, description="Its id. Left out: the one that runs, else the next.")
    limit: int = Field(USUAL_LIMIT, ge=1, description="Most places.")


class UsuallyHere(Answer):
    """What the shift usually brings to one cell."""

    place_id: str
    place_name: str
    latitude: float | None
    longitude: float | None
    usual: float = Field(description="Mean contacts in the same shift of the week, over the last year.")


class Board(Answer):
    """The best board that there is. Exactly one of `hotspots`, `usual` and `sheet` is given."""

    level: Literal["full", "stale", "history", "printed"]
    says: str = Field(description="What this level is, in words that must stand on the screen.")
    why: list[str] = Field(description="Why it is not the full board; empty when it is.")
    now: datetime
    shift_id: str
    hotspots: Hotspots | None = None
    usual: list[UsuallyHere] | None = None
    sheet: str | None = None
    sheet_made_at: datetime | None = None


BOARD = {
    "level": "full", "says": FULL, "why": [], "now": HOTSPOTS["as_of"], "shift_id": "night-2026-11-22",
    "hotspots": HOTSPOTS, "usual": None, "sheet": None, "sheet_made_at": None,
}  # fmt: skip


@board.get("/board", summary="The board of a shift, whatever has failed", responses=answered(BOARD))
def best_board(viewer: PlaceViewer, query: Annotated[BoardQuery, Query()], service: ServiceOf) -> Board:
    """The first that can be given of: the forecast, an old forecast, what is usual (true counts: for the crisis team
    alone), the last printed sheet. Nothing is given for what is neither on the rota nor was ever forecast."""
    if query.limit > service.settings.service.limits.list_length:
        raise too_much("limit", f"at most {service.settings.service.limits.list_length}")
    why: list[str] = []
    now = _now(service, why)
    shift_id = query.shift if query.shift is not None else _running(service, now).id
    made = partial(Board, why=why, now=now, shift_id=shift_id)
    found = _tried(lambda: _forecast(service, shift_id, now, viewer, query), why, NO_FORECAST)
    if found is not None:
        hotspots, doubts = found
        why += [doubt for doubt in doubts if doubt not in why]
        return made(level="stale" if why else "full", says=STALE if why else FULL, hotspots=hotspots)
    shift = on_rota(service, shift_id, now)
    if shift is None and NO_TABLES not in why and _is_nobodys(service, shift_id, now):
        raise nothing_here()
    if viewer.reaches("true_counts") and shift is not None:
        wanted = shift
        usual = _tried(lambda: service.usual(wanted), why, "the tables do not say what is usual")
        if usual is not None:
            shown = [UsuallyHere(**vars(place)) for place in usual[: query.limit]]
            return made(level="history", says=HISTORY, usual=shown)
    sheet = _tried(lambda: _sheet(service.settings.site.reports), why, "no sheet was printed")
    if sheet is None:
        raise NoAnswerError("CR-HTTP-503", NOTHING_LEFT, hint=WITHOUT, why=why)
    return made(level="printed", says=PRINTED, sheet=sheet[0], sheet_made_at=sheet[1])


def _now(service: Service, why: list[str]) -> datetime:
    """The site's clock; where that stands with tables that are gone, the moment of the newest forecast."""
    now = _tried(service.now, why, NO_TABLES)
    if now is not None:
        return now
    run = _tried(lambda: latest_forecast_run(service.engine), [], "")
    return service.clock.now() if run is None else run.meta.as_of


def on_rota(service: Service, shift_id: str, now: datetime) -> Shift | None:
    """The shift of an id in these days; None for what is no shift of the rota."""
    return next((shift for shift in _rota(service, now) if shift.id == shift_id), None)


def _rota(service: Service, now: datetime) -> Sequence[Shift]:
    site = service.settings.site
    return shifts_starting_in(site.shifts, Window(now - LONGEST_SHIFT, now + AHEAD), site.time_zone)


def _running(service: Service, now: datetime) -> Shift:
    """The shift that runs, else the next."""
    found = next((shift for shift in _rota(service, now) if shift.end > now), None)
    if found is None:
        raise NoAnswerError("CR-HTTP-404", "the rota has no shift in the coming days", hint="see [[shift]]")
    return found


def _is_nobodys(service: Service, shift_id: str, now: datetime) -> bool:
    """Whether nothing was ever forecast for a shift that is not on the rota; False where that cannot be told now."""
    try:
        newest_forecast(service, shift_id, now=now)
    except NoAnswerError:
        return True
    except _FAILURES:
        pass
    return False


def _forecast(
    service: Service, shift_id: str, now: datetime, viewer: Viewer, query: BoardQuery
) -> tuple[Hotspots, list[str]]:
    """The newest forecast as it may be seen, and why it is less than it should be."""
    shift, cells = newest_forecast(service, shift_id, now=now)
    asked = HotspotsQuery.model_validate({"limit": query.limit})
    board = board_of(service, shift, cells, released=is_release(viewer, asked), query=asked, now=now)
    return board, _not_current(service, shift, board, now)


def _not_current(service: Service, shift: StoredShift, board: Hotspots, now: datetime) -> list[str]:
    """The forecast's own caveats of time and model, and sources that are silent now."""
    said = Said(service, now).doubts(shift)
    loaded = _tried(lambda: service.view().complete_to, said, NO_TABLES)
    late = Freshness(service.settings).late(loaded or board.data_complete_to, now).items()
    return [*said, *(f"late: {source} since {in_minutes(since)}" for source, since in late)]


def _sheet(reports: Path) -> tuple[str, datetime]:
    file = reports / SHEET_TEXT
    with file.open(encoding="utf-8") as opened:
        text = opened.read(MOST_BYTES)
    return text, datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _tried(read: Callable[[], _Read], why: list[str], otherwise: str) -> _Read | None:
    try:
        return read()
    except _FAILURES:
        why.append(otherwise)
        return None
