"""Candidates for the promotion gate: a good one, and bad ones made from it as such mistakes are made."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from crisisrisk.commands.train import _train_person
from crisisrisk.evaluation.splits import TEST, TRAIN, VALIDATION
from crisisrisk.features.recipe import select_features
from crisisrisk.models.calibration import Calibration
from crisisrisk.models.risk_model import RiskModel
from crisisrisk.models.trees import NO_TREES, Trees
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import MICROSECONDS_PER_DAY
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.fitting import Block, fit_trees
from crisisrisk.training.keeping import Finished, Recipes, keep_run
from crisisrisk.training.person import fit_person, risk_of, split_of
from crisisrisk.training.person_data import PersonData, person_data

SEED = 5


def quiet(_: str) -> None:
    """Says nothing."""


@dataclass
class Candidates:
    """The good candidate of a site, and changes to it. Each method keeps a run and returns its id."""

    site: Site
    recipe: Path | None = None
    """None: the site's own."""
    refusals: dict[str, Any] = field(default_factory=dict)
    """By name of a bad candidate how it was refused."""

    @cached_property
    def recipes(self) -> Recipes:
        return read_recipes(self.site, "person", self.recipe)

    @cached_property
    def snapshot(self) -> Any:
        return Store(self.site).snapshot()

    @cached_property
    def finished(self) -> Finished:
        return _train_person(self.site, self.snapshot, self.recipes, quiet)

    @cached_property
    def data(self) -> PersonData:
        return person_data(self.recipes.training, self.recipes.features, self.snapshot, self.site)

    @cached_property
    def parts(self) -> Any:
        return split_of(self.recipes.training, self.data)

    def kept(self, finished: Finished, recipes: Recipes | None = None) -> str:
        return keep_run(self.site.mlflow_tracking_uri, recipes or self.recipes, finished)

    def of_model(self, model: RiskModel, risk: np.ndarray | None = None) -> str:
        """The run of another model, judged honestly on the same rows."""
        test = np.flatnonzero(self.parts == TEST)
        said = risk_of(model, self.recipes.features, self.data, test) if risk is None else risk
        assert self.finished.judged is not None
        return self.kept(replace(self.finished, model=model, judged=replace(self.finished.judged, risk=said)))

    def of_labels(self, change: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> str:
        """A model whose rows before the test block have other labels."""
        happened = self.data.happened.copy()
        before = self.parts != TEST
        happened[before] = change(happened, np.random.default_rng(SEED))[before]
        doctored = replace(self.data, happened=happened)
        return self.of_model(fit_person(self.recipes.training, self.recipes.features, doctored, self.parts))

    # Good

    def good(self) -> str:
        return self.kept(self.finished)

    # Bad

    def shuffled_labels(self) -> str:
        return self.of_labels(lambda happened, random: random.permutation(happened))

    def one_subgroup_failing(self) -> str:
        """Most of the women's crises were recorded elsewhere while the model was trained."""
        female = self.data.features[np.arange(len(self.data))][:, self.recipes.features.names.index("is_female")] == 1
        return self.of_labels(lambda happened, random: happened & (~female | (random.random(len(happened)) < 0.2)))

    def uncalibrated(self) -> str:
        model = self.finished.model
        assert isinstance(model, RiskModel)
        line = Calibration(kind="platt", slope=0.45, intercept=-1.2)
        return self.of_model(RiskModel(model.scorer, line))

    def stale(self) -> str:
        return self.kept(replace(self.finished, cut_off_us=self.finished.cut_off_us - 90 * MICROSECONDS_PER_DAY))

    def fewer_features(self) -> str:
        """Trained before a column was declared: honestly, and well."""
        names = [name for name in self.recipes.features.names if name != "is_female"]
        recipes = replace(self.recipes, features=select_features(self.recipes.features, names))
        return self.kept(_train_person(self.site, self.snapshot, recipes, quiet), recipes)

    def constant(self) -> str:
        rate = float(self.data.happened[self.parts == VALIDATION].mean())
        level = Calibration(kind="platt", slope=0.0, intercept=float(np.log(rate / (1 - rate))))
        return self.of_model(RiskModel(Trees(NO_TREES, self.recipes.features.names, 0), level))

    def swapped_columns(self) -> str:
        """Two columns stood in each other's place in the matrix that it was fitted and judged on."""
        names, settings = self.recipes.features.names, self.recipes.training.model
        swapped = self.data.features[np.arange(len(self.data))].copy()
        swapped[:, [0, 3]] = swapped[:, [3, 0]]
        train, validation, test = (self.parts == part for part in (TRAIN, VALIDATION, TEST))
        happened = self.data.happened
        trees = fit_trees("person", names, Block(swapped[train], happened[train]),
                          Block(swapped[validation], happened[validation]), settings)  # fmt: skip
        model = self.finished.model
        assert isinstance(model, RiskModel)
        broken = RiskModel(trees, model.calibration)
        return self.of_model(broken, risk=broken.probability(swapped[test], names))
