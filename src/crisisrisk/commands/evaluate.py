"""Show again how a run was judged, from what the run itself left behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crisisrisk.commands.people_runs import people_run, read_report
from crisisrisk.evaluation.issue_time_rows import issue_times_text
from crisisrisk.evaluation.judged_report import judged_report
from crisisrisk.models import registry
from crisisrisk.tables.site import Site
from crisisrisk.training.results import comparison, listable_text


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
        worth = ["", report["verdict"]] if "verdict" in report else []
        doubts = ["", *report["suspicions"]] if report.get("suspicions") else []
        times = issue_times_text(report.get("issue_times", ()))
        said = [*listable_text(report.get("listable")), *(["", times] if times else []), *worth, *doubts]
        attrition = [content["attrition_text"], ""] if "attrition_text" in content else []
        return "\n".join([head, content["judged_on"], "", *attrition, table, *said])


def evaluate(site: Site, run_id: str, *, again: bool = False) -> Evaluation:
    """The report of a run by its id or the beginning of it. Needs no data: the run holds its own report.

    `again`: judge the run's rows once more (of people only); the same rows give the same report.
    """
    if again:
        people = people_run(site, run_id)
        report = {**people.report, **judged_report(people.predictions)}
        return Evaluation(run_id=people.run_id, content={**people.content, "report": report})
    run = registry.find_run(site.mlflow_tracking_uri, run_id)
    return Evaluation(run_id=run.run_id, content=stored_report(site, run.run_id))


def stored_report(site: Site, run_id: str) -> dict[str, Any]:
    """The report that a run left behind. Raises UsageError when it has none or it cannot be read."""
    with registry.run_artifacts(site.mlflow_tracking_uri, run_id, "") as folder:
        return read_report(folder, run_id)
