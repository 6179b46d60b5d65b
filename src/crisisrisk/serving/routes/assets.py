"""What pages load: the same bytes for everybody, kept by browsers for as long as they like."""

from typing import Annotated

from fastapi import APIRouter, Header, Response

from crisisrisk.serving.access import WELL
from crisisrisk.serving.pages.assets import ASSETS, assets
from crisisrisk.serving.problems import nothing_here

asset_files = APIRouter(prefix=ASSETS, tags=["pages"], include_in_schema=False, dependencies=[WELL])

A_YEAR = "public, max-age=31536000, immutable"


@asset_files.get("/{digest}/{name}")
def asset(digest: str, name: str, accept_encoding: Annotated[str, Header()] = "") -> Response:
    """One file, under the digest of what is in it."""
    found = assets().get(name)
    if found is None or found.address != f"{ASSETS}/{digest}/{name}":
        raise nothing_here()
    headers = {"Cache-Control": A_YEAR, "Vary": "Accept-Encoding"}
    if "gzip" not in accept_encoding:
        return Response(found.content, media_type=found.media_type, headers=headers)
    return Response(found.compressed, media_type=found.media_type, headers={**headers, "Content-Encoding": "gzip"})
