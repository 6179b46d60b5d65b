"""What a simple rule of places is made of: a forecast, its numbers, and why it says what it says.

Every forecast has shape (targets, cells), never below `MINIMUM_EXPECTED`, and is NaN for a target with no past at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.disclosure import released_beside
from crisisrisk.features.place_kernels import Counts, Numbers
from crisisrisk.features.place_past import PlacePast
from crisisrisk.tables.cells import Cells

MINIMUM_EXPECTED = 1e-4
"""Nowhere is an event impossible: a forecast of exactly 0 has an infinite deviance once one happens."""

Fitted = Mapping[str, float]
"""The numbers of a rule by name; none for a rule that is not fitted."""
NOTHING_FITTED: Fitted = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Part:
    """One factor of a forecast and its words. `effect`: log of the factor, shape (targets, cells).

    `live` and `released` give the words for a target and a cell: with true counts for the signed-in board, and without
    any number of events for files.
    """

    effect: Numbers
    live: Callable[[int, int], str]
    released: Callable[[int, int], str]


@dataclass(frozen=True)
class RuleKind:
    """One kind of simple rule. `fit` makes its numbers from targets whose counts, (targets, cells), are known."""

    meaning: str
    expected: Callable[[PlacePast, Fitted], Numbers]
    parts: Callable[[PlacePast, Fitted], Sequence[Part]]
    unit: Callable[[PlacePast, Fitted], Numbers]
    """The most that one contact more in a cell adds to its forecast. Shape (targets,), above 0."""
    fit: Callable[[PlacePast, NDArray[Any]], Fitted] | None = None
    lacks: Callable[[Cells], str] | None = None
    """What the places lack that the rule needs; empty where they lack nothing."""


def raised(expected: Numbers) -> Numbers:
    """At least `MINIMUM_EXPECTED`; NaN stays NaN."""
    return np.maximum(expected, MINIMUM_EXPECTED)


def divided(numerator: Numbers | Counts, denominator: NDArray[np.float64] | NDArray[np.int64]) -> Numbers:
    """NaN where the denominator is 0. Both broadcast."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def of_targets(past: PlacePast, table: Numbers | Counts) -> Numbers:
    """A table of (cells, moments) as (targets, cells)."""
    return np.ascontiguousarray(table.T[past.moment], dtype=np.float64)


def log_ratio(values: Numbers, usual: Numbers) -> Numbers:
    """log(values ÷ usual), cut where one of them is next to nothing; 0 where either is not known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.log(np.maximum(values, MINIMUM_EXPECTED / 10) / np.maximum(usual, MINIMUM_EXPECTED / 10))
    return np.nan_to_num(ratio)


# Words


def count_in_words(count: int, average: float, where: str) -> str:
    """ "12 crisis contacts here in the last 365 days (an average place: 4.2)"."""
    usual = f"{average:,.0f}" if average >= 10 else f"{average:.1f}"
    return f"{contacts_in_words(count)} {where} (an average place: {usual})"


def contacts_in_words(count: int) -> str:
    """ "no crisis contacts", "1 crisis contact", "1,200 crisis contacts"."""
    number = "no" if count == 0 else f"{count:,}"
    return f"{number} crisis contact{'' if count == 1 else 's'}"


def beside_in_words(count: float, average: float, where: str) -> str:
    """ "more crisis contacts here in the last 365 days than in an average place"; of a small count no comparison."""
    beside = released_beside(count, average)
    if beside is None:
        return f"crisis contacts {where}"
    if beside == "same":
        return f"about as many crisis contacts {where} as in an average place"
    return f"{beside} crisis contacts {where} than in an average place"


def times_in_words(factor: float, what: str) -> str:
    """ "1.4 times the average hour's crisis contacts on friday night"."""
    return f"{factor:.1f} times the average hour's crisis contacts {what}"
