"""What a plan is made on: tonight's cells with what is expected, the sites where teams can stand, and travel times."""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.demand import part_of_samples, part_with_busy
from crisisrisk.positioning.question import Counts, Floor, Mask, Numbers, Part, Question, TeamKind
from crisisrisk.positioning.travel import Points


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

    @property
    def hours(self) -> float:
        """Real hours of the shift."""
        return (self.end - self.start).total_seconds() / 3600

    def near(self, target: float) -> Mask:
        """Which cells each site reaches within so many minutes. Shape (sites, cells)."""
        return np.asarray(self.minutes <= target)

    def site(self, name: str) -> int:
        """The number of a site, -1 for one where nobody can stand tonight."""
        number = self.sites.ids.index(name) if name in self.sites.ids else -1
        return number if number >= 0 and self.room[number] > 0 else -1


def question_of(
    ground: Ground, crews: tuple[Crew, ...], target: float, *, busy: float | None = None,
    floors: dict[str, float] | None = None,
) -> Question:  # fmt: skip
    """Where these crews should stand. `busy`: one share for all in place of what the samples say; 0 leaves it out."""
    teams = max(len(crews), 1)
    part: Part = (
        part_of_samples(ground.samples, ground.expected, teams=teams, hours=ground.hours, hours_each=ground.hours_each)
        if busy is None
        else part_with_busy(ground.expected, busy, teams=teams)
    )
    near = ground.near(target)
    kinds = tuple(
        TeamKind(
            name=" or ".join(allowed) or "every site", teams=count, may_stand=_may_stand(ground, allowed), reach=near
        )
        for allowed, count in _alike(crews).items()
    )
    asked = floors or {}
    return Question(
        parts=(part,),
        kinds=kinds,
        room=ground.room,
        floors=tuple(Floor(name=name, cells=ground.groups[name], share=share) for name, share in asked.items()),
        site_names=ground.site_names,
    )


def _alike(crews: tuple[Crew, ...]) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for crew in crews:
        found[crew.may_stand] = found.get(crew.may_stand, 0) + 1
    return found


def _may_stand(ground: Ground, allowed: tuple[str, ...]) -> Mask:
    return np.isin(ground.sites.ids, allowed) if allowed else np.ones(len(ground.sites), dtype=bool)


def posted(ground: Ground, crews: tuple[Crew, ...], question: Question, teams_at: Counts) -> tuple[int, ...]:
    """The site of each crew, as few as can be away from their base. `teams_at`: shape (kinds, sites)."""
    kinds = list(_alike(crews))
    left = teams_at.copy()
    at = [-1] * len(crews)
    for number, crew in enumerate(crews):
        base, kind = ground.site(crew.base), kinds.index(crew.may_stand)
        if base >= 0 and left[kind, base]:
            at[number] = base
            left[kind, base] -= 1
    for number, crew in enumerate(crews):
        kind = kinds.index(crew.may_stand)
        if at[number] < 0:
            at[number] = int(np.flatnonzero(left[kind])[0])
            left[kind, at[number]] -= 1
    return tuple(at)
