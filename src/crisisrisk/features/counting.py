"""How contacts become counts of places: the rule alone, without the engine that follows it."""

from dataclasses import dataclass

NOT_DEMAND = ("team_initiated", "follow_up")
"""Origins of contacts that a service itself set out to make."""
TEAM_INITIATED = "team_initiated"
ACCEPTED_AS = "public"
"""What a weighted contact of a team's own counts as: recipes and features ask for the origins of demand alone."""


@dataclass(frozen=True, kw_only=True)
class CountingRule:
    """How contacts become counts of places. 0 switches a step off.

    One person counts at most `most_per_person` times in a cell within `per_days`. Reports of two sources within
    `duplicate_minutes` are one incident where they are `duplicate_metres` apart at most (in the same cell, where one
    has no coordinates) and not of two different people: `every` such report, or `one_each` of a source and all
    that name the incident's person (`duplicates`). A source's day with more than `most_times_usual` times its usual day
    is flagged, and not learned.

    Contacts that a team set out to make are left out (`exclude`), or count by the inverse of the share of the teams'
    time in the `visit_days` before that was spent in their cell, at most `most_weight` (`weight`).
    """

    most_per_person: int = 0
    per_days: int = 28
    duplicate_minutes: int = 0
    duplicate_metres: int = 0
    duplicates: str = "every"
    most_times_usual: float = 0.0
    team_initiated: str = "exclude"
    most_weight: float = 20.0
    visit_days: int = 91
