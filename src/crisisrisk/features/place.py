"""The feature matrix of places: one row per shift and cell, one column per spec; and the counts that are its labels.

A feature sees what was known before the shift's forecast was issued, nothing else: an event version counts at
issue time T when known_at < T <= superseded_at, and in a lookback w when T - w <= occurred_at < T as well. One
path for a grid of years and for tonight's shift; the two are equal to the bit.

Memory is the matrix plus a few tables of (cells, issue times); `PlaceRows.blocks` streams a matrix that is too large.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.errors import RecipeError, did_you_mean
from crisisrisk.features.calendar import SHIFT_CALENDAR, EarlierShifts, earlier_shifts, shift_calendar
from crisisrisk.features.caseload import AGGREGATIONS as CASELOAD_SUMS
from crisisrisk.features.caseload import CaseloadRisk, asks_for_caseload
from crisisrisk.features.person_events import codes_of, instants_of, one_chunk, require_columns
from crisisrisk.features.place_declared import DECLARED, declared_column
from crisisrisk.features.place_kernels import (
    NEVER,
    Counts,
    Integers,
    Numbers,
    count_live,
    decayed_live,
    fill_column,
    latest_live,
    sum_neighbours,
)
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec, Where
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.cells import NOWHERE, Cells, assign
from crisisrisk.tables.site import Site
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Instants, Shift, microseconds

INSTANTS = ("occurred_at", "known_at", "superseded_at")
ECHO = "echo"
OF_THE_CELL = ("population", "deprivation_decile", "area_km2")

# Decayed counts are sums of whole numbers: a new event weighs this much, one of 21 half-lives nothing.
_FULL_WEIGHT = 1 << 20
_HALF_LIVES = 21

Mask = NDArray[np.bool_]
Matrix = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PlaceRows:
    """The rows of a feature matrix: every cell in each of these shifts.

    `issued_at`: one instant (microseconds) per shift; its features use only what was known before it.
    """

    cells: Cells
    shifts: tuple[Shift, ...]
    issued_at: Instants

    def __post_init__(self) -> None:
        if len(self.shifts) != len(self.issued_at):
            raise ValueError(f"{len(self.shifts)} shifts with {len(self.issued_at)} issue times")

    def __len__(self) -> int:
        return len(self.shifts)

    def blocks(self, shifts: int) -> Iterator["PlaceRows"]:
        """The same rows in runs of so many shifts: features of a block equal those of the whole."""
        for first in range(0, len(self), shifts):
            run = slice(first, first + shifts)
            yield PlaceRows(self.cells, self.shifts[run], self.issued_at[run])

    def kinds(self) -> dict[tuple[str, int], Integers]:
        """The shifts of each name and weekday, as indices into `shifts`."""
        found: dict[tuple[str, int], list[int]] = {}
        for row, shift in enumerate(self.shifts):
            found.setdefault((shift.name, shift.weekday), []).append(row)
        return {kind: np.array(rows, dtype=np.int64) for kind, rows in found.items()}

    def moments(self) -> tuple[Instants, Integers]:
        """The different issue times, ascending, and which of them each shift has."""
        times, moment_of_row = np.unique(self.issued_at, return_inverse=True)
        return times.astype(np.int64), moment_of_row.astype(np.int64)


@dataclass(frozen=True, eq=False)
class PlaceHistory:
    """Event versions in cells: those of cell `c` are `starts[c]:starts[c + 1]`, latest occurrence first."""

    starts: Integers
    row: Integers
    """The row of each in the events table that it came from."""
    occurred_at: Instants
    known_at: Instants
    superseded_at: Instants

    def __len__(self) -> int:
        return len(self.row)

    def only(self, wanted: Mask) -> "PlaceHistory":
        """Only the versions wanted. `wanted` has shape (versions,)."""
        before = np.concatenate([[0], np.cumsum(wanted)]).astype(np.int64)
        return PlaceHistory(
            before[self.starts],
            self.row[wanted],
            self.occurred_at[wanted],
            self.known_at[wanted],
            self.superseded_at[wanted],
        )

    @cached_property
    def enters(self) -> Instants:
        """A version is live at the issue times after this."""
        return np.maximum(self.known_at, self.occurred_at)

    @cached_property
    def as_known(self) -> Integers:
        """The versions in the order in which they enter."""
        return np.argsort(self.enters, kind="stable")

    def leaves(self, began: Instants, days: int | None) -> Instants:
        """… up to and including this, when it counts for so many days after it began."""
        if days is None:
            return self.superseded_at
        return np.minimum(self.superseded_at, began + days * MICROSECONDS_PER_DAY)


def place_history(
    events: pa.Table, cells: Cells, settings: CellSettings, *, counted: Mask | None = None
) -> PlaceHistory:
    """The events of the table that lie in a cell; `counted`, shape (events,), says which of them to take.

    Raises DataError for a table without the three instants or with an instant absent.
    """
    require_columns(events, INSTANTS, "the events")
    cell = assign(events, cells, settings)
    rows = np.flatnonzero((cell != NOWHERE) if counted is None else (cell != NOWHERE) & counted)
    occurred, known, superseded = (instants_of(events, name)[rows] for name in INSTANTS)
    order = _by_cell_latest_first(cell[rows], occurred, len(cells))
    starts = np.concatenate([[0], np.cumsum(np.bincount(cell[rows], minlength=len(cells)))]).astype(np.int64)
    return PlaceHistory(starts, rows[order].astype(np.int64), occurred[order], known[order], superseded[order])


def _by_cell_latest_first(cell: NDArray[np.int32], occurred: Instants, cells: int) -> Integers:
    """The order of events by cell, then falling occurrence, then as they came: in linear time where they ascend."""
    if cells > np.iinfo(np.uint16).max or (np.diff(occurred) < 0).any():
        return np.lexsort((-occurred, cell)).astype(np.int64)
    # Runs of one moment from the last to the first; then by cell, of which 16 bits are sorted by counting.
    first = np.concatenate([[0], np.flatnonzero(np.diff(occurred)) + 1, [len(occurred)]])
    sizes = np.diff(first)[::-1]
    latest = np.arange(len(occurred)) + np.repeat(first[:-1][::-1] - (np.cumsum(sizes) - sizes), sizes)
    by_cell: Integers = latest[np.argsort(cell[latest].astype(np.uint16), kind="stable")]
    return by_cell


def live_between(times: Instants, enters: Instants, leaves: Instants) -> tuple[Integers, Integers]:
    """First and last (exclusive) index of the ascending `times` T with enters < T <= leaves."""
    first = np.searchsorted(times, enters, side="right").astype(np.int64)
    return first, np.searchsorted(times, leaves, side="right").astype(np.int64)


def live_counts(history: PlaceHistory, times: Instants, days: int | None) -> Counts:
    """Events of each cell at each of the ascending `times` in a lookback of `days`. Shape (cells, times)."""
    first, last = live_between(times, history.enters, history.leaves(history.occurred_at, days))
    return count_live(history.starts, first, last, len(times))


def last_known(history: PlaceHistory, times: Instants) -> Instants:
    """When the latest event of each cell occurred of those known before each of the ascending `times`.

    Shape (cells, times); `NEVER` where there is none.
    """
    first, last = live_between(times, history.enters, history.superseded_at)
    return latest_live(history.starts, first, last, history.occurred_at, len(times))


def place_counts(history: PlaceHistory, rows: PlaceRows, *, cut_off: int) -> NDArray[np.int32]:
    """Outcome events that occurred inside each shift, `[start, end)`. Shape (shifts, cells).

    Final versions as of the training cut-off (microseconds): known_at < cut_off <= superseded_at. An event in
    two overlapping shifts counts in both. Whether a shift is over and complete by the cut-off is the caller's.
    """
    final = history.only((history.known_at < cut_off) & (cut_off <= history.superseded_at))
    start, end = shift_bounds(rows.shifts)
    edges = np.unique(np.concatenate([start, end]))
    cell = np.repeat(np.arange(len(rows.cells)), np.diff(final.starts))
    stretch = np.searchsorted(edges, final.occurred_at, side="right")
    shape = (len(rows.cells), len(edges) + 1)
    occurred = np.bincount(cell * shape[1] + stretch, minlength=shape[0] * shape[1]).reshape(shape)
    before = np.cumsum(occurred, axis=1, dtype=np.int32)
    counts = before[:, np.searchsorted(edges, end)] - before[:, np.searchsorted(edges, start)]
    return np.ascontiguousarray(counts.T, dtype=np.int32)


def shift_bounds(shifts: tuple[Shift, ...]) -> tuple[Instants, Instants]:
    """Starts and ends of shifts as microseconds."""
    start = np.array([microseconds(shift.start) for shift in shifts], dtype=np.int64)
    return start, np.array([microseconds(shift.end) for shift in shifts], dtype=np.int64)


# Features


def place_features(
    recipe: FeatureRecipe, events: pa.Table, rows: PlaceRows, *, site: Site, caseload: CaseloadRisk | None = None,
    echoes: Numbers | None = None,
) -> Matrix:  # fmt: skip
    """Features as float32. Shape (shifts, cells, features), columns in the order of `recipe.names`.

    `events` holds all versions; `caseload` is needed where a column sums over it, `echoes`, shape (shifts, cells),
    where one is of them. Raises RecipeError for a recipe of people or an aggregation that places do not have,
    DataError for a table without a column that the recipe reads.
    """
    _refuse_unknown(recipe)
    require_columns(events, place_event_columns(recipe), "the events")
    out = np.empty((len(rows), len(rows.cells), len(recipe.specs)), dtype=np.float32)
    calendar, sums = shift_calendar(rows.shifts, site), _of_caseload(caseload, recipe, rows)
    by_choice: dict[tuple[tuple[str, ...], Where], list[int]] = {}
    for column, spec in enumerate(recipe.specs):
        if spec.aggregation in OF_THE_CELL:
            out[:, :, column] = _or_if_none(getattr(rows.cells, spec.aggregation), spec)
        elif spec.aggregation in calendar:
            out[:, :, column] = _or_if_none(calendar[spec.aggregation], spec)[:, None]
        elif spec.aggregation in DECLARED:
            out[:, :, column] = declared_column(spec, rows.cells, rows.shifts, rows.issued_at, site)
        elif spec.aggregation == ECHO:
            out[:, :, column] = _learned(echoes, spec)
        elif spec.aggregation in sums:
            out[:, :, column] = _or_if_none(sums[spec.aggregation], spec)
        else:
            by_choice.setdefault((spec.sources, spec.where), []).append(column)
    if by_choice:
        history = place_history(events, rows.cells, site.cells)
        rota = _rota(recipe, history, rows, site)
        for (sources, where), columns in by_choice.items():
            chosen = history.only(chosen_events(events, sources, where)[history.row])
            _fill(out, columns, recipe, _Tables(chosen, rows, rota))
    return out


def _of_caseload(caseload: CaseloadRisk | None, recipe: FeatureRecipe, rows: PlaceRows) -> Mapping[str, Numbers]:
    """Sums over the caseload by aggregation, each of shape (shifts, cells); nothing where no column is one."""
    if not asks_for_caseload(recipe):
        return {}
    if caseload is None:
        raise RecipeError(
            "CR-FEAT-002", "sums over the caseload were asked for where nobody is known", where=recipe.name,
            hint="take their group out of the features recipe",
        )  # fmt: skip
    return caseload.columns(rows.moments(), rows.cells.neighbours_1)


def asks_for_echoes(recipe: FeatureRecipe) -> bool:
    """Whether a recipe has a column of echoes, whose numbers are learned."""
    return any(spec.aggregation == ECHO for spec in recipe.specs)


def _learned(echoes: Numbers | None, spec: FeatureSpec) -> Numbers:
    if echoes is None:
        raise RecipeError(
            "CR-FEAT-002", "a column was asked for whose numbers are learned in training", where=spec.name,
            hint="train a model with it; take its group out of the features recipe to build a matrix",
        )  # fmt: skip
    return echoes


def place_event_columns(recipe: FeatureRecipe) -> tuple[str, ...]:
    """The columns of the events table that a recipe reads, besides those that say where an event was."""
    named = {column for spec in recipe.specs if spec.aggregation not in DECLARED for column, _ in spec.where}
    return (*INSTANTS, "source", *sorted(named))


def _refuse_unknown(recipe: FeatureRecipe) -> None:
    if recipe.subject != "place":
        raise RecipeError("CR-FEAT-002", "a recipe of people was asked of places", found=recipe.name)
    known = (*_TABLES, *OF_THE_CELL, *SHIFT_CALENDAR, *DECLARED, *CASELOAD_SUMS, ECHO)
    for spec in recipe.specs:
        if spec.aggregation not in known:
            raise RecipeError(
                "CR-FEAT-002", f'unknown aggregation "{spec.aggregation}" of places', where=spec.name,
                hint=did_you_mean(spec.aggregation, known),
            )  # fmt: skip


def _or_if_none(values: Numbers, spec: FeatureSpec) -> Numbers:
    return np.where(np.isnan(values), spec.if_none, values)


def chosen_events(events: pa.Table, sources: tuple[str, ...], where: Where) -> Mask:
    """Which events are of one of the sources and of every pair of `where`; an absent value is none of those listed."""
    chosen: Mask = codes_of(events["source"], sources)[0] >= 0
    for column, accepted in where:
        values = one_chunk(events[column])
        if pa.types.is_boolean(values.type):
            listed = pc.is_in(values, value_set=pa.array(accepted, type=pa.bool_()))
            chosen = chosen & np.asarray(listed.to_numpy(zero_copy_only=False), dtype=bool)
        else:
            chosen = chosen & (codes_of(events[column], [str(value) for value in accepted])[0] >= 0)
    return chosen


def _rota(
    recipe: FeatureRecipe, history: PlaceHistory, rows: PlaceRows, site: Site
) -> Mapping[tuple[str, int], EarlierShifts]:
    lookbacks = [spec.lookback_days for spec in recipe.specs if spec.aggregation == "same_shift_count"]
    if not lookbacks or not len(history) or not len(rows):
        return {}
    longest = FOREVER_US if None in lookbacks else max(filter(None, lookbacks)) * MICROSECONDS_PER_DAY
    first = max(int(history.occurred_at.min()), int(rows.issued_at.min()) - longest)
    return earlier_shifts(site, first, int(rows.issued_at.max()))


@dataclass(frozen=True, eq=False)
class InShifts:
    """The events that lie in earlier shifts of one kind. `start` and `end`: of each event's shift."""

    history: PlaceHistory
    start: Instants
    end: Instants

    @cached_property
    def enters(self) -> Instants:
        """A shift's events count once it has ended: at T >= its end, so at T > end - 1."""
        return np.maximum(self.history.enters, self.end - 1)


