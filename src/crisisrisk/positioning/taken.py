"""Where people are taken: the nearest sites that take them, and how far that is for those whom a plan reaches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crisisrisk.positioning.care import TAKING, SitesOfCare
from crisisrisk.positioning.posts import Post
from crisisrisk.positioning.question import Mask, Numbers

ADULTS, YOUNG, ANYONE = "adults", "under 18", "anyone"
ADULT_AGES = 18, 64
LAST_CHILD = 17


@dataclass(frozen=True, kw_only=True)
class Refuge:
    """The nearest place of a kind that takes people for all of a post, from where the team stands then.

    `whom`: adults, people under 18, or anyone: of every age and with no conditions. `kilometres`: by road. `places`:
    how many it holds, None where nobody says; `ages`, `conditions`: whom it takes and does not take, as it says.
    """

    kind: str
    site: str
    minutes: float
    kilometres: float
    phone: str
    whom: str
    places: int | None
    ages: str
    conditions: str
    start: datetime
    end: datetime

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "kind": self.kind, "site": self.site, "minutes": self.minutes, "kilometres": self.kilometres,
            "phone": self.phone, "whom": self.whom, "capacity": self.places, "ages": self.ages,
            "conditions": self.conditions, "from": self.start.isoformat(), "to": self.end.isoformat(),
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Taken:
    """How far people are taken to the nearest place of a kind, weighted by the contacts expected.

    `team`: of those in its reach; "" for all whom the plan reaches. `share`: of them, that such a place takes at all.
    """

    team: str
    kind: str
    minutes: float
    kilometres: float
    share: float

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "team": self.team or None, "kind": self.kind, "minutes": self.minutes, "kilometres": self.kilometres,
            "share": self.share,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Refuges:
    """The places that take people tonight, and the ways to them. `minutes` of travel and `kilometres` by road:

    `from_sites` (standing sites, places) and `from_cells` (cells, places), each a pair. `youngest`: of a service for
    children, None where there is none.
    """

    sites: SitesOfCare
    zone: ZoneInfo
    from_sites: tuple[Numbers, Numbers]
    from_cells: tuple[Numbers, Numbers]
    youngest: int | None = None

    def usable(self, start: datetime, end: datetime, whom: str = ADULTS) -> Mask:
        """Which places take such people for all of a stretch. Shape (places,)."""
        ages = {ADULTS: ADULT_AGES, YOUNG: (self.youngest or 0, LAST_CHILD)}
        return np.array([
            self.sites.open_all(one, start, end, self.zone)
            and (self.sites.takes_anyone(one) if whom == ANYONE else self.sites.takes(one, *ages[whom]))
            for one in range(len(self.sites))
        ], dtype=bool)  # fmt: skip

    def near(self, post: Post, standing: int) -> tuple[Refuge, ...]:
        """The nearest of each kind for adults, the nearest for the young where they are cared for, and for anyone.

        `standing`: the number of the site where the team stands. The last where none of the others is it.
        """
        found = [one for kind in TAKING for one in self._nearest(post, standing, ADULTS, kind)]
        if self.youngest is not None:
            found += self._nearest(post, standing, YOUNG)
        anyone = self._nearest(post, standing, ANYONE)
        return (*found, *(one for one in anyone if one.site not in {other.site for other in found}))

    def _nearest(self, post: Post, standing: int, whom: str, kind: str = "") -> list[Refuge]:
        minutes, kilometres = (ways[standing] for ways in self.from_sites)
        may = self.usable(post.start, post.end, whom) & np.isfinite(minutes)
        those = [one for one in np.flatnonzero(may).tolist() if kind in ("", self.sites.kinds[one])]
        if not those:
            return []
        one = min(those, key=lambda place: float(minutes[place]))
        sites = self.sites
        return [Refuge(
            kind=sites.kinds[one], site=sites.points.ids[one], minutes=float(minutes[one]),
            kilometres=float(kilometres[one]), phone=sites.phones[one], whom=whom, places=sites.places(one),
            ages=sites.ages[one] if sites.ages else "", conditions=sites.conditions[one] if sites.conditions else "",
            start=post.start, end=post.end,
        )]  # fmt: skip

    def taken(self, team: str, weights: Sequence[tuple[Numbers, datetime, datetime]]) -> Iterator[Taken]:
        """For each kind how far adults are taken. `weights`: contacts of each cell, (cells,), by stretch of time."""
        minutes, kilometres = self.from_cells
        everybody = sum(float(contacts.sum()) for contacts, _, _ in weights)
        for kind in TAKING:
            of_kind = np.array([one == kind for one in self.sites.kinds], dtype=bool)
            total, time, way = 0.0, 0.0, 0.0
            for contacts, start, end in weights:
                may = np.flatnonzero(self.usable(start, end) & of_kind)
                if not len(may):
                    continue
                nearest = may[np.argmin(minutes[:, may], axis=1)]
                cells = np.flatnonzero((contacts > 0) & np.isfinite(minutes[np.arange(len(nearest)), nearest]))
                total += float(contacts[cells].sum())
                time += float(contacts[cells] @ minutes[cells, nearest[cells]])
                way += float(contacts[cells] @ kilometres[cells, nearest[cells]])
            if total > 0:
                yield Taken(team=team, kind=kind, minutes=time / total, kilometres=way / total, share=total / everybody)
