"""In which cells things are that a site's own files name, and since when they are known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.tables.areas import distance_km
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.cells import NOWHERE, Cells, assign
from crisisrisk.timeline import FIRST_US, FOREVER_US, LAST_US, Instants, microseconds

Numbers = NDArray[np.float64]
Indices = NDArray[np.int32]
Mask = NDArray[np.bool_]

REACH = 2.0
"""A point lies in the named area of the nearest centre, if no further than so many radii of a circle of its size."""


@dataclass(frozen=True, eq=False)
class Announced:
    """From when to when each thing counts as known: `known_at < T <= withdrawn_at`. Shapes (things,)."""

    known_at: Instants
    withdrawn_at: Instants

    def at(self, thing: int, moments: Instants) -> Mask:
        """At which moments T one of the things counts. Shape as given."""
        return np.asarray((self.known_at[thing] < moments) & (moments <= self.withdrawn_at[thing]))


def announced(rows: Sequence[Mapping[str, Any]]) -> Announced:
    """The clocks of rows of a named file."""
    return Announced(
        instants([row["known_at"] for row in rows], missing=FOREVER_US),
        instants([row["withdrawn_at"] for row in rows], missing=FOREVER_US),
    )


def instants(moments: Sequence[datetime | None], *, missing: int) -> Instants:
    """Moments as microseconds."""
    return np.array([missing if one is None else microseconds(one) for one in moments], dtype=np.int64)


def covered(
    first: NDArray[np.int64], last: NDArray[np.int64], known_at: Instants, moments: Instants
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """From where to where a file speaks, as known at each moment: the first and the last of what was announced by then.

    Where nothing was, from after all times to before them.
    """
    order = np.argsort(known_at, kind="stable")
    until = np.searchsorted(known_at[order], moments, side="left")
    lows = np.concatenate([[LAST_US], np.minimum.accumulate(first[order])])
    highs = np.concatenate([[FIRST_US], np.maximum.accumulate(last[order])])
    return lows[until].astype(np.int64), highs[until].astype(np.int64)


def cells_at(latitude: Numbers, longitude: Numbers, cells: Cells, settings: CellSettings) -> Indices:
    """The cell of each point, or `NOWHERE`. Shape (points,)."""
    if settings.kind != "areas":
        return assign(pa.table({"latitude": latitude, "longitude": longitude}), cells, settings)
    found = np.full(len(latitude), NOWHERE, dtype=np.int32)
    reach = REACH * np.sqrt(cells.area_km2 / np.pi)
    for point in range(len(latitude)):
        away = distance_km(cells.latitude, cells.longitude, latitude[point], longitude[point])
        if np.isfinite(away).any():
            nearest = int(np.nanargmin(away))
            found[point] = nearest if away[nearest] <= reach[nearest] else NOWHERE
    return found


def around(chosen: NDArray[np.int64], cells: Cells) -> NDArray[np.int64]:
    """The cells that touch one of those chosen and are none of them."""
    near = [cells.neighbours_1.of(cell) for cell in chosen.tolist()]
    return np.setdiff1d(np.concatenate(near), chosen).astype(np.int64) if near else np.zeros(0, dtype=np.int64)
