"""Cells: the places that get a risk. Hexagons, squares or named areas, their neighbours, and which cell an event is in.

An event is in the cell that its `place_id` names, else (hexagons and squares) in the one that its coordinates fall in,
else in none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.tables import hexagons, squares
from crisisrisk.tables.areas import Places, area_rings, distance_km
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.hexagons import Rings, resolution_of
from crisisrisk.tables.points import Points, cells_at, on_earth, points_of
from crisisrisk.tables.residents import (
    LEAST_RESIDENTS,
    in_private_premises,
    known_residents,
    merged_up,
    points_within,
    residents_and_deprivation,
)
from crisisrisk.tables.site import Site

NOWHERE = -1
"""The index of an event that is in none of the cells."""

# A point further from the site's median point is a typing error (swapped, a lost minus sign, 0/0), not a cell.
FURTHEST_KM = 500.0

# Great Britain and Northern Ireland with their islands: south, west, north, east.
_UNITED_KINGDOM = (49.0, -9.0, 61.5, 2.5)

Numbers = NDArray[np.float64]
Indices = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each cell its neighbours: those of cell `i` are `indices[offsets[i]:offsets[i + 1]]`, ascending."""

    offsets: Indices
    indices: Indices

    def of(self, cell: int) -> Indices:
        """The neighbours of one cell."""
        return self.indices[self.offsets[cell] : self.offsets[cell + 1]]


@dataclass(frozen=True, eq=False)
class Cells:
    """The cells of a site, ascending by id. Every array has one entry per cell."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    """What people call it; the id (of a square its grid reference) where the `places` table has no name."""
    latitude: Numbers
    """Degrees of the centre; NaN where not known."""
    longitude: Numbers
    area_km2: Numbers
    population: Numbers
    """Residents; NaN where not known."""
    deprivation_decile: Numbers
    """1 is the most deprived tenth; NaN where not known."""
    neighbours_1: Neighbours
    neighbours_2: Neighbours
    """The second ring: neighbours of neighbours that are not in the first."""
    parents: tuple[str | None, ...] = ()
    """The larger place that each lies in: its hexagon two resolutions up, its square of seven times the side, or its
    `parent_place_id`. () where no cell has one."""
    undrawn: tuple[tuple[str, int], ...] = ()
    """Cells of too few residents that only contacts in private premises are in: they are on no map. Each with the cell
    near by that these contacts count in, or `NOWHERE`."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def parent_numbers(self) -> NDArray[np.int64]:
        """The parent of each cell as a number from 0; cells without one share one. Shape (cells,)."""
        named = [parent or "" for parent in self.parents] or [""] * len(self)
        return np.unique(named, return_inverse=True)[1].astype(np.int64)


def cells_of(site: Site, places: pa.Table, events: pa.Table, *, points: Points | None = None) -> Cells:
    """The cells of a site. `points`: `points_of` the events, where they are at hand.

    Hexagons and squares: the `places` of kind "cell" of this size if there are any, else every one that an event given
    is in; of events in private premises only where 500 residents are known, for a cell on a map tells that something
    was there. The caller passes only events known before its training cut-off, so that the map does not know the
    future.
    Areas: the `places` of kind "area"; without that kind, every place that is no "cell" and no other's parent.
    Raises DataError when there is no cell at all, a "cell" is none of the site's, or coordinates are swapped.
    """
    listed, settings = Places(places), site.cells
    if settings.kind == "areas":
        return _of_kind(listed, listed.areas(), settings)
    ids, homes = _listed_cells(listed, settings), list[str]()
    if not ids:
        ids, homes = _drawn_by(events, listed, site, points or points_of(events, settings))
    if not ids:
        raise DataError(
            "CR-PLACE-001", "there is not one cell", wanted="events with coordinates, or places of kind \"cell\"",
            found=f"{len(homes)} cells of private premises alone, without 500 known residents" if homes else None,
            hint="check which columns the mapping calls latitude and longitude" if len(events)
            else "no contact was known yet at the moment asked for: load more history, or hold fewer days out",
        )  # fmt: skip
    cells = _of_kind(listed, ids, settings)
    return replace(cells, undrawn=_counted_near_by(homes, cells, settings)) if homes else cells


def cells_named(site: Site, places: pa.Table, ids: Sequence[str]) -> Cells:
    """The cells of these ids, of which there is at least one, whatever the site's own kind and size are now."""
    resolution = resolution_of(ids[0])
    level = squares.level_of(ids[0]) or ("areas" if resolution is None else f"h3:{resolution}")
    return _of_kind(Places(places), sorted(ids), site.cells.at(level))


