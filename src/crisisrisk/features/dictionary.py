"""The page that says what every feature means, made from the recipes themselves."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import isnan

from crisisrisk.features.aggregations import PERSON, PLACE, Aggregation
from crisisrisk.features.aggregations.declared import Example, PersonAggregation
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec, Phrases, meaning_in_words

_HEAD = """# Features

Made from the recipes beside it by `crisisrisk describe features`; a test compares the two. Every window includes its
start and excludes the as-of moment, days are multiples of 24 hours, and only what was known before that moment counts:
of a corrected contact the version known then, of a booked one nothing before it occurs.
"""


def dictionary_page(recipes: Sequence[FeatureRecipe], site_phrases: Mapping[str, Phrases]) -> str:
    """`features/DICTIONARY.md`: every column of the recipes with its meaning and its value if nothing was seen."""
    return "\n".join([_HEAD, *(_section(recipe, site_phrases) for recipe in recipes)])


def _section(recipe: FeatureRecipe, site_phrases: Mapping[str, Phrases]) -> str:
    lines = [f"## {recipe.name}: {len(recipe.specs)} features of a {recipe.subject}", ""]
    for (_, sources, where), specs in groupby(recipe.specs, key=lambda spec: (spec.group, spec.sources, spec.where)):
        lines += _group(list(specs), sources, where, site_phrases)
    return "\n".join(lines)


def _group(
    specs: Sequence[FeatureSpec],
    sources: tuple[str, ...],
    where: tuple[tuple[str, tuple[str | bool, ...]], ...],
    site_phrases: Mapping[str, Phrases],
) -> list[str]:
    only = [f"{column} is {' or '.join(str(value).lower() for value in accepted)}" for column, accepted in where]
    reads = f"Reads {', '.join(f'`{source}`' for source in sources)}." if sources else "Reads no events."
    narrowed = f" Only where {', '.join(only)}." if only else ""
    against = sorted({source for spec in specs for source in spec.other_sources})
    beside = f" Held against {', '.join(f'`{source}`' for source in against)}." if against else ""
    head = [f"### {specs[0].group}", "", reads + narrowed + beside, ""]
    table = ["| feature | meaning | window | unit | if nothing was seen |", "| --- | --- | --- | --- | --- |"]
    return [*head, *table, *(_row(spec, site_phrases) for spec in specs), ""]


def _row(spec: FeatureSpec, site_phrases: Mapping[str, Phrases]) -> str:
    meaning = meaning_in_words(spec, site_phrases)
    return f"| `{spec.name}` | {meaning} | {window_of(spec)} | {unit_of(spec) or '–'} | {if_none_in_words(spec)} |"


def window_of(spec: FeatureSpec) -> str:
    """How far back the column looks."""
    declared = _declared(spec)
    if declared is None or declared.lookback == "none":
        return "all" if spec.sources else "at that moment"
    if spec.lookback_days is None:
        return "all"
    return "24 hours" if spec.lookback_days == 1 else f"{spec.lookback_days} days"


def unit_of(spec: FeatureSpec) -> str:
    """The unit of the column's value, where it has one."""
    declared = _declared(spec)
    return declared.unit if declared else ""


def _declared(spec: FeatureSpec) -> Aggregation | None:
    return PERSON.get(spec.aggregation) or PLACE.get(spec.aggregation)


def if_none_in_words(spec: FeatureSpec) -> str:
    """The value where no event counts, as a person reads it."""
    return "not known" if isnan(spec.if_none) else f"{spec.if_none:g}"


_AGGREGATIONS_HEAD = """# Aggregations of a person's events

Written by `crisisrisk describe aggregations` from `src/crisisrisk/features/aggregations/`; do not edit. Each is
declared in one module there, with its compiled computation, its slow definition and the examples below, which are
tests of both. Of an event counts the version that was known before the as-of moment, once it had occurred.
"""


def aggregations_page() -> str:
    """`docs/reference/aggregations.md`: every registered aggregation of people, with its examples."""
    return "\n".join(
        [_AGGREGATIONS_HEAD, *(_aggregation(one) for one in sorted(PERSON.values(), key=lambda a: a.name))]
    )


def _aggregation(one: PersonAggregation) -> str:
    """One section: what it means, what exactly is computed, what a recipe must say, examples."""
    none = "not known" if isnan(one.if_none) else f"{one.if_none:g}"
    lookback = {"none": "no lookback", "needed": "a lookback in days", "weeks": "a lookback of whole weeks",
                "or_ever": 'a lookback in days, or "ever"'}[one.lookback]  # fmt: skip
    keys = {"`short_days`": one.takes_short_days, "`gap_days`": one.takes_gap_days, "`other_sources`": one.takes_other}
    takes = [lookback, *(key for key, taken in keys.items() if taken)]
    lines = [f"## {one.name}", "", one.meaning, "", one.definition, ""]
    lines += [f"Takes {', '.join(takes)}. Unit: {one.unit}. Where nothing was seen: {none}.", ""]
    return "\n".join(lines + [line for example in one.examples for line in _example(example)])


def _example(example: Example) -> list[str]:
    value = "not known" if isnan(example.value) else f"{example.value:.7g}"
    known = [f"{key}: {said}" for key, said in example.people.items()]
    return [
        f"{example.says} As of {example.as_of}: **{value}**.", "", "```toml", example.group, "```", "",
        "```text", *known, example.table.strip(), "```", "",
    ]  # fmt: skip
