"""A year of nights played again in a region the size of a police force.

`python -m benchmarks replay`. The records of `places`, with sites where teams can stand and residents of each cell.
Timed is the whole command: reading, features, one model fitted on what was over before the year, forecasts of every
night, plans by every way that the data allow, the nights themselves and the paired intervals.
"""

import csv
import resource
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import h3
import numpy as np

from benchmarks.places import FULL_DAYS, MIDDLE, SEED, make_site, print_aside
from benchmarks.report import Figure, Outcome
from crisisrisk.commands.data import load_files
from crisisrisk.commands.replay import Request, replay
from crisisrisk.positioning.past_plans import FORECAST
from crisisrisk.tables.site import read_site
from crisisrisk.tables.store import Store

CELLS, SITES, TEAMS, NIGHTS = 4_000, 100, 8, 365
RECORDS = 200_000
"""In three years: a dozen contacts a night, which is what eight teams can serve."""
FEWEST_CELLS, FEWEST_SITES, FEW_DAYS, FEWEST_RECORDS, FEW_NIGHTS = 40, 8, 420, 20_000, 7
BAR_SECONDS = 600.0
SITES_MAPPING = """table = "sites_of_care"
[columns]
site_id = "site"
kind = "kind"
latitude = "lat"
longitude = "lon"
"""
PLACES_MAPPING = """table = "places"
[columns]
place_id = "cell"
latitude = "lat"
longitude = "lon"
population = "residents"
kind = { constant = "cell" }
"""


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Seconds of the command. Nobody else replays plans from a forecast of places: there is no peer."""
    sizes = {
        "cells": max(round(CELLS * scale), FEWEST_CELLS), "days": max(round(FULL_DAYS * scale), FEW_DAYS),
        "records": max(round(RECORDS * scale), FEWEST_RECORDS),
    }  # fmt: skip
    sites, nights = max(round(SITES * scale), FEWEST_SITES), max(round(NIGHTS * scale), FEW_NIGHTS)
    with tempfile.TemporaryDirectory() as folder:
        make_site(Path(folder), **sizes)
        _load_places(Path(folder), sizes["cells"], sites)
        return _timed(Path(folder), sizes["records"], sites, nights)


def _timed(folder: Path, records: int, sites: int, nights: int) -> Outcome:
    site = read_site(folder / "site")
    last = (Store(site).snapshot().as_of_now() - timedelta(days=4)).date()
    first = last - timedelta(days=nights - 1)
    request = Request(
        first=first.isoformat(), last=last.isoformat(), shift="night", teams=TEAMS, refit_weeks=nights // 7 + 1
    )
    used, began = _core_seconds(), time.perf_counter()
    told = replay(site, request, tell=print_aside).told
    seconds, core = time.perf_counter() - began, _core_seconds() - used
    return Outcome(
        of=f"{told.nights:,} nights, {told.contacts:,} contacts, {sites} sites, {TEAMS} teams, {records:,} records; "
        f"{len(told.plans)} plans a night",
        figures=(
            Figure(what="the whole command", value=seconds, unit="s", bar=BAR_SECONDS, less_is_better=True),
            Figure(what="core seconds of it", value=core, unit="s"),
            Figure(what="peak memory", value=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, unit="GB"),
        ),
        remarks=("One model is fitted, before the first night.",),
        details={"covered_15": told.plans[FORECAST]["covered_15"]},
    )


def _core_seconds() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _load_places(folder: Path, cells: int, sites: int) -> None:
    """Sites spread over the cells, every fourth a base; residents at random."""
    random, site = np.random.default_rng(SEED), read_site(folder / "site")
    hexagons = sorted(h3.grid_disk(MIDDLE, 40), key=lambda one: (h3.grid_distance(MIDDLE, one), one))[:cells]
    corners = [h3.cell_to_latlng(one) for one in hexagons]
    chosen = random.choice(cells, size=sites, replace=False).tolist()
    stands = [
        {"site": f"site-{number:03d}", "kind": "standby_point" if number % 4 else "base", "lat": corners[cell][0],
         "lon": corners[cell][1]}
        for number, cell in enumerate(chosen)
    ]  # fmt: skip
    residents = random.gamma(1.0, 900.0, cells).astype(int).tolist()
    places = [
        {"cell": name, "lat": corner[0], "lon": corner[1], "residents": live}
        for name, corner, live in zip(hexagons, corners, residents, strict=True)
    ]
    for name, rows, mapping in (("sites", stands, SITES_MAPPING), ("places", places, PLACES_MAPPING)):
        file = folder / f"{name}.csv"
        with file.open("w", newline="", encoding="utf-8") as opened:
            writer = csv.DictWriter(opened, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        (site.path / "mappings" / f"{name}.toml").write_text(mapping, encoding="utf-8")
        load_files(site, [file], site.path / "mappings" / f"{name}.toml")
