"""What the lists of a run would have meant to the teams, from what the run left behind."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from crisisrisk.commands.people_runs import people_run
from crisisrisk.evaluation.slices import plain_values
from crisisrisk.evaluation.workload import TeamWorkload, Workload, workload
from crisisrisk.tables.site import Site


@dataclass(frozen=True, kw_only=True)
class RunWorkload:
    """The model's lists, and what the baselines' lists of the same length would have done."""

    run_id: str
    task: str
    model: Workload
    baselines: Mapping[str, TeamWorkload]

    def as_json(self) -> dict[str, Any]:
        """The fields of `workload --json`."""
        content = {"run_id": self.run_id, "task": self.task, **asdict(self.model),
                   "baselines": {name: asdict(found) for name, found in self.baselines.items()}}  # fmt: skip
        return dict(plain_values(content))


def workload_of(site: Site, run_id: str, *, per_team: int | None = None) -> RunWorkload:
    """The lists of `per_team` names a team, or of the length that the run was judged at."""
    run = people_run(site, run_id)
    length = per_team or run.predictions.judging.list_length
    return RunWorkload(
        run_id=run.run_id,
        task=run.content["task"],
        model=workload(run.predictions, per_team=length),
        baselines={
            name: workload(run.predictions, per_team=length, risk=risk).everybody
            for name, risk in run.predictions.baselines.items()
        },
    )
