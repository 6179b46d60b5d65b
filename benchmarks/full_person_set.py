"""The whole shipped set of person features over 300 weeks, streamed bucket by bucket, and one person at request time.

The consumer reads every block once (a sum), as a writer or a trainer would; nothing larger than a bucket's block is
kept. Cells a second are end to end: Parquet files on disk to blocks read.
"""

import os
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.report import Figure, Outcome, amount
from crisisrisk.cohorts import PersonRows
from crisisrisk.features.aggregations import PERSON
from crisisrisk.features.person import PersonHistories, person_event_columns, person_features
from crisisrisk.features.recipe import read_feature_recipe, select_features
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.shipped import shipped
from crisisrisk.tables.manifest import as_stored
from crisisrisk.tables.merging import RARELY_REPEAT
from crisisrisk.tables.site import read_configuration
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Window, grid, microseconds

PEOPLE, WEEKS, EVENTS, BUCKETS, SEED = 60_000, 300, 7_000_000, 256, 21
ONE_PERSON_EVENTS, ONE_PERSON_RUNS = 10_000, 300
BAR_CELLS_PER_SECOND, BAR_PEAK_GB, BAR_MILLISECONDS, BAR_SLOWEST_MILLISECONDS = 1e8, 2.0, 1.0, 3.0
LONDON = ZoneInfo("Europe/London")
START = microseconds(datetime(2019, 1, 7, tzinfo=UTC))
DAYS = 7 * WEEKS + 400
OUTCOMES = ("attended", "conveyed", "referred on", "no further action", "left before seen", "seen")
CODES = ("MH01", "PSYCH", "CPN", "OPA", "SAFETY PLAN", "ANXLOW", "ALCOHOL", "CONC")


def shipped_recipe() -> FeatureRecipe:
    """The person features of a new site."""
    template = files("crisisrisk.commands").joinpath("site_template.toml").read_text(encoding="utf-8")
    return read_feature_recipe(shipped("features") / "person.toml", sources=read_configuration(template).sources)


