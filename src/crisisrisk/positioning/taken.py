"""Where people are taken: the nearest sites that take them, and how far that is for those whom a plan reaches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crisisrisk.positioning.care import TAKING, SitesOfCare
from crisisrisk.positioning.crews import Span
from crisisrisk.positioning.posts import Post
from crisisrisk.positioning.question import Counts, Numbers

ADULTS, YOUNG, ANYONE = "adults", "under 18", "anyone"
ADULT_AGES = 18, 64
LAST_CHILD = 17


@dataclass(frozen=True, kw_only=True)
class Refuge:
    """The nearest place of a kind that takes people, from where a team stands.

    `start`, `end`: when it takes them, all of the post or the part of it in which it is open. `whom`: adults, people
    under 18, or anyone: of every age and with no conditions. `kilometres`: by road. `places`: how many it holds, None
    where nobody says; `ages`, `conditions`: whom it takes and does not take, as it says.
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

    def takes(self, one: int, whom: str = ADULTS) -> bool:
        """Whether a place takes such people at all, when it is open."""
        ages = {ADULTS: ADULT_AGES, YOUNG: (self.youngest or 0, LAST_CHILD)}
        return self.sites.takes_anyone(one) if whom == ANYONE else self.sites.takes(one, *ages[whom])

    def near(self, post: Post, standing: int) -> tuple[Refuge, ...]:
        """The nearest of each kind for adults, the nearest for the young where they are cared for, and for anyone.

        Of each the nearest that is open for all of the post, and before it those that are nearer and open for a part,
        with the hours. `standing`: the number of the site where the team stands. For anyone where no other does.
        """
        found = [one for kind in TAKING for one in self._nearest(post, standing, ADULTS, kind)]
        if self.youngest is not None:
            found += self._nearest(post, standing, YOUNG)
        named = {one.site for one in found}
        return (*found, *(one for one in self._nearest(post, standing, ANYONE) if one.site not in named))

    def _nearest(self, post: Post, standing: int, whom: str, kind: str = "") -> list[Refuge]:
        """Until one is open for all of the post, the nearer ones that are open when none of the nearer still is."""
        minutes, whole, found, open_then = self.from_sites[0][standing], (post.start, post.end), [], list[Span]()
        for one in np.argsort(minutes, kind="stable").tolist():
            if kind not in ("", self.sites.kinds[one]) or not np.isfinite(minutes[one]) or not self.takes(one, whom):
                continue
            spans = self.sites.open_spans(one, *whole, self.zone)
            new = [span for span in spans if span == whole or not _within(span, open_then)]
            found += [self._refuge(one, standing, whom, span) for span in new]
            open_then += new
            if whole in spans:
                break
        return found

    def _refuge(self, one: int, standing: int, whom: str, span: Span) -> Refuge:
        sites, (minutes, kilometres) = self.sites, (ways[standing] for ways in self.from_sites)
        return Refuge(
            kind=sites.kinds[one], site=sites.points.ids[one], minutes=float(minutes[one]),
            kilometres=float(kilometres[one]), phone=sites.phones[one], whom=whom, places=sites.places(one),
            ages=sites.ages[one] if sites.ages else "", conditions=sites.conditions[one] if sites.conditions else "",
            start=span[0], end=span[1],
        )  # fmt: skip

    def taken(
        self, team: str, weights: Sequence[tuple[Numbers, datetime, datetime]],
        come: Callable[[datetime, datetime], float] | None = None,
    ) -> Iterator[Taken]:  # fmt: skip
        """For each kind how far adults are taken. `weights`: contacts of each cell, (cells,), by stretch of time.

        `come`: how much comes between two moments, in any unit; else they come evenly within a stretch.
        """
        everybody = sum(float(contacts.sum()) for contacts, _, _ in weights)
        often = come or (lambda start, end: (end - start).total_seconds())
        for kind in TAKING:
            totals = np.zeros(3)
            for contacts, start, end in weights:
                for begins, ends in pairwise(self._changes(kind, start, end)):
                    part = often(begins, ends) / (often(start, end) or 1.0)
                    totals += part * self._carried(kind, contacts, begins, ends)
            total, time, way = totals.tolist()
            if total > 0:
                yield Taken(team=team, kind=kind, minutes=time / total, kilometres=way / total, share=total / everybody)

    def _usable(self, kind: str, start: datetime, end: datetime) -> Counts:
        """The places of a kind that take adults all that time."""
        return np.array([
            one for one, its in enumerate(self.sites.kinds)
            if its == kind and self.takes(one) and self.sites.open_all(one, start, end, self.zone)
        ], dtype=np.int64)  # fmt: skip

    def _changes(self, kind: str, start: datetime, end: datetime) -> list[datetime]:
        """The moments of a stretch at which a place of a kind opens or closes, its start and its end with them."""
        places = [one for one, its in enumerate(self.sites.kinds) if its == kind]
        spans = (span for one in places for span in self.sites.open_spans(one, start, end, self.zone))
        return sorted({start, end, *(moment for span in spans for moment in span)})

    def _carried(self, kind: str, contacts: Numbers, start: datetime, end: datetime) -> Numbers:
        """Of contacts: those that a place takes, the minutes that they are carried, and the kilometres. Shape (3,)."""
        minutes, kilometres = self.from_cells
        may = self._usable(kind, start, end)
        if not len(may):
            return np.zeros(3)
        nearest = may[np.argmin(minutes[:, may], axis=1)]
        cells = np.flatnonzero((contacts > 0) & np.isfinite(minutes[np.arange(len(nearest)), nearest]))
        carried, ways = contacts[cells], (minutes[cells, nearest[cells]], kilometres[cells, nearest[cells]])
        return np.array([carried.sum(), *(carried @ way for way in ways)], dtype=np.float64)


def _within(span: Span, spans: Sequence[Span]) -> bool:
    """Whether a stretch of time lies within others, which may follow each other."""
    begins = span[0]
    for start, end in sorted(spans):
        if start <= begins < end:
            begins = end
    return begins >= span[1]
