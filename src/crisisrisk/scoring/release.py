"""Forecasts that leave the signed-in board: files. No count of events is in them, nor what tells a small one.

What may be released of numbers is decided in `crisisrisk.disclosure`; everything else in a file is made from that.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crisisrisk.disclosure import DECIMALS, released_beside
from crisisrisk.features.specs import FeatureSpec, Phrases, phrases_of
from crisisrisk.models.issue_time import further_than_judged
from crisisrisk.models.phrases import PhraseBook
from crisisrisk.models.place_distribution import SHOWN_LEVEL
from crisisrisk.models.reasons import is_count
from crisisrisk.models.wording import ALIKE, words_of
from crisisrisk.tables.cells import corners_of

if TYPE_CHECKING:
    from crisisrisk.scoring.outlook import Outlook
    from crisisrisk.scoring.places import PlaceForecast

LATELY_DAYS = 28

_NEUTRAL = {
    "shift_hours": "the length of the shift",
    "population": "how many people live here",
    "deprivation_decile": "the deprivation of the cell",
    "area_km2": "the size of the cell",
    "days_since_payday": "the time since payday",
    "days_since_benefit_day": "the time since benefits were paid",
    "nearest_point_km": "how far the nearest {singular} is",
}
FURTHER = (
    "Made further ahead than the {hours} hours at which such forecasts were judged: how far off it is, is not known."
)
AFTERWARDS = (
    "Made afterwards, as of {issued}. The model may have learned from what came since: this does not show how good "
    "forecasts are; a backtest does."
)

_WHERE = {
    "count": "here",
    "same_shift_count": "here in this shift of the week",
    "neighbours_1_count": "in the cells around",
    "neighbours_2_count": "nearby",
    "area_count": "in the whole area",
}
_WINDOWS = {7: "in the last week", 14: "in the last two weeks", 28: "in the last four weeks",
            56: "in the last eight weeks", 91: "in the last three months", 182: "in the last half year",
            364: "in the last year", 365: "in the last year"}  # fmt: skip


def released_words(spec: FeatureSpec, value: float, usual: float, book: PhraseBook) -> str:
    """A reason without any number of events: "more crisis contacts than usual here in the last four weeks"."""
    named = phrases_of(spec, book.sources)
    if spec.sources and (np.isnan(value) or value == 0):
        return f"no recent {named.plural}"
    if is_count(spec):
        window = _WINDOWS.get(spec.lookback_days or 0, "lately") if spec.lookback_days else "so far"
        where = _WHERE.get(spec.aggregation, "here")
        beside = None if np.isnan(usual) else released_beside(value, usual)
        if beside is None:
            return f"{named.plural} {where} {window}"
        return book.usual[beside].format(plural=named.plural, where=where, window=window)
    if spec.sources:
        return _lately(spec, value, named.plural)
    return _of_a_fact(spec, value, named)


def _lately(spec: FeatureSpec, value: float, plural: str) -> str:
    """Of events, where the value is no count of them."""
    if spec.aggregation == "days_since_last" and value > LATELY_DAYS:
        return f"no recent {plural} here"
    if spec.aggregation == "decayed_count" and value < ALIKE:
        return f"next to no recent {plural} here"
    return f"recent {plural} here"


def _of_a_fact(spec: FeatureSpec, value: float, named: Phrases) -> str:
    """Of the calendar, the cell and what a site declares: its own words where they hold no number."""
    text = words_of(spec, value, {})
    if not any(character.isdigit() for character in text):
        return text
    neutral = _NEUTRAL.get(spec.aggregation, spec.reason.replace("{count} ", ""))
    return neutral.format(singular=named.singular, plural=named.plural)


# GeoJSON (RFC 7946)


def forecast_geojson(forecast: "PlaceForecast", *, caveats: Mapping[str, str]) -> dict[str, Any]:
    """A FeatureCollection: one feature for each cell and shift, the cell as a polygon, a named area as its centre.

    Within a shift in order of what is released, not of what is forecast: the order would tell the rest.
    """
    rows = forecast.frame.to_dict("records")
    place = {shift: number for number, shift in enumerate(dict.fromkeys(row["shift_id"] for row in rows))}
    rows.sort(key=lambda row: (place[row["shift_id"]], row["released_rank"], row["place_id"]))
    meta = forecast.meta
    return {
        "type": "FeatureCollection",
        "issued_at": meta.as_of.isoformat(),
        "valid_until": meta.valid_until.isoformat(),
        "outcome": meta.outcome,
        "model": {
            "name": meta.model_name,
            "version": meta.model_version,
            "run_id": meta.run_id,
            "recipe_fingerprint": meta.recipe_fingerprint,
        },
        "data_complete_to": {source: moment.isoformat() for source, moment in sorted(meta.data_complete_to.items())},
        "widened_by": list(meta.widened_by),
        "caveats": [
            caveats["count_range"].format(level=round(100 * SHOWN_LEVEL)),
            *further_caveats(forecast.released_outlooks),
        ],
        "shifts": [_total(one) for one in forecast.released_outlooks],
        "areas": [_total(one) for one in forecast.released_areas],
        "features": [_feature(row) for row in rows],
    }


def further_caveats(outlooks: Sequence["Outlook"]) -> list[str]:
    """What must be said of shifts that are forecast further ahead than any forecast was judged."""
    longest = [one.issue_hours for one in outlooks if further_than_judged(one.issue_hours, one.hours_ahead)]
    return [FURTHER.format(hours=max(longest))] if longest else []


def _total(outlook: "Outlook") -> dict[str, Any]:
    return {**outlook.released(), "expected": round(outlook.expected, DECIMALS)}


def _feature(row: Mapping[Any, Any]) -> dict[str, Any]:
    properties = {
        "place_id": row["place_id"],
        "place_name": row["place_name"],
        "shift_id": row["shift_id"],
        "shift": row["shift_name"],
        "start": row["start"].isoformat(),
        "end": row["end"].isoformat(),
        "issue_hours": int(row["issue_hours"]),
        "expected": float(row["released_expected"]),
        "lower": int(row["released_lower"]),
        "upper": int(row["released_upper"]),
        "rank": int(row["released_rank"]),
        "usual": float(row["released_usual"]),
        "reasons": [{"direction": one["direction"], "text": one["text"]} for one in row["released_reasons"]],
    }
    geometry = geometry_of(row["place_id"], row["latitude"], row["longitude"])
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def geometry_of(place: str, latitude: float | None, longitude: float | None) -> dict[str, Any] | None:
    """The polygon of a hexagon or a square, else the centre of a named area, else null. Never a contact's point."""
    corners = corners_of(place)
    if corners is not None:
        ring = [[round(east, 6), round(north, 6)] for north, east in corners]
        return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    if latitude is None or longitude is None or np.isnan(latitude) or np.isnan(longitude):
        return None
    return {"type": "Point", "coordinates": [round(longitude, 6), round(latitude, 6)]}


def write_whole(path: Path, content: str) -> None:
    """Write a text file so that it appears whole or not at all."""
    write_bytes(path, content.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """The same of bytes."""
    staged = path.with_name(f".{path.name}.part")
    try:
        with staged.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


def write_geojson(path: Path, collection: Mapping[str, Any]) -> None:
    """Write a FeatureCollection."""
    write_whole(path, json.dumps(collection, ensure_ascii=False, allow_nan=False) + "\n")
