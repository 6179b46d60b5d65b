"""Where coordinates lie: in which hexagon or square of a site's size, found once for whoever asks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.tables import hexagons, squares
from crisisrisk.tables.areas import numbers_of
from crisisrisk.tables.cell_settings import CellSettings

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Points:
    """Where the coordinates of some events lie: found once, for whoever asks which cells there are and who is in one.

    Row `i` is in `ids[position[i]]`, which is None off the grid; its `position` is -1 where it has no place on earth.
    """

    latitude: Numbers
    longitude: Numbers
    ids: tuple[str | None, ...]
    position: NDArray[np.int64]

    def of(self, rows: NDArray[np.bool_]) -> "Points":
        """Those of some of the events. `rows`: shape (events,)."""
        return Points(self.latitude[rows], self.longitude[rows], self.ids, self.position[rows])


def points_of(events: pa.Table, settings: CellSettings) -> Points | None:
    """Of each event the hexagon or square that its coordinates fall in; None for named areas, or without coordinates.

    Time grows with the number of different coordinates, not of events.
    """
    if settings.kind == "areas" or "latitude" not in events.column_names:
        return None
    latitude, longitude = numbers_of(events, "latitude"), numbers_of(events, "longitude")
    rows = np.flatnonzero(on_earth(latitude, longitude))
    ids, found = cells_at(latitude[rows], longitude[rows], settings)
    position = np.full(len(latitude), -1, dtype=np.int64)
    position[rows] = found
    return Points(latitude, longitude, tuple(ids), position)


def on_earth(latitude: Numbers, longitude: Numbers) -> NDArray[np.bool_]:
    """Which pairs of degrees are a place at all."""
    return (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)


def cells_at(
    latitude: Numbers, longitude: Numbers, settings: CellSettings
) -> tuple[Sequence[str | None], NDArray[np.int64]]:
    """The cells that points lie in, None among them for a point off the grid, and which of them each row has."""
    north, east, position = _different_points(latitude, longitude)
    if settings.kind == "squares":
        return squares.squares_at(north, east, settings), position
    ids, of_point = hexagons.hexagons_at(north, east, settings.h3_resolution)
    return ids, of_point[position]


def _different_points(latitude: Numbers, longitude: Numbers) -> tuple[Numbers, Numbers, NDArray[np.int64]]:
    """Each different point, and which of them each row has. By hashing, in linear time: sorting takes far longer."""
    norths, easts = (pa.array(values).dictionary_encode() for values in (latitude, longitude))
    width = max(len(easts.dictionary), 1)
    pairs = pa.array(np.asarray(norths.indices, dtype=np.int64) * width + np.asarray(easts.indices)).dictionary_encode()
    north, east = np.divmod(np.asarray(pairs.dictionary, dtype=np.int64), width)
    position = np.asarray(pairs.indices, dtype=np.int64)
    return np.asarray(norths.dictionary)[north], np.asarray(easts.dictionary)[east], position
