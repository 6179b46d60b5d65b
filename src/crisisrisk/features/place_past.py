"""What was known of earlier shifts when each forecast was issued: the counts that simple forecasts of places read.

At issue time T a shift counts when it ended by T less the data's latency and began after the first records; in it count
the event versions with known_at < T <= superseded_at, as everywhere. One path for years of shifts and for tonight's:
counts are whole numbers, so that no choice of shifts asked about together changes a value.

Tables have shape (cells, moments), a moment being one of the different issue times. Memory: the table returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.calendar import earlier_shifts
from crisisrisk.features.place import PlaceHistory, PlaceRows, live_between, shift_bounds
from crisisrisk.features.place_kernels import Counts, Integers, Numbers, count_live, decayed_live, remove_before
from crisisrisk.features.place_offset import observed_since
from crisisrisk.features.place_past_kernels import count_in_shifts
from crisisrisk.tables.cells import Cells
from crisisrisk.tables.site import Site
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, Instants, Shift

NO_KIND = -1
"""The kind of a shift that the rota does not have."""

FULL_WEIGHT = 1 << 20
"""What a new event weighs where older ones weigh less: sums stay whole numbers."""

Kind = tuple[str, int]


@dataclass(frozen=True, eq=False)
class Rota:
    """All shifts between two moments, ascending by end. `kind`: index into `kinds`, a name and a weekday each."""

    kinds: tuple[Kind, ...]
    start: Instants
    end: Instants
    kind: Integers

    def __len__(self) -> int:
        return len(self.start)

    @cached_property
    def of_kind(self) -> tuple[Integers, ...]:
        """The shifts of each kind, ascending."""
        return tuple(np.flatnonzero(self.kind == kind) for kind in range(len(self.kinds)))

    def containing(self, occurred: Instants) -> tuple[Integers, Integers]:
        """Every pair of an event and a shift that it lies in: indices of both."""
        order = np.argsort(self.start, kind="stable")
        start, end = self.start[order], self.end[order]
        last = np.searchsorted(start, occurred, side="right") - 1
        longest = int((end - start).max(initial=0))
        together = np.arange(len(start)) - np.searchsorted(start, start - longest, side="right") + 1
        events, shifts = [], []
        for back in range(int(together.max(initial=0))):
            inside = np.flatnonzero(last >= back)
            inside = inside[occurred[inside] < end[last[inside] - back]]
            events.append(inside)
            shifts.append(order[last[inside] - back])
        if not events:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        return np.concatenate(events).astype(np.int64), np.concatenate(shifts).astype(np.int64)


def rota_between(site: Site, first: int, last: int) -> Rota:
    """The shifts that the site's rota makes between two instants (microseconds)."""
    found = earlier_shifts(site, first, last)
    kinds = tuple(found)
    start = np.concatenate([shifts.start for shifts in found.values()]) if kinds else np.empty(0, dtype=np.int64)
    end = np.concatenate([shifts.end for shifts in found.values()]) if kinds else np.empty(0, dtype=np.int64)
    kind = np.repeat(np.arange(len(kinds)), [len(shifts.start) for shifts in found.values()])
    order = np.lexsort((start, end))
    return Rota(kinds, start[order], end[order], kind[order].astype(np.int64))


