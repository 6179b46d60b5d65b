"""The compiled loop that follows every cell's level from shift to shift. A pure function of arrays.

Complexity: (shifts + rows) × cells × profiles. Memory: the table returned and a few numbers for each cell.
"""

import numpy as np
from numpy.typing import NDArray

from crisisrisk.compiled import njit

Counts = NDArray[np.int32]
Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]


@njit(nogil=True, cache=True)
def followed_map(
    counts: Counts,
    exposure: Numbers,
    kept: Numbers,
    kept_lately: Numbers,
    known_to: Integers,
    asked: Numbers,
    usual: Numbers,
    own_events: float,
    late_events: float,
) -> Numbers:
    """Expected events of each row and cell, from the shifts known to each row. Shape (rows, cells).

    `counts` (shifts, cells) and `exposure` (shifts, profiles) in the order in which shifts become known; row `r` knows
    the first `known_to[r]` of them, which ascend; `asked` (rows, profiles) is its own exposure. A cell has one weight
    for each profile, events ÷ exposure, drawn to the mean of all cells with `own_events` of prior; the mean starts at
    `usual` (profiles,). A factor of its own follows what came lately beside what the weights made of it, drawn to 1
    with `late_events`. Before each shift's counts are added, what was seen counts `kept` and `kept_lately` as much.
    """
    cells, profiles = counts.shape[1], exposure.shape[1]
    events = np.zeros((cells, profiles))
    total, seen = np.zeros(profiles), np.zeros(profiles)
    came, due = np.zeros(cells), np.zeros(cells)
    per_event = np.zeros(profiles)
    expected = np.empty((len(asked), cells))
    shift = 0
    for row in range(len(asked)):
        while shift < known_to[row]:
            _per_event(total, seen, usual, own_events, cells, exposure[shift], per_event)
            total *= kept[shift]
            for cell in range(cells):
                made = 0.0
                for one in range(profiles):
                    made += (events[cell, one] + own_events) * per_event[one]
                count = counts[shift, cell]
                for one in range(profiles):
                    part = (events[cell, one] + own_events) * per_event[one]
                    events[cell, one] *= kept[shift]
                    if count > 0 and made > 0.0:
                        events[cell, one] += count * part / made
                        total[one] += count * part / made
                came[cell] = came[cell] * kept_lately[shift] + count
                due[cell] = due[cell] * kept_lately[shift] + made
            for one in range(profiles):
                seen[one] = seen[one] * kept[shift] + exposure[shift, one]
            shift += 1
        _per_event(total, seen, usual, own_events, cells, asked[row], per_event)
        for cell in range(cells):
            made = 0.0
            for one in range(profiles):
                made += (events[cell, one] + own_events) * per_event[one]
            expected[row, cell] = made * (came[cell] + late_events) / (due[cell] + late_events)
    return expected


@njit(nogil=True, cache=True)
def _per_event(
    total: Numbers, seen: Numbers, usual: Numbers, own_events: float, cells: int, exposure: Numbers, out: Numbers
) -> None:
    """What an event of a cell, the prior's among them, is worth in a shift, by profile; into `out`.

    The mean weight of all cells is their events ÷ exposure, beside one event of the usual.
    """
    for one in range(len(out)):
        mean = (total[one] + 1.0) / (seen[one] * cells + 1.0 / usual[one])
        out[one] = exposure[one] / (seen[one] + own_events / mean)
