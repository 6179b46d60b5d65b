"""Shifts and places: where crisis contacts are likely, and how that compares with usual."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import exp
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator

from crisisrisk.database.latest import StoredPlace, StoredShift, forecast_for, shifts_between
from crisisrisk.database.totals import WHOLE, IssuedTotal, StoredTotal, issued_totals, totals_of
from crisisrisk.errors import ModelError
from crisisrisk.models.bundle import Manifest
from crisisrisk.models.issue_time import further_than_judged
from crisisrisk.scoring.ordering import in_100
from crisisrisk.serving.access import PlaceViewer, Viewer
from crisisrisk.serving.answers import (
    AreaForecast,
    Hotspot,
    Hotspots,
    IssuedForecast,
    ShiftForecast,
    ShiftListed,
    Shifts,
    ShiftWhole,
    model_used,
    reasons_given,
)
from crisisrisk.serving.disclosure import released_places, released_shift, released_total
from crisisrisk.serving.examples import GEOJSON, HOTSPOTS, SHIFT, SHIFTS, answered
from crisisrisk.serving.geojson import MEDIA_TYPE, feature_collection, inside
from crisisrisk.serving.problems import NoAnswerError, too_much
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import Service, ServiceOf
from crisisrisk.serving.wording import (
    FURTHER_THAN_JUDGED,
    INDEPENDENT,
    MODEL_UNVERIFIED,
    OTHER_PLACE_MODEL,
    OUTDATED,
    RELEASED,
    SHIFT_OVER,
    Freshness,
    in_minutes,
)
from crisisrisk.timeline import EARLIEST, LATEST, Shift, Window, shifts_starting_in

places = APIRouter(prefix=API, tags=["places"])

# Without `from`, the shift that is running now must be on the list: none is longer than a day.
JUST_BEFORE, USUAL_STRETCH = timedelta(hours=24), timedelta(days=3)
USUAL_LIMIT = 25

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
    f: Literal["json", "geojson"] = Field("json", description="The form of the answer.")
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
    listed = [*(_rota_shift(shift) for shift in rota), *(_stored_shift(shift, None) for shift in found)]
    by_id = {shift.id: shift for shift in reversed(listed)}
    said = _Said(service, now)
    released = not viewer.reaches("true_counts")
    shown = [
        shift.model_copy(update={"forecast": _forecast(said, forecasts.get(shift.id), released=released)})
        for shift in sorted(by_id.values(), key=lambda shift: (shift.start, shift.id))
    ]
    return Shifts(now=now, shifts=shown, caveats=[service.settings.phrases.caveats["outcome"]])


@places.get("/shifts/{id}", summary="A shift, its areas, and every forecast of it", responses=answered(SHIFT))
def shift(shift_id: ShiftId, viewer: PlaceViewer, service: ServiceOf) -> ShiftWhole:
    """The newest forecast of a shift, whole and by area, and all that were issued of it before."""
    now, model_name = service.now(), service.settings.service.place_model
    found, _ = _newest_forecast(service, shift_id)
    released = not viewer.reaches("true_counts")
    listed = _stored_shift(found, _forecast(_Said(service, now), found, released=released))
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


def _newest_forecast(service: Service, shift_id: str) -> tuple[StoredShift, Sequence[StoredPlace]]:
    # No shift has an id that cannot be printed, and PostgreSQL does not even take one with a zero byte.
    found = forecast_for(
        service.engine, shift_id, model_name=service.settings.service.place_model, at=service.now()
    ) if shift_id.isprintable() else None  # fmt: skip
    if found is None:
        raise NoAnswerError("CR-HTTP-404", "no forecast was made for this shift", hint="see /api/v1/shifts")
    return found


@places.get(
    "/shifts/{id}/hotspots", summary="The cells of a shift, busiest first",
    response_model=Hotspots, responses=answered(HOTSPOTS, geojson=GEOJSON),
)  # fmt: skip
def hotspots(
    shift_id: ShiftId,
    viewer: PlaceViewer,
    query: Annotated[HotspotsQuery, Query()],
    service: ServiceOf,
) -> Hotspots | JSONResponse:
    """The newest forecast of a shift. True counts on a crisis team's board; disclosure control for all else."""
    if query.limit > service.settings.service.limits.list_length:
        raise too_much("limit", f"at most {service.settings.service.limits.list_length}")
    answer = _hotspots(service, *_newest_forecast(service, shift_id), viewer=viewer, query=query)
    return _response(answer, query)


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


def _stored_shift(shift: StoredShift, forecast: ShiftForecast | None) -> ShiftListed:
    return ShiftListed(
        id=shift.shift_id, name=shift.shift_name, start=shift.start, end=shift.end,
        hours=(shift.end - shift.start) / timedelta(hours=1), forecast=forecast,
    )  # fmt: skip


