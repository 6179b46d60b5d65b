"""The person feature engine on a year of weeks of a city, beside polars and DuckDB by hand and timeseriesflattener.

A range window of DuckDB is slower than linear in a person's contacts and linear in people, as timeseriesflattener is:
both are given a tenth of the people, and compared by cell.
"""

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.peers.environments import run_peer
from benchmarks.report import Figure, Outcome
from crisisrisk.cohorts import PersonRows
from crisisrisk.features.person import person_event_columns, person_features
from crisisrisk.features.person_events import event_arrays, row_arrays
from crisisrisk.features.person_plan import plan_person
from crisisrisk.features.person_scan import scan_people
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.tables.manifest import as_stored
from crisisrisk.tables.merging import RARELY_REPEAT
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Window, grid, microseconds

PEOPLE, WEEKS, EVENTS, BUCKETS, LOOKBACKS, SEED = 60_000, 52, 7_000_000, 64, (7, 28, 91, 365), 20
SOURCES = tuple(f"source_{number}" for number in range(8))
LONDON = ZoneInfo("Europe/London")
RUNS = 7
BAR_CELLS_PER_SECOND, BAR_SECONDS = 4e8, 3.0
BAR_FLATTENER, BAR_POLARS, BAR_DUCKDB = 100.0, 20.0, 200.0
FLATTENER_PART = DUCKDB_PART = 10
NOBODY = pa.table(
    {
        "person_id": pa.array([], pa.string()),
        "known_at": pa.array([], pa.timestamp("us", "UTC")),
        "valid_from": pa.array([], pa.timestamp("us", "UTC")),
        "birth_year": pa.array([], pa.int32()),
        "deprivation_decile": pa.array([], pa.int32()),
    }
)

RECIPE = f"""
[recipe]
name = "benchmark"
subject = "person"
[[group]]
name = "each"
sources = "all"
each = true
aggregations = ["count", "days_since_last"]
lookback_days = {list(LOOKBACKS)}
"""


@dataclass(frozen=True)
class City:
    """Invented contacts in buckets, as the store holds them, and the weekly rows of everybody."""

    buckets: list[pa.Table]
    rows: list[PersonRows]

    def written(self, folder: Path) -> None:
        """As Parquet, one file for each bucket as a site keeps it, and the rows for the peers."""
        (folder / "events").mkdir(parents=True)
        for number, table in enumerate(self.buckets):
            (folder / "events" / f"{number:03}.parquet").write_bytes(as_stored(table, plain=RARELY_REPEAT))
        names = np.concatenate([rows.person_id[rows.row_person()] for rows in self.rows]).astype(str)
        moments = np.concatenate([rows.as_of for rows in self.rows])
        pq.write_table(pa.table({"person_id": names, "as_of": _instants(moments)}), folder / "rows.parquet")


def invent_city(people: int, *, seed: int = SEED, buckets: int = BUCKETS) -> City:
    """Seven million contacts of 60,000 people over three years, or as many for each of fewer people.

    Some people have many and most few; 15 in 100 contacts are known between one and sixty days late, 2 in 100 are
    corrected. People are spread over the buckets in turn.
    """
    generator = np.random.default_rng(seed)
    events = EVENTS * people // PEOPLE
    of_person = np.sort(generator.choice(people, events, p=generator.dirichlet(np.full(people, 0.8))))
    start = microseconds(datetime(2022, 1, 1, tzinfo=UTC))
    occurred = start + generator.integers(0, 3 * 365 * MICROSECONDS_PER_DAY, events)
    late = generator.random(events) < 0.15
    known = occurred + np.where(late, _days(generator, 1, 60, events), _days(generator, 0, 1, events) // 4)
    corrected = generator.random(events) < 0.02
    superseded = np.where(corrected, known + _days(generator, 1, 30, events), FOREVER_US)
    source = generator.integers(0, len(SOURCES), events).astype(np.int32)
    order = np.lexsort((occurred, known, of_person, of_person % buckets))
    columns = [column[order] for column in (of_person, occurred, known, superseded, source)]
    edges = np.searchsorted(columns[0] % buckets, np.arange(buckets + 1))
    parts = [[column[first:last] for column in columns] for first, last in pairwise(edges)]
    weeks = [microseconds(moment) for moment in _year_of_weeks()]
    rows = [_rows(np.arange(bucket, people, buckets), np.array(weeks)) for bucket in range(buckets)]
    return City([_table(*part, rows_of, buckets) for part, rows_of in zip(parts, rows, strict=True)], rows)


def one_clock(city: City) -> City:
    """The same contacts, each known when it occurs and never corrected: what a window of one order can express."""
    return City([_on_one_clock(table) for table in city.buckets], city.rows)


def _on_one_clock(table: pa.Table) -> pa.Table:
    never = _instants(np.full(len(table), FOREVER_US))
    for name, values in (("known_at", table["occurred_at"]), ("superseded_at", never)):
        table = table.set_column(table.column_names.index(name), name, values)
    return table


def _year_of_weeks() -> list[datetime]:
    year = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 6, tzinfo=UTC))
    return list(grid(year, LONDON))[:WEEKS]


