"""How busy each cell has been of late beside what its kinds of week expect: a Poisson regression between map and trees.

log(expected) = log(map) + level + sum of weight × term. A term of counts is log((came + prior) ÷ (expected + prior)):
0 where as many came as the map expects, above 0 where more came, and near 0 where too few are expected to tell. So few
numbers, learned from all cells at once, say what trees would need many leaves for.

Terms stand for columns of the features and are told as those: what a term moves is a part of its column's reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, log

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import ModelError
from crisisrisk.features.place_recent_kernels import filled_terms
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec
from crisisrisk.tables.cells import Cells

Numbers = NDArray[np.float64]

MAP = "the map"
"""The term that is no column: log of what the map expects in the cell a day."""

LONGEST_DAYS = 180
"""Counts of longer lookbacks are the map's own."""
PAYDAY_DAYS = 3

HERE, RING_1, RING_2, AREA, CASELOAD, ABOVE_0, BELOW, ITSELF = range(8)
"""How a term is made of its column: see `place_recent_kernels.filled_terms`."""
_COUNTS = {
    "decayed_count": HERE, "neighbours_1_count": RING_1, "neighbours_2_count": RING_2, "area_count": AREA,
}  # fmt: skip
_OTHERS = {
    "caseload_expected": CASELOAD, "happenings_here": ABOVE_0, "happenings_nearby": ABOVE_0,
    "days_since_payday": BELOW,
}  # fmt: skip
_PRIOR_OF_AREA = 50.0


@dataclass(frozen=True)
class Term:
    """How one term is made. `days`: over which events count in full, `prior`: in events, `column`: -1 of the map."""

    name: str
    kind: int
    column: int
    days: float
    prior: float


def terms_of(features: FeatureRecipe) -> tuple[Term, ...]:
    """The terms that a recipe's columns allow, the map's first."""
    found = [Term(MAP, ITSELF, -1, 0.0, 0.0)]
    for place, spec in enumerate(features.specs):
        term = _term(spec, place)
        if term is not None:
            found.append(term)
    return tuple(found)


def _term(spec: FeatureSpec, place: int) -> Term | None:
    if spec.aggregation in _OTHERS:
        return Term(spec.name, _OTHERS[spec.aggregation], place, float(PAYDAY_DAYS), 0.0)
    days = spec.lookback_days
    if spec.aggregation not in _COUNTS or days is None or days > LONGEST_DAYS or not _of_crises(spec):
        return None
    kind = _COUNTS[spec.aggregation]
    prior = 5.0 if days <= 7 else 10.0 if days <= 28 else 20.0
    prior = _PRIOR_OF_AREA if kind == AREA else 2 * prior if kind == RING_2 else prior
    return Term(spec.name, kind, place, days / log(2) if kind == HERE else float(days), prior)


def _of_crises(spec: FeatureSpec) -> bool:
    return any(column == "is_crisis" and tuple(accepted) == (True,) for column, accepted in spec.where)


@dataclass(frozen=True, kw_only=True)
class RecentLevel:
    """The regression as learned; kept in the bundle. `names` and `weights`: of its terms, the map's among them.

    `known_share`: what a known person's expected contact is worth beside the map's, before the weight.
    """

    names: tuple[str, ...]
    weights: tuple[float, ...]
    level: float
    known_share: float = 0.0

    def __post_init__(self) -> None:
        numbers = [*self.weights, self.level, self.known_share]
        if len(self.names) != len(self.weights) or not all(isfinite(one) for one in numbers) or self.known_share < 0:
            raise ModelError("CR-MODEL-002", "the regression of recent counts cannot be used", where="task.json")

    def terms(self, features: FeatureRecipe) -> tuple[Term, ...]:
        """Its terms as a recipe's columns make them. Raises ModelError where a column is missing."""
        known = {one.name: one for one in terms_of(features)}
        if missing := [name for name in self.names if name not in known]:
            raise ModelError(
                "CR-MODEL-003", f"{len(missing)} columns that the regression of recent counts reads are missing",
                found=", ".join(missing[:3]),
            )  # fmt: skip
        return tuple(known[name] for name in self.names)

    def moved(self, features: FeatureRecipe, matrix: NDArray[np.float32], a_day: Numbers, cells: Cells) -> Numbers:
        """What it adds to the log of the map. Shape (shifts, cells).

        `matrix`: shape (shifts, cells, features); `a_day`: what the map expects a day, shape (shifts, cells).
        """
        terms, found = self.terms(features), np.empty(a_day.shape)
        for first in range(0, len(a_day), _BLOCK):
            run = slice(first, first + _BLOCK)
            made = term_values(terms, matrix[run], a_day[run], cells, known_share=self.known_share)
            found[run] = made @ np.array(self.weights) + self.level
        return found

    def by_column(
        self, features: FeatureRecipe, matrix: NDArray[np.float32], a_day: Numbers, cells: Cells
    ) -> tuple[Numbers, Numbers]:
        """What each column of the features gives of it, and what is the map's and the level's.

        Shapes (shifts, cells, features) and (shifts, cells); together they are `moved`.
        """
        terms = self.terms(features)
        made = term_values(terms, matrix, a_day, cells, known_share=self.known_share) * np.array(self.weights)
        of_columns, rest = np.zeros(matrix.shape), np.full(a_day.shape, self.level)
        for place, term in enumerate(terms):
            if term.column < 0:
                rest += made[:, :, place]
            else:
                of_columns[:, :, term.column] += made[:, :, place]
        return of_columns, rest


_BLOCK = 256


def term_values(
    terms: Sequence[Term], matrix: NDArray[np.float32], a_day: Numbers, cells: Cells, *, known_share: float
) -> Numbers:
    """The terms of every cell in some shifts. Shape (shifts, cells, terms)."""
    near, far = cells.neighbours_1, cells.neighbours_2
    return filled_terms(
        matrix,
        a_day,
        np.array([one.kind for one in terms], dtype=np.int64),
        np.array([one.column for one in terms], dtype=np.int64),
        np.array([one.days for one in terms]),
        np.array([one.prior for one in terms]),
        known_share,
        (near.offsets, near.indices, far.offsets, far.indices),
    )
