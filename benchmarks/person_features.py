"""The person feature engine on a year of weeks of a city, beside polars by hand and timeseriesflattener.

`python -m benchmarks.person_features [--json FILE] [--people N] [--without-peers]`
"""

import argparse
import json
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
from crisisrisk.cohorts import PersonRows
from crisisrisk.features.person import person_event_columns, person_features
from crisisrisk.features.person_events import event_arrays, row_arrays
from crisisrisk.features.person_plan import plan_person
from crisisrisk.features.person_scan import scan_people
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Window, grid, microseconds

PEOPLE, WEEKS, EVENTS, BUCKETS, LOOKBACKS, SEED = 60_000, 52, 7_000_000, 64, (7, 28, 91, 365), 20
SOURCES = tuple(f"source_{number}" for number in range(8))
LONDON = ZoneInfo("Europe/London")
RUNS = 7
BAR_CELLS_PER_SECOND, BAR_SECONDS = 3e8, 4.0
FLATTENER_PART = 10
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
        """As Parquet, one file for each bucket, and the rows for the peers."""
        (folder / "events").mkdir()
        for number, table in enumerate(self.buckets):
            pq.write_table(table, folder / "events" / f"{number:03}.parquet", compression="zstd")
        names = np.concatenate([rows.person_id[rows.row_person()] for rows in self.rows]).astype(str)
        moments = np.concatenate([rows.as_of for rows in self.rows])
        pq.write_table(pa.table({"person_id": names, "as_of": _instants(moments)}), folder / "rows.parquet")


def invent_city(people: int, *, seed: int = SEED) -> City:
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
    order = np.lexsort((occurred, known, of_person, of_person % BUCKETS))
    columns = [column[order] for column in (of_person, occurred, known, superseded, source)]
    edges = np.searchsorted(columns[0] % BUCKETS, np.arange(BUCKETS + 1))
    parts = [[column[first:last] for column in columns] for first, last in pairwise(edges)]
    weeks = [microseconds(moment) for moment in _year_of_weeks()]
    rows = [_rows(np.arange(bucket, people, BUCKETS), np.array(weeks)) for bucket in range(BUCKETS)]
    return City([_table(*part, rows_of) for part, rows_of in zip(parts, rows, strict=True)], rows)


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
) -> pa.Table:
    places = (person // BUCKETS).astype(np.int32)
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


def from_parquet(recipe: FeatureRecipe, city: City, folder: Path) -> tuple[list[Run], NDArray[np.float32]]:
    """Each run from files to one matrix, and the matrix."""
    columns = list(person_event_columns(recipe))
    edges = np.cumsum([0, *(len(rows) for rows in city.rows)])
    matrix = np.empty((edges[-1], len(recipe.specs)), dtype=np.float32)

    def one(bucket: int) -> None:
        table = pq.read_table(folder / "events" / f"{bucket:03}.parquet", columns=columns, use_threads=False)
        rows = city.rows[bucket]
        block = person_features(recipe, table, NOBODY, rows, zone=LONDON, threads=1)
        matrix[edges[bucket] : edges[bucket + 1]] = block

    return [_timed(lambda: _on_two_threads(one, range(BUCKETS))) for _ in range(RUNS)], matrix


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
        return result | (_peers(folder, matrix, city, people) if peers else {})


def _figures(runs: list[Run], cells: int) -> dict[str, float]:
    seconds = [run.seconds for run in runs]
    return {
        "median_seconds": median(seconds),
        "best_seconds": min(seconds),
        "core_seconds": median(run.core_seconds for run in runs),
        "cells_per_second": cells / median(seconds),
        "best_cells_per_second": cells / min(seconds),
    }


def _peers(folder: Path, matrix: NDArray[np.float32], city: City, people: int) -> dict[str, Any]:
    by_hand = run_peer("polars", "polars_by_hand", str(folder))
    theirs = np.load(folder / "polars.npy")
    names = np.concatenate([rows.person_id[rows.row_person()] for rows in city.rows])
    ours = matrix[np.argsort(names, kind="stable")]
    counts = [column for column in range(matrix.shape[1]) if (column + 1) % (len(LOOKBACKS) + 1)]
    by_hand["counts_equal"] = bool(np.array_equal(ours[:, counts], theirs[:, counts]))
    flattener = run_peer("timeseriesflattener", "flattener", str(folder), str(people // FLATTENER_PART))
    for peer in (by_hand, flattener):
        peer["cells_per_second"] = peer["cells"] / peer["seconds"]
    return {"polars_by_hand": by_hand, "timeseriesflattener": flattener}


def shown(result: dict[str, Any]) -> str:
    """The figures as lines of text, peers as ratios."""
    kernel, whole = result["kernel"], result["parquet_to_matrix"]
    lines = [
        f"{result['people']:,} people × {WEEKS} weeks × {result['columns']} columns, {result['events']:,} contacts",
        f"kernel             {kernel['cells_per_second']:.3g} cells/s, best {kernel['best_cells_per_second']:.3g}"
        f" (bar {BAR_CELLS_PER_SECOND:.0e}); {kernel['core_seconds']:.2f} core seconds",
        f"Parquet to matrix  {whole['median_seconds']:.2f} s, best {whole['best_seconds']:.2f}"
        f" (bar {BAR_SECONDS:.0f} s); {whole['core_seconds']:.2f} core seconds",
    ]
    if "polars_by_hand" in result:
        polars, flattener = result["polars_by_hand"], result["timeseriesflattener"]
        equal = "the same counts" if polars["counts_equal"] else "OTHER COUNTS"
        ratio = polars["with_reading"] / whole["median_seconds"]
        lines.append(
            f"polars by hand     {polars['with_reading']:.1f} s from Parquet, {ratio:.1f} times as long, {equal}"
        )
        slower = whole["cells_per_second"] / flattener["cells_per_second"]
        lines.append(
            f"timeseriesflattener {flattener['seconds']:.1f} s for {flattener['people']:,} people, counts alone and one"
            f" clock: {slower:.0f} times as long for each cell"
        )
    return "\n".join(lines)


def main() -> None:
    """Everything, at full size, with peers."""
    print(shown(measured(PEOPLE, peers=True)))


def _from_command_line() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--without-peers", action="store_true")
    options = parser.parse_args()
    result = measured(options.people, peers=not options.without_peers)
    print(shown(result))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _from_command_line()
