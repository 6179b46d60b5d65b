"""The board without a model and without a forecast: what the same shift of the week usually brings, from the tables.

It counts what every forecast counts (`demand_of`): an incident once, a person so often, no home in a small cell.
"""

import threading
from dataclasses import dataclass

from crisisrisk.errors import DataError
from crisisrisk.tables.cells import Cells
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import Shift, microseconds

RECIPE = "place_crisis_shift.toml"


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

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept: dict[tuple[str, str], tuple[UsualPlace, ...]] = {}
        self._lock = threading.Lock()

    def of(self, snapshot: Snapshot, shift: Shift) -> tuple[UsualPlace, ...]:
        """Every cell, the most usual contacts first. Raises DataError where no such shift has been seen."""
        key = snapshot.digest, shift.id
        with self._lock:  # whoever comes while it is counted waits for the same count
            if key not in self._kept:
                if len(self._kept) >= 16:
                    self._kept.clear()
                self._kept[key] = _counted(self._site, snapshot, shift)
            return self._kept[key]


def _counted(site: Site, snapshot: Snapshot, shift: Shift) -> tuple[UsualPlace, ...]:
    import numpy as np

    from crisisrisk.episodes import crisis_mask
    from crisisrisk.features.place import PlaceRows, place_history
    from crisisrisk.features.place_demand import demand_of
    from crisisrisk.features.place_offset import usual_counts
    from crisisrisk.features.place_visits import visits_in
    from crisisrisk.tables.cells import cells_of
    from crisisrisk.tables.store import PLACE_COLUMNS
    from crisisrisk.training.declared_files import declared
    from crisisrisk.training.person_data import counting_rule, crisis_rule
    from crisisrisk.training.recipe import read_training_recipe

    recipe = read_training_recipe(declared(site, "training", RECIPE), sources=site.sources)
    events, rule = snapshot.place_events(columns=PLACE_COLUMNS), crisis_rule(recipe)
    cells = cells_of(site, snapshot.table("places"), events)
    visits = visits_in(snapshot, cells, site)
    counted = demand_of(events, cells, site, outcome=rule, counting=counting_rule(recipe), visits=visits).events
    history = place_history(counted, cells, site.cells, counted=crisis_mask(rule, counted))
    now = min(snapshot.as_of_now(), shift.start)
    rows = PlaceRows(cells, (shift,), np.array([microseconds(now)], dtype=np.int64))
    usual = usual_counts(history, rows, site)[0]
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
