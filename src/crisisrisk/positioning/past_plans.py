"""Where teams would have stood in a night of the past, by the forecast and by everything that stands in for one.

Every way to plan follows the same rules: the best of all plans for what it expects, and no team is asked to move from
its usual place for less than the least gain.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from crisisrisk.positioning.cover import most_covered
from crisisrisk.positioning.demand import busy_share, part_of_samples, part_with_busy
from crisisrisk.positioning.plan import Wish
from crisisrisk.positioning.question import Counts, Mask, Numbers, Part, Question, TeamKind
from crisisrisk.positioning.replay import with_few_moves

FORECAST, NEVER_BUSY, FIXED = "forecast", "forecast without busy teams", "fixed bases"
RESIDENTS, LAST_MONTH, TRUE = "residents", "last month's map", "true intensity"
FORESIGHT = "perfect foresight"


@dataclass(frozen=True, kw_only=True, eq=False)
class SitesOfShift:
    """Where teams can stand in a shift. `minutes`: shape (sites, cells); `room`: teams that each site holds, (sites,).

    `bases`: the usual site of each team, shape (teams,). `hours` of the shift.
    """

    minutes: Numbers
    room: Counts
    bases: Counts
    hours: float

    @property
    def teams(self) -> int:
        """How many teams are on duty."""
        return len(self.bases)

    def reach(self, target: float) -> Mask:
        """Which cells some open site reaches within so many minutes. Shape (cells,)."""
        return np.asarray((self.minutes[self.room > 0] <= target).any(axis=0))


@dataclass(frozen=True, kw_only=True, eq=False)
class Expected:
    """What one way to look ahead expects: contacts of each cell, (cells,), and nights drawn from it, (draws, cells)."""

    contacts: Numbers
    samples: Numbers | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class NightToPlan:
    """A night before it began: what the forecast expects of it, and by name what others do.

    `hours_each`: from being sent to being free again. `true`: the true intensity, in an invented city.
    """

    sites: SitesOfShift
    forecast: Expected
    hours_each: float
    maps: dict[str, Numbers] = field(default_factory=dict)
    true: Expected | None = None


def plans_of(night: NightToPlan, wish: Wish, *, known: Mapping[str, Counts] | None = None) -> dict[str, Counts]:
    """The site of each team, shape (teams,), by the name of the plan. `known`: plans that stand already."""
    stand = dict(known or {})
    found = {
        FORECAST: standing(night, night.forecast, wish),
        NEVER_BUSY: standing(night, replace(night.forecast, samples=None), wish, busy=0.0),
        FIXED: night.sites.bases,
        **{name: by_map(night, contacts, wish) for name, contacts in night.maps.items() if name not in stand},
        **stand,
    }
    if night.true is not None:
        found[TRUE] = standing(night, night.true, wish)
    return found


def by_map(night: NightToPlan, contacts: Numbers, wish: Wish) -> Counts:
    """Where they would stand if so much was expected of each cell: MEXCLP with the busy share of the total."""
    own = night.sites
    share = busy_share(float(contacts.sum()), teams=own.teams, hours=own.hours, hours_each=night.hours_each)
    return standing(night, Expected(contacts=contacts), wish, busy=float(share))


def standing(night: NightToPlan, expected: Expected, wish: Wish, *, busy: float = 0.0) -> Counts:
    """The site of each team under the plan to follow. `busy`: of teams, where nothing was drawn that would say."""
    own = night.sites
    part = (
        part_with_busy(expected.contacts, busy, teams=own.teams)
        if expected.samples is None
        else part_of_samples(
            expected.samples, expected.contacts, teams=own.teams, hours=own.hours, hours_each=night.hours_each
        )
    )
    near = own.minutes <= wish.target
    kind = TeamKind(
        name="every team", teams=own.teams, may_stand=np.ones(len(own.room), dtype=bool), reach=near,
        usual=np.minimum(np.bincount(own.bases, minlength=len(own.room)), own.room),
    )  # fmt: skip
    question = Question(parts=(part,), kinds=(kind,), room=own.room, least_gain=wish.least_gain)
    best = most_covered(question, seconds=wish.seconds)
    if best.value <= _covered(part, near[own.bases].sum(axis=0, dtype=np.int64)):
        return own.bases
    return with_few_moves(own.bases, best.teams_at[0, 0])


def _covered(part: Part, near: Counts) -> float:
    """Expected contacts that find a free team, where so many teams reach each cell."""
    return float(part.served[np.arange(len(near)), np.minimum(near, part.gains.shape[1])].sum())
