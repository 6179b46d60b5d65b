"""Stand at many moments of the past, and say how a recipe would have done."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

from crisisrisk.commands.card import site_facts, write_report
from crisisrisk.concurrency import cores
from crisisrisk.errors import UsageError
from crisisrisk.evaluation.place_levels import level_of, spread_of
from crisisrisk.models.tracking_store import require_store
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.timeline import instant, utc_from_local
from crisisrisk.training.backtesting import Origins, backtest_people
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.keeping import Recipes
from crisisrisk.training.keeping_backtests import JudgedBacktest, keep_backtest
from crisisrisk.training.person_data import person_data
from crisisrisk.training.place_backtest import Ended, forecast_origins, judge_origins, origins_told
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
    cells: Sequence[str] = (), workers: int | None = None, tell: Tell, ended: Ended = lambda *_: None,
) -> Backtest:  # fmt: skip
    """How the recipe would have done, refitted as time went on. `start`, `end`: local dates; `every`: 1w, 2w, 3d.

    Of places: `cells`, levels of cells to judge on beside the site's own, those of the recipe where none is said;
    `workers`, how many origins are fitted at once, every core by default. A backtest of places is kept in MLflow.
    """
    started = time.monotonic()
    if cells and kind == "person":
        raise UsageError("CR-USE-001", "people have no cells", where="--cells", found=", ".join(cells))
    if workers is not None and kind == "person":
        raise UsageError(
            "CR-USE-001", "origins of people are fitted one after the other, each by every core", where="--workers",
            found=str(workers),
        )  # fmt: skip
    if kind == "place":
        require_store(site.mlflow_tracking_uri, writing=True, making=True)  # told now, not when everything is judged
    recipes, snapshot = read_recipes(site, kind, recipe_path), Store(site).snapshot()
    origins = Origins(every_days=_days(every), start=_midnight(start, site), end=_midnight(end, site))
    levels = _levels(site, cells or recipes.training.grid.cells)
    work = _Work(recipes, origins, workers or cores(), tell, ended)
    key = progress_key(site, recipes.fingerprint, snapshot.digest)
    files: tuple[str, ...] = ()
    run_id = None
    with kept_progress(site, f"backtest {recipes.training.name}", key) as progress:
        held = snapshot.held_at(progress.moment(snapshot.as_of_now()))
        if kind == "person":
            report = _people(site, held, work, progress)
        else:
            report = _places(levels, held, work, progress)
            judged = _judged(site, recipes, report, snapshot.digest)
            files = _written(site, judged, key)
            tell("keeping the run in MLflow …")
            run_id = keep_backtest(site.mlflow_tracking_uri, judged, token=progress.token)
    return Backtest(
        subject=kind, model_name=recipes.training.name, content=report, files=files, run_id=run_id,
        seconds=time.monotonic() - started,
    )  # fmt: skip


@dataclass(frozen=True)
class _Work:
    """What is asked for, and who hears how far it is."""

    recipes: Recipes
    origins: Origins
    workers: int
    tell: Tell
    ended: Ended


def _judged(site: Site, recipes: Recipes, report: Mapping[str, Any], data_digest: str) -> JudgedBacktest:
    """The report with its pages, fit for release."""
    judged_on = f"judged on {report['shifts']:,} shifts, {report['origins_told']}"
    pages = backtest_files(
        recipes.training.name, report, site_facts(site), recipe_fingerprint=recipes.fingerprint, judged_on=judged_on
    )
    return JudgedBacktest(recipes=recipes, report=report, judged_on=judged_on, data_digest=data_digest, pages=pages)


def _written(site: Site, judged: JudgedBacktest, key: str) -> tuple[str, ...]:
    """The pages in the site's reports."""
    named = {"task": f"{judged.recipes.training.name}-backtest"}
    return tuple(str(path) for path in write_report(site, key, named, judged.pages))


def _levels(site: Site, words: Sequence[str]) -> dict[str, Site]:
    """The site at its own level of cells and at others, by the level's word."""
    settings = [site.cells, *(site.cells.at(word) for word in words)]
    return {one.level: replace(site, cells=one) for one in settings}


def _people(site: Site, snapshot: Snapshot, work: _Work, progress: Progress) -> dict[str, object]:
    work.tell("reading contacts, cohort and labels …")
    training, features = work.recipes.training, work.recipes.features
    data = person_data(training, features, snapshot, site)
    report = backtest_people(training, features, data, work.origins, tell=work.tell, progress=progress)
    return {**report.as_json(), "attrition": data.attrition.as_rows()}


def _places(levels: Mapping[str, Site], snapshot: Snapshot, work: _Work, progress: Progress) -> dict[str, object]:
    """The report at the site's own level; with others, `levels` sets them side by side and says how far they spread."""
    own, *others = levels
    content = _place_report(levels[own], snapshot, work, progress)
    if not others:
        return content
    found = {own: level_of(content)}
    for name in others:
        work.tell(f"cells {name}:")
        found[name] = level_of(_place_report(levels[name], snapshot, work, progress))
    return {**content, "levels": found, "spread": spread_of(found)}


def _place_report(site: Site, snapshot: Snapshot, work: _Work, progress: Progress) -> dict[str, Any]:
    work.tell("reading contacts, cells and shifts …")
    origins, held_out = work.origins, _held_out(work.recipes.training, snapshot, work.origins)
    recipes = with_signals(work.recipes, snapshot, site, held_out_days=held_out)
    data = place_data(recipes.training, recipes.features, snapshot, site, held_out_days=held_out)
    forecasts = forecast_origins(
        recipes.training, recipes.features, data, site, origins, tell=work.tell, ended=work.ended, progress=progress,
        workers=work.workers,
    )  # fmt: skip
    work.tell("judging beside the baselines …")
    data = data.without_features()
    report = judge_origins(recipes.training, data, site, forecasts, workers=work.workers)
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
