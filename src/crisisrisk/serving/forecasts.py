"""Stored forecasts as answers: the newest of a shift, its totals and cells, and what must be said beside them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import exp
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.database.latest import StoredPlace, StoredShift, forecast_for
from crisisrisk.database.scores import RunMeta
from crisisrisk.database.totals import StoredTotal
from crisisrisk.errors import ModelError
from crisisrisk.models.bundle import Manifest
from crisisrisk.models.issue_time import further_than_judged
from crisisrisk.scoring.ordering import in_100
from crisisrisk.serving.afterwards import FORECAST_AFTERWARDS, made_afterwards
from crisisrisk.serving.answers import Hotspot, LateSource, ShiftForecast, ShiftListed, model_used, reasons_given
from crisisrisk.serving.disclosure import released_shift
from crisisrisk.serving.problems import NoAnswerError
from crisisrisk.serving.state import Service
from crisisrisk.serving.wording import (
    FURTHER_THAN_JUDGED,
    MODEL_UNVERIFIED,
    OTHER_PLACE_MODEL,
    OUTDATED,
    RELEASED,
    SHIFT_OVER,
    Freshness,
    in_minutes,
)


def newest_forecast(
    service: Service, shift_id: str, *, now: datetime | None = None
) -> tuple[StoredShift, Sequence[StoredPlace]]:
    """The newest forecast of a shift and its cells. Raises NoAnswerError where none was made.

    `now`: the site's clock, where that is asked for already.
    """
    # No shift has an id that cannot be printed, and PostgreSQL does not even take one with a zero byte.
    found = forecast_for(
        service.engine, shift_id, model_name=service.settings.service.place_model, at=now or service.now()
    ) if shift_id.isprintable() else None  # fmt: skip
    if found is None:
        raise NoAnswerError("CR-HTTP-404", "no forecast was made for this shift", hint="see /api/v1/shifts")
    return found


def stored_shift(shift: StoredShift, forecast: ShiftForecast | None) -> ShiftListed:
    """A shift that was forecast, as it is listed."""
    return ShiftListed(
        id=shift.shift_id, name=shift.shift_name, start=shift.start, end=shift.end,
        hours=(shift.end - shift.start) / timedelta(hours=1), forecast=forecast,
    )  # fmt: skip


def shift_forecast(said: "Said", shift: StoredShift | None, *, released: bool) -> ShiftForecast | None:
    """What a shift's newest forecast says of the whole; None where there is none, or nothing of it is released."""
    shown = released_shift(shift) if released and shift is not None else shift
    if shift is None or shown is None:
        return None
    meta = shift.run.meta
    ranged = shown.total is not None
    return ShiftForecast(
        **{**total_said(shown.total, released=released), "expected": shown.expected, "usual": shown.usual},
        widened_by=widened_by(meta), modes=dict(shown.modes), places=shift.places,
        horizon_days=horizon_days(shift), as_of=meta.as_of,
        data_complete_to=dict(meta.data_complete_to), valid_until=meta.valid_until,
        model=model_used(meta), reference=f"S-{shift.run.number}",
        caveats=[
            *Freshness(said.service.settings).caveats(shift.run, ranged=ranged), *said.about(shift, released=released),
        ],
    )  # fmt: skip


def widened_by(meta: RunMeta) -> list[LateSource]:
    """The late sources that the ranges of a forecast are wider for."""
    return [
        LateSource(source=name, complete_to=meta.data_complete_to[name])
        for name in meta.widened_by if name in meta.data_complete_to
    ]  # fmt: skip


_OF_A_TOTAL = ("expected", "usual", "lower", "upper", "usual_low", "usual_high", "quieter", "busier", "outlook",
               "issue_hours", "hours_ahead")  # fmt: skip
_TELLS_USUAL = ("usual_low", "usual_high")


def total_said(total: StoredTotal | None, *, released: bool) -> dict[str, Any]:
    """Each number of a total. What is usual to the count never leaves the board."""
    if total is None:
        return dict.fromkeys(_OF_A_TOTAL)
    return {name: None if released and name in _TELLS_USUAL else getattr(total, name) for name in _OF_A_TOTAL}


def horizon_days(shift: StoredShift) -> float:
    """The real length of a shift."""
    return (shift.end - shift.start) / timedelta(days=1)


class Said:
    """What must be said of forecasts at a moment beyond what their runs say. The bundle is verified once.

    `zone`: whose clock moments are told by, else UTC.
    """

    def __init__(self, service: Service, now: datetime, *, zone: ZoneInfo | None = None) -> None:
        self.service = service
        self.now = now
        self.zone = zone
        try:
            self.answering: Manifest | None = service.place_model.manifest()
        except ModelError:
            # A crisis team gets its board whatever has failed: forecasts are only ever made by a bundle that verified.
            self.answering = None

    def about(self, shift: StoredShift, *, released: bool) -> list[str]:
        """The caveats of one forecast."""
        afterwards = [FORECAST_AFTERWARDS] if made_afterwards(self.answering, shift.run.meta) else []
        return [*([RELEASED] if released else []), *self.doubts(shift), *afterwards]

    def doubts(self, shift: StoredShift) -> list[str]:
        """What is less than it should be: made too far ahead, over, outdated, of a model that is not the one of now."""
        said: list[str] = []
        meta = shift.run.meta
        total = shift.total
        if total is not None and further_than_judged(total.issue_hours, total.hours_ahead):
            said.append(FURTHER_THAN_JUDGED.format(hours=total.issue_hours))
        if shift.end <= self.now:
            said.append(SHIFT_OVER)
        elif meta.valid_until <= self.now:
            said.append(OUTDATED.format(until=in_minutes(meta.valid_until, self.zone)))
        if self.answering is None:
            said.append(MODEL_UNVERIFIED)
        elif (self.answering.name, self.answering.version) != (meta.model_name, meta.model_version):
            said.append(OTHER_PLACE_MODEL)
        return said


def hotspot(cell: StoredPlace) -> Hotspot:
    """A cell as it is answered."""
    at_least_one = 1 - exp(-cell.expected)
    return Hotspot(
        place_id=cell.place_id, place_name=cell.place_name, latitude=cell.latitude, longitude=cell.longitude,
        expected=cell.expected, lower=cell.lower, upper=cell.upper, usual=cell.usual, rank=cell.rank,
        probability=at_least_one, likely_in_100=in_100(at_least_one),
        reasons=reasons_given(cell.reasons),
    )  # fmt: skip
