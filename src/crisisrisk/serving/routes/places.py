"""Shifts and places: where crisis contacts are likely, and how that compares with usual."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from crisisrisk.database.latest import StoredPlace, StoredShift, shifts_between
from crisisrisk.database.totals import WHOLE, IssuedTotal, StoredTotal, issued_totals, totals_of
from crisisrisk.serving.access import PlaceViewer, Viewer
from crisisrisk.serving.answers import (
    AreaForecast,
    HotspotInDepth,
    Hotspots,
    IssuedForecast,
    ShiftListed,
    Shifts,
    ShiftWhole,
    model_used,
)
from crisisrisk.serving.disclosure import released_places, released_total
from crisisrisk.serving.examples import GEOJSON, HOTSPOTS, IN_DEPTH, SHIFT, SHIFTS, answered
from crisisrisk.serving.exports import CSV, PARQUET, as_csv, as_features, as_parquet
from crisisrisk.serving.forecasts import (
    Said,
    horizon_days,
    hotspot,
    newest_forecast,
    shift_forecast,
    stored_shift,
    total_said,
    widened_by,
)
from crisisrisk.serving.geojson import MEDIA_TYPE, inside
from crisisrisk.serving.place_record import came_lately, listed_running, record_of
from crisisrisk.serving.problems import nothing_here, too_much
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.wording import INDEPENDENT, Freshness
from crisisrisk.timeline import EARLIEST, LATEST, Shift, Window, shifts_starting_in

places = APIRouter(prefix=API, tags=["places"])

# Without `from`, the shift that is running now must be on the list: none is longer than a day.
JUST_BEFORE, USUAL_STRETCH = timedelta(hours=24), timedelta(days=3)
USUAL_LIMIT = 25
FILES = frozenset({"csv", "parquet"})

ShiftId = Annotated[str, Path(alias="id", description="The shift's id.", examples=["night-2026-11-22"])]
Box = tuple[float, float, float, float]


class ShiftsQuery(BaseModel):
    """Which stretch of time is asked for."""

    model_config = ConfigDict(extra="forbid")

    start: AwareDatetime | None = Field(
        None, alias="from", description="First moment, with its zone. Left out: 24 hours ago."
    )
    end: AwareDatetime | None = Field(
        None, alias="to", description="The moment after the last, with its zone. Left out: three days after `from`."
    )

    @field_validator("start", "end", mode="before")
    @classmethod
    def _date_and_time(cls, text: object) -> object:
        if isinstance(text, str) and "T" not in text.upper():  # a bare number would be taken for seconds since 1970
            raise ValueError("wanted a date, a T and a time with its zone: 2026-11-22T08:00:00Z")
        return text

    @field_validator("start", "end")
    @classmethod
    def _in_history(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and not EARLIEST <= moment < LATEST:
            raise ValueError(f"wanted a moment from {EARLIEST.year} and before {LATEST.year}")
        return moment


class HotspotsQuery(BaseModel):
    """Which cells are asked for, and in what form."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(USUAL_LIMIT, ge=1, description="Most cells, in order of rank.")
    bbox: str | None = Field(
        None, description="Only cells whose centre is in a box: west,south,east,north in degrees.",
        examples=["-2.0,52.4,-1.8,52.6"],
    )  # fmt: skip
    f: Literal["json", "geojson", "csv", "parquet"] = Field(
        "json", description="The form of the answer; `csv` and `parquet` are files, and so always releases."
    )
    download: bool = Field(False, description="As a file: a release, so disclosure control applies whoever asks.")

    @field_validator("bbox")
    @classmethod
    def _four_degrees(cls, text: str | None) -> str | None:
        box_of(text)
        return text


def box_of(text: str | None) -> Box | None:
    """West, south, east, north. Raises ValueError for anything else."""
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError("wanted four numbers: west,south,east,north") from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueError("wanted degrees, west and east from -180 to 180, south not above north")
    return west, south, east, north


