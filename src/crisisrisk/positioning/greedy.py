"""The greedy plan and what it is worth: the team that adds most first, and how far any plan could be above it.

Expected cover has diminishing returns: no set of p teams covers more than what is covered now plus the p largest gains
of one more team each (Nemhauser, Wolsey & Fisher 1978, Mathematical Programming 14, 265-294). That bound is computed
for the plan at hand, so it is as a rule far closer than the general 1 - 1/e.
"""

import numpy as np

from crisisrisk.positioning.answer import covered_in, teams_covering
from crisisrisk.positioning.question import Counts, Mask, Numbers, Part, Question


def greedy(question: Question) -> Counts:
    """One team after the other, each where it adds most; the same sites in every part. Shape (parts, kinds, sites).

    Floors are not looked at. Complexity: teams × kinds × sites × cells.
    """
    teams_at = np.zeros((len(question.kinds), question.sites), dtype=np.int64)
    left = np.array([kind.teams for kind in question.kinds])
    near = np.zeros(question.cells, dtype=np.int64)
    while left.any():
        gains = np.sum([_gains(question, part, near) for part in question.parts], axis=0)
        gains[~_kept_for_the_rest(question, teams_at, left)] = -1.0
        kind, site = np.unravel_index(int(np.argmax(gains)), gains.shape)
        teams_at[kind, site] += 1
        left[kind] -= 1
        near += question.kinds[int(kind)].reach[site]
    return np.repeat(teams_at[None], len(question.parts), axis=0)


def upper_bound(question: Question, teams_at: Counts) -> float:
    """No plan of as many teams of each kind covers more. For any plan `teams_at`."""
    total = 0.0
    covering = teams_covering(question, teams_at)
    for part, near, covered in zip(question.parts, covering, covered_in(question, teams_at), strict=True):
        total += float(covered)
        for kind, row in zip(question.kinds, _gains(question, part, near), strict=True):
            each = np.repeat(row[kind.may_stand], np.minimum(question.room[kind.may_stand], kind.teams))
            total += float(np.sort(each)[::-1][: kind.teams].sum())
    return min(total, question.expected)


def _gains(question: Question, part: Part, near: Counts) -> Numbers:
    """What one more team would add: shape (kinds, sites). `near`: how many reach each cell already."""
    levels = part.gains.shape[1]
    worth = np.where(near < levels, part.gains[np.arange(len(near)), np.minimum(near, levels - 1)], 0.0)
    return np.stack([np.where(kind.may_stand, kind.reach @ worth, 0.0) for kind in question.kinds])


def _kept_for_the_rest(question: Question, teams_at: Counts, left: Counts) -> Mask:
    """Where one more team may stand so that the teams left after it still find room. Shape (kinds, sites)."""
    room = question.room - teams_at.sum(axis=0)
    may = np.stack([kind.may_stand for kind in question.kinds])
    open_now = may & (room > 0)[None, :] & (left > 0)[:, None]
    if not _tight(may, room, left):
        return np.asarray(open_now)
    for kind, site in zip(*np.nonzero(open_now), strict=True):
        after, rest = room.copy(), left.copy()
        after[site] -= 1
        rest[kind] -= 1
        open_now[kind, site] = _fits(may, after, rest)
    return np.asarray(open_now)


def _tight(may: Mask, room: Counts, left: Counts) -> bool:
    """Whether the teams of some kind can run out of room: else every choice is fine."""
    return bool((may @ room - left.sum() < 1).any())


def _fits(may: Mask, room: Counts, left: Counts) -> bool:
    """Whether all teams find room (Hall's condition over the sets of kinds)."""
    kinds = np.flatnonzero(left)
    for chosen in range(1, 1 << len(kinds)):
        some = kinds[[bool(chosen >> bit & 1) for bit in range(len(kinds))]]
        if left[some].sum() > room[may[some].any(axis=0)].sum():
            return False
    return True
