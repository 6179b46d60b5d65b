"""What is known of whole areas many weeks before: rates, the clock of the week and shares, as of one day.

Features stand still on the day of issue; nothing between it and the shift is known. The level of the last eight weeks
is kept apart from the rest: how much of it still holds after so many weeks is for whoever judges to find.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.place import PlaceHistory, PlaceRows
from crisisrisk.features.place_offset import observed_since, offset_rates, recent_levels
from crisisrisk.tables.cells import Cells, Neighbours
from crisisrisk.tables.larger_places import Area
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Rhythm, Shift, Window, grid, instant, microseconds, shifts_starting_in

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]

WEEK = timedelta(days=7)
MOST_WEEKS = 12
MOST_ORIGINS = 104


@dataclass(frozen=True, eq=False)
class RosterTable:
    """Every shift of the weeks after each origin. `steady` × exp(`log_level`) is the simple forecast of each area.

    `rows`: areas for cells, each shift as of its origin. `origin`: shape (shifts,), which of the origins it follows;
    `week`: shape (shifts,), 1 for the first week after it. `steady`: shape (shifts, areas); `log_level`: (shifts,).
    """

    rows: PlaceRows
    origin: Integers
    week: Integers
    steady: Numbers
    log_level: Numbers

    def only(self, wanted: NDArray[np.bool_]) -> "RosterTable":
        """Some of the shifts. `wanted`: shape (shifts,)."""
        shifts = tuple(self.rows.shifts[one] for one in np.flatnonzero(wanted).tolist())
        rows = replace(self.rows, shifts=shifts, issued_at=self.rows.issued_at[wanted])
        return RosterTable(
            rows, self.origin[wanted], self.week[wanted], self.steady[wanted], self.log_level[wanted]
        )  # fmt: skip


def history_of_areas(history: PlaceHistory, areas: Sequence[Area]) -> PlaceHistory:
    """The events of cells as events of the areas that these lie in. A cell of no area is in none."""
    found = [
        np.concatenate([np.arange(history.starts[cell], history.starts[cell + 1]) for cell in area.cells.tolist()])
        for area in areas
    ]
    ordered = [one[np.argsort(-history.occurred_at[one], kind="stable")] for one in found]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in ordered])]).astype(np.int64)
    at = np.concatenate(ordered).astype(np.int64)
    return PlaceHistory(
        starts, history.row[at], history.occurred_at[at], history.known_at[at], history.superseded_at[at]
    )  # fmt: skip


def roster_table(
    history: PlaceHistory, areas: Sequence[Area], site: Site, origins: Sequence[datetime], *, weeks: int = MOST_WEEKS,
    lookback_days: int = 365, latency_hours: float = 0.0,
) -> RosterTable:  # fmt: skip
    """The shifts of so many weeks after each origin. `history`: of areas, as `history_of_areas` makes it."""
    shifts: list[Shift] = []
    origin, week = [], []
    for number, moment in enumerate(origins):
        coming = shifts_starting_in(site.shifts, Window(moment, moment + weeks * WEEK), site.time_zone)
        shifts.extend(coming)
        origin += [number] * len(coming)
        week += [int((one.start - moment) / WEEK) + 1 for one in coming]
    at = np.array(origin, dtype=np.int64)
    issued = np.array([microseconds(moment) for moment in origins], dtype=np.int64)[at]
    rows = PlaceRows(_cells(areas), tuple(shifts), issued)
    level = recent_levels(history, rows, lookback_days=lookback_days, latency_hours=latency_hours)
    simple = np.exp(offset_rates(history, rows, site, lookback_days=lookback_days, latency_hours=latency_hours))
    return RosterTable(rows, at, np.array(week, dtype=np.int64), simple / level[:, None], np.log(level))


def past_origins(
    history: PlaceHistory, site: Site, issued_at: datetime, *, complete_to: datetime, warm_up_days: int = 182
) -> tuple[datetime, ...]:
    """The last local Mondays before a moment after which twelve weeks are complete; at most two years of them."""
    began = instant(int(observed_since(history, np.array([microseconds(issued_at)], dtype=np.int64))[0]))
    first, last = began + timedelta(days=warm_up_days), min(complete_to, issued_at) - MOST_WEEKS * WEEK
    if first >= last:
        return ()
    return tuple(grid(Window(first, last), site.time_zone, Rhythm(days=7)))[-MOST_ORIGINS:]


def _cells(areas: Sequence[Area]) -> Cells:
    nowhere = np.full(len(areas), np.nan)
    alone = Neighbours(np.zeros(len(areas) + 1, dtype=np.int32), np.empty(0, dtype=np.int32))
    return Cells(
        ids=tuple(one.id for one in areas), names=tuple(one.name for one in areas), latitude=nowhere, longitude=nowhere,
        area_km2=nowhere, population=nowhere, deprivation_decile=nowhere, neighbours_1=alone, neighbours_2=alone,
    )  # fmt: skip
