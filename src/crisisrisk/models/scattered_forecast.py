"""A forecast of counts with how they scatter around it: what scores of whole distributions are computed from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.models.place_distribution import LEAST_EXPECTED, PlaceDistribution

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ScatteredForecast:
    """Expected counts and their dispersions, both of shape (shifts, cells); a variance is m + dispersion × m².

    `shared`: the dispersion of what all cells of a shift share, shape (shifts,); no cell has less.
    """

    expected: Numbers
    dispersion: Numbers
    shared: Numbers

    @staticmethod
    def poisson(expected: ArrayLike) -> "ScatteredForecast":
        """Counts that scatter as chance alone makes them."""
        means = np.atleast_2d(np.asarray(expected, dtype=np.float64))
        return ScatteredForecast(means, np.zeros(means.shape), np.zeros(len(means)))

    @staticmethod
    def of(
        distribution: PlaceDistribution, expected: Numbers, names: Sequence[str], density: Numbers
    ) -> "ScatteredForecast":
        """As a distribution says. `names`: of the shifts; `density`: residents per km², shape (cells,)."""
        strata = distribution.strata(distribution.kind_numbers(names), density, expected)
        shared = np.full(len(expected), distribution.shared_dispersion)
        return ScatteredForecast(expected, distribution.dispersions(strata), shared)

    @staticmethod
    def joined(parts: Sequence["ScatteredForecast"]) -> "ScatteredForecast":
        """Those of several runs of shifts, one after the other."""
        return ScatteredForecast(
            *(np.concatenate([getattr(one, name) for one in parts]) for name in ("expected", "dispersion", "shared"))
        )

    def at(self, shifts: Integers | NDArray[np.bool_]) -> "ScatteredForecast":
        """Of some of the shifts."""
        return ScatteredForecast(self.expected[shifts], self.dispersion[shifts], self.shared[shifts])

    def in_groups(self, group: Integers) -> "ScatteredForecast":
        """Of groups of cells together, such as districts. `group`: shape (cells,), numbers from 0, none left out.

        Given what all share, cells scatter independently: the dispersion of a sum is s + (1 + s) Σ m² o ÷ M², with o
        what is left of each cell's dispersion beside s.
        """
        shared = self.shared[:, None]
        own = np.maximum(self.dispersion - shared, 0.0) / (1 + shared)
        total = summed(self.expected, group)
        spread = summed(np.square(self.expected) * own, group) / np.square(np.maximum(total, LEAST_EXPECTED))
        return ScatteredForecast(total, shared + (1 + shared) * spread, self.shared)

    def over_shifts(self) -> tuple[Numbers, Numbers]:
        """Mean and dispersion of each cell's sum over all shifts, which scatter independently. Shapes (cells,)."""
        total = self.expected.sum(axis=0)
        beyond = (self.dispersion * np.square(self.expected)).sum(axis=0)
        return total, np.asarray(beyond / np.square(np.maximum(total, LEAST_EXPECTED)), dtype=np.float64)


def summed(values: NDArray[np.generic], group: Integers) -> NDArray[np.float64]:
    """Sums over the cells of each group. `values`: shape (shifts, cells). Shape (shifts, groups)."""
    order = np.argsort(group, kind="stable")
    begins = np.searchsorted(group[order], np.arange(int(group.max(initial=-1)) + 1))
    return np.add.reduceat(np.asarray(values, dtype=np.float64)[:, order], begins, axis=1)
