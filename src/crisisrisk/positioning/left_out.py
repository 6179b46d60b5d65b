"""Sites that a plan leaves out because a coordinator said that they take nobody."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A site that is full or closed (`state`) from `since` until `until`, and why."""

    site: str
    state: str
    since: datetime
    until: datetime
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        span = {"from": self.since.isoformat(), "until": self.until.isoformat()}
        return {"site_id": self.site, "state": self.state, **span, "reason": self.reason}

    def as_text(self, zone: ZoneInfo) -> str:
        """In a line."""
        since, until = (moment.astimezone(zone) for moment in (self.since, self.until))
        return f"left out: {self.site}, {self.state} since {since:%a %H:%M} until {until:%a %H:%M}: {self.reason}"
