"""The maximal expected covering model, exact: MEXCLP, and with a busy share of 0 MCLP, over the parts of a shift.

    max  sum_i sum_k g_ik z_ik  -  cost * moves        g_ik: what the k-th team near cell i is worth (`demand.py`)
    with sum_k z_ik <= teams that reach i,  0 <= z <= 1,  teams of each kind placed,  room at each site,
         moves >= teams at a site now less those before,
         cover of each floor's cells >= its share of the average cover

As the gains fall with k, z fills in order of k by itself; only the teams at sites are whole numbers. A floor can make
it pay to leave cover uncounted: where a plan holds its floors only so, it is solved again with z whole and tied to the
teams. Solved by HiGHS.

Sources: Church, R. & ReVelle, C. (1974): The maximal covering location problem. Papers of the Regional Science
Association 32, 101-118. Daskin, M. S. (1983): A maximum expected covering location model. Transportation Science 17(1).
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import LinearConstraint

from crisisrisk.errors import UsageError
from crisisrisk.positioning.answer import Standing, covered_in, moves_of, served_of
from crisisrisk.positioning.greedy import greedy, upper_bound
from crisisrisk.positioning.programme import INFEASIBLE, TOLERANCE, least, matrix, solved
from crisisrisk.positioning.question import CODE, Counts, Floor, Numbers, Question, TeamKind, require_sensible
from crisisrisk.positioning.reduction import ReducedPart, reduced

EXACT, BEST_IN_TIME, GREEDY = "exact", "best found in time", "greedy"


def most_covered(question: Question, *, seconds: float = 30.0) -> Standing:
    """The plan that covers most. Raises UsageError for what cannot be answered, naming everything in the way.

    `seconds`: after these the best plan found so far is given with its gap; with 0 at once the greedy one.
    """
    require_sensible(question)
    began = time.monotonic()
    start = greedy(question)
    if seconds <= 0 or not question.expected:
        return _of(question, start, upper_bound(question, start), began, GREEDY)
    parts = reduced(question)
    model = _Model(question, parts)
    found = model.solved(seconds)
    if found.x is not None and not floors_hold(question, model.teams_at(found.x)):
        model = _Model(question, parts, tied=True)
        found = model.solved(max(seconds - (time.monotonic() - began), 0.1))
    if found.status == INFEASIBLE:
        raise UsageError(
            CODE, "what must hold cannot hold together", found="; ".join(conflict(question, seconds)),
            hint="lower a floor, or add a team or a site",
        )  # fmt: skip
    if found.x is None:
        return _of(question, start, min(upper_bound(question, start), -least(found)), began, GREEDY)
    best = model.teams_at(found.x)
    if _value(question, start) > _value(question, best) and not question.floors:
        best = start
    return _of(question, best, -least(found), began, EXACT if found.status == 0 else BEST_IN_TIME)


def conflict(question: Question, seconds: float) -> list[str]:
    """The floors of a smallest set that cannot hold together: without any one of them the others can."""
    kept = list(question.floors)
    for floor in question.floors:
        without = [one for one in kept if one is not floor]
        if _infeasible(question, without, seconds):
            kept = without
    return [f"{floor.name}: at least {floor.share:g} times the average cover" for floor in kept]


def _infeasible(question: Question, floors: list[Floor], seconds: float) -> bool:
    asked = Question(
        parts=question.parts, kinds=question.kinds, room=question.room, floors=tuple(floors),
        move_costs=question.move_costs, site_names=question.site_names,
    )  # fmt: skip
    return bool(_Model(asked, reduced(asked), tied=True).solved(seconds).status == INFEASIBLE)


def floors_hold(question: Question, teams_at: Counts) -> bool:
    """Whether a plan covers its share of the average in every group and part."""
    for part, covered in zip(question.parts, served_of(question, teams_at), strict=True):
        for floor in question.floors:
            least = floor.share * covered.sum() * part.demand[floor.cells].sum()
            if covered[floor.cells].sum() * part.demand.sum() < least * (1 - TOLERANCE) - TOLERANCE:
                return False
    return True


def _of(question: Question, teams_at: Counts, bound: float, began: float, method: str) -> Standing:
    value = _value(question, teams_at)
    optimal = method == EXACT or value >= bound * (1 - TOLERANCE)
    return Standing(
        teams_at=teams_at,
        covered=covered_in(question, teams_at),
        moves=moves_of(teams_at),
        value=value,
        bound=max(bound, value),
        optimal=bool(optimal),
        seconds=time.monotonic() - began,
        method=method,
    )


def _value(question: Question, teams_at: Counts) -> float:
    return float(covered_in(question, teams_at).sum()) - question.move_costs * moves_of(teams_at)


@dataclass(frozen=True, eq=False)
class _Block:
    """The columns of one part: teams at sites by kind, then the cover variables, level by level."""

    part: ReducedPart
    at: int
    """The first column of teams."""
    cover_at: int
    cell: Counts
    """The class of each cover variable. Shape (variables,)."""
    gain: Numbers
    """How many contacts each is worth. Shape (variables,)."""


class _Model:
    """The mixed-integer programme of a question. `tied`: cover variables are whole, and as many as teams reach."""

    def __init__(self, question: Question, parts: tuple[ReducedPart, ...], *, tied: bool = False) -> None:
        self._question, self._tied = question, tied
        self._kinds = [kind for kind in question.kinds if kind.teams]
        self._width = len(self._kinds) * question.sites
        self._blocks: list[_Block] = []
        column = 0
        for part in parts:
            cell, gain = _levels(part, self._kinds, question)
            self._blocks.append(_Block(part, column, column + self._width, cell, gain))
            column += self._width + len(cell)
        self._moves_at, moving = column, question.move_costs > 0 or len(parts) > 1
        self._columns = column + (len(parts) - 1) * self._width if moving else column

    def solved(self, seconds: float) -> Any:
        """What HiGHS answers."""
        objective, whole = np.zeros(self._columns), np.zeros(self._columns)
        upper = np.ones(self._columns)
        for block in self._blocks:
            teams = slice(block.at, block.at + self._width)
            whole[teams] = 1
            upper[teams] = np.concatenate(
                [np.where(kind.may_stand, np.minimum(self._question.room, kind.teams), 0) for kind in self._kinds]
            )
            cover = slice(block.cover_at, block.cover_at + len(block.cell))
            objective[cover] = -block.gain
            whole[cover] = self._tied
        objective[self._moves_at :], upper[self._moves_at :] = self._question.move_costs, self._question.teams
        return solved(objective, whole, upper, self._constraints(), seconds=seconds)

    def teams_at(self, answer: Numbers) -> Counts:
        """Shape (parts, kinds, sites), kinds without a team included."""
        found = np.zeros((len(self._blocks), len(self._question.kinds), self._question.sites), dtype=np.int64)
        used = [number for number, kind in enumerate(self._question.kinds) if kind.teams]
        for number, block in enumerate(self._blocks):
            teams = np.rint(answer[block.at : block.at + self._width]).astype(np.int64)
            found[number, used] = teams.reshape(len(used), self._question.sites)
        return found

    def _constraints(self) -> list[LinearConstraint]:
        found = [rule for block in self._blocks for rule in self._of_block(block)]
        return [*found, *(self._of_moves(one, two, n) for n, (one, two) in enumerate(self._pairs()))]

    def _pairs(self) -> list[tuple[_Block, _Block]]:
        if self._columns == self._moves_at:
            return []
        return list(zip(self._blocks[:-1], self._blocks[1:], strict=True))

    def _of_block(self, block: _Block) -> list[LinearConstraint]:
        question, kinds, sites = self._question, len(self._kinds), self._question.sites
        teams = block.at + np.arange(self._width)
        placed = matrix(np.repeat(np.arange(kinds), sites), teams, None, (kinds, self._columns))
        wanted = np.array([kind.teams for kind in self._kinds])
        room = matrix(np.tile(np.arange(sites), kinds), teams, None, (sites, self._columns))
        rules = [LinearConstraint(placed, wanted, wanted), LinearConstraint(room, -np.inf, question.room)]
        if len(block.cell):
            rules += [self._reached(block), *self._ties(block)]
        rules += [self._floor(block, number, floor.share) for number, floor in enumerate(question.floors)]
        return rules

    def _reached(self, block: _Block) -> LinearConstraint:
        classes = len(block.part.gains)
        kind_site, cell = np.nonzero(block.part.reach.reshape(self._width, classes))
        cover = block.cover_at + np.arange(len(block.cell))
        rows, columns = np.concatenate([block.cell, cell]), np.concatenate([cover, block.at + kind_site])
        values = np.concatenate([np.ones(len(cover)), -np.ones(len(cell))])
        return LinearConstraint(matrix(rows, columns, values, (classes, self._columns)), -np.inf, 0.0)

    def _ties(self, block: _Block) -> list[LinearConstraint]:
        """Teams that reach a class are counted, level after level: the others less `most` times its last level."""
        if not self._tied:
            return []
        classes = len(block.part.gains)
        kind_site, cell = np.nonzero(block.part.reach.reshape(self._width, classes))
        cover = block.cover_at + np.arange(len(block.cell))
        last = np.append(block.cell[1:] != block.cell[:-1], True)
        weight = np.where(last, float(self._question.teams), 1.0)
        rows, columns = np.concatenate([block.cell, cell]), np.concatenate([cover, block.at + kind_site])
        values = np.concatenate([weight, -np.ones(len(cell))])
        counted = LinearConstraint(matrix(rows, columns, values, (classes, self._columns)), 0.0, np.inf)
        pairs = np.flatnonzero(~last)
        row = np.tile(np.arange(len(pairs)), 2)
        order = matrix(
            row, np.concatenate([cover[pairs], cover[pairs + 1]]), np.repeat([1.0, -1.0], len(pairs)),
            (len(pairs), self._columns),
        )  # fmt: skip
        return [counted, LinearConstraint(order, 0.0, np.inf)] if len(pairs) else [counted]

    def _floor(self, block: _Block, number: int, share: float) -> LinearConstraint:
        """Cover of the group / its demand - share * cover of all / all demand >= 0."""
        part, row = block.part, np.zeros(self._columns)
        own = part.floor_expected[number]
        if own <= 0:  # nothing is expected there: nothing to hold
            return LinearConstraint(sparse.csr_array(row[None, :]), 0.0, np.inf)
        inside = part.in_floor[number][block.cell] / own
        row[block.cover_at : block.cover_at + len(block.cell)] = block.gain * (inside - share / part.expected)
        return LinearConstraint(sparse.csr_array(row[None, :]), 0.0, np.inf)

    def _of_moves(self, before: _Block, after: _Block, number: int) -> LinearConstraint:
        rows = np.arange(self._width)
        moves = self._moves_at + number * self._width + rows
        columns = np.concatenate([moves, before.at + rows, after.at + rows])
        values = np.concatenate([np.ones(self._width), np.ones(self._width), -np.ones(self._width)])
        return LinearConstraint(matrix(np.tile(rows, 3), columns, values, (self._width, self._columns)), 0.0, np.inf)


def _levels(part: ReducedPart, kinds: list[TeamKind], question: Question) -> tuple[Counts, Numbers]:
    """For every cover variable its class and its gain; teams that can add nothing have none."""
    room = np.stack([np.minimum(question.room, kind.teams) for kind in kinds])
    most = np.minimum(np.einsum("ksc,ks->c", part.reach.astype(np.int64), room), question.teams)
    most = np.minimum(most, np.maximum((part.gains > 0).sum(axis=1), 1))
    cell = np.repeat(np.arange(len(most)), most)
    level = np.arange(len(cell)) - np.repeat(np.cumsum(most) - most, most)
    return cell.astype(np.int64), np.asarray(part.gains[cell, level])
