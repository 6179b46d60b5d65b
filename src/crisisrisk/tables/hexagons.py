"""H3 hexagons: which one a point is in, their neighbours, centres and corners."""

from collections.abc import Sequence
from functools import lru_cache

import h3
import h3.api.basic_int as h3_numbers
import numpy as np
from numpy.typing import NDArray

# A hexagon's parent is this many resolutions up: 49 hexagons, enough to tell one part of a city from another.
_LEVELS_UP = 2

KNOWN_POINTS = 1 << 19
"""Of so many points the hexagon is kept in memory: less than 100 MB."""

Numbers = NDArray[np.float64]
Rings = tuple[list[set[str]], list[set[str]]]


def is_hexagon(place: object, resolution: int) -> bool:
    """Whether this names a hexagon of a resolution."""
    return isinstance(place, str) and h3.is_valid_cell(place) and h3.get_resolution(place) == resolution


def resolution_of(place: str) -> int | None:
    """The resolution of a hexagon; None for what is none."""
    return int(h3.get_resolution(place)) if h3.is_valid_cell(place) else None


def hexagons_at(latitude: Numbers, longitude: Numbers, resolution: int) -> tuple[list[str], NDArray[np.int64]]:
    """The hexagons that points lie in, each once, and which of them each point is in. Points must be on earth."""
    pairs = zip(latitude.tolist(), longitude.tolist(), strict=True)
    numbers = np.array([hexagon_at(north, east, resolution) for north, east in pairs], dtype=np.uint64)
    different, position = np.unique(numbers, return_inverse=True)
    return [h3.int_to_str(number) for number in different.tolist()], position.astype(np.int64)


@lru_cache(maxsize=KNOWN_POINTS)
def hexagon_at(north: float, east: float, resolution: int) -> int:
    """Of one point, as a number: the next forecast asks for every address of its records again."""
    number: int = h3_numbers.latlng_to_cell(north, east, resolution)
    return number


def centres(ids: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Latitude and longitude of the centres."""
    found = np.array([h3.cell_to_latlng(cell) for cell in ids], dtype=np.float64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def areas_km2(ids: Sequence[str]) -> Numbers:
    """Their areas in km²."""
    return np.array([h3.cell_area(cell, unit="km^2") for cell in ids], dtype=np.float64)


def rings(ids: Sequence[str]) -> Rings:
    """For each hexagon those of the same list that touch it, and those behind them."""
    name_of = {h3.str_to_int(cell): cell for cell in ids}
    near = [_named(name_of, h3_numbers.grid_disk(cell, 1)) - {name} for cell, name in name_of.items()]
    wide = [_named(name_of, h3_numbers.grid_disk(cell, 2)) - {name} for cell, name in name_of.items()]
    return near, [whole - inner for whole, inner in zip(wide, near, strict=True)]


def _named(name_of: dict[int, str], cells: Sequence[int]) -> set[str]:
    return {name_of[cell] for cell in cells if cell in name_of}


def parents(ids: Sequence[str]) -> list[str]:
    """For each hexagon the one that it lies in, two resolutions up."""
    return [h3.cell_to_parent(cell, max(h3.get_resolution(cell) - _LEVELS_UP, 0)) for cell in ids]


def corners(place: str) -> list[tuple[float, float]] | None:
    """Latitude and longitude of its corners; None for what is no hexagon."""
    return [*h3.cell_to_boundary(place)] if h3.is_valid_cell(place) else None


def points_within(place: str, *, finer: int = 2) -> tuple[Numbers, Numbers]:
    """The centres of the 49 hexagons two steps finer: where its residents are taken to live, evenly."""
    steps = min(finer, 15 - h3.get_resolution(place))
    return centres(h3.cell_to_children(place, h3.get_resolution(place) + steps))
