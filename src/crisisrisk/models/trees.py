"""The trees of a model: LightGBM's text, used only after its structure was checked, and columns by name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import ModelError
from crisisrisk.models.contributions import Explainer, explainer_of
from crisisrisk.models.lightgbm_import import lightgbm
from crisisrisk.models.tree_walk import Walker, walker_of

if TYPE_CHECKING:
    from lightgbm import Booster

Numbers = NDArray[np.float64]

NO_TREES = "no trees\n"
"""The text of a model without trees. LightGBM has none: it reads `num_iteration = 0` as all trees."""


@dataclass(frozen=True)
class Trees:
    """The trees of a model and the names of the columns they read, in order. `text` holds exactly `count` trees."""

    text: str
    feature_names: tuple[str, ...]
    count: int
    threads: int = field(default=0, compare=False)
    """How many add the trees up, 0: every core. The sum does not depend on it; LightGBM's fits beside it hear of it."""

    @cached_property
    def booster(self) -> "Booster":
        booster: Booster = lightgbm().Booster(model_str=self.text)
        return booster

    @cached_property
    def explainer(self) -> Explainer:
        """Ready to say what each feature gives; making it takes about a second for 400 trees, so it is kept."""
        return explainer_of(self.text, len(self.feature_names))

    @cached_property
    def walker(self) -> Walker:
        """The trees read by this program itself: what they say without LightGBM, to the bit."""
        return walker_of(self.text)

    def raw_score(self, features: NDArray[Any], names: Sequence[str]) -> Numbers:
        """The sum of the trees, before any link or offset; 0 without trees. Shape (rows,)."""
        columns = self.columns(features, names)
        if self.count == 0:
            return np.zeros(len(columns))
        found = self.booster.predict(columns, raw_score=True, num_iteration=self.count, num_threads=self.threads)
        return np.asarray(found, dtype=np.float64)

    def contributions(self, features: NDArray[Any], names: Sequence[str]) -> Numbers:
        """Exact SHAP contributions to the raw score. Shape (rows, features + 1); the last column is the expected value.

        They add up to the raw score; an offset is no part of them (Lundberg et al., Nature Machine Intelligence 2020).
        """
        columns = self.columns(features, names)
        if self.count == 0:
            return np.zeros((len(columns), len(self.feature_names) + 1))
        return self.explainer.contributions(columns)

    def columns(self, features: NDArray[Any], names: Sequence[str]) -> NDArray[Any]:
        """The model's own columns of a matrix, in the model's own order. Shape (rows, model's features)."""
        if features.ndim != 2 or features.shape[1] != len(names):
            raise ModelError(
                "CR-MODEL-003", "a feature matrix without a name for each column",
                wanted=f"{len(names)} columns", found=f"shape {features.shape}",
            )  # fmt: skip
        return features[:, column_places(self.feature_names, names)]


def column_places(wanted: Sequence[str], given: Sequence[str]) -> NDArray[np.int64]:
    """Where each wanted column stands among those given. Raises ModelError naming the columns that are missing."""
    place = {name: number for number, name in enumerate(given)}
    missing = [name for name in wanted if name not in place]
    if missing or len(place) != len(given):
        repeated = sorted({name for name in given if list(given).count(name) > 1})
        raise ModelError(
            "CR-MODEL-003",
            f"{len(missing)} columns that the model reads are missing" if missing else "columns are given twice",
            wanted=", ".join(missing) if missing else "each column once",
            found=", ".join(repeated or [name for name in given if name not in set(wanted)][:10]) or "no other columns",
            hint="score with the feature recipe inside the model's own bundle",
        )
    return np.array([place[name] for name in wanted], dtype=np.int64)


def trees_of(booster: "Booster", count: int) -> Trees:
    """The first `count` trees of a trained booster. `count` 0 is a model without trees."""
    names = tuple(booster.feature_name())
    if count == 0:
        return Trees(NO_TREES, names, 0)
    return Trees(booster.model_to_string(num_iteration=count, start_iteration=0), names, count)


def trees_in(text: str) -> int:
    """How many trees a model text holds."""
    return 0 if text == NO_TREES else text.count("\nTree=")
