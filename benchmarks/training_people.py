"""A whole model of people: every row with the outcome, ten without for each, exact weights, calibration and range.

`python -m benchmarks.training_people [--people N] [--weeks N] [--rounds N] [--fits N]`

Contacts are invented and read from Parquet; features are computed for the rows that are needed, as `train` does. Each
fit runs in a new process; all of them must give the same bytes. The bar is for 60,000 people and 150 weeks.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.report import Figure, Outcome, lines
from benchmarks.training_memory import (
    FULL_PEOPLE,
    LONDON,
    SEED,
    _peak,
    chosen_recipe,
    invented_rows,
    write_buckets,
)
from crisisrisk.cohorts import Attrition, PersonRows
from crisisrisk.episodes import event_times, live_counts
from crisisrisk.evaluation.baselines import CrisisHistory, crisis_history, frequent_attender
from crisisrisk.evaluation.splits import TRAIN
from crisisrisk.features.person import person_event_columns
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.scoring.history import ThinHistory
from crisisrisk.shipped import shipped
from crisisrisk.tables.core import PEOPLE
from crisisrisk.timeline import MICROSECONDS_PER_DAY
from crisisrisk.training.attender_rule import attender_clauses
from crisisrisk.training.person import fitted_person, split_of
from crisisrisk.training.person_data import EVENT_COLUMNS, PersonData, crisis_rule
from crisisrisk.training.recipe import TrainingRecipe, parse_training_recipe
from crisisrisk.training.row_stream import FeatureStream

WEEKS, COLUMNS, ROUNDS, FITS, NEGATIVES = 150, 450, 300, 5, 10
FEWEST_PEOPLE, FEW_WEEKS, FEW_ROUNDS = 300, 60, 3
CLAUSES = attender_clauses(shipped("training") / "baselines.toml")
BAR_SECONDS, BAR_PEAK_GB = 15 * 60, 12.0


def training_recipe(rounds: int, sources: tuple[str, ...]) -> TrainingRecipe:
    """The shipped shape: weekly, 28 days, 84 days to validate and to test; so many trees grown whatever they find."""
    content = {
        "name": "benchmark", "subject": "person", "features": "person.toml",
        "outcome": {"sources": [sources[0]], "crisis_flag": True},
        "model": {
            "rounds": rounds, "early_stopping_rounds": rounds, "negatives_per_positive": NEGATIVES,
            "calibration": "best",
        },
    }  # fmt: skip
    return parse_training_recipe(content, sources=sources, where="benchmark")


def fit(folder: Path, people: int, weeks: int, rounds: int) -> dict[str, Any]:
    """Prepare the rows and fit, in this process."""
    features, sources = chosen_recipe(None, COLUMNS)
    recipe = training_recipe(rounds, sources)
    started = time.perf_counter()
    data = labelled_rows(folder, people, weeks, recipe, features)
    parts = split_of(recipe, data)
    prepared = time.perf_counter()
    fitted = fitted_person(recipe, features, data, parts)
    train = parts == TRAIN
    positives = int(data.happened[train].sum())
    model = fitted.model.scorer.text + fitted.model.calibration.to_json()  # type: ignore[attr-defined]
    return {
        "rows": len(data), "columns": len(features.names), "train_rows": int(train.sum()), "positives": positives,
        "fitted_on": fitted.account["fitted_on"], "trees": fitted.model.scorer.count, "grown": rounds,
        "prepare_seconds": prepared - started, "fit_seconds": time.perf_counter() - prepared, "peak_gb": _peak(),
        "digest": hashlib.sha256(model.encode()).hexdigest()[:16],
    }  # fmt: skip


def labelled_rows(folder: Path, people: int, weeks: int, recipe: TrainingRecipe, features: FeatureRecipe) -> PersonData:
    """Everybody, every week, with an outcome that leans on how many contacts were known of the last twelve weeks."""
    buckets, none = invented_rows(people, weeks), PEOPLE.arrow_schema.empty_table()
    parts = [_bucket(folder, number, rows, none, recipe) for number, rows in enumerate(buckets)]
    columns = list(person_event_columns(features))

    def read(bucket: int) -> tuple[pa.Table, pa.Table]:
        return pq.read_table(folder / f"{bucket:03}.parquet", columns=columns), none

    starts = np.cumsum([0, *(len(rows.person_id) for rows in buckets[:-1])])
    joined = [np.concatenate([part[place] for part in parts]) for place in range(3)]
    return PersonData(
        person_ids=np.concatenate([rows.person_id for rows in buckets]),
        person=np.concatenate([rows.row_person() + start for rows, start in zip(buckets, starts, strict=True)]),
        as_of=np.concatenate([rows.as_of for rows in buckets]),
        features=FeatureStream(features, buckets, read, zone=LONDON),
        happened=joined[0], thin=joined[1], attendance=joined[2],
        history=CrisisHistory.joined([part[3] for part in parts]),
        team=None, attrition=Attrition(people, people * weeks, ()), cut_off_us=int(buckets[-1].as_of.max()) + 1,
        buckets=tuple(buckets),
    )  # fmt: skip


def _bucket(folder: Path, number: int, rows: PersonRows, people: pa.Table, recipe: TrainingRecipe) -> tuple[Any, ...]:
    events = pq.read_table(folder / f"{number:03}.parquet", columns=list(EVENT_COLUMNS))
    moments, rank = np.unique(rows.as_of, return_inverse=True)
    times = event_times(events, rows.person_id)
    recent = live_counts(times, len(rows.person_id), moments, lookback_us=84 * MICROSECONDS_PER_DAY)
    chance = 0.002 + 0.001 * np.minimum(recent[rows.row_person(), rank], 40)
    happened = np.random.default_rng([SEED, number]).random(len(rows)) < chance
    return (
        happened, ThinHistory().of(events, people, rows), frequent_attender(events, rows, CLAUSES),
        crisis_history(crisis_rule(recipe), events, people, rows),
    )  # fmt: skip


def measured(people: int, weeks: int, rounds: int, fits: int) -> list[dict[str, Any]]:
    """So many fits of the same rows, each in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        write_buckets(Path(folder), people, weeks, chosen_recipe(None, COLUMNS)[1])
        numbers = [f"--people={people}", f"--weeks={weeks}", f"--rounds={rounds}", f"--folder={folder}"]
        command = [sys.executable, "-m", "benchmarks.training_people", *numbers]
        runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(fits)]
    return [json.loads(run.stdout) for run in runs]


