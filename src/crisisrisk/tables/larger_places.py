"""The areas that cells lie in: the larger places whose totals a forecast gives beside the whole."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.tables.areas import Places
from crisisrisk.tables.cells import Cells

WHOLE_ID = ""
"""The id of all cells together, or of those that are in no area."""


@dataclass(frozen=True, eq=False)
class Area:
    """One area. `cells`: the indices of its cells, ascending."""

    id: str
    name: str
    """Its name in the `places` table, else its id."""
    cells: NDArray[np.int64]


def areas_of(cells: Cells, places: pa.Table) -> tuple[Area, ...]:
    """The areas of the cells, by id. Cells without a larger place are in none; none at all where no cell has one."""
    found = sorted({parent for parent in cells.parents if parent})
    parents = np.array([parent or "" for parent in cells.parents], dtype=object)
    named = zip(found, Places(places).names(found, found), strict=True)
    return tuple(Area(area, name, np.flatnonzero(parents == area).astype(np.int64)) for area, name in named)


def areas_or_whole(cells: Cells, places: pa.Table) -> tuple[Area, ...]:
    """The areas of the cells, and the cells without one together as one more, whose id is empty."""
    areas = areas_of(cells, places)
    inside = np.concatenate([area.cells for area in areas]) if areas else np.empty(0, dtype=np.int64)
    rest = np.setdiff1d(np.arange(len(cells)), inside).astype(np.int64)
    return (*areas, Area(WHOLE_ID, "", rest)) if len(rest) else areas