def in_shifts(history: PlaceHistory, shifts: EarlierShifts) -> InShifts:
    """The events of a history that lie in these shifts."""
    if len(history.starts) == 2 and not (np.diff(history.occurred_at) > 0).any():
        return _in_shifts_of_one_cell(history, shifts)
    place = shifts.of(history.occurred_at)
    inside = place >= 0
    return InShifts(history.only(inside), shifts.start[place[inside]], shifts.end[place[inside]])


def _in_shifts_of_one_cell(history: PlaceHistory, shifts: EarlierShifts) -> InShifts:
    """The same, latest first: the events of each shift are one run. Time grows with the events that are inside."""
    ascending = history.occurred_at[::-1]
    first, last = (np.searchsorted(ascending, edge, side="left") for edge in (shifts.start, shifts.end))
    sizes = last - first
    inside = np.arange(sizes.sum()) + np.repeat(first - (np.cumsum(sizes) - sizes), sizes)
    event, place = len(history) - 1 - inside[::-1], np.repeat(np.arange(len(sizes)), sizes)[::-1]
    ends = np.array([0, len(event)], dtype=np.int64)
    arrays = (getattr(history, name)[event] for name in ("row", *INSTANTS))
    return InShifts(PlaceHistory(ends, *arrays), shifts.start[place], shifts.end[place])


