"""Shifts and their calendar: the same shift of the week, nights on which the clocks change, bank holidays."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.lib.person_tables import moment
from tests.lib.place_tables import HERE, SITE, SOURCES, asked, every, feature, features_of, history, placed, shift

from crisisrisk.errors import SiteError
from crisisrisk.features.aggregations import PLACE
from crisisrisk.features.calendar import shift_calendar
from crisisrisk.features.caseload import AGGREGATIONS as CASELOAD_SUMS
from crisisrisk.features.place import place_counts, place_features
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureSpec
from crisisrisk.timeline import FOREVER_US, microseconds

SAME_SHIFT = 'sources = "all"\naggregations = ["same_shift_count"]\nlookback_days = [28]'
EVENTS = """
occurred
2025-03-03 09:00
2025-03-10 07:59:59
2025-03-10 08:00
2025-03-11 09:00
2025-03-17 14:59:59
2025-03-17 15:00
2025-03-24 22:30
"""


def test_the_same_shift_of_the_week_is_the_same_name_on_the_same_weekday() -> None:
    """Monday's day shift runs from 08:00 to 15:00: of the seven contacts, three are in one within 28 days."""
    assert feature(SAME_SHIFT, EVENTS, "2025-03-31 06:00", on="day 2025-03-31") == 3
    assert feature(SAME_SHIFT, EVENTS, "2025-03-31 06:00", on="night 2025-03-31") == 1
    assert feature(SAME_SHIFT, EVENTS, "2025-03-31 06:00", on="day 2025-04-01") == 1


def test_a_shift_that_has_not_ended_at_the_issue_time_is_not_history() -> None:
    table = "occurred\n2025-03-24 08:30"
    assert feature(SAME_SHIFT, table, "2025-03-24 14:59:59.999999", on="day 2025-03-31") == 0
    assert feature(SAME_SHIFT, table, "2025-03-24 15:00", on="day 2025-03-31") == 1


def test_a_contact_known_after_its_shift_ended_counts_once_it_is_known() -> None:
    table = "occurred  known\n2025-03-17 09:00  2025-03-27 09:00"
    assert feature(SAME_SHIFT, table, "2025-03-27 09:00", on="day 2025-03-31") == 0
    assert feature(SAME_SHIFT, table, "2025-03-28", on="day 2025-03-31") == 1


def test_a_night_belongs_to_the_day_on_which_it_starts() -> None:
    table = "occurred\n2025-03-15 01:00"
    assert feature(SAME_SHIFT, table, "2025-03-20", on="night 2025-03-21") == 1
    assert feature(SAME_SHIFT, table, "2025-03-20", on="night 2025-03-22") == 0


def test_a_shift_that_the_rota_does_not_have_has_no_history() -> None:
    rows = asked(replace(shift("day 2025-03-31"), name="extra"))
    assert features_of(SAME_SHIFT, EVENTS, rows)[0, HERE] == 0


def test_after_the_clocks_change_the_same_shift_is_still_the_same_local_hours() -> None:
    """08:00 is 08:00 UTC before 30 March 2025 and 07:00 UTC after it."""
    table = "occurred\n2025-03-24 07:30\n2025-03-24 08:30\n2025-03-31 07:30\n2025-03-31 14:30"
    assert feature(SAME_SHIFT, table, "2025-04-07 06:00", on="day 2025-04-07") == 2


@pytest.mark.parametrize(
    ("day", "hours"), [("2025-03-28", 10), ("2025-03-29", 9), ("2025-10-25", 11), ("2025-10-26", 10)]
)
def test_a_night_has_its_real_hours(day: str, hours: float) -> None:
    assert shift_calendar([shift(f"night {day}")], SITE)["shift_hours"].tolist() == [hours]


def test_both_hours_of_the_autumn_night_belong_to_the_shift() -> None:
    """01:30 happens twice on 26 October 2025: at 00:30 and at 01:30 UTC."""
    table = "occurred\n2025-10-25 20:59:59\n2025-10-25 21:00\n2025-10-26 00:30\n2025-10-26 01:30\n2025-10-26 08:00"
    rows = asked(*every("night", "2025-10-24", 3))
    assert place_counts(history(table), rows, cut_off=FOREVER_US)[:, HERE].tolist() == [0, 3, 0]


# Counts that are labels


def test_a_contact_in_two_overlapping_shifts_counts_in_both() -> None:
    rows = asked(shift("day 2025-03-28"), shift("car 2025-03-28"), shift("night 2025-03-28"))
    table = "occurred\n2025-03-28 09:00\n2025-03-28 11:00\n2025-03-28 23:00\n2025-03-29 03:00"
    assert place_counts(history(table), rows, cut_off=FOREVER_US)[:, HERE].tolist() == [2, 2, 2]


