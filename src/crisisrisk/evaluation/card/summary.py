"""The plain-language summary at the top of a trust sheet."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from crisisrisk.evaluation.card.rule_words import rule_words

SAID = 0.10
"""The number whose meaning the summary tells."""


def summary_lines(content: Mapping[str, Any], report: Mapping[str, Any]) -> list[str]:
    """A few sentences for somebody who has never seen such a model."""
    return [
        f"It estimates, for each person on a team's caseload, the chance of contact with a crisis service in the next "
        f"{content['horizon_days']} days, so that a care coordinator knows whom to look at first.",
        *_doubts(report),
        *_lists(content, report),
        *_on_caseloads(report),
        *_ahead(content),
        *_meaning(content, report),
        "It reads what agencies recorded and sent. Someone whose records are missing looks quiet to it. A small number "
        "is no reassurance, and it says nothing about harm.",
    ]


def _lists(content: Mapping[str, Any], report: Mapping[str, Any]) -> list[str]:
    model, *rules = content["baselines"]
    interval = report["intervals"]["precision_at_k"]
    if model["precision_at_k"] is None or interval["lower"] is None:
        return ["Too few people on its lists had a crisis contact to say how useful they were."]
    told = [(rule["precision_at_k"], rule_words(rule["name"])) for rule in rules if rule["precision_at_k"]]
    beside = f"; of the simple rules the best ({max(told)[1]}) reached {_hundred(max(told)[0])}" if told else ""
    return [
        f"Of 100 names on its lists ({content['list_length']} a team and week), {_hundred(model['precision_at_k'])} "
        f"({_hundred(interval['lower'])} to {_hundred(interval['upper'])}) had a crisis contact within "
        f"{content['horizon_days']} days{beside}; names picked by chance, {_hundred(report['prevalence'])}."
    ]


def _doubts(report: Mapping[str, Any]) -> list[str]:
    return [f"Too good to be true: {doubt}." for doubt in report.get("suspicions", ())]


def _on_caseloads(report: Mapping[str, Any]) -> list[str]:
    """Whether it still ranks among those whom a list can hold."""
    listable = report.get("listable")
    if listable is None or listable["model"]["auprc"] is None:
        return []
    best, name = max((values["auprc"] or 0.0, name) for name, values in listable["baselines"].items())
    return [
        f"Among those on a team's caseload alone, whom a list can hold, its AUPRC (the mean share of crisis contacts "
        f"down the list, 1 at most) is {listable['model']['auprc']:.3f}; of the simple rules the best "
        f"({rule_words(name)}) reaches {best:.3f}."
    ]


def _ahead(content: Mapping[str, Any]) -> list[str]:
    everybody = content["workload"]["teams"][-1]
    if everybody["listed_first"] is None or everybody["days_ahead"] is None:
        return []
    return [
        f"Of 100 crises, {_hundred(everybody['listed_first'])} were of people who had been on a list in the "
        f"{content['horizon_days']} days before, half of them {everybody['days_ahead'][1]:.0f} days or more before. "
        f"The others were not listed."
    ]


def _meaning(content: Mapping[str, Any], report: Mapping[str, Any]) -> list[str]:
    curve = report["calibration"]
    known = [(said, *ends) for said, *ends in zip(curve["said"], curve["happened"], curve["lower"], curve["upper"],
                                                  strict=True) if None not in ends]  # fmt: skip
    if len(known) < 2 or not known[0][0] <= SAID <= known[-1][0]:
        return []
    said, happened, lower, upper = np.array(known, dtype=np.float64).T
    at = [float(np.interp(SAID, said, values)) for values in (happened, lower, upper)]
    return [
        f"Where it says “about {_hundred(SAID)} in 100”, {_hundred(at[0])} in 100 ({_hundred(at[1])} to "
        f"{_hundred(at[2])}) had a crisis contact in the next {content['horizon_days']} days."
    ]


def _hundred(share: float) -> str:
    return f"{100 * share:.0f}"
