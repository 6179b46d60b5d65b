"""What scores ask of a distribution of counts beyond its chances. Pure functions of flat arrays, compiled.

Mean and dispersion as in `models.count_kernels`, whose walk this is. Complexity: linear in rows × (the greatest count
that matters). Memory: what is returned.
"""

import math

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.models.count_kernels import NO_CHANCE, NOTHING, first_count, log_chance, next_chance

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]


@njit(nogil=True, cache=True)
def ranked_scores(counts: Counts, means: Numbers, dispersions: Numbers) -> Numbers:
    """Sum over k of (P(at most k) − [count ≤ k])² of each row."""
    found = np.empty(len(means))
    for row in range(len(means)):
        mean, spread, count = means[row], dispersions[row], counts[row]
        k = first_count(mean, spread)
        chance = math.exp(log_chance(k, mean, spread))
        below, score = chance, float(max(k - count, 0))
        while True:
            above = below - 1.0
            score += above * above if count <= k else below * below
            if k >= count and k >= mean and (1.0 - below < NOTHING or chance < NO_CHANCE):
                break
            chance = next_chance(chance, k, mean, spread)
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
