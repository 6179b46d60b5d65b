"""How much of what was known at the time still holds: one share, found from what came."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_HALVINGS = 30


def share_that_holds(simple: Numbers, added: Numbers, counts: NDArray[np.int32]) -> float:
    """The w from 0 to 1 of the least Poisson deviance of `simple` × exp(w × `added`). Arrays of one shape.

    The deviance is convex in w: its slope, the sum of `added` × (expected − counts), is halved to 0.
    """

    def slope(share: float) -> float:
        return float(np.sum(added * (simple * np.exp(share * added) - counts)))

    if not added.any() or slope(1.0) <= 0:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return low
