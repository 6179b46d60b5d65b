"""Places at full size: 4,000 hexagons, three shifts a day, three years, a million records.

`python -m benchmarks.places [--cells N] [--days N] [--records N] [--origins N] [--workers N]`

Records are invented: a map, a clock of the week, hot spells of some weeks, and three contacts of other sorts for each
crisis. They are loaded as files are. Then, each in a process of its own: features and fit as `train place` makes them;
one shift's forecast with reasons; and a backtest with the whole panel of simple rules. Core seconds stand beside wall
seconds: they do not depend on what else the machine does.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.report import Figure, Outcome, lines
from crisisrisk.commands.data import load_files
from crisisrisk.concurrency import cores
from crisisrisk.models.bundle import load_bundle, write_bundle
from crisisrisk.models.contributions import explainer_of
from crisisrisk.scoring.places import forecast_shifts
from crisisrisk.tables import hexagons
from crisisrisk.tables.manifest import COUNTED
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import Window, shifts_starting_in
from crisisrisk.training.backtesting import Origins
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.keeping import Finished, candidate
from crisisrisk.training.place import fit_place, last_split
from crisisrisk.training.place_backtest import forecast_origins, judge_origins
from crisisrisk.training.place_data import place_data

FULL_CELLS, FULL_DAYS, FULL_RECORDS, ORIGINS = 4_000, 3 * 365, 1_000_000, 52
FEWEST_CELLS, FEW_DAYS, FEWEST_RECORDS, FEW_ORIGINS = 40, 420, 20_000, 2
CRISES, CRISIS_SOURCES = 0.25, ("street_triage", "street_triage", "street_triage", "s136")
BAR_FIT_SECONDS, BAR_FORECAST_SECONDS, BAR_BACKTEST_SECONDS, BAR_PEAK_GB = 180.0, 2.0, 1800.0, 8.0
SEED = 6
MIDDLE = h3.latlng_to_cell(52.48, -1.9, 8)
STEPS = ("fit", "forecast", "backtest")
SITE = """name = "benchmark"
time_zone = "Europe/London"
clock = "data"
pseudonym_key_file = "../key"
[cells]
kind = "h3"
h3_resolution = 8
[[shift]]
name = "early"
starts = "06:00"
ends = "14:00"
[[shift]]
name = "late"
starts = "14:00"
ends = "22:00"
[[shift]]
name = "night"
starts = "22:00"
ends = "06:00"
[source.street_triage]
agency = "Police and trust"
singular = "triage call"
plural = "triage calls"
[source.s136]
agency = "Police"
singular = "detention"
plural = "detentions"
[source.police_999]
agency = "Police"
singular = "999 call"
plural = "999 calls"
"""
MAPPING = """table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at", zone = "UTC" }
known_at = { column = "known", zone = "UTC" }
source = "source"
code = { constant = "call" }
origin = { constant = "public" }
is_crisis = { column = "crisis", true_values = ["yes"] }
person_id = { column = "person", kind = "study_id" }
[coordinates]
system = "degrees"
latitude = "north"
longitude = "east"
"""


def write_records(path: Path, *, cells: int, days: int, records: int) -> None:
    """A Parquet file of invented contacts, known ten minutes to two days after they happened."""
    random = np.random.default_rng(SEED)
    hexagons = sorted(h3.grid_disk(MIDDLE, 40), key=lambda one: (h3.grid_distance(MIDDLE, one), one))[:cells]
    corners = np.array([h3.cell_to_latlng(one) for one in hexagons])
    rates = random.gamma(0.6, 1.0, cells)[:, None] * _hot_spells(random, cells, days)
    rates *= (1 + 0.1 * np.sin(2 * np.pi * np.arange(days) / 365))[None, :]
    drawn = random.choice(rates.size, size=records, p=(rates / rates.sum()).ravel())
    cell, day = np.divmod(drawn, days)
    crisis = random.random(records) < CRISES
    seconds = (_hours(random, records) * 3600).astype(np.int64)
    at = np.datetime64("2023-01-02", "s") + day * 86_400 + seconds
    known = at + (600 + random.exponential(3 * 3600, records).clip(max=172_800)).astype(np.int64)
    points = corners[cell] + random.integers(-3, 4, (records, 2)) * 2e-4
    pq.write_table(
        pa.table(
            {
                "id": pa.array(np.arange(records).astype(str)),
                "at": pa.array(np.datetime_as_string(at)), "known": pa.array(np.datetime_as_string(known)),
                "source": pa.array(np.where(crisis, random.choice(CRISIS_SOURCES, records), "police_999")),
                "crisis": pa.array(np.where(crisis, "yes", "no")),
                "person": pa.array(np.char.add("p", random.integers(0, records // 5 + 1, records).astype(str))),
                "north": points[:, 0], "east": points[:, 1],
            }
        ),
        path,
    )  # fmt: skip


def _hot_spells(random: np.random.Generator, cells: int, days: int) -> np.ndarray:
    """Once in three years or so a cell has three times as much for ten weeks. Shape (cells, days)."""
    lift = np.ones((cells, days))
    for cell in np.flatnonzero(random.random(cells) < days / 1095):
        begins = random.integers(0, days)
        lift[cell, begins : begins + 70] = 3.0
    return lift


def _hours(random: np.random.Generator, records: int) -> np.ndarray:
    """Hours of the day, most in the evening."""
    return random.choice(24, size=records, p=_CLOCK / _CLOCK.sum()) + random.random(records)


_CLOCK = 1.2 - np.cos(2 * np.pi * (np.arange(24) - 7) / 24)


def make_site(folder: Path, *, cells: int, days: int, records: int) -> None:
    """The site, its records loaded as a file."""
    site_folder = folder / "site"
    (site_folder / "mappings").mkdir(parents=True)
    (site_folder / "crisisrisk.toml").write_text(SITE, encoding="utf-8")
    (site_folder / "mappings" / "calls.toml").write_text(MAPPING, encoding="utf-8")
    write_records(folder / "calls.parquet", cells=cells, days=days, records=records)
    load_files(
        read_site(site_folder), [folder / "calls.parquet"], site_folder / "mappings" / "calls.toml", create_key=True
    )


# The steps


def fit(site: Site, folder: Path) -> dict[str, Any]:
    """Features and fit, as `train place` makes them before it judges; the bundle is kept for the forecast."""
    recipes, snapshot = read_recipes(site, "place", None), Store(site).snapshot()
    started = time.perf_counter()
    held_out = recipes.training.split.test_days
    data = place_data(recipes.training, recipes.features, snapshot, site, held_out_days=held_out)
    prepared = time.perf_counter()
    split = last_split(recipes.training, data, site)
    model = fit_place(recipes.training, recipes.features, data, train=split.train, validation=split.validation)
    ended = time.perf_counter()
    made = Finished(
        model=model, report={}, attrition=(), attrition_text="", judged_on="", rows=data.counts.size, prevalence=0.0,
        cut_off_us=data.cut_off_us, data_digest=snapshot.digest, shown=data.features[:1, 0],
        cells_known_before=data.cells_known_before, cells_level=site.cells.level, latency_hours=data.latency_hours,
    )  # fmt: skip
    write_bundle(folder / "bundle", candidate("benchmark", recipes, made))
    return {
        "cells": len(data.cells), "shifts": len(data.usable), "columns": len(recipes.features.names),
        "trees": model.scorer.count, "mean": float(data.counts[data.usable].mean()),
        "feature_seconds": prepared - started, "fit_seconds": ended - prepared,
    }  # fmt: skip


def forecast(site: Site, folder: Path) -> dict[str, Any]:
    """The next shift with reasons, its bundle opened each time.

    At first nothing is kept, and compiled code is loaded; then what counts was kept since the load; at last that, and
    all that the process remembers of the model and the map, is forgotten again: the first forecast after a load.
    """
    forget(site)
    first, _, _ = timed_forecast(site, folder)
    again = [timed_forecast(site, folder) for _ in range(3)]
    forget(site)
    after_load, after_load_core, with_reasons = timed_forecast(site, folder)
    return {
        "first_seconds": first, "forecast_seconds": max(one[0] for one in again), "cells_with_reasons": with_reasons,
        "forecast_core_seconds": max(one[1] for one in again), "after_load_seconds": after_load,
        "after_load_core_seconds": after_load_core,
    }  # fmt: skip


def forget(site: Site) -> None:
    """What counts, the explainer of the model, and where points lie."""
    shutil.rmtree(site.data / COUNTED, ignore_errors=True)
    explainer_of.cache_clear()
    hexagons.hexagon_at.cache_clear()


def timed_forecast(site: Site, folder: Path) -> tuple[float, float, int]:
    """Wall and core seconds of one forecast, and how many cells it gives reasons for."""
    started, used = time.perf_counter(), time.process_time()
    bundle, snapshot = load_bundle(folder / "bundle"), Store(site).snapshot()
    now = snapshot.as_of_now()
    shift = shifts_starting_in(site.shifts, Window(now, now + timedelta(days=1)), site.time_zone)[:1]
    made = forecast_shifts(bundle, snapshot, site, shifts=shift, issued_at=now)
    seconds = time.perf_counter() - started, time.process_time() - used
    return *seconds, sum(bool(one) for one in made.frame["reasons"])


def backtest(site: Site, origins: int, workers: int) -> dict[str, Any]:
    """So many weekly origins with every simple rule beside the model, as `backtest place` makes its report."""
    recipes, snapshot = read_recipes(site, "place", None), Store(site).snapshot()
    started = time.perf_counter()
    now = snapshot.as_of_now()
    held_out = (origins + 1) * 7
    data = place_data(recipes.training, recipes.features, snapshot, site, held_out_days=held_out)
    prepared = time.perf_counter()
    first = (now - timedelta(days=7 * (origins + 1))).astimezone(UTC)
    asked = Origins(start=datetime(first.year, first.month, first.day, tzinfo=UTC))
    forecasts = forecast_origins(
        recipes.training, recipes.features, data, site, asked, tell=print_aside, workers=workers
    )
    forecasted, before = time.perf_counter(), peak_gb()
    data = data.without_features()
    report = judge_origins(recipes.training, data, site, forecasts, workers=workers).report
    return {
        "origins": report.origins, "shifts": report.shifts, "workers": workers, "fits": len(forecasts.splits),
        "feature_seconds": prepared - started, "origins_seconds": forecasted - prepared,
        "judge_seconds": time.perf_counter() - forecasted, "origins_peak_gb": before,
        "deviance": report.model["deviance"], "best_baseline": report.best_baseline, "skill": report.skill,
    }  # fmt: skip


def print_aside(text: str) -> None:
    """How far it is, beside the JSON."""
    print(text, file=sys.stderr, flush=True)


def measured(step: str, folder: Path, origins: int, workers: int) -> dict[str, Any]:
    """One step in a process of its own, with its wall and core seconds and its peak memory."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.places",
        f"--step={step}",
        f"--folder={folder}",
        f"--origins={origins}",
        f"--workers={workers}",
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def peak_gb() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def step_here(step: str, folder: Path, origins: int, workers: int) -> dict[str, Any]:
    """The step in this process."""
    site, started = read_site(folder / "site"), time.perf_counter()
    steps = {"fit": lambda: fit(site, folder), "forecast": lambda: forecast(site, folder)}
    found = steps.get(step, lambda: backtest(site, origins, workers))()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        **found, "seconds": time.perf_counter() - started, "core_seconds": used.ru_utime + used.ru_stime,
        "peak_gb": peak_gb(),
    }  # fmt: skip


