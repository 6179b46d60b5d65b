"""What the report of a model of places says, fit to leave the site: no count of 1 to 7, others to the nearest 5.

Ratios and means are computed from the rounded numbers, shares of few are withheld, and what is told of one place is
what `place_record` allows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crisisrisk.disclosure import Released, released_count, released_share
from crisisrisk.evaluation.card.rule_words import in_words
from crisisrisk.evaluation.place_affected import WARNING
from crisisrisk.evaluation.place_record import FEWER, MORE
from crisisrisk.evaluation.slices import plain_values

NOT_FOR = (
    "Saying that a place is safe. A low number is never reassurance: what no agency recorded is not in it.",
    "Naming, following or judging anybody. It is about places and shifts; nobody is in it.",
    "Sending anyone against somebody. It is there so that help is near, and its outcome is contact with a crisis "
    "service.",
    "Measuring what a team achieves. Where a team stands it changes what is recorded there.",
)
CALIBRATED_BY = {
    "kind_of_shift": "Kind of shift", "tenth_of_forecast": "Tenth of the forecast, from the lowest",
    "deprivation": "Fifth of deprivation",
}  # fmt: skip
TOO_GOOD = 4
"""So many spreads below the floor a deviance is taken for leakage."""


@dataclass(frozen=True, kw_only=True)
class PlaceFacts:
    """What a report is of: a run, or a backtest (without a run's id)."""

    title: str
    site: str
    task: str
    run_id: str | None
    recipe_fingerprint: str
    judged_on: str
    report: Mapping[str, Any]
    """As `PlaceReport.as_json` gives it, with `intervals`, `places` and the rest."""
    attrition: Sequence[Mapping[str, Any]] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    """Name of each source, and what its records are called."""


def place_content(facts: PlaceFacts) -> dict[str, Any]:
    """Plain values for the page and for JSON."""
    report = facts.report
    best = report["best_baseline"]
    content = {
        "title": facts.title, "site": facts.site, "task": facts.task, "run_id": facts.run_id,
        "recipe_fingerprint": facts.recipe_fingerprint, "judged_on": facts.judged_on,
        "summary": _summary(report), "not_for": list(NOT_FOR), "best_baseline": best,
        "cells": report["cells"], "shifts": report["shifts"], "events": released_count(report["events"]),
        "panel": _panel(report), "ranking": _ranking(report, best), "churn": report["churn"],
        "levels": [_level(name, one, report) for name, one in report["by_level"].items()],
        "kinds": [_kind(one) for one in report["by_kind"]],
        "issue_times": [_issue_time(one, report["events"]) for one in report.get("issue_times", ())],
        "rosters": _rosters(report.get("roster")),
        "calibration": _calibration(report), "pit": report["by_level"]["cell"]["pit"],
        "area_pit": report["by_level"]["area"]["pit"], "coverage": _coverage(report.get("intervals")),
        "places": list(report.get("places", ())), "flagged_places": _flagged(report.get("places", ())),
        "groups": list(report.get("groups", ())), "flagged_days": [
            {**one, "name": facts.sources.get(one["source"], one["source"])} for one in report.get("flagged_days", ())
        ],
        "left_out": dict(report["left_out"]), "affected": _affected(report.get("treatment_affected"), facts.sources),
        "steps": [{"meaning": one["meaning"], "left": released_count(one["events_left"])} for one in facts.attrition],
    }  # fmt: skip
    return dict(plain_values(content))


def _summary(report: Mapping[str, Any]) -> list[str]:
    """The first sentence is whether the model is worth anything beside the simple rules."""
    verdict = in_words(str(report["verdict"]))
    model, floor = report["model"], report["floor"]
    origins = report.get("origins_told", f"{report['origins']} origin" + ("s" if report["origins"] != 1 else ""))
    count = released_count(report["events"])
    lines = [
        f"{verdict[0].upper()}{verdict[1:]}.",
        f"It says how many contacts with a crisis service to expect in each of {report['cells']:,} places in each "
        f"shift. It was judged on {report['shifts']:,} shifts after {origins}, with {_about(count)} contacts; each "
        f"forecast knew only what was known when it was issued. An origin is a moment from which it looked ahead.",
        f"Deviance says how far what came lay from what was said: less is better. Counts drawn from the forecast "
        f"itself would leave a deviance of {floor['mean']:.4f} (±{2 * (floor['spread'] or 0):.4f}); the model has "
        f"{model['deviance']:.4f}. No forecast of such counts does better than that on average.",
    ]
    if (ratio := _ratio(model["calibration_ratio"], report["events"])) is not None:
        lines.append(f"For every 100 contacts that it expected, {100 * ratio:.0f} came.")
    if (hit := _share(model["hit_rate"]["5"], report["events"])) is not None:
        lines.append(f"Of 100 contacts, {100 * hit:.0f} were in the 5 % of the area that it put first in their shift.")
    if floor["spread"] and model["deviance"] < floor["mean"] - TOO_GOOD * floor["spread"]:
        lines.append("Too good to be true: take it for leakage of the future until shown otherwise.")
    lines.append("Where little is recorded little is expected. A small number is no reassurance.")
    return lines


def _ratio(ratio: float | None, events: int) -> float | None:
    """Events ÷ expected, of the rounded number of events; None where that may not be told."""
    count = released_count(events)
    return None if ratio is None or not isinstance(count, int) or not events else ratio * count / events


def _about(count: Released) -> str:
    return count if isinstance(count, str) else f"about {count:,}"


def _panel(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The model, then every baseline, best first."""
    order = sorted(report["baselines"], key=lambda name: report["baselines"][name]["deviance"])
    more, shown = report["more_gains"], []
    for name, one in [("model", report["model"]), *((name, report["baselines"][name]) for name in order)]:
        gains = {} if name == "model" else {
            "deviance": report["gains"][name], **{score: more[score][name] for score in ("log_score", "rps")},
        }  # fmt: skip
        shown.append(
            {
                "name": name, **{score: one[score] for score in ("deviance", "log_score", "rps", "dawid_sebastiani")},
                "calibration_ratio": _ratio(one["calibration_ratio"], report["events"]),
                "coverage": one["coverage"]["80"], "coverage_exact": one["coverage_exact"]["80"], "gains": gains,
            }
        )  # fmt: skip
    return shown


def _ranking(report: Mapping[str, Any], best: str) -> list[dict[str, Any]]:
    """Hit rate, PAI and PEI* of the model, the best baseline and the map of the year; withheld where they catch few."""
    chosen = dict.fromkeys(("model", best, "trailing_365_days"))
    found = []
    for name in chosen:
        one = report["model"] if name == "model" else report["baselines"].get(name)
        if one is None:
            continue
        rows = [
            _caught(f"{percent} % of the area", one["hit_rate"][percent], one["pai"][percent], one["pei"][percent],
                    report["events"])
            for percent in one["hit_rate"]
        ]  # fmt: skip
        if teams := one.get("teams"):
            where = f"the {teams['cells_a_shift']:.3g} places a shift that the teams on duty can cover"
            rows.append(_caught(where, teams["hit_rate"], teams["pai"], teams["pei"], report["events"]))
        found.append({"name": name, "capture": one["capture"], "rows": rows})
    return found


def _caught(where: str, hit: float | None, pai: float | None, pei: float | None, events: int) -> dict[str, Any]:
    share = _share(hit, events)
    return {"where": where, "hit_rate": share, "pai": None if share is None else pai,
            "pei": None if share is None else pei}  # fmt: skip


def _share(share: float | None, events: int) -> float | None:
    """A share of the events; None where it is of 1 to 7 of them, or leaves as few."""
    return None if share is None else released_share(round(share * events), events)


def _level(name: str, one: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
    best, events = one["best_baseline"], released_count(report["events"])
    rows = report["shifts"] * one["series"]
    mean = round(events / rows, 3) if isinstance(events, int) and rows else None
    scores = ("deviance", "log_score", "rps", "mase", "rmsse")
    return {
        "level": name, "series": one["series"], "mean": mean, "floor": one["floor"]["mean"],
        "best_baseline": best, "skill": one["skill"], "gain": one["gains"][best],
        "model": {score: one["model"][score] for score in scores},
        "best": {score: one["baselines"][best][score] for score in scores},
        "baselines": {rule: {score: values[score] for score in scores} for rule, values in one["baselines"].items()},
    }  # fmt: skip


def _kind(one: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: one[name] for name in ("kind", "shifts", "model", "best_baseline", "gain")}
    return {**told, "events": released_count(one["events"])}


def _issue_time(one: Mapping[str, Any], events: int) -> dict[str, Any]:
    hits = {who: _share(one[who]["5"], events) for who in ("hit_rate", "best_baseline_hit_rate")}
    return {**{name: one[name] for name in ("hours", "deviance", "best_baseline", "skill", "gain")}, **hits}


def _rosters(found: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Rosters by level and days ahead, beside the same shift of 8 and of 52 weeks; none where they were not judged."""
    return [
        {"level": level, "span": span, **{name: one[name] for name in ("deviance", "baselines", "gains", "cover")}}
        for level, spans in (found or {}).get("levels", {}).items()
        for span, one in spans.items()
    ]


def _calibration(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Groups of what was expected and what came; the ratio is of the rounded numbers, and withheld with them."""
    found = report["calibration"]
    return [
        {"by": by, "groups": [_group(one) for one in found[name]]}
        for name, by in CALIBRATED_BY.items()
        if name in found
    ]


def _group(one: Mapping[str, Any]) -> dict[str, Any]:
    events, expected = released_count(one["events"]), released_count(round(one["expected"]))
    told = isinstance(events, int) and isinstance(expected, int) and events > 0 and expected > 0
    ratio = int(events) / int(expected) if told else None
    return {"group": one["group"], "expected": expected, "events": events, "ratio": ratio}


def _coverage(intervals: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """By stratum how often counts lay inside, beside the exact chance."""
    if not intervals:
        return []
    named = [("all places and shifts", intervals["all_cells"]), ("all shifts, totals", intervals["all_shifts"])]
    named += [(_stratum(one), one) for one in intervals["cells"]]
    return [
        {
            "stratum": name, "rows": one["rows"],
            **{level: {"inside": _inside(one[level]["inside"], one["rows"]), "exact": one[level]["exact"]}
               for level in ("50", "80", "95")},
        }
        for name, one in named
    ]  # fmt: skip


def _inside(share: float, rows: int) -> float | None:
    return released_share(round(share * rows), rows)


def _stratum(one: Mapping[str, Any]) -> str:
    dense = {0: "residents not known", 1: "fewest residents per km²", 2: "middling", 3: "most residents per km²"}
    ends = f"from {one['from']:g}" if one["to"] is None else f"{one['from']:g} to {one['to']:g}"
    return f"{one['kind']}, {dense.get(one['density'], one['density'])}, {ends} expected"


def _flagged(places: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many places had more or fewer contacts than the forecast's own scatter allows."""
    return {says: sum(one["says"] == says for one in places) for says in (MORE, FEWER)}


def _affected(affected: Mapping[str, Any] | None, named: Mapping[str, str]) -> dict[str, Any] | None:
    if not affected:
        return None
    kinds = " and ".join(named.get(source, source) for source in affected["sources"])
    return {
        "warning": WARNING.format(sources=kinds),
        "rows": [
            {"name": f"{name} {kinds}", "events": released_count(affected[name]["events"]),
             "hit_rate": _share(affected[name]["hit_rate"]["5"], affected[name]["events"])}
            for name in ("with", "without")
        ],
    }  # fmt: skip
