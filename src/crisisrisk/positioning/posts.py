"""Who stands where, from when to when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.stretches import Stretch

Places = tuple[tuple[int, ...], ...]
"""The number of the site of each crew in each period; -1 where it does not stand."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """One team at one site from a moment to another."""

    team: str
    site: str
    start: datetime
    end: datetime

    def as_json(self) -> dict[str, Any]:
        """As `positions --json` has the posts of a plan."""
        span = {"from": self.start.isoformat(), "to": self.end.isoformat()}
        return {"team": self.team, "site_id": self.site, **span}


def clock_span(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """`22:00–03:00`, by the clock on the wall."""
    return f"{start.astimezone(zone):%H:%M}–{end.astimezone(zone):%H:%M}"


def posts_in(
    places: Places, crews: Sequence[Crew], stretches: Sequence[Stretch], sites: Sequence[str]
) -> tuple[Post, ...]:
    """The posts of every crew in order of crew and time; those that follow each other at one site are one."""
    found: list[Post] = []
    for number, crew in enumerate(crews):
        own: list[Post] = []
        for stretch in stretches:
            site = places[stretch.period][number]
            if site < 0 or not crew.out(stretch.start, stretch.end):
                continue
            post = Post(team=crew.name, site=sites[site], start=stretch.start, end=stretch.end)
            if own and (own[-1].site, own[-1].end) == (post.site, post.start):
                own[-1] = replace(own[-1], end=post.end)
            else:
                own.append(post)
        found += own
    return tuple(found)


def moves_between(places: Places) -> int:
    """How many times a crew stands elsewhere than where it stood before in the shift."""
    moves = 0
    for crew in zip(*places, strict=True):
        stood = [site for site in crew if site >= 0]
        moves += sum(one != other for one, other in pairwise(stood))
    return moves
