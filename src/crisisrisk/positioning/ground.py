"""What a plan is made on: tonight's cells with what is expected, the sites where teams can stand, and travel times.

From crews and a ground to the question of the models, and from their answer back to who stands where.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np

from crisisrisk.errors import UsageError, did_you_mean
from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.demand import first_free, gains_of_nights, part_with_busy
from crisisrisk.positioning.posts import Places
from crisisrisk.positioning.question import CODE, Counts, Floor, Mask, Numbers, Part, Question, TeamKind
from crisisrisk.positioning.stretches import (
    Areas,
    Stretch,
    areas_of,
    away_of,
    contacts_of,
    share_between,
    stretches_of,
)
from crisisrisk.positioning.travel import Points

MOST_NAMED = 4
"""Crews that are named before the others are counted."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """A share of the contacts of every cell that only a team with all of these skills can serve."""

    skills: tuple[str, ...]
    share: float

    @property
    def name(self) -> str:
        """`nurse and officer`."""
        return " and ".join(self.skills)

    def met_by(self, crew: Crew) -> bool:
        """Whether a crew has them."""
        return set(self.skills) <= set(crew.skills)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """One shift to plan. Shapes: `expected` (cells,), `samples` (draws, cells), `minutes` (sites, cells)."""

    start: datetime
    end: datetime
    cells: Points
    cell_names: tuple[str, ...]
    sites: Points
    """Where a team can stand tonight."""
    site_names: tuple[str, ...]
    room: Counts
    minutes: Numbers
    travel_said: str
    expected: Numbers
    samples: Numbers
    hours_each: float
    """From the call to being free again."""
    groups: dict[str, Mask] = field(default_factory=dict)
    """Cells whose cover is watched, such as the most deprived fifth; shape (cells,) each."""
    hourly: Numbers = field(default_factory=lambda: np.zeros(0))
    """The share of the contacts in each real hour of the shift; of no length: they come evenly."""
    cell_places: tuple[frozenset[str], ...] = ()
    """By what each cell is known: its id, its name, the larger place that it lies in. (): only by its id."""
    site_places: tuple[frozenset[str], ...] = ()
    """The same of the cell that each site stands in. (): nobody knows where sites lie."""
    needs: tuple[Need, ...] = ()

    @property
    def hours(self) -> float:
        """Real hours of the shift."""
        return (self.end - self.start).total_seconds() / 3600

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of the contacts that any team can serve, then that of each need."""
        return (max(0.0, 1.0 - sum(need.share for need in self.needs)), *(need.share for need in self.needs))

    def near(self, target: float) -> Mask:
        """Which cells each site reaches within so many minutes. Shape (sites, cells)."""
        return np.asarray(self.minutes <= target)

    def site(self, name: str) -> int:
        """The number of a site, -1 for one where nobody can stand tonight."""
        number = self.sites.ids.index(name) if name in self.sites.ids else -1
        return number if number >= 0 and self.room[number] > 0 else -1

    def base(self, crew: Crew) -> int:
        """The number of a crew's base, -1 where it cannot stand there tonight."""
        number = self.site(crew.base)
        return number if number >= 0 and self.may_stand(crew)[number] else -1

    def stretches(self, crews: Sequence[Crew], periods: int = 1) -> tuple[Stretch, ...]:
        """The shift cut where crews may move, come or go."""
        return stretches_of(self.start, self.end, crews, hourly=self.hourly, periods=periods)

    def come_between(self, start: datetime, end: datetime) -> float:
        """The share of the shift's contacts that come between two moments of it."""
        return share_between(self.start, self.end, start, end, self.hourly)

    def serves(self, crew: Crew) -> Mask:
        """Which cells a crew may serve. Shape (cells,). Raises UsageError for an area that is none."""
        if not crew.areas:
            return np.ones(len(self.cells), dtype=bool)
        places = self.cell_places or tuple(frozenset((name,)) for name in self.cells.ids)
        known = frozenset[str]().union(*places)
        if unknown := [name for name in crew.areas if name not in known]:
            raise UsageError(
                CODE, f'{crew.name} stays in "{unknown[0]}", and there is no such place', found=unknown[0],
                wanted="the id or the name of a cell, or of a larger place",
                hint=did_you_mean(unknown[0], sorted(known - {*self.cells.ids}) or list(known)),
            )  # fmt: skip
        return _inside(places, crew.areas)

    def may_stand(self, crew: Crew) -> Mask:
        """Which sites a crew may stand at, open or not. Shape (sites,)."""
        named = np.isin(self.sites.ids, crew.may_stand) if crew.may_stand else np.ones(len(self.sites), dtype=bool)
        return np.asarray(named & _inside(self.site_places, crew.areas) if crew.areas and self.site_places else named)

    def meets(self, crew: Crew) -> tuple[bool, ...]:
        """Which contacts a crew can serve, in the order of `shares`."""
        return (True, *(need.met_by(crew) for need in self.needs))


