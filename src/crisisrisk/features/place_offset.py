"""The simple forecast that a place model starts from, and what is usual.

The offset is the log of five things: the mean rate of a cell over the lookback × the level of the last eight weeks
beside it × the factor of the shift of the week × the cell's share × the real hours of the shift. The share comes
from four lookbacks, events a lookback old counting half; cells are drawn to their parent and parents to the mean,
and a cell's share in shifts of one name to its share over all. Factors are drawn to those of the shift's name and
these to 1, the level to 1. How strongly each is drawn is estimated from the same history (empirical Bayes: gamma
priors, spread by the method of moments), as of the same issue time. Nothing that occurred in the last
`latency_hours` counts, neither events nor hours: not all of it is known yet. Training and serving call the same
function.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.calendar import EarlierShifts, earlier_shifts
from crisisrisk.features.place import PlaceHistory, PlaceRows, in_shifts, live_between
from crisisrisk.features.place_kernels import (
    Counts,
    Integers,
    Numbers,
    count_live,
    drawn_shares,
    fill_log_expected,
    remove_before,
    shares_in_shift,
)
from crisisrisk.tables.site import Site
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, Instants

# A record that came later than this says nothing about since when the feed runs.
_PROMPT = 14 * MICROSECONDS_PER_DAY
_LEVEL_DAYS = 56


def offset_rates(
    history: PlaceHistory,
    rows: PlaceRows,
    site: Site,
    *,
    lookback_days: int = 365,
    prior_events: float | None = None,
    latency_hours: float = 0.0,
) -> NDArray[np.float64]:
    """Log of the expected outcome events in each shift and cell. Shape (shifts, cells), always finite.

    `history` holds the outcome's events. `prior_events` fixes how strongly a cell is drawn to its parent, and in shifts
    of one name to its share over all, in events; None or 0 estimates both. A shift of a name that the rota does not
    have gets the factor 1. The counts of the cells of a shift add up to the count of the area.
    """
    past, known = past_of_rows(history, rows, lookback_days, latency_hours)
    everywhere = in_one_cell(known)
    total = past.live(everywhere, lookback_days)[0]
    area_rate = (total + 0.5) / past.hours
    level = _recent_level(past, everywhere, area_rate)
    factors = _factors(everywhere, rows, site, past, area_rate)
    _, moment_of_row = rows.moments()
    hours = np.array([shift.hours for shift in rows.shifts], dtype=np.float64)
    mean_counts = (area_rate * level)[moment_of_row] * factors * hours / max(len(rows.cells), 1)
    parent, prior = rows.cells.parent_numbers, prior_events or 0.0
    shares = drawn_shares(_fading(past, known), parent, int(parent.max(initial=0)) + 1, prior)
    log = np.empty((len(rows), len(rows.cells)))
    for at, seen in _by_name(past, known, rows, site):
        moments, place = np.unique(moment_of_row[at], return_inverse=True)
        own = shares[:, moments] if seen is None else shares_in_shift(shares[:, moments], seen, prior)
        fill_log_expected(log, at, own, place.astype(np.int64), mean_counts[at])
    return log


def recent_levels(
    history: PlaceHistory, rows: PlaceRows, *, lookback_days: int = 365, latency_hours: float = 0.0
) -> NDArray[np.float64]:
    """The recent level that `offset_rates` takes each row's counts times by. Shape (shifts,)."""
    past, known = past_of_rows(history, rows, lookback_days, latency_hours)
    everywhere = in_one_cell(known)
    rate = (past.live(everywhere, lookback_days)[0] + 0.5) / past.hours
    return np.asarray(_recent_level(past, everywhere, rate)[rows.moments()[1]], dtype=np.float64)


def usual_counts(
    history: PlaceHistory, rows: PlaceRows, site: Site, *, lookback_days: int = 364, latency_hours: float = 0.0
) -> NDArray[np.float64]:
    """What a coordinator would call usual: the cell's mean count in earlier shifts of the same name and weekday.

    Shifts that ended by the issue time (less `latency_hours`) and started in the lookback, since the first records.
    Shape (shifts, cells); NaN where no such shift has been seen.
    """
    usual = np.full((len(rows), len(rows.cells)), np.nan)
    past, known = past_of_rows(history, rows, lookback_days, latency_hours)
    _, moment_of_row = rows.moments()
    rota = past.rota(site)
    for kind, at in rows.kinds().items():
        if kind in rota:
            counts = past.counts(known, rota[kind])[:, moment_of_row[at]]
            shifts, _ = past.shifts(rota[kind])
            seen = shifts[moment_of_row[at]]
            usual[at] = np.where(seen > 0, counts / np.maximum(seen, 1), np.nan).T
    return usual


