"""More or less than before: short against long rates, the slope of weekly counts, contacts above the usual."""

from crisisrisk.features.aggregations.declared import Example, Formula, PersonAggregation, Seen, counted
from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec

_WEEK = 7


def _days(spec: FeatureSpec) -> tuple[int, int]:
    return int(spec.short_days or 0), int(spec.lookback_days or 0)


def _trend(spec: FeatureSpec) -> Formula:
    short, long = _days(spec)
    whole = counted(spec)
    return Formula(above=((long, counted(spec, days=short)),), below=((short, whole),), guard=(whole,))


def _define_trend(spec: FeatureSpec, seen: Seen) -> float | None:
    (short, long), whole = _days(spec), seen.within(spec.lookback_days)
    return len(seen.within(short)) * long / (len(whole) * short) if whole else None


def _slope(spec: FeatureSpec) -> Formula:
    # Least squares over weeks -(n - 1)/2 … (n - 1)/2; a week's count is the difference of two that reach back.
    weeks = int(spec.lookback_days or 0) // _WEEK
    weights = [weeks - 1 - 2 * back for back in range(weeks)]
    steps = [(weights[back - 1] - (weights[back] if back < weeks else 0), back) for back in range(1, weeks + 1)]
    above = tuple((6 * weight, counted(spec, days=back * _WEEK)) for weight, back in steps)
    return Formula(above=above, below_constant=weeks * (weeks * weeks - 1), guard=(counted(spec),))


def _define_slope(spec: FeatureSpec, seen: Seen) -> float | None:
    weeks = int(spec.lookback_days or 0) // _WEEK
    if not seen.within(spec.lookback_days):
        return None
    reach = [len(seen.within(back * _WEEK)) if back else 0 for back in range(weeks + 1)]
    oldest_first = [reach[back] - reach[back - 1] for back in range(weeks, 0, -1)]
    above = sum((2 * week - (weeks - 1)) * number for week, number in enumerate(oldest_first))
    return 6 * above / (weeks * (weeks * weeks - 1))


def _above_usual(spec: FeatureSpec) -> Formula:
    short, long = _days(spec)
    recent, whole = counted(spec, days=short), counted(spec)
    return Formula(above=((long, recent), (-short, whole)), below_constant=long - short, guard=(whole,))


def _define_above_usual(spec: FeatureSpec, seen: Seen) -> float | None:
    (short, long), whole = _days(spec), seen.within(spec.lookback_days)
    recent = len(seen.within(short))
    # recent - (whole - recent) x short / (long - short), over one denominator
    return (recent * long - len(whole) * short) / (long - short) if whole else None


_TABLE = "occurred\n2025-03-05\n2025-03-12\n2025-03-26\n2025-03-27"

AGGREGATIONS = (
    PersonAggregation(
        name="trend",
        column="{column}_trend_{short_days}_against",
        meaning="Rate of {plural} in the last {short_days} days, divided by their rate in the last {days} days.",
        reason="rate of {plural} in the last {short_days} days against the last {days}",
        if_none=NOT_KNOWN,
        lookback="needed",
        takes_short_days=True,
        unit="ratio; 1 is as usual",
        definition="(events in the short window / its days) / (events in the long window / its days).",
        define=_define_trend,
        formula=_trend,
        examples=(
            Example(
                says="Two of four calls of four weeks fall in the last one: twice the rate.",
                group='sources = ["crisis_line"]\naggregations = ["trend"]\nlookback_days = [28]\nshort_days = 7',
                table=_TABLE, as_of="2025-03-31", value=2,
            ),
        ),
    ),
    PersonAggregation(
        name="slope",
        column="{column}_slope_of_weeks",
        meaning="By how many more {plural} each week had than the one before, as a straight line through the weekly"
        " counts of the last {days} days.",
        reason="{plural} by the week over the last {days} days",
        if_none=NOT_KNOWN,
        lookback="weeks",
        unit="contacts a week, each week",
        definition="Slope of the least-squares line through the counts of the whole weeks of the window.",
        define=_define_slope,
        formula=_slope,
        examples=(
            Example(
                says="Weekly counts 1, 1, 0 and 2, from the oldest: the line rises by 0.2 a week.",
                group='sources = ["crisis_line"]\naggregations = ["slope"]\nlookback_days = [28]',
                table=_TABLE, as_of="2025-03-31", value=0.2,
            ),
        ),
    ),
    PersonAggregation(
        name="above_usual",
        column="{column}_above_usual_{short_days}_against",
        meaning="{plural} in the last {short_days} days beyond what the rest of the last {days} days would lead one to"
        " expect of this person.",
        reason="{plural} in the last {short_days} days beyond this person's usual",
        if_none=NOT_KNOWN,
        lookback="needed",
        takes_short_days=True,
        unit="contacts",
        definition="Events in the short window, less those of the days before it in the long window times the"
        " ratio of their lengths. Below 0 is fewer than usual.",
        define=_define_above_usual,
        formula=_above_usual,
        examples=(
            Example(
                says="Two in the last week; two in the three weeks before, so two thirds were to be expected.",
                group='sources = ["crisis_line"]\naggregations = ["above_usual"]\nlookback_days = [28]\nshort_days = 7',
                table=_TABLE, as_of="2025-03-31", value=4 / 3,
            ),
        ),
    ),
)  # fmt: skip
