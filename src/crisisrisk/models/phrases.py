"""The words around an answer, as they travel with a model."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crisisrisk.errors import ModelError, RecipeError, did_you_mean
from crisisrisk.features.specs import Phrases
from crisisrisk.tables.site import Source

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "states": ("scored", "in_crisis_episode", "in_hospital", "no_data", "out_of_scope", "under_18", "opted_out"),
    "caveats": ("interval", "range", "count_range", "thin_history", "outcome", "late"),
    "usual": ("more", "fewer", "same"),
    "not_known": ("late", "fact"),
}


@dataclass(frozen=True, kw_only=True)
class PhraseBook:
    """What the events of each source are called, and what is said around a number or instead of one."""

    sources: Mapping[str, Phrases]
    states: Mapping[str, str]
    caveats: Mapping[str, str]
    usual: Mapping[str, str]
    not_known: Mapping[str, str]

    def to_json(self) -> str:
        """Canonical JSON."""
        named = {name: [phrases.singular, phrases.plural] for name, phrases in self.sources.items()}
        words = {section: dict(getattr(self, section)) for section in SECTIONS}
        return json.dumps({"sources": named, **words}, sort_keys=True, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> "PhraseBook":
        """What `to_json` wrote. Raises ModelError when it is something else."""
        try:
            content = json.loads(text)
            named = {name: Phrases(singular, plural) for name, (singular, plural) in content.pop("sources").items()}
            return PhraseBook(sources=named, **{section: content[section] for section in SECTIONS})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ModelError("CR-MODEL-002", "the phrases of the model cannot be read") from None


def read_phrases(path: Path, sources: Mapping[str, Source]) -> PhraseBook:
    """The phrases of `serving/phrases.toml` and of the site's sources. Every phrase must be there, and no other."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError("CR-TRAIN-001", "there is no file of phrases", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise RecipeError("CR-TRAIN-001", f"the file is not valid TOML: {problem}", where=str(path)) from None
    _check(content, path)
    named = {name: Phrases(source.singular, source.plural) for name, source in sources.items()}
    return PhraseBook(sources=named, **{section: dict(content[section]) for section in SECTIONS})


def _check(content: Mapping[str, Mapping[str, object]], path: Path) -> None:
    known = [f"{section}.{key}" for section, keys in SECTIONS.items() for key in keys]
    given = [f"{section}.{key}" for section, keys in content.items() for key in keys]
    for key in given:
        if key not in known:
            raise RecipeError("CR-TRAIN-001", f'unknown phrase "{key}"', where=str(path), hint=did_you_mean(key, known))
    if missing := [key for key in known if key not in given]:
        raise RecipeError(
            "CR-TRAIN-001", f"{len(missing)} phrases are missing", where=str(path), wanted=", ".join(missing),
            hint="a newer version says more: copy them from the serving/phrases.toml that `crisisrisk init` writes",
        )  # fmt: skip
