"""A model of people fitted from a stream of features, beside the same from the whole matrix: peak memory and seconds.

python -m benchmarks.training_memory [--people N] [--weeks N] [--rounds N] [--way stream|matrix] [--columns N]
                                     [--recipe FILE]
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.report import Figure, Outcome, lines
from crisisrisk.cohorts import PersonRows
from crisisrisk.features.person import person_event_columns, person_features
from crisisrisk.features.recipe import read_feature_recipe, select_features
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.shipped import shipped
from crisisrisk.tables.core import EVENTS, PEOPLE
from crisisrisk.tables.schema import CATEGORIES, FLAG, IDENTIFIER, INSTANT, Column
from crisisrisk.tables.site import read_configuration
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, microseconds
from crisisrisk.training.fitting import Block, fit_trees
from crisisrisk.training.recipe import ModelSettings
from crisisrisk.training.row_stream import FeatureStream

PEOPLE_COUNT, WEEKS, ROUNDS, BUCKETS, SEED = 6_000, 300, 20, 64, 7
FULL_PEOPLE, FULL_ROUNDS = 60_000, 20
FEW_WEEKS, FEW_ROUNDS = 26, 3
COLUMNS = 480
"""Of the shipped set, evenly over it: what a published programme of this kind has, and some more."""
EVENTS_PER_PERSON_YEAR = 29
"""What the invented city of `crisisrisk simulate` has."""
START = microseconds(datetime(2018, 1, 1, tzinfo=UTC))
LONDON = ZoneInfo("Europe/London")
GIGABYTE = 1 << 20  # ru_maxrss counts kilobytes


def chosen_recipe(path: Path | None, columns: int | None = None) -> tuple[FeatureRecipe, tuple[str, ...]]:
    """A set of person features, by default the shipped one, or so many of it; and the sources of a new site."""
    configuration = files("crisisrisk.commands").joinpath("site_template.toml").read_text(encoding="utf-8")
    sources = read_configuration(configuration).sources
    recipe = read_feature_recipe(path or shipped("features") / "person.toml", sources=sources)
    chosen = np.unique(np.linspace(0, len(recipe.names) - 1, columns or len(recipe.names)).astype(int))
    return select_features(recipe, [recipe.names[place] for place in chosen]), tuple(sources)


# Invented contacts


def write_buckets(folder: Path, people: int, weeks: int, sources: tuple[str, ...]) -> None:
    """Contacts over the weeks and the two years before them, as the store holds them: few people have most of them."""
    generator = np.random.default_rng(SEED)
    days = (weeks + 104) * 7
    events = round(people * EVENTS_PER_PERSON_YEAR * days / 365)
    of_person = np.sort(generator.choice(people, events, p=generator.dirichlet(np.full(people, 0.8))))
    edges = np.searchsorted(of_person, np.arange(BUCKETS + 1) * people / BUCKETS)
    for bucket, (first, last) in enumerate(pairwise(edges.tolist())):
        table = _bucket(generator, of_person[first:last], days, sources)
        pq.write_table(table, folder / f"{bucket:03}.parquet", compression="zstd")


def _bucket(generator: np.random.Generator, person: NDArray[np.int64], days: int, sources: tuple[str, ...]) -> pa.Table:
    count = len(person)
    occurred = START - 728 * MICROSECONDS_PER_DAY + generator.integers(0, days * MICROSECONDS_PER_DAY, count)
    known = occurred + (generator.exponential(1.5, count) * MICROSECONDS_PER_DAY).astype(np.int64)
    order = np.lexsort((occurred, known, person))
    columns = {column.name: _column(generator, column, count) for column in EVENTS.columns}
    weights = generator.dirichlet(np.full(len(sources), 0.7))
    columns |= {
        "event_id": pa.array([f"e{number}" for number in range(count)]),
        "person_id": _names(person[order]),
        "occurred_at": _instants(occurred[order]),
        "known_at": _instants(known[order]),
        "superseded_at": _instants(np.full(count, FOREVER_US)),
        "source": _words(generator.choice(len(sources), count, p=weights), sources),
    }
    return pa.table(columns)


def _column(generator: np.random.Generator, column: Column, count: int) -> Any:
    if column.kind is CATEGORIES:
        values = next((one.values for one in column.constraints if hasattr(one, "values")), ("one", "two", "three"))
        return _words(generator.integers(0, len(values), count), values)
    if column.kind is FLAG:
        return pa.array(generator.random(count) < 0.1)
    if column.kind is IDENTIFIER or column.kind.stored == INSTANT:
        return pa.nulls(count, column.kind.stored)
    return pa.array(generator.random(count)).cast(column.kind.stored)


def _words(numbers: NDArray[np.int64], words: tuple[str, ...]) -> Any:
    return pa.DictionaryArray.from_arrays(numbers.astype(np.int32), pa.array(words))


def _instants(values: NDArray[np.int64]) -> Any:
    return pa.array(values).cast(INSTANT)


def _names(person: NDArray[np.int64]) -> Any:
    present, place = np.unique(person, return_inverse=True)
    return pa.DictionaryArray.from_arrays(place.astype(np.int32), pa.array([_name(one) for one in present]))


def _name(person: int) -> str:
    return f"k1_{person:08}"


def invented_rows(people: int, weeks: int) -> list[PersonRows]:
    """Everybody, every week, by bucket."""
    moments = START + np.arange(weeks) * 7 * MICROSECONDS_PER_DAY
    edges = np.ceil(np.arange(BUCKETS + 1) * people / BUCKETS).astype(np.int64)
    return [
        PersonRows(
            np.array([_name(one) for one in range(first, last)], dtype=object),
            np.arange(last - first + 1) * weeks,
            np.tile(moments, last - first),
        )
        for first, last in pairwise(edges.tolist())
    ]


# One way in a process of its own


def fit(folder: Path, people: int, weeks: int, rounds: int, way: str, recipe: FeatureRecipe) -> dict[str, Any]:
    """Fit, and say what it took. The outcome leans on what a person did lately, so that there is something to find."""
    rows, columns = invented_rows(people, weeks), list(person_event_columns(recipe))

    def read(bucket: int) -> tuple[pa.Table, pa.Table]:
        return pq.read_table(folder / f"{bucket:03}.parquet", columns=columns), PEOPLE.arrow_schema.empty_table()

    read(0)
    person_features(
        recipe, *read(0), PersonRows(rows[0].person_id[:1], np.array([0, 1]), rows[0].as_of[:1]), zone=LONDON
    )
    before, started = _peak(), time.perf_counter()
    stream = FeatureStream(recipe, rows, read, zone=LONDON, kept_bytes=0)
    labels = _labels(stream)
    labelled, of_features = time.perf_counter(), _peak()
    weeks_of = np.tile(np.arange(weeks), people)
    parts = np.flatnonzero(weeks_of < weeks - 12), np.flatnonzero(weeks_of >= weeks - 12)
    source = stream if way == "stream" else stream[np.arange(len(stream))]
    blocks = [Block(stream.rows(part) if way == "stream" else source[part], labels[part]) for part in parts]
    settings = ModelSettings(rounds=rounds, early_stopping_rounds=rounds, threads=2)
    trees = fit_trees("person", recipe.names, *blocks, settings)
    return {
        "way": way,
        "rows": len(stream),
        "columns": len(recipe.names),
        "trees": trees.count,
        "seconds_of_one_pass": labelled - started,
        "cells_per_second": stream.shape[0] * stream.shape[1] / (labelled - started),
        "seconds_to_fit": time.perf_counter() - labelled,
        "peak_before_gb": before,
        "peak_of_one_pass_gb": of_features,
        "peak_gb": _peak(),
        "matrix_gb": stream.shape[0] * stream.shape[1] * 4 / 1024**3,
        "digest": hashlib.sha256(trees.text.encode()).hexdigest()[:16],
    }


def _labels(stream: FeatureStream) -> NDArray[np.int64]:
    """One pass over everything."""
    generator = np.random.default_rng(SEED)
    seen = np.empty(len(stream))
    place = [name for name, spec in enumerate(stream.recipe.specs) if spec.aggregation == "count"][:8]
    for rows, matrix in stream.rows(np.arange(len(stream))).blocks():
        seen[rows] = matrix[:, place].sum(axis=1)
    chance = 0.01 + 0.05 * (seen > np.quantile(seen, 0.9))
    return (generator.random(len(stream)) < chance).astype(np.int64)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIGABYTE


def measured(
    people: int, weeks: int, rounds: int, ways: tuple[str, ...], recipe: Path | None = None, columns: int = COLUMNS
) -> list[dict[str, Any]]:
    """Each way in turn, each in a new process."""
    more = [f"--columns={columns}", *([] if recipe is None else [f"--recipe={recipe}"])]
    with tempfile.TemporaryDirectory() as folder:
        write_buckets(Path(folder), people, weeks, chosen_recipe(recipe, columns)[1])
        return [_in_new_process(folder, people, weeks, rounds, way, more) for way in ways]


def _in_new_process(folder: str, people: int, weeks: int, rounds: int, way: str, more: list[str]) -> dict[str, Any]:
    numbers = [f"--{name}={value}" for name, value in {"people": people, "weeks": weeks, "rounds": rounds}.items()]
    command = [sys.executable, "-m", "benchmarks.training_memory", *numbers, *more]
    command += [f"--way={way}", f"--folder={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def outcome(results: list[dict[str, Any]]) -> Outcome:
    """The figures of each way."""
    first = results[0]
    same = len({one["digest"] for one in results}) == 1
    return Outcome(
        of=f"{first['rows']:,} rows × {first['columns']} columns, {first['trees']} trees;"
        f" as floats {first['matrix_gb']:.2f} GB",
        figures=tuple(figure for one in results for figure in _figures(one)),
        remarks=("The trees are the same to the byte." if same else "OTHER TREES",) if len(results) > 1 else (),
        details={one["way"]: one for one in results},
    )


def _figures(one: dict[str, Any]) -> list[Figure]:
    way = f"from the {one['way']}"
    return [
        Figure(what=f"peak memory, {way}", value=one["peak_gb"], unit="GB"),
        Figure(what=f"seconds to fit, {way}", value=one["seconds_to_fit"], unit="s"),
        Figure(what=f"one pass of features, {way}", value=one["cells_per_second"], unit="cells/s"),
    ]


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """A tenth of 60,000 people × 300 weeks, both ways."""
    people, weeks = max(round(PEOPLE_COUNT * scale), BUCKETS), WEEKS if scale == 1 else FEW_WEEKS
    return outcome(measured(people, weeks, ROUNDS if scale == 1 else FEW_ROUNDS, ("stream", "matrix")))


def _from_command_line() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE_COUNT, help=f"full size is {FULL_PEOPLE:,}")
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--way", choices=["stream", "matrix"], help="only this one")
    parser.add_argument("--recipe", type=Path, help="features; by default the shipped ones of people")
    parser.add_argument("--columns", type=int, default=COLUMNS, help="this many of them, evenly over the set")
    parser.add_argument("--folder", type=Path, help="buckets that are already written; prints JSON")
    options = parser.parse_args()
    size = (options.people, options.weeks, options.rounds)
    if options.folder:
        print(json.dumps(fit(options.folder, *size, options.way, chosen_recipe(options.recipe, options.columns)[0])))
        return
    ways = (options.way,) if options.way else ("stream", "matrix")
    results = measured(*size, ways, options.recipe, options.columns)
    print(lines(outcome(results)))


if __name__ == "__main__":
    _from_command_line()
