"""What a place's features count: which contacts, where, known when."""

from math import isnan

import numpy as np
import pytest
from tests.lib.place_tables import CELLS, HERE, SITE, SOURCES, asked, feature, features_of, placed, shift

from crisisrisk.errors import DataError, RecipeError
from crisisrisk.features.place import decay_weights, place_features
from crisisrisk.features.recipe import read_feature_recipe

COUNT = 'sources = ["crisis_line", "s136"]\naggregations = ["count"]\nlookback_days = [28]'
ISSUED = "2025-03-31"


def of_all(aggregation: str, lookback: str = "[28]") -> str:
    return f'sources = "all"\naggregations = ["{aggregation}"]\nlookback_days = {lookback}\nshort_days = 7'


def test_counts_contacts_of_its_sources_in_the_cell_known_before_the_issue_time() -> None:
    table = """
occurred          known             place         source
2025-03-01 09:00  =                 middle        s136
2025-03-10 09:00  =                 middle        s136
2025-03-12 09:00  =                 middle point  crisis_line
2025-03-20 09:00  2025-04-02 10:00  middle        crisis_line
2025-03-21 09:00  =                 neighbour     crisis_line
2025-03-30 09:00  =                 middle        ed_attendance
"""
    assert feature(COUNT, table, ISSUED) == 2
    assert feature(COUNT, table, "2025-04-02 10:00") == 2
    assert feature(COUNT, table, "2025-04-02 10:00:00.000001") == 3


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
def test_a_lookback_includes_its_start_and_excludes_the_issue_time(occurred: str, counted: int) -> None:
    assert feature(COUNT, f"occurred  known\n{occurred}  2025-03-01", ISSUED) == counted


def test_a_contact_without_coordinates_or_with_swapped_ones_is_in_no_cell_and_not_in_the_whole_area() -> None:
    table = "occurred  place\n2025-03-20  nowhere\n2025-03-21  swapped\n2025-03-22  far"
    assert feature(of_all("count"), table, ISSUED) == 0
    assert feature(of_all("area_count"), table, ISSUED) == 1


def test_a_correction_moves_the_contact_from_when_it_became_known() -> None:
    table = """
id  occurred    known             place
e   2025-03-20  2025-03-20 01:00  middle
e   2025-03-20  2025-03-25 12:00  neighbour
"""
    for issued, middle, neighbour in (
        ("2025-03-20 01:00", 0, 0),
        ("2025-03-25 12:00", 1, 0),
        ("2025-03-25 12:00:00.000001", 0, 1),
    ):
        [row] = features_of(of_all("count"), table, asked(shift("day 2025-03-31"), issued=issued))
        assert row.sum() == middle + neighbour
        assert row[HERE] == middle


def test_a_correction_may_say_that_it_was_no_such_contact() -> None:
    table = """
id  occurred    known             source
e   2025-03-20  2025-03-20 01:00  s136
e   2025-03-20  2025-03-25 12:00  ed_attendance
"""
    assert feature(COUNT, table, "2025-03-25 12:00") == 1
    assert feature(COUNT, table, "2025-03-26") == 0


AROUND = """
occurred    place
2025-03-01  neighbour
2025-03-20  neighbour
2025-03-21  second
2025-03-22  second
2025-03-23  second
2025-03-24  far
2025-03-25  middle
"""


@pytest.mark.parametrize(
    ("aggregation", "value"),
    [("count", 1), ("neighbours_1_count", 1), ("neighbours_2_count", 3), ("area_count", 6)],
)
def test_rings_and_the_whole_area(aggregation: str, value: int) -> None:
    assert feature(of_all(aggregation), AROUND, ISSUED) == value


def test_the_whole_area_is_the_same_in_every_cell() -> None:
    rows = asked(shift("day 2025-03-31"), issued=ISSUED)
    assert set(features_of(of_all("area_count"), AROUND, rows)[0].tolist()) == {6}


def test_days_since_the_last_contact_have_their_fraction() -> None:
    group = 'sources = "all"\naggregations = ["days_since_last"]'
    table = "id  occurred  known\na  2025-03-01  =\nb  2025-03-29 12:00  2025-03-30"
    assert feature(group, table, ISSUED) == 1.5
    assert feature(group, table, "2025-03-30") == 29
    assert isnan(feature(group, table, "2025-03-01"))


def test_the_last_contact_is_the_one_before_when_the_last_turns_out_to_be_elsewhere() -> None:
    group = 'sources = "all"\naggregations = ["days_since_last"]'
    table = """
id  occurred    known       place
a   2025-03-01  =           middle
b   2025-03-29  =           middle
b   2025-03-29  2025-03-30  far
"""
    assert feature(group, table, "2025-03-30") == 1
    assert feature(group, table, ISSUED) == 30


def test_a_decayed_count_halves_with_every_half_life() -> None:
    group = of_all("decayed_count", "[7]")
    assert feature(group, "occurred\n2025-03-24", ISSUED) == 0.5
    assert feature(group, "occurred\n2025-03-17\n2025-03-24", ISSUED) == 0.75
    assert feature(group, "occurred\n2024-03-24", ISSUED) == 0
    assert feature(group, "occurred\n2025-03-30 23:00:00.000001", ISSUED) == 1


def test_the_weights_of_a_decayed_count_fall_from_one_to_nothing() -> None:
    weights = decay_weights(7)
    assert weights[0] == 2**20
    assert weights[7 * 24] == 2**19
    assert (np.diff(weights) <= 0).all()
    assert weights[-1] in (0, 1)


def test_a_trend_compares_the_rates_of_a_short_and_a_long_window() -> None:
    table = "occurred\n2025-03-05\n2025-03-10\n2025-03-29\n2025-03-30"
    assert feature(of_all("trend"), table, ISSUED) == 2
    assert isnan(feature(of_all("trend"), table, "2025-03-01"))


def test_what_was_never_seen_has_the_value_that_the_recipe_says() -> None:
    empty = "occurred\n2025-04-20"
    assert feature(COUNT, empty, ISSUED) == 0
    assert isnan(feature(COUNT + '\nif_none = "not known"', empty, ISSUED))
    assert feature(of_all("decayed_count") + "\nif_none = -1", empty, ISSUED) == -1


def test_no_shift_gives_no_row() -> None:
    assert features_of(COUNT, "occurred\n2025-03-20", asked()).shape == (0, len(CELLS))


def test_a_recipe_of_people_is_refused() -> None:
    recipe = read_feature_recipe(
        '[recipe]\nname = "p"\nsubject = "person"\n[[group]]\nname = "x"\naggregations = ["age"]', sources=SOURCES
    )
    with pytest.raises(RecipeError) as caught:
        place_features(recipe, placed("occurred\n2025-03-20"), asked(shift("day 2025-03-31")), site=SITE)
    assert caught.value.problem == "a recipe of people was asked of places"


def test_events_without_a_column_that_the_recipe_reads_are_refused() -> None:
    recipe = read_feature_recipe(
        f'[recipe]\nname = "p"\nsubject = "place"\n[[group]]\nname = "x"\nwhere = {{ mode = ["s136"] }}\n{COUNT}',
        sources=SOURCES,
    )
    events = placed("occurred\n2025-03-20").drop_columns(["mode"])
    with pytest.raises(DataError) as caught:
        place_features(recipe, events, asked(shift("day 2025-03-31")), site=SITE)
    assert caught.value.problem == "the events have no column 'mode'"
