"""Days since the last contact, distinct days and sources, share out of hours, trend; what is known of the person."""

from math import isnan
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.lib.histories import PersonVersion, event_table, people_table, rows_of
from tests.lib.person_tables import LONDON, feature, moment

from crisisrisk.errors import DataError, RecipeError
from crisisrisk.features.person import person_features
from crisisrisk.features.recipe import read_feature_recipe

ALL = 'sources = ["ambulance_999", "crisis_line", "ed_attendance", "s136"]\n'
AS_OF = "2025-03-31"


# Days since the last


SINCE = ALL + 'aggregations = ["days_since_last"]'


def test_days_since_the_last_contact_have_their_fraction() -> None:
    table = "occurred\n2025-03-01 00:00\n2025-03-28 06:00"
    assert feature(SINCE, table, AS_OF) == 2.75


def test_the_last_is_by_when_it_occurred_not_by_when_it_became_known() -> None:
    table = "occurred  known\n2025-03-21  2025-03-21\n2025-03-11  2025-03-30"
    assert feature(SINCE, table, AS_OF) == 10


def test_a_contact_not_known_yet_or_not_occurred_yet_is_not_the_last() -> None:
    table = "occurred  known\n2025-03-21  2025-03-21\n2025-03-30  2025-03-31\n2025-04-02  2025-03-01"
    assert feature(SINCE, table, AS_OF) == 10


def test_nobody_knows_how_long_ago_nothing_was() -> None:
    assert isnan(feature(SINCE, "occurred\n2025-04-01", AS_OF))
    assert feature(SINCE + "\nif_none = 9999", "occurred\n2025-04-01", AS_OF) == 9999


@pytest.mark.parametrize(("as_of", "days"), [("2025-03-25", 5), ("2025-03-26", 16), ("2025-03-29", 4)])
def test_a_correction_takes_the_last_contact_away_and_may_bring_another(as_of: str, days: float) -> None:
    table = """
id  occurred    known
e0  2025-03-10  2025-03-10
e1  2025-03-20  2025-03-20
e1  2025-01-20  2025-03-25
e1  2025-03-25  2025-03-28
"""
    assert feature(SINCE, table, as_of) == days


# Distinct days and sources


DAYS = ALL + 'aggregations = ["distinct_days"]\nlookback_days = [28]'


def test_two_contacts_on_one_local_day_are_one_day() -> None:
    table = "occurred\n2025-03-12 08:00\n2025-03-12 23:30\n2025-03-13 00:30"
    assert feature(DAYS, table, AS_OF) == 2


def test_the_day_is_that_of_the_local_clock() -> None:
    """In summer 23:30 UTC is half past midnight in London, the next day."""
    table = "occurred\n2025-07-12 12:00\n2025-07-12 23:30\n2025-07-13 12:00"
    assert feature(DAYS, table, "2025-07-20") == 2
    assert feature(DAYS, table, "2025-07-20", zone=ZoneInfo("UTC")) == 2
    assert feature(DAYS, "occurred\n2025-07-12 12:00\n2025-07-12 23:30", "2025-07-20") == 2
    assert feature(DAYS, "occurred\n2025-07-12 12:00\n2025-07-12 23:30", "2025-07-20", zone=ZoneInfo("UTC")) == 1


def test_a_day_counts_while_any_of_its_contacts_is_in_the_window() -> None:
    table = "occurred\n2025-03-03 08:00\n2025-03-03 20:00"
    assert feature(DAYS, table, "2025-03-31 08:00") == 1
    assert feature(DAYS, table, "2025-03-31 20:00") == 1
    assert feature(DAYS, table, "2025-03-31 20:01") == 0


def test_distinct_sources() -> None:
    group = ALL + 'aggregations = ["distinct_sources"]\nlookback_days = [28]'
    table = """
occurred    source
2025-01-01  ambulance_999
2025-03-10  s136
2025-03-11  crisis_line
2025-03-12  s136
2025-03-13  mh_contact
"""
    assert feature(group, table, AS_OF) == 2


# Share out of hours


@pytest.mark.parametrize(
    ("occurred", "out_of_hours"),
    [
        ("2025-03-12 07:59", True),
        ("2025-03-12 08:00", False),
        ("2025-03-12 17:59", False),
        ("2025-03-12 18:00", True),
        ("2025-03-14 17:00", False),
        ("2025-03-15 12:00", True),
        ("2025-03-16 12:00", True),
        ("2025-03-17 00:00", True),
        ("2025-07-09 07:30", False),
        ("2025-07-09 17:30", True),
    ],
)
def test_out_of_hours_is_from_18_to_8_and_the_weekend_by_the_local_clock(occurred: str, out_of_hours: bool) -> None:
    group = ALL + 'aggregations = ["share_out_of_hours"]\nlookback_days = [365]'
    assert feature(group, f"occurred\n{occurred}", "2025-08-01") == out_of_hours


def test_the_share_is_of_the_contacts_in_the_window_and_not_known_of_none() -> None:
    group = ALL + 'aggregations = ["share_out_of_hours"]\nlookback_days = [28]'
    table = "occurred\n2025-01-01 23:00\n2025-03-12 09:00\n2025-03-12 23:00\n2025-03-13 09:00"
    assert feature(group, table, AS_OF) == np.float32(1 / 3)
    assert isnan(feature(group, table, "2025-08-01"))


