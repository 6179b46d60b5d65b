"""Disclosure control: the one rule by which numbers leave the live board. No count of 1 to 7, others to the nearest 5.

The rule of NHS England's hospital statistics and of OpenSAFELY. What remains after something was taken off is computed
from the rounded numbers, so that no difference gives a small count back.

Forecasts leak too: the map of the last year is a count in other words. So an expected count is released as if it was a
count, in units of what one contact more would add to it. Cells of fewer than 8 such units are told together with their
neighbours (the cells under the same parent, else all that are left) and share the rounded sum evenly; if that still
told of one of them, the smallest other cell joins them; where there is none to join, no more is told of them than 6
each could be. Ranks, ranges and totals are made from what is released alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SMALLEST, STEP = 8, 5
UNDER = f"under {SMALLEST}"

Released = int | str
Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]

# Counts


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


# Words

ABOUT_THE_SAME = 0.15
"""Within this share of the usual count, a count is called about as many."""

_WINDOW = re.compile(r"\bin the last ([\w-]+ )?(days?|weeks?|months?|half year|years?)\b", re.IGNORECASE)
_SMALL_NUMBER = re.compile(
    r"(?<![\d,])[1-7](?![\d,])|\d\.\d|\b(one|once|two|twice|three|four|five|six|seven|single)\b", re.IGNORECASE
)


def tells_small_number(text: str) -> bool:
    """Whether a text tells a number from 1 to 7, in figures or in words, or a fraction; lengths of time aside."""
    return _SMALL_NUMBER.search(_WINDOW.sub("", text)) is not None


def released_beside(count: float, usual: float) -> Literal["more", "fewer", "same"] | None:
    """Whether a count is more than usual, as far as its released number says; None where that says nothing.

    "About as many as usual" tells a count of 2 to whoever knows that 2 is usual.
    """
    margin = max(ABOUT_THE_SAME * usual, 0.5)
    if count < SMALLEST:
        return "fewer" if usual - margin > SMALLEST - 1 else None
    shown = int(released_count(round(count)))
    return "more" if shown > usual + margin else "fewer" if shown < usual - margin else "same"


# Maps

ALONE = -1
"""The group of a cell whose number is released by itself."""

MEAN_OF_GROUP_AT_MOST = 5
"""Cells that may have up to 7 each are told together while their mean is below this: near 7, all would be known."""

MOST_TOLD_OF_EACH = 6

DECIMALS = 4


@dataclass(frozen=True, eq=False)
class ReleasedMap:
    """Expected and usual contacts of each cell in each shift as they may be released. Arrays of shape (shifts, cells).

    `group`: which cells are told together, `ALONE` for those that are not. `rank`: 1 is the highest of its shift; cells
    of one released number have one rank.
    """

    expected: Numbers
    usual: Numbers
    group: Integers
    rank: Integers


def released_map(
    expected: Numbers, unit: Numbers, usual: Numbers, usual_unit: Numbers, *, parents: Integers
) -> ReleasedMap:
    """What may be released of a forecast. `expected`, `usual`: shape (shifts, cells); `parents`: (cells,), from 0.

    `unit`, `usual_unit`: what one contact more would add to a cell, shape (shifts,), above 0.
    """
    counts, usually = expected / unit[:, None], usual / usual_unit[:, None]
    group = np.stack([told_together(np.minimum(*pair), pair[0], parents) for pair in zip(counts, usually, strict=True)])
    shown = [
        np.stack([_shown(row, groups) for row, groups in zip(values, group, strict=True)]) * units[:, None]
        for values, units in ((counts, unit), (usually, usual_unit))
    ]
    told, told_usual = (np.round(one, DECIMALS) for one in shown)
    rank = np.stack([_ranks(row) for row in told])
    return ReleasedMap(expected=told, usual=told_usual, group=group, rank=rank)


def told_together(least: Numbers, counts: Numbers, parents: Integers) -> Integers:
    """The group of each cell that is not released by itself, `ALONE` for the others. Shape (cells,).

    `least`: the smallest count that a released number of the cell is made of; `counts`: the one that ranks it.
    """
    small = least < SMALLEST - 0.5
    group = np.where(small, parents, ALONE).astype(np.int64)
    rest = int(parents.max(initial=0)) + 1
    for parent in np.unique(group[small]).tolist():
        members = group == parent
        if not _may_stand(members, least, counts):
            group[members] = rest
    joined = np.zeros(len(least), dtype=bool)
    while (group == rest).any() and not _may_stand(group == rest, least, counts, joined=bool(joined.any())):
        others = np.unique(group[(group != rest) & (group != ALONE)])
        if len(others):
            sums = [least[group == one].sum() for one in others]
            group[group == others[int(np.argmin(sums))]] = rest
            continue
        alone = np.flatnonzero(group == ALONE)
        if not len(alone):
            break
        smallest = alone[int(np.argmin(least[alone]))]
        group[smallest], joined[smallest] = rest, True
    return group


def _may_stand(members: NDArray[np.bool_], least: Numbers, counts: Numbers, *, joined: bool = False) -> bool:
    """Whether the rounded sum of some cells tells of none of them. `joined`: a cell of 8 or more is among them."""
    number, sum_of = int(members.sum()), float(counts[members].sum())
    if sum_of < 0.5:
        return True
    enough = number > 1 and float(least[members].sum()) >= SMALLEST - 0.5
    return enough and (joined or sum_of <= MEAN_OF_GROUP_AT_MOST * number)


def _shown(counts: Numbers, group: Integers) -> Numbers:
    """Each count to the nearest 5; of a group each cell's even part of the sum to the nearest 5, 0 for one under 8.

    Of cells of up to 7 each that nobody was left to join no more than `_most_of_small`.
    """
    shown = _nearest(counts)
    for one in np.unique(group[group != ALONE]).tolist():
        members = group == one
        total, number = counts[members].sum(), int(members.sum())
        told = _nearest(np.array([total]))[0] if total >= SMALLEST - 0.5 else 0.0
        small = bool((counts[members] < SMALLEST - 0.5).all())
        shown[members] = (min(told, _most_of_small(number)) if small else told) / number
    return shown


def _most_of_small(number: int) -> float:
    """The most that is told of so many cells of up to 7 each: beyond, the least that it stands for is over 6 each.

    Four cells of 7 would be told as 30 together, which is 28 at least, and only four of 7 can be that.
    """
    return float(STEP * ((MOST_TOLD_OF_EACH * number + STEP // 2) // STEP))


def _nearest(counts: Numbers) -> Numbers:
    nearest: Numbers = STEP * np.floor((np.rint(counts) + STEP // 2) / STEP)
    return nearest


def _ranks(values: Numbers) -> Integers:
    return (1 + np.searchsorted(np.sort(-values), -values, side="left")).astype(np.int64)
