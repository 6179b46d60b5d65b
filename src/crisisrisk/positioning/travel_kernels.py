"""Legs across barriers, in kilometres on a plane. Complexity: legs × stretches; memory: the answer."""

import numpy as np

from crisisrisk.compiled import njit
from crisisrisk.positioning.question import Mask, Numbers

TOUCH_KM = 0.03
"""A leg that ends at a crossing touches the barrier there: so near its end that is no crossing of it."""


@njit(cache=True)
def clear_legs(begin: Numbers, end: Numbers, stretches: Numbers, from_crossing: bool, to_crossing: bool) -> Mask:
    """Whether the straight leg from each beginning to each end crosses no barrier. Shape (beginnings, ends).

    `begin`, `end`: shape (n, 2); `stretches`: shape (n, 4), x and y of both ends of each straight stretch of a barrier.
    `from_crossing`, `to_crossing`: whether those ends stand on the barrier at a bridge.
    """
    clear = np.ones((len(begin), len(end)), dtype=np.bool_)
    for one in range(len(begin)):
        for other in range(len(end)):
            for stretch in range(len(stretches)):
                if _crosses(
                    begin[one, 0], begin[one, 1], end[other, 0], end[other, 1], stretches[stretch], from_crossing,
                    to_crossing,
                ):  # fmt: skip
                    clear[one, other] = False
                    break
    return clear


@njit(cache=True)
def _crosses(  # type: ignore[no-untyped-def]  # compiled into its caller
    ax, ay, bx, by, stretch, from_crossing, to_crossing
):
    dx, dy = bx - ax, by - ay
    ex, ey = stretch[2] - stretch[0], stretch[3] - stretch[1]
    across = dx * ey - dy * ex
    if across == 0.0:
        return False  # parallel: along a barrier is not across it
    fx, fy = stretch[0] - ax, stretch[1] - ay
    along_leg = (fx * ey - fy * ex) / across
    along_stretch = (fx * dy - fy * dx) / across
    if along_leg < 0.0 or along_leg > 1.0 or along_stretch < 0.0 or along_stretch > 1.0:
        return False
    length = np.sqrt(dx * dx + dy * dy)
    if from_crossing and along_leg * length <= TOUCH_KM:
        return False
    return not (to_crossing and (1.0 - along_leg) * length <= TOUCH_KM)
