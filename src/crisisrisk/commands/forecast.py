"""Forecast the coming shifts with the model that answers, and keep the forecast as issued."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from crisisrisk.commands.outputs import require_ending
from crisisrisk.database.scores import save_place_forecast
from crisisrisk.database.upgrade import current_engine
from crisisrisk.errors import DataError, UsageError
from crisisrisk.features.place_modes import NOT_RECORDED
from crisisrisk.models.champions import champion
from crisisrisk.scoring.directions import in_brief
from crisisrisk.scoring.outlook import Outlook
from crisisrisk.scoring.places import PlaceForecast, forecast_shifts
from crisisrisk.scoring.release import AFTERWARDS, forecast_geojson, further_caveats, write_geojson
from crisisrisk.scoring.sheet import sheet, write_sheet
from crisisrisk.scoring.totals import totals_frame
from crisisrisk.scoring.widened import widened_text
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.timeline import Shift, Window, instant, shifts_starting_in

SHOWN = 10
MOST_AREAS = 12
MOST_HOURS = 14 * 24
FURTHEST = timedelta(days=28)


@dataclass(frozen=True, kw_only=True)
class ForecastResult:
    """A forecast as issued. `released`: the FeatureCollection that a file holds, without counts of events."""

    run: int
    forecast: PlaceForecast
    released: dict[str, Any]
    zone_name: str
    seconds: float
    afterwards: str = ""
    """What must be said of a forecast of the past; empty of others."""
    widened: str = ""
    """Why its ranges are wider, by the site's clock; empty where no feed is late."""

    def as_json(self) -> dict[str, Any]:
        """`forecast --json`: the FeatureCollection, with the number of the run and the seconds beside it."""
        return {**self.released, "run": self.run, "seconds": round(self.seconds, 2)}

    def as_text(self) -> str:
        """The first places of each shift, for a terminal."""
        shifts = [self._shift_text(shift_id) for shift_id in dict.fromkeys(self.forecast.frame["shift_id"])]
        return "\n\n".join(one for one in (self.widened, *shifts, self.afterwards) if one)

    def _shift_text(self, shift_id: str) -> str:
        rows = self.forecast.frame[self.forecast.frame["shift_id"] == shift_id]
        first = rows.iloc[0]
        start, end = (first[name].tz_convert(self.zone_name) for name in ("start", "end"))
        outlook = next(one for one in self.forecast.outlooks if one.shift_id == shift_id)
        areas = [one for one in self.forecast.areas if one.shift_id == shift_id]
        head = (
            f"{first['shift_name']}  {start:%a %-d %b %H:%M} – {end:%a %H:%M}   "
            f"expected {outlook.expected:.1f} in all ({outlook.lower} to {outlook.upper}), usual {outlook.usual:.1f}\n"
            f"      {outlook.text()}{_modes_text(outlook)}\n"
            f"      made {outlook.hours_ahead:.0f} hours before; "
            f"judged as forecasts of {outlook.issue_hours} hours before are"
        )
        head = "\n".join([head, *further_caveats([outlook]), *_areas_text(areas)])
        lines = [
            f"{row['rank']:>4}  {row['place_name']:<24} {row['expected']:.2f} "
            f"({row['lower']} to {row['upper']})  usual {row['usual']:.2f}   "
            + " · ".join(in_brief((reason["direction"], reason["text"]) for reason in row["reasons"]))
            for _, row in rows.head(SHOWN).iterrows()
        ]
        return "\n".join([head, *lines])


def _modes_text(outlook: Outlook) -> str:
    """How contacts are made, as a line of its own; nothing where that is not known of any."""
    told = {name: expected for name, expected in outlook.modes.items() if name != NOT_RECORDED}
    if not told:
        return ""
    named = [f"{name.replace('_', ' ')} {expected:.1f}" for name, expected in outlook.modes.items()]
    return f"\n      expected by mode: {', '.join(named)}"