def outcome(found: dict[str, dict[str, Any]], *, records: int) -> Outcome:
    """The figures beside the bars; a backtest of fewer origins is told for itself, without a bar."""
    fitted, forecasted, tested = (found[step] for step in STEPS)
    whole = tested["origins"] >= ORIGINS
    return Outcome(
        of=f"{fitted['cells']:,} cells × {fitted['shifts']:,} shifts with features ({fitted['columns']} columns), "
        f"{records:,} records, {fitted['mean']:.3f} events a cell and shift",
        figures=(
            Figure(what="features and fit", value=fitted["seconds"], unit="s", bar=BAR_FIT_SECONDS,
                   less_is_better=True),
            Figure(what="one shift with reasons", value=forecasted["forecast_seconds"], unit="s",
                   bar=BAR_FORECAST_SECONDS, less_is_better=True),
            Figure(what="the same, the first after a load", value=forecasted["after_load_seconds"], unit="s",
                   less_is_better=True),
            Figure(what=f"backtest of {tested['origins']} origins, all rules", value=tested["seconds"], unit="s",
                   bar=BAR_BACKTEST_SECONDS if whole else None, less_is_better=True),
            Figure(what="peak memory of the largest", value=max(one["peak_gb"] for one in found.values()), unit="GB",
                   bar=BAR_PEAK_GB, less_is_better=True),
        ),
        remarks=(
            f"Core seconds: features and fit {fitted['core_seconds']:.0f}, one forecast "
            f"{forecasted['forecast_core_seconds']:.1f}, the first after a load "
            f"{forecasted['after_load_core_seconds']:.1f}, backtest {tested['core_seconds']:.0f}.",
            f"The backtest fitted {tested['fits']} times, {tested['workers']} fits at once; it held "
            f"{tested['origins_peak_gb']:.1f} GB at most until all was forecast.",
        ),
        details={"steps": found},
    )  # fmt: skip


