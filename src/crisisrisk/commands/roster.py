"""Forecast the shifts of the weeks that a rota is written for, of whole areas."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from crisisrisk.commands.outputs import require_ending, write_table
from crisisrisk.errors import DataError, UsageError
from crisisrisk.features.place_roster import MOST_WEEKS
from crisisrisk.models.champions import champion
from crisisrisk.scoring.release import write_whole
from crisisrisk.scoring.roster import Roster, roster
from crisisrisk.tables.larger_places import WHOLE_ID
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

if TYPE_CHECKING:
    import pandas as pd

USUAL_WEEKS = "6..12"


@dataclass(frozen=True, kw_only=True)
class RosterResult:
    """A roster as it was made. `released`: what a file holds, without counts of events."""

    roster: Roster
    released: dict[str, Any]
    zone: ZoneInfo
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """`forecast --roster --json`: what a file holds, with the seconds beside it."""
        return {**self.released, "seconds": round(self.seconds, 2)}

    def as_text(self) -> str:
        """A line a day with each of its shifts, then what is usual by area, for a terminal."""
        frame, fitted = self.roster.frame, self.roster.model
        whole = frame[frame["area_id"] == WHOLE_ID]
        told = f"what lasts of the recent level was seen after {fitted.origins} Mondays"
        return "\n".join([*self.roster.caveats, told, "", *_days(whole, self.zone), "", *_areas(frame)])


def _days(whole: "pd.DataFrame", zone: ZoneInfo) -> Iterator[str]:
    """Expected contacts with their range: `Mon 18 Jan   day 5.2 (2 to 9)   night 6.1 (2 to 10)`."""
    days = whole["start"].map(lambda moment: moment.astimezone(zone).date())
    for day, shifts in whole.groupby(days, sort=True):
        told = "   ".join(
            f"{row['shift_name']} {row['expected']:.1f} ({row['lower']} to {row['upper']})"
            for row in shifts.to_dict("records")
        )
        yield f"{day:%a %-d %b}".ljust(12) + told


def _areas(frame: "pd.DataFrame") -> Iterator[str]:
    """For each area and kind of shift the mean over the weeks beside what is usual; shift by shift in a file."""
    areas = frame[frame["area_id"] != WHOLE_ID]
    for (_, name, shift), rows in areas.groupby(["area_id", "area_name", "shift_name"], sort=True):
        mean, usual = rows["expected"].mean(), rows["usual"].mean()
        yield f"{name:<24} {shift:<10} {mean:.1f} a shift, usual {usual:.1f}"


def forecast_roster(site: Site, *, weeks: str, out: Path | None) -> RosterResult:
    """The shifts that start from so many weeks ahead of the site's clock to so many: `6..12`."""
    started = time.monotonic()
    span = weeks_of_text(weeks)
    require_ending(out, (".json", ".csv"))
    snapshot = Store(site).snapshot()
    if not any(counts.rows for counts in snapshot.sources().values()):
        raise DataError("CR-DATA-005", "there is not one event to forecast from", hint="load files first")
    made = roster(champion(site.models, "place"), snapshot, site, weeks=span, issued_at=snapshot.as_of_now())
    released = made.released()
    if out is not None:
        _write(out, released)
    return RosterResult(
        roster=made, released=released, zone=site.time_zone, seconds=time.monotonic() - started
    )  # fmt: skip


def weeks_of_text(text: str) -> tuple[int, int]:
    """`6..12` as its two numbers. Raises UsageError for anything else, and beyond twelve weeks."""
    read = re.fullmatch(r"(\d{1,2})\.\.(\d{1,2})", text)
    if read is None or not int(read[1]) < int(read[2]) <= MOST_WEEKS:
        raise UsageError(
            "CR-USE-001", "not a stretch of weeks for a roster", where="--weeks", found=repr(text),
            wanted=f"{USUAL_WEEKS}: from six weeks ahead to twelve, and {MOST_WEEKS} at most",
        )  # fmt: skip
    return int(read[1]), int(read[2])


def _write(out: Path, released: dict[str, Any]) -> None:
    import pandas as pd

    if out.suffix == ".csv":
        write_table(pd.DataFrame(released["shifts"]).assign(issued_at=released["issued_at"]), out)
    else:
        write_whole(out, json.dumps(released, ensure_ascii=False, allow_nan=False, indent=1) + "\n")
