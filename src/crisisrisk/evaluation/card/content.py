"""What a trust sheet says, as plain values fit for release: counts are rounded, shares that tell small ones left out.

It reads what a run left behind (report, recipe, judged rows) and the site's own configuration, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crisisrisk.disclosure import released_count, shown_count
from crisisrisk.evaluation.card.released import by_bin, by_door, by_subgroup, by_team, by_week, cohort_flow
from crisisrisk.evaluation.card.summary import summary_lines
from crisisrisk.evaluation.card.transparency import transparency_record
from crisisrisk.evaluation.card.tripod import tripod_items
from crisisrisk.evaluation.fairness import FEWEST_OUTCOMES, FEWEST_PEOPLE
from crisisrisk.evaluation.judged import JudgedPredictions
from crisisrisk.evaluation.slices import plain_values
from crisisrisk.evaluation.workload import workload

METRICS = (
    ("precision_at_k", "Of the names on lists, the share with a crisis contact"),
    ("recall_at_k", "Of the people with a crisis contact, the share on lists"),
    ("auroc", "AUROC: how often someone with a crisis contact is above someone without"),
    ("auprc", "AUPRC: average precision down the list"),
    ("auprc_over_prevalence", "AUPRC ÷ what chance reaches"),
    ("sensitivity_at_85_specificity", "Share of those with a crisis contact found while 85 in 100 others are spared"),
    ("calibration_in_the_large", "Calibration in the large: 0 is right, above 0 more happened than was said"),
    ("calibration_slope", "Calibration slope: 1 is right, under 1 numbers are too extreme"),
    ("calibration_intercept", "Calibration intercept: 0 is right"),
    ("ici", "ICI: mean distance between what was said and what happened"),
    ("e50", "E50: half of the people are nearer than this"),
    ("e90", "E90: nine in ten are nearer than this"),
    ("brier", "Brier score: mean squared distance, 0 is best"),
    ("scaled_brier", "Scaled Brier score: 0 is saying the same of everybody, 1 is perfect"),
)  # fmt: skip

_CALIBRATED = {
    "platt": "its scores made chances by a curve of two numbers (Platt)",
    "isotonic": "its scores made chances by steps that only rise (isotonic)",
    "venn_abers": "its scores made chances by steps that only rise, twice (Venn–Abers)",
    "best": "its scores made chances by whichever calibration did best on rows that it had not seen",
}
NOT_FOR = (
    "It is about contact with crisis services and nothing else. It does not measure harm, danger or severity.",
    "A small number is no reassurance, and absence from a list is no evidence that someone is well.",
    "Nothing may be withheld, ended or delayed because of a number, and nobody is stepped down by it.",
    "It decides nothing. It orders attention; a person who knows the case decides, and records the decision.",
    "Numbers of people are for their own care team. No police, commissioner's or crisis team's view of people exists.",
    "It may not be used for people under 18, for people outside the cohort below, or at another site without being "
    "judged again there.",
    "A reason says which records moved the number. It is no cause, and does not say what would help.",
)


@dataclass(frozen=True, kw_only=True)
class SiteFacts:
    """What the site's configuration knows. Empty text where it says nothing."""

    name: str
    clinical_safety_officer: str = ""
    impact_assessment: str = ""
    person_scores_on: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)
    """Name of each source, and what its records are called."""
    agencies: tuple[str, ...] = ()
    teams: Mapping[str, str] = field(default_factory=dict)
    """Name of each team by its id."""

    def source_words(self, source: str) -> str:
        """What the records of a source are called; its name where the site does not say."""
        return self.sources.get(source, source.replace("_", " "))


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What a run left behind: the whole of `report.json`, the training recipe as plain values, the judged rows."""

    run_id: str
    content: Mapping[str, Any]
    recipe: Mapping[str, Any]
    predictions: JudgedPredictions


def card_content(run: RunFacts, site: SiteFacts) -> dict[str, Any]:
    """The whole sheet as plain values, every count of it fit for release."""
    report, recipe = told_report(run.content["report"]), run.recipe
    lists = workload(run.predictions, per_team=report["list_length"])
    listed = sum(week.names for week in lists.weeks)
    content = {
        "title": f"Trust sheet: contact with a crisis service within {recipe['outcome']['horizon_days']} days",
        "task": run.content["task"],
        "kind": run.content.get("kind", ""),
        "run_id": run.run_id,
        "recipe_fingerprint": run.content["recipe_fingerprint"],
        "site": site.name,
        "judged_on": run.content["judged_on"],
        "list_length": report["list_length"],
        "horizon_days": recipe["outcome"]["horizon_days"],
        "facts": _facts(run, site),
        "flow": cohort_flow(run.content["attrition"]),
        "doors": by_door(run.content["report"].get("outcome", {})),
        "not_for": list(NOT_FOR),
        "baselines": _baselines(report, listed),
        "metrics": _metrics(report),
        "calibration": {**report["calibration"], "bins": by_bin(run.content["report"]["calibration"]["bins"])},
        "net_benefit": report["net_benefit"],
        "weekly": by_week(report["weekly"], [week.names for week in lists.weeks]),
        "workload": {**by_team(lists, site.teams), "horizon_days": lists.horizon_days},
        "subgroups": [by_subgroup(one, site.teams) for one in report["subgroups"]],
        "features": list(run.content.get("moves", ())),
        "freshness": _freshness(run.content.get("about", {}), site),
        "versions": dict(run.content.get("about", {}).get("versions", {})),
    }
    content["summary"] = summary_lines(content, report)
    content["transparency_record"] = transparency_record(content, site)
    content["tripod"] = tripod_items()
    return dict(plain_values(content))


def told_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report with no number of how the model did where all its rows are too few to say, as in a subgroup."""
    if _enough(report):
        listable = report.get("listable")
        return {**report, "listable": listable if listable and _enough(listable) else None}

    def nothing(value: Any) -> Any:
        return {key: nothing(inner) for key, inner in value.items()} if isinstance(value, Mapping) else None

    silenced = {name: nothing(report[name]) for name in ("model", "baselines", "spread", "intervals", "gains")}
    curve: dict[str, list[float]] = {name: [] for name in ("said", "happened", "lower", "upper")}
    return {**report, **silenced, "calibration": curve, "net_benefit": [], "listable": None, "suspicions": []}


