"""Drawings about people as inline SVG: a line of weeks, and a hundred squares. Each says in words what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

LEAST_TOP = 10.0
"""Of 100: a line of small numbers is not drawn as tall as one of great ones."""
SPARK_WIDTH, SPARK_HEIGHT, SPARK_MARGIN = 116, 28, 3
SQUARES, SIDE, STEP = 10, 14, 17

Number = float | None


@dataclass(frozen=True)
class Spark:
    """Weeks as a line, with gaps where nothing was said."""

    path: str
    x: float
    y: float
    says: str


def spark_of(weeks: Sequence[Number], *, top: float) -> Spark:
    """`weeks`: of 100, the earliest first, the last one of now. `top`: the number at the upper edge."""
    inner = SPARK_HEIGHT - 2 * SPARK_MARGIN
    step = (SPARK_WIDTH - 2 * SPARK_MARGIN) / max(len(weeks) - 1, 1)
    points = [
        None if one is None else (round(SPARK_MARGIN + place * step, 1), _height(one, top, inner))
        for place, one in enumerate(weeks)
    ]
    last = next((point for point in reversed(points) if point is not None), (0.0, 0.0))
    return Spark(line_of(points), *last, says=weeks_said(weeks))


def top_of(rows: Sequence[Sequence[Number]]) -> float:
    """The number at the upper edge of lines that are compared with each other."""
    return max((one for weeks in rows for one in weeks if one is not None), default=0.0) or LEAST_TOP


def weeks_said(weeks: Sequence[Number]) -> str:
    """What a line of weeks shows, for who does not see it."""
    known = [one for one in weeks if one is not None]
    if len(known) < 2:
        return "no earlier week to compare with"
    return (
        f"{len(known)} of {len(weeks)} weeks: first {known[0]:g}, lowest {min(known):g}, highest {max(known):g}, "
        f"now {known[-1]:g} in 100"
    )


def line_of(points: Sequence[tuple[float, float] | None]) -> str:
    """The path through points; a gap lifts the pen, and a point between gaps is a dot."""
    parts, before = [], None
    for place, point in enumerate(points):
        if point is not None:
            after = points[place + 1] if place + 1 < len(points) else None
            parts.append(f"{'M' if before is None else 'L'}{point[0]:g} {point[1]:g}")
            if before is None and after is None:
                parts.append("h0")
        before = point
    return "".join(parts)


def _height(number: float, top: float, inner: float) -> float:
    return round(SPARK_MARGIN + inner * (1 - min(number / max(top, LEAST_TOP), 1.0)), 1)


@dataclass(frozen=True)
class Square:
    """One of a hundred. `kind`: `sure` within the number, `perhaps` up to the upper end of the range, `rest`."""

    x: int
    y: int
    kind: str
    part: float
    """How wide the filled part is; the whole side but where a number is not whole."""


@dataclass(frozen=True)
class Hundred:
    """A hundred squares, and what they show."""

    squares: Sequence[Square]
    width: int
    says: str


def hundred_of(likely: float, upper: float | None) -> Hundred:
    """`likely` and `upper` of 100."""
    last = ceil(max(upper or 0.0, likely))
    squares = [
        Square(STEP * (place % SQUARES), STEP * (place // SQUARES), _kind(place, likely, last),
               round(SIDE * min(1.0, likely - place), 1) if place < likely else SIDE)
        for place in range(SQUARES * SQUARES)
    ]  # fmt: skip
    perhaps = f"; up to {last} by its range" if last > ceil(likely) else ""
    return Hundred(squares, STEP * SQUARES, f"{likely:g} of 100 squares are filled{perhaps}")


def _kind(place: int, likely: float, last: int) -> str:
    return "sure" if place < likely else "perhaps" if place < last else "rest"
