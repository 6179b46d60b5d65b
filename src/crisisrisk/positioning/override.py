"""A coordinator's override: other posts than the plan's, with a reason; and how both would have done on the night."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from crisisrisk.errors import UsageError
from crisisrisk.positioning.posts import Post as Post
from crisisrisk.positioning.question import CODE, TARGETS
from crisisrisk.positioning.replay import Night, Played, Posts, Ways, played

LONGEST_REASON = 2000


@dataclass(frozen=True, kw_only=True)
class Override:
    """What a coordinator decided in place of a plan. `plan`: the posts proposed; `posts`: those decided.

    Raises UsageError where there is no reason, nothing is changed, or the posts are of other teams.
    """

    shift_id: str
    plan: tuple[Post, ...]
    posts: tuple[Post, ...]
    reason: str

    def __post_init__(self) -> None:
        problems = [
            *([] if self.reason.strip() else ["no reason is given"]),
            *([] if len(self.reason) <= LONGEST_REASON else [f"a reason of {len(self.reason):,} letters"]),
            *([] if {post.team for post in self.plan} == {post.team for post in self.posts}
              else ["the teams are not those of the plan"]),
            *([] if self.changed else ["every post is that of the plan"]),
            *(f"{post.team} stands from {post.start} to {post.end}" for post in self.posts if post.start >= post.end),
        ]  # fmt: skip
        if problems:
            raise UsageError(
                CODE, "a plan cannot be overridden so", found="; ".join(problems),
                wanted="the plan's teams, at least one at another site or time, and why",
            )  # fmt: skip

    @property
    def changed(self) -> tuple[Post, ...]:
        """The posts that are not the plan's."""
        return tuple(post for post in self.posts if post not in self.plan)

    def as_json(self) -> dict[str, Any]:
        """Plain values; `override_from` reads them again."""
        return {
            "shift": self.shift_id,
            "plan": [post.as_json() for post in self.plan],
            "posts": [post.as_json() for post in self.posts],
            "reason": self.reason,
        }


def post_from(values: dict[str, Any]) -> Post:
    """A post from the plain values of a plan. Raises UsageError for values that are none."""
    try:
        return Post(
            team=str(values["team"]), site=str(values["site_id"]), start=datetime.fromisoformat(values["from"]),
            end=datetime.fromisoformat(values["to"]),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as problem:
        raise UsageError(
            CODE, "a post cannot be read", found=str(problem), wanted="team, site_id, from and to"
        ) from None


def override_from(values: dict[str, Any]) -> Override:
    """An override from plain values. Raises UsageError for values that are none."""
    return Override(
        shift_id=str(values["shift"]),
        plan=tuple(post_from(post) for post in values["plan"]),
        posts=tuple(post_from(post) for post in values["posts"]),
        reason=str(values["reason"]),
    )


@dataclass(frozen=True, kw_only=True)
class OverrideScore:
    """Both ways to stand on the contacts that came. `gained`: by target in minutes, contacts in time by the override
    less those by the plan."""

    contacts: int
    plan: Played
    override: Played
    gained: dict[float, int]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "contacts": self.contacts,
            "plan": self.plan.as_json(),
            "override": self.override.as_json(),
            "gained": {f"{minutes:g}": count for minutes, count in self.gained.items()},
        }


def scored(override: Override, night: Night, ways: Ways, *, sites: Sequence[str], start: datetime) -> OverrideScore:
    """Play the night's contacts with the plan's posts and with those of the override, by the same service times.

    `sites`: the ids of the sites of `ways`, in order. `start`: of the shift, from which `night` counts its minutes.
    """
    both = [played([night], [as_played(posts, sites, start)], ways) for posts in (override.plan, override.posts)]
    in_time = [{minutes: int((one.response <= minutes).sum()) for minutes in TARGETS} for one in both]
    return OverrideScore(
        contacts=len(night.minute),
        plan=both[0],
        override=both[1],
        gained={minutes: in_time[1][minutes] - in_time[0][minutes] for minutes in TARGETS},
    )


def as_played(posts: Sequence[Post], sites: Sequence[str], start: datetime) -> Posts:
    """Homes by part; -1 while a team has no post."""
    teams = sorted({post.team for post in posts})
    if unknown := [post.site for post in posts if post.site not in sites]:
        raise UsageError(CODE, f'there is no site "{unknown[0]}"', found=unknown[0], wanted=", ".join(sites))
    edges = {moment for post in posts for moment in (post.start, post.end) if moment > start}
    begins = [start, *sorted(edges)]
    homes = [[_at(posts, team, moment, sites) for team in teams] for moment in begins]
    minutes = [(moment - start).total_seconds() / 60 for moment in begins]
    return Posts(homes=np.array(homes, dtype=np.int64), begins=np.array(minutes, dtype=np.float64))


def _at(posts: Sequence[Post], team: str, moment: datetime, sites: Sequence[str]) -> int:
    found = [post.site for post in posts if post.team == team and post.start <= moment < post.end]
    return sites.index(found[0]) if found else -1
