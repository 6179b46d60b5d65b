"""The fast place engine against the slow and obvious one, on invented histories; and what must never change it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.lib.histories import BASE, SOURCES, EventVersion, event_table, events, moments
from tests.lib.reference_place_features import (
    DAY,
    FAR,
    MIDDLE,
    NEIGHBOUR,
    SECOND,
    PlacedVersion,
    hexagons,
    reference_counts,
    reference_offset,
    reference_place_features,
    reference_usual,
    rows_of_shifts,
    site_of,
)

from crisisrisk.features.place import PlaceHistory, PlaceRows, place_counts, place_features, place_history
from crisisrisk.features.place_offset import offset_rates, usual_counts
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.timeline import Shift, microseconds, shift_on

SITE = site_of()
CELLS = replace(hexagons(MIDDLE, NEIGHBOUR, SECOND, FAR), parents=("north", None, "north", "south"))
RECIPE = read_feature_recipe(
    """
[recipe]
name = "every_aggregation"
subject = "place"
[[group]]
name = "all"
sources = "all"
aggregations = [
    "count", "decayed_count", "neighbours_1_count", "neighbours_2_count", "same_shift_count", "days_since_last",
    "area_count", "trend",
]
lookback_days = [1, 8, 28]
short_days = 1
[[group]]
name = "ever"
sources = "all"
aggregations = ["count", "neighbours_1_count", "same_shift_count", "area_count"]
lookback_days = ["ever"]
if_none = "not known"
[[group]]
name = "some"
sources = ["s136", "crisis_line"]
where = { is_crisis = [true], outcome = ["missed"] }
aggregations = ["count", "decayed_count", "same_shift_count", "days_since_last", "trend"]
lookback_days = [7, 28]
short_days = 3
if_none = -1
[[group]]
name = "cell"
aggregations = ["population", "area_km2"]
if_none = 5
""",
    sources=SOURCES,
)


@dataclass(frozen=True)
class Map:
    """Everything that will ever be known, and the shifts that are asked about."""

    versions: tuple[EventVersion, ...]
    shifts: tuple[Shift, ...]
    issued_at: tuple[datetime, ...]

    @property
    def rows(self) -> PlaceRows:
        """The rows of the feature matrix."""
        return rows_of_shifts(CELLS, self.shifts, self.issued_at)

    @property
    def history(self) -> PlaceHistory:
        """Every event in its cell."""
        return place_history(event_table(self.versions), CELLS, SITE.cells)


NOWHERE = {"place_id": None, "latitude": None, "longitude": None}
WHERES = (
    {"place_id": MIDDLE},
    {"place_id": MIDDLE},
    {"latitude": 52.48, "longitude": -1.9},
    {"place_id": NEIGHBOUR},
    {"place_id": SECOND},
    {"place_id": FAR},
    {"place_id": "elsewhere"},
    {"latitude": None, "longitude": -1.9},
    {"latitude": -1.9, "longitude": 52.48},
    {"latitude": 99.0, "longitude": -1.9},
)
PATTERNS = {pattern.name: pattern for pattern in SITE.shifts}


@st.composite
def placed_events(draw: st.DrawFn, event_id: str) -> list[EventVersion]:
    versions = draw(events(event_id))
    where = draw(st.sampled_from(WHERES))
    placed: list[EventVersion] = []
    for version in versions:
        where = draw(st.sampled_from([where, where, where, *WHERES]))
        placed.append(PlacedVersion(**{**vars(version), **NOWHERE, **where}))
    return placed


@st.composite
def shifts(draw: st.DrawFn) -> Shift:
    pattern = draw(st.sampled_from(SITE.shifts))
    days = [(BASE + number * DAY).date() for number in range(45, -30, -1)]
    day = draw(st.sampled_from([day for day in days if day.weekday() in pattern.weekdays]))
    shift = shift_on(pattern, day, SITE.time_zone)
    return replace(shift, name=draw(st.sampled_from([shift.name] * 6 + ["a name that the rota does not have"])))


@st.composite
def maps(draw: st.DrawFn) -> Map:
    """A small map of events, some in no cell, and up to five shifts, each with a time of issue."""
    versions = [one for number in range(draw(st.integers(2, 14))) for one in draw(placed_events(f"e{number}"))]
    asked = draw(st.lists(shifts(), min_size=1, max_size=5))
    leads = st.sampled_from([0, 1, 24, 168]).map(lambda hours: timedelta(hours=hours))
    issued = tuple(draw(st.one_of(leads.map(lambda lead, one=shift: one.start - lead), moments())) for shift in asked)
    return Map(tuple(versions), tuple(asked), issued)


NOBODY = Map((), (shift_on(PATTERNS["day"], BASE.date(), SITE.time_zone),), (BASE,))


def features(asked: Map, versions: Sequence[EventVersion] | None = None) -> NDArray[np.float32]:
    table = event_table(asked.versions if versions is None else versions)
    return place_features(RECIPE, table, asked.rows, site=SITE)


@settings(max_examples=80, deadline=None)
@given(maps())
@example(NOBODY)
def test_the_engine_equals_the_definition_to_the_bit(asked: Map) -> None:
    found = features(asked)
    np.testing.assert_array_equal(found, reference_place_features(RECIPE, asked.versions, asked.rows, site=SITE))


@settings(max_examples=25, deadline=None)
@given(maps())
def test_a_shift_alone_has_the_features_of_the_whole_grid_to_the_bit(asked: Map) -> None:
    together, history = features(asked), asked.history
    offset, usual = offset_rates(history, asked.rows, SITE), usual_counts(history, asked.rows, SITE)
    for row, alone in enumerate(asked.rows.blocks(1)):
        np.testing.assert_array_equal(
            together[row : row + 1], place_features(RECIPE, event_table(asked.versions), alone, site=SITE)
        )
        np.testing.assert_array_equal(offset[row : row + 1], offset_rates(history, alone, SITE))
        np.testing.assert_array_equal(usual[row : row + 1], usual_counts(history, alone, SITE))


@settings(max_examples=25, deadline=None)
@given(maps(), st.randoms(use_true_random=False))
def test_the_order_of_the_events_changes_nothing(asked: Map, random: Random) -> None:
    table = event_table(asked.versions)
    order = list(range(len(table)))
    random.shuffle(order)
    mixed = table.take(pa.array(order, type=pa.int64()))
    np.testing.assert_array_equal(features(asked), place_features(RECIPE, mixed, asked.rows, site=SITE))
    shuffled = place_history(mixed, CELLS, SITE.cells)
    np.testing.assert_array_equal(
        offset_rates(asked.history, asked.rows, SITE), offset_rates(shuffled, asked.rows, SITE)
    )


@settings(max_examples=40, deadline=None)
@given(maps(), st.data())
def test_nothing_known_at_or_after_the_issue_time_changes_anything(asked: Map, data: st.DataObject) -> None:
    last = max(asked.issued_at)
    kept = [version for version in asked.versions if version.known_at < last]
    invented = data.draw(st.lists(placed_events("later"), max_size=3))
    added = [
        replace(version, event_id=f"{version.event_id}{number}", known_at=max(version.known_at, last))
        for number, versions in enumerate(invented)
        for version in versions
    ]
    corrections = [
        replace(version, known_at=last + timedelta(days=number), occurred_at=version.occurred_at - DAY, source="s136")
        for number, version in enumerate(kept)
    ]
    table = event_table([*kept, *added, *corrections])
    np.testing.assert_array_equal(features(asked), place_features(RECIPE, table, asked.rows, site=SITE))
    changed = place_history(table, CELLS, SITE.cells)
    for computed in (offset_rates, usual_counts):
        np.testing.assert_array_equal(computed(asked.history, asked.rows, SITE), computed(changed, asked.rows, SITE))


def test_something_known_a_microsecond_before_the_issue_time_does_change_the_features() -> None:
    shift = shift_on(PATTERNS["day"], BASE.date(), SITE.time_zone)
    asked = Map((), (shift,), (BASE,))
    moment = BASE - timedelta(microseconds=1)
    a_week_before = shift.start - 7 * DAY
    contact = PlacedVersion(event_id="e", occurred_at=a_week_before, known_at=moment, place_id=MIDDLE)
    before, after = features(asked), features(asked, [contact])
    changed = {name for column, name in enumerate(RECIPE.names) if not same(before[:, :, column], after[:, :, column])}
    untouched = ("population", "area_km2", "some_", "_in_1_days", "trend")
    expected = {name for name in RECIPE.names if not any(part in name for part in untouched)}
    assert expected <= changed
    on_time = replace(contact, known_at=BASE)
    assert same(before, features(asked, [on_time]))
    history = place_history(event_table([contact]), CELLS, SITE.cells)
    assert not same(offset_rates(history, asked.rows, SITE), offset_rates(asked.history, asked.rows, SITE))
    assert not same(usual_counts(history, asked.rows, SITE), usual_counts(asked.history, asked.rows, SITE))


def same(one: NDArray[np.floating], other: NDArray[np.floating]) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))


@settings(max_examples=40, deadline=None)
@given(maps(), moments(), st.sampled_from([0, 30]))
def test_counts_are_what_occurred_in_the_shift_by_what_was_known_at_the_cut_off(
    asked: Map, cut_off: datetime, later: int
) -> None:
    cut_off += timedelta(days=later)
    found = place_counts(asked.history, asked.rows, cut_off=microseconds(cut_off))
    np.testing.assert_array_equal(found, reference_counts(asked.versions, asked.rows, cut_off=cut_off))


@settings(max_examples=40, deadline=None)
@given(maps(), st.sampled_from([7, 28, 364]))
@example(NOBODY, 28)
def test_the_usual_value_equals_its_definition(asked: Map, days: int) -> None:
    found = usual_counts(asked.history, asked.rows, SITE, lookback_days=days)
    np.testing.assert_array_equal(found, reference_usual(asked.versions, asked.rows, SITE, lookback_days=days))


@settings(max_examples=40, deadline=None)
@given(maps(), st.sampled_from([7, 28, 113, 365]), st.sampled_from([None, 5.0]), st.sampled_from([0.0, 36.0]))
@example(NOBODY, 28, None, 0.0)
def test_the_offset_equals_its_definition(asked: Map, days: int, prior: float | None, latency: float) -> None:
    how = {"lookback_days": days, "prior_events": prior, "latency_hours": latency}
    found = offset_rates(asked.history, asked.rows, SITE, **how)
    wanted = reference_offset(asked.versions, asked.rows, SITE, **how)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_the_invented_maps_are_not_empty() -> None:
    """A guard over the strategy: what is compared above is mostly something, not zeros beside zeros.

    Examples of one run resemble each other, so that a run of 40 may by chance be mostly empty: this one is always
    the same.
    """
    seen = []
    column = RECIPE.names.index("all_count_in_28_days")

    @settings(max_examples=40, deadline=None, database=None, derandomize=True)
    @given(maps())
    def look(asked: Map) -> None:
        seen.append(bool((features(asked)[:, :, column] > 0).any()))

    look()
    assert sum(seen) > len(seen) / 4
