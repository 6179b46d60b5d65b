"""Feature specs and recipes: frozen values that say what a column is, and hold no data.

They are saved with the model as JSON, compared, fingerprinted and printed; `person.py` and `place.py` compute them.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from math import isnan, nan
from typing import Any

from crisisrisk.errors import RecipeError

NOT_KNOWN = nan
"""The one NaN of every recipe: two recipes that say "not known" are equal, because it is the same object."""

Where = tuple[tuple[str, tuple[str | bool, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class FeatureSpec:
    """One column of the feature matrix.

    An event counts when its source is one of `sources` and, for every column that `where` names, its value
    is one of those listed. `lookback_days` None means everything known before the as-of moment, however old.
    `if_none` is the value where no event counts; NaN there says "not known", which is not the same as 0.
    """

    name: str
    group: str
    """Features of one group share one reason."""
    aggregation: str
    sources: tuple[str, ...] = ()
    where: Where = ()
    lookback_days: int | None = None
    short_days: int | None = None
    """The short window of a trend."""
    gap_days: int | None = None
    """Days without any that end an episode, or the longest that an open stay is believed."""
    other_sources: tuple[str, ...] = ()
    """What these events are held against: what follows up a missed appointment, what ends a stay."""
    if_none: float
    meaning: str
    """A plain sentence; `{singular}` and `{plural}` are left where the phrases are the site's."""
    reason: str
    """As `meaning`, and `{count}` is the feature's value."""
    singular: str = ""
    plural: str = ""
    """What the events are called; empty where the phrases of the site's configuration are meant."""


@dataclass(frozen=True, kw_only=True)
class FeatureRecipe:
    """The columns of a feature matrix, in order, for one subject: `person` or `place`."""

    name: str
    subject: str
    specs: tuple[FeatureSpec, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""
        return tuple(spec.name for spec in self.specs)

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Every source that a column reads, in order of the alphabet."""
        return tuple(sorted({source for spec in self.specs for source in spec.sources}))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the recipe's JSON, in hex: changes with anything that changes a column or its words."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, null for "not known"."""
        content = {"name": self.name, "subject": self.subject, "specs": [_as_json(spec) for spec in self.specs]}
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "FeatureRecipe":
        """The recipe that `to_json` wrote. Raises RecipeError when it is something else."""
        try:
            content = json.loads(text)
            return FeatureRecipe(
                name=content["name"],
                subject=content["subject"],
                specs=tuple(_from_json(spec) for spec in content["specs"]),
            )
        except (ValueError, KeyError, TypeError) as problem:
            raise RecipeError(
                "CR-FEAT-001", "this is not the JSON of a features recipe", found=type(problem).__name__
            ) from None


def _as_json(spec: FeatureSpec) -> dict[str, Any]:
    content = {**asdict(spec), "if_none": None if isnan(spec.if_none) else spec.if_none}
    # What most columns do not have is left out of the JSON, so that it stays as it was where nothing uses it.
    return {key: value for key, value in content.items() if key not in _SELDOM or value}


_SELDOM = ("gap_days", "other_sources")


def _from_json(content: Mapping[str, Any]) -> FeatureSpec:
    if unknown := set(content) - {field.name for field in fields(FeatureSpec)}:
        raise KeyError(*unknown)
    exact = {
        "sources": tuple(content["sources"]),
        "other_sources": tuple(content.get("other_sources", ())),
        "where": tuple((column, tuple(accepted)) for column, accepted in content["where"]),
        "if_none": NOT_KNOWN if content["if_none"] is None else float(content["if_none"]),
    }
    return FeatureSpec(**{**content, **exact})


@dataclass(frozen=True)
class Phrases:
    """What the events of a source are called: one of them, several of them."""

    singular: str
    plural: str


def phrases_of(spec: FeatureSpec, site_phrases: Mapping[str, Phrases]) -> Phrases:
    """What the events of a feature are called: by its group, else by the site, else by the source's own name.

    A group may build on the other names: `plural = "{plural} not coded as a crisis"`.
    """
    others = _of_sources(spec, site_phrases)
    if spec.plural:
        named = {"singular": others.singular, "plural": others.plural}
        return Phrases(spec.singular.format(**named), spec.plural.format(**named))
    return others


def _of_sources(spec: FeatureSpec, site_phrases: Mapping[str, Phrases]) -> Phrases:
    if len(spec.sources) == 1 and spec.sources[0] in site_phrases:
        return site_phrases[spec.sources[0]]
    name = " or ".join(source.replace("_", " ") for source in spec.sources)
    return Phrases(f"{name} contact", f"{name} contacts")


def meaning_in_words(spec: FeatureSpec, site_phrases: Mapping[str, Phrases]) -> str:
    """The feature's meaning with no blank left."""
    phrases = phrases_of(spec, site_phrases)
    text = spec.meaning.format(singular=phrases.singular, plural=phrases.plural)
    return text[:1].upper() + text[1:]


def window_in_words(lookback_days: int | None) -> str:
    """How a lookback is worded; None is everything known before the as-of moment."""
    if lookback_days is None:
        return "so far"
    return "in the last 24 hours" if lookback_days == 1 else f"in the last {lookback_days} days"