def _areas_text(areas: Sequence[Outlook]) -> list[str]:
    """The totals of a few areas with names; others are for a file or a screen."""
    if len(areas) > MOST_AREAS or any(one.area_name == one.area_id for one in areas):
        return []
    return [
        f"      {one.area_name:<24} {one.expected:.1f} ({one.lower} to {one.upper}), usual {one.usual:.1f}   "
        f"{one.likeliest}"
        for one in areas
    ]


def forecast(site: Site, *, start: datetime | None, hours: float, out: Path | None) -> ForecastResult:
    """Forecast every shift that starts within `hours` of `start` (the site's clock by default)."""
    started = time.monotonic()
    _require_hours(hours)
    require_ending(out, (".geojson", ".json"))
    snapshot = Store(site).snapshot()
    now = snapshot.as_of_now()
    _require_reach(start or now, hours, snapshot, now)
    model = champion(site.models, "place")
    shifts = shifts_from(site, start or now, hours)
    made = forecast_shifts(model, snapshot, site, shifts=shifts, issued_at=min(now, start or now))
    released = forecast_geojson(made, caveats=model.phrases.caveats)
    if widened := widened_text(made.meta, site.sources):
        released["caveats"].append(widened)
    afterwards = AFTERWARDS.format(issued=f"{start:%Y-%m-%d %H:%M} UTC") if start is not None and start < now else ""
    if afterwards:
        released["caveats"].append(afterwards)
    # First the sheet: who finds the forecast kept, however this was cut off, finds its sheet too.
    unprinted = None
    if start is None or start >= now:  # a forecast of the past, for a replay, is nobody's next night
        unprinted = _print(site, released, caveat=model.phrases.caveats["outcome"])
    run = save_place_forecast(current_engine(site.database_url), made.frame, made.meta, totals=totals_frame(made))
    if unprinted is not None:
        raise unprinted
    if out is not None:
        write_geojson(out, released)
    return ForecastResult(
        run=run, forecast=made, released=released, zone_name=site.time_zone.key, seconds=time.monotonic() - started,
        afterwards=afterwards, widened=widened_text(made.meta, site.sources, site.time_zone),
    )  # fmt: skip


def _print(site: Site, released: Mapping[str, Any], *, caveat: str) -> DataError | None:
    """The sheet for the night when the service is off; what is wrong where it cannot be written."""
    try:
        write_sheet(site.reports, sheet(released, caveat=caveat, zone=site.time_zone))
    except OSError as problem:
        return DataError(
            "CR-DATA-007", "the forecast is kept, and its printed sheet cannot be written", where=str(site.reports),
            found=type(problem).__name__,
        )  # fmt: skip
    return None


def _require_hours(hours: float) -> None:
    if not 0 < hours <= MOST_HOURS:
        raise UsageError(
            "CR-USE-001",
            "not a stretch of shifts to forecast",
            found=f"{hours} hours",
            wanted=f"above 0, up to {MOST_HOURS}",
        )


def _require_reach(start: datetime, hours: float, snapshot: Snapshot, now: datetime) -> None:
    """Not before there were records, nor so far ahead that nothing of now says anything of then."""
    began = [counts.first_occurred for counts in snapshot.sources().values() if counts.rows]
    if not began:
        raise DataError("CR-DATA-005", "there is not one event to forecast from", hint="load files first")
    first = instant(min(began))
    if start <= first or start + timedelta(hours=hours) > now + FURTHEST:
        raise UsageError(
            "CR-USE-001",
            "these shifts cannot be forecast",
            found=f"{start:%Y-%m-%d %H:%M} UTC{f', {hours:g} hours' if hours >= 1 else ''}",
            wanted=f"after {first:%Y-%m-%d} and ending by {now + FURTHEST:%Y-%m-%d}, {FURTHEST.days} days ahead",
        )


def shifts_from(site: Site, start: datetime, hours: float) -> tuple[Shift, ...]:
    """The shifts of the site that start in `[start, start + hours)`."""
    return shifts_starting_in(site.shifts, Window(start, start + timedelta(hours=hours)), site.time_zone)
