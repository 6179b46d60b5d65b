"""Counts under a negative binomial distribution, walked from 0 upwards. Pure functions of flat arrays.

Mean mu and dispersion a: variance = mu + a mu², and a = 0 is Poisson. From one count to the next
P(k + 1) = P(k) × mu (1 + a k) ÷ ((k + 1) (1 + a mu)), which holds for a = 0 as well. `dispersion` has one value, or one
for each row; `step` is 0 or 1 accordingly. A mean so large that P(0) is no number starts 12 deviations below itself.

Complexity: linear in rows × (the greatest count that matters). Memory: what is returned.
"""

import math

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]

_NOTHING = 1e-13
"""What is left of a distribution when the walk ends …"""
_NO_CHANCE = 1e-20
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
def _first(mean: float, dispersion: float) -> int:
    """The count to start from: below it there is as good as nothing."""
    if log_chance(0, mean, dispersion) > _LEAST_LOG:
        return 0
    return max(0, int(mean - 12.0 * math.sqrt(mean + dispersion * mean * mean)))


@njit(nogil=True, cache=True)
def _next(chance: float, count: int, mean: float, dispersion: float) -> float:
    return chance * mean * (1.0 + dispersion * count) / ((count + 1.0) * (1.0 + dispersion * mean))


@njit(nogil=True, cache=True)
def log_chances(counts: Counts, means: Numbers, dispersion: Numbers, step: int) -> Numbers:
    """ln P(count) of each row."""
    found = np.empty(len(means))
    for row in range(len(means)):
        found[row] = log_chance(counts[row], means[row], dispersion[row * step])
    return found


@njit(nogil=True, cache=True)
def at_most(counts: Counts, means: Numbers, dispersion: Numbers, step: int) -> Numbers:
    """P(at most that count) of each row; 0 for counts below 0."""
    found = np.empty(len(means))
    for row in range(len(means)):
        mean, spread, count = means[row], dispersion[row * step], counts[row]
        k = _first(mean, spread)
        chance = math.exp(log_chance(k, mean, spread))
        total = 0.0
        while k <= count:
            total += chance
            if k > mean and 1.0 - total < _NOTHING:
                break
            chance = _next(chance, k, mean, spread)
            k += 1
        found[row] = min(total, 1.0)
    return found


@njit(nogil=True, cache=True)
def quantiles(level: float, means: Numbers, dispersion: Numbers, step: int) -> Counts:
    """The least count k of each row with P(at most k) of at least `level`, which is under 1."""
    found = np.empty(len(means), dtype=np.int64)
    for row in range(len(means)):
        mean, spread = means[row], dispersion[row * step]
        k = _first(mean, spread)
        chance = math.exp(log_chance(k, mean, spread))
        total = chance
        while total < level and (k <= mean or chance > _NO_CHANCE):
            chance = _next(chance, k, mean, spread)
            total += chance
            k += 1
        found[row] = k
    return found


@njit(nogil=True, cache=True)
def ranked_scores(counts: Counts, means: Numbers, dispersion: Numbers, step: int) -> Numbers:
    """Sum over k of (P(at most k) − [count ≤ k])² of each row."""
    found = np.empty(len(means))
    for row in range(len(means)):
        mean, spread, count = means[row], dispersion[row * step], counts[row]
        k = _first(mean, spread)
        chance = math.exp(log_chance(k, mean, spread))
        below, score = chance, float(max(k - count, 0))
        while True:
            above = below - 1.0
            score += above * above if count <= k else below * below
            if k >= count and k >= mean and (1.0 - below < _NOTHING or chance < _NO_CHANCE):
                break
            chance = _next(chance, k, mean, spread)
            below += chance
            k += 1
        found[row] = score
    return found


@njit(nogil=True, cache=True)
def pit_up_to(edges: Numbers, before: Numbers, through: Numbers) -> Numbers:
    """Mean over rows of the share of `before` to `through` that lies below each of the ascending edges."""
    total = np.zeros(len(edges))
    for row in range(len(before)):
        low, width = before[row], through[row] - before[row]
        for place in range(len(edges)):
            inside = edges[place] - low
            if inside <= 0.0:
                continue
            total[place] += 1.0 if inside >= width else inside / width
    return total / max(len(before), 1)
