"""The programme of the maximal expected covering model: MEXCLP, and with a busy share of 0 MCLP, over a shift's parts.

    max  sum_i sum_k g_ik z_ik  -  cost * moves  -  least gain * teams that leave their base
                                                       g_ik: what the k-th team near cell i is worth (`demand.py`)
    with sum_k z_ik <= teams on duty that reach i,  0 <= z <= 1,  teams of each kind placed,  room at each site,
         moves >= teams at a site now less those in the period before,
         teams of a kind that leave a base >= those whose it is less those that stand there, in each period,
         cover of each floor's cells >= its share of the average cover, over all parts

Cells i are those of every part; teams stand still within a period, which may have several parts. As the gains fall with
k, z fills in order of k by itself; only the teams at sites are whole numbers. A floor can make it pay to leave cover
uncounted: where a plan holds its floors only so, it is solved again with z whole and tied to the teams.

Sources: Church, R. & ReVelle, C. (1974): The maximal covering location problem. Papers of the Regional Science
Association 32, 101-118. Daskin, M. S. (1983): A maximum expected covering location model. Transportation Science 17(1).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import LinearConstraint

from crisisrisk.positioning.programme import matrix, solved
from crisisrisk.positioning.question import Counts, Mask, Numbers, Question, TeamKind
from crisisrisk.positioning.reduction import ReducedPart


@dataclass(frozen=True, eq=False)
class _Block:
    """The columns of one part: the cover variables, level by level, and the teams at sites of its period by kind."""

    part: ReducedPart
    present: Mask
    """Which kinds are on duty. Shape (kinds,)."""
    at: int
    """The first column of teams."""
    cover_at: int
    cell: Counts
    """The class of each cover variable. Shape (variables,)."""
    gain: Numbers
    """How many contacts each is worth. Shape (variables,)."""


class CoverModel:
    """The mixed-integer programme of a question. `tied`: cover variables are whole, and as many as teams reach."""

    def __init__(self, question: Question, parts: tuple[ReducedPart, ...], *, tied: bool = False) -> None:
        self._question, self._tied = question, tied
        self._used = [number for number, kind in enumerate(question.kinds) if kind.teams]
        self._kinds = [question.kinds[number] for number in self._used]
        self._width = len(self._kinds) * question.sites
        self._blocks: list[_Block] = []
        column = question.periods * self._width
        for part, period, present in zip(parts, question.period.tolist(), question.presence, strict=True):
            cell, gain = _levels(part, self._kinds, question)
            self._blocks.append(_Block(part, present[self._used], period * self._width, column, cell, gain))
            column += len(cell)
        self._moves_at, self._leave_at = column, column + (question.periods - 1) * self._width
        usual = question.usual[self._used].ravel() if question.least_gain else np.zeros(self._width, dtype=np.int64)
        self._bases, self._usual = np.flatnonzero(usual), usual[usual > 0].astype(np.float64)
        self._columns = self._leave_at + len(self._bases)

    def solved(self, seconds: float) -> Any:
        """What HiGHS answers."""
        objective, whole = np.zeros(self._columns), np.zeros(self._columns)
        upper = np.ones(self._columns)
        for period in range(self._question.periods):
            teams = slice(period * self._width, (period + 1) * self._width)
            whole[teams], upper[teams] = 1, self._most(period)
        for block in self._blocks:
            cover = slice(block.cover_at, block.cover_at + len(block.cell))
            objective[cover] = -block.gain
            whole[cover] = self._tied
        moves, leaving = slice(self._moves_at, self._leave_at), slice(self._leave_at, self._columns)
        objective[moves], upper[moves] = self._question.move_costs, self._question.teams
        objective[leaving], upper[leaving] = self._question.least_gain, self._usual
        return solved(objective, whole, upper, self._constraints(), seconds=seconds)

    def _most(self, period: int) -> Numbers:
        """How many teams of each kind may stand at each site. Shape (kinds × sites,)."""
        stands = self._question.stands[period, self._used]
        return np.concatenate([
            np.where(kind.may_stand, np.minimum(self._question.room, kind.teams), 0) * here
            for kind, here in zip(self._kinds, stands, strict=True)
        ])  # fmt: skip

    def teams_at(self, answer: Numbers) -> Counts:
        """Shape (periods, kinds, sites), kinds without a team included."""
        question = self._question
        found = np.zeros((question.periods, len(question.kinds), question.sites), dtype=np.int64)
        teams = np.rint(answer[: question.periods * self._width]).astype(np.int64)
        found[:, self._used] = teams.reshape(question.periods, len(self._used), question.sites)
        return found

    def _constraints(self) -> list[LinearConstraint]:
        question = self._question
        found = [self._placed(period) for period in range(question.periods)]
        for block in self._blocks:
            found += [self._room(block), *([self._reached(block), *self._ties(block)] if len(block.cell) else [])]
        found += [self._floor(number, floor.share) for number, floor in enumerate(question.floors)]
        moves = (self._of_moves(period) for period in range(1, question.periods))
        leaving = (self._of_leaving(period) for period in range(question.periods))
        return [*found, *(rule for rule in (*moves, *leaving) if rule.A.shape[0])]

    def _placed(self, period: int) -> LinearConstraint:
        kinds, sites = len(self._kinds), self._question.sites
        teams = period * self._width + np.arange(self._width)
        placed = matrix(np.repeat(np.arange(kinds), sites), teams, None, (kinds, self._columns))
        wanted = np.array([kind.teams for kind in self._kinds]) * self._question.stands[period, self._used]
        return LinearConstraint(placed, wanted, wanted)

    def _room(self, block: _Block) -> LinearConstraint:
        """Teams that are on duty at the same time share the room of a site."""
        kinds, sites = len(self._kinds), self._question.sites
        here = np.repeat(block.present, sites).astype(np.float64)
        teams = block.at + np.arange(self._width)
        room = matrix(np.tile(np.arange(sites), kinds), teams, here, (sites, self._columns))
        return LinearConstraint(room, -np.inf, self._question.room)

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

    def _floor(self, number: int, share: float) -> LinearConstraint:
        """Cover of the group / its demand - share * cover of all / all demand >= 0."""
        row = np.zeros(self._columns)
        own = sum(float(block.part.floor_expected[number]) for block in self._blocks)
        everything = sum(block.part.expected for block in self._blocks)
        for block in self._blocks if own > 0 else ():  # where nothing is expected there is nothing to hold
            inside = block.part.in_floor[number][block.cell] / own
            row[block.cover_at : block.cover_at + len(block.cell)] = block.gain * (inside - share / everything)
        return LinearConstraint(sparse.csr_array(row[None, :]), 0.0, np.inf)

    def _of_moves(self, period: int) -> LinearConstraint:
        """Moves into a period, of each kind from the last one before in which it stood; the first time is no move."""
        sites, stands = self._question.sites, self._question.stands[:, self._used]
        kinds = [kind for kind in np.flatnonzero(stands[period]).tolist() if stands[:period, kind].any()]
        own = np.concatenate([kind * sites + np.arange(sites) for kind in kinds] or [np.empty(0, dtype=np.int64)])
        last = [int(np.flatnonzero(stands[:period, kind])[-1]) for kind in kinds]
        before = np.repeat(np.array(last, dtype=np.int64), sites) * self._width + own
        columns = np.concatenate(
            [self._moves_at + (period - 1) * self._width + own, before, period * self._width + own]
        )
        values = np.repeat([1.0, 1.0, -1.0], len(own))
        rows = np.tile(np.arange(len(own)), 3)
        return LinearConstraint(matrix(rows, columns, values, (len(own), self._columns)), 0.0, np.inf)

    def _of_leaving(self, period: int) -> LinearConstraint:
        """Teams of a kind that leave a base are no fewer than those whose it is less those there in this period."""
        here = np.flatnonzero(self._question.stands[period, self._used][self._bases // self._question.sites])
        columns = np.concatenate([self._leave_at + here, period * self._width + self._bases[here]])
        rows = np.tile(np.arange(len(here)), 2)
        return LinearConstraint(matrix(rows, columns, None, (len(here), self._columns)), self._usual[here], np.inf)


def _levels(part: ReducedPart, kinds: list[TeamKind], question: Question) -> tuple[Counts, Numbers]:
    """For every cover variable its class and its gain; teams that can add nothing have none."""
    room = np.stack([np.minimum(question.room, kind.teams) for kind in kinds])
    most = np.minimum(np.einsum("ksc,ks->c", part.reach.astype(np.int64), room), question.teams)
    most = np.minimum(most, np.maximum((part.gains > 0).sum(axis=1), 1))
    cell = np.repeat(np.arange(len(most)), most)
    level = np.arange(len(cell)) - np.repeat(np.cumsum(most) - most, most)
    return cell.astype(np.int64), np.asarray(part.gains[cell, level])