@dataclass(frozen=True, eq=False)
class Incidences:
    """Event versions in shifts, sorted by a group: those of group `g` are `starts[g]:starts[g + 1]`."""

    starts: Integers
    cell: Integers
    shift: Integers
    known_at: Instants
    superseded_at: Instants

    def only(self, wanted: NDArray[np.bool_]) -> "Incidences":
        """Only those wanted, groups as they are. `wanted`: shape (incidences,)."""
        before = np.concatenate([[0], np.cumsum(wanted)]).astype(np.int64)
        return Incidences(
            before[self.starts], self.cell[wanted], self.shift[wanted], self.known_at[wanted],
            self.superseded_at[wanted],
        )  # fmt: skip

    def by(self, group: Integers, groups: int) -> "Incidences":
        """The same sorted by another group. `group`: shape (incidences,), from 0; below 0 is left out."""
        order = np.argsort(group, kind="stable")
        order = order[group[order] >= 0]
        starts = np.searchsorted(group[order], np.arange(groups + 1)).astype(np.int64)
        return Incidences(
            starts, self.cell[order], self.shift[order], self.known_at[order], self.superseded_at[order]
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class PlacePast:
    """The past of some shifts to forecast. `rows`: the targets with their issue times; they may be changed cheaply."""

    history: PlaceHistory
    rows: PlaceRows
    rota: Rota
    in_cells: Incidences
    in_kinds: Incidences
    in_shifts: Incidences
    site: Site
    latency_us: int = 0

    @property
    def cells(self) -> Cells:
        """The places that are forecast."""
        return self.rows.cells

    @property
    def latency_hours(self) -> float:
        """Hours after which a shift's events are taken to be known."""
        return self.latency_us / MICROSECONDS_PER_HOUR

    def of(self, rows: PlaceRows) -> "PlacePast":
        """The past of other shifts of the same record."""
        return replace(self, rows=rows)

    def only(self, targets: Integers) -> "PlacePast":
        """The past of some of the targets."""
        shifts = tuple(self.rows.shifts[one] for one in targets.tolist())
        return self.of(PlaceRows(self.cells, shifts, self.rows.issued_at[targets]))

    # The targets

    @cached_property
    def hours(self) -> Numbers:
        """Real hours of each target. Shape (targets,)."""
        return np.array([shift.hours for shift in self.rows.shifts], dtype=np.float64)

    @cached_property
    def kind(self) -> Integers:
        """The kind of each target, or `NO_KIND`. Shape (targets,)."""
        number = {kind: place for place, kind in enumerate(self.rota.kinds)}
        return np.array([number.get((one.name, one.weekday), NO_KIND) for one in self.rows.shifts], dtype=np.int64)

    @cached_property
    def _moments(self) -> tuple[Instants, Integers]:
        return self.rows.moments()

    @property
    def moment(self) -> Integers:
        """Which moment each target is issued at. Shape (targets,)."""
        return self._moments[1]

    @property
    def times(self) -> Instants:
        """The different issue times, ascending. Shape (moments,)."""
        return self._moments[0]

    @cached_property
    def began(self) -> Instants:
        """Since when there are records, as far as known at each moment."""
        return observed_since(self.history, self.times)

    # Counts in known shifts

    def counts(self, days: int | None) -> Counts:
        """Events of each cell in the shifts that ended in the last `days` (None: ever). Shape (cells, moments)."""
        return self._live(self.in_cells, self.times, self.began, self._leaves(self.in_cells, days))

    def kind_counts(self, days: int | None) -> Counts:
        """Events of the whole area in such shifts of each kind. Shape (kinds, moments)."""
        return self._live(self.in_kinds, self.times, self.began, self._leaves(self.in_kinds, days))

    def _leaves(self, events: Incidences, days: int | None) -> Instants:
        if days is None:
            return events.superseded_at
        gone = self.rota.end[events.shift] + self.latency_us + days * MICROSECONDS_PER_DAY - 1
        return np.minimum(events.superseded_at, gone)

    def _live(self, events: Incidences, times: Instants, began: Instants, leaves: Instants) -> Counts:
        over = self.rota.end[events.shift] + self.latency_us - 1
        first, last = live_between(times, np.maximum(events.known_at, over), leaves)
        counts = count_live(events.starts, first, last, len(times))
        remove_before(counts, events.starts, first, last, self.rota.start[events.shift], began)
        return counts

    def kind_hours(self, days: int | None) -> Numbers:
        """Real hours of the shifts of each kind that ended in the last `days`. Shape (kinds, moments)."""
        found = np.zeros((len(self.rota.kinds), len(self.times)), dtype=np.int64)
        seen_to = self.times - self.latency_us
        for kind, shifts in enumerate(self.rota.of_kind):
            start, end = self.rota.start[shifts], self.rota.end[shifts]
            length = np.concatenate([[0], np.cumsum(end - start)])
            over = np.searchsorted(end, seen_to, side="right")
            before = np.searchsorted(start, self.began, side="left")
            if days is not None:
                before = np.maximum(before, np.searchsorted(end, seen_to - days * MICROSECONDS_PER_DAY, side="right"))
            found[kind] = length[np.maximum(over, before)] - length[before]
        return found / MICROSECONDS_PER_HOUR

    def total_hours(self, days: int | None) -> Numbers:
        """Of the shifts of all kinds together: two at the same time count twice. Shape (moments,)."""
        return added(self.kind_hours(days))

    # The same shift of other weeks

    def like_counts(self, shifts: int) -> tuple[Counts, Integers]:
        """Events of each cell in the last so many known shifts of each target's kind, and how many those were.

        Shapes (targets, cells) and (targets,).
        """
        counts = np.zeros((len(self.rows), len(self.cells)), dtype=np.int32)
        seen = np.zeros(len(self.rows), dtype=np.int64)
        for kind, like in enumerate(self.rota.of_kind):
            at = np.flatnonzero(self.kind == kind)
            if not len(at):
                continue
            moments, place = np.unique(self.moment[at], return_inverse=True)
            times, began = self.times[moments], self.began[moments]
            events = self.in_cells.only(self.rota.kind[self.in_cells.shift] == kind)
            later = np.searchsorted(like, events.shift) + shifts
            gone = np.full(len(later), FOREVER_US, dtype=np.int64)
            there = later < len(like)
            gone[there] = self.rota.end[like[later[there]]] + self.latency_us - 1
            found = self._live(events, times, began, np.minimum(events.superseded_at, gone))
            counts[at] = found.T[place]
            over = np.searchsorted(self.rota.end[like], times - self.latency_us, side="right")
            before = np.searchsorted(self.rota.start[like], began, side="left")
            seen[at] = np.clip(over - before, 0, shifts)[place]
        return counts, seen

    def like_shift_earlier(self, days: int) -> Integers:
        """For each target the known shift of its kind that started so many days earlier, -1 for none. Shape (targets,).

        Clock changes move a start by an hour, so the nearest start within two hours counts.
        """
        tolerance = 2 * MICROSECONDS_PER_HOUR
        earlier = np.full(len(self.rows), -1, dtype=np.int64)
        starts = self.starts - days * MICROSECONDS_PER_DAY
        seen_to, began = self.rows.issued_at - self.latency_us, self.began[self.moment]
        for kind, like in enumerate(self.rota.of_kind):
            at = np.flatnonzero(self.kind == kind)
            if not len(at) or not len(like):
                continue
            near = like[np.minimum(np.searchsorted(self.rota.start[like], starts[at] - tolerance), len(like) - 1)]
            fits = np.abs(self.rota.start[near] - starts[at]) <= tolerance
            known = (self.rota.end[near] <= seen_to[at]) & (self.rota.start[near] >= began[at])
            earlier[at] = np.where(fits & known, near, -1)
        return earlier

    @cached_property
    def starts(self) -> Instants:
        """When each target starts. Shape (targets,)."""
        return shift_bounds(self.rows.shifts)[0]

    def counts_in(self, shifts: Integers) -> Counts:
        """Events of each cell in the `shifts` chosen, (targets, n), -1 for none. Shape (targets, cells)."""
        events = self.in_shifts
        return count_in_shifts(
            events.starts, events.cell, events.known_at, events.superseded_at, shifts, self.rows.issued_at,
            len(self.cells),
        )  # fmt: skip

    # Recent events count more

    def decayed(self, weights: Integers, *, in_shifts: bool) -> Integers:
        """Sum of `weights[age in whole hours]` of the events of each cell. Shape (cells, moments).

        `in_shifts`: of events in known shifts, as all counts above; else of every event known, however recent.
        """
        if not in_shifts:
            known = self.history
            first, last = live_between(self.times, known.enters, known.superseded_at)
            return decayed_live(known.starts, first, last, known.occurred_at, self.times, weights)
        total = np.zeros((len(self.cells), len(self.times)), dtype=np.int64)
        for began in np.unique(self.began):  # few: the first record is known after a fortnight
            at = np.flatnonzero(self.began == began)
            events = self.in_cells.only(self.rota.start[self.in_cells.shift] >= began)
            middle = (self.rota.start[events.shift] + self.rota.end[events.shift]) // 2
            over = self.rota.end[events.shift] + self.latency_us - 1
            times = self.times[at]
            first, last = live_between(times, np.maximum(events.known_at, over), events.superseded_at)
            total[:, at] = decayed_live(events.starts, first, last, middle, times, weights)
        return total

    def decayed_hours(self, weights: Integers) -> Numbers:
        """Hours of the known shifts, weighted in the same way by the age of their middle. Shape (moments,)."""
        middle = (self.rota.start + self.rota.end) // 2
        seconds = (self.rota.end - self.rota.start) // 1_000_000
        found = np.zeros(len(self.times), dtype=np.int64)
        for place, time in enumerate(self.times.tolist()):
            known = (self.rota.end <= time - self.latency_us) & (self.rota.start >= self.began[place])
            age = (time - middle[known]) // MICROSECONDS_PER_HOUR
            young = age < len(weights)
            found[place] = (weights[age[young]] * seconds[known][young]).sum()
        return found / 3600.0


def place_past(history: PlaceHistory, rows: PlaceRows, site: Site, *, latency_hours: float = 0.0) -> PlacePast:
    """The past of the shifts of `rows`. `history`: all versions of the outcome's events, in cells."""
    last = int(rows.issued_at.max()) if len(rows) else 0
    first = int(history.occurred_at.min()) if len(history) else last
    rota = rota_between(site, min(first, last), last)
    event, shift = rota.containing(history.occurred_at)
    cell = np.repeat(np.arange(len(rows.cells)), np.diff(history.starts))[event].astype(np.int64)
    every = Incidences(
        np.array([0, len(event)], dtype=np.int64), cell, shift, history.known_at[event], history.superseded_at[event]
    )
    return PlacePast(
        history=history,
        rows=rows,
        rota=rota,
        in_cells=every.by(cell, len(rows.cells)),
        in_kinds=every.by(rota.kind[shift], len(rota.kinds)),
        in_shifts=every.by(shift, len(rota)),
        site=site,
        latency_us=round(latency_hours * MICROSECONDS_PER_HOUR),
    )


def issued_before(cells: Cells, shifts: Sequence[Shift], *, issue_hours: float) -> PlaceRows:
    """Rows of shifts whose forecasts are issued so many hours before they start."""
    starts = shift_bounds(tuple(shifts))[0]
    return PlaceRows(cells, tuple(shifts), starts - round(issue_hours * MICROSECONDS_PER_HOUR))


def weights_by_hour(half_life_days: int, *, half_lives: int = 21) -> Integers:
    """The weight of an event by its age in whole hours, in parts of `FULL_WEIGHT`; older ones weigh nothing."""
    hours = np.arange(half_lives * half_life_days * 24)
    weights: Integers = np.rint(FULL_WEIGHT * np.exp2(-hours / (24 * half_life_days))).astype(np.int64)
    return weights


def added(table: NDArray[np.float64] | Counts) -> Numbers:
    """The sum of the rows of a table, in their order: NumPy's own order of adding depends on the shape."""
    total = np.zeros(table.shape[1])
    for row in table:
        total = total + row
    return total