def observed_since(history: PlaceHistory, times: Instants) -> Instants:
    """Since when there are records, as far as known at each of the ascending `times`; the time itself without any.

    The first occurrence among records that came within 14 days; without such, among all. A report that comes
    years late would otherwise make the history look long and every rate too low.
    """
    order = history.as_known
    enters, occurred = history.enters[order], history.occurred_at[order]
    prompt = (history.known_at - history.occurred_at)[order] <= _PROMPT
    early = _earliest(enters, occurred, times, none=times)
    return _earliest(enters[prompt], occurred[prompt], times, none=early)


def _earliest(enters: Instants, occurred: Instants, times: Instants, *, none: Instants) -> Instants:
    """The first occurrence among the events that entered before each time. `enters` ascends."""
    if not len(enters):
        return none
    so_far = np.minimum.accumulate(occurred)
    known = np.searchsorted(enters, times, side="left")
    return np.where(known > 0, so_far[np.maximum(known, 1) - 1], none)


@dataclass(frozen=True, eq=False)
class Past:
    """The stretch of history that counts at each issue time: `[since, times)`, `times` already less the latency."""

    times: Instants
    began: Instants
    since: Instants
    lookback_days: int

    @property
    def hours(self) -> Numbers:
        """Real hours of it, at least a day. Shape (times,)."""
        length: Numbers = np.maximum(self.times - self.since, MICROSECONDS_PER_DAY) / MICROSECONDS_PER_HOUR
        return length

    def at(self, moments: Integers) -> "Past":
        """The same at some of the times."""
        return Past(self.times[moments], self.began[moments], self.since[moments], self.lookback_days)

    def rota(self, site: Site) -> dict[tuple[str, int], EarlierShifts]:
        if not len(self.times):
            return {}
        return earlier_shifts(site, int(self.since.min()), int(self.times.max()))

    def live(self, history: PlaceHistory, days: int) -> Counts:
        """Events that occurred in the last `days`, since the first records. Shape (cells, times)."""
        first, last = live_between(self.times, history.enters, history.leaves(history.occurred_at, days))
        counts = count_live(history.starts, first, last, len(self.times))
        remove_before(counts, history.starts, first, last, history.occurred_at, self.began)
        return counts

    def counts(self, history: PlaceHistory, shifts: EarlierShifts) -> Counts:
        """Events in those of the shifts that ended by each time and started in the lookback. Shape (cells, times)."""
        inside = in_shifts(history, shifts)
        leaves = inside.history.leaves(inside.start, self.lookback_days)
        first, last = live_between(self.times, inside.enters, leaves)
        counts = count_live(inside.history.starts, first, last, len(self.times))
        remove_before(counts, inside.history.starts, first, last, inside.start, self.began)
        return counts

    def shifts(self, shifts: EarlierShifts) -> tuple[Integers, Integers]:
        """How many of the shifts those are at each time, and their length in microseconds. Shapes (times,)."""
        ended = np.searchsorted(shifts.end, self.times, side="right")
        before = np.searchsorted(shifts.start, self.since, side="left")
        ended = np.maximum(ended, before)
        length = np.concatenate([[0], np.cumsum(shifts.end - shifts.start)])
        return ended - before, length[ended] - length[before]


def past_of_rows(
    history: PlaceHistory, rows: PlaceRows, lookback_days: int, latency_hours: float
) -> tuple[Past, PlaceHistory]:
    """The past at each issue time, and the history on its clock.

    Both clocks go back by the latency: what is asked is then what occurred before T - latency and was known before T.
    """
    times, _ = rows.moments()
    late = round(latency_hours * MICROSECONDS_PER_HOUR)
    seen_to = times - late
    began = np.minimum(observed_since(history, times), seen_to)
    since = np.maximum(began, seen_to - lookback_days * MICROSECONDS_PER_DAY)
    known = PlaceHistory(
        history.starts, history.row, history.occurred_at, history.known_at - late, history.superseded_at - late
    )
    return Past(seen_to, began, since, lookback_days), known


