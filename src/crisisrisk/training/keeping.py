"""A run with everything that belongs to it, kept in MLflow: recipes, report, attrition, plots, digests, the bundle."""

import hashlib
import json
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation.card.content import SiteFacts
from crisisrisk.evaluation.judged import JudgedPredictions, write_judged
from crisisrisk.evaluation.slices import plain_values
from crisisrisk.features.caseload import CaseloadNumbers
from crisisrisk.features.place_profiles import WeekProfiles
from crisisrisk.features.place_recent import RecentLevel
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.bundle import Bundle, Manifest, software_versions, write_bundle
from crisisrisk.models.late_feeds import LateFeeds
from crisisrisk.models.phrases import PhraseBook
from crisisrisk.models.place_rules.self_exciting import EchoWeights
from crisisrisk.models.registry import BUNDLE, RunRecord, log_run
from crisisrisk.models.risk_model import PlaceModel, RiskModel
from crisisrisk.models.task import Task
from crisisrisk.timeline import instant
from crisisrisk.training.baseline_recipe import BaselineRecipe
from crisisrisk.training.movements import movements
from crisisrisk.training.person_data import cohort_rule, counting_rule, crisis_rule
from crisisrisk.training.plots import shap_summary
from crisisrisk.training.recipe import TrainingRecipe
from crisisrisk.training.trust_sheet import place_sheet_files, sheet_files

REPORT, ATTRITION, SUMMARY_PLOT = "report.json", "attrition.txt", "shap_summary.png"
TRAINING_RECIPE = "recipes/training.json"


@dataclass(frozen=True, kw_only=True)
class Recipes:
    """Everything that was declared before a run began."""

    training: TrainingRecipe
    features: FeatureRecipe
    phrases: PhraseBook
    baseline: BaselineRecipe | None = None
    """The simple rule that is the model; None for trees."""
    signals: tuple[dict[str, Any], ...] = ()
    """What was found of groups of features that stay only if they cluster with the outcome. No part of the recipes."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all recipes, in hex."""
        parts = [self.training.fingerprint, self.features.fingerprint]
        parts += [] if self.baseline is None else [self.baseline.to_json()]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    @property
    def kind(self) -> str:
        """What the model is: `trees`, or the name of the simple rule."""
        return "trees" if self.baseline is None else self.baseline.name


@dataclass(frozen=True, kw_only=True)
class SheetSettings:
    """The site as a trust sheet tells it, and the zone of its clock."""

    site: SiteFacts
    zone: ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A model that was fitted and judged, before it is kept."""

    model: RiskModel | PlaceModel
    report: Mapping[str, Any]
    """The whole report as plain values: `model`, `baselines` and the rest."""
    attrition: Sequence[Mapping[str, Any]]
    attrition_text: str
    judged_on: str
    rows: int
    prevalence: float
    cut_off_us: int
    data_digest: str
    shown: NDArray[np.float32]
    """Rows for the summary plot. Shape (rows, features)."""
    cells_known_before: datetime | None = None
    cells_level: str | None = None
    """The kind and size of a place model's cells in one word."""
    latency_hours: float = 0.0
    """Of places: how long after an event it is taken for known."""
    caseload: CaseloadNumbers | None = None
    """Of places: the weights of sums over the caseload, where a column is one."""
    echo: EchoWeights | None = None
    """Of places: those of echoes, where a column is of them."""
    profiles: WeekProfiles | None = None
    """Of places: the kinds of week of the simple forecast, where the recipe asks for them."""
    recent: RecentLevel | None = None
    """Of places: the regression of recent counts below the trees, where the recipe asks for it."""
    late_feeds: LateFeeds | None = None
    """Of places: how much further off forecasts are while feeds are late."""
    judged: JudgedPredictions | None = None
    """The test rows of a model of people."""
    complete_to: Mapping[str, int] = field(default_factory=dict)
    """For each source up to when its records were all there, microseconds since 1970 UTC."""
    sheet: SheetSettings | None = None
    """What the trust sheet says of the site."""


def task_of(
    recipe: TrainingRecipe, cells_known_before: datetime | None = None, latency_hours: float = 0.0,
    cells_level: str | None = None, caseload: CaseloadNumbers | None = None,
    echo: EchoWeights | None = None, profiles: WeekProfiles | None = None, recent: RecentLevel | None = None,
    late_feeds: LateFeeds | None = None,
) -> Task:  # fmt: skip
    """The question that a model of this recipe answers."""
    is_person = recipe.subject == "person"
    return Task(
        name=recipe.name,
        subject=recipe.subject,
        outcome=recipe.outcome.meaning,
        crisis=crisis_rule(recipe),
        cohort=cohort_rule(recipe),
        horizon_days=recipe.outcome.horizon_days if is_person else None,
        gap_days=recipe.outcome.gap_days,
        issue_hours=recipe.grid.issue_hours[0],
        offset_lookback_days=recipe.offset.lookback_days,
        offset_prior_events=recipe.offset.prior_events,
        offset_latency_hours=latency_hours,
        valid_hours=recipe.report.valid_hours,
        thin_history_days=recipe.report.thin_history_days,
        thin_history_contacts=recipe.report.thin_history_contacts,
        cells_known_before=None if cells_known_before is None else cells_known_before.isoformat(),
        cells_level=cells_level,
        counting=counting_rule(recipe),
        caseload=caseload,
        echo=echo,
        profiles=profiles,
        recent=recent,
        late_feeds=late_feeds,
    )