def _days(generator: np.random.Generator, low: int, high: int, count: int) -> NDArray[np.int64]:
    return generator.integers(low * MICROSECONDS_PER_DAY, high * MICROSECONDS_PER_DAY, count)


def _instants(values: NDArray[np.int64]) -> Any:
    return pa.array(values).cast(pa.timestamp("us", tz="UTC"))


def _rows(numbers: NDArray[np.int64], weeks: NDArray[np.int64]) -> PersonRows:
    names = np.array([f"k1_{number:016d}" for number in numbers], dtype=object)
    return PersonRows(names, np.arange(len(numbers) + 1) * len(weeks), np.tile(weeks, len(numbers)))


def _table(
    person: NDArray[np.int64],
    occurred: NDArray[np.int64],
    known: NDArray[np.int64],
    superseded: NDArray[np.int64],
    source: NDArray[np.int32],
    rows: PersonRows,
    buckets: int,
) -> pa.Table:
    places = (person // buckets).astype(np.int32)
    return pa.table(
        {
            "person_id": pa.DictionaryArray.from_arrays(places, pa.array(rows.person_id, type=pa.string())),
            "occurred_at": _instants(occurred),
            "known_at": _instants(known),
            "superseded_at": _instants(superseded),
            "source": pa.DictionaryArray.from_arrays(source, pa.array(SOURCES)),
        }
    )


@dataclass(frozen=True)
class Run:
    """One run: by the clock on the wall, and of both cores' work, which a busy machine disturbs less."""

    seconds: float
    core_seconds: float


def kernel_runs(recipe: FeatureRecipe, city: City) -> list[Run]:
    """Each run of the compiled scan alone over everybody, on two threads by bucket."""
    plan = plan_person(recipe)
    prepared = []
    for table, rows in zip(city.buckets, city.rows, strict=True):
        arrays = event_arrays(plan, table, rows.person_id, LONDON)
        out = np.empty((len(rows), len(recipe.specs)), dtype=np.float32)
        prepared.append((arrays, row_arrays(rows), out))

    def one(bucket: int) -> None:
        arrays, moments, out = prepared[bucket]
        scan_people(0, len(moments.offsets) - 1, arrays, moments, plan.compiled, out)

    return [_timed(lambda: _on_two_threads(one, range(len(prepared)))) for _ in range(RUNS + 1)][1:]


def from_parquet(
    recipe: FeatureRecipe, city: City, folder: Path, *, runs: int = RUNS
) -> tuple[list[Run], NDArray[np.float32]]:
    """Each run from files to one matrix, and the matrix."""
    columns = list(person_event_columns(recipe))
    edges = np.cumsum([0, *(len(rows) for rows in city.rows)])
    matrix = np.empty((edges[-1], len(recipe.specs)), dtype=np.float32)

    def one(bucket: int) -> None:
        table = pq.read_table(folder / "events" / f"{bucket:03}.parquet", columns=columns, use_threads=False)
        rows = city.rows[bucket]
        block = person_features(recipe, table, NOBODY, rows, zone=LONDON, threads=1)
        matrix[edges[bucket] : edges[bucket + 1]] = block

    return [_timed(lambda: _on_two_threads(one, range(BUCKETS))) for _ in range(runs)], matrix


def _on_two_threads(work: Callable[[int], None], items: range) -> None:
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(work, items))


def _timed(work: Callable[[], None]) -> Run:
    started, cores = time.perf_counter(), time.process_time()
    work()
    return Run(time.perf_counter() - started, time.process_time() - cores)


def measured(people: int, *, peers: bool) -> dict[str, Any]:
    """Every figure, as JSON."""
    recipe = read_feature_recipe(RECIPE, sources=SOURCES)
    city = invent_city(people)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        city.written(folder)
        whole, matrix = from_parquet(recipe, city, folder)
        kernel = kernel_runs(recipe, city)
        result = {
            "people": people,
            "rows": matrix.shape[0],
            "columns": matrix.shape[1],
            "events": sum(len(table) for table in city.buckets),
            "cells": matrix.size,
            "cores": os.cpu_count(),
            "kernel": _figures(kernel, matrix.size),
            "parquet_to_matrix": _figures(whole, matrix.size),
        }
        return result | (_peers(recipe, folder, matrix, city, people) if peers else {})


