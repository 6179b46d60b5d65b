"""A history of a place as a small table of text, and what one group of a recipe makes of it.

    occurred          known  place   source
    2025-03-03 09:00  =      middle  crisis_line

As in `person_tables`: times are UTC, `=` is the time of occurrence, rows with the same `id` are versions of one
event. Places: `middle` is asked about; `neighbour` touches it, `second` is behind that, `far` is further away;
`nowhere` has no coordinates, `swapped` has them the wrong way round, `middle point` has only coordinates.
"""

from datetime import date, datetime

import h3
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.features.place import PlaceHistory, PlaceRows, place_features, place_history
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Shift, ShiftPattern, shift_on
from tests.lib.histories import SOURCES, event_table
from tests.lib.person_tables import events_in, moment
from tests.lib.reference_place_features import (
    FAR,
    MIDDLE,
    NEIGHBOUR,
    SECOND,
    PlacedVersion,
    hexagons,
    rows_of_shifts,
    site_of,
)

CELLS = hexagons(MIDDLE, NEIGHBOUR, SECOND, FAR)
HERE = CELLS.ids.index(MIDDLE)
SITE = site_of()

_NORTH, _EAST = h3.cell_to_latlng(MIDDLE)
_WHERE: dict[str, dict[str, str | float | None]] = {
    "middle": {"place_id": MIDDLE},
    "neighbour": {"place_id": NEIGHBOUR},
    "second": {"place_id": SECOND},
    "far": {"place_id": FAR},
    "nowhere": {"latitude": None, "longitude": _EAST},
    "swapped": {"latitude": _EAST, "longitude": _NORTH},
    "middle point": {"latitude": _NORTH, "longitude": _EAST},
}


def shift(text: str, *, site: Site = SITE) -> Shift:
    """A shift of the site from its name and the local day on which it starts: `night 2025-03-29`."""
    name, day = text.split()
    pattern = next(one for one in site.shifts if one.name == name)
    return shift_on(pattern, date.fromisoformat(day), site.time_zone)


def every(pattern: ShiftPattern | str, first: str, days: int, *, site: Site = SITE) -> list[Shift]:
    """The shifts of a name on so many days in a row."""
    name = pattern if isinstance(pattern, str) else pattern.name
    start = date.fromisoformat(first).toordinal()
    return [shift(f"{name} {date.fromordinal(start + number)}", site=site) for number in range(days)]


def placed(table: str) -> pa.Table:
    """The events table that a table of text shows."""
    heads, *lines = table.strip().splitlines()
    names = [head.strip() for head in heads.split("  ") if head.strip()]
    where = names.index("place") if "place" in names else None
    versions = []
    for version, line in zip(events_in(table), lines, strict=True):
        cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
        place = "middle" if where is None else cells[where]
        versions.append(PlacedVersion(**{**vars(version), **_WHERE[place]}))
    return event_table(versions)


def asked(*shifts: Shift, issued: str | datetime | None = None) -> PlaceRows:
    """Rows for shifts; each forecast is made when the shift starts, or at the moment given."""
    at = moment(issued) if isinstance(issued, str) else issued
    return rows_of_shifts(CELLS, shifts, [at or one.start for one in shifts])


def history(table: str) -> PlaceHistory:
    """Every event of a table of text, in its cell."""
    return place_history(placed(table), CELLS, SITE.cells)


def features_of(group: str, table: str, rows: PlaceRows, *, site: Site = SITE) -> NDArray[np.float32]:
    """The one feature of a group. Shape (shifts, cells)."""
    text = f'[recipe]\nname = "one"\nsubject = "place"\n[[group]]\nname = "x"\n{group}'
    matrix = place_features(read_feature_recipe(text, sources=SOURCES), placed(table), rows, site=site)
    assert matrix.shape[2] == 1
    return matrix[:, :, 0]


def feature(group: str, table: str, issued: str, *, on: str = "day 2025-03-31") -> float:
    """The one feature of a group in the middle cell, for a shift whose forecast is made at a moment."""
    return float(features_of(group, table, asked(shift(on), issued=issued))[0, HERE])
