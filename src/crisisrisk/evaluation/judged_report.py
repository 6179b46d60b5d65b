"""The whole report of a model of people, from its judged rows alone: the same numbers whenever it is made."""

from typing import Any

from crisisrisk.evaluation.fairness import subgroup_report
from crisisrisk.evaluation.judged import JudgedPredictions
from crisisrisk.evaluation.person_report import PersonReport, person_report
from crisisrisk.evaluation.suspicion import suspicions

LISTABLE = ("rows", "people", "outcomes", "prevalence", "model", "baselines", "intervals", "gains")
"""What the report says of those on a caseload alone."""


def judged_report(predictions: JudgedPredictions) -> dict[str, Any]:
    """The fields of `PersonReport`, and `subgroups` as `subgroup_report` gives them, as plain values.

    `listable`: the chief figures among those on a team's caseload, whom a list can hold; None where that is everybody
    or nobody. `suspicions`: what is too good to be true, in words.
    """
    report, listable = _report(predictions), predictions.listable
    among = None if listable is None else _report(listable).as_json()
    return {
        **report.as_json(),
        "subgroups": subgroup_report(predictions),
        "listable": None if among is None else {name: among[name] for name in LISTABLE},
        "suspicions": suspicions(report.model["auroc"]),
    }


def _report(predictions: JudgedPredictions) -> PersonReport:
    judging = predictions.judging
    return person_report(
        predictions.risk,
        predictions.rows,
        baselines=predictions.baselines,
        probabilities=judging.probabilities,
        list_length=judging.list_length,
        seed=judging.seed,
        resamples=judging.resamples,
    )
