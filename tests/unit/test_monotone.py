"""Columns that may only raise, or only lower, the risk: named in the recipe, kept by the fitted trees."""

import re
import tomllib
from importlib.resources import files

import numpy as np
import pytest

from crisisrisk.errors import ModelError, RecipeError
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.models.model_text import check_model_text
from crisisrisk.shipped import repository, shipped
from crisisrisk.tables.site import read_configuration
from crisisrisk.training.fitting import Block, fit_trees
from crisisrisk.training.recipe import ModelSettings, monotone_constraints, parse_training_recipe

NAMES = ("calls_7", "calls_28", "age")


def settings(**directions: tuple[str, ...]) -> ModelSettings:
    return ModelSettings(min_data_in_leaf=20, rounds=60, early_stopping_rounds=60, monotone=tuple(directions.items()))


def wavy(rows: int = 4000) -> Block:
    """An outcome that goes up and down along every column, so that free trees do too."""
    random = np.random.default_rng(1)
    features = random.normal(size=(rows, 3)).astype(np.float32)
    return Block(features, random.random(rows) < 1 / (1 + np.exp(-2 * np.sin(3 * features).sum(axis=1))))


def steps(model: ModelSettings, column: int) -> np.ndarray:
    """How the score moves along one column, for many values of the others."""
    block = wavy()
    trees = fit_trees("person", NAMES, block, block, model)
    check_model_text(trees.text, feature_names=NAMES, trees=trees.count, subject="person")
    line = np.linspace(-4, 4, 80)
    scores = []
    for row in block.features[:40]:
        rows = np.repeat(row[None, :], len(line), axis=0)
        rows[:, column] = line
        scores.append(trees.raw_score(rows, NAMES))
    return np.diff(scores, axis=1)


def test_the_fitted_trees_keep_the_direction_that_was_asked_for():
    model = settings(increasing=("calls_*",), decreasing=("age",))
    assert (steps(model, 0) >= 0).all()
    assert (steps(model, 1) >= 0).all()
    assert (steps(model, 2) <= 0).all()
    assert (steps(model, 0) > 0).any()
    free = steps(settings(), 0)
    assert (free > 0).any()
    assert (free < 0).any()


def test_names_and_names_that_end_in_a_star():
    assert monotone_constraints(settings(increasing=("calls_*",), decreasing=("age",)), NAMES) == (1, 1, -1)
    assert monotone_constraints(settings(), NAMES) == ()


@pytest.mark.parametrize(
    ("model", "problem", "hint"),
    [
        (settings(increasing=("calls_27",)), 'model.monotone.increasing: no column is named "calls_27"', '"calls_7"'),
        (settings(decreasing=("visits_*",)), 'model.monotone.decreasing: no column is named "visits_*"', None),
        (
            settings(increasing=("calls_*",), decreasing=("calls_7",)),
            'model.monotone.decreasing: "calls_7" is asked to increase and to decrease', None,
        ),
    ],
)  # fmt: skip
def test_unknown_and_torn_names_are_refused(model, problem, hint):
    with pytest.raises(RecipeError) as caught:
        monotone_constraints(model, NAMES)
    assert caught.value.problem == problem
    assert hint is None or hint in caught.value.hint


@pytest.mark.parametrize("line", ["monotone_constraints=1 0", "monotone_constraints=1 0 7"])
def test_a_header_with_other_constraints_is_refused(line):
    block = wavy(500)
    trees = fit_trees("person", NAMES, block, block, settings(increasing=("age",)))
    changed = trees.text.replace("monotone_constraints=0 0 1", line, 1)
    assert changed != trees.text
    with pytest.raises(ModelError, match="monotone_constraints are not one of"):
        check_model_text(changed, feature_names=NAMES, trees=trees.count, subject="person")


def test_the_directions_that_the_documentation_shows_are_of_shipped_columns():
    root = repository()
    assert root is not None
    text = (root / "docs/how-to/train-people.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL)
    template = files("crisisrisk.commands").joinpath("site_template.toml").read_text(encoding="utf-8")
    sources = read_configuration(template).sources
    recipe = {"name": "x", "subject": "person", "features": "person.toml", "outcome": {"sources": ["s136"]}}
    parsed = parse_training_recipe({**recipe, **tomllib.loads(shown)}, sources=sources, where="the page")
    names = read_feature_recipe(shipped("features") / "person.toml", sources=sources).names
    signs = monotone_constraints(parsed.model, names)
    assert (signs.count(1) > 3, signs.count(-1)) == (True, 1)
