"""Cells: the places that get a risk. H3 hexagons or named areas, their neighbours, and which cell an event is in.

An event is in the cell that its `place_id` names, else (hexagons only) in the one that its coordinates
fall in, else in none. Neighbours of areas come from the `places` table: nearest centroids where it has
coordinates, else areas under the same parent, else none.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import h3
import h3.api.basic_int as h3_numbers
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.tables.site import CellSettings, Site

NOWHERE = -1
"""The index of an event that is in none of the cells."""

# A point further from the site's median point is a typing error (swapped, a lost minus sign, 0/0), not a cell.
FURTHEST_KM = 500.0

# A hexagon has 6 neighbours and 12 around those; areas get up to as many, unless they stand further apart
# than this many times the usual distance between an area and its nearest one.
_RING_SIZES = (6, 12)
_RING_REACH = (3.0, 6.0)
_DEGREE_KM = 111.195
# A hexagon's parent is this many resolutions up: 49 hexagons, enough to tell one part of a city from another.
_LEVELS_UP = 2

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
    """What people call it; the id where the `places` table has no name."""
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
    """The larger place that each lies in: its hexagon two resolutions up, or its `parent_place_id`. () where no cell
    has one."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def parent_numbers(self) -> NDArray[np.int64]:
        """The parent of each cell as a number from 0; cells without one share one. Shape (cells,)."""
        named = [parent or "" for parent in self.parents] or [""] * len(self)
        return np.unique(named, return_inverse=True)[1].astype(np.int64)


def cells_of(site: Site, places: pa.Table, events: pa.Table) -> Cells:
    """The cells of a site.

    Hexagons: the `places` of kind "cell" if there are any, else every hexagon that an event given is in. The
    caller passes only events known before its training cut-off, so that the map does not know the future.
    Areas: the `places` of kind "area"; without that kind, every place that is no "cell" and no other's parent.
    Raises DataError when there is no cell at all, or a "cell" is no H3 cell of the site's resolution.
    """
    listed = _Places(places)
    if site.cells.kind == "areas":
        return _areas(listed, listed.areas())
    resolution = site.cells.h3_resolution
    ids = sorted(listed.of_kind("cell")) or sorted(_seen(events, resolution))
    if not ids:
        raise DataError(
            "CR-PLACE-001", "there is not one cell", wanted="events with coordinates, or places of kind \"cell\"",
            hint="check which columns the mapping calls latitude and longitude",
        )  # fmt: skip
    return _hexagons(listed, _checked(ids, resolution))


