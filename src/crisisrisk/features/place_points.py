"""Points that a site's own file names, such as stations: how many are in a cell, and how far the nearest is.

A point counts from when it was known until it closed. Where no point of a kind was known, nothing is known of the kind.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError, did_you_mean
from crisisrisk.features.place_kernels import sum_neighbours
from crisisrisk.features.place_located import Announced, Numbers, announced, cells_at
from crisisrisk.features.specs import FeatureSpec
from crisisrisk.tables.areas import distance_km
from crisisrisk.tables.cells import NOWHERE, Cells
from crisisrisk.tables.named_files import Row, read_named_file
from crisisrisk.tables.named_tables import POINTS
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Instants

Chosen = NDArray[np.int64]


def point_columns(spec: FeatureSpec, cells: Cells, issued_at: Instants, site: Site) -> Numbers:
    """Shape (shifts, cells); NaN where no point of the spec's kinds was known at the issue time."""
    latitude, longitude, known = _points(spec, site)
    states, state_of_row = _states(known, issued_at)
    of_state = np.full((len(states), len(cells)), np.nan)
    measure = _MEASURES[spec.aggregation]
    for number, moment in enumerate(states.tolist()):
        there = np.array([known.at(one, np.array([moment]))[0] for one in range(len(latitude))], dtype=bool)
        if there.any():
            of_state[number] = measure(latitude[there], longitude[there], cells, site)
    return of_state[state_of_row]


def _points(spec: FeatureSpec, site: Site) -> tuple[Numbers, Numbers, Announced]:
    kinds = dict(spec.where)["kind"]
    rows = () if site.points.file is None else read_named_file(site.points.file, POINTS, site.time_zone)
    _refuse_unknown(rows, site)
    chosen = [row for row in rows if row["kind"] in kinds]
    north, east = (np.array([row[name] for row in chosen], dtype=np.float64) for name in ("latitude", "longitude"))
    return north, east, announced(chosen)


def _refuse_unknown(rows: Sequence[Row], site: Site) -> None:
    """A kind that the site does not name is a slip of the pen, which would go unnoticed."""
    for row in rows:
        if row["kind"] not in site.points.kinds:
            raise DataError(
                "CR-SITE-004", f'points of an unknown kind "{row["kind"]}"', where=str(site.points.file),
                wanted="the kinds under [points] in crisisrisk.toml", hint=did_you_mean(row["kind"], site.points.kinds),
            )  # fmt: skip


def _states(known: Announced, issued_at: Instants) -> tuple[Instants, Chosen]:
    """One moment for each stretch in which the same points count, and which of them each issue time is in."""
    edges = np.unique(np.concatenate([known.known_at, known.withdrawn_at]))
    stretch = np.searchsorted(edges, issued_at, side="left")
    _, first, of_row = np.unique(stretch, return_index=True, return_inverse=True)
    return issued_at[first], of_row.astype(np.int64)


def _here(latitude: Numbers, longitude: Numbers, cells: Cells, site: Site) -> Numbers:
    found = cells_at(latitude, longitude, cells, site.cells)
    return np.bincount(found[found != NOWHERE], minlength=len(cells)).astype(np.float64)


def _nearby(latitude: Numbers, longitude: Numbers, cells: Cells, site: Site) -> Numbers:
    ring = cells.neighbours_1
    counts = _here(latitude, longitude, cells, site).astype(np.int32)[:, None]
    return np.asarray(sum_neighbours(counts, ring.offsets, ring.indices)[:, 0], dtype=np.float64)


def _nearest_km(latitude: Numbers, longitude: Numbers, cells: Cells, site: Site) -> Numbers:
    """From the centre of each cell; NaN for one whose centre is not known."""
    nearest = np.full(len(cells), np.inf)
    for north, east in zip(latitude.tolist(), longitude.tolist(), strict=True):
        nearest = np.fmin(nearest, distance_km(cells.latitude, cells.longitude, north, east))
    return np.where(np.isfinite(nearest), nearest, np.nan)


_Measure = Callable[[Numbers, Numbers, Cells, Site], Numbers]
_MEASURES: Mapping[str, _Measure] = {
    "points_here": _here, "points_nearby": _nearby, "nearest_point_km": _nearest_km,
}  # fmt: skip