def keep_run(uri: str, recipes: Recipes, finished: Finished, *, token: str | None = None) -> str:
    """Keep a run and its candidate bundle in MLflow. Returns the run's id.

    `token`: of work that may be tried again; under one token one run is kept.
    """
    training = recipes.training
    parameters = {
        **flat(json.loads(training.to_json())),
        "features_fingerprint": recipes.features.fingerprint,
        "rows": str(finished.rows),
        "trees": str(finished.model.scorer.count),
    }
    tags = {
        "task": training.name,
        "kind": recipes.kind,
        "subject": training.subject,
        "recipe_fingerprint": recipes.fingerprint,
        "data_digest": finished.data_digest,
        "training_cut_off": instant(finished.cut_off_us).isoformat(),
    }
    record = RunRecord(
        experiment=training.name,
        name=f"{' '.join(dict.fromkeys((training.name, recipes.kind)))} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        parameters=parameters,
        metrics={**metrics_of(finished.report), "prevalence": finished.prevalence},
        tags=tags,
        write=lambda run_id, folder: _write_artifacts(folder, run_id, recipes, finished),
        token=token or uuid4().hex,
    )
    return log_run(uri, record)


def _write_artifacts(folder: Path, run_id: str, recipes: Recipes, finished: Finished) -> None:
    (folder / "recipes").mkdir()
    (folder / TRAINING_RECIPE).write_text(recipes.training.to_json(), encoding="utf-8")
    (folder / "recipes" / "features.json").write_text(recipes.features.to_json(), encoding="utf-8")
    (folder / REPORT).write_text(report_text(recipes, finished), encoding="utf-8")
    if finished.judged is not None:
        write_judged(folder, finished.judged)
    _write_sheet(folder, run_id, recipes, finished)
    (folder / ATTRITION).write_text(finished.attrition_text + "\n", encoding="utf-8")
    title = f"What moves {recipes.training.name}: exact contributions on test rows"
    shap_summary(
        finished.model.scorer, finished.shown, folder / SUMMARY_PLOT, seed=recipes.training.model.seed, title=title
    )
    write_bundle(folder / BUNDLE, candidate(run_id, recipes, finished))


def _write_sheet(folder: Path, run_id: str, recipes: Recipes, finished: Finished) -> None:
    """The trust sheet, as `crisisrisk card` makes it from the same files."""
    if finished.sheet is None:
        return
    content, recipe = json.loads((folder / REPORT).read_text(encoding="utf-8")), json.loads(recipes.training.to_json())
    sheet, judged = finished.sheet, finished.judged
    files = (
        place_sheet_files(run_id, content, sheet.site) if judged is None
        else sheet_files(run_id, content, recipe, judged, sheet.site, sheet.zone)
    )  # fmt: skip
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def report_text(recipes: Recipes, finished: Finished) -> str:
    """The report as JSON: enough to show again, and to check at promotion, without the data."""
    whole = {
        "task": recipes.training.name,
        "subject": recipes.training.subject,
        "kind": recipes.kind,
        "recipe_fingerprint": recipes.fingerprint,
        "rows": finished.rows,
        "features": len(recipes.features.names),
        "trees": finished.model.scorer.count,
        "prevalence": finished.prevalence,
        "judged_on": finished.judged_on,
        "attrition": list(finished.attrition),
        "attrition_text": finished.attrition_text,
        "about": {
            "complete_to": {source: instant(moment).isoformat() for source, moment in finished.complete_to.items()},
            "known_before": instant(finished.cut_off_us).isoformat(),
            "versions": software_versions(),
        },
        "moves": movements(finished.model.scorer, finished.shown, recipes.features, recipes.phrases.sources),
        "report": finished.report,
    }
    return json.dumps(plain_values(whole), indent=1, ensure_ascii=False)


def candidate(run_id: str, recipes: Recipes, finished: Finished) -> Bundle:
    """The bundle of a run before any promotion: version 0."""
    manifest = Manifest(
        name=recipes.training.name,
        subject=recipes.training.subject,
        version=0,
        run_id=run_id,
        recipe_fingerprint=recipes.fingerprint,
        feature_names=finished.model.feature_names,
        trees=finished.model.scorer.count,
        training_cut_off=instant(finished.cut_off_us).isoformat(),
        data_digest=finished.data_digest,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=software_versions(),
        baseline=None if recipes.baseline is None else recipes.baseline.name,
        other_issue_hours=tuple(one.hours for one in finished.model.other_times)
        if isinstance(finished.model, PlaceModel)
        else (),
    )
    return Bundle(
        manifest=manifest,
        model=finished.model,
        task=task_of(
            recipes.training,
            finished.cells_known_before,
            finished.latency_hours,
            finished.cells_level,
            finished.caseload,
            finished.echo,
            finished.profiles,
            finished.recent,
            finished.late_feeds,
        ),
        features=recipes.features,
        training_recipe=recipes.training.to_json(),
        phrases=recipes.phrases,
    )


def metrics_of(report: Mapping[str, Any]) -> dict[str, float]:
    """The model's and the baselines' numbers under names that MLflow accepts."""
    named = {"model": report["model"], **dict(report["baselines"])}
    texts = {f"{who}.{name}": value for who, values in named.items() for name, value in flat(values).items()}
    numbers = {name: _finite(value) for name, value in texts.items()}
    return {name: value for name, value in numbers.items() if value is not None}


def _finite(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested tables as one, with names joined by points; lists as JSON."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{name}."))
        else:
            found[f"{prefix}{name}"] = value if isinstance(value, str) else json.dumps(value)
    return found


def peak_memory_mb() -> float:
    """The most memory that this process has held, in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 / 1024 if sys.platform == "darwin" else peak / 1024
