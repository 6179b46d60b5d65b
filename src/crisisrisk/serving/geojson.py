"""Cells as GeoJSON (RFC 7946): longitude first, rings closed and anticlockwise."""

from typing import Any

import h3

from crisisrisk.serving.answers import Hotspot, Hotspots

MEDIA_TYPE = "application/geo+json"


def feature_collection(hotspots: Hotspots) -> dict[str, Any]:
    """The cells as features; what every answer about risk says about itself stays beside them."""
    about = hotspots.model_dump(mode="json", exclude={"places"})
    return {"type": "FeatureCollection", **about, "features": [_feature(place) for place in hotspots.places]}


def _feature(place: Hotspot) -> dict[str, Any]:
    properties = place.model_dump(mode="json", exclude={"latitude", "longitude"})
    return {"type": "Feature", "id": place.place_id, "geometry": geometry(place), "properties": properties}


def geometry(place: Hotspot) -> dict[str, Any] | None:
    """The hexagon of an H3 cell, else the centre, else null."""
    if h3.is_valid_cell(place.place_id):
        ring = [[round(east, 6), round(north, 6)] for north, east in h3.cell_to_boundary(place.place_id)]
        return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
    if place.latitude is None or place.longitude is None:
        return None
    return {"type": "Point", "coordinates": [round(place.longitude, 6), round(place.latitude, 6)]}


def inside(place_latitude: float | None, place_longitude: float | None, box: tuple[float, float, float, float]) -> bool:
    """Whether a centre is in a box of west, south, east, north. A box may cross the date line: west above east."""
    if place_latitude is None or place_longitude is None:
        return False
    west, south, east, north = box
    beside = west <= place_longitude <= east if west <= east else place_longitude >= west or place_longitude <= east
    return beside and south <= place_latitude <= north