def test_a_shift_includes_its_start_and_excludes_its_end() -> None:
    table = "occurred\n2025-03-27 07:59:59.999999\n2025-03-27 08:00\n2025-03-27 14:59:59.999999\n2025-03-27 15:00"
    counts = place_counts(history(table), asked(shift("day 2025-03-27")), cut_off=FOREVER_US)
    assert counts[0, HERE] == 2


def test_labels_are_the_final_versions_known_before_the_cut_off() -> None:
    table = """
id  occurred          known             place
a   2025-03-27 09:00  2025-03-29        middle
b   2025-03-27 09:00  2025-03-27 10:00  middle
b   2025-03-27 09:00  2025-03-30        far
"""
    rows = asked(shift("day 2025-03-27"))
    for cut_off, middle in (("2025-03-29", 1), ("2025-03-29 00:00:00.000001", 2), ("2025-03-30 00:00:00.000001", 1)):
        counts = place_counts(history(table), rows, cut_off=microseconds(moment(cut_off)))
        assert counts[0, HERE] == middle


# The calendar


def test_a_bank_holiday_the_day_before_and_the_day_after() -> None:
    """In England, 18 and 21 April 2025 are Good Friday and Easter Monday."""
    calendar = shift_calendar(every("night", "2025-04-16", 7), SITE)
    assert calendar["bank_holiday"].tolist() == [0, 0, 1, 0, 0, 1, 0]
    assert calendar["day_before_bank_holiday"].tolist() == [0, 1, 0, 0, 1, 0, 0]
    assert calendar["day_after_bank_holiday"].tolist() == [0, 0, 0, 1, 0, 0, 1]


def test_bank_holidays_are_those_of_the_sites_own_region() -> None:
    """St Andrew's Day is one in Scotland; the day after New Year's Day too, across the turn of the year."""
    scotland = replace(SITE, subdivision="SCT")
    for day, here, there in (("2026-11-30", 0, 1), ("2026-01-02", 0, 1), ("2026-12-25", 1, 1)):
        shifts = every("day", day, 1)
        assert shift_calendar(shifts, SITE)["bank_holiday"].tolist() == [here]
        assert shift_calendar(shifts, scotland)["bank_holiday"].tolist() == [there]
    assert shift_calendar(every("day", "2025-12-31", 1), SITE)["day_before_bank_holiday"].tolist() == [1]


def test_an_unknown_country_is_an_error_that_says_so() -> None:
    with pytest.raises(SiteError) as caught:
        shift_calendar(every("day", "2025-12-31", 1), replace(SITE, country="XX", subdivision=None))
    assert caught.value.problem == "bank holidays of this country are not known"
    assert caught.value.found == "Country XX not available"


def test_weekday_month_and_shift_are_those_of_the_local_day_on_which_it_starts() -> None:
    """The night of Monday 31 March ends in April; 22:00 is 21:00 UTC."""
    calendar = shift_calendar([shift("night 2025-03-31"), shift("car 2025-03-30")], SITE)
    assert calendar["weekday"].tolist() == [0, 6]
    assert calendar["month"].tolist() == [3, 3]
    assert calendar["shift"].tolist() == [1, 2]


def test_a_feature_of_the_calendar_is_the_same_in_every_cell() -> None:
    rows = asked(*every("day", "2025-04-18", 2))
    assert features_of('aggregations = ["bank_holiday"]', "occurred\n2025-01-01", rows).tolist() == [[1] * 4, [0] * 4]


# The shipped recipe

SHIPPED = Path(__file__).parents[2] / "features" / "place.toml"
KINDS = '\nwhere = { kind = ["station"] }\nsingular = "station"\nplural = "stations"'


def test_every_registered_aggregation_of_places_is_computed() -> None:
    groups = "\n".join(
        f'[[group]]\nname = "{name}"\nsources = "all"\naggregations = ["{name}"]\nlookback_days = [28]\nshort_days = 7'
        + (KINDS if declared.takes_kinds else "")
        for name, declared in PLACE.items()
        if name not in CASELOAD_SUMS  # made from people, not from events: test_place_caseload.py is about them
    )
    recipe = read_feature_recipe(f'[recipe]\nname = "all"\nsubject = "place"\n{groups}', sources=SOURCES)
    rows = asked(shift("day 2025-03-31"))
    matrix = place_features(recipe, placed(EVENTS), rows, site=SITE, echoes=np.ones((1, 4)))
    assert matrix.shape == (1, 4, len(PLACE) - len(CASELOAD_SUMS))


@pytest.mark.parametrize(
    "spec", read_feature_recipe(SHIPPED, sources=SOURCES, declared=None).specs, ids=lambda spec: spec.name
)
def test_every_shipped_feature_of_places_has_a_meaning_and_a_reason(spec: FeatureSpec) -> None:
    assert spec.meaning.endswith(".")
    assert spec.reason
    assert not spec.where or spec.plural
