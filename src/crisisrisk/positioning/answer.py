"""What a model of coverage answers: where teams stand, what that covers, and how good the answer is known to be."""

from dataclasses import dataclass

import numpy as np

from crisisrisk.positioning.question import Counts, Numbers, Question


@dataclass(frozen=True, kw_only=True, eq=False)
class Standing:
    """Teams at sites. `teams_at`: shape (periods, kinds, sites). `covered`: expected contacts, by part.

    `value`: what is covered less the cost of moves; `bound`: what no plan is worth more than; `optimal`: that this one
    does as well as any, to the solver's tolerance. `method`: which way it was found.
    """

    teams_at: Counts
    covered: Numbers
    moves: int
    value: float
    bound: float
    optimal: bool
    seconds: float
    method: str

    @property
    def gap(self) -> float:
        """By what share of the bound the plan may fall short of the best one."""
        return 0.0 if self.bound <= 0 or self.optimal else max(0.0, 1.0 - self.value / self.bound)


def teams_covering(question: Question, teams_at: Counts) -> Counts:
    """How many teams reach each cell in each part. Shape (parts, cells)."""
    found = np.zeros((len(question.parts), question.cells), dtype=np.int64)
    here = teams_at[question.period] * question.presence[:, :, None]
    for part, number, site in zip(*np.nonzero(here), strict=True):
        kind = question.kinds[number]
        if kind.may_stand[site]:
            found[part] += here[part, number, site] * kind.reach[site]
    return found


def served_of(question: Question, teams_at: Counts) -> Numbers:
    """Contacts of each cell that find a free team in time. Shape (parts, cells)."""
    teams = teams_covering(question, teams_at)
    cells = np.arange(question.cells)
    return np.stack([
        part.served[cells, np.minimum(near, part.gains.shape[1])]
        for part, near in zip(question.parts, teams, strict=True)
    ])  # fmt: skip


def covered_in(question: Question, teams_at: Counts) -> Numbers:
    """Expected contacts that find a free team in time. Shape (parts,)."""
    return np.asarray(served_of(question, teams_at).sum(axis=1))


def moves_of(question: Question, teams_at: Counts) -> int:
    """How many teams stand elsewhere in a period than in the one before in which their kind stood."""
    moves = 0
    for kind, stands in enumerate(question.stands.T):
        moves += int(np.maximum(np.diff(teams_at[stands, kind], axis=0), 0).sum())
    return moves


def leaving_of(question: Question, teams_at: Counts) -> int:
    """How many teams are asked to leave their base at any time: those not counted that it has no room for."""
    away = 0
    for kind, stands in enumerate(question.stands.T):
        if stands.any():
            away += int(np.maximum(question.usual[kind] - teams_at[stands, kind], 0).max(axis=0).sum())
    return away - question.crowded_out
