"""The briefing of a shift on one page, from what the database keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from crisisrisk.commands.outputs import require_ending
from crisisrisk.database.latest import StoredShift, shifts_between
from crisisrisk.database.upgrade import current_engine
from crisisrisk.errors import UsageError
from crisisrisk.scoring.release import write_whole
from crisisrisk.serving.briefing import brief_of
from crisisrisk.serving.settings import read_settings
from crisisrisk.serving.sheet import Sheet
from crisisrisk.serving.sheet_content import sheet_of
from crisisrisk.serving.state import Service
from crisisrisk.tables.site import Site

LONGEST_SHIFT, FURTHEST = timedelta(days=1), timedelta(days=28)
HTML, TEXT = (".html", ".htm"), (".txt",)


@dataclass(frozen=True)
class BriefResult:
    """A briefing, and where it was written."""

    shift_id: str
    sheet: Sheet
    out: Path | None

    def as_json(self) -> dict[str, Any]:
        """The fields of `brief --json`."""
        return {"shift": self.shift_id, **self.sheet.as_json(), "out": None if self.out is None else str(self.out)}


def brief(site: Site, *, start: datetime | None, out: Path | None, environ: Mapping[str, str]) -> BriefResult:
    """The page of the shift that starts at `start`, else of the one that runs or comes next and was forecast.

    `out`: where it is written too, `.html` or `.txt`. A page is a release. Raises UsageError for a shift without one.
    """
    require_ending(out, (*HTML, *TEXT))
    current_engine(site.database_url).dispose()
    service = Service(read_settings(site, environ))
    try:
        shift = shift_asked_for(service, start)
        sheet = sheet_of(brief_of(service, shift.shift_id), site.time_zone)
    finally:
        service.auditor.close()
        service.engine.dispose()
    if out is not None:
        write_whole(out, sheet.as_html() if out.suffix.lower() in HTML else sheet.as_text() + "\n")
    return BriefResult(shift.shift_id, sheet, out)


def shift_asked_for(service: Service, start: datetime | None) -> StoredShift:
    """The shift that starts at a moment, else the one that runs or comes next. Raises UsageError without a forecast."""
    now, model_name = service.now(), service.settings.service.place_model
    begin, end = (now - LONGEST_SHIFT, now + FURTHEST) if start is None else (start, start + timedelta(seconds=1))
    found = shifts_between(service.engine, begin, end, model_name=model_name, at=now)
    coming = [shift for shift in found if start is not None or shift.end > now]
    if not coming:
        raise UsageError(
            "CR-USE-001", "no forecast was kept of this shift", found="" if start is None else start.isoformat(),
            wanted="a shift that was forecast", hint="crisisrisk forecast",
        )  # fmt: skip
    return coming[0]
