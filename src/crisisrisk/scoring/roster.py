"""How many contacts to expect in each shift many weeks ahead, of whole areas: for whoever writes the rota."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.disclosure import released_map
from crisisrisk.episodes import crisis_mask
from crisisrisk.features.place import PlaceHistory, live_counts, place_counts, place_history
from crisisrisk.features.place_offset import usual_counts
from crisisrisk.features.place_roster import RosterTable, history_of_areas, past_origins, roster_table
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.place_distribution import LEAST_EXPECTED, Interval
from crisisrisk.models.place_rules.maps import YEAR
from crisisrisk.models.roster import RosterModel, fit_roster
from crisisrisk.scoring.counted import counted
from crisisrisk.scoring.people import run_meta
from crisisrisk.tables.larger_places import WHOLE_ID, Area, areas_or_whole
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import microseconds

if TYPE_CHECKING:
    import pandas as pd

    from crisisrisk.database.scores import RunMeta

Numbers = NDArray[np.float64]

_RELEASED = ("expected", "lower", "upper")
NOT_KNOWN = (
    "Only what was known on {day} is in it; of what is still to come nothing is. The level of the last eight weeks "
    "counts as far as such levels lasted before, and ranges are those of forecasts so many weeks ahead."
)


@dataclass(frozen=True)
class Roster:
    """Every shift of the weeks asked for.

    `frame`: a row for the whole of each shift, whose `area_id` is empty, then one for each area: `shift_id, shift_name,
    start, end, weeks_ahead, area_id, area_name, expected, lower, upper, usual`; and what of these may be released, as
    disclosure control says: `released_` and `expected, lower, upper`.
    """

    frame: "pd.DataFrame"
    model: RosterModel
    meta: "RunMeta"
    caveats: tuple[str, ...]

    def released(self) -> dict[str, Any]:
        """As a file holds it: what may be released of forecasts and their ranges; no usual count."""
        kept = ("shift_id", "shift_name", "start", "end", "weeks_ahead", "area_id", "area_name")
        rows = [
            {**{name: row[name] for name in kept}, **{name: row[f"released_{name}"] for name in _RELEASED}}
            for row in self.frame.to_dict("records")
        ]
        return {
            "issued_at": self.meta.as_of.isoformat(), "outcome": self.meta.outcome, "caveats": list(self.caveats),
            "model": {"name": self.meta.model_name, "version": self.meta.model_version, "run_id": self.meta.run_id},
            "shifts": json.loads(json.dumps(rows, default=lambda moment: moment.isoformat())),
        }  # fmt: skip


def roster(model: Bundle, snapshot: Snapshot, site: Site, *, weeks: tuple[int, int], issued_at: datetime) -> Roster:
    """The shifts that start from so many weeks after `issued_at` to so many, by area, from what was known then.

    Counts what the model that answers counts, in its cells; its trees have no part in it. Raises DataError where the
    data are too short to say how far off such forecasts are.
    """
    if model.task.cells_level is not None:
        site = replace(site, cells=site.cells.at(model.task.cells_level))
    known = _Known.of(model, snapshot, site, issued_at)
    counted = partial(
        roster_table, known.history, known.areas, site, lookback_days=model.task.offset_lookback_days,
        latency_hours=model.task.offset_latency_hours,
    )  # fmt: skip
    origins = past_origins(known.history, site, issued_at, complete_to=known.complete_to)
    before = counted(origins)
    fitted = fit_roster(before, place_counts(known.history, before.rows, cut_off=microseconds(issued_at)))
    table = counted([issued_at], weeks=weeks[1])
    table = table.only(table.week > weeks[0])
    usual = usual_counts(known.history, table.rows, site, latency_hours=model.task.offset_latency_hours)
    released = _may_be_released(table, fitted.expected(table), known.history)
    return Roster(
        _frame(table, fitted, usual, released, known.areas), fitted, run_meta(model, snapshot, as_of=issued_at),
        (NOT_KNOWN.format(day=f"{issued_at.astimezone(site.time_zone):%-d %b %Y}"),),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Known:
    history: PlaceHistory
    areas: tuple[Area, ...]
    complete_to: datetime

    @staticmethod
    def of(model: Bundle, snapshot: Snapshot, site: Site, issued_at: datetime) -> "_Known":
        known, task = counted(model, snapshot, site), model.task
        cells, demand = known.cells, known.events
        history = place_history(demand, cells, site.cells, counted=crisis_mask(task.crisis, demand))
        sources = set(demand["source"].take(history.row).to_pylist()) if len(history) else set()
        complete = snapshot.complete_to(issued_at)
        ends = [complete[source] for source in sources if source in complete]
        areas = areas_or_whole(cells, snapshot.table("places"))
        return _Known(history_of_areas(history, areas), areas, min(ends, default=issued_at))


def _frame(
    table: RosterTable, fitted: RosterModel, usual: Numbers, released: Numbers, areas: Sequence[Area]
) -> "pd.DataFrame":
    import pandas as pd

    expected = fitted.expected(table)
    told = {"": expected, "released_": released}
    ranges = {name: (fitted.whole_interval(table, one), fitted.area_interval(table, one)) for name, one in told.items()}
    usual = np.where(np.isnan(usual), expected, usual)
    rows = []
    for row, shift in enumerate(table.rows.shifts):
        about = {
            "shift_id": shift.id, "shift_name": shift.name, "start": shift.start, "end": shift.end,
            "weeks_ahead": int(table.week[row]),
        }  # fmt: skip
        whole = {"area_id": WHOLE_ID, "area_name": "", "usual": float(usual[row].sum())}
        for name, one in told.items():
            whole |= _numbers(name, float(one[row].sum()), ranges[name][0], row)
        rows.append({**about, **whole})
        for place, area in enumerate(areas):
            if area.id != WHOLE_ID:
                part = {"area_id": area.id, "area_name": area.name, "usual": float(usual[row, place])}
                for name, one in told.items():
                    part |= _numbers(name, float(one[row, place]), ranges[name][1], (row, place))
                rows.append({**about, **part})
    return pd.DataFrame(rows)


def _numbers(name: str, expected: float, interval: Interval, at: int | tuple[int, int]) -> dict[str, Any]:
    ends = {"lower": int(interval.lower[at]), "upper": int(interval.upper[at])}
    return {f"{name}{key}": value for key, value in {"expected": round(expected, 9), **ends}.items()}


def _may_be_released(table: RosterTable, expected: Numbers, history: PlaceHistory) -> Numbers:
    """What may be released of the areas of each shift, as of cells. Shape (shifts, areas)."""
    times, moment = table.rows.moments()
    contacts = np.maximum(live_counts(history, times, YEAR).sum(axis=0, dtype=np.int64), 1)[moment]
    units = [np.maximum(one.sum(axis=1), LEAST_EXPECTED) / contacts for one in (expected, table.steady)]
    alike = np.zeros(expected.shape[1], dtype=np.int64)
    return released_map(expected, units[0], table.steady, units[1], parents=alike).expected
