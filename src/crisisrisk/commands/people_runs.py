"""A finished run of people, as its own artefacts have it: nothing else is read."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crisisrisk.errors import UsageError
from crisisrisk.evaluation.judged import JudgedPredictions, read_judged
from crisisrisk.models import registry
from crisisrisk.tables.site import Site
from crisisrisk.training.keeping import REPORT, TRAINING_RECIPE


@dataclass(frozen=True, kw_only=True)
class PeopleRun:
    """What a run of people left behind."""

    run_id: str
    content: dict[str, Any]
    """The whole of `report.json`."""
    recipe: dict[str, Any]
    """The training recipe as plain values."""
    predictions: JudgedPredictions

    @property
    def report(self) -> dict[str, Any]:
        """How the model did."""
        report: dict[str, Any] = self.content["report"]
        return report


def read_report(folder: Path, run_id: str) -> dict[str, Any]:
    """The report among a run's artefacts. Raises UsageError when there is none or it cannot be read."""
    try:
        content: dict[str, Any] = json.loads((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UsageError(
            "CR-TRAIN-003", "the run left no report that can be read", where=f"run {run_id}", wanted=REPORT,
            hint="was the training stopped before its end?",
        ) from None  # fmt: skip
    return content


def people_run(site: Site, run_id: str) -> PeopleRun:
    """A run by its id or the beginning of it. Raises UsageError for a run of places, or one without its artefacts."""
    run = registry.find_run(site.mlflow_tracking_uri, run_id)
    with registry.run_artifacts(site.mlflow_tracking_uri, run.run_id, "") as folder:
        content = read_report(folder, run.run_id)
        if content["subject"] != "person":
            raise UsageError(
                "CR-TRAIN-003", "the run is about places, this is about people", where=f"run {run.run_id}",
                wanted="a run of: crisisrisk train person", found=str(content["task"]),
                hint=f"crisisrisk evaluate {run.run_id[:8]} shows how it was judged",
            )  # fmt: skip
        recipe = json.loads((folder / TRAINING_RECIPE).read_text(encoding="utf-8"))
        return PeopleRun(run_id=run.run_id, content=content, recipe=recipe, predictions=read_judged(folder))
