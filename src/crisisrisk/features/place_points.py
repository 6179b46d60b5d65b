"""Points that a site's own file names, such as stations: how many are in a cell, and how far the nearest is.

A point counts from when it was known until it closed. Where no point of a kind was known, nothing is known of the kind.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError, did_you_mean
from crisisrisk.features.place_kernels import sum_neighbours
from crisisrisk.features.place_located import Announced, Mask, Numbers, announced, cells_at
from crisisrisk.features.specs import FeatureSpec
from crisisrisk.tables.areas import distance_km
from crisisrisk.tables.cells import NOWHERE, Cells
from crisisrisk.tables.named_files import Row, read_named_file
from crisisrisk.tables.named_tables import POINTS
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Instants

Chosen = NDArray[np.int64]


def point_columns(spec: FeatureSpec, cells: Cells, issued_at: Instants, site: Site) -> Numbers:
    """Shape (shifts, cells); NaN where no point of the spec's kinds was known at the issue time.

    Time grows with the moments at which points come or go, not with the shifts.
    """
    latitude, longitude, known = _points(spec, site)
    states, state_of_row = _states(known, issued_at)
    there = np.array([[known.at(one, states)] for one in range(len(latitude))], dtype=bool).reshape(-1, len(states))
    measure = _MEASURES[spec.aggregation](latitude, longitude, cells, site)
    of_state = np.full((len(states), len(cells)), np.nan)
    for number in np.flatnonzero(there.any(axis=0)).tolist():
        of_state[number] = measure(there[:, number])
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


def _here(latitude: Numbers, longitude: Numbers, cells: Cells, site: Site) -> "_Measure":
    found = cells_at(latitude, longitude, cells, site.cells)

    def count(there: Mask) -> Numbers:
        return np.bincount(found[there & (found != NOWHERE)], minlength=len(cells)).astype(np.float64)

    return count


def _nearby(latitude: Numbers, longitude: Numbers, cells: Cells, site: Site) -> "_Measure":
    here, ring = _here(latitude, longitude, cells, site), cells.neighbours_1

    def count(there: Mask) -> Numbers:
        counts = here(there).astype(np.int32)[:, None]
        return np.asarray(sum_neighbours(counts, ring.offsets, ring.indices)[:, 0], dtype=np.float64)

    return count


def _nearest_km(latitude: Numbers, longitude: Numbers, cells: Cells, site: Site) -> "_Measure":
    """From the centre of each cell; NaN for one whose centre is not known."""
    away = np.array(
        [distance_km(cells.latitude, cells.longitude, *one) for one in zip(latitude, longitude, strict=True)]
    ).reshape(-1, len(cells))
    return lambda there: np.asarray(np.fmin.reduce(away[there], axis=0), dtype=np.float64)


_Measure = Callable[[Mask], Numbers]
"""What some of the points give, chosen by a mask. Shape (cells,)."""

_MEASURES: Mapping[str, Callable[[Numbers, Numbers, Cells, Site], _Measure]] = {
    "points_here": _here, "points_nearby": _nearby, "nearest_point_km": _nearest_km,
}  # fmt: skip
