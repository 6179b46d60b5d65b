"""The simple forecast that a place model starts from, and what is usual.

The offset is the log of: the cell's long-run rate an hour, drawn to the mean of all cells × the factor of the
shift of the week, drawn to the factor of the shift and that to 1 × the hours of the shift. How strongly each is
drawn is estimated from the same history (empirical Bayes: gamma priors, spread by the method of moments), as of
the same issue time. Training and serving call the same function.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.calendar import EarlierShifts, earlier_shifts
from crisisrisk.features.place import PlaceHistory, PlaceRows, in_shifts, live_between
from crisisrisk.features.place_kernels import (
    Integers,
    Numbers,
    count_live,
    log_expected,
    remove_before,
    shrunken_rates,
)
from crisisrisk.tables.site import Site
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, Instants

# A record that came later than this says nothing about since when the feed runs.
_PROMPT = 14 * MICROSECONDS_PER_DAY


def offset_rates(
    history: PlaceHistory,
    rows: PlaceRows,
    site: Site,
    *,
    lookback_days: int = 365,
    prior_events: float | None = None,
) -> NDArray[np.float64]:
    """Log of the expected outcome events in each shift and cell. Shape (shifts, cells), always finite.

    `history` holds the outcome's events. `prior_events` fixes how strongly a cell is drawn to the mean, in events;
    None or 0 estimates it. A shift of a name that the rota does not have gets the factor 1.
    """
    times, moment_of_row = rows.moments()
    began = observed_since(history, times)
    since = np.maximum(began, times - lookback_days * MICROSECONDS_PER_DAY)
    exposure = np.maximum(times - since, MICROSECONDS_PER_DAY) / MICROSECONDS_PER_HOUR
    first, last = live_between(times, history.enters, history.leaves(history.occurred_at, lookback_days))
    counts = count_live(history.starts, first, last, len(times))
    remove_before(counts, history.starts, first, last, history.occurred_at, began)
    total = counts.sum(axis=0, dtype=np.int64)
    squares = np.square(counts, dtype=np.int64).sum(axis=0)
    relative, mean = shrunken_rates(counts, total, squares, len(rows.cells), prior_events or 0.0)
    area_rate = (total + 0.5) / exposure
    factors = _factors(history, rows, site, _Past(times, began, since, lookback_days), area_rate)
    hours = np.array([shift.hours for shift in rows.shifts], dtype=np.float64)
    return log_expected(relative, mean / exposure, factors, hours, moment_of_row)


def usual_counts(
    history: PlaceHistory, rows: PlaceRows, site: Site, *, lookback_days: int = 364
) -> NDArray[np.float64]:
    """What a coordinator would call usual: the cell's mean count in earlier shifts of the same name and weekday.

    Shifts that ended by the issue time and started in the lookback, since the first records. Shape (shifts, cells);
    NaN where no such shift has been seen.
    """
    usual = np.full((len(rows), len(rows.cells)), np.nan)
    times, moment_of_row = rows.moments()
    began = observed_since(history, times)
    past = _Past(times, began, np.maximum(began, times - lookback_days * MICROSECONDS_PER_DAY), lookback_days)
    rota = past.rota(site)
    for kind, at in rows.kinds().items():
        if kind in rota:
            counts = past.counts(history, rota[kind])[:, moment_of_row[at]]
            shifts, _ = past.shifts(rota[kind])
            seen = shifts[moment_of_row[at]]
            usual[at] = np.where(seen > 0, counts / np.maximum(seen, 1), np.nan).T
    return usual


def observed_since(history: PlaceHistory, times: Instants) -> Instants:
    """Since when there are records, as far as known at each of the ascending `times`; the time itself without any.

    The first occurrence among records that came within 14 days; without such, among all. A report that comes
    years late would otherwise make the history look long and every rate too low.
    """
    prompt = history.known_at - history.occurred_at <= _PROMPT
    early = _earliest(history.enters, history.occurred_at, times, none=times)
    return _earliest(history.enters[prompt], history.occurred_at[prompt], times, none=early)


def _earliest(enters: Instants, occurred: Instants, times: Instants, *, none: Instants) -> Instants:
    """The first occurrence among the events that entered before each time."""
    if not len(enters):
        return none
    order = np.argsort(enters, kind="stable")
    so_far = np.minimum.accumulate(occurred[order])
    known = np.searchsorted(enters[order], times, side="left")
    return np.where(known > 0, so_far[np.maximum(known, 1) - 1], none)


@dataclass(frozen=True, eq=False)
class _Past:
    """The stretch of history that counts at each issue time."""

    times: Instants
    began: Instants
    since: Instants
    lookback_days: int

    def rota(self, site: Site) -> dict[tuple[str, int], EarlierShifts]:
        if not len(self.times):
            return {}
        return earlier_shifts(site, int(self.since.min()), int(self.times.max()))

    def counts(self, history: PlaceHistory, shifts: EarlierShifts) -> NDArray[np.int32]:
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


def _factors(history: PlaceHistory, rows: PlaceRows, site: Site, past: _Past, area_rate: Numbers) -> Numbers:
    """The factor of each row's shift of the week; 1 for a shift that the rota does not have. Shape (shifts,)."""
    rota = past.rota(site)
    whole_area = _in_one_cell(history)
    seen = {kind: past.counts(whole_area, shifts)[0] for kind, shifts in rota.items()}
    expected = {kind: past.shifts(shifts)[1] / MICROSECONDS_PER_HOUR * area_rate for kind, shifts in rota.items()}
    of_kind = _shrunken_factors(seen, expected, len(past.times))
    _, moment_of_row = rows.moments()
    factors = np.ones(len(rows), dtype=np.float64)
    for kind, at in rows.kinds().items():
        if kind in of_kind:
            factors[at] = of_kind[kind][moment_of_row[at]]
    return factors


def _in_one_cell(history: PlaceHistory) -> PlaceHistory:
    ends = np.array([0, len(history)], dtype=np.int64)
    return PlaceHistory(ends, history.row, history.occurred_at, history.known_at, history.superseded_at)


def _shrunken_factors(
    seen: dict[tuple[str, int], NDArray[np.int32]], expected: dict[tuple[str, int], Numbers], moments: int
) -> dict[tuple[str, int], Numbers]:
    """Factors of (name, weekday), drawn to those of the name, drawn to 1. Each of shape (moments,)."""
    names = list(dict.fromkeys(name for name, _ in seen))
    of_name = _ratios(
        [_added((seen[kind] for kind in seen if kind[0] == name), moments) for name in names],
        [_added((expected[kind] for kind in seen if kind[0] == name), moments) for name in names],
    )
    named = dict(zip(names, of_name, strict=True))
    given_name = [expected[kind] * named[kind[0]] for kind in seen]
    beside = _ratios([seen[kind].astype(np.float64) for kind in seen], given_name)
    return {kind: named[kind[0]] * ratio for kind, ratio in zip(seen, beside, strict=True)}


def _ratios(seen: list[Numbers], expected: list[Numbers]) -> list[Numbers]:
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