def _enough(report: Mapping[str, Any]) -> bool:
    return bool(report["people"] >= FEWEST_PEOPLE and report["outcomes"] >= FEWEST_OUTCOMES)


def _facts(run: RunFacts, site: SiteFacts) -> list[dict[str, str]]:
    recipe, report = run.recipe, run.content["report"]
    outcome, cohort, split = recipe["outcome"], recipe["cohort"], recipe["split"]
    rows = {
        "What is predicted": f"{outcome['meaning']}: a new episode begins within {outcome['horizon_days']} days",
        "What counts": _outcome_words(outcome, site),
        "A new episode": f"begins {outcome['stable_gap_days']} days or more after the last such contact",
        "A death within the horizon": {
            "censor": "leaves the row out, also where the outcome came first", "composite": "counts as the outcome",
            "negative": "counts as no outcome",
        }[outcome["death"]],
        "A move away within the horizon": {"censor": "leaves the row out", "negative": "counts as no outcome"}[
            outcome["moved"]
        ],
        "For whom": _cohort_words(cohort),
        "When": f"every {recipe['grid']['every'].removeprefix('1 ')}"
        if split["kind"] == "time" else "at each date of data without a calendar",
        "Trained on": run.content["judged_on"].split(", judged")[0].removeprefix("trained on "),
        "Judged on": f"{_count(report['rows'])} rows of {_count(report['people'])} people, of which "
        f"{_count(report['outcomes'])} were followed by the outcome; no row of them shaped the model",
        "Lists": f"the {report['list_length']} people of each team with the highest numbers",
        "Method": _method(run, recipe),
        "Missing values": "are kept as “not known”; a source that is silent is never read as “nothing happened”",
        "Intervals": f"95 %, {recipe['report']['bootstrap_samples']} resamples of whole people",
        "Small numbers": "counts of 1 to 7 are not shown, others are rounded to the nearest 5",
    }  # fmt: skip
    return [{"label": label, "value": value} for label, value in rows.items()]


def _count(count: int) -> str:
    return shown_count(released_count(count))


def _method(run: RunFacts, recipe: Mapping[str, Any]) -> str:
    trees = run.content.get("trees", 0)
    what = f"{trees} boosted trees (LightGBM)" if trees else "a formula of one or more named counts"
    return f"{what} on {run.content['features']:,} features, {_CALIBRATED[recipe['model']['calibration']]}"


def _outcome_words(outcome: Mapping[str, Any], site: SiteFacts) -> str:
    named = [site.source_words(source) for source in outcome["sources"]]
    named += [f"some {site.source_words(source)}" for source, _ in (*outcome["codes"], *outcome["outcomes"])]
    if outcome["crisis_flag"]:
        named.append("every contact that its agency flagged as a crisis")
    return "; ".join(named)


def _cohort_words(cohort: Mapping[str, Any]) -> str:
    parts = [f"people of {cohort['minimum_age']} and over" if cohort["minimum_age"] else "people of any age"]
    if cohort["minimum_age"] and cohort.get("unknown_age") == "keep":
        parts.append("or of unknown age")
    if cohort["seen_within_days"]:
        parts.append(f"with a contact in the last {cohort['seen_within_days']} days")
    if cohort["minimum_history_days"]:
        parts.append(f"known for {cohort['minimum_history_days']} days or longer")
    return (
        ", ".join(parts)
        + "; not those who objected, are in hospital or in a known crisis episode (they are shown as that)"
    )


def _baselines(report: Mapping[str, Any], listed: int) -> list[dict[str, Any]]:
    """The model, then each simple rule, with what the model gains over it."""
    rows = [{"name": "model", **_ranks(report["model"], listed)}]
    for name, values in report["baselines"].items():
        gains = report["gains"][name]
        rows.append({"name": name, **_ranks(values, listed),
                     "gain": {metric: gains[metric] for metric in ("precision_at_k", "auprc", "auroc")}})  # fmt: skip
    return rows


def _ranks(values: Mapping[str, Any], listed: int) -> dict[str, Any]:
    hits = 0 if values["precision_at_k"] is None else round(values["precision_at_k"] * listed)
    told = values["precision_at_k"] if not 0 < hits < 8 else None
    return {"precision_at_k": told, "recall_at_k": values["recall_at_k"] if told is not None else None,
            "auprc": values["auprc"], "auroc": values["auroc"]}  # fmt: skip


def _metrics(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "meaning": meaning, "spread": report["spread"]["model"].get(name),
         **{end: report["intervals"][name][end] for end in ("value", "lower", "upper")}}
        for name, meaning in METRICS
    ]  # fmt: skip


def _freshness(about: Mapping[str, Any], site: SiteFacts) -> list[dict[str, Any]]:
    complete: Mapping[str, str] = about.get("complete_to", {})
    return [
        {"source": source, "name": site.source_words(source), "complete_to": moment}
        for source, moment in sorted(complete.items())
    ]
