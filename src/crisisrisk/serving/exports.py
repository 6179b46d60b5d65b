"""Places as files: CSV that no spreadsheet runs, Parquet, GeoJSON that opens as a layer. Each says what it is worth.

Files are releases: what goes into one has passed disclosure control, and its caveats and validity go with every row.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as pq

from crisisrisk.serving.answers import Hotspot, Hotspots
from crisisrisk.serving.geojson import MEDIA_TYPE, feature_collection

CSV, PARQUET = "text/csv; charset=utf-8", "application/vnd.apache.parquet"
_RUNS = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet takes for a formula."""
_METADATA = b"crisisrisk"


def rows_of(hotspots: Hotspots) -> list[dict[str, Any]]:
    """A row for each place. What holds for all of them is in each, so that no row is without it."""
    about = {
        "shift_id": hotspots.shift.id, "shift_start": hotspots.shift.start, "shift_end": hotspots.shift.end,
        "outcome": hotspots.outcome, "as_of": hotspots.as_of, "valid_until": hotspots.valid_until,
        "model": f"{hotspots.model.name} v{hotspots.model.version}", "run_id": hotspots.model.run_id,
        "reference": hotspots.reference, "released": hotspots.released, "caveats": " · ".join(hotspots.caveats),
    }  # fmt: skip
    return [{**_place(place), **about} for place in hotspots.places]


def _place(place: Hotspot) -> dict[str, Any]:
    said = place.model_dump(exclude={"reasons"})
    return {**said, "reasons": " · ".join(reason.text for reason in place.reasons)}


def as_csv(hotspots: Hotspots) -> str:
    """Comma-separated, a header first. Texts that a spreadsheet would run begin with an apostrophe."""
    columns = list(rows_of(hotspots.model_copy(update={"places": [NOBODYS_PLACE]}))[0])
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows_of(hotspots))
    return text.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return f"'{value}" if isinstance(value, str) and value.startswith(_RUNS) else value


def as_parquet(hotspots: Hotspots) -> bytes:
    """The same columns, typed; what every answer says about itself stands in the file's metadata too."""
    columns = rows_of(hotspots) or rows_of(hotspots.model_copy(update={"places": [NOBODYS_PLACE]}))
    table = pa.Table.from_pylist(columns)[: len(hotspots.places)]
    about = json.dumps(hotspots.model_dump(mode="json", exclude={"places"}), ensure_ascii=False)
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({_METADATA: about.encode()}), sink)
    return sink.getvalue()


NOBODYS_PLACE = Hotspot(
    place_id="", place_name="", latitude=0.0, longitude=0.0, expected=0.0, lower=0.0, upper=0.0, usual=0.0, rank=1,
    probability=0.0, likely_in_100=0.1, reasons=[],
)  # fmt: skip
"""For the columns of a file without a place."""


def as_features(hotspots: Hotspots, *, made_at: str, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """A FeatureCollection as OGC API Features has them: links, counts, the moment, and the box of what it holds."""
    collection = feature_collection(hotspots)
    box = bounding_box(collection["features"])
    return {
        **collection,
        **({} if box is None else {"bbox": box}),
        "timeStamp": made_at,
        "numberReturned": len(hotspots.places),
        "links": _links(path, asked),
    }


def _links(path: str, asked: Mapping[str, Any]) -> list[dict[str, str]]:
    forms = {"geojson": MEDIA_TYPE, "json": "application/json", "csv": CSV}
    given = {name: value for name, value in asked.items() if value not in (None, False)}
    return [
        {"rel": "self" if form == "geojson" else "alternate", "type": kind,
         "href": f"{path}?{urlencode({**given, 'f': form})}"}
        for form, kind in forms.items()
    ]  # fmt: skip


def bounding_box(features: Sequence[Mapping[str, Any]]) -> list[float] | None:
    """West, south, east, north of what is drawn; None where nothing is. No site of ours crosses the date line."""
    points = [point for one in features if one["geometry"] for point in _points(one["geometry"]["coordinates"])]
    if not points:
        return None
    east, north = [point[0] for point in points], [point[1] for point in points]
    return [min(east), min(north), max(east), max(north)]


def _points(coordinates: Sequence[Any]) -> list[Sequence[float]]:
    if isinstance(coordinates[0], int | float):
        return [coordinates]
    return [point for part in coordinates for point in _points(part)]