# Trend


def test_trend_is_the_short_rate_divided_by_the_long_rate() -> None:
    group = ALL + 'aggregations = ["trend"]\nlookback_days = [28]\nshort_days = 7'
    table = "occurred\n2025-03-05\n2025-03-12\n2025-03-26\n2025-03-27"
    assert feature(group, table, AS_OF) == np.float32((2 / 7) / (4 / 28))
    assert feature(group, table, "2025-04-05") == 0
    assert isnan(feature(group, table, "2025-06-01"))


# The person


BORN = (
    PersonVersion(person_id="a", known_at=moment("2024-01-01"), birth_year=1980, deprivation_decile=3),
    PersonVersion(person_id="a", known_at=moment("2025-03-31"), birth_year=1981, deprivation_decile=None),
    PersonVersion(person_id="b", known_at=moment("2020-01-01"), birth_year=1950, deprivation_decile=9),
)


@pytest.mark.parametrize(("as_of", "age"), [("2024-01-02", 44), ("2025-03-31", 45), ("2025-04-01", 44)])
def test_age_is_by_the_year_of_birth_known_then(as_of: str, age: int) -> None:
    assert feature('aggregations = ["age"]', "occurred\n2025-01-01", as_of, people=BORN) == age


def test_the_year_turns_by_the_local_clock() -> None:
    new_york = ZoneInfo("America/New_York")
    assert feature('aggregations = ["age"]', "occurred\n2025-01-01", "2025-01-01 03:00", people=BORN) == 45
    assert (
        feature('aggregations = ["age"]', "occurred\n2025-01-01", "2025-01-01 03:00", people=BORN, zone=new_york) == 44
    )


def test_deprivation_is_that_known_then_and_may_not_be_known() -> None:
    group = 'aggregations = ["deprivation_decile"]'
    assert isnan(feature(group, "occurred\n2025-01-01", "2024-01-01", people=BORN))
    assert feature(group, "occurred\n2025-01-01", "2025-03-31", people=BORN) == 3
    assert isnan(feature(group, "occurred\n2025-01-01", "2025-04-01", people=BORN))


def test_of_two_states_that_became_known_together_the_later_one_holds() -> None:
    loaded_at_once = (
        PersonVersion(
            person_id="a", known_at=moment("2024-01-01"), valid_from=moment("2023-05-01"), deprivation_decile=7
        ),
        PersonVersion(
            person_id="a", known_at=moment("2024-01-01"), valid_from=moment("2019-05-01"), deprivation_decile=2
        ),
    )
    group = 'aggregations = ["deprivation_decile"]'
    assert feature(group, "occurred\n2025-01-01", "2024-01-02", people=loaded_at_once) == 7


def test_months_known_begin_with_the_first_thing_known_of_any_kind() -> None:
    group = 'aggregations = ["months_known"]'
    table = "occurred  known\n2020-01-01  2023-12-02\n2019-01-01  2024-05-01"
    assert feature(group, table, "2024-01-31", people=BORN) == 2
    assert feature(group, "occurred\n2025-06-01", "2024-01-31", people=BORN) == 1
    booked = "occurred  known\n2024-01-21  2023-01-01"
    assert feature(group, booked, "2024-02-20") == 1
    assert isnan(feature(group, booked, "2024-01-20"))
    assert isnan(feature(group, "occurred\n2025-06-01", "2024-01-01", people=BORN))


# What the engine refuses


def recipe_of(subject: str) -> str:
    head = f'[recipe]\nname = "x"\nsubject = "{subject}"\n'
    return head + '[[group]]\nname = "x"\nsources = ["s136"]\naggregations = ["days_since_last"]'


def test_a_table_without_a_column_that_is_read_is_refused() -> None:
    recipe = read_feature_recipe(recipe_of("person"), sources=["s136"])
    events = event_table(()).drop_columns(["known_at"])
    with pytest.raises(DataError) as refused:
        person_features(recipe, events, people_table(()), rows_of({}), zone=LONDON)
    assert refused.value.problem == "the events have no column 'known_at'"
    assert refused.value.code == "CR-FEAT-004"


def test_an_absent_instant_is_refused_without_saying_whose() -> None:
    recipe = read_feature_recipe(recipe_of("person"), sources=["s136"])
    events = event_table(()).slice(0, 0)
    row = {name: [None] for name in events.column_names} | {"person_id": ["k1_SECRET"]}
    broken = events.from_pydict(row, schema=events.schema)
    with pytest.raises(DataError) as refused:
        person_features(recipe, broken, people_table(()), rows_of({}), zone=LONDON)
    assert refused.value.problem == "1 rows have no occurred_at"
    assert "SECRET" not in str(refused.value)


def test_a_recipe_of_places_is_refused() -> None:
    recipe = read_feature_recipe(recipe_of("place"), sources=["s136"])
    with pytest.raises(RecipeError) as refused:
        person_features(recipe, event_table(()), people_table(()), rows_of({}), zone=LONDON)
    assert refused.value.problem == "a recipe of places was asked of people"
