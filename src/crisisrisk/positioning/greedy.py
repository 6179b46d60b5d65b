"""The greedy plan and what it is worth: the team that adds most first, and how far any plan could be above it.

Expected cover has diminishing returns: no set of p teams covers more than what is covered now plus the p largest gains
of one more team each (Nemhauser, Wolsey & Fisher 1978, Mathematical Programming 14, 265-294). That bound is computed
for the plan at hand, so it is as a rule far closer than the general 1 - 1/e.
"""

import time

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from crisisrisk.positioning.answer import covered_in, teams_covering
from crisisrisk.positioning.question import Counts, Mask, Numbers, Part, Question


def greedy(question: Question, *, until: float = float("inf")) -> Counts | None:
    """One team after the other, each where it adds most; the same sites in every period. Shape (periods, kinds, sites).

    A team that stays at its base is worth the least gain more. Floors are not looked at. None where the teams of some
    kind ran out of room on the way, which can only be where kinds are on duty at different times. `until`: a moment of
    the monotonic clock after which those left are placed without looking at what they add, at their bases first.
    Complexity: teams × kinds × sites × cells × parts.
    """
    teams_at = np.zeros((len(question.kinds), question.sites), dtype=np.int64)
    presence, stood = question.presence, question.presence.any(axis=0)
    left = np.array([kind.teams for kind in question.kinds]) * stood
    near = np.zeros((len(question.parts), question.cells), dtype=np.int64)
    may = np.stack([kind.may_stand for kind in question.kinds])
    while left.any():
        gains: Numbers = (teams_at < question.usual).astype(np.float64)
        if time.monotonic() < until:
            rows = [_gains(question, part, here) for part, here in zip(question.parts, near, strict=True)]
            gains = question.least_gain * gains
            gains += np.einsum("pks,pk->ks", np.stack(rows), presence.astype(np.float64))
        chosen = _best_that_keeps_room(question, gains, may, teams_at, left)
        if chosen is None:
            return None
        kind, site = chosen
        teams_at[kind, site] += 1
        left[kind] -= 1
        near[presence[:, kind]] += question.kinds[kind].reach[site]
    return np.asarray(teams_at[None] * question.stands[:, :, None])


def upper_bound(question: Question, teams_at: Counts) -> float:
    """No plan of as many teams of each kind is worth more, less the cost of leaving bases. For any plan `teams_at`.

    What staying at a base is worth is counted in the first part in which a kind is on duty: to leave it at any time
    costs no less.
    """
    total = question.least_gain * question.crowded_out
    stayed = np.zeros(len(question.kinds), dtype=bool)
    covering = teams_covering(question, teams_at)
    covered = covered_in(question, teams_at)
    for number, part in enumerate(question.parts):
        total += float(covered[number])
        rows = _gains(question, part, covering[number])
        for one in np.flatnonzero(question.presence[number]).tolist():
            kind = question.kinds[one]
            most = np.where(kind.may_stand, np.minimum(question.room, kind.teams), 0)
            each = np.repeat(rows[one], most)
            if question.least_gain and not stayed[one]:
                short = np.maximum(question.usual[one] - teams_at[question.period[number], one], 0)
                slot = np.arange(len(each)) - np.repeat(np.cumsum(most) - most, most)
                each += question.least_gain * (slot < np.repeat(short, most))
                total -= question.least_gain * float(short.sum())
                stayed[one] = True
            total += float(np.sort(each)[::-1][: kind.teams].sum())
    return min(total, question.expected)


def _gains(question: Question, part: Part, near: Counts) -> Numbers:
    """What one more team would add: shape (kinds, sites). `near`: how many reach each cell already."""
    levels = part.gains.shape[1]
    worth = np.where(near < levels, part.gains[np.arange(len(near)), np.minimum(near, levels - 1)], 0.0)
    return np.stack([np.where(kind.may_stand, kind.reach @ worth, 0.0) for kind in question.kinds])


def _best_that_keeps_room(
    question: Question, gains: Numbers, may: Mask, teams_at: Counts, left: Counts
) -> tuple[int, int] | None:
    """The kind and site with the largest gain so that in each part the teams left after it find room."""
    patterns = np.unique(question.presence, axis=0)
    rooms = [question.room - teams_at[present].sum(axis=0) for present in patterns]
    allowed = may & (left > 0)[:, None]
    for present, room in zip(patterns, rooms, strict=True):
        allowed[present] &= (room > 0)[None, :]
    found = np.where(allowed, gains, -1.0)
    while found.max() >= 0:
        kind, site = (int(one) for one in np.unravel_index(int(np.argmax(found)), found.shape))
        if all(
            _room_after(may, room, left * present, kind, site)
            for present, room in zip(patterns, rooms, strict=True) if present[kind]
        ):  # fmt: skip
            return kind, site
        found[kind, site] = -1.0
    return None


def _room_after(may: Mask, room: Counts, left: Counts, kind: int, site: int) -> bool:
    """Whether all teams find room once one of a kind stands at a site."""
    if not bool((may @ room - left.sum() < 1).any()):  # no kind can run out of it, whoever stands where
        return True
    after, rest = room.copy(), left.copy()
    after[site] -= 1
    rest[kind] -= 1
    return _fits(may, after, rest)


def _fits(may: Mask, room: Counts, left: Counts) -> bool:
    """Whether all teams find room: the most that flows from kinds to the sites where they may stand."""
    kinds, sites = may.shape
    flows = np.zeros((kinds + sites + 2, kinds + sites + 2), dtype=np.int32)
    flows[0, 1 : kinds + 1] = left
    flows[1 : kinds + 1, kinds + 1 : -1] = may * left[:, None]
    flows[kinds + 1 : -1, -1] = np.maximum(room, 0)
    return bool(maximum_flow(csr_array(flows), 0, kinds + sites + 1).flow_value == left.sum())
