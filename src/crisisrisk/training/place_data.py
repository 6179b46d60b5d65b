"""The rows of places: every cell in every shift, with features, offset and counts."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import crisis_mask, instants_of
from crisisrisk.errors import DataError
from crisisrisk.features.place import PlaceHistory, PlaceRows, place_counts, place_features, place_history
from crisisrisk.features.place_offset import observed_since, offset_rates
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.tables.cells import Cells, cells_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import (
    FOREVER_US,
    MICROSECONDS_PER_HOUR,
    Shift,
    Window,
    instant,
    microseconds,
    shifts_starting_in,
    utc_from_local,
)
from crisisrisk.training.coverage import coverage_of, known_before
from crisisrisk.training.person_data import crisis_rule
from crisisrisk.training.recipe import TrainingRecipe


@dataclass(frozen=True)
class PlaceData:
    """Every cell in every shift of the data. `usable`: the shifts after the warm-up, as indices.

    `counts`: shape (shifts, cells), for all shifts. `features`: shape (usable, cells, features) and `offset`:
    shape (usable, cells), for the usable shifts alone.
    """

    cells: Cells
    cells_known_before: datetime
    shifts: tuple[Shift, ...]
    usable: NDArray[np.int64]
    counts: NDArray[np.int32]
    history: PlaceHistory
    """All versions of the outcome's events, in cells: what simple forecasts read."""
    features: NDArray[np.float32]
    offset: NDArray[np.float64]
    latency_hours: float
    cut_off_us: int
    outcome_events: int
    """Outcome events by the versions known at the cut-off, wherever they were."""

    def attrition_rows(self) -> list[dict[str, Any]]:
        """What happened to the outcome events on the way to the counts: `step`, `meaning` and `events_left`."""
        steps = (
            ("known", "outcome events known", self.outcome_events),
            ("in_a_cell", "in a cell, in a shift with complete data", int(self.counts.sum())),
            ("after_warm_up", "after the warm-up", int(self.counts[self.usable].sum())),
        )
        return [{"step": step, "meaning": meaning, "events_left": left} for step, meaning, left in steps]

    def attrition_text(self) -> str:
        """The same as aligned lines."""
        head = f"{'':<44}{'events left':>14}"
        return "\n".join([head, *(f"{row['meaning']:<44}{row['events_left']:>14,}" for row in self.attrition_rows())])

    def names_of(self, shifts: NDArray[np.int64]) -> list[str]:
        """The name of each shift, given by their index among all."""
        return [self.shifts[one].name for one in shifts.tolist()]

    def rows_of(self, shifts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where shifts, given by their index among all, stand among the usable ones. Those that do not are left out."""
        return np.flatnonzero(np.isin(self.usable, shifts))


def _last_moment(recipe: TrainingRecipe, site: Site, until: datetime) -> datetime:
    if recipe.grid.last_day is None:
        return until
    day_after = datetime.combine(recipe.grid.last_day + timedelta(days=1), time())
    return min(until, utc_from_local(day_after, site.time_zone, ambiguous="first"))


def place_data(
    recipe: TrainingRecipe, features: FeatureRecipe | None, snapshot: Snapshot, site: Site, *, held_out_days: int
) -> PlaceData:
    """The rows that the recipe asks for. Cells are those known before the last `held_out_days` are forecast.

    `features` None: no feature is computed, for whoever only counts.
    """
    rule = crisis_rule(recipe)
    events = snapshot.place_events()
    coverage = coverage_of(rule, [events])
    cut_off = microseconds(snapshot.as_of_now())
    until = instant(min(coverage.complete_to(site.sources, now_us=cut_off).values()))
    latency = max(
        (site.sources[name].settled_after_hours for name in coverage.outcome if name in site.sources), default=0.0
    )
    # Blocks end at a local midnight and are issued ahead: a day more, and the lead, keep the map out of their future.
    known = _last_moment(recipe, site, until) - timedelta(days=held_out_days + 1, hours=recipe.grid.issue_hours)
    cells = cells_of(site, snapshot.table("places"), known_before(events, microseconds(known)))
    crisis = crisis_mask(rule, events)
    history = place_history(events, cells, site.cells, counted=crisis)
    began = instant(int(observed_since(history, np.array([cut_off], dtype=np.int64))[0]))
    shifts = tuple(
        shift for shift in shifts_starting_in(site.shifts, Window(began, max(began, until)), site.time_zone)
        if shift.end <= until
    )  # fmt: skip
    usable = usable_shifts(recipe, shifts, site)
    rows = _rows(cells, tuple(shifts[one] for one in usable), recipe.grid.issue_hours)
    return PlaceData(
        cells=cells,
        cells_known_before=known,
        shifts=shifts,
        usable=usable,
        history=history,
        counts=place_counts(history, _rows(cells, shifts, recipe.grid.issue_hours), cut_off=cut_off),
        features=_no_features(rows) if features is None else place_features(features, events, rows, site=site),
        offset=offset_rates(
            history,
            rows,
            site,
            lookback_days=recipe.offset.lookback_days,
            prior_events=recipe.offset.prior_events,
            latency_hours=latency,
        ),
        latency_hours=latency,
        cut_off_us=cut_off,
        outcome_events=_final(events, crisis, cut_off),
    )


def _no_features(rows: PlaceRows) -> NDArray[np.float32]:
    return np.zeros((len(rows.shifts), len(rows.cells), 0), dtype=np.float32)


def _final(events: pa.Table, crisis: NDArray[np.bool_], cut_off_us: int) -> int:
    """How many events of the mask are in the version that counts at the cut-off."""
    known, superseded = (instants_of(events, name, missing=FOREVER_US) for name in ("known_at", "superseded_at"))
    return int(np.count_nonzero(crisis & (known < cut_off_us) & (cut_off_us <= superseded)))


def _rows(cells: Cells, shifts: tuple[Shift, ...], issue_hours: float) -> PlaceRows:
    starts = np.array([microseconds(shift.start) for shift in shifts], dtype=np.int64)
    return PlaceRows(cells, shifts, starts - round(issue_hours * MICROSECONDS_PER_HOUR))


def usable_shifts(recipe: TrainingRecipe, shifts: tuple[Shift, ...], site: Site) -> NDArray[np.int64]:
    """The shifts after the warm-up, inside the days that the recipe names. Raises DataError when there is none."""
    grid = recipe.grid
    first = shifts[0].start + timedelta(days=grid.warm_up_days) if shifts else None
    usable = [
        number for number, shift in enumerate(shifts)
        if first is not None and shift.start >= first
        and (grid.first_day is None or shift.start.astimezone(site.time_zone).date() >= grid.first_day)
        and (grid.last_day is None or shift.start.astimezone(site.time_zone).date() <= grid.last_day)
    ]  # fmt: skip
    if not usable:
        raise DataError(
            "CR-TRAIN-002", "the data are too short for one shift of the grid",
            wanted=f"shifts after a warm-up of {grid.warm_up_days} days", found=f"{len(shifts)} shifts in all",
        )  # fmt: skip
    return np.array(usable, dtype=np.int64)