class _Tables:
    """Tables of (cells, issue times) or (cells, shifts) for one choice of events, each made once."""

    def __init__(self, history: PlaceHistory, rows: PlaceRows, rota: Mapping[tuple[str, int], EarlierShifts]) -> None:
        self.history, self.rows, self.rota = history, rows, rota
        self.times, self.moment_of_row = rows.moments()
        self.made: dict[int | None, Counts] = {}

    def counts(self, days: int | None) -> Counts:
        if days not in self.made:
            self.made[days] = live_counts(self.history, self.times, days)
        return self.made[days]

    def count(self, spec: FeatureSpec) -> Numbers:
        return _nonzero_or(self.counts(spec.lookback_days), spec.if_none)

    def area_count(self, spec: FeatureSpec) -> Numbers:
        whole = self.counts(spec.lookback_days).sum(axis=0, dtype=np.int64)
        return np.broadcast_to(_nonzero_or(whole, spec.if_none), (len(self.rows.cells), len(self.times)))

    def neighbours_1_count(self, spec: FeatureSpec) -> Numbers:
        ring = self.rows.cells.neighbours_1
        return _nonzero_or(sum_neighbours(self.counts(spec.lookback_days), ring.offsets, ring.indices), spec.if_none)

    def neighbours_2_count(self, spec: FeatureSpec) -> Numbers:
        ring = self.rows.cells.neighbours_2
        return _nonzero_or(sum_neighbours(self.counts(spec.lookback_days), ring.offsets, ring.indices), spec.if_none)

    def trend(self, spec: FeatureSpec) -> Numbers:
        short, days = int(spec.short_days or 0), int(spec.lookback_days or 0)
        above, below = self.counts(short) * np.int64(days), self.counts(days) * np.int64(short)
        return np.where(below != 0, above / np.maximum(below, 1), spec.if_none)

    def days_since_last(self, spec: FeatureSpec) -> Numbers:
        latest = last_known(self.history, self.times)
        seen = latest != NEVER
        return np.where(seen, (self.times - np.where(seen, latest, 0)) / MICROSECONDS_PER_DAY, spec.if_none)

    def decayed_count(self, spec: FeatureSpec) -> Numbers:
        history = self.history
        weights = decay_weights(int(spec.lookback_days or 0))
        first, last = live_between(self.times, history.enters, history.superseded_at)
        total = decayed_live(history.starts, first, last, history.occurred_at, self.times, weights)
        return _nonzero_or(total, spec.if_none * _FULL_WEIGHT) / _FULL_WEIGHT

    def same_shift_count(self, spec: FeatureSpec) -> Numbers:
        """Shape (cells, shifts)."""
        table = np.full((len(self.rows.cells), len(self.rows)), spec.if_none)
        for at, inside in self.same_shifts:
            times, moment = np.unique(self.rows.issued_at[at], return_inverse=True)
            leaves = inside.history.leaves(inside.history.occurred_at, spec.lookback_days)
            first, last = live_between(times, inside.enters, leaves)
            counts = count_live(inside.history.starts, first, last, len(times))
            table[:, at] = _nonzero_or(counts, spec.if_none)[:, moment]
        return table

    @cached_property
    def same_shifts(self) -> list[tuple[Integers, InShifts]]:
        """For each kind of shift its rows, and the events that lie in earlier ones of the kind."""
        kinds = self.rows.kinds()
        return [(at, in_shifts(self.history, self.rota[kind])) for kind, at in kinds.items() if kind in self.rota]


_TABLES = (
    "count", "decayed_count", "neighbours_1_count", "neighbours_2_count", "same_shift_count", "days_since_last",
    "area_count", "trend",
)  # fmt: skip


def _nonzero_or(counts: NDArray[np.int32] | Integers, if_none: float) -> Numbers:
    return np.where(counts != 0, counts, if_none)


def decay_weights(half_life_days: int) -> Integers:
    """The weight of an event by its age in whole hours, in parts of `_FULL_WEIGHT`."""
    hours = np.arange(_HALF_LIVES * half_life_days * 24)
    weights: Integers = np.rint(_FULL_WEIGHT * np.exp2(-hours / (24 * half_life_days))).astype(np.int64)
    return weights


def _fill(out: Matrix, columns: list[int], recipe: FeatureRecipe, tables: _Tables) -> None:
    every_shift = np.arange(len(tables.rows), dtype=np.int64)
    for column in columns:
        spec = recipe.specs[column]
        table = np.ascontiguousarray(getattr(tables, spec.aggregation)(spec), dtype=np.float64)
        of_row = every_shift if spec.aggregation == "same_shift_count" else tables.moment_of_row
        fill_column(out, column, table, of_row)
