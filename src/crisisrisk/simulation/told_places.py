"""What contacts can tell of places at most, for the shifts that a model is judged on; see the two filters.

Nothing is read from files but the settings: the same settings give the same city, and it is lived through once more.
The clock, the calendar, nights out, football and the mood of the city as of the issue are known outright.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.simulation.believed_incidents import believed_incidents
from crisisrisk.simulation.map_filter import told_map
from crisisrisk.simulation.people import block_people
from crisisrisk.simulation.person_dynamics import CHANNELS
from crisisrisk.simulation.person_kernel import live
from crisisrisk.simulation.settings import CitySettings
from crisisrisk.simulation.truth_files import place_rows
from crisisrisk.simulation.truth_places import intensities
from crisisrisk.simulation.world import world

_MICROSECONDS = 1_000_000


def told_of_places(settings: CitySettings, starts: NDArray[np.int64], *, tell: Callable[[str], None]) -> pa.Table:
    """The expected contacts of every cell in the shifts of the days from the first of some starts to the last.

    `starts`: microseconds. Columns as in place_shifts.parquet. Memory is that of one block of people.
    """
    here = world(settings)
    asked = here.period.day_of(starts // _MICROSECONDS)
    days = range(max(2, int(asked.min())), int(asked.max()) + 1)
    # A contact may begin after the midnight before which its incident was; a night ends on the day after.
    around = range(days[0] - 1, min(len(here.period), days[-1] + 2))
    known = np.zeros((2, len(around), len(here.city), len(CHANNELS) + 1), dtype=np.float32)
    for block in range(settings.blocks):
        tell(f"what contacts can tell of places, people {block + 1} of {settings.blocks} …")
        people = block_people(settings, here.city, here.period, block)
        lives = live(settings, people, here.period, here.reach)
        known += believed_incidents(
            settings, people, lives, here.period, here.reach, here.city, block=block, days=around
        )
    tell("what incidents can tell of the map …")
    told = told_map(settings, here.city, here.period, here.place_map, days=around)
    weeks = intensities(
        settings, here.city, here.period, here.place_map, known, foreseen=told.foreseen, days=days
    )  # fmt: skip
    return pa.concat_tables(place_rows(here.city, week) for week in weeks)
