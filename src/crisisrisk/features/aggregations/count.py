"""How many: in a lookback, in one week of the past, or whether there were any at all."""

from crisisrisk.features.aggregations.declared import Example, Formula, PersonAggregation, Seen, counted
from crisisrisk.features.specs import FeatureSpec

_WEEK = 7


def _count(spec: FeatureSpec) -> Formula:
    return Formula(above=((1, counted(spec)),), below_constant=1, guard=(counted(spec),))


def _define_count(spec: FeatureSpec, seen: Seen) -> float | None:
    return len(seen.within(spec.lookback_days)) or None


def _count_in_week(spec: FeatureSpec) -> Formula:
    before = int(spec.lookback_days or 0) - _WEEK
    whole = counted(spec)
    if before == 0:
        return Formula(above=((1, whole),), below_constant=1, guard=(whole,))
    return Formula(above=((1, whole), (-1, counted(spec, days=before))), below_constant=1, guard=(whole,))


def _define_count_in_week(spec: FeatureSpec, seen: Seen) -> float | None:
    days = int(spec.lookback_days or 0)
    until = seen.as_of if days == _WEEK else None
    whole, later = seen.within(days), [] if until else seen.within(days - _WEEK)
    return len(whole) - len(later) if whole else None


def _any(spec: FeatureSpec) -> Formula:
    return Formula(above_constant=1, below_constant=1, guard=(counted(spec),))


def _define_any(spec: FeatureSpec, seen: Seen) -> float | None:
    return 1.0 if seen.within(spec.lookback_days) else None


def _none(spec: FeatureSpec) -> Formula:
    return Formula(above_constant=0, below_constant=1, guard=(counted(spec),))


def _define_none(spec: FeatureSpec, seen: Seen) -> float | None:
    return 0.0 if seen.within(spec.lookback_days) else None


_CALLS = """
occurred          known
2025-01-02 09:00  =
2025-03-12 09:00  =
2025-03-26 21:00  =
2025-03-30 23:00  2025-04-01 08:00
"""

AGGREGATIONS = (
    PersonAggregation(
        name="count",
        column="{column}_count",
        meaning="How many {plural} occurred {window}.",
        reason="{count} {plural} {window}",
        if_none=0.0,
        unit="contacts",
        definition="The number of events in the window.",
        define=_define_count,
        formula=_count,
        examples=(
            Example(
                says="Of four calls one is older than 28 days and one became known only after the as-of moment.",
                group='sources = ["crisis_line"]\naggregations = ["count"]\nlookback_days = [28]',
                table=_CALLS, as_of="2025-03-31", value=2,
            ),
        ),
    ),
    PersonAggregation(
        name="count_in_week",
        column="{column}_count_in_week_{weeks}_back",
        names_window=False,
        meaning="How many {plural} occurred in the 7 days that ended {days_before} days before the as-of moment.",
        reason="{count} {plural} in the 7 days that ended {days_before} days ago",
        if_none=0.0,
        lookback="weeks",
        unit="contacts",
        definition="The events in `[as_of - lookback, as_of - lookback + 7 days)`: one week of the past.",
        define=_define_count_in_week,
        formula=_count_in_week,
        examples=(
            Example(
                says="Week 3 back is from 21 to 14 days before the as-of moment.",
                group='sources = ["crisis_line"]\naggregations = ["count_in_week"]\nlookback_days = [21]',
                table=_CALLS, as_of="2025-03-31", value=1,
            ),
            Example(
                says="The last week is week 1 back.",
                group='sources = ["crisis_line"]\naggregations = ["count_in_week"]\nlookback_days = [7]',
                table=_CALLS, as_of="2025-03-31", value=1,
            ),
        ),
    ),
    PersonAggregation(
        name="any",
        column="{column}_any",
        meaning="1 where there were any {plural} {window}.",
        reason="{plural} {window}",
        if_none=0.0,
        unit="0 or 1",
        definition="1 with at least one event in the window.",
        define=_define_any,
        formula=_any,
        examples=(
            Example(
                says="A call on the 26th is within 7 days of the 31st.",
                group='sources = ["crisis_line"]\naggregations = ["any"]\nlookback_days = [7]',
                table=_CALLS, as_of="2025-03-31", value=1,
            ),
            Example(
                says="The call of the evening before was not known in time.",
                group='sources = ["crisis_line"]\naggregations = ["any"]\nlookback_days = [1]',
                table=_CALLS, as_of="2025-03-31", value=0,
            ),
        ),
    ),
    PersonAggregation(
        name="none",
        column="{column}_none",
        meaning="1 where there were no {plural} {window}: nothing of the kind is up to date.",
        reason="{plural} {window}, or none",
        if_none=1.0,
        unit="0 or 1",
        definition="0 with at least one event in the window. What was never done counts as out of date.",
        define=_define_none,
        formula=_none,
        examples=(
            Example(
                says="A review 400 days ago is out of date after 364 days.",
                group='sources = ["mh_contact"]\naggregations = ["none"]\nlookback_days = [364]',
                table="occurred          source\n2024-02-25 09:00  mh_contact", as_of="2025-03-31", value=1,
            ),
        ),
    ),
)  # fmt: skip
