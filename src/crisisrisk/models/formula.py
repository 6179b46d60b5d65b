"""A score of a few named columns that a person can work out by hand: the simple rules, as models that can answer.

Its numbers are stored as JSON. They are checked before use: every one finite, every column named once.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import ModelError
from crisisrisk.models.trees import Numbers, column_places

SUM, GREATEST = "sum", "greatest"


@dataclass(frozen=True, kw_only=True)
class Term:
    """One column of a formula."""

    column: str
    logarithm: bool = False
    """Whether ln(1 + value) enters in place of the value."""
    weight: float
    mean: float = 0.0
    """What the value, or its logarithm, is on average; a value that is not known counts as this."""


@dataclass(frozen=True)
class Formula:
    """`sum`: intercept + the sum of weight × (value − mean). `greatest`: intercept + the greatest weight × value.

    Of a rule with several clauses the greatest says how near somebody comes to the nearest of them.
    """

    terms: tuple[Term, ...]
    intercept: float = 0.0
    combine: str = SUM

    def __post_init__(self) -> None:
        if problem := _problem(self):
            raise ModelError("CR-MODEL-002", f"the formula cannot be used: {problem}", where="formula.json")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns that the formula reads, in its order."""
        return tuple(term.column for term in self.terms)

    @property
    def count(self) -> int:
        """A formula has no trees."""
        return 0

    def raw_score(self, features: NDArray[Any], names: Sequence[str]) -> Numbers:
        """Before calibration. Shape (rows,)."""
        found: Numbers = self.contributions(features, names).sum(axis=1)
        return found

    def contributions(self, features: NDArray[Any], names: Sequence[str]) -> Numbers:
        """What each column adds, exactly; they sum to the score. Shape (rows, terms + 1), the last the intercept.

        Of `greatest` the nearest clause has all of it; of equally near ones the first.
        """
        parts = self._parts(features, names)
        if self.combine == GREATEST:
            rows, nearest = np.arange(len(parts)), parts.argmax(axis=1)
            only = np.zeros_like(parts)
            only[rows, nearest] = parts[rows, nearest]
            parts = only
        return np.column_stack([parts, np.full(len(parts), self.intercept)])

    def _parts(self, features: NDArray[Any], names: Sequence[str]) -> Numbers:
        columns = features[:, column_places(self.feature_names, names)].astype(np.float64)
        for place, term in enumerate(self.terms):
            if term.logarithm:
                columns[:, place] = np.log1p(columns[:, place])
        mean = np.array([term.mean for term in self.terms])
        known = np.where(np.isnan(columns), mean, columns)
        found: Numbers = np.array([term.weight for term in self.terms]) * (known - mean)
        return found

    def to_json(self) -> str:
        """Numbers and the names of columns only."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "Formula":
        """What `to_json` wrote. Raises ModelError when it is something else."""
        try:
            content = json.loads(text)
            terms = tuple(_term(term) for term in content.pop("terms"))
            formula = Formula(terms, **content)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ModelError("CR-MODEL-002", "the formula cannot be read", where="formula.json") from None
        return formula


def _term(content: dict[str, Any]) -> Term:
    return Term(**{**content, "weight": float(content["weight"]), "mean": float(content["mean"])})


def _problem(formula: Formula) -> str | None:
    names = formula.feature_names
    if not names or len(set(names)) != len(names) or not all(isinstance(name, str) and name for name in names):
        return "each term needs a column of its own"
    if formula.combine not in (SUM, GREATEST):
        return f'"combine" is neither "{SUM}" nor "{GREATEST}"'
    numbers = [formula.intercept, *(number for term in formula.terms for number in (term.weight, term.mean))]
    if not all(isinstance(number, float | int) and isfinite(number) for number in numbers):
        return "a number in it is not finite"
    if not all(isinstance(term.logarithm, bool) for term in formula.terms):
        return '"logarithm" is neither true nor false'
    if formula.combine == GREATEST and any(term.mean != 0 for term in formula.terms):
        return "the greatest of several terms has no means"
    return None
