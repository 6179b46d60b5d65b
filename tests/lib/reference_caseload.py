"""What to expect of the people of each cell, worked out slowly and one person at a time."""

import math
from dataclasses import dataclass

from crisisrisk.features.caseload import LEAST_PEOPLE, LOOKBACK_DAYS, CaseloadNumbers
from crisisrisk.timeline import MICROSECONDS_PER_DAY

MOST_COUNTED = 5
MOST_EXPECTED = 1.0


@dataclass(frozen=True)
class Contact:
    """One version of one contact; instants in microseconds. `sort`: what it is, numbered as in `LOOKBACK_DAYS`."""

    occurred_at: int
    known_at: int
    superseded_at: int
    sort: int = 0


@dataclass(frozen=True)
class State:
    """One dated state of a person. `cell` -1: the home is elsewhere."""

    known_at: int
    cell: int
    adult_from: int
    gone_at: int


@dataclass(frozen=True)
class Known:
    """One person."""

    contacts: tuple[Contact, ...]
    states: tuple[State, ...]


def factors_of(person: Known, moment: int) -> list[float]:
    """The level, and the logarithm of one more than the contacts of each group and lookback known at a moment."""
    known = [one for one in person.contacts if max(one.known_at, one.occurred_at) < moment <= one.superseded_at]
    factors = [1.0]
    for sorts, lookbacks in LOOKBACK_DAYS:
        ages = [moment - one.occurred_at for one in known if one.sort in sorts]
        for days in lookbacks:
            count = sum(age <= days * MICROSECONDS_PER_DAY for age in ages)
            factors.append(math.log1p(min(count, MOST_COUNTED)))
    return factors


def expected_of(person: Known, moment: int, weights: tuple[float, ...]) -> float:
    """Crisis contacts of one person in the next days."""
    log = sum(weight * factor for weight, factor in zip(weights, factors_of(person, moment), strict=True))
    return MOST_EXPECTED * (1 - math.exp(-math.exp(log) / MOST_EXPECTED))


def cell_of(person: Known, moment: int) -> int:
    """Where the person lives as known then; -1 for whom nothing is added."""
    known = [state for state in person.states if state.known_at < moment]
    if not known or not known[-1].adult_from <= moment < known[-1].gone_at:
        return -1
    return known[-1].cell


def reference_sum(people: list[Known], numbers: CaseloadNumbers, moment: int, cell: int) -> float:
    """NaN where fewer than `LEAST_PEOPLE` live, or before the first fit."""
    applies = [place for place, begins in enumerate(numbers.applies_from) if begins <= moment]
    here = [person for person in people if cell_of(person, moment) == cell]
    if not applies or len(here) < LEAST_PEOPLE:
        return math.nan
    return sum(expected_of(person, moment, numbers.weights[applies[-1]]) for person in here)
