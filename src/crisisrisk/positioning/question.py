"""What is asked of a plan: expected contacts by cell, who reaches what in time, how many teams, and what must hold.

A team covers a cell from a site when it gets there within the target. Everything is a frozen value with arrays; the
models (`cover.py`, `distance.py`) are functions of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import UsageError

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

CODE = "CR-PLAN-001"
SLACK = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A part of a shift, such as its first half: what is expected in it, and what one more team near a cell is worth.

    `demand`: expected contacts of each cell. Shape (cells,). `gains`: how many more of them find a free team in time
    when one more team reaches the cell: the first, the second and so on. Shape (cells, teams), falling along a row.
    """

    demand: Numbers
    gains: Numbers

    @cached_property
    def served(self) -> Numbers:
        """Contacts that find a free team where 0, 1, 2 … teams reach the cell. Shape (cells, teams + 1)."""
        return np.concatenate([np.zeros((len(self.gains), 1)), np.cumsum(self.gains, axis=1)], axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class TeamKind:
    """So many teams that may stand at the same sites. `may_stand`: shape (sites,). `reach`: shape (sites, cells)."""

    name: str
    teams: int
    may_stand: Mask
    reach: Mask


@dataclass(frozen=True, kw_only=True, eq=False)
class Floor:
    """A group of cells, such as rural ones, of which at least `share` of the average cover must be covered."""

    name: str
    cells: Mask
    share: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """Where the teams should stand in each part of the shift.

    `room`: how many teams each site holds. Shape (sites,). `move_costs`: expected contacts that one more move between
    parts must gain to be asked of a team.
    """

    parts: tuple[Part, ...]
    kinds: tuple[TeamKind, ...]
    room: Counts
    floors: tuple[Floor, ...] = ()
    move_costs: float = 0.0
    site_names: tuple[str, ...] = field(default=())

    @property
    def sites(self) -> int:
        """How many sites there are."""
        return len(self.room)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return len(self.parts[0].demand)

    @property
    def teams(self) -> int:
        """How many teams there are, of all kinds."""
        return sum(kind.teams for kind in self.kinds)

    @cached_property
    def expected(self) -> float:
        """Contacts expected in all parts together."""
        return float(sum(part.demand.sum() for part in self.parts))

    def name_of(self, site: int) -> str:
        """What a site is called, in errors."""
        return self.site_names[site] if self.site_names else f"site {site + 1}"


def require_sensible(question: Question) -> None:
    """Raise UsageError naming everything that makes a question impossible to answer."""
    problems = [*_of_numbers(question), *_of_teams(question)]
    if problems:
        raise UsageError(
            CODE, problems[0] if len(problems) == 1 else f"{len(problems)} things make a plan impossible",
            found="; ".join(problems), hint="change the teams, the sites or what must hold, and ask again",
        )  # fmt: skip


def _of_numbers(question: Question) -> Sequence[str]:
    problems = []
    for part in question.parts:
        if not np.isfinite(part.demand).all() or (part.demand < 0).any():
            bad = int((~(np.isfinite(part.demand) & (part.demand >= 0))).sum())
            problems.append(f"the expected contacts of {bad:,} cells are no numbers of 0 or more")
        elif not _falling(part):
            problems.append("a further team is worth more than the one before, or less than nothing")
    if not question.sites:
        problems.append("there is no site to stand at")
    if question.teams < 1:
        problems.append("there is no team")
    return problems


def _of_teams(question: Question) -> Sequence[str]:
    """Teams without a place to stand, alone and all together."""
    problems = []
    for kind in question.kinds:
        room = int(question.room[kind.may_stand].sum())
        if kind.teams > room:
            problems.append(f"{kind.teams} teams of {kind.name}, and room for {room} where they may stand")
    room = int(question.room.sum())
    if not problems and question.teams > room:
        problems.append(f"{question.teams} teams, and room for {room} at {question.sites} sites")
    return problems


def _falling(part: Part) -> bool:
    steps = np.concatenate([part.demand[:, None], part.gains], axis=1)
    return bool((np.diff(steps, axis=1) <= SLACK).all() and (part.gains >= 0).all())
