"""Groups of features that a recipe leaves out, and what each is worth."""

from dataclasses import replace

import numpy as np
import pytest
from tests.lib.places_in_memory import PLACE, invented_places

from crisisrisk.errors import RecipeError
from crisisrisk.evaluation.splits import ShiftSplit
from crisisrisk.features.recipe import groups_of, read_feature_recipe, without_groups
from crisisrisk.training.place_groups import SIMPLE, group_worth
from crisisrisk.training.recipe import TrainingRecipe, parse_training_recipe

FEATURES = read_feature_recipe(
    """
[recipe]
name = "two_groups"
subject = "place"
[[group]]
name = "telling"
aggregations = ["population"]
[[group]]
name = "idle"
column = "idle"
sources = ["s136"]
aggregations = ["count"]
lookback_days = [7, 28]
""",
    sources=("s136",),
)


def test_groups_are_named_in_the_order_of_the_recipe_and_left_out_by_name() -> None:
    assert groups_of(FEATURES) == ("population", "idle")
    assert without_groups(FEATURES, ("idle",)).names == ("population",)
    assert without_groups(FEATURES, ()) == FEATURES


@pytest.mark.parametrize(
    ("left_out", "problem"),
    [(("idel",), 'the recipe two_groups has no group "idel"'), (("idle", "population"), "no feature of the recipe")],
)
def test_a_group_that_is_not_there_and_a_recipe_of_none_are_refused(left_out: tuple[str, ...], problem: str) -> None:
    with pytest.raises(RecipeError, match=problem):
        without_groups(FEATURES, left_out)


def test_the_training_recipe_names_them_for_places_and_keeps_them() -> None:
    recipe = parse_training_recipe(
        {"name": "x", "subject": "place", "features": "place.toml", "groups": {"without": ["idle"], "worth": True},
         "outcome": {"crisis_flag": True}},
        sources=(), where="test",
    )  # fmt: skip
    assert recipe.groups.without == ("idle",)
    assert TrainingRecipe.from_json(recipe.to_json()) == recipe
    with pytest.raises(RecipeError, match="groups"):
        parse_training_recipe(
            {
                "name": "x",
                "subject": "person",
                "features": "person.toml",
                "groups": {},
                "outcome": {"crisis_flag": True},
            },
            sources=(),
            where="test",
        )


def test_the_group_that_tells_is_worth_something_and_the_idle_one_nothing() -> None:
    data = invented_places(days=400)
    noise = np.random.default_rng(1).normal(size=(*data.features.shape[:2], 2)).astype(np.float32)
    data = replace(data, features=np.concatenate([data.features, noise], axis=2))
    split = ShiftSplit(data.shifts[360].start, np.arange(0, 280), np.arange(280, 360), np.arange(360, 400))
    told: list[str] = []
    recipe = replace(PLACE, model=replace(PLACE.model, rounds=60, min_data_in_leaf=20, feature_fraction=1.0))
    rows = group_worth(recipe, FEATURES, data, split, tell=told.append)
    worth = {row["group"]: row["worth"] for row in rows}
    assert list(worth) == ["population", "idle", SIMPLE]
    assert worth["population"] > 0.2
    assert abs(worth["idle"]) < 0.05
    assert worth[SIMPLE] == pytest.approx(worth["population"], abs=0.1)
    assert told == ["fitting without population …", "fitting without idle …"]
