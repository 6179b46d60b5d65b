"""Named areas: which there are, and which of them touch.

Which touch is said by a file of pairs, else by boundaries that share a stretch, else by the `places` table: nearest
centroids where it has coordinates, else areas under the same parent, else none.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.hexagons import Rings

# Areas get up to as many neighbours as hexagons, unless they stand further apart than this many times the usual
# distance between an area and its nearest one.
_RING_SIZES = (6, 12)
_RING_REACH = (3.0, 6.0)
_DEGREE_KM = 111.195

Numbers = NDArray[np.float64]
Point = tuple[float, float]


class Places:
    """The `places` table by id."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.ids: list[str] = [str(place) for place in self.column("place_id")]
        self.row = {place: row for row, place in enumerate(self.ids)}

    def column(self, name: str) -> list[Any]:
        """A column's values; None throughout where the table has no such column."""
        if name not in self.table.column_names:
            return [None] * len(self.table)
        values: list[Any] = self.table[name].to_pylist()
        return values

    def of_kind(self, kind: str) -> list[str]:
        """The ids of one kind."""
        return [place for place, is_kind in zip(self.ids, self.column("kind"), strict=True) if is_kind == kind]

    def areas(self) -> list[str]:
        """The places of kind "area"; without that kind, every place that is no "cell" and no other's parent."""
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

    def parents(self, ids: Sequence[str]) -> list[str | None]:
        """The larger place of each id; None where none is known."""
        column = [*self.column("parent_place_id"), None]
        return [column[row] for row in self.rows_of(ids).tolist()]

    def names(self, ids: Sequence[str], usual: Sequence[str]) -> tuple[str, ...]:
        """What people call them; the usual name where the table has none."""
        names = [*self.column("name"), None]
        rows = self.rows_of(ids).tolist()
        return tuple(str(names[row] or given) for row, given in zip(rows, usual, strict=True))

    def numbers(self, name: str, ids: Sequence[str]) -> Numbers:
        """A column's numbers of some ids; NaN where absent."""
        return np.append(numbers_of(self.table, name), np.nan)[self.rows_of(ids)]


def numbers_of(table: pa.Table, name: str) -> Numbers:
    """A column as float64, NaN where absent; NaN throughout where the table has no such column."""
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    return np.array(table[name].cast(pa.float64()).to_numpy(), dtype=np.float64)


def area_rings(listed: Places, ids: list[str], settings: CellSettings) -> Rings:
    """For each area those that touch it, and those behind them. Raises DataError for a file that cannot be used."""
    pairs = _pairs(settings)
    if pairs is not None:
        return _rings_of_pairs(ids, pairs)
    latitude, longitude = listed.numbers("latitude", ids), listed.numbers("longitude", ids)
    if np.isfinite(latitude + longitude).any():
        return _nearest(ids, latitude, longitude)
    return _siblings(ids, listed.parents(ids)), [set() for _ in ids]


def _siblings(ids: Sequence[str], parents: Sequence[str | None]) -> list[set[str]]:
    together: dict[str | None, set[str]] = {}
    for place, parent in zip(ids, parents, strict=True):
        together.setdefault(parent, set()).add(place)
    both = zip(ids, parents, strict=True)
    return [together[parent] - {place} if parent is not None else set() for place, parent in both]


# Pairs of areas that touch


def _pairs(settings: CellSettings) -> list[tuple[str, str]] | None:
    if settings.neighbours is not None:
        return _read_pairs(settings.neighbours)
    return None if settings.boundaries is None else shared_boundaries(_read_boundaries(settings.boundaries))


def _rings_of_pairs(ids: Sequence[str], pairs: Iterable[tuple[str, str]]) -> Rings:
    near: dict[str, set[str]] = {place: set() for place in ids}
    for one, other in pairs:
        if one in near and other in near and one != other:
            near[one].add(other)
            near[other].add(one)
    first = [near[place] for place in ids]
    second = [
        {far for one in ring for far in near[one]} - ring - {place} for place, ring in zip(ids, first, strict=True)
    ]
    return first, second


def _read_pairs(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head, *rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as problem:
        raise _unusable(path, found=type(problem).__name__) from None
    if head != ["place_id", "neighbour_id"] or any(len(row) != 2 for row in rows):
        raise _unusable(path, found=", ".join(head))
    return [(one, other) for one, other in rows]


def _unusable(path: Path, *, found: str) -> DataError:
    return DataError(
        "CR-PLACE-002", "which areas touch cannot be read", where=str(path), found=found,
        wanted="a CSV file with the columns place_id and neighbour_id, or GeoJSON polygons with a place_id each",
    )  # fmt: skip


def _read_boundaries(path: Path) -> dict[str, list[list[Point]]]:
    """For each area its rings of corners."""
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        return {str(one["properties"]["place_id"]): list(_rings_in(one["geometry"])) for one in features}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise _unusable(path, found=type(problem).__name__) from None


def _rings_in(geometry: dict[str, Any]) -> Iterator[list[Point]]:
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    for polygon in polygons:
        for ring in polygon:
            # A millionth of a degree is 0.1 m: files round their corners, neighbours' alike.
            yield [(round(corner[0], 6), round(corner[1], 6)) for corner in ring]


def shared_boundaries(boundaries: dict[str, list[list[Point]]]) -> list[tuple[str, str]]:
    """The pairs of areas that share a stretch of boundary between the same two corners; one corner is too little."""
    owners: dict[frozenset[Point], set[str]] = {}
    for place, rings in boundaries.items():
        for ring in rings:
            for start, end in pairwise(ring):
                owners.setdefault(frozenset((start, end)), set()).add(place)
    touching = {(one, other) for among in owners.values() for one in among for other in among if one < other}
    return sorted(touching)


# Nearest centroids


def _nearest(ids: Sequence[str], latitude: Numbers, longitude: Numbers) -> Rings:
    """Rings of the nearest centroids: the nearest 6 within reach, then the nearest 12 of the rest."""
    order = list(_in_order_of_distance(latitude, longitude, sum(_RING_SIZES)))
    closest = [away[0] for _, away in order if len(away)]
    usual = float(np.median(closest)) if closest else 0.0
    first = [near[: _RING_SIZES[0]][away[: _RING_SIZES[0]] <= _RING_REACH[0] * usual] for near, away in order]
    second = [
        near[len(ring) :][away[len(ring) :] <= _RING_REACH[1] * usual][: _RING_SIZES[1]]
        for (near, away), ring in zip(order, first, strict=True)
    ]
    named = [[{ids[place] for place in ring.tolist()} for ring in rings] for rings in (first, second)]
    return named[0], named[1]


def _in_order_of_distance(
    latitude: Numbers, longitude: Numbers, wanted: int
) -> Iterator[tuple[NDArray[np.int64], Numbers]]:
    """For each place the nearest others, nearest first (ties by order of ids), and how far they are in km."""
    for place in range(len(latitude)):
        away = distance_km(latitude, longitude, latitude[place], longitude[place])
        away[place] = np.nan
        near = np.argsort(away, kind="stable")[:wanted]
        near = near[np.isfinite(away[near])]
        yield near, away[near]


def distance_km(latitude: Numbers, longitude: Numbers, north: Any, east: Any) -> Numbers:
    """Distance to one point (or to a point each) over a locally flat earth; under 1 % out within a few hundred km."""
    sideways = (longitude - east) * np.cos(np.radians((latitude + north) / 2))
    return np.asarray(np.hypot(latitude - north, sideways) * _DEGREE_KM, dtype=np.float64)
