"""How contacts become counts of places: the rule alone, without the engine that follows it."""

from dataclasses import dataclass

NOT_DEMAND = ("team_initiated", "follow_up")
"""Origins of contacts that a service itself set out to make."""


@dataclass(frozen=True, kw_only=True)
class CountingRule:
    """How contacts become counts of places. 0 switches a step off.

    One person counts at most `most_per_person` times in a cell within `per_days`. Reports of two sources within
    `duplicate_minutes` are one incident where they are `duplicate_metres` apart at most (in the same cell, where one
    has no coordinates) and not of two different people. A source's day with more than `most_times_usual` times its
    usual day is flagged, and not learned.
    """

    most_per_person: int = 0
    per_days: int = 28
    duplicate_minutes: int = 0
    duplicate_metres: int = 0
    most_times_usual: float = 0.0