def outcome(results: list[dict[str, Any]]) -> Outcome:
    """The slowest and the largest of the fits, and whether all gave the same model."""
    first = results[0]
    same = len({one["digest"] for one in results}) == 1
    seconds = max(one["prepare_seconds"] + one["fit_seconds"] for one in results)
    return Outcome(
        of=f"{first['rows']:,} person-weeks × {first['columns']} columns; fitted on {first['fitted_on']};"
        f" {first['grown']} trees grown, {first['trees']} kept, calibrated with a range",
        figures=(
            Figure(what="prepared and fitted, the slowest", value=seconds, unit="s", bar=BAR_SECONDS,
                   less_is_better=True),
            Figure(what="peak memory", value=max(one["peak_gb"] for one in results), unit="GB", bar=BAR_PEAK_GB,
                   less_is_better=True),
        ),
        remarks=(f"{len(results)} fits gave {'the same model to the byte' if same else 'OTHER MODELS'}.",),
        details={"fits": results},
    )  # fmt: skip


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Everybody, five fits; fewer of all at a smaller scale."""
    if scale == 1:
        return outcome(measured(FULL_PEOPLE, WEEKS, ROUNDS, FITS))
    return outcome(measured(max(round(FULL_PEOPLE * scale), FEWEST_PEOPLE), FEW_WEEKS, FEW_ROUNDS, fits=1))


def _from_command_line() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=FULL_PEOPLE, help="how many people")
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--fits", type=int, default=FITS)
    parser.add_argument("--folder", type=Path, help="buckets that are already written: fit once and print JSON")
    options = parser.parse_args()
    if options.folder:
        print(json.dumps(fit(options.folder, options.people, options.weeks, options.rounds)))
        return
    results = measured(options.people, options.weeks, options.rounds, options.fits)
    print(lines(outcome(results)))


if __name__ == "__main__":
    _from_command_line()
