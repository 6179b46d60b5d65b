"""Every way to place the teams, one after the other: slow and obvious, for small questions."""

from collections.abc import Iterator
from itertools import combinations_with_replacement, product

import numpy as np

from crisisrisk.positioning.question import Question


def every_plan(question: Question) -> Iterator[np.ndarray]:
    """Shape (periods, kinds, sites) each."""
    of_periods = [list(_placings(question, period)) for period in range(question.periods)]
    for periods in product(*of_periods):
        yield np.stack(periods)


def _placings(question: Question, period: int) -> Iterator[np.ndarray]:
    parts = [part for part in range(len(question.parts)) if question.period[part] == period]
    present = {part: [bool(question.presence[part, kind]) for kind in range(len(question.kinds))] for part in parts}
    choices = []
    for number, kind in enumerate(question.kinds):
        teams = kind.teams if any(present[part][number] for part in parts) else 0
        choices.append(list(combinations_with_replacement(np.flatnonzero(kind.may_stand).tolist(), teams)))
    for chosen in product(*choices):
        teams_at = np.zeros((len(question.kinds), question.sites), dtype=int)
        for kind, sites in enumerate(chosen):
            for site in sites:
                teams_at[kind, site] += 1
        if all((teams_at[present[part]].sum(axis=0) <= question.room).all() for part in parts):
            yield teams_at


def value_of(question: Question, teams_at: np.ndarray) -> float:
    """Expected contacts that find a free team, less what the moves and leaving bases cost."""
    total = 0.0
    for part in range(len(question.parts)):
        total += sum(served_in(question, teams_at, part, cell) for cell in range(question.cells))
    for kind in range(len(question.kinds)):
        before = None
        for period in range(question.periods):
            if not question.stands[period, kind]:
                continue
            for site in range(question.sites) if before is not None else ():
                total -= question.move_costs * max(0, teams_at[period, kind, site] - teams_at[before, kind, site])
            before = period
    return total - question.least_gain * (leaving_in(question, teams_at) - crowded_in(question))


def leaving_in(question: Question, teams_at: np.ndarray) -> int:
    """How many teams stand elsewhere than at their base at any time."""
    away = 0
    for number, kind in enumerate(question.kinds):
        periods = [period for period in range(question.periods) if question.stands[period, number]]
        for site in range(question.sites) if kind.usual is not None and periods else ():
            away += max(max(0, int(kind.usual[site]) - int(teams_at[period, number, site])) for period in periods)
    return away


def crowded_in(question: Question) -> int:
    """How many teams have a base that is too small for all whose it is at some time."""
    crowded = 0
    for site in range(question.sites):
        crowded += max(
            max(0, sum(int(kind.usual[site]) for number, kind in enumerate(question.kinds)
                       if kind.usual is not None and question.presence[part, number]) - int(question.room[site]))
            for part in range(len(question.parts))
        )  # fmt: skip
    return crowded


def served_in(question: Question, teams_at: np.ndarray, part: int, cell: int) -> float:
    near, period = 0, int(question.period[part])
    for number, kind in enumerate(question.kinds):
        for site in range(question.sites):
            if kind.reach[site, cell] and question.presence[part, number]:
                near += int(teams_at[period, number, site])
    return float(question.parts[part].gains[cell, :near].sum())


def holds(question: Question, teams_at: np.ndarray) -> bool:
    """Whether every floor is kept, over all parts together."""
    parts, cells = range(len(question.parts)), range(question.cells)
    served = np.array([sum(served_in(question, teams_at, part, cell) for part in parts) for cell in cells])
    demand = sum(part.demand for part in question.parts)
    if demand.sum() == 0:
        return True
    for floor in question.floors:
        own = demand[floor.cells].sum()
        if own > 0 and served[floor.cells].sum() / own < floor.share * served.sum() / demand.sum() - 1e-9:
            return False
    return True
