"""Draw how a recipe splits the data, before anything runs."""

from collections.abc import Callable
from pathlib import Path

from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.person_data import person_data
from crisisrisk.training.place_data import place_data
from crisisrisk.training.split_drawing import SplitPlan
from crisisrisk.training.split_plans import person_plan, place_plan

Tell = Callable[[str], None]


def show_splits(site: Site, kind: str, recipe_path: Path | None, *, tell: Tell) -> SplitPlan:
    """The blocks of `train` and the rolling origins of `backtest`. No feature is computed and nothing is kept."""
    recipes, snapshot = read_recipes(site, kind, recipe_path), Store(site).snapshot()
    tell("reading contacts, cohort and labels …")
    if kind == "person":
        people = person_data(recipes.training, recipes.features, snapshot, site)
        return person_plan(recipes.training, people, site)
    places = place_data(recipes.training, None, snapshot, site, held_out_days=recipes.training.split.test_days)
    return place_plan(recipes.training, places, site)
