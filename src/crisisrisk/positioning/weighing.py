"""What a coordinator's own posts come to, said at once: what they cover beside the plan, and which rules they leave.

A coordinator knows what no table does, so a rule that is left is named and nothing is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from zoneinfo import ZoneInfo

import numpy as np

from crisisrisk.positioning.care import SitesOfCare
from crisisrisk.positioning.crews import Crew, Span, overlap
from crisisrisk.positioning.ground import Ground
from crisisrisk.positioning.posts import Post
from crisisrisk.positioning.worth import Worth


@dataclass(frozen=True, kw_only=True)
class LeftRule:
    """A rule that some posts leave. `kind`: `site`, `area`, `room` or `gap`; `allowed`: sites, areas or a number."""

    kind: str
    team: str
    site: str
    allowed: tuple[str, ...] = ()
    stand: int = 0
    span: Span | None = None


def at_shut_sites(posts: Sequence[Post], sites: SitesOfCare, zone: ZoneInfo) -> Iterator[Post]:
    """The posts during which their site is not open all the time, by its own hours."""
    by_hours = replace(sites, full=(), shut={})
    for post in posts:
        if not by_hours.open_all(sites.points.ids.index(post.site), post.start, post.end, zone):
            yield post


@dataclass(frozen=True)
class Weighing:
    """Ways to stand in one shift, weighed by what each covers. `crews`: those of the plan, by what is known of them."""

    ground: Ground
    crews: Sequence[Crew]
    target: float

    def covered(self, posts: Sequence[Post]) -> float:
        """Expected contacts that find a free team in time, whoever stands where and from when to when."""
        standing = self._standing(posts)
        if not standing:
            return 0.0
        stretches = self.ground.stretches(standing)
        places = (tuple(self.ground.sites.ids.index(post.site) for post in posts),)
        return Worth(self.ground, self.target, stretches).of(standing, places)

    def left_rules(self, posts: Sequence[Post]) -> Iterator[LeftRule]:
        """The rules that these posts leave, in the order of the posts; then sites that hold fewer, and gaps."""
        for post in posts:
            yield from self._of_team(post)
        yield from self._of_room(posts)
        yield from self._gaps(posts)

    def _crew(self, team: str) -> Crew:
        return next((crew for crew in self.crews if crew.name == team), Crew(name=team))

    def _standing(self, posts: Sequence[Post]) -> tuple[Crew, ...]:
        """A crew for each post: out from its start to its end, as far as it can go then at all."""
        found = []
        for post in posts:
            crew, span = self._crew(post.team), (post.start, post.end)
            spans = (span,) if crew.spans is None else tuple(
                part for own in crew.spans if (part := overlap(own, span))[0] < part[1]
            )  # fmt: skip
            found.append(replace(crew, spans=spans))
        return tuple(found)

    def _of_team(self, post: Post) -> Iterator[LeftRule]:
        crew = self._crew(post.team)
        if crew.may_stand and post.site not in crew.may_stand:
            yield LeftRule(kind="site", team=post.team, site=post.site, allowed=crew.may_stand)
        site = self.ground.sites.ids.index(post.site)
        if crew.areas and not self.ground.may_stand(replace(crew, may_stand=()))[site]:
            yield LeftRule(kind="area", team=post.team, site=post.site, allowed=crew.areas)

    def _of_room(self, posts: Sequence[Post]) -> Iterator[LeftRule]:
        standing = self._standing(posts)
        at = np.array([self.ground.sites.ids.index(post.site) for post in posts], dtype=np.int64)
        crowded: dict[int, tuple[int, Span]] = {}
        for stretch in self.ground.stretches(standing):
            out = [crew.out(stretch.start, stretch.end) for crew in standing]
            here = np.bincount(at[out], minlength=len(self.ground.sites))
            for site in np.flatnonzero((here > self.ground.room) & (self.ground.room > 0)).tolist():
                most, (begins, _) = crowded.get(site, (0, (stretch.start, stretch.end)))
                crowded[site] = max(most, int(here[site])), (begins, stretch.end)
        for site, (stand, span) in crowded.items():
            yield LeftRule(
                kind="room", team="", site=self.ground.sites.ids[site], allowed=(str(int(self.ground.room[site])),),
                stand=stand, span=span,
            )  # fmt: skip

    def _gaps(self, posts: Sequence[Post]) -> Iterator[LeftRule]:
        """Stretches in which a team is out by its hours and stands nowhere."""
        ordered = sorted(posts, key=lambda post: (post.team, post.start))
        for team, own in groupby(ordered, key=lambda post: post.team):
            crew, stood = self._crew(team), [(post.start, post.end) for post in own]
            for begins, ends in crew.spans or ((self.ground.start, self.ground.end),):
                for start, end in [*stood, (ends, ends)]:
                    if begins < min(start, ends):
                        yield LeftRule(kind="gap", team=team, site="", span=(begins, min(start, ends)))
                    begins = max(begins, end)
