"""The areas that cells lie in: the larger places whose totals a forecast gives beside the whole."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.tables.areas import Places
from crisisrisk.tables.cells import Cells


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
