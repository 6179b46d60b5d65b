"""From `--site` to a site: the only place in the commands that reads the environment."""

import os
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from crisisrisk.errors import TimeError, UsageError
from crisisrisk.tables.site import CONFIGURATION, Site, find_site, read_site
from crisisrisk.tables.waiting_key import refuse_cut_off
from crisisrisk.timeline import EARLIEST, LATEST, utc_from_local


def open_site(option: str | None, *, cut_off: bool = False) -> Site:
    """The site that `--site`, CRISISRISK_SITE or the current folder names.

    Raises DataError while a change of the pseudonyms' key is under way, unless `cut_off` says that it may be.
    """
    site = read_site(find_site(option, os.environ, Path.cwd()))
    if not cut_off:
        refuse_cut_off(site)
    return site


def site_round(bundle: Path) -> str | None:
    """The site whose models folder a bundle lies in, if any."""
    folder = bundle.resolve().parent.parent.parent
    return str(folder) if (folder / CONFIGURATION).is_file() else None


def moment(text: str, zone: ZoneInfo) -> datetime:
    """An instant from text: ISO 8601 with its zone, or a date or local time of the site."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "CR-USE-001", "not a moment", found=repr(text), wanted="2026-11-22, 2026-11-22T06:00 or 2026-11-22T06:00Z"
        ) from None
    if not EARLIEST.year <= read.year < LATEST.year:
        raise UsageError(
            "CR-USE-001",
            "a moment too far away",
            found=text,
            wanted=f"a year from {EARLIEST.year} to {LATEST.year - 1}",
        )
    try:
        return read.astimezone(UTC) if read.tzinfo else utc_from_local(read, zone)
    except TimeError as problem:
        hint = "say which instant is meant, with its zone: 2026-10-25T00:30Z"
        raise UsageError("CR-USE-001", problem.problem, found=problem.found, hint=hint) from None
