"""The crisis contacts of each cell as forecasts count them (`demand_of`), read once for a state of the tables.

An incident counts once, a person so often, no home in a small cell. What the board shows without a forecast and what
came to a place of late are counted from the same.
"""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from crisisrisk.tables.cells import Cells
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import microseconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from crisisrisk.features.place import PlaceHistory

RECIPE = "place_crisis_shift.toml"
LATELY_DAYS = 28


@dataclass(frozen=True, eq=False)
class CountedPlaces:
    """The contacts of each cell. `kinds[kind_of[i]]` is the source of version `i` of the history."""

    cells: Cells
    history: "PlaceHistory"
    kinds: Sequence[str]
    kind_of: "NDArray[np.int64]"

    def lately(self, place_id: str, as_of: datetime) -> Mapping[str, int] | None:
        """By source how many contacts came in the 28 days before a moment and were known before it, the most first.

        None of a place that is no cell.
        """
        import numpy as np

        from crisisrisk.features.place import live_between

        if place_id not in self.cells.ids:
            return None
        cell = self.cells.ids.index(place_id)
        own = slice(int(self.history.starts[cell]), int(self.history.starts[cell + 1]))
        leaves = self.history.leaves(self.history.occurred_at, LATELY_DAYS)[own]
        times = np.array([microseconds(as_of)], dtype=np.int64)
        first, last = live_between(times, self.history.enters[own], leaves)
        found = Counter(self.kinds[kind] for kind in self.kind_of[own][first < last].tolist())
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


class PlaceCounts:
    """Counts the places of a site anew only after a load."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept: tuple[str, CountedPlaces] | None = None
        self._lock = threading.Lock()

    def of(self, snapshot: Snapshot) -> CountedPlaces:
        """The contacts of every cell. Raises DataError where there is no cell."""
        with self._lock:  # whoever comes while it is counted waits for the same count
            if self._kept is None or self._kept[0] != snapshot.digest:
                self._kept = snapshot.digest, _counted(self._site, snapshot)
            return self._kept[1]


def _counted(site: Site, snapshot: Snapshot) -> CountedPlaces:
    from crisisrisk.episodes import crisis_mask
    from crisisrisk.features.place import place_history
    from crisisrisk.features.place_demand import demand_of
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
    sources = counted["source"].combine_chunks().cast("string").dictionary_encode()
    kind_of = sources.indices.to_numpy(zero_copy_only=False).astype("int64")[history.row]
    return CountedPlaces(cells, history, sources.dictionary.to_pylist(), kind_of)
