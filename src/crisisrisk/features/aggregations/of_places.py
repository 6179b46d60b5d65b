"""The aggregations of places. They are declarations; place.py computes them."""

from crisisrisk.features.aggregations.declared import Aggregation
from crisisrisk.features.specs import NOT_KNOWN


def _of(*aggregations: Aggregation) -> dict[str, Aggregation]:
    return {aggregation.name: aggregation for aggregation in aggregations}


def _calendar(name: str, meaning: str, reason: str, *, if_none: float = NOT_KNOWN) -> Aggregation:
    return Aggregation(
        name=name, column=name, meaning=meaning, reason=reason, if_none=if_none, lookback="none", takes_events=False
    )


def _declared(
    name: str, column: str, meaning: str, reason: str, *, needs: str, kinds: bool = False, unit: str = ""
) -> Aggregation:
    return Aggregation(
        name=name, column=column, meaning=meaning, reason=reason, if_none=NOT_KNOWN, lookback="none",
        takes_events=False, needs=needs, takes_kinds=kinds, unit=unit,
    )  # fmt: skip


PLACE = _of(
    Aggregation(
        name="count",
        column="{column}_count",
        meaning="How many {plural} occurred in the cell {window}.",
        reason="{count} {plural} here {window}",
        if_none=0.0,
    ),
    Aggregation(
        name="decayed_count",
        column="{column}_decayed_count",
        meaning="All {plural} of the cell, each counted as one half to the power of its age divided by {days} days.",
        reason="recent {plural} here (those {days} days old count half)",
        if_none=0.0,
        lookback="needed",
    ),
    Aggregation(
        name="neighbours_1_count",
        column="{column}_neighbours_1_count",
        meaning="How many {plural} occurred in the cells that touch the cell {window}.",
        reason="{count} {plural} in the cells around {window}",
        if_none=0.0,
    ),
    Aggregation(
        name="neighbours_2_count",
        column="{column}_neighbours_2_count",
        meaning="How many {plural} occurred in the second ring of cells around the cell {window}.",
        reason="{count} {plural} nearby {window}",
        if_none=0.0,
    ),
    Aggregation(
        name="same_shift_count",
        column="{column}_same_shift_count",
        meaning="How many {plural} occurred in the cell in earlier shifts of the same name and weekday {window}.",
        reason="{count} {plural} here in the same shift of the week {window}",
        if_none=0.0,
    ),
    Aggregation(
        name="days_since_last",
        column="{column}_days_since_last",
        meaning="Days, with their fraction, since the last of all {plural} of the cell that had occurred.",
        reason="last {singular} here {count} days ago",
        if_none=NOT_KNOWN,
        lookback="none",
    ),
    Aggregation(
        name="area_count",
        column="{column}_area_count",
        meaning="How many {plural} occurred in all cells together {window}.",
        reason="{count} {plural} in the whole area {window}",
        if_none=0.0,
    ),
    Aggregation(
        name="trend",
        column="{column}_trend_{short_days}_against",
        meaning="Rate of {plural} in the cell in the last {short_days} days, divided by their rate in the last {days}.",
        reason="rate of {plural} here in the last {short_days} days against the last {days}",
        if_none=NOT_KNOWN,
        lookback="needed",
        takes_short_days=True,
    ),
    Aggregation(
        name="echo",
        column="echo",
        meaning="How many contacts of the outcome known ones here and near by are still to bring during the shift; how "
        "far and how long such echoes reach is learned in training.",
        reason="crisis contacts of the last days here or near by",
        if_none=NOT_KNOWN,
        lookback="none",
        takes_events=False,
    ),
    Aggregation(
        name="caseload_expected",
        column="caseload_expected",
        meaning="Crisis contacts to expect in the next 3 days of the known people who live in the cell, added up; not "
        "known where fewer than 20 do. Only where the site names the impact assessment of it.",
        reason="what is known of all the people together who live here",
        if_none=NOT_KNOWN,
        lookback="none",
        takes_events=False,
        needs="caseload_sums",
    ),
    Aggregation(
        name="caseload_expected_around",
        column="caseload_expected_around",
        meaning="The same of the people who live in the cell or in one that touches it; not known where fewer than 20 "
        "do together.",
        reason="what is known of all the people together who live here or next to here",
        if_none=NOT_KNOWN,
        lookback="none",
        takes_events=False,
        needs="caseload_sums",
    ),
    _calendar("shift", "Which shift of the site's configuration, numbered from 0.", "the shift"),
    _calendar("shift_hours", "Real hours of the shift.", "{count} hours of shift"),
    _calendar("weekday", "Local weekday on which the shift starts; 0 is Monday.", "the day of the week"),
    _calendar("month", "Local month in which the shift starts, 1 to 12.", "the time of year"),
    _calendar("bank_holiday", "1 where the shift starts on a bank holiday of the site's region.", "bank holiday"),
    _calendar("day_before_bank_holiday", "1 where the next local day is a bank holiday.", "the day before a holiday"),
    _calendar("population", "People living in the cell, where the places table says.", "{count} people live here"),
    _calendar(
        "deprivation_decile",
        "Deprivation decile of the cell; 1 is the most deprived.",
        "deprivation decile {count} here",
    ),
    _calendar("area_km2", "Area of the cell in square kilometres.", "the size of the cell"),
    # What the site declares of its days and places
    _declared(
        "school_holiday",
        "school_holiday",
        "1 where the shift starts on a school holiday of the site's file, 0 between its first and its last.",
        "school holiday",
        needs="school_holidays",
    ),
    _declared(
        "days_since_payday",
        "days_since_payday",
        "Local days since the last payday by the site's rules, 0 on the day itself.",
        "{count} days since payday",
        needs="paydays",
        unit="days",
    ),
    _declared(
        "days_since_benefit_day",
        "days_since_benefit_day",
        "Local days since benefits were last paid by the site's rules, 0 on the day itself.",
        "{count} days since benefits were paid",
        needs="benefit_days",
        unit="days",
    ),
    _declared(
        "happenings_here",
        "{column}_here",
        "How many announced {plural} reach the cell during the shift.",
        "{count} {plural} here during the shift",
        needs="happenings",
        kinds=True,
    ),
    _declared(
        "happenings_nearby",
        "{column}_nearby",
        "How many announced {plural} reach a cell that touches the cell, and not the cell, during the shift.",
        "{count} {plural} in the cells around during the shift",
        needs="happenings",
        kinds=True,
    ),
    _declared(
        "happenings_everywhere",
        "{column}_everywhere",
        "How many announced {plural} there are during the shift, wherever they are.",
        "{count} {plural} in the whole area during the shift",
        needs="happenings",
        kinds=True,
    ),
    _declared(
        "points_here",
        "{column}_here",
        "How many {plural} are in the cell.",
        "{count} {plural} here",
        needs="points",
        kinds=True,
    ),
    _declared(
        "points_nearby",
        "{column}_nearby",
        "How many {plural} are in the cells that touch the cell.",
        "{count} {plural} in the cells around",
        needs="points",
        kinds=True,
    ),
    _declared(
        "nearest_point_km",
        "{column}_nearest_km",
        "How far the nearest {singular} is from the centre of the cell, as the crow flies.",
        "the nearest {singular} {count} km away",
        needs="points",
        kinds=True,
        unit="km",
    ),
)
