"""Fit on validation shifts how counts scatter around what was expected, and which tails make intervals honest.

Dispersions are by moments, drawn to that of all strata. Tails are conformal (Vovk, Gammerman and Shafer 2005), pooled
by stratum: counts are discrete, so an interval is held against the exact chance that its own distribution gives it.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from crisisrisk.models.count_kernels import around
from crisisrisk.models.place_distribution import LEAST_EXPECTED, LEVELS, OTHER, PlaceDistribution

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]

EXPECTED_EDGES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8)
DENSITIES = 3
"""Cells whose residents and area are known are cut into so many classes of as many cells each."""
FEWEST_ROWS = 500
FEWEST_SHIFTS = 100
"""A stratum (a kind of shift) with fewer takes the tails of all together."""
LEAST_TAIL, MOST_TAIL = 1e-6, 0.49
SMALLEST_MISS = 0.01
"""A share of counts within an interval that is off by less is left as it is."""


def density_class(density: Numbers) -> Integers:
    """The class of each cell by its residents per km²: 0 where not known, else from 1, the emptiest. Shape (cells,)."""
    return np.where(np.isnan(density), 0, np.searchsorted(_density_edges(density), density, side="right") + 1)


def _density_edges(density: Numbers) -> tuple[float, ...]:
    if not np.isfinite(density).any():
        return ()
    return tuple(np.unique(np.nanquantile(density, np.linspace(0, 1, DENSITIES + 1)[1:-1])).tolist())


def fit_distribution(
    expected: Numbers, counts: NDArray[np.int32], names: Sequence[str], density: Numbers
) -> PlaceDistribution:
    """How `counts` scatter around `expected`: both of shape (shifts, cells), of shifts that fitted no tree.

    `names`: the name of each shift. `density`: residents per km², shape (cells,).
    """
    scattered = fit_dispersion(expected, counts, names, density)
    numbers = scattered.kind_numbers(names)
    strata = scattered.strata(numbers, density, expected)
    return replace(
        scattered,
        tails=_tails(scattered, expected, counts, strata),
        area_tails=_area_tails(scattered, expected, counts, strata, numbers),
    )


def fit_dispersion(
    expected: Numbers, counts: NDArray[np.int32], names: Sequence[str], density: Numbers
) -> PlaceDistribution:
    """The same with the tails as they are named: enough for scores, which ask for no interval."""
    kinds = (OTHER, *sorted(set(names)))
    plain = _plain(kinds, _density_edges(density))
    strata = plain.strata(plain.kind_numbers(names), density, expected)
    scattered = replace(plain, dispersion=_dispersions(plain, expected, counts, strata))
    return replace(scattered, shared_dispersion=_shared_dispersion(expected, counts, scattered.dispersions(strata)))


def _plain(kinds: tuple[str, ...], density_edges: tuple[float, ...]) -> PlaceDistribution:
    strata = len(kinds) * (len(density_edges) + 2) * (len(EXPECTED_EDGES) + 1)
    tails = [(1 - level) / 2 for level in LEVELS]
    return PlaceDistribution(
        kinds=kinds, density_edges=density_edges, expected_edges=EXPECTED_EDGES, dispersion=(0.0,) * strata,
        tails=tuple((tail,) * strata for tail in tails), area_tails=tuple((tail,) * len(kinds) for tail in tails),
    )  # fmt: skip


# Dispersion


def _shared_dispersion(expected: Numbers, counts: NDArray[np.int32], dispersion: Numbers) -> float:
    """By moments: Var(total) = M + s (M² − Σ m²) + Σ m² d, M the sum of the cells' m, d their dispersions. Not below 0.

    0 for a single cell, which shares with none.
    """
    total, happened, square = expected.sum(axis=1), counts.sum(axis=1), np.square(expected)
    beyond = np.sum(np.square(happened - total) - total) - np.sum(square * dispersion)
    between = np.sum(np.square(total)) - np.sum(square)
    return max(float(beyond / between), 0.0) if expected.shape[1] > 1 and between > 0 else 0.0


def _dispersions(
    plain: PlaceDistribution, expected: Numbers, counts: NDArray[np.int32], strata: Integers
) -> tuple[float, ...]:
    """By moments, (y − m)² − m over m² by sums; each drawn to that of all, as if strata differ by as much as it is.

    The variance of the numerator is near 2 m² + m for a Poisson count.
    """
    size = int(np.prod(plain.shape))
    beyond, square, noise = (
        np.bincount(strata.ravel(), weights=values.ravel(), minlength=size)
        for values in (np.square(counts - expected) - expected, np.square(expected), 2 * np.square(expected) + expected)
    )
    everywhere = max(float(beyond.sum()) / max(float(square.sum()), LEAST_EXPECTED), 0.0)
    if everywhere == 0:
        return (0.0,) * size
    precision = np.square(square) / np.maximum(noise, LEAST_EXPECTED)
    own = beyond / np.maximum(square, LEAST_EXPECTED)
    prior = 1 / everywhere**2
    drawn = (own * precision + everywhere * prior) / (precision + prior)
    return tuple(np.maximum(drawn, 0.0).tolist())


# Tails


def _tails(
    distribution: PlaceDistribution, expected: Numbers, counts: NDArray[np.int32], strata: Integers
) -> tuple[tuple[float, ...], ...]:
    size = int(np.prod(distribution.shape))
    furthest = _furthest_tails(expected, distribution.dispersions(strata), counts)
    chances = [distribution.interval(expected, strata, level=level).chance.ravel() for level in LEVELS]
    return _by_group(furthest, chances, strata.ravel(), size, fewest=FEWEST_ROWS)


def _area_tails(
    distribution: PlaceDistribution, expected: Numbers, counts: NDArray[np.int32], strata: Integers, kinds: Integers
) -> tuple[tuple[float, ...], ...]:
    total = expected.sum(axis=1)
    furthest = _furthest_tails(total, distribution.total_dispersion(expected, strata), counts.sum(axis=1))
    chances = [distribution.total_interval(expected, strata, kinds, level=level).chance for level in LEVELS]
    return _by_group(furthest, chances, kinds, len(distribution.kinds), fewest=FEWEST_SHIFTS)


def _furthest_tails(expected: Numbers, dispersion: Numbers, counts: NDArray[np.integer]) -> Numbers:
    """Of each count the greatest tail whose interval still holds it: its nonconformity, as a chance. Shape (rows,)."""
    means = np.maximum(np.ravel(expected), LEAST_EXPECTED)
    below, up_to = around(means, np.ravel(dispersion), np.ravel(counts).astype(np.int64))
    return np.asarray(np.minimum(up_to, 1 - below), dtype=np.float64)


def _by_group(
    furthest: Numbers, chances: Sequence[Numbers], group: Integers, groups: int, *, fewest: int
) -> tuple[tuple[float, ...], ...]:
    """For each level the tail of each group; of a group with few rows that of all."""
    found = []
    for level, chance in zip(LEVELS, chances, strict=True):
        nominal = (1 - level) / 2
        tails = np.full(groups, _honest_tail(furthest, chance, nominal))
        for one in np.flatnonzero(np.bincount(group, minlength=groups) >= fewest).tolist():
            tails[one] = _honest_tail(furthest[group == one], chance[group == one], nominal)
        found.append(tuple(tails.tolist()))
    return tuple(found)


def _honest_tail(furthest: Numbers, chance: Numbers, nominal: float) -> float:
    """The tail by which as large a share of the counts lies inside as the distribution says of the nominal tail.

    The nominal one where that share already holds within two standard errors, or 0.01: strata are many.
    """
    wanted, rows = float(chance.mean()), len(furthest)
    noise = 2 * np.sqrt(max(wanted * (1 - wanted), 0.0) / rows)
    if abs(float(np.mean(furthest >= nominal)) - wanted) <= max(noise, SMALLEST_MISS):
        return nominal
    ascending = np.sort(furthest)
    values, first = np.unique(ascending, return_index=True)
    share_inside = (rows - first) / (rows + 1)
    # Just below the greatest tail of a count the count is still inside.
    chosen = values[np.argmin(np.abs(share_inside - wanted))] * (1 - 1e-9)
    return float(np.clip(chosen, LEAST_TAIL, MOST_TAIL))
