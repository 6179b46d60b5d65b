"""Where a site's declarations are: its own copies, else the shipped ones."""

import tomllib
from dataclasses import replace
from pathlib import Path

from crisisrisk.errors import UsageError
from crisisrisk.features.caseload import asks_for_caseload
from crisisrisk.features.recipe import read_feature_recipe, select_features, without_groups
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.phrases import PhraseBook, read_phrases
from crisisrisk.models.place_rules.rules import rule_kind
from crisisrisk.scoring.caseload import require_assessment
from crisisrisk.shipped import shipped
from crisisrisk.tables.site import Site
from crisisrisk.training.baseline_recipe import FILE as BASELINES
from crisisrisk.training.baseline_recipe import BaselineRecipe, read_baselines
from crisisrisk.training.declared_files import declared
from crisisrisk.training.keeping import Recipes
from crisisrisk.training.recipe import TrainingRecipe, monotone_constraints, read_training_recipe

DEFAULT_RECIPES = {"person": "person_crisis_28d.toml", "place": "place_crisis_shift.toml"}


def read_recipes(site: Site, kind: str, path: Path | None, *, baseline: str | None = None) -> Recipes:
    """The training recipe of a kind (`person` or `place`), its feature recipe, and the phrases.

    `baseline`: the simple rule that takes the place of trees, with the columns that it reads.

    The feature recipe is looked for beside the training recipe, then in the site, then among the shipped ones.
    Raises UsageError when the recipe is about the other kind, RecipeError for what is wrong in any of them.
    """
    chosen = path or declared(site, "training", DEFAULT_RECIPES[kind])
    training = _for_site(read_training_recipe(chosen, sources=site.sources), site)
    if training.subject != kind:
        raise UsageError(
            "CR-USE-001", f'the recipe is about "{training.subject}"', where=str(chosen), wanted=kind,
            found=training.subject,
        )  # fmt: skip
    phrases = read_phrases(declared(site, "serving", "phrases.toml"), site.sources)
    if baseline is not None:
        return _of_baseline(site, training, baseline, phrases)
    chosen_features = features_of(site, training.features, path)
    columns = read_feature_recipe(chosen_features, sources=site.sources, declared=site.declared)
    columns = without_groups(columns, training.groups.without)
    if asks_for_caseload(columns):
        require_assessment(site)
    monotone_constraints(training.model, columns.names)  # names that no column has are refused before any data are read
    return Recipes(training=training, features=columns, phrases=phrases)


def _of_baseline(site: Site, training: TrainingRecipe, name: str, phrases: PhraseBook) -> Recipes:
    if training.subject == "place":
        rule = BaselineRecipe(name=name, meaning=rule_kind(name).meaning, terms=())
        nothing = FeatureRecipe(name="none", subject="place", specs=())
        return Recipes(training=training, features=nothing, phrases=phrases, baseline=rule)
    known = read_baselines(declared(site, "training", BASELINES))
    rule = known.named(name)
    columns = read_feature_recipe(
        declared(site, "features", known.features), sources=site.sources, declared=site.declared
    )
    return Recipes(training=training, features=select_features(columns, rule.columns), phrases=phrases, baseline=rule)


def features_of(site: Site, name: str, recipe: Path | None) -> Path:
    """The feature recipe of a training recipe: beside it, else the site's."""
    beside = [] if recipe is None else [recipe.parent / name, recipe.parent / "features" / name]
    return next((one for one in beside if one.is_file()), declared(site, "features", name))


def _for_site(recipe: TrainingRecipe, site: Site) -> TrainingRecipe:
    """The recipe with the minimum age of the site: lower where there is a service for children."""
    youngest = site.people.minimum_age(recipe.cohort.minimum_age)
    return replace(recipe, cohort=replace(recipe.cohort, minimum_age=youngest))


def recipe_named(site: Site, name: str) -> Path | None:
    """The site's training recipe of a name, else the shipped one; None where neither declares it."""
    for folder in (site.path / "training", shipped("training")):
        for path in sorted(folder.glob("*.toml")):
            if _name_in(path) == name:
                return path
    return None


def _name_in(path: Path) -> object:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")).get("name")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None  # said by whoever reads it
