"""The UK's Algorithmic Transparency Recording Standard, both tiers, filled in as far as the run and the site know.

Headings follow version 3 of its template; a site checks them against the current one before it publishes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crisisrisk.disclosure import shown_count
from crisisrisk.evaluation.card.rule_words import rule_words
from crisisrisk.evaluation.card.tripod import SITE

if TYPE_CHECKING:
    from crisisrisk.evaluation.card.content import SiteFacts

Fields = list[tuple[str, str]]


def transparency_record(content: Mapping[str, Any], site: "SiteFacts") -> list[dict[str, Any]]:
    """The sections of the record, each with its fields. Blanks say who fills them in."""
    sections: dict[str, Fields] = {
        "Tier 1: overview": _overview(content, site),
        "Tier 2: owner and responsibility": _owner(site),
        "Tier 2: description and rationale": _description(content),
        "Tier 2: decision-making process": _process(content),
        "Tier 2: tool specification": _tool(content),
        "Tier 2: development data": _data(content),
        "Tier 2: operational data": _operation(content, site),
        "Tier 2: risks, mitigations and impact assessments": _risks(site),
    }
    return [
        {"section": name, "fields": [{"label": label, "value": value or SITE} for label, value in fields]}
        for name, fields in sections.items()
    ]


def _overview(content: Mapping[str, Any], site: "SiteFacts") -> Fields:
    return [
        ("Name", f"{_named(content)}, at {site.name}"),
        ("Description", f"{content['summary'][0]} It is used to order attention, never to decide."),
        ("Website URL", ""),
        ("Contact email", ""),
    ]


def _named(content: Mapping[str, Any]) -> str:
    return str(content["title"]).removeprefix("Trust sheet: ").capitalize()


def _owner(site: "SiteFacts") -> Fields:
    return [
        ("Organisation or department", site.name),
        ("Team", ""),
        ("Senior responsible owner", ""),
        ("Clinical safety officer", site.clinical_safety_officer),
        ("Third party involvement", ""),
    ]


def _description(content: Mapping[str, Any]) -> Fields:
    return [
        ("Detailed description", " ".join(content["summary"])),
        ("Scope", next(one["value"] for one in content["facts"] if one["label"] == "For whom")),
        ("Not in scope", " ".join(content["not_for"])),
        ("Benefit", content["summary"][1]),
        ("Previous process", ""),
        ("Alternatives considered", "simple rules, reported beside it: "
         + ", ".join(rule_words(one["name"]) for one in content["baselines"][1:])),
    ]  # fmt: skip


def _process(content: Mapping[str, Any]) -> Fields:
    return [
        ("Process integration", "A care coordinator sees the people of their own team in order of the number, with "
         "reasons tied to dated contacts. People in hospital, in a known crisis episode or without data are pinned and "
         "named as that."),
        ("Provided information", "a probability in words with its horizon, reasons up and down, what is not known, and "
         "how old the data are"),
        ("Frequency and scale of usage", f"lists of {content['list_length']} people a team; how often is "
         + SITE),
        ("Human decisions and review", "every decision is a person's; the number starts none"),
        ("Required training", ""),
        ("Appeals and review", ""),
    ]  # fmt: skip


def _tool(content: Mapping[str, Any]) -> Fields:
    method = next(one["value"] for one in content["facts"] if one["label"] == "Method")
    versions = ", ".join(f"{name} {version}" for name, version in content["versions"].items())
    return [
        ("System architecture", "self-hosted; files of agencies become checked tables, features, a verified model "
         "bundle and a service with access control and an audit trail"),
        ("Phase", ""),
        ("Maintenance", "every run is tracked; a newer model answers only after it was compared and promoted by name"),
        ("Model name and version", f"{_named(content)}, run {content['run_id']}"),
        ("Model task", next(one["value"] for one in content["facts"] if one["label"] == "What is predicted")),
        ("Model input", "dated contacts and what was known of the person at the date; never what became known later"),
        ("Model output", "a probability between 0 and 1"),
        ("Model architecture", method),
        ("Model performance", content["summary"][1]),
        ("Software", versions),
    ]  # fmt: skip


def _data(content: Mapping[str, Any]) -> Fields:
    last = content["flow"][-1] if content["flow"] else {"people_left": "", "rows_left": ""}
    groups = ", ".join(one["meaning"].lower() for one in content["subgroups"])
    quantity = f"{shown_count(last['rows_left'])} rows of {shown_count(last['people_left'])} people"
    return [
        ("Description", "contacts of people with the agencies named below"),
        ("Modality", "tabular"),
        ("Quantity", quantity if content["flow"] else ""),
        ("Sensitive attributes", f"results are shown by: {groups}" if groups else ""),
        ("Completeness and representativeness", "see who was judged, subgroups, and how fresh the data were"),
        ("Data collection and cleaning", "rows that a mapping cannot read are quarantined with the reason"),
        ("Data sharing agreements", ""),
        ("Data access and storage", "identifiers become keyed pseudonyms before anything is stored"),
    ]  # fmt: skip


def _operation(content: Mapping[str, Any], site: "SiteFacts") -> Fields:
    sources = ", ".join(f"{one['name']}" for one in content["freshness"])
    return [
        ("Data sources", sources),
        ("Agencies", ", ".join(one.replace("_", " ").replace("nhs", "NHS") for one in site.agencies)),
        ("Lawful basis", ""),
        ("Retention", ""),
    ]


def _risks(site: "SiteFacts") -> Fields:
    return [
        ("Impact assessment", site.impact_assessment),
        ("Risk: a number is read as reassurance", "no bands, no list that suggests stepping down, and words beside "
         "every number"),
        ("Risk: missing records read as quiet", "silence is typed, late sources are named, and expired numbers are not "
         "shown"),
        ("Risk: groups are served differently", "results by subgroup above, to which a candidate is held"),
        ("Risk: people trust it too much", "reasons with dates, what is not known, and a recorded human decision"),
        ("Hazard log", ""),
    ]  # fmt: skip
