"""Cells that are alike to every team and site count as one: the same answer from a problem a fraction of the size.

Complexity: O(cells × sites / 8) bytes sorted once. Memory: the same, plus the index of each cell's class.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from crisisrisk.positioning.question import Counts, Mask, Numbers, Part, Question


class _Classes(NamedTuple):
    """The first cell of each class, and the class of each cell."""

    first: Counts
    of_cell: Counts


@dataclass(frozen=True, kw_only=True, eq=False)
class ReducedPart:
    """A part of a shift by classes of cells. Shapes (classes,), and of `reach` (kinds, sites, classes)."""

    gains: Numbers
    """Shape (classes, teams)."""
    reach: Mask
    in_floor: Mask
    """Shape (floors, classes)."""
    expected: float
    """Contacts of all cells, reached or not."""
    floor_expected: Numbers
    """Contacts of the cells of each floor. Shape (floors,)."""


def reduced(question: Question) -> tuple[ReducedPart, ...]:
    """Each part by classes. Cells that nobody can reach, and cells without demand, are in none."""
    return tuple(
        _reduced_part(question, part, here) for part, here in zip(question.parts, question.presence, strict=True)
    )


def _reduced_part(question: Question, part: Part, present: Mask) -> ReducedPart:
    reach = np.stack([
        kind.reach & kind.may_stand[:, None] & here
        for kind, here in zip(question.kinds, present, strict=True) if kind.teams
    ])  # fmt: skip
    floors = np.array([floor.cells for floor in question.floors], dtype=bool).reshape(-1, question.cells)
    kept = np.flatnonzero(reach.any(axis=(0, 1)) & (part.demand > 0))
    classes = _classes(reach[:, :, kept], floors[:, kept])
    gains = np.zeros((len(classes.first), part.gains.shape[1]))
    np.add.at(gains, classes.of_cell, part.gains[kept])
    first = kept[classes.first]
    return ReducedPart(
        gains=gains,
        reach=reach[:, :, first],
        in_floor=floors[:, first],
        expected=float(part.demand.sum()),
        floor_expected=floors @ part.demand,
    )


def _classes(reach: Mask, floors: Mask) -> _Classes:
    cells = reach.shape[2]
    if not cells:
        return _Classes(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    bits = np.packbits(np.concatenate([reach.reshape(-1, cells), floors]), axis=0).T
    rows = np.ascontiguousarray(bits).view([("", np.void, bits.shape[1])]).ravel()
    _, first, of_cell = np.unique(rows, return_index=True, return_inverse=True)
    return _Classes(first.astype(np.int64), of_cell.astype(np.int64).ravel())
