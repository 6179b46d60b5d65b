"""Every way to place the teams, one after the other: slow and obvious, for small questions."""

from collections.abc import Iterator
from itertools import combinations_with_replacement, product

import numpy as np

from crisisrisk.positioning.question import Question


def every_plan(question: Question) -> Iterator[np.ndarray]:
    """Shape (parts, kinds, sites) each."""
    of_part = list(_placings(question))
    for parts in product(of_part, repeat=len(question.parts)):
        yield np.stack(parts)


def _placings(question: Question) -> Iterator[np.ndarray]:
    choices = [
        list(combinations_with_replacement(np.flatnonzero(kind.may_stand).tolist(), kind.teams))
        for kind in question.kinds
    ]
    for chosen in product(*choices):
        teams_at = np.zeros((len(question.kinds), question.sites), dtype=int)
        for kind, sites in enumerate(chosen):
            for site in sites:
                teams_at[kind, site] += 1
        if (teams_at.sum(axis=0) <= question.room).all():
            yield teams_at


def value_of(question: Question, teams_at: np.ndarray) -> float:
    """Expected contacts that find a free team, less what the moves cost."""
    total = 0.0
    for part in range(len(question.parts)):
        total += sum(served_in(question, teams_at, part, cell) for cell in range(question.cells))
    for part in range(1, len(question.parts)):
        for kind in range(len(question.kinds)):
            for site in range(question.sites):
                total -= question.move_costs * max(0, teams_at[part, kind, site] - teams_at[part - 1, kind, site])
    return total


def served_in(question: Question, teams_at: np.ndarray, part: int, cell: int) -> float:
    near = 0
    for number, kind in enumerate(question.kinds):
        for site in range(question.sites):
            if kind.reach[site, cell]:
                near += int(teams_at[part, number, site])
    return float(question.parts[part].gains[cell, :near].sum())


def holds(question: Question, teams_at: np.ndarray) -> bool:
    """Whether every floor is kept in every part."""
    for number, part in enumerate(question.parts):
        served = np.array([served_in(question, teams_at, number, cell) for cell in range(question.cells)])
        if part.demand.sum() == 0:
            continue
        average = served.sum() / part.demand.sum()
        for floor in question.floors:
            own = part.demand[floor.cells].sum()
            if own > 0 and served[floor.cells].sum() / own < floor.share * average - 1e-9:
                return False
    return True