def all_steps(*, cells: int, days: int, records: int, origins: int, workers: int) -> Outcome:
    """Make the site, then every step."""
    with tempfile.TemporaryDirectory() as folder:
        make_site(Path(folder), cells=cells, days=days, records=records)
        found = {step: measured(step, Path(folder), origins, workers) for step in STEPS}
    return outcome(found, records=records)


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """The whole city; a smaller one at a smaller scale."""
    if scale == 1:
        return all_steps(cells=FULL_CELLS, days=FULL_DAYS, records=FULL_RECORDS, origins=ORIGINS, workers=cores())
    sizes = (round(FULL_CELLS * scale), round(FULL_RECORDS * scale))
    return all_steps(
        cells=max(sizes[0], FEWEST_CELLS),
        days=FEW_DAYS,
        records=max(sizes[1], FEWEST_RECORDS),
        origins=FEW_ORIGINS,
        workers=cores(),
    )


def _from_command_line() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=FULL_CELLS)
    parser.add_argument("--days", type=int, default=FULL_DAYS)
    parser.add_argument("--records", type=int, default=FULL_RECORDS)
    parser.add_argument("--origins", type=int, default=ORIGINS)
    parser.add_argument("--workers", type=int, default=cores(), help="origins fitted at once")
    parser.add_argument("--step", choices=(*STEPS, "site"), help="one step alone, as JSON; `site` makes the site")
    parser.add_argument("--folder", type=Path, help="where the site is")
    options = parser.parse_args()
    if options.step == "site":
        make_site(options.folder, cells=options.cells, days=options.days, records=options.records)
    elif options.step:
        print(json.dumps(step_here(options.step, options.folder, options.origins, options.workers)))
    else:
        sizes = {name: getattr(options, name) for name in ("cells", "days", "records", "origins", "workers")}
        print(lines(all_steps(**sizes)))


if __name__ == "__main__":
    _from_command_line()
