"""Cells as GeoJSON (RFC 7946): longitude first, rings closed and anticlockwise."""

from typing import Any

from crisisrisk.scoring.release import geometry_of
from crisisrisk.serving.answers import Hotspot, Hotspots

MEDIA_TYPE = "application/geo+json"


def feature_collection(hotspots: Hotspots) -> dict[str, Any]:
    """The cells as features; what every answer about risk says about itself stays beside them."""
    about = hotspots.model_dump(mode="json", exclude={"places"})
    return {"type": "FeatureCollection", **about, "features": [_feature(place) for place in hotspots.places]}


def _feature(place: Hotspot) -> dict[str, Any]:
    properties = place.model_dump(mode="json", exclude={"latitude", "longitude"})
    return {
        "type": "Feature",
        "id": place.place_id,
        "geometry": geometry_of(place.place_id, place.latitude, place.longitude),
        "properties": properties,
    }


def inside(place_latitude: float | None, place_longitude: float | None, box: tuple[float, float, float, float]) -> bool:
    """Whether a centre is in a box of west, south, east, north. A box may cross the date line: west above east."""
    if place_latitude is None or place_longitude is None:
        return False
    west, south, east, north = box
    beside = west <= place_longitude <= east if west <= east else place_longitude >= west or place_longitude <= east
    return beside and south <= place_latitude <= north
