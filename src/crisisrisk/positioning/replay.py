"""Nights of the past played again with the teams standing elsewhere: what a plan would have been worth.

Every plan meets the same contacts with the same service times (common random numbers), so that the difference of two
plans is not chance of the draw. What is compared is paired by night.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crisisrisk.positioning.question import TARGETS, Counts, Numbers
from crisisrisk.positioning.replay_kernel import play_night

RESAMPLES = 2000


@dataclass(frozen=True, kw_only=True, eq=False)
class Night:
    """The contacts of one shift. `minute` since its start (ascending), `cell`, `service` minutes: shape (events,)."""

    minute: Numbers
    cell: Counts
    service: Numbers


@dataclass(frozen=True, kw_only=True, eq=False)
class Ways:
    """Minutes between places. Shapes (sites, cells), (cells, cells) and (sites, sites)."""

    site_to_cell: Numbers
    cell_to_cell: Numbers
    site_to_site: Numbers


@dataclass(frozen=True, kw_only=True, eq=False)
class Posts:
    """Where teams stand in a night: `homes`, shape (parts, teams), sites from `begins` (minutes; the first 0) on.

    -1 where a team is not on duty.
    """

    homes: Counts
    begins: Numbers


@dataclass(frozen=True, kw_only=True, eq=False)
class Played:
    """What came of some nights under one plan. Arrays by event, nights one after the other; `night`: which."""

    night: Counts
    waited: Numbers
    travelled: Numbers
    moves: int
    nights: int

    @property
    def response(self) -> Numbers:
        """Minutes from the call to the arrival; infinite where nobody could come."""
        return self.waited + self.travelled

    def covered(self, minutes: float) -> float:
        """The share of contacts reached within so many minutes; NaN without a contact."""
        return float(np.mean(self.response <= minutes)) if len(self.night) else float("nan")

    def as_json(self) -> dict[str, Any]:
        """What a replay reports of a plan."""
        reached = self.travelled[np.isfinite(self.travelled)]
        return {
            "contacts": len(self.night),
            **{f"covered_{target:.0f}": self.covered(target) for target in TARGETS},
            "mean_travel": float(reached.mean()) if len(reached) else None,
            "travel_90": float(np.quantile(reached, 0.9)) if len(reached) else None,
            "queued": int((self.waited > 0).sum()),
            "moves_a_night": self.moves / max(self.nights, 1),
        }


def played(nights: Sequence[Night], posts: Sequence[Posts], ways: Ways | Sequence[Ways]) -> Played:
    """Play every night with its posts. `ways`: the same for all, or those of each night."""
    each = [ways] * len(nights) if isinstance(ways, Ways) else ways
    waited, travelled, number = [], [], []
    for place, (night, post, way) in enumerate(zip(nights, posts, each, strict=True)):
        _, waits, travels = play_night(
            night.minute, night.cell, night.service, post.homes, post.begins, way.site_to_cell, way.cell_to_cell,
            way.site_to_site,
        )  # fmt: skip
        waited.append(waits)
        travelled.append(travels)
        number.append(np.full(len(waits), place))
    return Played(
        night=_joined(number).astype(np.int64),
        waited=_joined(waited),
        travelled=_joined(travelled),
        moves=sum(_moves(post.homes) for post in posts),
        nights=len(nights),
    )


def _moves(homes: Counts) -> int:
    """How many times a team gets another home than it had before; to come on or go off duty is none."""
    before, after = homes[:-1], homes[1:]
    return int(((before != after) & (before >= 0) & (after >= 0)).sum())


def _joined(arrays: Sequence[Numbers]) -> Numbers:
    return np.concatenate(arrays) if arrays else np.zeros(0)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much more of the contacts one plan reached in time than another, with a 95 % interval over nights."""

    mean: float
    lower: float
    upper: float


def difference(one: Played, other: Played, *, minutes: float, block: Counts | None = None, seed: int = 1) -> Difference:
    """Share covered by `one` less that by `other`, the same nights drawn again and again for both.

    `block`: nights that are drawn together, such as those of a week, shape (nights,); None: each night alone. NaN
    where there is no contact.
    """
    gained = (one.response <= minutes).astype(float) - (other.response <= minutes)
    if not len(gained):
        return Difference(mean=float("nan"), lower=float("nan"), upper=float("nan"))
    of_night = np.arange(one.nights) if block is None else np.unique(block, return_inverse=True)[1]
    blocks = int(of_night.max()) + 1
    by_block = np.bincount(of_night[one.night], weights=gained, minlength=blocks)
    contacts = np.bincount(of_night[one.night], minlength=blocks)
    random = np.random.default_rng(seed)
    drawn = random.integers(0, blocks, (RESAMPLES, blocks))
    means = by_block[drawn].sum(axis=1) / np.maximum(contacts[drawn].sum(axis=1), 1)
    lower, upper = np.quantile(means, (0.025, 0.975))
    return Difference(mean=float(gained.mean()), lower=float(lower), upper=float(upper))


def posts_of(teams_at: Counts, begins: Numbers) -> Posts:
    """Teams numbered by site, so that as few as can be move between parts. `teams_at`: shape (parts, sites)."""
    homes = [np.repeat(np.arange(teams_at.shape[1]), teams_at[0])]
    for counts in teams_at[1:]:
        homes.append(with_few_moves(homes[-1], counts))
    return Posts(homes=np.stack(homes).astype(np.int64), begins=begins)


def with_few_moves(before: Counts, counts: Counts) -> Counts:
    """The site of each team, as few as can be elsewhere than `before`. `counts`: teams of each site, shape (sites,)."""
    left, now = counts.copy(), np.full(len(before), -1, dtype=np.int64)
    for team, site in enumerate(before.tolist()):
        if left[site] > 0:
            now[team] = site
            left[site] -= 1
    now[now < 0] = np.repeat(np.arange(len(counts)), left)
    return now