def _forecast(said: "_Said", shift: StoredShift | None, *, released: bool) -> ShiftForecast | None:
    shown = released_shift(shift) if released and shift is not None else shift
    if shift is None or shown is None:
        return None
    meta = shift.run.meta
    ranged = shown.total is not None
    return ShiftForecast(
        **{**_total(shown.total, released=released), "expected": shown.expected, "usual": shown.usual},
        modes=dict(shown.modes), places=shift.places, horizon_days=_horizon_days(shift), as_of=meta.as_of,
        data_complete_to=dict(meta.data_complete_to), valid_until=meta.valid_until,
        model=model_used(meta), reference=f"S-{shift.run.number}",
        caveats=[
            *Freshness(said.service.settings).caveats(shift.run, ranged=ranged), *said.about(shift, released=released),
        ],
    )  # fmt: skip


_OF_A_TOTAL = ("expected", "usual", "lower", "upper", "usual_low", "usual_high", "quieter", "busier", "outlook",
               "issue_hours", "hours_ahead")  # fmt: skip
_TELLS_USUAL = ("usual_low", "usual_high")


def _total(total: StoredTotal | None, *, released: bool) -> dict[str, Any]:
    """Each number of a total. What is usual to the count never leaves the board."""
    if total is None:
        return dict.fromkeys(_OF_A_TOTAL)
    return {name: None if released and name in _TELLS_USUAL else getattr(total, name) for name in _OF_A_TOTAL}


def _area(total: StoredTotal, *, released: bool) -> AreaForecast:
    return AreaForecast(
        **_total(total, released=released), places=total.places, area_id=total.area_id, area_name=total.area_name
    )


def _issued(one: IssuedTotal, shown: StoredTotal) -> IssuedForecast:
    meta = one.run.meta
    return IssuedForecast(
        as_of=meta.as_of, issue_hours=shown.issue_hours, hours_ahead=shown.hours_ahead, expected=shown.expected,
        lower=shown.lower, upper=shown.upper, model=model_used(meta), reference=f"S-{one.run.number}",
    )  # fmt: skip


def _horizon_days(shift: StoredShift) -> float:
    return (shift.end - shift.start) / timedelta(days=1)


def _hotspots(
    service: Service, shift: StoredShift, cells: Sequence[StoredPlace], *, viewer: Viewer,
    query: HotspotsQuery,
) -> Hotspots:  # fmt: skip
    released = query.download or not viewer.reaches("true_counts")
    box = box_of(query.bbox)
    told = released_places(cells) if released else list(cells)
    chosen = [cell for cell in told if box is None or inside(cell.latitude, cell.longitude, box)][: query.limit]
    ranged = all(cell.lower is not None for cell in told)
    basis, said = Freshness(service.settings).basis(shift.run, ranged=ranged), _Said(service, service.now())
    return Hotspots(
        **{**basis, "caveats": [*basis["caveats"], INDEPENDENT, *said.about(shift, released=released)]},
        horizon_days=_horizon_days(shift),
        valid_until=shift.run.meta.valid_until,
        reference=f"S-{shift.run.number}",
        shift=_stored_shift(shift, _forecast(said, shift, released=released)),
        released=released,
        places_forecast=len(cells),
        places=[_hotspot(cell) for cell in chosen],
    )


class _Said:
    """What must be said of forecasts at a moment beyond what their runs say. The bundle is verified once."""

    def __init__(self, service: Service, now: datetime) -> None:
        self.service = service
        self.now = now
        try:
            self.answering: Manifest | None = service.place_model.manifest()
        except ModelError:
            # A crisis team gets its board whatever has failed: forecasts are only ever made by a bundle that verified.
            self.answering = None

    def about(self, shift: StoredShift, *, released: bool) -> list[str]:
        """The caveats of one forecast."""
        said, meta = [RELEASED] if released else [], shift.run.meta
        total = shift.total
        if total is not None and further_than_judged(total.issue_hours, total.hours_ahead):
            said.append(FURTHER_THAN_JUDGED.format(hours=total.issue_hours))
        if shift.end <= self.now:
            said.append(SHIFT_OVER)
        elif meta.valid_until <= self.now:
            said.append(OUTDATED.format(until=in_minutes(meta.valid_until)))
        if self.answering is None:
            said.append(MODEL_UNVERIFIED)
        elif (self.answering.name, self.answering.version) != (meta.model_name, meta.model_version):
            said.append(OTHER_PLACE_MODEL)
        return said


def _hotspot(cell: StoredPlace) -> Hotspot:
    at_least_one = 1 - exp(-cell.expected)
    return Hotspot(
        place_id=cell.place_id, place_name=cell.place_name, latitude=cell.latitude, longitude=cell.longitude,
        expected=cell.expected, lower=cell.lower, upper=cell.upper, usual=cell.usual, rank=cell.rank,
        probability=at_least_one, likely_in_100=in_100(at_least_one),
        reasons=reasons_given(cell.reasons),
    )  # fmt: skip


def _response(answer: Hotspots, query: HotspotsQuery) -> Hotspots | JSONResponse:
    geographic = query.f == "geojson"
    if not geographic and not query.download:
        return answer
    content = feature_collection(answer) if geographic else answer.model_dump(mode="json")
    response = JSONResponse(content, media_type=MEDIA_TYPE if geographic else "application/json")
    if query.download:
        kind = "geojson" if geographic else "json"
        response.headers["Content-Disposition"] = f'attachment; filename="hotspots.{kind}"'
    return response
