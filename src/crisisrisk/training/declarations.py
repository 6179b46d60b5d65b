"""Where a site's declarations are: its own copies, else the shipped ones."""

from pathlib import Path

from crisisrisk.errors import UsageError
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.models.phrases import read_phrases
from crisisrisk.shipped import shipped
from crisisrisk.tables.site import Site
from crisisrisk.training.keeping import Recipes
from crisisrisk.training.recipe import monotone_constraints, read_training_recipe

DEFAULT_RECIPES = {"person": "person_crisis_28d.toml", "place": "place_crisis_shift.toml"}


def read_recipes(site: Site, kind: str, path: Path | None) -> Recipes:
    """The training recipe of a kind (`person` or `place`), its feature recipe, and the phrases.

    The feature recipe is looked for beside the training recipe, then in the site, then among the shipped ones.
    Raises UsageError when the recipe is about the other kind, RecipeError for what is wrong in any of them.
    """
    chosen = path or declared(site, "training", DEFAULT_RECIPES[kind])
    training = read_training_recipe(chosen, sources=site.sources)
    if training.subject != kind:
        raise UsageError(
            "CR-USE-001", f'the recipe is about "{training.subject}"', where=str(chosen), wanted=kind,
            found=training.subject,
        )  # fmt: skip
    beside = [] if path is None else [path.parent / training.features, path.parent / "features" / training.features]
    features = next((one for one in beside if one.is_file()), declared(site, "features", training.features))
    columns = read_feature_recipe(features, sources=site.sources)
    monotone_constraints(training.model, columns.names)  # names that no column has are refused before any data are read
    return Recipes(
        training=training,
        features=columns,
        phrases=read_phrases(declared(site, "serving", "phrases.toml"), site.sources),
    )


def declared(site: Site, folder: str, name: str) -> Path:
    """A declaration's file: the site's own copy where it has one."""
    own = site.path / folder / name
    return own if own.is_file() else shipped(folder) / name