def invented_bucket(people: NDArray[np.int64], events: int, recipe: FeatureRecipe, seed: int) -> pa.Table:
    """Contacts of some people over six years, a few people with most of them; 15 in 100 late, 2 in 100 corrected."""
    generator = np.random.default_rng([SEED, seed])
    person = np.sort(generator.choice(len(people), events, p=generator.dirichlet(np.full(len(people), 0.8))))
    occurred = START + generator.integers(0, DAYS * MICROSECONDS_PER_DAY, events)
    late = generator.random(events) < 0.15
    known = occurred + np.where(late, _days(generator, 1, 60, events), _days(generator, 0, 1, events) // 4)
    superseded = np.where(generator.random(events) < 0.02, known + _days(generator, 1, 30, events), FOREVER_US)
    stays = generator.random(events) < 0.1
    ended = occurred + _days(generator, 1, 40, events)
    order = np.lexsort((occurred, known, person))
    sources = np.array(recipe.sources)
    names = np.array([f"k1_{number:016d}" for number in people])
    table = pa.table(
        {
            "person_id": _words(names, person),
            **{name: _instants(values) for name, values in
               (("occurred_at", occurred), ("known_at", known), ("superseded_at", superseded))},
            "source": _words(sources, generator.integers(0, len(sources), events)),
            "code": _words(np.array(CODES), generator.integers(0, len(CODES), events)),
            "outcome": _words(np.array(OUTCOMES), generator.integers(0, len(OUTCOMES), events)),
            "origin": _words(np.array(["public", "partner", "team_initiated"]), generator.integers(0, 3, events)),
            "premises": _words(np.array(["public", "private"]), generator.integers(0, 2, events)),
            "place_id": pa.array([None] * events, pa.string()).dictionary_encode(),
            "latitude": generator.uniform(52.4, 52.6, events),
            "longitude": generator.uniform(-2.0, -1.7, events),
            "is_crisis": generator.random(events) < 0.3,
            "mode": _words(np.array(["attendance", "telephone_advice", "message"]), generator.integers(0, 3, events)),
            "value": pa.array(generator.uniform(5, 90, events), mask=generator.random(events) < 0.5),
            "ended_at": pa.array(ended, mask=~stays).cast(pa.timestamp("us", "UTC")),
        }
    )  # fmt: skip
    return table.take(pa.array(order))


def _words(values: NDArray[Any], codes: NDArray[Any]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(values.tolist()))


def _days(generator: np.random.Generator, low: int, high: int, count: int) -> NDArray[np.int64]:
    return generator.integers(low * MICROSECONDS_PER_DAY, high * MICROSECONDS_PER_DAY, count)


def _instants(values: NDArray[np.int64]) -> Any:
    return pa.array(values).cast(pa.timestamp("us", tz="UTC"))


def people_table(people: NDArray[np.int64]) -> pa.Table:
    """One state for each person."""
    known = np.full(len(people), START)
    return pa.table(
        {
            "person_id": pa.array([f"k1_{number:016d}" for number in people]).dictionary_encode(),
            "known_at": _instants(known),
            "valid_from": _instants(known),
            "birth_year": pa.array((1950 + people % 50).astype(np.int32)),
            "deprivation_decile": pa.array((1 + people % 10).astype(np.int32)),
            "sex": pa.array(["female" if number % 2 else "male" for number in people]).dictionary_encode(),
        }
    )


def moments() -> NDArray[np.int64]:
    """Mondays of 300 weeks, after a year of history."""
    first = datetime.fromtimestamp((START + 366 * MICROSECONDS_PER_DAY) / 1e6, tz=UTC)
    last = datetime.fromtimestamp((START + (DAYS + 14) * MICROSECONDS_PER_DAY) / 1e6, tz=UTC)
    return np.array([microseconds(one) for one in grid(Window(first, last), LONDON)][:WEEKS], dtype=np.int64)


def rows_of(people: NDArray[np.int64], weeks: NDArray[np.int64]) -> PersonRows:
    """Every week of every person."""
    names = np.array([f"k1_{number:016d}" for number in people], dtype=object)
    return PersonRows(names, np.arange(len(people) + 1, dtype=np.int64) * len(weeks), np.tile(weeks, len(people)))


def streamed(recipe: FeatureRecipe, folder: Path, people: int) -> dict[str, float]:
    """All buckets from files to blocks, on both cores by bucket."""
    weeks = moments()
    columns = list(person_event_columns(recipe))

    def one(bucket: int) -> int:
        members = np.arange(bucket, people, BUCKETS)
        table = pq.read_table(folder / f"{bucket:03}.parquet", columns=columns, use_threads=False)
        block = person_features(recipe, table, people_table(members), rows_of(members, weeks), zone=LONDON, threads=1)
        np.nansum(block[::97])
        return block.size

    started, cores = time.perf_counter(), time.process_time()
    cells = sum(_on_threads(one, range(BUCKETS)))
    seconds = time.perf_counter() - started
    return {
        "cells": cells, "rows": people * len(weeks), "columns": len(recipe.specs), "seconds": seconds,
        "core_seconds": time.process_time() - cores, "cells_per_second": cells / seconds,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "bytes_per_second": 4 * cells / seconds,
    }  # fmt: skip


def _on_threads(work: Callable[[int], int], items: range) -> list[int]:
    with ThreadPoolExecutor(max_workers=2) as pool:
        return list(pool.map(work, items))


def copy_bandwidth() -> float:
    """Bytes a second that this machine copies, both cores at it; the best of five."""
    source = np.ones((2, 64 << 20), dtype=np.uint8)
    target = np.empty_like(source)

    def copy(half: int) -> int:
        np.copyto(target[half], source[half])
        return 0

    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        _on_threads(copy, range(2))
        best = min(best, time.perf_counter() - started)
    return source.nbytes / best


def one_person(recipe: FeatureRecipe, events: int = ONE_PERSON_EVENTS) -> dict[str, float]:
    """Milliseconds for one person at one moment, warm: asked of tables that were read, and with reading them."""
    member = np.zeros(1, dtype=np.int64)
    table, people = invented_bucket(member, events, recipe, 99), people_table(member)
    table = table.select(person_event_columns(recipe)).combine_chunks()
    row = rows_of(member, np.array([START + DAYS * MICROSECONDS_PER_DAY], dtype=np.int64))
    ready = PersonHistories(recipe, table, people, row.person_id, zone=LONDON)
    batch = person_features(recipe, table, people, row, zone=LONDON)
    if ready.features_of(0, row.as_of).tobytes() != batch.tobytes():
        raise AssertionError("one person is not the batch to the bit")
    asked = _milliseconds(lambda: ready.features_of(0, row.as_of))
    read = _milliseconds(lambda: person_features(recipe, table, people, row, zone=LONDON, threads=1))
    return {"events": events, "p50": median(asked), "p99": asked[int(len(asked) * 0.99)], "with_reading": median(read)}


def _milliseconds(answer: Callable[[], object]) -> list[float]:
    """Ascending, without the first few."""
    taken = []
    for _ in range(ONE_PERSON_RUNS):
        started = time.perf_counter()
        answer()
        taken.append(1000 * (time.perf_counter() - started))
    return sorted(taken[5:])


def measured(people: int) -> dict[str, Any]:
    """Every figure, as JSON."""
    recipe = shipped_recipe()
    part = select_features(recipe, recipe.names[:: len(recipe.names) // 450])
    asked = [(recipe, 100), (part, ONE_PERSON_EVENTS), (recipe, ONE_PERSON_EVENTS)]
    live = [one_person(one, count) | {"columns": len(one.names)} for one, count in asked]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for bucket in range(BUCKETS):
            members = np.arange(bucket, people, BUCKETS)
            table = invented_bucket(members, EVENTS * len(members) // PEOPLE, recipe, bucket)
            (folder / f"{bucket:03}.parquet").write_bytes(as_stored(table, plain=RARELY_REPEAT))
        whole = streamed(recipe, folder, people)
    return {
        "people": people, "cores": os.cpu_count(), "aggregations": len(PERSON), "streamed": whole, "one_person": live,
        "copy_bytes_per_second": copy_bandwidth(),
    }  # fmt: skip


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Everything, at a part of full size."""
    result = measured(max(round(PEOPLE * scale), BUCKETS))
    whole, copied = result["streamed"], result["copy_bytes_per_second"]
    bars = {"p50": BAR_MILLISECONDS, "p99": BAR_SLOWEST_MILLISECONDS, "with_reading": None}
    live = [
        Figure(what=f"one person, {found['events']:,} events, {found['columns']:,} columns, {name.replace('_', ' ')}",
               value=found[name], unit="ms", bar=bar, less_is_better=True)
        for found in result["one_person"]
        for name, bar in bars.items()
    ]  # fmt: skip
    return Outcome(
        of=f"{result['people']:,} people × {WEEKS} weeks × {whole['columns']} columns = {amount(whole['cells'])} cells,"
        f" streamed in {whole['seconds']:.1f} s",
        figures=(
            Figure(what="Parquet to blocks", value=whole["cells_per_second"], unit="cells/s", bar=BAR_CELLS_PER_SECOND),
            Figure(what="peak memory of the whole process", value=whole["peak_gb"], unit="GB", bar=BAR_PEAK_GB,
                   less_is_better=True),
            Figure(what="bytes written", value=whole["bytes_per_second"] / 1e9, unit="GB/s"),
            Figure(what="share of what this machine copies", value=100 * whole["bytes_per_second"] / copied, unit="%"),
            *live,
        ),
        details=result,
    )  # fmt: skip
