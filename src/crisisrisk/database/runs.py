"""Runs of scoring and forecasting, as they are kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from crisisrisk.database.scores import RunMeta

# Both SQLite and PostgreSQL limit how many values one statement may carry.
IDS_AT_ONCE = 500


@dataclass(frozen=True)
class StoredRun:
    """A run of scoring or forecasting, and its number in the database."""

    number: int
    meta: RunMeta


def stored_run(row: Row[Any]) -> StoredRun:
    """A run as it is kept."""
    complete = {source: datetime.fromisoformat(text) for source, text in row.data_complete_to.items()}
    names = ("task", "model_name", "model_version", "recipe_fingerprint", "horizon_days", "as_of", "valid_until",
             "made_at", "outcome")  # fmt: skip
    values = {name: getattr(row, name) for name in names}
    if "tie_seed" in row._fields:
        values |= {"former_versions": tuple(row.former_versions or ()), "tie_seed": row.tie_seed}
    if "modes" in row._fields:
        values |= {"modes": row.modes or {}, "widened_by": tuple(row.widened_by or ())}
    return StoredRun(row.id, RunMeta(run_id=row.model_run_id, data_complete_to=complete, **values))
