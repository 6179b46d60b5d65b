"""When within a shift contacts come: the share of each hour, from earlier shifts of the same name."""

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.place import PlaceHistory, PlaceRows, in_shifts
from crisisrisk.features.place_offset import drawn_to_one, in_one_cell, past_of_rows, shifts_of_name
from crisisrisk.tables.site import Site
from crisisrisk.timeline import MICROSECONDS_PER_HOUR

Numbers = NDArray[np.float64]


def hourly_shares(
    history: PlaceHistory, rows: PlaceRows, site: Site, *, lookback_days: int = 365, latency_hours: float = 0.0
) -> tuple[Numbers, ...]:
    """For each shift the share of its contacts in each real hour since it began, 1 in all; the last may be a part.

    From the whole area's contacts in shifts of the name that had ended by the issue time (less `latency_hours`) and
    began in the lookback. Hours are drawn to their length as far as they do not differ beyond chance; where nothing
    was seen they are as long as they are.
    """
    past, known = past_of_rows(history, rows, lookback_days, latency_hours)
    everywhere, rota = in_one_cell(known), past.rota(site)
    _, moment_of_row = rows.moments()
    found = []
    for row, shift in enumerate(rows.shifts):
        lengths = _lengths(shift.hours)
        seen = np.zeros(len(lengths))
        if kinds := [shifts for (name, _), shifts in rota.items() if name == shift.name]:
            moment = moment_of_row[row]
            inside = in_shifts(everywhere, shifts_of_name(kinds))
            now, since = past.times[moment], past.since[moment]
            counted = (inside.enters < now) & (now <= inside.history.superseded_at) & (inside.start >= since)
            hours = (inside.history.occurred_at - inside.start)[counted] // MICROSECONDS_PER_HOUR
            # The tenth hour of a night when the clocks go back belongs to the last of nine.
            seen = np.bincount(np.minimum(hours, len(lengths) - 1), minlength=len(lengths)).astype(np.float64)
        due = seen.sum() * lengths / lengths.sum()
        ratios = drawn_to_one(
            [seen[[place]] for place in range(len(lengths))], [due[[place]] for place in range(len(lengths))]
        )
        shares = np.concatenate(ratios) * lengths
        found.append(shares / shares.sum())
    return tuple(found)


def _lengths(hours: float) -> Numbers:
    """The length of each hour of a shift: 1, and a part for the last."""
    whole = int(hours)
    rest = hours - whole
    return np.array([1.0] * whole + ([rest] if rest > 0 else []), dtype=np.float64)
