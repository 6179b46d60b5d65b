"""A small search on invented people, also as a program that can be killed: `python -m tests.lib.tuning_search FILE`."""

import sys
from pathlib import Path

from crisisrisk.training.inner_folds import person_folds
from crisisrisk.training.tuning import BinnedFold, Budget, Ended, Found, binned_folds, search
from tests.lib.invented_people import FEATURES, invented_people, recipe

RECIPE_SPLIT = {"validation_days": 42, "test_days": 42}
RECIPE = recipe(split=RECIPE_SPLIT, model={"rounds": 25, "learning_rate": 0.01})
TRIALS = 13


def folds() -> tuple[BinnedFold, ...]:
    """Two inner folds of invented people, binned."""
    people = invented_people(people=80, weeks=44)
    return binned_folds("person", FEATURES.names, person_folds(RECIPE, people.data), RECIPE.model)


def searched(file: Path, on: tuple[BinnedFold, ...], *, trials: int = TRIALS, name: str = "study") -> Found:
    """The search up to so many trials; each is told on stdout as it ends."""
    return search(file, name, on, RECIPE.model, Budget(trials=trials), ended=_tell)


def _tell(one: Ended) -> None:
    print(f"trial {one.number}", flush=True)


if __name__ == "__main__":
    searched(Path(sys.argv[1]), folds())