def _inside(places: tuple[frozenset[str], ...], areas: tuple[str, ...]) -> Mask:
    return np.array([not own.isdisjoint(areas) for own in places], dtype=bool)


class _Alike(NamedTuple):
    """What makes two crews the same to a plan."""

    may_stand: tuple[str, ...]
    areas: tuple[str, ...]
    meets: tuple[bool, ...]
    out: tuple[bool, ...]


def question_of(
    ground: Ground, crews: tuple[Crew, ...], target: float, *, busy: float | None = None,
    floors: dict[str, float] | None = None, periods: int = 1, move_cost: float = 0.0, least_gain: float = 0.0,
) -> Question:  # fmt: skip
    """Where these crews should stand. `busy`: one share for all in place of what the samples say; 0 leaves it out.

    Contacts that need skills are cells of their own. Raises UsageError where no crew can stand at all.
    """
    stretches = ground.stretches(crews, periods)
    alike = _alike(ground, crews, stretches)
    if not any(any(kind.out) for kind in alike):
        raise UsageError(
            CODE, "no team can stand anywhere in this shift", found=", ".join(crew.name for crew in crews),
            wanted="a team that works in it, and not alone after the hour of lone working",
        )  # fmt: skip
    near, asked = ground.near(target), floors or {}
    return Question(
        parts=tuple(_by_sort(part, ground.shares) for part in parts_of(ground, crews, stretches, busy=busy)),
        kinds=tuple(_kind(ground, kind, members, near) for kind, members in alike.items()),
        room=ground.room,
        floors=tuple(
            Floor(name=name, cells=np.tile(ground.groups[name], len(ground.shares)), share=share)
            for name, share in asked.items()
        ),
        move_costs=move_cost,
        least_gain=least_gain,
        site_names=ground.site_names,
        period_of=tuple(stretch.period for stretch in stretches),
        present=np.array([[kind.out[row] for kind in alike] for row in range(len(stretches))], dtype=bool),
    )


def parts_of(
    ground: Ground, crews: Sequence[Crew], stretches: Sequence[Stretch], *, busy: float | None = None
) -> tuple[Part, ...]:
    """What is expected in each stretch, and what a further team near a cell is worth; whatever skills are needed."""
    areas = areas_of(np.stack([ground.serves(crew) for crew in crews]), ground.expected)
    if busy is not None:
        teams = max(len(crews), 1)
        return tuple(part_with_busy(ground.expected * stretch.share, busy, teams=teams) for stretch in stretches)
    contacts = contacts_of(areas, ground.samples)
    return tuple(_part(ground, crews, stretch, areas, contacts) for stretch in stretches)


def _part(ground: Ground, crews: Sequence[Crew], stretch: Stretch, areas: Areas, contacts: Numbers) -> Part:
    teams, expected = max(len(crews), 1), ground.expected * stretch.share
    away = away_of(stretch, crews, areas, contacts, hours_each=ground.hours_each)
    gains = np.zeros((len(expected), teams))
    for area in range(len(areas)):
        inside, free = areas.cells(area), np.zeros((len(ground.samples), teams))
        for share, piece in zip(stretch.shares.tolist(), away[:, :, area], strict=True):
            free += share * first_free(piece, teams=teams)
        gains[inside] = gains_of_nights(ground.samples[:, inside], expected[inside], free)
    return Part(demand=expected, gains=gains)


def _by_sort(part: Part, shares: tuple[float, ...]) -> Part:
    """A cell for each cell and sort of contact: those for any team, then those of each need."""
    return Part(
        demand=np.concatenate([share * part.demand for share in shares]),
        gains=np.concatenate([share * part.gains for share in shares]),
    )


