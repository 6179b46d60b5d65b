"""What is asked of a plan: expected contacts by cell, who reaches what in time, how many teams, and what must hold.

A team covers a cell from a site when it gets there within the target. Everything is a frozen value with arrays; the
models (`cover.py`, `nearest.py`) are functions of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import UsageError

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]

CODE = "CR-PLAN-001"
TARGETS = (15.0, 30.0)
"""Minutes within which plans and replays say what is reached."""
SLACK = 1e-9
MANY_KINDS, MOST_NAMED = 12, 3
"""Of more kinds of team only one, two, and all together are looked at for room; so many sites are named."""


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
    """So many teams that may stand at the same sites. `may_stand`: shape (sites,). `reach`: shape (sites, cells).

    `bound`: in words what keeps it from standing and going everywhere, "" where nothing does; `unbound`: whom it would
    reach without that. `usual`: how many of them have their base at each site, shape (sites,); None, and those of no
    site: to them every site is as good as another.
    """

    name: str
    teams: int
    may_stand: Mask
    reach: Mask
    bound: str = ""
    unbound: Mask | None = None
    usual: Counts | None = None

    @property
    def free(self) -> "TeamKind":
        """The same teams without what binds them."""
        reach = self.reach if self.unbound is None else self.unbound
        return replace(self, may_stand=np.ones_like(self.may_stand), reach=reach, bound="", unbound=None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Floor:
    """A group of cells, such as rural ones, of which at least `share` of the average cover must be covered."""

    name: str
    cells: Mask
    share: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """Where the teams should stand in each period of the shift.

    `room`: how many teams each site holds. Shape (sites,). `move_costs`: expected contacts that one more move between
    periods must gain to be asked of a team; `least_gain`: those that each team must gain that is asked to leave its
    base at any time, beside those that its base is too small for. `period_of`: the period of each part, ascending from
    0; (): each part is one. Teams stand still within a period. `present`: which kinds are on duty in which part; None:
    all in all. Shape (parts, kinds).
    """

    parts: tuple[Part, ...]
    kinds: tuple[TeamKind, ...]
    room: Counts
    floors: tuple[Floor, ...] = ()
    move_costs: float = 0.0
    least_gain: float = 0.0
    site_names: tuple[str, ...] = field(default=())
    period_of: tuple[int, ...] = ()
    present: Mask | None = None

    @cached_property
    def period(self) -> Counts:
        """The period of each part. Shape (parts,)."""
        return np.array(self.period_of or range(len(self.parts)), dtype=np.int64)

    @property
    def periods(self) -> int:
        """How many periods there are."""
        return int(self.period.max()) + 1

    @cached_property
    def presence(self) -> Mask:
        """Which kinds are on duty in which part. Shape (parts, kinds)."""
        return np.ones((len(self.parts), len(self.kinds)), dtype=bool) if self.present is None else self.present

    @cached_property
    def stands(self) -> Mask:
        """Which kinds stand anywhere in which period. Shape (periods, kinds)."""
        return np.stack([self.presence[self.period == one].any(axis=0) for one in range(self.periods)])

    @cached_property
    def usual(self) -> Counts:
        """How many teams of each kind have their base at each site. Shape (kinds, sites)."""
        nobody = np.zeros(self.sites, dtype=np.int64)
        return np.stack([nobody if kind.usual is None else np.asarray(kind.usual) for kind in self.kinds])

    @cached_property
    def crowded_out(self) -> int:
        """How many teams must leave their base, because it holds fewer than have it as theirs at the same time."""
        at_base = self.presence.astype(np.int64) @ self.usual
        return int(np.maximum(at_base - self.room, 0).max(axis=0).sum())

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
            found=None if len(problems) == 1 else "; ".join(problems),
            hint="change the teams, the sites or what must hold, and ask again",
        )  # fmt: skip


def _of_numbers(question: Question) -> Sequence[str]:
    problems = []
    for part in question.parts:
        if not np.isfinite(part.demand).all() or (part.demand < 0).any():
            bad = int((~(np.isfinite(part.demand) & (part.demand >= 0))).sum())
            cells = "1 cell are not a number" if bad == 1 else f"{bad:,} cells are not numbers"
            problems.append(f"the expected contacts of {cells} of 0 or more")
        elif not _falling(part):
            problems.append("a further team is worth more than the one before, or less than nothing")
    if not question.sites:
        problems.append("there is no site to stand at")
    if question.teams < 1:
        problems.append("there is no team")
    return problems


def _of_teams(question: Question) -> Sequence[str]:
    """For each part the fewest kinds of team that together find too little room, each said once."""
    return list(dict.fromkeys(problem for row in question.presence for problem in _crowded(question, row)))


def _crowded(question: Question, present: Mask) -> Sequence[str]:
    kinds = [kind for kind, here in zip(question.kinds, present, strict=True) if here and kind.teams]
    sizes = range(1, len(kinds) + 1) if len(kinds) <= MANY_KINDS else (1, 2, len(kinds))
    for size in sizes:
        found = [_said(question, some) for some in combinations(kinds, size) if _too_many(question, some)]
        if found:
            return found
    return []


def _too_many(question: Question, kinds: Sequence[TeamKind]) -> bool:
    may = np.any([kind.may_stand for kind in kinds], axis=0)
    return sum(kind.teams for kind in kinds) > int(question.room[may].sum())


def _said(question: Question, kinds: Sequence[TeamKind]) -> str:
    may = np.any([kind.may_stand for kind in kinds], axis=0)
    teams, room = sum(kind.teams for kind in kinds), int(question.room[may].sum())
    closed = [question.name_of(site) for site in np.flatnonzero(may & (question.room == 0)).tolist()][:MOST_NAMED]
    shut = f" (closed, full or without room: {', '.join(closed)})" if closed else ""
    names = " and ".join(kind.bound or "those that may stand anywhere" for kind in kinds)
    whose = f"{names}: " if any(kind.bound for kind in kinds) else ""
    left, place = f"room for {room}" if room else "no room", f"where {'it' if teams == 1 else 'they'} may stand"
    return f"{whose}{teams} {'team' if teams == 1 else 'teams'}, and {left} {place}{shut}"


def _falling(part: Part) -> bool:
    steps = np.concatenate([part.demand[:, None], part.gains], axis=1)
    return bool((np.diff(steps, axis=1) <= SLACK).all() and (part.gains >= 0).all())
