"""Counts as a release may show them: none of 1 to 7, others to the nearest 5, and no share that gives one away.

The rule of NHS England's hospital statistics and of OpenSAFELY. What remains after something was taken off is computed
from the rounded numbers, so that no difference gives a small count back.
"""

from collections.abc import Sequence

SMALLEST, STEP = 8, 5
UNDER = f"under {SMALLEST}"

Released = int | str


def released_count(count: int) -> Released:
    """The count to the nearest 5, or the words for one of 1 to 7."""
    if 0 < count < SMALLEST:
        return UNDER
    return STEP * ((count + STEP // 2) // STEP)


def shown_count(count: Released) -> str:
    """A released count in words and figures."""
    return count if isinstance(count, str) else f"{count:,}"


def released_share(part: int, whole: int) -> float | None:
    """Part ÷ whole; None where either side of it is 1 to 7 people, or where there is no whole."""
    if whole == 0 or 0 < part < SMALLEST or 0 < whole - part < SMALLEST:
        return None
    return part / whole


def remaining(start: int, taken: Sequence[Released]) -> list[int]:
    """What is left after each step, from the rounded numbers alone; what may not be told counts as nothing."""
    left, found = int(released_count(start)) if start >= SMALLEST or start == 0 else 0, []
    for one in taken:
        left = max(0, left - (one if isinstance(one, int) else 0))
        found.append(left)
    return found
