"""Show again how a run was judged, from what the run itself left behind."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crisisrisk.errors import UsageError
from crisisrisk.models import registry
from crisisrisk.tables.site import Site
from crisisrisk.training.keeping import REPORT
from crisisrisk.training.results import comparison


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The report of a run."""

    run_id: str
    content: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The whole report."""
        return {"run_id": self.run_id, **self.content}

    def as_text(self) -> str:
        """A few lines for a terminal."""
        content, report = self.content, self.content["report"]
        table = comparison(content["subject"], report["model"], report["baselines"])
        head = f"{content['task']}  run {self.run_id[:8]}"
        return "\n".join([head, content["judged_on"], "", content["attrition_text"], "", table])


def evaluate(site: Site, run_id: str) -> Evaluation:
    """The report of a run by its id or the beginning of it. Needs no data: the run holds its own report."""
    run = registry.find_run(site.mlflow_tracking_uri, run_id)
    return Evaluation(run_id=run.run_id, content=stored_report(site, run.run_id))


def stored_report(site: Site, run_id: str) -> dict[str, Any]:
    """The report that a run left behind. Raises UsageError when it has none or it cannot be read."""
    with registry.run_artifacts(site.mlflow_tracking_uri, run_id, "") as folder:
        path = folder / REPORT
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise UsageError(
                "CR-TRAIN-003", "the run left no report that can be read", where=f"run {run_id}", wanted=REPORT,
                hint="was the training stopped before its end?",
            ) from None  # fmt: skip
    return content
