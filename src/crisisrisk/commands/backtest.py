"""Stand at many moments of the past, and say how a recipe would have done."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

from crisisrisk.commands.card import write_report
from crisisrisk.errors import UsageError
from crisisrisk.evaluation.place_levels import level_of, spread_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.timeline import instant, utc_from_local
from crisisrisk.training.backtesting import Origins, backtest_people, backtest_places, origins_told
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.keeping import Recipes
from crisisrisk.training.person_data import person_data
from crisisrisk.training.place_data import place_data
from crisisrisk.training.place_roster import judge_roster
from crisisrisk.training.place_signals import with_signals
from crisisrisk.training.progress import Progress, kept_progress, progress_key
from crisisrisk.training.recipe import TrainingRecipe
from crisisrisk.training.results import Backtest
from crisisrisk.training.trust_sheet import backtest_files

Tell = Callable[[str], None]


def backtest(
    site: Site, kind: str, recipe_path: Path | None, *, start: str | None, end: str | None, every: str,
    cells: Sequence[str] = (), tell: Tell,
) -> Backtest:  # fmt: skip
    """How the recipe would have done, refitted as time went on. `start`, `end`: local dates; `every`: 1w, 2w, 3d.

    `cells`: levels of cells to judge places on beside the site's own; those of the recipe where none is said.
    """
    started = time.monotonic()
    if cells and kind == "person":
        raise UsageError("CR-USE-001", "people have no cells", where="--cells", found=", ".join(cells))
    recipes, snapshot = read_recipes(site, kind, recipe_path), Store(site).snapshot()
    origins = Origins(every_days=_days(every), start=_midnight(start, site), end=_midnight(end, site))
    levels = _levels(site, cells or recipes.training.grid.cells)
    key = progress_key(site, recipes.fingerprint, snapshot.digest)
    with kept_progress(site, f"backtest {recipes.training.name}", key) as progress:
        held = snapshot.held_at(progress.moment(snapshot.as_of_now()))
        if kind == "person":
            report = _people(site, held, recipes, origins, tell, progress)
        else:
            report = _places(levels, held, recipes, origins, tell, progress)
    files = _written(site, recipes, report, key) if kind == "place" else ()
    return Backtest(
        subject=kind, model_name=recipes.training.name, content=report, files=files,
        seconds=time.monotonic() - started,
    )  # fmt: skip


def _written(site: Site, recipes: Recipes, report: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The report as a page and as JSON, fit for release, in the site's reports."""
    name, judged_on = recipes.training.name, f"{report['shifts']:,} shifts, {report['origins_told']}"
    files = backtest_files(
        name, report, site.name, recipe_fingerprint=recipes.fingerprint, judged_on=f"judged on {judged_on}"
    )
    return tuple(str(path) for path in write_report(site, key, {"task": f"{name}-backtest"}, files))


def _levels(site: Site, words: Sequence[str]) -> dict[str, Site]:
    """The site at its own level of cells and at others, by the level's word."""
    settings = [site.cells, *(site.cells.at(word) for word in words)]
    return {one.level: replace(site, cells=one) for one in settings}


def _people(
    site: Site, snapshot: Snapshot, recipes: Recipes, origins: Origins, tell: Tell, progress: Progress
) -> dict[str, object]:
    tell("reading contacts, cohort and labels …")
    data = person_data(recipes.training, recipes.features, snapshot, site)
    report = backtest_people(recipes.training, recipes.features, data, origins, tell=tell, progress=progress)
    return {**report.as_json(), "attrition": data.attrition.as_rows()}


def _places(
    levels: Mapping[str, Site], snapshot: Snapshot, recipes: Recipes, origins: Origins, tell: Tell, progress: Progress
) -> dict[str, object]:
    """The report at the site's own level; with others, `levels` sets them side by side and says how far they spread."""
    own, *others = levels
    content = _place_report(levels[own], snapshot, recipes, origins, tell, progress)
    if not others:
        return content
    found = {own: level_of(content)}
    for name in others:
        tell(f"cells {name}:")
        found[name] = level_of(_place_report(levels[name], snapshot, recipes, origins, tell, progress))
    return {**content, "levels": found, "spread": spread_of(found)}


def _place_report(
    site: Site, snapshot: Snapshot, recipes: Recipes, origins: Origins, tell: Tell, progress: Progress
) -> dict[str, Any]:
    tell("reading contacts, cells and shifts …")
    held_out = _held_out(recipes.training, snapshot, origins)
    recipes = with_signals(recipes, snapshot, site, held_out_days=held_out)
    data = place_data(recipes.training, recipes.features, snapshot, site, held_out_days=held_out)
    report = backtest_places(recipes.training, recipes.features, data, site, origins, tell=tell, progress=progress)
    named = origins.start is not None or origins.end is not None
    asked = report.report.origins if named else recipes.training.split.origins
    content = report.as_json()
    return {
        **content,
        "origins_told": origins_told(asked, report.report.origins),
        "roster": judge_roster(recipes.training, data, snapshot.table("places"), site),
        "attrition": data.attrition_rows(),
        "flagged_days": data.flagged_rows(),
        "signals": list(recipes.signals),
    }


def _held_out(recipe: TrainingRecipe, snapshot: Snapshot, origins: Origins) -> int:
    """Days from the first origin to the end: the map of cells must not know them.

    Where the data are too short for all origins, only those for which there is something to train on count.
    """
    now = snapshot.as_of_now()
    if origins.start is not None:
        return max((now - origins.start).days, 1)
    began = [counts.first_occurred for counts in snapshot.sources().values() if counts.rows]
    behind = recipe.grid.warm_up_days + 2 * recipe.split.validation_days
    free = (now - instant(min(began))).days - behind if began else 0
    return (min(recipe.split.origins, max(free // origins.every_days, 1)) + 1) * origins.every_days


def _days(every: str) -> int:
    read = re.fullmatch(r"([1-9]\d?)([dw])", every)
    if read is None:
        raise UsageError("CR-USE-001", "not a step between moments", found=repr(every), wanted="1w, 2w, 4w or 3d")
    return int(read[1]) * (7 if read[2] == "w" else 1)


def _midnight(day: str | None, site: Site) -> datetime | None:
    if day is None:
        return None
    try:
        read = date.fromisoformat(day)
    except ValueError:
        raise UsageError("CR-USE-001", "not a date", found=repr(day), wanted="2026-11-22") from None
    return utc_from_local(datetime.combine(read, time_of_day()), site.time_zone, ambiguous="first")
