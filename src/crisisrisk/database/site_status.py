"""Sites of care that a coordinator says are full or closed: set with a reason, and ending by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, func, insert, select

from crisisrisk.database.engine import writing
from crisisrisk.database.schema import SiteStatus

OPEN = "open"
STATES = ("full", "closed", OPEN)
"""What can be set; `open` ends what was set before."""


@dataclass(frozen=True, kw_only=True)
class StoredStatus:
    """What was set of a site: from `starts` and before `ends`, by whom (a key's id and role), and why."""

    site_id: str
    state: str
    reason: str
    starts: datetime
    ends: datetime
    set_at: datetime
    set_by: str
    role: str

    def takes_nobody_in(self, start: datetime, end: datetime) -> bool:
        """Whether the site is full or closed at any time in `[start, end)`."""
        return self.state != OPEN and self.starts < end and start < self.ends


_NAMES = ("site_id", "state", "reason", "starts", "ends", "set_at", "set_by", "role")


def set_status(engine: Engine, status: StoredStatus) -> None:
    """Set what holds of a site from now on, in place of what was set of it before. All that was set is kept."""
    with writing(engine) as connection:
        connection.execute(insert(SiteStatus).values(**{name: getattr(status, name) for name in _NAMES}))


def statuses(engine: Engine) -> dict[str, StoredStatus]:
    """By site what was set of it last, whether or not it has ended."""
    newest = select(func.max(SiteStatus.id)).group_by(SiteStatus.site_id)
    with engine.connect() as connection:
        rows = connection.execute(select(SiteStatus.__table__).where(SiteStatus.id.in_(newest))).all()
    return {row.site_id: _status(row) for row in sorted(rows, key=lambda row: str(row.site_id))}


def taking_nobody(engine: Engine, start: datetime, end: datetime) -> Sequence[StoredStatus]:
    """The sites that are full or closed at any time in `[start, end)`, by id."""
    return [status for status in statuses(engine).values() if status.takes_nobody_in(start, end)]


def _status(row: Row[Any]) -> StoredStatus:
    return StoredStatus(**{name: getattr(row, name) for name in _NAMES})