@places.get("/shifts", summary="Shifts and their forecasts", responses=answered(SHIFTS))
def shifts(viewer: PlaceViewer, query: Annotated[ShiftsQuery, Query()], service: ServiceOf) -> Shifts:
    """The shifts of the rota that start in a stretch of time, each with its newest forecast if one was made."""
    now = service.now()
    window = _window(query, now, service)
    found = shifts_between(
        service.engine, window.start, window.end, model_name=service.settings.service.place_model, at=now
    )
    forecasts = {shift.shift_id: shift for shift in found}
    rota = shifts_starting_in(service.settings.site.shifts, window, service.settings.site.time_zone)
    # A shift that was renamed in the rota keeps the forecast that it had.
    listed = [*(_rota_shift(shift) for shift in rota), *(stored_shift(shift, None) for shift in found)]
    by_id = {shift.id: shift for shift in reversed(listed)}
    said = Said(service, now)
    released = not viewer.reaches("true_counts")
    shown = [
        shift.model_copy(update={"forecast": shift_forecast(said, forecasts.get(shift.id), released=released)})
        for shift in sorted(by_id.values(), key=lambda shift: (shift.start, shift.id))
    ]
    return Shifts(now=now, shifts=shown, caveats=[service.settings.phrases.caveats["outcome"]])


@places.get("/shifts/{id}", summary="A shift, its areas, and every forecast of it", responses=answered(SHIFT))
def shift(shift_id: ShiftId, viewer: PlaceViewer, service: ServiceOf) -> ShiftWhole:
    """The newest forecast of a shift, whole and by area, and all that were issued of it before."""
    now, model_name = service.now(), service.settings.service.place_model
    found, _ = newest_forecast(service, shift_id)
    released = not viewer.reaches("true_counts")
    listed = stored_shift(found, shift_forecast(Said(service, now), found, released=released))
    totals = totals_of(service.engine, shift_id, found.run.number)
    issued = issued_totals(service.engine, shift_id, model_name=model_name, at=now)
    return ShiftWhole(
        **dict(listed),
        released=released,
        areas=[
            _area(shown, released=released)
            for total in totals
            if total.area_id != WHOLE and (shown := released_total(total) if released else total)
        ],
        issued=[
            _issued(one, shown) for one in issued if (shown := released_total(one.total) if released else one.total)
        ],
    )


@places.get(
    "/shifts/{id}/hotspots", summary="The cells of a shift, busiest first",
    response_model=Hotspots, responses=answered(HOTSPOTS, geojson=GEOJSON),
)  # fmt: skip
def hotspots(
    shift_id: ShiftId,
    viewer: PlaceViewer,
    query: Annotated[HotspotsQuery, Query()],
    service: ServiceOf,
) -> Hotspots | Response:
    """The newest forecast of a shift. True counts on a crisis team's board; disclosure control for all else."""
    if query.limit > service.settings.service.limits.list_length:
        raise too_much("limit", f"at most {service.settings.service.limits.list_length}")
    released = is_release(viewer, query)
    answer = board_of(service, *newest_forecast(service, shift_id), released=released, query=query)
    return _response(answer, query, service.now())


@places.get("/shifts/{id}/hotspots/{place}", summary="One cell of a shift, hour by hour", responses=answered(IN_DEPTH))
def one_hotspot(
    shift_id: ShiftId,
    place: Annotated[str, Path(description="The place's id, as the board has it.", examples=["88195d2b1dfffff"])],
    viewer: PlaceViewer,
    service: ServiceOf,
) -> HotspotInDepth:
    """A place of the newest forecast, as this viewer may see it. One that is not told by itself is as none."""
    stored, cells = newest_forecast(service, shift_id)
    query = HotspotsQuery.model_validate({"limit": max(len(cells), 1)})
    board = board_of(service, stored, cells, released=is_release(viewer, query), query=query)
    found = next((one for one in board.places if one.place_id == place), None)
    if found is None:
        raise nothing_here()
    said = {name: getattr(board, name) for name in type(board).model_fields if name != "places"}
    return HotspotInDepth(
        **said, place=found, hours=[] if stored.total is None else list(stored.total.hourly),
        listed_running=None if board.released else listed_running(service.cool_offs.of(stored, cells).get(place)),
        lately=came_lately(service, place, as_of=stored.run.meta.as_of, released=board.released),
        record=record_of(service, stored.run.meta.model_name, stored.run.meta.run_id, place),
    )  # fmt: skip


