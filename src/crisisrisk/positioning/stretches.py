"""A shift cut into stretches in which the same teams are out, and how busy they are in each, by night and by area.

How busy teams are follows the hours: a stretch has pieces, in each of which contacts come evenly and the same teams are
out and on a break. Cut a piece anywhere, and teams are as busy in both parts: so the same posts are worth the same,
however the shift is cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.demand import MOST_BUSY
from crisisrisk.positioning.question import Counts, Mask, Numbers

HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a stretch in which contacts come evenly. `share`: of the shift's expected contacts."""

    start: datetime
    end: datetime
    share: float

    @property
    def hours(self) -> float:
        """Real hours."""
        return (self.end - self.start) / HOUR


@dataclass(frozen=True, kw_only=True)
class Stretch(Piece):
    """A stretch of a shift. `period`: teams move only between periods."""

    period: int
    pieces: tuple[Piece, ...]

    @property
    def shares(self) -> Numbers:
        """How much of its contacts come in each piece, 1 in all; by the hours where none come. Shape (pieces,)."""
        came = np.array([piece.share for piece in self.pieces])
        return self.lengths if came.sum() <= 0 else np.asarray(came / came.sum())

    @property
    def lengths(self) -> Numbers:
        """How much of its time each piece is, 1 in all. Shape (pieces,)."""
        return np.array([piece.hours / self.hours for piece in self.pieces])


def stretches_of(
    start: datetime, end: datetime, crews: Sequence[Crew], *, hourly: Numbers, periods: int
) -> tuple[Stretch, ...]:
    """The shift cut into so many periods of the same length, and where a crew comes or goes.

    `hourly`: the share of the contacts in each real hour since the start; of no length: they come evenly.
    """
    borders = [start + (end - start) * one / periods for one in range(1, periods)]
    edges = {moment for crew in crews for span in crew.spans or () for moment in span if start < moment < end}
    cuts = [start, *sorted({*borders, *edges}), end]
    breaks = {moment for crew in crews for _, span in crew.breaks for moment in span}
    inner = breaks | {start + HOUR * one for one in range(1, len(hourly))}
    found = []
    for one, other in pairwise(cuts):
        fine = [one, *sorted(moment for moment in inner if one < moment < other), other]
        pieces = tuple(
            Piece(start=begins, end=ends, share=share_between(start, end, begins, ends, hourly))
            for begins, ends in pairwise(fine)
        )
        share, period = share_between(start, end, one, other, hourly), sum(border <= one for border in borders)
        found.append(Stretch(start=one, end=other, share=share, period=period, pieces=pieces))
    return tuple(found)


def share_between(start: datetime, end: datetime, begins: datetime, ends: datetime, hourly: Numbers) -> float:
    """The share of the contacts between two moments; within an hour they come evenly."""
    length = (end - start) / HOUR
    if not len(hourly):
        return ((ends - begins) / HOUR) / length
    hours = np.append(np.arange(len(hourly), dtype=np.float64), length)
    until = np.concatenate([[0.0], np.cumsum(hourly)])
    first, last = np.interp([(begins - start) / HOUR, (ends - start) / HOUR], hours, until)
    return float(last - first)


@dataclass(frozen=True, kw_only=True, eq=False)
class Areas:
    """Cells by which crews may serve them. `of_cell`: the number of each cell's area, shape (cells,).

    `serves`: which crews serve which area, shape (crews, areas). `expected`: contacts of each, shape (areas,).
    """

    of_cell: Counts
    serves: Mask
    expected: Numbers

    def __len__(self) -> int:
        return len(self.expected)

    def cells(self, area: int) -> Mask:
        """Which cells it has. Shape (cells,)."""
        return np.asarray(self.of_cell == area)


def areas_of(serves: Mask, expected: Numbers) -> Areas:
    """Cells that the same crews serve are one area. `serves`: shape (crews, cells); `expected`: (cells,)."""
    if serves.all():
        return Areas(
            of_cell=np.zeros(len(expected), dtype=np.int64), serves=serves[:, :1], expected=expected.sum()[None]
        )
    kinds, of_cell = np.unique(serves, axis=1, return_inverse=True)
    numbers = np.asarray(of_cell).ravel().astype(np.int64)
    contacts = np.bincount(numbers, weights=expected, minlength=kinds.shape[1]).astype(np.float64)
    return Areas(of_cell=numbers, serves=kinds, expected=contacts)


def contacts_of(areas: Areas, samples: Numbers) -> Numbers:
    """The contacts of each area in each night. `samples`: (nights, cells) of the whole shift. Shape (nights, areas)."""
    return np.stack([samples[:, areas.cells(area)].sum(axis=1) for area in range(len(areas))], axis=1)


def away_of(stretch: Stretch, crews: Sequence[Crew], areas: Areas, contacts: Numbers, *, hours_each: float) -> Numbers:
    """The share of each piece that teams are away. `contacts`: (nights, areas). Shape (pieces, nights, areas).

    Contacts × hours each ÷ the hours that crews are out, those of a crew going to its areas as much as is expected in
    each; breaks come on top.
    """
    weight = areas.serves * np.maximum(areas.expected, 1e-12)
    share = np.divide(weight, weight.sum(axis=1, keepdims=True), out=np.zeros_like(weight), where=weight > 0)
    return np.stack([_away(piece, crews, share, contacts * hours_each) for piece in stretch.pieces])


def _away(piece: Piece, crews: Sequence[Crew], share: Numbers, asked: Numbers) -> Numbers:
    """`share`: of each crew's time by area, (crews, areas); `asked`: hours in the whole shift, (nights, areas)."""
    out = np.array([crew.out(piece.start, piece.end) for crew in crews], dtype=bool)
    resting = np.array([crew.resting(piece.start, piece.end) for crew in crews])
    on_hand, at_work = (np.where(out, piece.hours * left, 0.0) @ share for left in (np.ones(len(crews)), 1 - resting))
    busy = np.minimum(asked * piece.share / np.maximum(at_work, 1e-12), MOST_BUSY)
    working = np.divide(at_work, on_hand, out=np.zeros_like(on_hand), where=on_hand > 0)
    return np.asarray(np.minimum(1 - (1 - busy) * working, MOST_BUSY))
