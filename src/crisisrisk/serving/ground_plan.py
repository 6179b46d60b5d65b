"""Where places lie on a drawing: cells by their outline, named areas by their centre."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, radians
from typing import Protocol

from crisisrisk.tables.cells import corners_of

WIDTH, TALLEST, MARGIN, DISC = 640, 560, 8, 14
"""Of a drawing, in its own units. `DISC`: the room that the disc of a named area needs at the edge."""

Point = tuple[float, float]


class Located(Protocol):
    """A place, and where its centre is if anybody says."""

    @property
    def place_id(self) -> str: ...
    @property
    def latitude(self) -> float | None: ...
    @property
    def longitude(self) -> float | None: ...


@dataclass(frozen=True, kw_only=True)
class Outline:
    """One place on a drawing: its corners, none for a disc, and its centre."""

    corners: Sequence[Point]
    x: float
    y: float

    def path(self, *, decimals: int = 1) -> str:
        """Its outline as SVG has it: the first corner, and the way from each to the next. Empty for a disc.

        Cells are nearly alike, so their ways are, and hundreds of them weigh a third of what their corners would.
        """
        if not self.corners:
            return ""
        fine = 10**decimals
        whole = [(round(x * fine), round(y * fine)) for x, y in self.corners]
        ways = " ".join(f"{(x - a) / fine:g} {(y - b) / fine:g}" for (a, b), (x, y) in pairwise(whole))
        return f"M{whole[0][0] / fine:g} {whole[0][1] / fine:g}l{ways}z"


@dataclass(frozen=True, kw_only=True)
class GroundPlan:
    """Places by id in the order given, north up, and the size of the drawing.

    `west` and `north`: degrees at `left` and `top`; `a_degree`: how long one is, of longitude and of latitude.
    """

    outlines: Mapping[str, Outline]
    width: int
    height: int
    west: float
    north: float
    left: float
    top: float
    a_degree: Point


def ground_plan(places: Iterable[Located]) -> GroundPlan | None:
    """The drawing of some places; None where nobody says where any of them is."""
    shapes = {place.place_id: shape for place in places if (shape := _shape(place))}
    if not shapes:
        return None
    every = [point for shape in shapes.values() for point in shape]
    south, north = min(lat for lat, _ in every), max(lat for lat, _ in every)
    west, east = min(lon for _, lon in every), max(lon for _, lon in every)
    stretch = cos(radians((south + north) / 2))
    across, up = max((east - west) * stretch, 1e-6), max(north - south, 1e-6)
    margin = MARGIN + (DISC if any(len(shape) == 1 for shape in shapes.values()) else 0)  # a disc is whole at the edge
    scale = min((WIDTH - 2 * margin) / across, (TALLEST - 2 * margin) / up)
    left = (WIDTH - across * scale) / 2

    def at(point: Point) -> Point:
        return left + (point[1] - west) * stretch * scale, margin + (north - point[0]) * scale

    return GroundPlan(
        outlines={place: _outline([at(point) for point in shape]) for place, shape in shapes.items()},
        width=WIDTH, height=round(up * scale) + 2 * margin, west=west, north=north, left=left, top=margin,
        a_degree=(stretch * scale, scale),
    )  # fmt: skip


def _shape(place: Located) -> list[Point] | None:
    corners = corners_of(place.place_id)
    if corners is not None:
        return list(corners)
    return None if place.latitude is None or place.longitude is None else [(place.latitude, place.longitude)]


def _outline(points: Sequence[Point]) -> Outline:
    x, y = (round(sum(axis) / len(points), 1) for axis in zip(*points, strict=True))
    return Outline(corners=points if len(points) > 1 else (), x=x, y=y)
