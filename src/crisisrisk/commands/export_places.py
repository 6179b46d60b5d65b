"""The places of a shift as a file, from the forecast that was kept. A file is a release."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from crisisrisk.commands.brief import shift_asked_for
from crisisrisk.commands.outputs import require_ending
from crisisrisk.database.upgrade import current_engine
from crisisrisk.scoring.release import write_bytes
from crisisrisk.serving.forecasts import newest_forecast
from crisisrisk.serving.routes.places import HotspotsQuery, board_of, in_form
from crisisrisk.serving.settings import read_settings
from crisisrisk.serving.state import Service
from crisisrisk.tables.site import Site

ENDINGS = {"csv": (".csv",), "geojson": (".geojson", ".json"), "parquet": (".parquet",)}


@dataclass(frozen=True, kw_only=True)
class PlacesFile:
    """A file that was written."""

    shift_id: str
    places: int
    valid_until: datetime
    out: Path

    def as_json(self) -> dict[str, Any]:
        """The fields of `export csv --json`, of the other forms too."""
        return {
            "shift": self.shift_id, "places": self.places, "valid_until": self.valid_until.isoformat(),
            "out": str(self.out),
        }  # fmt: skip


def export_places(
    site: Site, *, form: str, start: datetime | None, out: Path, environ: Mapping[str, str]
) -> PlacesFile:  # fmt: skip
    """Write the places of the shift that starts at `start`, else of the one that runs or comes next, in a form.

    Raises UsageError for a shift without a forecast, and for another ending than the form's.
    """
    require_ending(out, ENDINGS[form])
    current_engine(site.database_url).dispose()
    service = Service(read_settings(site, environ))
    try:
        stored, cells = newest_forecast(service, shift_asked_for(service, start).shift_id)
        query = HotspotsQuery.model_validate({"limit": max(1, len(cells)), "f": form, "download": True})
        board = board_of(service, stored, cells, released=True, query=query)
        content = in_form(board, query, service.now())
    finally:
        service.auditor.close()
        service.engine.dispose()
    write_bytes(out, bytes(content.body))
    return PlacesFile(
        shift_id=stored.shift_id, places=len(board.places), valid_until=board.valid_until, out=out
    )  # fmt: skip
