"""The page that says what every feature means, made from the recipes themselves."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import isnan

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
    head = [f"### {specs[0].group}", "", reads + narrowed, ""]
    table = ["| feature | meaning | if nothing was seen |", "| --- | --- | --- |"]
    return [*head, *table, *(_row(spec, site_phrases) for spec in specs), ""]


def _row(spec: FeatureSpec, site_phrases: Mapping[str, Phrases]) -> str:
    return f"| `{spec.name}` | {meaning_in_words(spec, site_phrases)} | {if_none_in_words(spec)} |"


def if_none_in_words(spec: FeatureSpec) -> str:
    """The value where no event counts, as a person reads it."""
    return "not known" if isnan(spec.if_none) else f"{spec.if_none:g}"
