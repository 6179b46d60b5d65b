"""What a site's worker does, when, and how long what it made is kept: `[work]`, `[inbox]` and `[retention]`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

from crisisrisk.errors import TimeError
from crisisrisk.tables.configuration_reader import Reader
from crisisrisk.timeline import time_of_day

JOBS: Mapping[str, str] = {
    "load": "load new files from the inbox", "forecast": "forecast the coming shifts", "score": "score people",
    "back_up": "copy the operational database", "expire": "end what is kept no longer",
    "prune_audit": "end looks in the audit trail that are kept no longer",
}  # fmt: skip
"""What each job of the worker is, by its name."""
Times = tuple[time, ...]
"""Local times of day, in order."""

MOST_HOURS_BEFORE, MOST_HOURS_AHEAD = 168, 336
FEWEST_SCORES_DAYS, MOST_DAYS = 180, 36_525
"""Scores are judged by what came in the weeks after them (`crisisrisk monitor`): sooner they cannot go."""


@dataclass(frozen=True, kw_only=True)
class WorkSettings:
    """When the worker does what. Times are local; a job without any is never done."""

    load_every_minutes: int = 15
    forecast_hours_before: tuple[float, ...] = (24, 1)
    """Hours before each shift at which the coming shifts are forecast: the issue times."""
    forecast_hours_ahead: float = 72
    """Each forecast is of every shift that starts in so many hours."""
    score_at: Times = (time(5),)
    expire_at: Times = (time(3, 30),)
    prune_audit_at: Times = (time(3, 45),)
    back_up_at: Times = (time(2, 30),)
    backups_kept: int = 7
    try_again_minutes: int = 15


@dataclass(frozen=True)
class InboxFile:
    """Files whose names fit a pattern (`*`, `?`) are of this mapping, a file beside the site."""

    name: str
    mapping: Path


@dataclass(frozen=True, kw_only=True)
class InboxSettings:
    """Where new files arrive, and which mapping each is loaded by: that of the first pattern that fits its name."""

    folder: Path
    files: tuple[InboxFile, ...]
    settled_seconds: float = 60
    """A file that was written to more recently may not be whole yet, and waits."""


@dataclass(frozen=True, kw_only=True)
class RetentionSettings:
    """After how many days things are ended; None: never."""

    scores_days: int | None = None
    forecasts_days: int | None = None
    inbox_days: int | None = None


_NUMBER = (int, float)
_WORK_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "load_every_minutes": int, "forecast_hours_before": list, "forecast_hours_ahead": _NUMBER, "score_at": list,
    "expire_at": list, "prune_audit_at": list, "back_up_at": list, "backups_kept": int, "try_again_minutes": int,
}  # fmt: skip
_LIMITS: Mapping[str, tuple[float, float]] = {
    "load_every_minutes": (1, 1440), "forecast_hours_ahead": (1, MOST_HOURS_AHEAD), "backups_kept": (1, 366),
    "try_again_minutes": (1, 1440),
}  # fmt: skip


def work_settings(value: Any, read: Reader) -> WorkSettings:
    """`[work]`. Raises SiteError naming the key that is wrong."""
    values = dict(read.table(value, "work", _WORK_KEYS))
    for key, (least, most) in _LIMITS.items():
        if key in values and not least <= values[key] <= most:
            raise read.wrong(f"work.{key}", f"{least} to {most}", values[key])
    for key in [key for key in values if key.endswith("_at")]:
        values[key] = _times(values[key], f"work.{key}", read)
    if "forecast_hours_before" in values:
        values["forecast_hours_before"] = _hours(values["forecast_hours_before"], read)
    return WorkSettings(**values)


def inbox_settings(value: Any, read: Reader, root: Path) -> InboxSettings | None:
    """`[inbox]`; None where there is none. Raises SiteError naming the key that is wrong."""
    if value is None:
        return None
    values = read.table(value, "inbox", {"folder": str, "settled_seconds": _NUMBER, "file": list})
    if not values.get("folder"):
        raise read.wrong("inbox.folder", "a folder beside the site", values.get("folder"))
    seconds = values.get("settled_seconds", InboxSettings.settled_seconds)
    if not 0 <= seconds <= 86_400:
        raise read.wrong("inbox.settled_seconds", "0 to 86400", seconds)
    files = tuple(_file(entry, number, read, root) for number, entry in enumerate(values.get("file", []), 1))
    if not files:
        raise read.wrong("inbox.file", 'at least one [[inbox.file]] with a "name" and a "mapping"', [])
    return InboxSettings(folder=(root / values["folder"]).resolve(), files=files, settled_seconds=seconds)


def retention_settings(value: Any, read: Reader) -> RetentionSettings:
    """`[retention]`. Raises SiteError naming the key that is wrong."""
    fewest = {"scores_days": FEWEST_SCORES_DAYS, "forecasts_days": FEWEST_SCORES_DAYS, "inbox_days": 1}
    values = read.table(value, "retention", dict.fromkeys(fewest, int))
    for key, days in values.items():
        if not fewest[key] <= days <= MOST_DAYS:
            raise read.wrong(f"retention.{key}", f"whole days from {fewest[key]} to {MOST_DAYS}", days)
    return RetentionSettings(**values)


def _times(texts: Sequence[Any], where: str, read: Reader) -> Times:
    try:
        return tuple(sorted({time_of_day(text) for text in texts}))
    except (TimeError, TypeError):
        raise read.wrong(where, 'local times of day such as ["05:00"]', texts) from None


def _hours(hours: Sequence[Any], read: Reader) -> tuple[float, ...]:
    if any(type(one) not in _NUMBER or not 0 <= one <= MOST_HOURS_BEFORE for one in hours):
        raise read.wrong("work.forecast_hours_before", f"hours from 0 to {MOST_HOURS_BEFORE}", hours)
    return tuple(hours)


def _file(entry: Any, number: int, read: Reader, root: Path) -> InboxFile:
    where = f"inbox.file {number}"
    values = read.table(entry, where, {"name": str, "mapping": str})
    if values.keys() != {"name", "mapping"}:
        raise read.wrong(where, 'a "name" such as "police_999_*.csv" and a "mapping"', entry)
    return InboxFile(values["name"], (root / values["mapping"]).resolve())
