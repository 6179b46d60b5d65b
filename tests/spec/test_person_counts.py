"""How many contacts: what is inside a lookback, and what the service knew."""

from math import isnan

import pytest
from tests.lib.person_tables import feature

COUNT = 'sources = ["crisis_line", "s136"]\naggregations = ["count"]\nlookback_days = [28]'
AS_OF = "2025-03-31"

FOUR_CONTACTS = """
occurred          known             source
2025-03-01 09:00  =                 crisis_line
2025-03-10 09:00  =                 s136
2025-03-20 09:00  2025-04-02 10:00  crisis_line
2025-03-30 09:00  =                 ed_attendance
"""


def test_counts_only_contacts_of_its_sources_known_before_the_as_of_moment() -> None:
    assert feature(COUNT, FOUR_CONTACTS, AS_OF) == 1
    assert feature(COUNT, FOUR_CONTACTS, "2025-04-02 10:00") == 1
    assert feature(COUNT, FOUR_CONTACTS, "2025-04-03") == 2


@pytest.mark.parametrize(
    ("occurred", "counted"),
    [
        ("2025-03-02 23:59:59.999999", 0),
        ("2025-03-03 00:00", 1),
        ("2025-03-30 23:59:59.999999", 1),
        ("2025-03-31 00:00", 0),
        ("2025-04-01 00:00", 0),
    ],
)
def test_a_lookback_includes_its_start_and_excludes_the_as_of_moment(occurred: str, counted: int) -> None:
    assert feature(COUNT, f"occurred  known\n{occurred}  2025-03-01", AS_OF) == counted
    assert feature(COUNT, f"occurred\n{occurred}", AS_OF) == counted


@pytest.mark.parametrize(
    ("known", "counted"),
    [("2025-03-30 23:59:59.999999", 1), ("2025-03-31 00:00", 0), ("2025-03-31 00:00:00.000001", 0)],
)
def test_what_became_known_at_the_as_of_moment_was_not_known_before_it(known: str, counted: int) -> None:
    assert feature(COUNT, f"occurred  known\n2025-03-20  {known}", AS_OF) == counted


def test_an_appointment_booked_ahead_does_not_count_before_it_occurs() -> None:
    booked = "occurred  known\n2025-04-07 10:00  2025-03-01"
    assert feature(COUNT, booked, AS_OF) == 0
    assert feature(COUNT, booked, "2025-04-08") == 1


def test_a_contact_that_became_known_after_it_had_left_the_window_never_counts() -> None:
    very_late = "occurred  known\n2025-01-01  2025-03-20"
    assert feature(COUNT, very_late, AS_OF) == 0
    assert feature(COUNT.replace("[28]", "[91]"), very_late, AS_OF) == 1


CORRECTED = """
id  occurred          known             source
e1  2025-03-20 09:00  2025-03-20 12:00  crisis_line
e1  2025-01-20 09:00  2025-03-25 12:00  crisis_line
e1  2025-03-20 09:00  2025-03-28 12:00  ed_attendance
"""


@pytest.mark.parametrize(
    ("as_of", "counted", "why"),
    [
        ("2025-03-25 12:00", 1, "the first version still stands: the correction is known at this moment, not before"),
        ("2025-03-25 12:01", 0, "corrected to January"),
        ("2025-03-28 12:01", 0, "corrected again, to another source"),
    ],
)
def test_of_a_corrected_contact_the_version_known_then_counts(as_of: str, counted: int, why: str) -> None:
    assert feature(COUNT, CORRECTED, as_of) == counted, why


def test_where_keeps_the_values_listed_and_an_absent_value_is_none_of_them() -> None:
    table = """
occurred          source       outcome   crisis
2025-03-20 09:00  crisis_line  attended  yes
2025-03-21 09:00  crisis_line  missed    yes
2025-03-22 09:00  crisis_line  missed    no
2025-03-23 09:00  crisis_line  -         yes
"""
    assert feature(COUNT, table, AS_OF) == 4
    assert feature(COUNT + '\nwhere = { outcome = ["missed"] }', table, AS_OF) == 2
    assert feature(COUNT + '\nwhere = { outcome = ["missed", "attended"], is_crisis = [true] }', table, AS_OF) == 2
    assert feature(COUNT + '\nwhere = { outcome = ["cancelled"] }', table, AS_OF) == 0


def test_0_times_and_not_known_are_told_apart() -> None:
    nothing = "occurred\n2024-01-01"
    assert feature(COUNT, nothing, AS_OF) == 0
    assert isnan(feature(COUNT + '\nif_none = "not known"', nothing, AS_OF))


def test_ever_reaches_back_to_everything_known() -> None:
    long_ago = "occurred  known\n1931-05-01  2025-03-01\n2025-03-30  2025-03-30"
    assert feature(COUNT.replace("[28]", '["ever"]'), long_ago, AS_OF) == 2


def test_a_lookback_is_days_of_24_hours_across_a_clock_change() -> None:
    """The clocks went forward on 30 March: 28 x 24 hours before midnight in London is 23:00 there."""
    midnight_in_london = "2025-04-06 23:00"
    assert feature(COUNT, "occurred\n2025-03-09 23:00", midnight_in_london) == 1
    assert feature(COUNT, "occurred\n2025-03-09 22:59", midnight_in_london) == 0
