"""What contacts can tell of people at most, on the Mondays that a model is judged on; see `person_filter.py`.

Nothing is read from files but the settings: the same settings give the same city, and it is lived through once more.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.simulation.people import block_people
from crisisrisk.simulation.person_filter import chances_from_contacts
from crisisrisk.simulation.person_kernel import live
from crisisrisk.simulation.settings import CitySettings
from crisisrisk.simulation.truth_files import instants
from crisisrisk.simulation.world import world

_MICROSECONDS = 1_000_000


def told_by_contacts(settings: CitySettings, as_of: NDArray[np.int64], *, tell: Callable[[str], None]) -> pa.Table:
    """For each person of the city and each moment (microseconds) that is a Monday of it, the probability.

    Columns as in person_weeks.parquet: person, as_of, probability. Memory is that of one block of people.
    """
    here = world(settings)
    midnights = here.period.midnight[: len(here.period) : 7]
    mondays = 7 * np.flatnonzero(np.isin(midnights, as_of // _MICROSECONDS))
    parts = []
    for block in range(settings.blocks):
        tell(f"what contacts can tell, people {block + 1} of {settings.blocks} …")
        people = block_people(settings, here.city, here.period, block)
        lives = live(settings, people, here.period, here.reach)
        found = chances_from_contacts(settings, people, lives, here.period, here.reach, block=block, mondays=mondays)
        person, column = np.nonzero(np.isfinite(found))
        parts.append((people.first + person, here.period.midnight[mondays[column]], found[person, column]))
    person, moment, probability = (np.concatenate(column) for column in zip(*parts, strict=True))
    return pa.table({"person": person, "as_of": instants(moment), "probability": probability})
