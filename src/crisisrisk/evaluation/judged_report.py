"""The whole report of a model of people, from its judged rows alone: the same numbers whenever it is made."""

from typing import Any

from crisisrisk.evaluation.fairness import subgroup_report
from crisisrisk.evaluation.judged import JudgedPredictions
from crisisrisk.evaluation.person_report import person_report


def judged_report(predictions: JudgedPredictions) -> dict[str, Any]:
    """The fields of `PersonReport`, and `subgroups` as `subgroup_report` gives them, as plain values."""
    judging = predictions.judging
    report = person_report(
        predictions.risk,
        predictions.rows,
        baselines=predictions.baselines,
        probabilities=judging.probabilities,
        list_length=judging.list_length,
        seed=judging.seed,
        resamples=judging.resamples,
    )
    return {**report.as_json(), "subgroups": subgroup_report(predictions)}
