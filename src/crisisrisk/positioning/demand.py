"""What one more team near a cell is worth: from a busy share, or from samples of the whole forecast.

With a busy share q the k-th team is worth d (1 - q) q^(k-1): it is needed when those before it are all away (Daskin
1983). Under samples the share depends on how much comes: on a busy night a second team near the same cell is worth
more than the mean says, on a quiet one less.
"""

import numpy as np

from crisisrisk.positioning.question import Numbers, Part

FEW_DRAWN = 50.0
"""Contacts drawn in a cell that weigh as much as what all cells together say of the nights."""
MOST_BUSY = 0.95
"""A team that were always away would be no team."""


def part_with_busy(demand: Numbers, busy: Numbers | float, *, teams: int) -> Part:
    """A part of a shift in which teams are away for a share of it. `demand`: (cells,); `busy`: (cells,) or one."""
    shares = np.broadcast_to(np.asarray(busy, dtype=np.float64), demand.shape)[:, None]
    return Part(demand=demand, gains=demand[:, None] * (1 - shares) * shares ** np.arange(teams))


def busy_share(contacts: Numbers | float, *, teams: float, hours: float, hours_each: float) -> Numbers:
    """The share of the time that teams are away, where all contacts are seen: contacts × hours each / team hours."""
    at_hand = max(teams * hours, 1e-12)
    return np.asarray(np.minimum(np.asarray(contacts) * hours_each / at_hand, MOST_BUSY), dtype=np.float64)


def part_of_samples(samples: Numbers, expected: Numbers, *, teams: int, hours: float, hours_each: float) -> Part:
    """A part of a shift from joint samples of its counts. `samples`: shape (samples, cells); `expected`: (cells,).

    Each sample has the busy share of its own total.
    """
    away = busy_share(samples.sum(axis=1), teams=teams, hours=hours, hours_each=hours_each)
    return Part(demand=expected, gains=gains_of_nights(samples, expected, first_free(away, teams=teams)))


def first_free(away: Numbers, *, teams: int) -> Numbers:
    """How likely the first, the second … team near a contact is the first free one. `away`: any shape; (…, teams)."""
    return np.asarray((1 - away)[..., None] * away[..., None] ** np.arange(teams))


def gains_of_nights(samples: Numbers, expected: Numbers, weight: Numbers) -> Numbers:
    """What each further team near a cell is worth: the mean over samples. Shape (cells, teams).

    `weight`: how likely each is the first free one in each sample, shape (samples, teams). How much comes to a cell is
    `expected`, not what the draws happened to bring: these say only how busy the nights are on which it comes, and of a
    cell with few contacts drawn mostly what all cells say.
    """
    drawn, found = samples.sum(axis=0), samples.T @ weight
    everywhere = found.sum(axis=0) / drawn.sum() if drawn.sum() > 0 else weight.mean(axis=0)
    own = (found + FEW_DRAWN * everywhere) / (drawn + FEW_DRAWN)[:, None]
    return np.asarray(expected[:, None] * own)


def worst_decile(shares: Numbers) -> float:
    """The mean over the tenth of the samples that are covered least; NaN where no sample has a contact."""
    known = np.sort(shares[np.isfinite(shares)])
    return float(known[: max(1, len(known) // 10)].mean()) if len(known) else float("nan")
