"""How long ago: the last, the first, and the last time that anything was heard."""

from crisisrisk.features.aggregations.declared import (
    DAY,
    FIRST,
    HEARD,
    LAST,
    Example,
    PersonAggregation,
    Seen,
)
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec


def _since_last(spec: FeatureSpec, seen: Seen) -> float | None:
    return (seen.as_of - seen.events[-1].occurred_at) / DAY if seen.events else None


def _since_first(spec: FeatureSpec, seen: Seen) -> float | None:
    return (seen.as_of - seen.events[0].occurred_at) / DAY if seen.events else None


def _since_heard(spec: FeatureSpec, seen: Seen) -> float | None:
    return (seen.as_of - max(one.known_at for one in seen.events)) / DAY if seen.events else None


_TABLE = """
occurred          known
2025-03-01 00:00  =
2025-03-11 00:00  2025-03-30 12:00
2025-03-21 06:00  =
"""


def _group(name: str) -> str:
    return f'sources = ["crisis_line"]\naggregations = ["{name}"]'


AGGREGATIONS = (
    PersonAggregation(
        name="days_since_last",
        column="{column}_days_since_last",
        meaning="Days, with their fraction, since the last of all {plural} that had occurred.",
        reason="last {singular} {count} days ago",
        if_none=NOT_KNOWN,
        lookback="none",
        unit="days",
        definition="From the latest occurrence among the events to the as-of moment.",
        define=_since_last,
        mark=LAST,
        examples=(
            Example(
                says="The last is by when it occurred, not by when it became known.",
                group=_group("days_since_last"), table=_TABLE, as_of="2025-03-31", value=9.75,
            ),
        ),
    ),
    PersonAggregation(
        name="days_since_first",
        column="{column}_days_since_first",
        meaning="Days, with their fraction, since the first of all {plural}, as far as anything is known.",
        reason="first {singular} {count} days ago",
        if_none=NOT_KNOWN,
        lookback="none",
        unit="days",
        definition="From the earliest occurrence among the events to the as-of moment.",
        define=_since_first,
        mark=FIRST,
        examples=(
            Example(
                says="The first of three calls was 30 days before.",
                group=_group("days_since_first"), table=_TABLE, as_of="2025-03-31", value=30,
            ),
        ),
    ),
    PersonAggregation(
        name="days_since_heard",
        column="{column}_days_since_heard",
        meaning="Days, with their fraction, since one of the {plural} last became known: how long the feed is silent"
        " about the person.",
        reason="nothing new of {plural} for {count} days",
        if_none=NOT_KNOWN,
        lookback="none",
        unit="days",
        definition="From the latest `known_at` among the events to the as-of moment. A late record ends a silence"
        " on the day it arrives.",
        define=_since_heard,
        mark=HEARD,
        examples=(
            Example(
                says="The call of 11 March was heard of only on the 30th at noon.",
                group=_group("days_since_heard"), table=_TABLE, as_of="2025-03-31", value=0.5,
            ),
        ),
    ),
)  # fmt: skip
