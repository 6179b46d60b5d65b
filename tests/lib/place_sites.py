"""A small site of places: one source of crisis contacts around one hexagon, loaded as files are."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import h3

from crisisrisk.commands.data import load_files
from crisisrisk.commands.forecast import shifts_from
from crisisrisk.commands.promotion import read_candidate
from crisisrisk.commands.train import train
from crisisrisk.models.bundle import Bundle, Promotion
from crisisrisk.scoring.places import PlaceForecast, forecast_shifts
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Store
from crisisrisk.training.recipe import TrainingRecipe, parse_training_recipe
from crisisrisk.training.results import TrainedRun
from crisisrisk.training.toml_text import toml_text
from tests.lib.answering_models import let_answer
from tests.lib.operational import configure
from tests.lib.reference_place_features import MIDDLE
from tests.lib.table_sites import write_csv, write_mapping

NORTH, EAST = h3.cell_to_latlng(MIDDLE)
FIRST = datetime(2025, 1, 6)
SHIFTS = """
[[shift]]
name = "day"
starts = "08:00"
ends = "20:00"
[[shift]]
name = "night"
starts = "20:00"
ends = "08:00"
"""
CONFIGURATION = """name = "invented"
time_zone = "Europe/London"
clock = "data"
buckets = 1
[cells]
kind = "h3"
{shifts}
[source.crisis_line]
agency = "Helpline"
singular = "crisis call"
plural = "crisis calls"
[source.police_999]
agency = "Police"
singular = "999 call"
plural = "999 calls"
"""
EVENTS = """table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at", zone = "Europe/London", ambiguous = "first" }
known_at = { delay_hours = 0 }
source = "source"
code = { constant = "call" }
origin = { constant = "public" }
[coordinates]
system = "degrees"
latitude = "north"
longitude = "east"
invalid = "empty"
"""
RECIPE = {
    "name": "small", "subject": "place", "features": "place.toml",
    "outcome": {"sources": ["crisis_line"], "origins": ["public"]},
    "grid": {"warm_up_days": 28, "issue_hours": 1},
    "split": {"validation_days": 14, "test_days": 14},
    "model": {"rounds": 5, "early_stopping_rounds": 5, "min_data_in_leaf": 5},
    "report": {"bootstrap_samples": 20},
}  # fmt: skip

Row = Mapping[str, object]

SMALL: dict[str, object] = {
    "name": "small", "subject": "place", "features": "place.toml",
    "outcome": {"sources": ["crisis_line"]},
    "grid": {"warm_up_days": 28},
    "split": {"validation_days": 14, "test_days": 14},
    "model": {"rounds": 3, "min_data_in_leaf": 5},
    "report": {"bootstrap_samples": 20},
}  # fmt: skip


def small_recipe(*, features: str = "place.toml", **tables: Mapping[str, object]) -> str:
    """A training recipe as its file, for sites of some months; `tables` add to its own, key by key."""
    content = {**SMALL, "features": features}
    for name, table in tables.items():
        own = content.get(name, {})
        content[name] = {**(own if isinstance(own, Mapping) else {}), **table}
    return toml_text(content)


def place_site(parent: Path, rows: Sequence[Row], *, shifts: str = SHIFTS) -> Site:
    """A site with contacts loaded."""
    folder = parent / "site"
    folder.mkdir(parents=True)
    configure(folder, CONFIGURATION.format(shifts=shifts))
    site = read_site(folder)
    if rows:
        load_files(site, [write_csv(parent / "contacts.csv", rows)], write_mapping(site, EVENTS), create_key=True)
    return site


def calls(
    days: int, *, each: int = 4, first: int = 0, source: str = "crisis_line", north: object = NORTH, east: object = EAST
) -> list[Row]:
    """So many calls a day at 00:10, 04:10, … of the local clock, from one point."""
    return [
        {
            "id": f"{source} {day} {call}", "source": source, "north": north, "east": east,
            "at": (FIRST + timedelta(days=day, hours=call * 24 // each, minutes=10)).isoformat(),
        }
        for day in range(first, first + days) for call in range(each)
    ]  # fmt: skip


def place_recipe(site: Site, **outcome: object) -> TrainingRecipe:
    """A recipe for so small a site, its outcome changed."""
    content = {**RECIPE, "outcome": {**RECIPE["outcome"], **outcome}}  # type: ignore[dict-item]
    return parse_training_recipe(content, sources=site.sources, where="test")


def answering(site: Site, recipe: Path, *, tell: Callable[[str], None] = lambda _: None) -> Bundle:
    """A model trained by a recipe that answers from now on, without the gate."""
    trained = train(site, "place", recipe, tell=tell)
    bundle = read_candidate(site, trained.run_id).bundle
    promotion = Promotion(by="tests", at="2026-11-22T06:00:00+00:00", reason="tests")
    promoted = bundle.promoted(version=1, promotion=promotion)
    let_answer(site, promoted, at="")
    return promoted


def forecast_of_run(site: Site, run: TrainedRun) -> tuple[Bundle, PlaceForecast]:
    """The bundle of a run, promoted or not, and its forecast of the next 24 hours."""
    bundle, snapshot = read_candidate(site, run.run_id).bundle, Store(site).snapshot()
    now = snapshot.as_of_now()
    return bundle, forecast_shifts(bundle, snapshot, site, shifts=shifts_from(site, now, 24), issued_at=now)
