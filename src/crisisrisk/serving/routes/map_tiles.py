"""Tiles under the map of a shift, of the site's own folder or file."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from crisisrisk.serving.access import PlaceViewer
from crisisrisk.serving.problems import nothing_here
from crisisrisk.serving.state import ServiceOf
from crisisrisk.serving.tiles import MOST_ZOOM

map_tiles = APIRouter(prefix="/map/tiles", tags=["pages"], include_in_schema=False)

A_DAY = "private, max-age=86400"
"""A tile says nothing of anybody, nor of any forecast."""
Level = Annotated[int, Path(ge=0, le=MOST_ZOOM)]
Row = Annotated[int, Path(ge=0, lt=1 << MOST_ZOOM)]


@map_tiles.get("/{z}/{x}/{y}")
def tile(z: Level, x: Row, y: Row, _viewer: PlaceViewer, service: ServiceOf) -> Response:
    """One tile, for who may see places."""
    found = None if service.tiles is None or max(x, y) >> z else service.tiles.tile(z, x, y)
    if found is None:
        raise nothing_here()
    content, kind = found
    return Response(content, media_type=kind, headers={"Cache-Control": A_DAY})
