"""Who lives in a cell: residents and deprivation, from its own row in `places`, else from the smaller places inside it;
and which cell a contact in private premises may be counted in.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.tables import hexagons, squares
from crisisrisk.tables.areas import Places

if TYPE_CHECKING:
    from crisisrisk.tables.cells import Cells

LEAST_RESIDENTS = 500
"""A contact in private premises enters nothing smaller."""

Numbers = NDArray[np.float64]
CellsAt = Callable[[Numbers, Numbers], tuple[Sequence[str | None], NDArray[np.int64]]]


def residents_and_deprivation(listed: Places, ids: Sequence[str], cells_at: CellsAt) -> tuple[Numbers, Numbers]:
    """Residents and deprivation decile of each cell; NaN where not known. Two arrays of shape (cells,).

    Of a cell that `places` lists they are what it says. Where it lists none of the cells, the residents of its places
    of kind "cell" of another size are spread evenly over those, and those of other places with coordinates live at
    their centre; the decile is then the mean by residents.
    """
    population, decile = listed.numbers("population", ids), listed.numbers("deprivation_decile", ids)
    if any(cell in listed.row for cell in ids):
        return population, decile
    latitude, longitude, people, deciles = _homes(listed)
    if not len(people):
        return population, decile
    found, position = cells_at(latitude, longitude)
    index = {cell: place for place, cell in enumerate(ids)}
    cell = np.array([index.get(one, len(ids)) if one else len(ids) for one in found], dtype=np.int64)[position]
    total = np.bincount(cell, weights=people, minlength=len(ids) + 1)[: len(ids)].astype(np.float64)
    known = np.isfinite(deciles)
    weight = np.bincount(cell[known], weights=people[known], minlength=len(ids) + 1)[: len(ids)]
    summed = np.bincount(cell[known], weights=(people * deciles)[known], minlength=len(ids) + 1)[: len(ids)]
    return total, np.where(weight > 0, summed / np.where(weight > 0, weight, 1.0), np.nan)


def _homes(listed: Places) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """Points with residents and their decile. Four arrays of shape (points,)."""
    ids = listed.of_kind("cell") or listed.of_kind("area")
    people, deciles = listed.numbers("population", ids), listed.numbers("deprivation_decile", ids)
    north, east = listed.numbers("latitude", ids), listed.numbers("longitude", ids)
    points: list[tuple[Numbers, Numbers, Numbers, Numbers]] = [(np.zeros(0),) * 4]
    for row, place in enumerate(ids):
        if np.isfinite(people[row]):
            inside = _points_of(place, float(north[row]), float(east[row]))
            each = np.full(len(inside[0]), people[row] / max(len(inside[0]), 1))
            points.append((*inside, each, np.full(len(each), deciles[row])))
    latitude, longitude, residents, decile = (np.concatenate(part) for part in zip(*points, strict=True))
    return latitude, longitude, residents, decile


def _points_of(place: str, latitude: float, longitude: float) -> tuple[Numbers, Numbers]:
    inside = points_within(place)
    if inside is not None:
        return inside
    known = bool(np.isfinite(latitude + longitude))
    return np.array([latitude] * known), np.array([longitude] * known)


def points_within(place: str) -> tuple[Numbers, Numbers] | None:
    """Latitude and longitude of 49 points spread over a hexagon or a square; None for a named area."""
    if hexagons.corners(place) is not None:
        return hexagons.points_within(place)
    return squares.points_within(place) if squares.square_of(place) else None


def private_cells(cells: "Cells", least_residents: int | None) -> NDArray[np.int32]:
    """For each cell the one in which a contact in private premises counts. Shape (cells,).

    Itself with at least 500 residents; else the one of most residents among the cells that touch it and have 500, else
    among those behind them; else -1, none. A cell of unknown population has `least_residents`, or is taken for small.
    """
    residents = known_residents(cells.population, least_residents)
    found = np.full(len(cells), -1, dtype=np.int32)
    for cell in range(len(cells)):
        around = (np.array([cell]), cells.neighbours_1.of(cell), cells.neighbours_2.of(cell))
        found[cell] = merged_up(around, residents)
    return found


def merged_up(around: Iterable[Sequence[int] | NDArray[Any]], residents: Numbers) -> int:
    """Of the first of several rings of cells that has one of at least 500 residents the one of most; -1 without any."""
    for near in around:
        ring = np.asarray(near, dtype=np.int64)
        open_to = ring[residents[ring] >= LEAST_RESIDENTS]
        if len(open_to):
            return int(open_to[np.argmax(residents[open_to])])
    return -1


def known_residents(population: Numbers, least_residents: int | None) -> Numbers:
    """Residents, where they are not known what the site says that every cell has at least, else none."""
    return np.where(np.isnan(population), 0.0 if least_residents is None else float(least_residents), population)


def in_private_premises(events: pa.Table) -> NDArray[np.bool_]:
    """Which events happened there, as their agency says. Shape (events,)."""
    if "premises" not in events.column_names:
        return np.zeros(len(events), dtype=bool)
    private = pc.fill_null(pc.equal(events["premises"].cast(pa.string()), "private"), False)
    return np.asarray(private.to_numpy(), dtype=bool)
