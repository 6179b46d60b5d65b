"""Sites that a coordinator said take nobody for a time: a plan leaves them out of those hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.positioning.crews import Span
from crisisrisk.positioning.site_names import SiteNames


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

    def as_text(self, zone: ZoneInfo, names: SiteNames) -> str:
        """In a line."""
        since, until = (moment.astimezone(zone) for moment in (self.since, self.until))
        span = f"{since:%a %H:%M} until {until:%a %H:%M}"
        return f"left out: {names.both(self.site)}, {self.state} since {span}: {self.reason}"


def shut_then(out: Sequence[LeftOut]) -> Mapping[str, tuple[Span, ...]]:
    """By site when it takes nobody, in order of time."""
    found: dict[str, tuple[Span, ...]] = {}
    for one in sorted(out, key=lambda one: one.since):
        found[one.site] = (*found.get(one.site, ()), (one.since, one.until))
    return found
