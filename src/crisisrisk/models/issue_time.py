"""How a model of places answers at each of its issue times: so many hours before a shift.

The trees are the same at all of them; how much of what they add still holds, and how counts scatter, is of each.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from crisisrisk.errors import ModelError
from crisisrisk.models.place_distribution import PlaceDistribution


@dataclass(frozen=True, kw_only=True)
class IssueTime:
    """One issue time. `hold`: 1 where the trees count in full, 0 where only the simple forecast is left."""

    hours: int
    hold: float = 1.0
    distribution: PlaceDistribution = field(default_factory=PlaceDistribution)

    def __post_init__(self) -> None:
        if self.hours < 0 or not 0 <= self.hold <= 1:
            raise ModelError("CR-MODEL-002", "an issue time of the model cannot be used", found=f"{self.hours} hours")


def issue_time_for(times: Sequence[IssueTime], hours_ahead: float) -> IssueTime:
    """The shortest issue time that is not below `hours_ahead`: none shorter, which would need what is not known yet.

    Further ahead than every issue time the longest answers; `further_than_judged` says so.
    """
    long_enough = [one for one in times if one.hours >= hours_ahead]
    return min(long_enough, key=lambda one: one.hours) if long_enough else max(times, key=lambda one: one.hours)


def further_than_judged(issue_hours: float, hours_ahead: float) -> bool:
    """Whether a forecast was made further ahead than the issue time whose intervals and figures it has."""
    return hours_ahead > issue_hours


def issue_times_to_json(times: Sequence[IssueTime]) -> str:
    """Numbers only."""
    content = [
        {"hours": one.hours, "hold": one.hold, "distribution": json.loads(one.distribution.to_json())} for one in times
    ]
    return json.dumps(content, sort_keys=True, allow_nan=False)


def issue_times_from_json(text: str) -> tuple[IssueTime, ...]:
    """What `issue_times_to_json` wrote. Raises ModelError when it is something else."""
    try:
        found = tuple(
            IssueTime(
                hours=int(one["hours"]), hold=float(one["hold"]),
                distribution=PlaceDistribution.from_json(json.dumps(one["distribution"])),
            )
            for one in json.loads(text)
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ModelError("CR-MODEL-002", "the issue times of the model cannot be read") from None
    return found
