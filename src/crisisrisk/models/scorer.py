"""What orders people: anything that gives log-odds of named columns, and says what each column did to them."""

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from crisisrisk.models.trees import Numbers


class Scorer(Protocol):
    """Trees, or a formula that can be worked out by hand. It travels in a bundle as one file of text."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns that it reads, in its order."""

    @property
    def count(self) -> int:
        """How many trees it has; 0 for a formula."""

    def raw_score(self, features: NDArray[Any], names: Sequence[str]) -> Numbers:
        """Before calibration. Shape (rows,). `names`: one for each column, in any order."""

    def contributions(self, features: NDArray[Any], names: Sequence[str]) -> Numbers:
        """They sum to the score. Shape (rows, features + 1); the last column is what nobody's columns change."""
