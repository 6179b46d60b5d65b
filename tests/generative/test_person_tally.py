"""Long histories at one moment, counted from running sums, against the same moments counted down a grid of rows."""

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.full_person_set import DAYS, LONDON, START, invented_bucket, people_table, rows_of, shipped_recipe
from numpy.typing import NDArray

from crisisrisk.features.person import PersonHistories, person_event_columns
from crisisrisk.features.person_events import event_arrays, row_arrays
from crisisrisk.features.person_plan import plan_person
from crisisrisk.features.person_tally import EVERY, WORTH_SUMS
from crisisrisk.features.recipe import select_features
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.timeline import MICROSECONDS_PER_DAY

PEOPLE = np.arange(3, dtype=np.int64)


def some_features(seed: int) -> FeatureRecipe:
    """A third of the shipped set, another third for each seed."""
    recipe = shipped_recipe()
    return select_features(recipe, recipe.names[seed % 3 :: 3])


def known_at_odd_times(table: pa.Table, generator: np.random.Generator) -> pa.Table:
    """One in ten known before it occurs, some of them by long; one in ten known years after."""
    occurred, known = (np.asarray(table[name].cast(pa.int64())) for name in ("occurred_at", "known_at"))
    ahead = generator.integers(0, 400 * MICROSECONDS_PER_DAY, len(table))
    kind = generator.random(len(table))
    odd = np.where(kind < 0.1, occurred - ahead, np.where(kind < 0.2, known + 3 * ahead, known))
    place = table.column_names.index("known_at")
    return table.set_column(place, "known_at", pa.array(odd).cast(pa.timestamp("us", "UTC")))


def moments_of(table: pa.Table, generator: np.random.Generator) -> NDArray[np.int64]:
    """Anywhere, before the first event and after the last, and exactly when something occurs, is known or goes."""
    drawn = START + generator.integers(-30, DAYS + 90, 8) * MICROSECONDS_PER_DAY
    instants = [
        np.asarray(table[name].cast(pa.int64()))[generator.integers(0, len(table), 4)]
        for name in ("occurred_at", "known_at")
    ]
    month = instants[0] + 28 * MICROSECONDS_PER_DAY
    return np.unique(np.concatenate([drawn, *instants, month, month + 1]))


@pytest.mark.parametrize("seed", range(6))
def test_a_moment_of_a_long_history_is_the_row_of_the_grid_to_the_bit(seed: int) -> None:
    generator = np.random.default_rng([7, seed])
    recipe = some_features(seed)
    table = known_at_odd_times(invented_bucket(PEOPLE, 3 * WORTH_SUMS, recipe, seed), generator)
    table = table.select(person_event_columns(recipe))
    rows = rows_of(PEOPLE, moments_of(table, generator))
    ready = PersonHistories(recipe, table, people_table(PEOPLE), rows.person_id, zone=LONDON)
    whole = ready.features(row_arrays(rows))
    summed = event_arrays(plan_person(recipe), table, rows.person_id, LONDON)
    assert len(summed.sums) > WORTH_SUMS // EVERY
    for person in PEOPLE:
        for row in range(rows.offsets[person], rows.offsets[person + 1]):
            alone = ready.features_of(int(person), rows.as_of[row : row + 1])
            assert alone.tobytes() == whole[row].tobytes()


def test_sums_are_those_of_the_memberships_before_them() -> None:
    recipe = some_features(0)
    table = invented_bucket(PEOPLE, 4 * WORTH_SUMS, recipe, 1).select(person_event_columns(recipe))
    events = event_arrays(plan_person(recipe), table, rows_of(PEOPLE, np.zeros(1, np.int64)).person_id, LONDON)
    for person in PEOPLE:
        first, last = events.sums_from[person : person + 2]
        length = events.ends[person] - events.starts[person]
        assert last - first == (length // EVERY + 1 if length >= WORTH_SUMS else 0)
        for number in range(last - first):
            upto = events.starts[person] + number * EVERY
            held = events.channel[events.channel_from[events.starts[person]] : events.channel_from[upto]]
            expected = np.bincount(held, minlength=events.sums.shape[1])
            assert (events.sums[first + number] == expected).all()
