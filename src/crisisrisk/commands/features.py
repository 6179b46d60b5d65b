"""Features by themselves: listed, explained, and built as a matrix for whoever wants one."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from crisisrisk.commands.outputs import require_ending
from crisisrisk.errors import UsageError, did_you_mean
from crisisrisk.features.aggregations import PERSON
from crisisrisk.features.dictionary import dictionary_page, unit_of, window_of
from crisisrisk.features.explain import Drawn, drawn
from crisisrisk.features.published import person_features_page
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec, Phrases, meaning_in_words
from crisisrisk.shipped import shipped
from crisisrisk.tables.site import Site, read_configuration

RECIPES = ("person.toml", "place.toml")
BASELINES = "baselines.toml"
"""Columns of the simple rules; most are those of `person.toml` again."""


@dataclass(frozen=True, kw_only=True)
class FeatureLine:
    """One column, as a list shows it."""

    subject: str
    name: str
    meaning: str

    def as_json(self) -> dict[str, Any]:
        return {"subject": self.subject, "name": self.name, "meaning": self.meaning}


@dataclass(frozen=True, kw_only=True)
class ExplainedFeature:
    """Everything the recipe says of one column."""

    subject: str
    spec: FeatureSpec
    meaning: str
    example: Drawn | None = None
    """None for a column of places."""

    @property
    def definition(self) -> str:
        """What exactly is computed; empty for a column of places."""
        return PERSON[self.spec.aggregation].definition if self.subject == "person" else ""

    def as_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "name": self.spec.name,
            "meaning": self.meaning,
            "definition": self.definition,
            "aggregation": self.spec.aggregation,
            "unit": unit_of(self.spec),
            "sources": list(self.spec.sources),
            "where": {column: list(values) for column, values in self.spec.where},
            "other_sources": list(self.spec.other_sources),
            "lookback_days": self.spec.lookback_days,
            "gap_days": self.spec.gap_days,
            "if_none": _if_none(self.spec),
        }

    def as_text(self) -> str:
        where = " · ".join(f"{column} {' or '.join(map(str, values))}" for column, values in self.spec.where)
        lines = [
            f"{self.spec.name}  ({self.subject}, {self.spec.aggregation})",
            self.meaning,
            *([self.definition] if self.definition else []),
            f"  sources               {', '.join(self.spec.sources) or 'none: it reads no events'}",
            f"  only where            {where or 'any'}",
            *([f"  held against          {', '.join(self.spec.other_sources)}"] if self.spec.other_sources else []),
            *([f"  so many days means    {self.spec.gap_days}"] if self.spec.gap_days else []),
            f"  window                {window_of(self.spec)}, by what was known before the moment asked for",
            *([f"  unit                  {unit_of(self.spec)}"] if unit_of(self.spec) else []),
            f"  if nothing was seen   {_if_none(self.spec)}",
        ]
        if self.example is not None and self.spec.sources:
            lines += ["", "An invented history, and what the column is of it:", "", self.example.as_text(self.spec)]
        return "\n".join(lines)


@dataclass(frozen=True, kw_only=True)
class BuiltFeatures:
    """What `features build` wrote."""

    subject: str
    rows: int
    features: int
    seconds: float
    out: Path

    def as_json(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "rows": self.rows,
            "features": self.features,
            "seconds": round(self.seconds, 3),
            "out": str(self.out),
        }


def _if_none(spec: FeatureSpec) -> str:
    return "not known" if spec.if_none != spec.if_none else f"{spec.if_none:g}"


def site_phrases(site: Site) -> Mapping[str, Phrases]:
    """What the site calls the events of each source."""
    return {name: Phrases(source.singular, source.plural) for name, source in site.sources.items()}


def site_recipes(site: Site) -> list[FeatureRecipe]:
    """The site's own copies of the shipped feature recipes; the shipped ones where it has no copy of any."""
    own = [path for name in RECIPES if (path := site.path / "features" / name).is_file()]
    paths = own or [shipped("features") / name for name in RECIPES]
    return [read_feature_recipe(path, sources=site.sources, declared=site.declared) for path in paths]


def feature_list(site: Site) -> list[FeatureLine]:
    """Every column of the site's recipes."""
    phrases = site_phrases(site)
    return [
        FeatureLine(subject=recipe.subject, name=spec.name, meaning=meaning_in_words(spec, phrases))
        for recipe in site_recipes(site)
        for spec in recipe.specs
    ]


def explain_feature(site: Site, name: str) -> ExplainedFeature:
    """One column by its name. Raises UsageError naming the nearest when there is none."""
    found = {spec.name: (recipe.subject, spec) for recipe in site_recipes(site) for spec in recipe.specs}
    if name not in found:
        raise UsageError("CR-USE-001", f'no feature "{name}"', hint=_near(name, list(found)))
    subject, spec = found[name]
    meaning = meaning_in_words(spec, site_phrases(site))
    example = drawn(spec, zone=site.time_zone) if subject == "person" else None
    return ExplainedFeature(subject=subject, spec=spec, meaning=meaning, example=example)


def shipped_dictionary() -> str:
    """features/DICTIONARY.md: every column of the shipped recipes, in the words of a new site."""
    site = _new_site()
    return dictionary_page([_shipped_recipe(name, site) for name in (*RECIPES, BASELINES)], site_phrases(site))


def published_comparison() -> str:
    """docs/explanation/person-features.md: the published list of features, and ours beside it."""
    site = _new_site()
    return person_features_page(_shipped_recipe(RECIPES[0], site), site_phrases(site))


def _new_site() -> Site:
    return read_configuration(files("crisisrisk.commands").joinpath("site_template.toml").read_text(encoding="utf-8"))


def _shipped_recipe(name: str, site: Site) -> FeatureRecipe:
    return read_feature_recipe(shipped("features") / name, sources=site.sources, declared=None)


def _near(name: str, known: list[str]) -> str:
    hint = did_you_mean(name, known)
    return hint if hint.startswith("did") else "see them all with: crisisrisk features list"


def build_features(site: Site, subject: str, moments: Sequence[datetime], out: Path) -> BuiltFeatures:
    """Write the feature matrix of a subject as of the moments, one row a person or cell and moment."""
    from crisisrisk.training.matrices import person_matrix, place_matrix

    started = time.monotonic()
    require_ending(out, (".parquet",))
    frame = person_matrix(site, moments) if subject == "person" else place_matrix(site, moments)
    staged = out.with_name(f".{out.name}.part")
    try:
        frame.to_parquet(staged, index=False)
        staged.replace(out)
    finally:
        staged.unlink(missing_ok=True)
    features = sum(frame[column].dtype == "float32" for column in frame.columns)
    return BuiltFeatures(
        subject=subject, rows=len(frame), features=features, seconds=time.monotonic() - started, out=out
    )