def _fading(past: Past, history: PlaceHistory) -> Numbers:
    """Events of each cell, one of a lookback's age counting half, in four steps up to four lookbacks.

    Shape (cells, times).
    """
    days = past.lookback_days
    younger, total = 0, np.zeros((len(history.starts) - 1, len(past.times)))
    before: Counts | int = 0
    for older in (days // 2, days, 2 * days, 4 * days):
        counts = past.live(history, older)
        total += (counts - before) * 0.5 ** ((younger + older) / 2 / days)
        younger, before = older, counts
    return total


def _recent_level(past: Past, everywhere: PlaceHistory, area_rate: Numbers) -> Numbers:
    """The area's rate in the last eight weeks beside the whole lookback's. Shape (times,).

    Drawn to 1 as far as such blocks of eight weeks differ by chance.
    """
    blocks = past.lookback_days // _LEVEL_DAYS
    if blocks < 2:
        return np.ones(len(past.times))
    step = _LEVEL_DAYS * MICROSECONDS_PER_DAY
    within = [past.live(everywhere, _LEVEL_DAYS * number)[0] for number in range(blocks + 1)]
    seen = [(within[number + 1] - within[number]).astype(np.float64) for number in range(blocks)]
    starts = [np.maximum(past.times - step * (number + 1), past.began) for number in range(blocks)]
    hours = [
        np.maximum(past.times - step * number - start, 0) / MICROSECONDS_PER_HOUR for number, start in enumerate(starts)
    ]
    return drawn_to_one(seen, [each * area_rate for each in hours])[0]


def _by_name(past: Past, history: PlaceHistory, rows: PlaceRows, site: Site) -> list[tuple[Integers, Counts | None]]:
    """For each name of a shift its rows, and the events in earlier shifts of the name at the times of those rows.

    Shape (cells, times of the rows); None for a name that the rota does not have.
    """
    rota = past.rota(site)
    _, moment_of_row = rows.moments()
    of_name: dict[str, list[int]] = {}
    for row, shift in enumerate(rows.shifts):
        of_name.setdefault(shift.name, []).append(row)
    found: list[tuple[Integers, Counts | None]] = []
    for name, listed in of_name.items():
        at = np.array(listed, dtype=np.int64)
        kinds = [shifts for kind, shifts in rota.items() if kind[0] == name]
        seen = past.at(np.unique(moment_of_row[at])).counts(history, shifts_of_name(kinds)) if kinds else None
        found.append((at, seen))
    return found


def shifts_of_name(kinds: list[EarlierShifts]) -> EarlierShifts:
    """The shifts of one name on all weekdays, ascending: one day's is over when the next day's starts."""
    start = np.concatenate([one.start for one in kinds])
    order = np.argsort(start, kind="stable")
    return EarlierShifts(start[order], np.concatenate([one.end for one in kinds])[order])


def _factors(everywhere: PlaceHistory, rows: PlaceRows, site: Site, past: Past, area_rate: Numbers) -> Numbers:
    """The factor of each row's shift of the week; 1 for a shift that the rota does not have. Shape (shifts,)."""
    rota = past.rota(site)
    seen = {kind: past.counts(everywhere, shifts)[0] for kind, shifts in rota.items()}
    expected = {kind: past.shifts(shifts)[1] / MICROSECONDS_PER_HOUR * area_rate for kind, shifts in rota.items()}
    of_kind = _shrunken_factors(seen, expected, len(past.times))
    _, moment_of_row = rows.moments()
    factors = np.ones(len(rows), dtype=np.float64)
    for kind, at in rows.kinds().items():
        if kind in of_kind:
            factors[at] = of_kind[kind][moment_of_row[at]]
    return factors


def in_one_cell(history: PlaceHistory) -> PlaceHistory:
    """The whole area as a single cell."""
    ends, order = np.array([0, len(history)], dtype=np.int64), np.argsort(-history.occurred_at, kind="stable")
    return PlaceHistory(
        ends, history.row[order], history.occurred_at[order], history.known_at[order], history.superseded_at[order]
    )


def _shrunken_factors(
    seen: dict[tuple[str, int], NDArray[np.int32]], expected: dict[tuple[str, int], Numbers], moments: int
) -> dict[tuple[str, int], Numbers]:
    """Factors of (name, weekday), drawn to those of the name, drawn to 1. Each of shape (moments,)."""
    names = list(dict.fromkeys(name for name, _ in seen))
    of_name = drawn_to_one(
        [_added((seen[kind] for kind in seen if kind[0] == name), moments) for name in names],
        [_added((expected[kind] for kind in seen if kind[0] == name), moments) for name in names],
    )
    named = dict(zip(names, of_name, strict=True))
    given_name = [expected[kind] * named[kind[0]] for kind in seen]
    beside = drawn_to_one([seen[kind].astype(np.float64) for kind in seen], given_name)
    return {kind: named[kind[0]] * ratio for kind, ratio in zip(seen, beside, strict=True)}


def drawn_to_one(seen: list[Numbers], expected: list[Numbers]) -> list[Numbers]:
    """Each seen ÷ expected, drawn to 1 as far as the ratios do not differ from 1 beyond chance."""
    if not seen:
        return []
    moments = len(seen[0])
    beyond = _added(((one - due) ** 2 - due for one, due in zip(seen, expected, strict=True)), moments)
    weight = _added((due * due for due in expected), moments)
    spread = np.maximum(0.0, beyond / np.where(weight > 0, weight, 1.0))
    return [(one * spread + 1.0) / (due * spread + 1.0) for one, due in zip(seen, expected, strict=True)]


def _added(parts: Iterable[NDArray[np.int32] | Numbers], moments: int) -> Numbers:
    """The sum in the order given: NumPy's own order of adding depends on the shape, so on what else is asked."""
    total = np.zeros(moments, dtype=np.float64)
    for part in parts:
        total = total + part
    return total
