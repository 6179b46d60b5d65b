"""Train a model, judge it beside its baselines, keep the run."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crisisrisk.commands.card import site_facts
from crisisrisk.evaluation.judged_report import judged_report
from crisisrisk.models.registry import settle_run
from crisisrisk.models.tracking_store import require_store
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot, Store
from crisisrisk.training import person, place
from crisisrisk.training.attender_rule import attender_clauses, unheard_sources
from crisisrisk.training.baseline_recipe import FILE as BASELINES
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.declared_files import declared
from crisisrisk.training.finished_files import keep_finished, kept_finished
from crisisrisk.training.issue_times import at_every_issue_time
from crisisrisk.training.judged_rows import judged_predictions
from crisisrisk.training.keeping import Finished, Recipes, SheetSettings, keep_run, peak_memory_mb
from crisisrisk.training.late_feeds import late_feeds
from crisisrisk.training.person_data import person_data
from crisisrisk.training.place_data import PlaceData, place_data
from crisisrisk.training.place_groups import group_worth
from crisisrisk.training.place_signals import with_signals
from crisisrisk.training.plots import MOST_ROWS
from crisisrisk.training.progress import NOTHING_KEPT, Progress, abandoned_tokens, kept_progress, progress_key
from crisisrisk.training.results import TrainedRun

Tell = Callable[[str], None]


def train(site: Site, kind: str, recipe_path: Path | None, *, baseline: str | None = None, tell: Tell) -> TrainedRun:
    """Train a model of people (`person`) or places (`place`) from what the site has loaded.

    `baseline`: the simple rule that is the model in place of trees: of people one of `training/baselines.toml`, of
    places one of those in the report.
    """
    started = time.monotonic()
    require_store(site.mlflow_tracking_uri, writing=True, making=True)  # told now, not when everything is fitted
    settle_abandoned(site)
    recipes = read_recipes(site, kind, recipe_path, baseline=baseline)
    snapshot = Store(site).snapshot()
    key = progress_key(site, recipes.fingerprint, snapshot.digest)
    with kept_progress(site, f"train {recipes.training.name} {recipes.kind}", key) as progress:
        recipes, finished = _finished(site, kind, snapshot, recipes, progress, tell)
        tell("keeping the run in MLflow …")
        run_id = keep_run(site.mlflow_tracking_uri, recipes, finished, token=progress.token)
    return _trained(run_id, recipes, finished, seconds=time.monotonic() - started)


def settle_abandoned(site: Site) -> None:
    """Mark the runs as killed that a process was keeping when it ended."""
    for token in abandoned_tokens(site):
        settle_run(site.mlflow_tracking_uri, token)


def _finished(
    site: Site, kind: str, snapshot: Snapshot, recipes: Recipes, progress: Progress, tell: Tell
) -> tuple[Recipes, Finished]:
    """The recipes, and the model fitted and judged; of what an earlier process finished nothing is made again."""
    if progress.is_taken_up:
        tell("going on where the same training stopped …")
    sheet = SheetSettings(site=site_facts(site), zone=site.time_zone)
    held = snapshot.held_at(progress.moment(snapshot.as_of_now()))
    if kind == "place":
        recipes = with_signals(recipes, held, site, held_out_days=recipes.training.split.test_days)
    kept = kept_finished(progress, sheet)
    if kept is not None:
        return recipes, kept
    make = _train_person if kind == "person" else _train_place
    finished = make(site, held, recipes, tell, progress)
    keep_finished(progress, recipes, finished)
    return recipes, finished


def _train_person(
    site: Site, snapshot: Snapshot, recipes: Recipes, tell: Tell, progress: Progress = NOTHING_KEPT
) -> Finished:
    tell("reading contacts, cohort and labels …")
    clauses = attender_clauses(declared(site, "training", BASELINES))
    if said := unheard_sources(clauses, snapshot.sources()):
        tell(f"warning: {said}")
    data = person_data(recipes.training, recipes.features, snapshot, site)
    if data.late_records:
        tell(data.late_records)
    judged = person.train_and_judge(
        recipes.training,
        recipes.features,
        data,
        zone=site.time_zone,
        tell=tell,
        baseline=recipes.baseline,
        progress=progress,
    )
    predictions = judged_predictions(recipes.training, data, judged, snapshot)
    return Finished(
        model=judged.model,
        report={**judged_report(predictions), "fitting": judged.account, "outcome": data.outcome_as_json()},
        attrition=data.attrition.as_rows(),
        attrition_text=data.attrition_text(),
        judged_on=judged.judged_on,
        rows=len(data),
        prevalence=float(data.happened.mean()),
        cut_off_us=data.cut_off_us,
        data_digest=snapshot.digest,
        shown=data.features[_some(judged.test, seed=recipes.training.model.seed)],
        judged=predictions,
        complete_to=data.complete_to,
        sheet=SheetSettings(site=site_facts(site), zone=site.time_zone),
    )


def _some(rows: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """As many as a plot shows, drawn at random."""
    return np.random.default_rng(seed).permutation(rows)[:MOST_ROWS]


def _train_place(
    site: Site, snapshot: Snapshot, recipes: Recipes, tell: Tell, progress: Progress = NOTHING_KEPT
) -> Finished:
    tell("reading contacts, cells and shifts …")
    held_out = recipes.training.split.test_days
    rule = None if recipes.baseline is None else recipes.baseline.name
    data = place_data(
        recipes.training, recipes.features if rule is None else None, snapshot, site, held_out_days=held_out
    )
    if data.late_records:
        tell(data.late_records)
    judged = place.train_and_judge(
        recipes.training, recipes.features, data, site, tell=tell, progress=progress, baseline=rule
    )
    judged = at_every_issue_time(judged, recipes.training, recipes.features, data, site)
    late = late_feeds(
        judged.model, recipes.training, recipes.features, data, site,
        place.last_split(recipes.training, data, site).validation,
    )  # fmt: skip
    report = judged.report.as_json()
    shown = data.features[data.rows_of(judged.test)]
    shown = shown.reshape(shown.shape[0] * shown.shape[1], shown.shape[2])
    counts = data.counts[data.usable]
    return Finished(
        model=judged.model,
        report={
            **report,
            "issue_times": list(judged.issue_times),
            "intervals": judged.intervals,
            "places": judged.places,
            "fitting": {"fitted_on": judged.fitted_on},
            "groups": _groups(site, recipes, data, tell),
            "flagged_days": data.flagged_rows(),
            "signals": list(recipes.signals),
            "late_feeds": late.as_json(),
        },
        attrition=data.attrition_rows(),
        attrition_text=data.attrition_text(),
        judged_on=judged.judged_on,
        rows=int(counts.size),
        prevalence=float(np.mean(counts > 0)),
        cut_off_us=data.cut_off_us,
        data_digest=snapshot.digest,
        shown=shown,
        cells_known_before=data.cells_known_before,
        cells_level=site.cells.level,
        latency_hours=data.latency_hours,
        sheet=SheetSettings(site=site_facts(site), zone=site.time_zone),
        caseload=None if data.caseload is None else data.caseload.numbers,
        echo=data.echo,
        profiles=data.profiles,
        recent=data.recent,
        late_feeds=late,
    )


def _groups(site: Site, recipes: Recipes, data: PlaceData, tell: Tell) -> list[dict[str, object]]:
    """What each group of features is worth, where the recipe asks for it."""
    if recipes.baseline is not None or not recipes.training.groups.worth:
        return []
    split = place.last_split(recipes.training, data, site)
    return group_worth(recipes.training, recipes.features, data, split, tell=tell)


def _trained(run_id: str, recipes: Recipes, finished: Finished, *, seconds: float) -> TrainedRun:
    return TrainedRun(
        run_id=run_id,
        model=recipes.training.name,
        subject=recipes.training.subject,
        recipe_fingerprint=recipes.fingerprint,
        rows=finished.rows,
        features=len(recipes.features.names),
        trees=finished.model.scorer.count,
        prevalence=finished.prevalence,
        metrics=finished.report["model"],
        baselines=finished.report["baselines"],
        report=finished.report,
        attrition=finished.attrition,
        attrition_text=finished.attrition_text,
        judged_on=finished.judged_on,
        seconds=seconds,
        peak_memory_mb=peak_memory_mb(),
    )
