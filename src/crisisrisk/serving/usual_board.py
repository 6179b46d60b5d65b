"""The board without a model and without a forecast: what the same shift of the week usually brings, from the tables.

It counts what every forecast counts.
"""

import threading
from dataclasses import dataclass

from crisisrisk.errors import DataError
from crisisrisk.serving.place_counts import CountedPlaces, PlaceCounts
from crisisrisk.tables.cells import Cells
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import Shift, microseconds


@dataclass(frozen=True)
class UsualPlace:
    """One cell, and its mean count of contacts in the same shift of the week over the last year."""

    place_id: str
    place_name: str
    latitude: float | None
    longitude: float | None
    usual: float


class UsualBoards:
    """What is usual, counted once for a shift and a state of the tables."""

    def __init__(self, site: Site, counts: PlaceCounts) -> None:
        self._site = site
        self._counts = counts
        self._kept: dict[tuple[str, str], tuple[UsualPlace, ...]] = {}
        self._lock = threading.Lock()

    def of(self, snapshot: Snapshot, shift: Shift) -> tuple[UsualPlace, ...]:
        """Every cell, the most usual contacts first. Raises DataError where no such shift has been seen."""
        key = snapshot.digest, shift.id
        with self._lock:  # whoever comes while it is counted waits for the same count
            if key not in self._kept:
                if len(self._kept) >= 16:
                    self._kept.clear()
                self._kept[key] = _counted(self._site, snapshot, shift, self._counts.of(snapshot))
            return self._kept[key]


def _counted(site: Site, snapshot: Snapshot, shift: Shift, counted: CountedPlaces) -> tuple[UsualPlace, ...]:
    import numpy as np

    from crisisrisk.features.place import PlaceRows
    from crisisrisk.features.place_offset import usual_counts

    cells = counted.cells
    now = min(snapshot.as_of_now(), shift.start)
    rows = PlaceRows(cells, (shift,), np.array([microseconds(now)], dtype=np.int64))
    usual = usual_counts(counted.history, rows, site)[0]
    if np.isnan(usual).all():
        raise DataError("CR-DATA-005", "no shift like this one has been seen in the tables", where=shift.id)
    order = np.argsort(-np.nan_to_num(usual), kind="stable").tolist()
    return tuple(_place(cells, cell, float(np.nan_to_num(usual[cell]))) for cell in order)


def _place(cells: Cells, cell: int, usual: float) -> UsualPlace:
    known = cells.latitude[cell] == cells.latitude[cell]
    return UsualPlace(
        place_id=cells.ids[cell], place_name=cells.names[cell],
        latitude=float(cells.latitude[cell]) if known else None,
        longitude=float(cells.longitude[cell]) if known else None, usual=usual,
    )  # fmt: skip
