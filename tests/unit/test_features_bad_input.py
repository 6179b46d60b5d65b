"""What the feature engine says or does with input that nobody wants and everybody has."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from tests.lib.histories import (
    BASE,
    EVENTS,
    SOURCES,
    EventVersion,
    event_table,
    people_table,
    rows_of,
)

from crisisrisk.cohorts import PersonRows
from crisisrisk.errors import DataError, RecipeError
from crisisrisk.features.person import PersonHistories, person_features
from crisisrisk.features.person_kernels import RowArrays
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, microseconds

LONDON = ZoneInfo("Europe/London")


def recipe(aggregations: str = '["count", "days_since_last"]', lookbacks: str = '[7, 28, "ever"]') -> FeatureRecipe:
    return read_feature_recipe(
        f"""
        [recipe]
        name = "small"
        subject = "person"
        [[group]]
        name = "line"
        sources = ["crisis_line"]
        aggregations = {aggregations}
        lookback_days = {lookbacks}
        [[group]]
        name = "person"
        aggregations = ["age", "months_known"]
        """,
        sources=SOURCES,
    )


def contact(days: float, *, person_id: str = "a", event_id: str = "one") -> EventVersion:
    occurred = BASE + timedelta(days=days)
    return EventVersion(event_id=event_id, person_id=person_id, occurred_at=occurred, known_at=occurred)


def features(events: pa.Table, as_of: dict[str, list], people: pa.Table | None = None) -> np.ndarray:
    return person_features(recipe(), events, people or people_table(()), rows_of(as_of), zone=LONDON)


@pytest.mark.parametrize("days", [0, -7])
def test_a_lookback_of_nothing_or_less_is_refused(days: int) -> None:
    with pytest.raises(RecipeError) as refused:
        recipe(lookbacks=f"[7, {days}]")
    assert f'group "line": a lookback of {days} days' in str(refused.value)
    assert 'say whole days from 1 to 36500, or "ever"' in str(refused.value)


def test_an_unknown_aggregation_is_refused_with_the_near_name() -> None:
    with pytest.raises(RecipeError, match='did you mean "count"'):
        recipe(aggregations='["coumt"]')


def test_a_source_without_an_event_has_the_values_of_nothing_seen() -> None:
    other = EventVersion(event_id="x", person_id="a", source="s136", occurred_at=BASE, known_at=BASE)
    row = features(event_table([other]), {"a": [BASE + timedelta(days=1)]})[0]
    assert row[:3].tolist() == [0, 0, 0]
    assert np.isnan(row[3])


def test_columns_without_any_value_are_not_known() -> None:
    empty = pa.table({field.name: pa.nulls(1, field.type) for field in EVENTS})
    times = pa.array([microseconds(BASE)]).cast(EVENTS.field("known_at").type)
    for name in ("occurred_at", "known_at", "superseded_at"):
        empty = empty.set_column(empty.column_names.index(name), name, times)
    row = features(empty, {"a": [BASE + timedelta(days=1)]})[0]
    assert row[:3].tolist() == [0, 0, 0]
    assert np.isnan(row[3:]).all()


def test_a_bucket_out_of_order_gives_what_it_gives_in_order() -> None:
    table = event_table([contact(-day, person_id=person, event_id=f"{person}{day}")
                         for person in "abc" for day in range(1, 20)])  # fmt: skip
    mixed = table.take(pa.array(np.random.default_rng(4).permutation(table.num_rows)))
    as_of = {person: [BASE, BASE + timedelta(days=7)] for person in "abc"}
    assert features(mixed, as_of).tobytes() == features(table, as_of).tobytes()


def test_a_bucket_given_twice_counts_twice_since_events_are_what_the_store_says() -> None:
    """Versions are told apart when they are loaded; the engine counts what it is given, and nothing else changes."""
    table, as_of = event_table([contact(-3)]), {"a": [BASE]}
    once, twice = features(table, as_of)[0], features(pa.concat_tables([table, table]), as_of)[0]
    assert twice[:3].tolist() == [2, 2, 2]
    assert twice[3:].tobytes() == once[3:].tobytes()


def test_before_the_first_event_and_after_the_last_load() -> None:
    first, last = BASE - timedelta(days=9_000), BASE + timedelta(days=9_000)
    rows = features(event_table([contact(0)]), {"a": [first, last]})
    assert rows[0, :3].tolist() == [0, 0, 0]
    assert np.isnan(rows[0, 3])
    assert rows[1, :4].tolist() == [0, 0, 1, 9_000]


def test_moments_out_of_order_are_refused_and_equal_ones_have_equal_rows() -> None:
    ready, now = histories("a", "b"), microseconds(BASE)
    later = now + MICROSECONDS_PER_DAY
    with pytest.raises(DataError, match="out of order"):
        ready.features_of(0, np.array([later, now]))
    offsets, moments = np.array([0, 1, 1 + 2]), np.array([later, now, later])
    assert len(ready.features(RowArrays(offsets, moments))) == 3, "each person begins anew"
    with pytest.raises(DataError, match="out of order"):
        ready.features(RowArrays(offsets, np.array([now, later, now])))
    twice = ready.features_of(0, np.array([now, now]))
    assert twice[0].tobytes() == twice[1].tobytes()


def test_no_moment_is_no_row() -> None:
    ready, none = histories("a", "b"), np.empty(0, dtype=np.int64)
    assert ready.features_of(1, none).shape == (0, 6)
    assert ready.features(RowArrays(np.zeros(3, dtype=np.int64), none)).shape == (0, 6)


def test_people_without_an_event_between_others_have_the_values_of_nothing_seen() -> None:
    table = event_table([contact(-1, person_id="a"), contact(-2, person_id="c", event_id="two")])
    rows = features(table, {person: [BASE] for person in "abc"})
    assert rows[:, 2].tolist() == [1, 0, 1]


@pytest.mark.parametrize("person", [-1, 2, 2**40])
def test_a_person_that_is_not_there_is_refused(person: int) -> None:
    with pytest.raises(DataError, match="a place from 0 to 1"):
        histories("a", "b").features_of(person, np.array([microseconds(BASE)]))


def test_a_person_asked_about_twice_is_refused_without_saying_who() -> None:
    with pytest.raises(DataError, match="1 people are asked about twice") as refused:
        histories("anna", "bert", "anna")
    assert "anna" not in str(refused.value)


@pytest.mark.parametrize("offsets", [[0, 1], [0, 1, 1], [1, 1, 2], [0, 3, 2]])
def test_rows_of_other_people_are_refused(offsets: list[int]) -> None:
    with pytest.raises(DataError, match="the rows are not those of the people"):
        histories("a", "b").features(RowArrays(np.array(offsets), np.full(2, microseconds(BASE))))


@pytest.mark.parametrize("limit", [np.iinfo(np.int64).min, np.iinfo(np.int64).max])
def test_a_moment_near_the_end_of_64_bits_is_refused(limit: int) -> None:
    with pytest.raises(DataError, match="as-of moment is outside the calendar"):
        histories("a").features_of(0, np.array([limit]))


def histories(*person_id: str) -> PersonHistories:
    table = event_table([contact(-1)])
    return PersonHistories(recipe(), table, people_table(()), np.array(person_id, dtype=object), zone=LONDON)


def test_two_people_whose_pseudonyms_begin_alike_stay_apart() -> None:
    table = event_table([contact(-1, person_id="k1_AAAA"), contact(-2, person_id="k1_AAAAB", event_id="two")])
    rows = features(table, {"k1_AAAA": [BASE], "k1_AAAAB": [BASE], "k1_AAA": [BASE]})
    assert rows[:, 2].tolist() == [0, 1, 1]
    assert rows[1:, 3].tolist() == [1, 2]


@pytest.mark.parametrize("column", ["occurred_at", "known_at", "superseded_at"])
@pytest.mark.parametrize("limit", [np.iinfo(np.int64).min, np.iinfo(np.int64).max])
def test_a_date_near_the_end_of_64_bits_is_refused_without_saying_whose(column: str, limit: int) -> None:
    table = event_table([contact(-1), contact(-2, event_id="two")])
    beyond = pa.array([limit, microseconds(BASE)]).cast(EVENTS.field(column).type)
    table = table.set_column(table.column_names.index(column), column, beyond)
    with pytest.raises(DataError) as refused:
        features(table, {"a": [BASE]})
    assert f"1 rows have a {column} outside the calendar" in str(refused.value)
    assert "one" not in str(refused.value).split()


def test_the_first_and_the_last_day_of_the_calendar_are_dates_like_any_other() -> None:
    table = event_table([contact(-1)])
    for year in ("0001-01-02", "9998-12-31"):
        moved = pa.array([np.datetime64(year, "us").astype(np.int64)]).cast(EVENTS.field("occurred_at").type)
        row = features(table.set_column(table.column_names.index("occurred_at"), "occurred_at", moved), {"a": [BASE]})
        assert row[0, 2] == (1 if year < "2000" else 0)


def test_a_million_events_of_one_person() -> None:
    """Counted again by NumPy, at one moment and down a year of weeks; nothing grows with their square."""
    number, now = 1_000_000, microseconds(BASE)
    generator = np.random.default_rng(8)
    occurred = now - generator.integers(1, 800 * MICROSECONDS_PER_DAY, number)
    known = occurred + generator.integers(0, 3 * MICROSECONDS_PER_DAY, number)
    instants = EVENTS.field("known_at").type
    table = pa.table(
        {
            "person_id": pa.DictionaryArray.from_arrays(pa.array(np.zeros(number, np.int32)), ["a"]),
            "occurred_at": pa.array(occurred).cast(instants),
            "known_at": pa.array(known).cast(instants),
            "superseded_at": pa.array(np.full(number, FOREVER_US)).cast(instants),
            "source": pa.DictionaryArray.from_arrays(pa.array(np.zeros(number, np.int32)), ["crisis_line"]),
        }
    )
    weeks = now - np.arange(51, -1, -1, dtype=np.int64) * 7 * MICROSECONDS_PER_DAY
    rows = PersonRows(np.array(["a"], dtype=object), np.array([0, len(weeks)], dtype=np.int64), weeks)
    ready = PersonHistories(recipe(), table, people_table(()), rows.person_id, zone=LONDON)
    found = ready.features_of(0, weeks)
    assert ready.features_of(0, weeks[-1:]).tobytes() == found[-1:].tobytes()
    for row in (0, 20, len(weeks) - 1):
        live = (known < weeks[row]) & (occurred < weeks[row])
        wanted = [np.count_nonzero(live & (occurred >= weeks[row] - days * MICROSECONDS_PER_DAY)) for days in (7, 28)]
        assert found[row, :3].tolist() == [*wanted, np.count_nonzero(live)]
        assert found[row, 3] == np.float32((weeks[row] - occurred[live].max()) / MICROSECONDS_PER_DAY)
