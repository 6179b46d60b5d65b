"""Barriers and their crossings from a GeoJSON file: lines and outlines are barriers, points are crossings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crisisrisk.errors import DataError
from crisisrisk.positioning.travel import Barriers

Line = tuple[tuple[float, float], ...]


def barriers_of(path: Path) -> Barriers:
    """The barriers of a file, as latitude and longitude. Raises DataError for one that has none or cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        geometries = list(_geometries(content))
        lines = tuple(line for geometry in geometries for line in _lines(geometry))
        crossings = tuple(point for geometry in geometries for point in _points(geometry))
    except (OSError, UnicodeDecodeError, ValueError, TypeError, KeyError, IndexError) as problem:
        raise _unusable(path, str(problem).splitlines()[0] or type(problem).__name__) from None
    if not lines:
        raise _unusable(path, f"{len(crossings)} points and not one line")
    return Barriers(lines=lines, crossings=crossings)


def _unusable(path: Path, found: str) -> DataError:
    return DataError(
        "CR-PLAN-002", "the file of barriers cannot be used", where=str(path), found=found,
        wanted="GeoJSON with a LineString for each barrier and a Point for each crossing",
    )  # fmt: skip


def _geometries(content: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if content["type"] == "FeatureCollection":
        for feature in content["features"]:
            yield from _geometries(feature)
    elif content["type"] == "Feature":
        yield from _geometries(content["geometry"])
    elif content["type"] == "GeometryCollection":
        for geometry in content["geometries"]:
            yield from _geometries(geometry)
    else:
        yield content


def _lines(geometry: dict[str, Any]) -> Iterator[Line]:
    given = geometry["coordinates"]
    kinds = {"LineString": [given], "MultiLineString": given, "Polygon": given}
    nested = [ring for polygon in given for ring in polygon] if geometry["type"] == "MultiPolygon" else []
    for line in [*kinds.get(geometry["type"], []), *nested]:
        points = tuple(_point(one) for one in line)
        if len(points) < 2:
            raise ValueError("a line of fewer than two points")
        yield points


def _points(geometry: dict[str, Any]) -> Iterator[tuple[float, float]]:
    given = geometry["coordinates"]
    yield from (_point(one) for one in {"Point": [given], "MultiPoint": given}.get(geometry["type"], []))


def _point(given: list[float]) -> tuple[float, float]:
    """Latitude and longitude: GeoJSON has the longitude first."""
    longitude, latitude = float(given[0]), float(given[1])
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError(f"a point at longitude {longitude:g} and latitude {latitude:g}")
    return latitude, longitude