def density_of(cells: Cells) -> Numbers:
    """Residents per km², NaN where either is not known. Shape (cells,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        density = cells.population / cells.area_km2
    return np.where(np.isfinite(density), density, np.nan)


def assign(events: pa.Table, cells: Cells, settings: CellSettings) -> Indices:
    """For each event the index of its cell, or `NOWHERE`. Shape (events,).

    Time grows with the number of different coordinates, not of events.
    """
    found = _by_place(events, cells.ids)
    if settings.kind == "areas" or "latitude" not in events.column_names:
        return found
    latitude, longitude = _coordinates(events)
    index = {h3.str_to_int(cell): place for place, cell in enumerate(cells.ids)}
    rows = np.flatnonzero((found == NOWHERE) & _on_earth(latitude, longitude))
    numbers, position = _hexagons_at(latitude[rows], longitude[rows], settings.h3_resolution)
    of_number = np.array([index.get(number, NOWHERE) for number in numbers], dtype=np.int32)
    found[rows] = of_number[position]
    return found


def _by_place(events: pa.Table, ids: Sequence[str]) -> Indices:
    if "place_id" not in events.column_names:
        return np.full(len(events), NOWHERE, dtype=np.int32)
    index = {cell: place for place, cell in enumerate(ids)}
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


def _coordinates(events: pa.Table) -> tuple[Numbers, Numbers]:
    latitude, longitude = (_numbers(events, name) for name in ("latitude", "longitude"))
    return latitude, longitude


def _numbers(table: pa.Table, name: str) -> Numbers:
    """A column as float64, NaN where absent; NaN throughout where the table has no such column."""
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    return np.array(table[name].cast(pa.float64()).to_numpy(), dtype=np.float64)


def _on_earth(latitude: Numbers, longitude: Numbers) -> NDArray[np.bool_]:
    return (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)


# Hexagons


def _hexagons_at(latitude: Numbers, longitude: Numbers, resolution: int) -> tuple[list[int], NDArray[np.int64]]:
    """The hexagon of each different point, and which point each row has."""
    points, position = np.unique(latitude + 1j * longitude, return_inverse=True)
    pairs = zip(points.real.tolist(), points.imag.tolist(), strict=True)
    return [h3_numbers.latlng_to_cell(north, east, resolution) for north, east in pairs], position


def _seen(events: pa.Table, resolution: int) -> set[str]:
    latitude, longitude = _coordinates(events)
    near = _near_the_median(latitude, longitude)
    numbers, _ = _hexagons_at(latitude[near], longitude[near], resolution)
    return _named(events, resolution) | {h3.int_to_str(number) for number in set(numbers)}


def _named(events: pa.Table, resolution: int) -> set[str]:
    if "place_id" not in events.column_names:
        return set()
    codes, values = _dictionary(events["place_id"])
    # A dictionary may hold values of rows that were filtered away: only those in use count.
    used = [values[code] for code in np.unique(codes).tolist() if code < len(values)]
    return {str(place) for place in used if _is_hexagon(place, resolution)}


def _near_the_median(latitude: Numbers, longitude: Numbers) -> NDArray[np.int64]:
    rows = np.flatnonzero(_on_earth(latitude, longitude))
    if not len(rows):
        return rows
    north, east = latitude[rows], longitude[rows]
    away = _distance_km(north, east, float(np.median(north)), float(np.median(east)))
    return rows[away <= FURTHEST_KM]


def _is_hexagon(place: object, resolution: int) -> bool:
    return isinstance(place, str) and h3.is_valid_cell(place) and h3.get_resolution(place) == resolution


def _checked(ids: list[str], resolution: int) -> list[str]:
    wrong = [place for place in ids if not _is_hexagon(place, resolution)]
    if wrong:
        raise DataError(
            "CR-PLACE-001", f'{len(wrong)} places of kind "cell" are no cells of this site', where="the places table",
            wanted=f"H3 cells of resolution {resolution}", found=wrong[0],
            hint="another h3_resolution in crisisrisk.toml, or another kind for these places?",
        )  # fmt: skip
    return ids


def _hexagons(listed: "_Places", ids: list[str]) -> Cells:
    centres = np.array([h3.cell_to_latlng(cell) for cell in ids], dtype=np.float64)
    index = {cell: place for place, cell in enumerate(ids)}
    inner = [set(h3.grid_disk(cell, 1)) for cell in ids]
    outer = [set(h3.grid_disk(cell, 2)) - near for cell, near in zip(ids, inner, strict=True)]
    first = [near - {cell} for cell, near in zip(ids, inner, strict=True)]
    rows = listed.rows_of(ids)
    return Cells(
        ids=tuple(ids),
        names=listed.names(ids, rows),
        latitude=centres[:, 0],
        longitude=centres[:, 1],
        area_km2=np.array([h3.cell_area(cell, unit="km^2") for cell in ids]),
        population=listed.numbers("population", rows),
        deprivation_decile=listed.numbers("deprivation_decile", rows),
        neighbours_1=_neighbours((index[cell] for cell in near if cell in index) for near in first),
        neighbours_2=_neighbours((index[cell] for cell in near if cell in index) for near in outer),
        parents=tuple(h3.cell_to_parent(cell, max(h3.get_resolution(cell) - _LEVELS_UP, 0)) for cell in ids),
    )


def _neighbours(of_cells: Iterable[Iterable[int]]) -> Neighbours:
    lists = [sorted(near) for near in of_cells]
    offsets = np.cumsum([0, *map(len, lists)], dtype=np.int32)
    return Neighbours(offsets, np.array([near for one in lists for near in one], dtype=np.int32))


# Areas


class _Places:
    """The `places` table by id."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.ids: list[str] = [str(place) for place in self.column("place_id")]
        self.row = {place: row for row, place in enumerate(self.ids)}

    def column(self, name: str) -> list[Any]:
        if name not in self.table.column_names:
            return [None] * len(self.table)
        values: list[Any] = self.table[name].to_pylist()
        return values

    def of_kind(self, kind: str) -> list[str]:
        return [place for place, is_kind in zip(self.ids, self.column("kind"), strict=True) if is_kind == kind]

    def areas(self) -> list[str]:
        if marked := self.of_kind("area"):
            return sorted(set(marked))
        left_out = {*self.of_kind("cell"), *self.column("parent_place_id")}
        areas = sorted(set(self.ids) - left_out)
        if not areas:
            raise DataError(
                "CR-PLACE-001", "there is not one area", where="the places table", wanted='places of kind "area"',
                hint='load the places first, or say kind = "h3" under [cells] in crisisrisk.toml',
            )  # fmt: skip
        return areas

    def rows_of(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """The row of each id, or -1."""
        return np.array([self.row.get(place, -1) for place in ids], dtype=np.int64)

    def names(self, ids: Sequence[str], rows: NDArray[np.int64]) -> tuple[str, ...]:
        names = [*self.column("name"), None]
        return tuple(str(names[row] or place) for place, row in zip(ids, rows, strict=True))

    def numbers(self, name: str, rows: NDArray[np.int64]) -> Numbers:
        return np.append(_numbers(self.table, name), np.nan)[rows]


def _areas(listed: _Places, ids: list[str]) -> Cells:
    rows = listed.rows_of(ids)
    latitude, longitude = listed.numbers("latitude", rows), listed.numbers("longitude", rows)
    column = [*listed.column("parent_place_id"), None]
    parents = tuple(column[row] for row in rows)
    if np.isfinite(latitude + longitude).any():
        rings = _nearest(latitude, longitude)
    else:
        rings = [_siblings(parents), _neighbours([[]] * len(ids))]
    return Cells(
        ids=tuple(ids),
        names=listed.names(ids, rows),
        latitude=latitude,
        longitude=longitude,
        area_km2=listed.numbers("area_km2", rows),
        population=listed.numbers("population", rows),
        deprivation_decile=listed.numbers("deprivation_decile", rows),
        neighbours_1=rings[0],
        neighbours_2=rings[1],
        parents=parents,
    )


def _siblings(parents: Sequence[str | None]) -> Neighbours:
    together: dict[str | None, list[int]] = {}
    for place, parent in enumerate(parents):
        together.setdefault(parent, []).append(place)
    return _neighbours(
        [one for one in together[parent] if one != place] if parent is not None else []
        for place, parent in enumerate(parents)
    )


def _nearest(latitude: Numbers, longitude: Numbers) -> list[Neighbours]:
    """Rings of the nearest centroids: the nearest 6 within reach, then the nearest 12 of the rest."""
    order = list(_in_order_of_distance(latitude, longitude, sum(_RING_SIZES)))
    closest = [away[0] for _, away in order if len(away)]
    usual = float(np.median(closest)) if closest else 0.0
    first = [near[: _RING_SIZES[0]][away[: _RING_SIZES[0]] <= _RING_REACH[0] * usual] for near, away in order]
    second = [
        near[len(ring) :][away[len(ring) :] <= _RING_REACH[1] * usual][: _RING_SIZES[1]]
        for (near, away), ring in zip(order, first, strict=True)
    ]
    return [_neighbours(ring.tolist() for ring in rings) for rings in (first, second)]


def _in_order_of_distance(
    latitude: Numbers, longitude: Numbers, wanted: int
) -> Iterator[tuple[NDArray[np.int64], Numbers]]:
    """For each place the nearest others, nearest first (ties by order of ids), and how far they are in km."""
    for place in range(len(latitude)):
        away = _distance_km(latitude, longitude, latitude[place], longitude[place])
        away[place] = np.nan
        near = np.argsort(away, kind="stable")[:wanted]
        near = near[np.isfinite(away[near])]
        yield near, away[near]


def _distance_km(latitude: Numbers, longitude: Numbers, north: float, east: float) -> Numbers:
    """Distance to one point over a locally flat earth; under 1 % out within a few hundred kilometres."""
    sideways = (longitude - east) * np.cos(np.radians((latitude + north) / 2))
    return np.asarray(np.hypot(latitude - north, sideways) * _DEGREE_KM, dtype=np.float64)
