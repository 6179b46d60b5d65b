"""Ending what the site's `[retention]` keeps no longer."""

import time
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from crisisrisk.database.expiry import end_forecast_runs, end_scoring_runs
from crisisrisk.operations.inbox import DONE, REFUSED
from crisisrisk.tables.site import Site


def expire(site: Site, engine: Engine, *, now: datetime) -> dict[str, int]:
    """End what is older than its days, and give how many of each kind that were. What has no days stays.

    `now` is the site's clock for scores and forecasts, which stand at it; files are as old as their folder says.
    """
    kept, ended = site.retention, {}
    if kept.scores_days is not None:
        ended["scorings_ended"] = end_scoring_runs(engine, before=now - timedelta(days=kept.scores_days))
    if kept.forecasts_days is not None:
        ended["forecasts_ended"] = end_forecast_runs(engine, before=now - timedelta(days=kept.forecasts_days))
    if kept.inbox_days is not None and site.inbox is not None:
        oldest = time.time() - timedelta(days=kept.inbox_days).total_seconds()
        folders = [site.inbox.folder / name for name in (DONE, REFUSED)]
        ended["files_ended"] = sum(_end_files(folder, oldest) for folder in folders)
    return ended


def _end_files(folder: Path, oldest: float) -> int:
    old = [path for path in folder.glob("*") if path.is_file() and path.stat().st_mtime < oldest]
    for path in old:
        path.unlink()
    return len(old)
