"""Counts under a negative binomial distribution, walked from 0 upwards. Pure functions of flat arrays, compiled.

Mean mu and dispersion a, one of each a row: variance = mu + a mu², and a = 0 is Poisson. From one count to the next
P(k + 1) = P(k) × mu (1 + a k) ÷ ((k + 1) (1 + a mu)), which holds for a = 0 as well. A mean so large that P(0) is no
number starts 12 deviations below itself.

Complexity: linear in rows × (the greatest count that matters). Memory: what is returned.
"""

import math

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]

NOTHING = 1e-13
"""What is left of a distribution when a walk ends …"""
NO_CHANCE = 1e-20
"""… or the chance of one count beyond the mean: sums of very many small numbers never come that near to 1."""
_LEAST_LOG = -600.0


@njit(nogil=True, cache=True)
def log_chance(count: int, mean: float, dispersion: float) -> float:
    """ln P(count); minus infinity where it cannot happen."""
    if mean == 0.0:
        return 0.0 if count == 0 else -math.inf
    log = -math.log1p(dispersion * mean) / dispersion if dispersion > 0.0 else -mean
    log += count * (math.log(mean) - math.log1p(dispersion * mean))
    for smaller in range(count):
        log += math.log1p(dispersion * smaller) - math.log(smaller + 1.0)
    return log


@njit(nogil=True, cache=True)
def first_count(mean: float, dispersion: float) -> int:
    """The count to start a walk from: below it there is as good as nothing."""
    if log_chance(0, mean, dispersion) > _LEAST_LOG:
        return 0
    return max(0, int(mean - 12.0 * math.sqrt(mean + dispersion * mean * mean)))


@njit(nogil=True, cache=True)
def next_chance(chance: float, count: int, mean: float, dispersion: float) -> float:
    """P(count + 1) from P(count)."""
    return chance * mean * (1.0 + dispersion * count) / ((count + 1.0) * (1.0 + dispersion * mean))


@njit(nogil=True, cache=True)
def log_chances(counts: Counts, means: Numbers, dispersions: Numbers) -> Numbers:
    """ln P(count) of each row."""
    found = np.empty(len(means))
    for row in range(len(means)):
        found[row] = log_chance(counts[row], means[row], dispersions[row])
    return found


@njit(nogil=True, cache=True)
def around(means: Numbers, dispersions: Numbers, counts: Counts) -> tuple[Numbers, Numbers]:
    """P(fewer than that count) and P(at most that count) of each row; both 0 for counts below 0."""
    below, up_to = np.zeros(len(means)), np.zeros(len(means))
    for row in range(len(means)):
        mean, spread, count = means[row], dispersions[row], counts[row]
        k = first_count(mean, spread)
        chance = math.exp(log_chance(k, mean, spread))
        total = before = 0.0
        while k <= count:
            before = total
            total += chance
            if k > mean and 1.0 - total < NOTHING:
                before = total if k < count else before
                break
            chance = next_chance(chance, k, mean, spread)
            k += 1
        below[row], up_to[row] = min(before, 1.0), min(total, 1.0)
    return below, up_to


@njit(nogil=True, cache=True)
def intervals(means: Numbers, dispersions: Numbers, tails: Numbers) -> tuple[Counts, Counts, Numbers]:
    """The `tail` and the `1 - tail` quantile of each row, and the chance that a count lies between them, ends included.

    A quantile is the least count k with P(at most k) at least as much. Tails lie above 0 and below 0.5.
    """
    lower, upper = np.zeros(len(means), dtype=np.int64), np.zeros(len(means), dtype=np.int64)
    inside = np.zeros(len(means))
    for row in range(len(means)):
        mean, spread = means[row], dispersions[row]
        k = first_count(mean, spread)
        chance = math.exp(log_chance(k, mean, spread))
        total, before = chance, 0.0
        while total < tails[row]:
            chance = next_chance(chance, k, mean, spread)
            before = total
            total += chance
            k += 1
        lower[row] = k
        while total < 1.0 - tails[row] and (k <= mean or chance > NO_CHANCE):
            chance = next_chance(chance, k, mean, spread)
            total += chance
            k += 1
        upper[row] = k
        inside[row] = min(total - before, 1.0)
    return lower, upper, inside
