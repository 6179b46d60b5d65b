"""The two models: a calibrated probability for people, an expected count for cells and shifts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import ModelError
from crisisrisk.models.calibration import Calibration
from crisisrisk.models.issue_time import IssueTime
from crisisrisk.models.place_distribution import PlaceDistribution
from crisisrisk.models.place_rules.rules import PlaceRule
from crisisrisk.models.scorer import Scorer
from crisisrisk.models.trees import NO_TREES, Numbers, Trees


@dataclass(frozen=True)
class RiskModel:
    """Who: trees or a formula that give log-odds, and the calibration that makes them a probability."""

    scorer: Scorer
    calibration: Calibration

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns that the model reads, in its order."""
        return self.scorer.feature_names

    def log_odds(self, features: NDArray[Any], names: Sequence[str]) -> Numbers:
        """Before calibration; what lists are ordered by. Shape (rows,). `names`: one for each column, in any order."""
        return self.scorer.raw_score(features, names)

    def probability(self, features: NDArray[Any], names: Sequence[str]) -> Numbers:
        """Calibrated probability of the outcome in the horizon. Shape (rows,)."""
        return self.calibration.apply(self.log_odds(features, names))

    def contributions(self, features: NDArray[Any], names: Sequence[str]) -> Numbers:
        """Exact contributions in log-odds. Shape (rows, features + 1); the last column is the expected value."""
        return self.scorer.contributions(features, names)


@dataclass(frozen=True)
class PlaceModel:
    """Where and when: trees that move a simple forecast up or down.

    expected = exp(sum of trees + offset). LightGBM knows the offset at fit only; it is added here again.
    """

    trees: Trees
    distribution: PlaceDistribution = field(default_factory=PlaceDistribution)
    """How counts scatter around what is expected; as Poisson where none was fitted."""
    rule: PlaceRule | None = None
    """The simple rule that is the model, in place of offset and trees."""
    other_times: tuple[IssueTime, ...] = ()
    """How it answers at other issue times than the one that its trees were fitted at, which `distribution` is of."""

    @property
    def scorer(self) -> Trees:
        """What orders the cells."""
        return self.trees

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns that the model reads, in its order."""
        return self.trees.feature_names

    def issue_times(self, hours: int) -> tuple[IssueTime, ...]:
        """Every issue time; the first, of so many `hours`, is the one that the trees were fitted at."""
        return (IssueTime(hours=hours, distribution=self.distribution), *self.other_times)

    def expected(
        self, features: NDArray[Any], names: Sequence[str], *, offset: Numbers, hold: float | Numbers = 1.0
    ) -> Numbers:
        """Expected number of outcome events. Shape (rows,). `offset`: log of the simple forecast, shape (rows,).

        A model without trees gives exactly exp(offset). `hold`: how much of what the trees add counts, one number or
        shape (rows,).
        """
        offset = np.asarray(offset, dtype=np.float64)
        if offset.shape != (len(features),):
            raise ModelError(
                "CR-MODEL-003", "the offset does not fit the feature matrix",
                wanted=f"shape ({len(features)},)", found=f"shape {offset.shape}",
            )  # fmt: skip
        return np.exp(hold * self.trees.raw_score(features, names) + offset)

    def contributions(self, features: NDArray[Any], names: Sequence[str]) -> Numbers:
        """Exact contributions to the log of expected ÷ simple forecast. Shape (rows, features + 1)."""
        return self.trees.contributions(features, names)


def rule_model(
    rule: PlaceRule, distribution: PlaceDistribution | None = None, other_times: tuple[IssueTime, ...] = ()
) -> PlaceModel:
    """A simple rule as a model of places: no trees, no columns."""
    return PlaceModel(Trees(NO_TREES, (), 0), distribution or PlaceDistribution(), rule, other_times)
