"""Streamed feature rows: the same numbers and the same trees as from a matrix, whatever is kept and how it is cut."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from tests.lib.histories import BASE, SOURCES, EventVersion, event_table, people_table, rows_of

from crisisrisk.cohorts import PersonRows
from crisisrisk.features.person import person_features
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.training.fitting import Block, fit_trees, scores
from crisisrisk.training.recipe import ModelSettings
from crisisrisk.training.row_stream import FeatureStream, RowSequence, rows_taken

LONDON = ZoneInfo("Europe/London")
RECIPE = read_feature_recipe(
    """
[recipe]
name = "streamed"
subject = "person"
[[group]]
name = "each"
sources = "all"
each = true
aggregations = ["count", "days_since_last", "distinct_days"]
lookback_days = [7, 28, "ever"]
""",
    sources=SOURCES,
)
NAMES = RECIPE.names
SETTINGS = ModelSettings(min_data_in_leaf=20, rounds=40, early_stopping_rounds=10, threads=2)
BUCKETS, WEEKS = 4, 30


class Town:
    """Some buckets of invented people, with a week's worth of moments; it counts how often each bucket is read."""

    def __init__(self, people_in_each: tuple[int, ...] = (40, 0, 25, 31)) -> None:
        generator = np.random.default_rng(4)
        self.tables = [self._events(generator, bucket, people) for bucket, people in enumerate(people_in_each)]
        weeks = [BASE + timedelta(days=7 * week) for week in range(WEEKS)]
        self.rows = [
            rows_of({name(bucket, person): weeks[person % 3 :] for person in range(people)})
            for bucket, people in enumerate(people_in_each)
        ]
        self.reads: list[int] = []

    def _events(self, generator: np.random.Generator, bucket: int, people: int) -> pa.Table:
        return event_table(
            EventVersion(
                event_id=f"{bucket}-{person}-{event}",
                person_id=name(bucket, person),
                occurred_at=(when := BASE + timedelta(days=float(generator.uniform(-90, 7 * WEEKS)))),
                known_at=when + timedelta(hours=float(generator.exponential(30))),
                source=SOURCES[generator.integers(len(SOURCES))],
            )
            for person in range(people)
            for event in range(generator.integers(0, 60))
        )

    def read(self, bucket: int) -> tuple[pa.Table, pa.Table]:
        self.reads.append(bucket)
        return self.tables[bucket], people_table(())

    def stream(self, *, kept_bytes: int, block_rows: int = 200) -> FeatureStream:
        return FeatureStream(RECIPE, self.rows, self.read, zone=LONDON, kept_bytes=kept_bytes, block_rows=block_rows)

    def matrix(self) -> NDArray[np.float32]:
        return np.concatenate(
            [
                person_features(RECIPE, events, people_table(()), rows, zone=LONDON)
                for events, rows in zip(self.tables, self.rows, strict=True)
            ]
        )


def name(bucket: int, person: int) -> str:
    return f"p{bucket}-{person:03}"


@pytest.fixture
def town() -> Town:
    return Town()


KEEPING = [0, 1 << 30]


@pytest.mark.parametrize("kept_bytes", KEEPING)
@pytest.mark.parametrize("block_rows", [1, 77, 1 << 20])
def test_any_rows_in_any_order_are_those_of_the_matrix(town: Town, kept_bytes: int, block_rows: int) -> None:
    stream, matrix = town.stream(kept_bytes=kept_bytes, block_rows=block_rows), town.matrix()
    assert stream.shape == matrix.shape
    generator = np.random.default_rng(1)
    for rows in (
        np.arange(len(matrix)),
        generator.permutation(len(matrix))[:300],
        np.array([5, 5, 2]),
        np.array([], dtype=np.int64),
    ):
        assert stream[rows].tobytes() == matrix[rows].tobytes()


def test_blocks_are_whole_people_and_no_larger_than_asked_for(town: Town) -> None:
    stream = town.stream(kept_bytes=0, block_rows=90)
    lengths = [len(matrix) for _, matrix in stream.rows(np.arange(len(stream))).blocks()]
    assert sum(lengths) == len(stream)
    assert max(lengths) < 90 + WEEKS
    assert len(lengths) > len(stream) / 130


def trees_from(features: object, wanted: NDArray[np.int64], train: NDArray[np.int64], settings: ModelSettings) -> str:
    labels = wanted
    blocks = []
    for part in (train, np.setdiff1d(np.arange(len(labels)), train)):
        rows = features.rows(part) if isinstance(features, FeatureStream) else features[part]  # type: ignore[index]
        blocks.append(Block(rows, labels[part]))
    return fit_trees("person", NAMES, *blocks, settings).text


