"""A backtest of places as a run in MLflow, beside the trainings of its recipe: its figures, its recipes, its report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crisisrisk.evaluation.slices import plain_values
from crisisrisk.models.registry import RunRecord, log_run
from crisisrisk.training.keeping import REPORT, TRAINING_RECIPE, Recipes, flat, metrics_of

KIND = "backtest"
"""The tag `kind` of such a run: it has no bundle, and nothing in it can be promoted."""


@dataclass(frozen=True, kw_only=True)
class JudgedBacktest:
    """A backtest that is over."""

    recipes: Recipes
    report: Mapping[str, Any]
    judged_on: str
    data_digest: str
    pages: Mapping[str, str]
    """The report fit for release, by the name of the file."""


def keep_backtest(uri: str, done: JudgedBacktest, *, token: str) -> str:
    """Keep a backtest in the experiment of its recipe. Returns the run's id; under one token one run is kept."""
    training, report = done.recipes.training, done.report
    gain = report["gains"][report["best_baseline"]]
    figures = {name: report[name] for name in ("origins", "shifts", "cells", "events", "skill")}
    figures |= {f"gain_over_best.{name}": gain[name] for name in ("value", "lower", "upper")}
    record = RunRecord(
        experiment=training.name,
        name=f"{training.name} {KIND} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}",
        parameters={
            **flat(json.loads(training.to_json())),
            "features_fingerprint": done.recipes.features.fingerprint,
        },
        metrics={**metrics_of(report), **{name: float(one) for name, one in figures.items() if one is not None}},
        tags={
            "task": training.name,
            "kind": KIND,
            "subject": training.subject,
            "recipe_fingerprint": done.recipes.fingerprint,
            "data_digest": done.data_digest,
            "best_baseline": str(report["best_baseline"]),
            "verdict": str(report["verdict"]),
        },
        write=lambda _, folder: _write(folder, done),
        token=token,
    )
    return log_run(uri, record)


def _write(folder: Path, done: JudgedBacktest) -> None:
    (folder / "recipes").mkdir()
    (folder / TRAINING_RECIPE).write_text(done.recipes.training.to_json(), encoding="utf-8")
    (folder / "recipes" / "features.json").write_text(done.recipes.features.to_json(), encoding="utf-8")
    whole = {
        "task": done.recipes.training.name,
        "subject": done.recipes.training.subject,
        "kind": KIND,
        "recipe_fingerprint": done.recipes.fingerprint,
        "judged_on": done.judged_on,
        "attrition": list(done.report["attrition"]),
        "report": done.report,
    }
    text = json.dumps(plain_values(whole), indent=1, ensure_ascii=False)
    (folder / REPORT).write_text(text, encoding="utf-8")
    for name, page in done.pages.items():
        (folder / name).write_text(page, encoding="utf-8")
