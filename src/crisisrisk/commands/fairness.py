"""How a model of people did by subgroup, from what its run left behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crisisrisk.commands.people_runs import people_run
from crisisrisk.errors import UsageError, did_you_mean
from crisisrisk.tables.site import Site

# Metric and heading of a short table.
SHOWN = (
    ("prevalence", "had a crisis"), ("selection_rate", "listed"), ("precision_at_k", "precision"),
    ("recall_at_k", "recall"), ("false_alarm_rate", "false alarms"), ("auroc", "AUROC"),
    ("calibration_in_the_large", "in the large"), ("calibration_slope", "slope"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fairness:
    """The results by subgroup of a run."""

    run_id: str
    task: str
    list_length: int
    overall: Mapping[str, Any]
    subgroups: Sequence[Mapping[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """The fields of `fairness --json`."""
        return {
            "run_id": self.run_id,
            "task": self.task,
            "list_length": self.list_length,
            "overall": dict(self.overall),
            "subgroups": list(self.subgroups),
        }


def fairness(site: Site, run_id: str, *, subgroup: str | None = None) -> Fairness:
    """By every subgroup, or by those whose name begins with `subgroup`. Raises UsageError when none does."""
    run = people_run(site, run_id)
    found = run.report.get("subgroups")
    if found is None:
        raise UsageError(
            "CR-TRAIN-003", "the run holds no results by subgroup", where=f"run {run.run_id}",
            hint=f"make them from its judged rows: crisisrisk evaluate {run.run_id[:8]} --again",
        )  # fmt: skip
    names = [one["group"] for one in found]
    chosen = [one for one in found if subgroup is None or one["group"].startswith(subgroup)]
    if not chosen:
        raise UsageError(
            "CR-USE-001", "the run was not judged by such a subgroup", found=str(subgroup), wanted=", ".join(names),
            hint=did_you_mean(str(subgroup), names),
        )  # fmt: skip
    report = run.report
    return Fairness(
        run_id=run.run_id,
        task=run.content["task"],
        list_length=report["list_length"],
        overall={name: report["model"][name] for name in ("auroc", "precision_at_k", "recall_at_k",
                                                          "calibration_in_the_large", "calibration_slope")},
        subgroups=chosen,
    )  # fmt: skip