def _of_kind(listed: Places, ids: list[str], settings: CellSettings) -> Cells:
    if settings.kind == "areas":
        return _made(listed, ids, ids, area_rings(listed, ids, settings), settings)
    if settings.kind == "squares":
        return _made(listed, ids, squares.names(ids), squares.rings(ids), settings)
    return _made(listed, ids, ids, hexagons.rings(ids), settings)


def density_of(cells: Cells) -> Numbers:
    """Residents per km², NaN where either is not known. Shape (cells,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        density = cells.population / cells.area_km2
    return np.where(np.isfinite(density), density, np.nan)


def assign(events: pa.Table, cells: Cells, settings: CellSettings, *, points: Points | None = None) -> Indices:
    """For each event the index of its cell, or `NOWHERE`. Shape (events,). `points`: as `cells_of` has them."""
    return _assigned(events, {cell: place for place, cell in enumerate(cells.ids)}, settings, points)


def assign_counted(events: pa.Table, cells: Cells, settings: CellSettings, *, points: Points | None = None) -> Indices:
    """The same; contacts in private premises of a cell that is on no map have the cell near by that they count in."""
    if not cells.undrawn:
        return assign(events, cells, settings, points=points)
    points = points or points_of(events, settings)
    own, near_by = assign(events, cells, settings, points=points), dict(cells.undrawn)
    at_home = in_private_premises(events) & (own == NOWHERE)
    return np.where(at_home, _assigned(events, near_by, settings, points), own)


def _assigned(events: pa.Table, index: dict[str, int], settings: CellSettings, points: Points | None) -> Indices:
    found = _by_place(events, index)
    points = points or points_of(events, settings)
    if points is None:
        return found
    of_point = np.array([*(index.get(cell, NOWHERE) if cell else NOWHERE for cell in points.ids), NOWHERE])
    return np.where(found == NOWHERE, of_point.astype(np.int32)[points.position], found)


def corners_of(place: str) -> list[tuple[float, float]] | None:
    """Latitude and longitude of a hexagon's or square's corners, anticlockwise; None for a named area."""
    return squares.corners(place) or hexagons.corners(place)


def larger_place_of(place: str) -> str | None:
    """The hexagon two resolutions up or the square of seven times the side; None for a named area."""
    if squares.corners(place):
        return squares.parents([place])[0]
    return hexagons.parents([place])[0] if hexagons.corners(place) else None


def _by_place(events: pa.Table, index: dict[str, int]) -> Indices:
    if "place_id" not in events.column_names:
        return np.full(len(events), NOWHERE, dtype=np.int32)
    codes, values = _dictionary(events["place_id"])
    of_value = np.array([index.get(value, NOWHERE) for value in values] + [NOWHERE], dtype=np.int32)
    return of_value[codes]


def _dictionary(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[Any]]:
    """Codes and their values; an absent value has the code after the last."""
    values = column.combine_chunks()
    if isinstance(values, pa.ChunkedArray):
        values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], type=column.type)
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    known = values.dictionary.to_pylist()
    return values.indices.fill_null(len(known)).to_numpy(zero_copy_only=False).astype(np.int64), known


# Which hexagons or squares there are


def _listed_cells(listed: Places, settings: CellSettings) -> list[str]:
    """The places of kind "cell" if they are of this size; where all are of another one, the cells that cover them."""
    ids = sorted(set(listed.of_kind("cell")))
    wrong = [place for place in ids if not _is_cell(place, settings)]
    if len(wrong) < len(ids) or not wrong:
        _refuse(wrong, settings)
        return ids
    inside = [points_within(place) for place in ids]
    _refuse([place for place, points in zip(ids, inside, strict=True) if points is None], settings)
    latitude, longitude = (np.concatenate(part) for part in zip(*(one for one in inside if one), strict=True))
    return sorted({cell for cell in cells_at(latitude, longitude, settings)[0] if cell})


def _refuse(wrong: list[str], settings: CellSettings) -> None:
    if wrong:
        raise DataError(
            "CR-PLACE-001", f'{len(wrong)} places of kind "cell" are no cells of this site', where="the places table",
            wanted=f"cells of {settings.level}", found=wrong[0],
            hint="another size under [cells] in crisisrisk.toml, or another kind for these places?",
        )  # fmt: skip


def _is_cell(place: object, settings: CellSettings) -> bool:
    if settings.kind == "squares":
        return squares.is_square(place, settings)
    return hexagons.is_hexagon(place, settings.h3_resolution)


def _drawn_by(
    events: pa.Table, listed: Places, site: Site, points: Points | None
) -> tuple[list[str], list[str]]:  # fmt: skip
    """The cells that events are in; and those left out because only private premises of few residents are there."""
    everywhere = np.ones(len(events), dtype=bool)
    near = everywhere if points is None else _near_the_median(points, site)
    private, drawn = in_private_premises(events), _seen(events, site.cells, points, everywhere, near)
    if not private.any():
        return sorted(drawn), []
    elsewhere = _seen(events, site.cells, points, ~private, near)
    homes = sorted(drawn - elsewhere)
    residents, _ = residents_and_deprivation(listed, homes, lambda north, east: cells_at(north, east, site.cells))
    few = known_residents(residents, site.cells.least_residents) < LEAST_RESIDENTS
    undrawn = [home for home, too_few in zip(homes, few.tolist(), strict=True) if too_few]
    return sorted(drawn.difference(undrawn)), undrawn


def _counted_near_by(homes: list[str], cells: Cells, settings: CellSettings) -> tuple[tuple[str, int], ...]:
    """For each cell that is not on the map the one that contacts in private premises in it count in, or `NOWHERE`."""
    index = {cell: place for place, cell in enumerate(cells.ids)}
    shapes = squares if settings.kind == "squares" else hexagons
    residents = known_residents(cells.population, settings.least_residents)
    rings = [
        [sorted(index[one] for one in near if one in index) for near in ring[: len(homes)]]
        for ring in shapes.rings([*homes, *cells.ids])
    ]
    return tuple(
        (home, merged_up(around, residents)) for home, around in zip(homes, zip(*rings, strict=True), strict=True)
    )


def _seen(
    events: pa.Table, settings: CellSettings, points: Points | None, among: NDArray[np.bool_], near: NDArray[np.bool_]
) -> set[str]:
    """The cells that some of the events name, or that their points lie in. `among`, `near`: shape (events,)."""
    named = _named(events.filter(pa.array(among)), settings)
    if points is None:
        return named
    there = np.unique(points.position[among & near & (points.position >= 0)]).tolist()
    return named | {cell for one in there if (cell := points.ids[one])}


def _named(events: pa.Table, settings: CellSettings) -> set[str]:
    if "place_id" not in events.column_names:
        return set()
    codes, values = _dictionary(events["place_id"])
    # A dictionary may hold values of rows that were filtered away: only those in use count.
    used = [values[code] for code in np.unique(codes).tolist() if code < len(values)]
    return {str(place) for place in used if _is_cell(place, settings)}


def _near_the_median(points: Points, site: Site) -> NDArray[np.bool_]:
    """Which points lie so near to the middle of all that they are no typing error. Shape (events,)."""
    latitude, longitude = points.latitude, points.longitude
    rows = np.flatnonzero(on_earth(latitude, longitude))
    near = np.zeros(len(latitude), dtype=bool)
    if not len(rows):
        return near
    middle = float(np.median(latitude[rows])), float(np.median(longitude[rows]))
    if site.country == "GB" and _in_the_kingdom(middle[1], middle[0]) and not _in_the_kingdom(*middle):
        raise DataError(
            "CR-PLACE-003", "latitude and longitude look swapped", found=f"middle at {middle[0]:.1f}, {middle[1]:.1f}",
            wanted="latitudes of 49 to 61.5 and longitudes of -9 to 2.5 degrees",
            hint="check which columns the mapping calls latitude and longitude",
        )  # fmt: skip
    near[rows] = distance_km(latitude[rows], longitude[rows], *middle) <= FURTHEST_KM
    return near


def _in_the_kingdom(latitude: float, longitude: float) -> bool:
    south, west, north, east = _UNITED_KINGDOM
    return south <= latitude <= north and west <= longitude <= east


# What is known of them


def _made(listed: Places, ids: list[str], names: Sequence[str], rings: Rings, settings: CellSettings) -> Cells:
    index = {cell: place for place, cell in enumerate(ids)}
    if settings.kind == "areas":
        latitude, longitude = listed.numbers("latitude", ids), listed.numbers("longitude", ids)
        area = listed.numbers("area_km2", ids)
        parents = listed.parents(ids)
    else:
        shapes = squares if settings.kind == "squares" else hexagons
        (latitude, longitude), area = shapes.centres(ids), shapes.areas_km2(ids)
        parents = shapes.parents(ids)
    population, decile = residents_and_deprivation(listed, ids, lambda north, east: cells_at(north, east, settings))
    return Cells(
        ids=tuple(ids),
        names=listed.names(ids, names),
        latitude=latitude,
        longitude=longitude,
        area_km2=area,
        population=population,
        deprivation_decile=decile,
        neighbours_1=_neighbours((index[cell] for cell in near if cell in index) for near in rings[0]),
        neighbours_2=_neighbours((index[cell] for cell in near if cell in index) for near in rings[1]),
        parents=tuple(parents),
    )


def _neighbours(of_cells: Iterable[Iterable[int]]) -> Neighbours:
    lists = [sorted(near) for near in of_cells]
    offsets = np.cumsum([0, *map(len, lists)], dtype=np.int32)
    return Neighbours(offsets, np.array([near for one in lists for near in one], dtype=np.int32))
