"""Negative-binomial counts: variance = mean + dispersion × mean². Pure functions of arrays, compiled.

Chances run up from 0 by P(k + 1) = P(k) × m / (1 + d m) × (1 + d k) / (k + 1), m the mean and d the dispersion; at a
dispersion of 0 that is Poisson's. Logs are summed, so that no mean underflows. Complexity: linear in rows × count.
"""

import math

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]

# A chance so small adds nothing to a sum that is to reach a share of 1 - 1e-9.
_CLOSE_TO_ONE = 1.0 - 1e-12
MOST = 1_000_000
"""No quantile is looked for beyond this count."""


@njit(nogil=True, cache=True)
def _log_none(mean: float, dispersion: float) -> float:
    if dispersion == 0.0:
        return -mean
    return -math.log1p(dispersion * mean) / dispersion


@njit(nogil=True, cache=True)
def _log_step(mean: float, dispersion: float, count: int) -> float:
    """Log of P(count + 1) ÷ P(count)."""
    return math.log(mean / (1.0 + dispersion * mean) * (1.0 + dispersion * count) / (count + 1))


@njit(nogil=True, cache=True)
def around(means: Numbers, dispersions: Numbers, counts: Counts) -> tuple[Numbers, Numbers]:
    """P(Y < count) and P(Y <= count) of each row. A mean must be above 0."""
    below, up_to = np.zeros(len(means)), np.zeros(len(means))
    for row in range(len(means)):
        log_chance = _log_none(means[row], dispersions[row])
        total = 0.0
        for count in range(counts[row]):
            total += math.exp(log_chance)
            log_chance += _log_step(means[row], dispersions[row], count)
        below[row] = min(total, 1.0)
        up_to[row] = min(total + math.exp(log_chance), 1.0) if counts[row] >= 0 else 0.0
    return below, up_to


@njit(nogil=True, cache=True)
def intervals(means: Numbers, dispersions: Numbers, tails: Numbers) -> tuple[Counts, Counts, Numbers]:
    """The `tail` and the `1 - tail` quantile of each row, and the chance that a count lies between them, ends included.

    A quantile is the least count k with P(Y <= k) at least as much. Tails lie above 0 and below 0.5.
    """
    lower, upper = np.zeros(len(means), dtype=np.int64), np.zeros(len(means), dtype=np.int64)
    inside = np.zeros(len(means))
    for row in range(len(means)):
        log_chance = _log_none(means[row], dispersions[row])
        chance = math.exp(log_chance)
        total, before, count = chance, 0.0, 0
        while total < tails[row] and count < MOST:
            log_chance += _log_step(means[row], dispersions[row], count)
            before = total
            total += math.exp(log_chance)
            count += 1
        lower[row] = count
        while total < 1.0 - tails[row] and total < _CLOSE_TO_ONE and count < MOST:
            log_chance += _log_step(means[row], dispersions[row], count)
            total += math.exp(log_chance)
            count += 1
        upper[row] = count
        inside[row] = min(total - before, 1.0)
    return lower, upper, inside