def _figures(runs: list[Run], cells: int) -> dict[str, float]:
    seconds = [run.seconds for run in runs]
    return {
        "median_seconds": median(seconds),
        "best_seconds": min(seconds),
        "core_seconds": median(run.core_seconds for run in runs),
        "cells_per_second": cells / median(seconds),
        "best_cells_per_second": cells / min(seconds),
    }


def _peers(recipe: FeatureRecipe, folder: Path, matrix: NDArray[np.float32], city: City, people: int) -> dict[str, Any]:
    by_hand = run_peer("polars", "polars_by_hand", str(folder))
    theirs = np.load(folder / "polars.npy")
    counts = [column for column in range(matrix.shape[1]) if (column + 1) % (len(LOOKBACKS) + 1)]
    by_hand["counts_equal"] = bool(np.array_equal(_by_name(city, matrix)[:, counts], theirs[:, counts]))
    flattener = run_peer("timeseriesflattener", "flattener", str(folder), str(max(people // FLATTENER_PART, 1)))
    peers = {"polars_by_hand": by_hand, "timeseriesflattener": flattener}
    peers["duckdb_by_hand"] = _duckdb(recipe, folder / "one_clock", max(people // DUCKDB_PART, 1))
    for peer in peers.values():
        peer["cells_per_second"] = peer["cells"] / peer["seconds"]
    return peers


def _duckdb(recipe: FeatureRecipe, folder: Path, people: int) -> dict[str, Any]:
    """DuckDB and the engine on the same contacts of a part of the people, on one clock."""
    city = one_clock(invent_city(people))
    city.written(folder)
    matrix = from_parquet(recipe, city, folder, runs=1)[1]
    result = run_peer("duckdb", "duckdb_by_hand", str(folder))
    equal = np.array_equal(_by_name(city, matrix), np.load(folder / "duckdb.npy"), equal_nan=True)
    return result | {"people": people, "equal": bool(equal)}


def _by_name(city: City, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows in order of person and moment, as peers give them."""
    names = np.concatenate([rows.person_id[rows.row_person()] for rows in city.rows])
    return matrix[np.argsort(names, kind="stable")]


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Everything, at a part of full size."""
    result = measured(max(round(PEOPLE * scale), 1), peers=peers)
    kernel, whole = result["kernel"], result["parquet_to_matrix"]
    figures = [
        Figure(what="kernel", value=kernel["cells_per_second"], unit="cells/s", bar=BAR_CELLS_PER_SECOND),
        Figure(what="Parquet to matrix", value=whole["median_seconds"], unit="s", bar=BAR_SECONDS, less_is_better=True),
    ]
    size = f"{result['people']:,} people × {WEEKS} weeks × {result['columns']} columns, {result['events']:,} contacts"
    return Outcome(
        of=size,
        figures=(*figures, *(_against(result) if peers else ())),
        remarks=_remarks(result) if peers else (),
        details=result,
    )


def _against(result: dict[str, Any]) -> list[Figure]:
    """How many times as long each peer takes, from Parquet to matrix; by cell where it has a part of the people."""
    whole = result["parquet_to_matrix"]
    polars = result["polars_by_hand"]["with_reading"] / whole["median_seconds"]
    slower = {
        peer: whole["cells_per_second"] / result[peer]["cells_per_second"]
        for peer in ("timeseriesflattener", "duckdb_by_hand")
    }
    return [
        Figure(what="polars 2.1, by hand, takes", value=polars, unit="times as long", bar=BAR_POLARS),
        Figure(what="timeseriesflattener 2.5 takes", value=slower["timeseriesflattener"], unit="times as long",
               bar=BAR_FLATTENER),
        Figure(what="DuckDB 2.0, range windows, takes", value=slower["duckdb_by_hand"], unit="times as long",
               bar=BAR_DUCKDB),
    ]  # fmt: skip


def _remarks(result: dict[str, Any]) -> tuple[str, ...]:
    polars, flattener, duckdb = (result[name] for name in ("polars_by_hand", "timeseriesflattener", "duckdb_by_hand"))
    same = {True: "the same numbers", False: "OTHER NUMBERS"}
    return (
        f"polars (cumulative counts and as-of joins) took {polars['with_reading']:.1f} s for everybody and gave"
        f" {same[polars['counts_equal']]} of every count, both clocks and corrections included.",
        f"timeseriesflattener took {flattener['seconds']:.1f} s for {flattener['people']:,} people: counts alone, on"
        " one clock; it is held against by cell.",
        f"DuckDB took {duckdb['seconds']:.1f} s for {duckdb['people']:,} people and gave {same[duckdb['equal']]} to the"
        " bit. A range window has one order, so it was given contacts that are known when they occur and are never"
        " corrected; it is held against by cell.",
    )
