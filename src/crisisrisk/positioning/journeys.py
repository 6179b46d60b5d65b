"""What past journeys say of the roads: the detour of a region, learned from where teams stood and when they arrived."""

from dataclasses import dataclass, replace

import numpy as np

from crisisrisk.positioning.question import Counts, Mask, Numbers
from crisisrisk.positioning.travel import Roads

FEWEST = 50
"""Fewer journeys say nothing: the declared detour stays."""
NEAREST_KM, LONGEST_MINUTES = 1.0, 120.0
"""Journeys of under a kilometre are mostly parking; beyond two hours something else happened."""
LEAST, MOST = 1.0, 3.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Journeys:
    """Journeys from a site to a contact. `kilometres` in a straight line, `minutes`, `hour` (local), `urban`: (n,)."""

    kilometres: Numbers
    minutes: Numbers
    hour: Counts
    urban: Mask

    def __len__(self) -> int:
        return len(self.minutes)


def with_learned_detour(roads: Roads, journeys: Journeys) -> Roads:
    """The roads with the detour that half of the journeys were longer than; as they were where there are too few.

    The median stands against journeys that were interrupted, and clocks that were stopped late.
    """
    kept = (journeys.kilometres >= NEAREST_KM) & (journeys.minutes <= LONGEST_MINUTES)
    kept &= journeys.minutes > roads.set_off_minutes
    if kept.sum() < FEWEST:
        return roads
    speed = np.where(
        journeys.urban, np.array(roads.urban_kmh)[journeys.hour], np.array(roads.rural_kmh)[journeys.hour]
    )  # fmt: skip
    driven = (journeys.minutes - roads.set_off_minutes) / 60.0 * speed
    detour = float(np.median(driven[kept] / journeys.kilometres[kept]))
    return replace(roads, detour=min(max(detour, LEAST), MOST), learned_from=int(kept.sum()))
