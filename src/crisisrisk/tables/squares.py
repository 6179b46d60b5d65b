"""Squares of the British National Grid, of any side and origin. One is named by its side and its south-west corner:
`SQ1000-E407000-N286000`."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.hexagons import Rings
from crisisrisk.tables.national_grid import degrees, grid_reference, metres

Numbers = NDArray[np.float64]

# As many squares a side make a parent: 49, as of hexagons.
_SIDES_UP = 7

_ID = re.compile(r"SQ(\d+)-E(\d+)-N(\d+)")


def square_of(place: object) -> tuple[int, int, int] | None:
    """Side, easting and northing of a square in metres; None for what is no square."""
    read = _ID.fullmatch(place) if isinstance(place, str) else None
    return (int(read[1]), int(read[2]), int(read[3])) if read else None


def is_square(place: object, settings: CellSettings) -> bool:
    """Whether this names a square of these settings."""
    read = square_of(place)
    if read is None:
        return False
    side, *corner = read
    shifts = zip(corner, settings.origin_m, strict=True)
    return side == settings.square_m and all((at - origin) % side == 0 for at, origin in shifts)


def level_of(place: str) -> str | None:
    """The level of a square in one word; None for what is none."""
    read = square_of(place)
    if read is None:
        return None
    side, easting, northing = read
    return f"squares:{side}+{easting % side}+{northing % side}"


def squares_at(latitude: Numbers, longitude: Numbers, settings: CellSettings) -> list[str | None]:
    """The square of each point; None off the grid, and in what a shifted origin leaves over at its edge."""
    side = settings.square_m
    corners = [
        np.floor((values - origin) / side) * side + origin
        for values, origin in zip(metres(latitude, longitude), settings.origin_m, strict=True)
    ]
    pairs = zip(corners[0].tolist(), corners[1].tolist(), strict=True)
    return [_id(side, int(east), int(north)) if east >= 0 and north >= 0 else None for east, north in pairs]


def _id(side: int, easting: int, northing: int) -> str:
    return f"SQ{side}-E{easting}-N{northing}"


def centres(ids: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Latitude and longitude of the centres."""
    read = np.array([square_of(cell) for cell in ids], dtype=np.float64).reshape(-1, 3)
    return degrees(read[:, 1] + read[:, 0] / 2, read[:, 2] + read[:, 0] / 2)


def areas_km2(ids: Sequence[str]) -> Numbers:
    """Their areas in km² of the grid, which is within 0.1 % of the ground."""
    return np.array([(square_of(cell) or (0,))[0] ** 2 / 1e6 for cell in ids], dtype=np.float64)


def names(ids: Sequence[str]) -> list[str]:
    """The grid references of their south-west corners."""
    return [grid_reference(read[1], read[2]) for cell in ids if (read := square_of(cell))]


def rings(ids: Sequence[str]) -> Rings:
    """For each square the 8 that touch it, and the 16 around those."""
    return [_around(cell, 1) for cell in ids], [_around(cell, 2) for cell in ids]


def _around(cell: str, distance: int) -> set[str]:
    side, east, north = square_of(cell) or (0, 0, 0)
    steps = range(-distance, distance + 1)
    return {
        _id(side, east + column * side, north + row * side)
        for column in steps for row in steps if max(abs(column), abs(row)) == distance
    }  # fmt: skip


def parents(ids: Sequence[str]) -> list[str]:
    """For each square the one of seven times its side that it lies in, its corner at whole multiples of that side."""
    read = (square_of(cell) or (1, 0, 0) for cell in ids)
    wide = ((side * _SIDES_UP, east, north) for side, east, north in read)
    return [_id(side, east // side * side, north // side * side) for side, east, north in wide]


def corners(place: str) -> list[tuple[float, float]] | None:
    """Latitude and longitude of its corners, anticlockwise; None for what is no square."""
    read = square_of(place)
    if read is None:
        return None
    side, east, north = read
    easting, northing = east + side * np.array([0.0, 1, 1, 0]), north + side * np.array([0.0, 0, 1, 1])
    latitude, longitude = degrees(easting, northing)
    return list(zip(latitude.tolist(), longitude.tolist(), strict=True))


def points_within(place: str) -> tuple[Numbers, Numbers]:
    """Latitude and longitude of 49 points spread evenly over a square."""
    side, east, north = square_of(place) or (0, 0, 0)
    steps = (np.arange(7) + 0.5) / 7 * side
    easting, northing = np.meshgrid(east + steps, north + steps)
    return degrees(easting.reshape(-1), northing.reshape(-1))