@pytest.mark.parametrize("kept_bytes", KEEPING)
@pytest.mark.parametrize(
    "settings", [SETTINGS, replace(SETTINGS, max_bin=255, threads=1), replace(SETTINGS, min_data_in_leaf=300, seed=3)]
)
def test_the_trees_are_those_of_the_matrix_to_the_byte(town: Town, kept_bytes: int, settings: ModelSettings) -> None:
    matrix = town.matrix()
    labels = (np.nan_to_num(matrix[:, 0]) + np.random.default_rng(2).normal(size=len(matrix)) > 1).astype(np.int64)
    train = np.flatnonzero(np.arange(len(matrix)) % 7 > 1)
    from_matrix = trees_from(matrix, labels, train, settings)
    assert from_matrix.count("Tree=") > 5
    assert trees_from(town.stream(kept_bytes=kept_bytes), labels, train, settings) == from_matrix


def test_bins_found_from_a_sample_are_those_of_the_matrix(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """LightGBM finds bins from 200,000 rows; here from 500 of more, so that which rows are drawn matters."""
    monkeypatch.setattr("crisisrisk.training.fitting.SAMPLED_ROWS", 500)
    matrix = town.matrix()
    assert len(matrix) > 1500
    labels = (np.nan_to_num(matrix[:, 0]) > 1).astype(np.int64)
    train = np.flatnonzero(np.arange(len(matrix)) % 5 > 0)
    assert trees_from(town.stream(kept_bytes=0), labels, train, SETTINGS) == trees_from(matrix, labels, train, SETTINGS)


def test_scores_block_by_block_are_those_of_the_matrix(town: Town) -> None:
    matrix, rows = town.matrix(), np.arange(3, 900, 2)
    streamed = scores(town.stream(kept_bytes=0).rows(rows), lambda block: np.nansum(block, axis=1, dtype=np.float64))
    np.testing.assert_array_equal(streamed, np.nansum(matrix[rows], axis=1, dtype=np.float64))


def test_what_fits_is_computed_once_and_what_does_not_is_read_again(town: Town) -> None:
    rows = np.arange(len(town.matrix()))
    small, large = town.stream(kept_bytes=1 << 30), town.stream(kept_bytes=0)
    for _ in range(3):
        small[rows]
    assert town.reads == [0, 2, 3]
    town.reads.clear()
    for _ in range(3):
        large[rows]
    assert town.reads == [0, 2, 3] * 3


def test_only_one_block_is_held_while_lightgbm_reads(town: Town) -> None:
    stream = town.stream(kept_bytes=0, block_rows=100)
    sequences = stream.rows(np.arange(len(stream))).sequences()
    assert all(isinstance(one, RowSequence) and len(one) == one.batch_size for one in sequences)
    first, second = sequences[0][0:5], sequences[1][0:5]
    assert (first.shape, first.dtype, sequences[1][0].dtype) == ((5, len(NAMES)), np.float32, np.float64)
    assert first.base is not second.base
    assert sequences[0]._held is sequences[1]._held
    assert sequences[0]._held._owner is sequences[1]


def test_caseloads_reach_the_features(town: Town) -> None:
    recipe = read_feature_recipe(
        """
[recipe]
name = "caseload"
subject = "person"
[[group]]
name = "care"
aggregations = ["on_caseload"]
""",
        sources=SOURCES,
    )
    moment = pa.array([BASE - timedelta(days=1)], pa.timestamp("us", tz="UTC"))
    columns = {"person_id": pa.array([name(0, 1)]), "team_id": pa.array(["north"]), "worker_id": pa.array(["w"])}
    caseloads = pa.table(
        {**columns, "valid_from": moment, "known_at": moment, "valid_to": pa.nulls(1, pa.timestamp("us", tz="UTC"))}
    )
    everybody = np.arange(len(town.matrix()))
    with_them = FeatureStream(recipe, town.rows, town.read, zone=LONDON, caseloads=caseloads)[everybody]
    without = FeatureStream(recipe, town.rows, town.read, zone=LONDON)[everybody]
    assert with_them.sum() == WEEKS - 1
    assert np.isnan(without).all()


def test_rows_taken_are_those_asked_for() -> None:
    rows = PersonRows(np.array(["a", "b", "c"], dtype=object), np.array([0, 2, 2, 5]), np.array([1, 2, 3, 4, 5]))
    taken = rows_taken(rows, np.array([1, 3, 4]))
    assert taken.offsets.tolist() == [0, 1, 1, 3]
    assert taken.as_of.tolist() == [2, 4, 5]
    assert taken.row_person().tolist() == [0, 2, 2]
