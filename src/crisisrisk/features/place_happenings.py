"""Happenings that a site's own file announces, such as matches and festivals: how many touch a shift and a cell.

One counts for a shift that it overlaps, once it was announced and while it is not called off. Beyond the last happening
announced by the issue time, and before the first, nothing is known.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.place_located import Announced, Numbers, announced, around, cells_at, covered, instants
from crisisrisk.features.specs import FeatureSpec
from crisisrisk.tables import hexagons, squares
from crisisrisk.tables.areas import distance_km
from crisisrisk.tables.cells import NOWHERE, Cells
from crisisrisk.tables.named_files import read_named_file
from crisisrisk.tables.named_tables import HAPPENINGS
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Instants, Shift, microseconds

Chosen = NDArray[np.int64]
METRES_PER_KM = 1000.0


def happening_counts(
    spec: FeatureSpec, cells: Cells, shifts: Sequence[Shift], issued_at: Instants, site: Site
) -> Numbers:
    """Shape (shifts, cells); NaN where the site has no such file, or the file does not reach to the shift."""
    counts = np.full((len(shifts), len(cells)), np.nan)
    rows = _rows(spec, site)
    if not rows or not len(shifts):
        return counts
    start, end = (np.array([microseconds(getattr(one, name)) for one in shifts]) for name in ("start", "end"))
    begins, over = (instants([row[name] for row in rows], missing=0) for name in ("starts", "ends"))
    known = announced(rows)
    first, last = covered(begins, over, known.known_at, issued_at)
    counts[(first <= end) & (start <= last)] = 0.0
    if spec.aggregation == "happenings_everywhere":
        _add(counts, [np.arange(len(cells))] * len(rows), begins, over, known, start, end, issued_at)
        return counts
    where = [_cells_of(row, cells, site) for row in rows]
    if spec.aggregation == "happenings_nearby":
        where = [around(chosen, cells) for chosen in where]
    _add(counts, where, begins, over, known, start, end, issued_at)
    return counts


def _rows(spec: FeatureSpec, site: Site) -> list[Any]:
    if site.calendar.happenings is None:
        return []
    kinds = dict(spec.where).get("kind")
    rows = read_named_file(site.calendar.happenings, HAPPENINGS, site.time_zone)
    return [row for row in rows if kinds is None or row["kind"] in kinds]


def _add(
    counts: Numbers, where: Sequence[Chosen], begins: Instants, over: Instants, known: Announced, start: Instants,
    end: Instants, issued_at: Instants,
) -> None:  # fmt: skip
    """One more in the cells of each happening, in every shift that it overlaps and at whose issue time it was known."""
    for one, chosen in enumerate(where):
        touched = np.flatnonzero((begins[one] < end) & (start < over[one]) & known.at(one, issued_at))
        if len(chosen):
            counts[np.ix_(touched, chosen)] += 1.0


def _cells_of(row: Any, cells: Cells, site: Site) -> Chosen:
    """Where a happening is: none for one that is everywhere, which is counted for the whole area alone."""
    if row["place_id"] is not None:
        return _of_place(row["place_id"], cells, site)
    if row["latitude"] is None:
        return np.zeros(0, dtype=np.int64)
    return _of_point(row["latitude"], row["longitude"], row["radius_m"] or 0.0, cells, site)


def _of_place(place: str, cells: Cells, site: Site) -> Chosen:
    """The cell of that name, else those of which it is the larger place, else the one at its centre."""
    if place in cells.ids:
        return np.array([cells.ids.index(place)], dtype=np.int64)
    inside = [cell for cell, parent in enumerate(cells.parents) if parent == place]
    if inside:
        return np.array(inside, dtype=np.int64)
    for shapes in (squares, hexagons):
        if shapes.corners(place) is not None:
            latitude, longitude = shapes.centres([place])
            return _of_point(float(latitude[0]), float(longitude[0]), 0.0, cells, site)
    return np.zeros(0, dtype=np.int64)


def _of_point(latitude: float, longitude: float, radius_m: float, cells: Cells, site: Site) -> Chosen:
    own = cells_at(np.array([latitude]), np.array([longitude]), cells, site.cells)
    away = distance_km(cells.latitude, cells.longitude, latitude, longitude)
    near = np.flatnonzero(away * METRES_PER_KM <= radius_m)
    return np.union1d(near, own[own != NOWHERE]).astype(np.int64)