def _alike(
    ground: Ground, crews: Sequence[Crew], stretches: Sequence[Stretch]
) -> dict[_Alike, tuple[Crew, ...]]:  # fmt: skip
    found: dict[_Alike, tuple[Crew, ...]] = {}
    for crew in crews:
        key = _key(ground, crew, stretches)
        found[key] = (*found.get(key, ()), crew)
    return found


def _key(ground: Ground, crew: Crew, stretches: Sequence[Stretch]) -> _Alike:
    out = tuple(crew.out(stretch.start, stretch.end) for stretch in stretches)
    return _Alike(crew.may_stand, crew.areas, ground.meets(crew), out)


def _kind(ground: Ground, alike: _Alike, crews: tuple[Crew, ...], near: Mask) -> TeamKind:
    anywhere = np.tile(near, (1, len(ground.shares)))
    served = ground.serves(crews[0])
    reach = np.concatenate([near & served & meets for meets in alike.meets], axis=1)
    bound = _bound(ground, alike, crews)
    return TeamKind(
        name=bound or "every site", teams=len(crews), may_stand=ground.may_stand(crews[0]), reach=reach, bound=bound,
        unbound=anywhere, usual=usual_of(ground, crews),
    )  # fmt: skip


def usual_of(ground: Ground, crews: Sequence[Crew]) -> Counts:
    """How many of the crews have their base at each site. Shape (sites,).

    Of those whose base is closed, full or barred to them none: they must stand elsewhere anyway.
    """
    bases = [base for base in map(ground.base, crews) if base >= 0]
    return np.bincount(np.array(bases, dtype=np.int64), minlength=len(ground.sites)).astype(np.int64)


def _bound(ground: Ground, alike: _Alike, crews: tuple[Crew, ...]) -> str:
    """In words what keeps crews from standing and going everywhere: `alpha (only at west; stays in North)`."""
    unmet = [need.name for need, meets in zip(ground.needs, alike.meets[1:], strict=True) if not meets]
    rules = [
        *([f"only at {' or '.join(alike.may_stand)}"] if alike.may_stand else []),
        *([f"stays in {' and '.join(alike.areas)}"] if alike.areas else []),
        *(f"not {need}" for need in unmet),
        *([] if all(alike.out) else ["not out all the time"]),
    ]
    names = [crew.name for crew in crews]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more} ({'; '.join(rules)})" if rules else ""


def places_of(
    ground: Ground, crews: tuple[Crew, ...], question: Question, teams_at: Counts
) -> Places:  # fmt: skip
    """The site of each crew in each period, as few moves as can be. `teams_at`: shape (periods, kinds, sites)."""
    found: list[tuple[int, ...]] = []
    before: tuple[int, ...] = tuple(ground.site(crew.base) for crew in crews)
    for period in range(question.periods):
        now = posted(ground, crews, question, teams_at[period], before=before)
        found.append(now)
        before = tuple(site if site >= 0 else last for site, last in zip(now, before, strict=True))
    return tuple(found)


def posted(
    ground: Ground, crews: tuple[Crew, ...], question: Question, teams_at: Counts, *,
    before: tuple[int, ...] | None = None,
) -> tuple[int, ...]:  # fmt: skip
    """The site of each crew in one period, as few as can be elsewhere than `before` (else than at their base).

    Of those who could stay where they were those do whose base it is: so as few as can be leave theirs at any time.
    `teams_at`: shape (kinds, sites). -1 for a crew that does not stand in it.
    """
    stretches = ground.stretches(crews, question.periods)
    kinds = list(_alike(ground, crews, stretches))
    of_crew = [kinds.index(_key(ground, crew, stretches)) for crew in crews]
    bases = tuple(ground.site(crew.base) for crew in crews)
    usual = before or bases
    left, at = teams_at.copy(), [-1] * len(crews)
    home = tuple(site if site == base else -1 for site, base in zip(usual, bases, strict=True))
    for wanted in (home, usual, bases):
        for number, (kind, site) in enumerate(zip(of_crew, wanted, strict=True)):
            if at[number] < 0 and site >= 0 and left[kind, site]:
                at[number] = site
                left[kind, site] -= 1
    for number, kind in enumerate(of_crew):
        if at[number] < 0 and left[kind].any():
            at[number] = int(np.flatnonzero(left[kind])[0])
            left[kind, at[number]] -= 1
    return tuple(at)
