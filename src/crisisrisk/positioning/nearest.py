"""The p-median: teams so that the mean travel time to the nearest one is least, exact.

Radius formulation: in place of a variable for every pair of site and cell, one for every different travel time of a
cell: z_ik = 1 where no team is nearer to cell i than its k-th time.

    min  sum_i d_i (t_i1 + sum_k (t_i,k+1 - t_ik) z_i,k+1)   with   z_i,k+1 + teams within t_ik >= 1

Source: Hakimi, S. L. (1964): Optimum locations of switching centers. Operations Research 12(3); the formulation by
radii: Cornuéjols, G., Nemhauser, G. & Wolsey, L. (1980): A canonical representation of simple plant location
problems. SIAM Journal on Algebraic and Discrete Methods 1(3).
"""

import time
from dataclasses import dataclass

import numpy as np
from scipy.optimize import LinearConstraint

from crisisrisk.errors import UsageError
from crisisrisk.positioning.programme import least, matrix, solved
from crisisrisk.positioning.question import CODE, Counts, Mask, Numbers


@dataclass(frozen=True, kw_only=True, eq=False)
class Nearest:
    """Sites chosen. `chosen`: shape (sites,). `minutes`: the mean over expected contacts; `bound`: none has less."""

    chosen: Mask
    minutes: float
    bound: float
    optimal: bool
    seconds: float


def least_travel(
    minutes: Numbers, demand: Numbers, *, teams: int, may_stand: Mask | None = None, seconds: float = 30.0
) -> Nearest:
    """Where `teams` teams stand so that the mean travel time is least. `minutes`: (sites, cells), `demand`: (cells,).

    Raises UsageError for fewer sites than teams, no demand, and times that are absent. When the time is over the best
    found is given with its bound.
    """
    began = time.monotonic()
    sites = len(minutes)
    may = np.ones(sites, dtype=bool) if may_stand is None else may_stand
    _require(minutes, demand, teams, may)
    cells = np.flatnonzero(demand > 0)
    start = _greedy(minutes[:, cells], demand[cells], teams, may)
    model = _radii(minutes[:, cells], may, teams)
    weight = demand[cells][model.cell] * model.step
    objective = np.concatenate([np.zeros(sites), weight])
    upper = np.concatenate([may.astype(float), np.ones(len(weight))])
    whole = np.concatenate([np.ones(sites), np.zeros(len(weight))])
    found = solved(objective, whole, upper, _rules(model, sites, teams), seconds=seconds)
    base = float((demand[cells] * np.where(may[:, None], minutes[:, cells], np.inf).min(axis=0)).sum())
    chosen = start if found.x is None else found.x[:sites] > 0.5
    if _total(minutes[:, cells], demand[cells], start) < _total(minutes[:, cells], demand[cells], chosen):
        chosen = start
    everyone = float(demand.sum())
    total = _total(minutes[:, cells], demand[cells], chosen)
    return Nearest(
        chosen=chosen,
        minutes=total / everyone,
        bound=min(base + max(least(found), 0.0), total) / everyone,
        optimal=found.status == 0,
        seconds=time.monotonic() - began,
    )


def _require(minutes: Numbers, demand: Numbers, teams: int, may: Mask) -> None:
    problems = []
    if not 1 <= teams <= may.sum():
        problems.append(f"{teams} teams for {int(may.sum())} sites where they may stand")
    if not (np.isfinite(demand).all() and (demand >= 0).all() and demand.sum() > 0):
        problems.append("no expected contacts, or some that are no numbers of 0 or more")
    elif not np.isfinite(minutes[np.ix_(may, demand > 0)]).all():
        problems.append("travel times are absent: cells that no site reaches have no mean travel time")
    if problems:
        raise UsageError(
            CODE, problems[0], found="; ".join(problems[1:]) or None, wanted="a site of its own for each team",
            hint="the covering model plans these too: leave --model out",
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Radii:
    """One column for each cell and different time but the last; `cell` and `step`: shape (columns,)."""

    cell: Counts
    step: Numbers
    row: Counts
    """For each site that is within the radius of a column: the column, and the site."""
    site: Counts


def _radii(minutes: Numbers, may: Mask, teams: int) -> _Radii:
    """With `teams` at different sites the nearest is never beyond the (sites - teams + 1)-th time."""
    allowed = np.flatnonzero(may)
    times = minutes[allowed]
    order = np.argsort(times, axis=0, kind="stable")
    ranked = np.take_along_axis(times, order, axis=0)[: len(allowed) - teams + 1]
    steps = np.diff(ranked, axis=0)
    rank, cell = np.nonzero(steps > 0)
    column = np.lexsort((rank, cell))
    rank, cell = rank[column], cell[column]
    within = rank + 1
    row = np.repeat(np.arange(len(cell)), within)
    place = np.arange(len(row)) - np.repeat(np.cumsum(within) - within, within)
    return _Radii(cell, steps[rank, cell], row, allowed[order[place, cell[row]]])


def _rules(model: _Radii, sites: int, teams: int) -> list[LinearConstraint]:
    columns = len(model.cell)
    placed = matrix(np.zeros(sites, dtype=np.int64), np.arange(sites), None, (1, sites + columns))
    rows = np.concatenate([np.arange(columns), model.row])
    within = matrix(rows, np.concatenate([sites + np.arange(columns), model.site]), None, (columns, sites + columns))
    rules = [LinearConstraint(placed, teams, teams)]
    return [*rules, LinearConstraint(within, 1.0, np.inf)] if columns else rules


def _greedy(minutes: Numbers, demand: Numbers, teams: int, may: Mask) -> Mask:
    chosen = np.zeros(len(minutes), dtype=bool)
    nearest = np.full(minutes.shape[1], np.inf)
    for _ in range(teams):
        totals = np.minimum(minutes, nearest) @ demand
        totals[chosen | ~may] = np.inf
        best = int(np.argmin(totals))
        chosen[best] = True
        nearest = np.minimum(nearest, minutes[best])
    return chosen


def _total(minutes: Numbers, demand: Numbers, chosen: Mask) -> float:
    return float((minutes[chosen].min(axis=0) * demand).sum())