def is_release(viewer: Viewer, query: HotspotsQuery) -> bool:
    """Whether an answer leaves the live board of a crisis team."""
    return query.download or query.f in FILES or not viewer.reaches("true_counts")


def _window(query: ShiftsQuery, now: datetime, service: Service) -> Window:
    start = query.start or (query.end - USUAL_STRETCH if query.end else now - JUST_BEFORE)
    end = query.end or start + USUAL_STRETCH
    most = timedelta(days=service.settings.service.limits.shift_days)
    if not start <= end <= start + most:
        raise too_much("to", f"not before `from`, and at most {most.days} days after it")
    return Window(start, end)


def _rota_shift(shift: Shift) -> ShiftListed:
    return ShiftListed(
        id=shift.id, name=shift.name, start=shift.start, end=shift.end, hours=shift.hours, forecast=None
    )  # fmt: skip


def _area(total: StoredTotal, *, released: bool) -> AreaForecast:
    return AreaForecast(
        **total_said(total, released=released), places=total.places, area_id=total.area_id, area_name=total.area_name
    )


def _issued(one: IssuedTotal, shown: StoredTotal) -> IssuedForecast:
    meta = one.run.meta
    return IssuedForecast(
        as_of=meta.as_of, issue_hours=shown.issue_hours, hours_ahead=shown.hours_ahead, expected=shown.expected,
        lower=shown.lower, upper=shown.upper, widened_by=widened_by(meta), model=model_used(meta),
        reference=f"S-{one.run.number}",
    )  # fmt: skip


def board_of(
    service: Service, shift: StoredShift, cells: Sequence[StoredPlace], *, released: bool,
    query: HotspotsQuery, now: datetime | None = None,
) -> Hotspots:  # fmt: skip
    """A forecast as it may be seen: true counts on a crisis team's board, what is released for all else."""
    box = box_of(query.bbox)
    told = released_places(cells) if released else list(cells)
    chosen = [cell for cell in told if box is None or inside(cell.latitude, cell.longitude, box)][: query.limit]
    ranged = all(cell.lower is not None for cell in told)
    basis, said = Freshness(service.settings).basis(shift.run, ranged=ranged), Said(service, now or service.now())
    return Hotspots(
        **{**basis, "caveats": [*basis["caveats"], INDEPENDENT, *said.about(shift, released=released)]},
        horizon_days=horizon_days(shift),
        valid_until=shift.run.meta.valid_until,
        reference=f"S-{shift.run.number}",
        shift=stored_shift(shift, shift_forecast(said, shift, released=released)),
        released=released,
        places_forecast=len(cells),
        places=[hotspot(cell) for cell in chosen],
    )


def _response(answer: Hotspots, query: HotspotsQuery, now: datetime) -> Hotspots | Response:
    if query.f == "json" and not query.download:
        return answer
    response = in_form(answer, query, now)
    if query.download or query.f in FILES:
        response.headers["Content-Disposition"] = f'attachment; filename="hotspots.{query.f}"'
    return response


def in_form(answer: Hotspots, query: HotspotsQuery, now: datetime) -> Response:
    """An answer in the form that was asked for."""
    if query.f == "csv":
        return Response(as_csv(answer), media_type=CSV)
    if query.f == "parquet":
        return Response(as_parquet(answer), media_type=PARQUET)
    if query.f == "json":
        return JSONResponse(answer.model_dump(mode="json"))
    path = f"{API}/shifts/{quote(answer.shift.id)}/hotspots"
    features = as_features(answer, made_at=_in_zulu(now), path=path, asked=query.model_dump())
    return JSONResponse(features, media_type=MEDIA_TYPE)


def _in_zulu(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
