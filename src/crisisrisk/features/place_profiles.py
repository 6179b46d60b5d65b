"""A simple forecast by kinds of week: what a cell expects is a mixture of a few profiles over the shifts of the week.

Some places are busy on Saturday nights and some on weekday afternoons. Profiles are learned from what all cells had in
each shift of the week (non-negative matrix factorisation under Poisson, Lee and Seung 1999, with gamma priors on the
weights); a cell's weights are then followed from shift to shift, old events counting less (a gamma-Poisson filter with
discounting, as West and Harrison 1997, chapter 10), and a factor follows what came in the cell of late. A shift's
counts are those known when it was settled: `latency_hours` after its end. So nothing known at or after an issue time
enters, and one path serves years of shifts and tonight's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import ModelError
from crisisrisk.features.place import PlaceHistory, PlaceRows
from crisisrisk.features.place_offset import observed_since
from crisisrisk.features.place_past import rota_between
from crisisrisk.features.place_profile_kernels import Counts, Integers, Numbers, followed_map
from crisisrisk.tables.site import Site
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, Shift

HALF_LIFE_DAYS, LATE_HALF_LIFE_DAYS = 1000, 30
"""After so many days an event counts half, in a cell's weights and in its factor of late."""
OWN_EVENTS, LATE_EVENTS = 0.3, 20.0
"""The priors of a weight and of the factor, in events."""

_STEPS = 300
_LEAST = 1e-9


@dataclass(frozen=True, kw_only=True)
class WeekProfiles:
    """Profiles over the shifts of the week, as learned; kept in the bundle.

    `names` and `weekdays`: the shifts. `rates`: for each profile events an hour in each of them, 1 on average over the
    hours. `usual`: the mean weight of a cell in each profile. `level`: what expected counts are taken by.
    """

    names: tuple[str, ...]
    weekdays: tuple[int, ...]
    rates: tuple[tuple[float, ...], ...]
    usual: tuple[float, ...]
    level: float = 1.0

    def __post_init__(self) -> None:
        numbers = [*(rate for one in self.rates for rate in one), *self.usual, self.level]
        fits = all(len(one) == len(self.names) == len(self.weekdays) for one in self.rates)
        usable = all(isfinite(one) and one >= 0 for one in numbers) and min((*self.usual, self.level)) > 0
        if not self.rates or len(self.rates) != len(self.usual) or not fits or not usable:
            raise ModelError("CR-MODEL-002", "the profiles of the week cannot be used", where="task.json")

    def log_expected(self, history: PlaceHistory, rows: PlaceRows, site: Site, *, latency_hours: float) -> Numbers:
        """Log of the expected outcome events of each row and cell. Shape (shifts, cells), always finite.

        `history` holds the outcome's events, `latency_hours` after its end a shift is settled.
        """
        exposure = self._exposure(_kinds(rows.shifts), _hours(rows.shifts))
        return np.log(np.maximum(self._followed(history, rows, site, exposure, latency_hours=latency_hours), _LEAST))

    def a_day(self, history: PlaceHistory, rows: PlaceRows, site: Site, *, latency_hours: float) -> Numbers:
        """Events of each cell in 24 hours at the mean rate of its week, as of each row. Shape (shifts, cells)."""
        exposure = np.full((len(rows), len(self.rates)), 24.0)
        return self._followed(history, rows, site, exposure, latency_hours=latency_hours)

    def _followed(
        self, history: PlaceHistory, rows: PlaceRows, site: Site, exposure: Numbers, *, latency_hours: float
    ) -> Numbers:
        """Expected events of each row and cell over so much `exposure`, shape (rows, profiles)."""
        settled = _Settled.of(history, rows, site, round(latency_hours * MICROSECONDS_PER_HOUR))
        issued = rows.issued_at
        order = np.argsort(issued, kind="stable")
        known_to = np.searchsorted(settled.at, issued[order], side="right").astype(np.int64)
        found = followed_map(
            settled.counts,
            self._exposure([*settled.kinds], settled.hours),
            settled.kept(HALF_LIFE_DAYS),
            settled.kept(LATE_HALF_LIFE_DAYS),
            known_to,
            exposure[order],
            np.array(self.usual),
            OWN_EVENTS,
            LATE_EVENTS,
        )
        expected = np.empty_like(found)
        expected[order] = found
        return expected * self.level

    def _exposure(self, kinds: Sequence[tuple[str, int]], hours: Numbers) -> Numbers:
        """Rate × hours of each shift in each profile, a rate of 1 where the rota has no such shift."""
        number = {kind: place for place, kind in enumerate(zip(self.names, self.weekdays, strict=True))}
        rates = np.column_stack([np.array(self.rates), np.ones(len(self.rates))])
        at = np.array([number.get(kind, len(number)) for kind in kinds], dtype=np.int64)
        return np.ascontiguousarray((rates[:, at] * hours).T)


@dataclass(frozen=True, eq=False)
class _Settled:
    """Past shifts in the order in which they were settled. `counts` (shifts, cells): as known then, at `at`."""

    counts: Counts
    kinds: tuple[tuple[str, int], ...]
    hours: Numbers
    at: Integers

    @staticmethod
    def of(history: PlaceHistory, rows: PlaceRows, site: Site, latency_us: int) -> "_Settled":
        """Every shift of the rota since the first records, as far as those were known when it was settled."""
        last = int(rows.issued_at.max(initial=0))
        rota = rota_between(site, min(int(history.occurred_at.min()), last) if len(history) else last, last)
        at = rota.end + latency_us
        chosen = (rota.start >= observed_since(history, at)) & (at <= last)
        event, shift = rota.containing(history.occurred_at)
        known = (history.known_at[event] < at[shift]) & (at[shift] <= history.superseded_at[event]) & chosen[shift]
        cell = np.repeat(np.arange(len(rows.cells)), np.diff(history.starts))[event[known]]
        place = (np.cumsum(chosen) - 1)[shift[known]]
        shape = (int(chosen.sum()), len(rows.cells))
        counts = np.bincount(place * shape[1] + cell, minlength=shape[0] * shape[1]).reshape(shape).astype(np.int32)
        hours = (rota.end - rota.start)[chosen] / MICROSECONDS_PER_HOUR
        return _Settled(counts, tuple(rota.kinds[one] for one in rota.kind[chosen].tolist()), hours, at[chosen])

    def kept(self, half_life_days: float) -> Numbers:
        """What counts of each moment at the next, by the time between them. Shape (shifts,)."""
        passed = np.diff(self.at, prepend=self.at[:1]) / MICROSECONDS_PER_DAY
        return np.asarray(np.exp2(-passed / half_life_days))


def fit_profiles(
    history: PlaceHistory, rows: PlaceRows, site: Site, counts: NDArray[Any], *, latency_hours: float, profiles: int,
    seed: int = 0,
) -> WeekProfiles | None:  # fmt: skip
    """So many profiles from the counts of the rows, shape (shifts, cells); None where nothing happened in them.

    The level makes as many expected as came, from what was known of each shift when it was issued.
    """
    if not counts.sum():
        return None
    kinds = _kinds(rows.shifts)
    known = sorted(set(kinds))
    at = np.array([known.index(kind) for kind in kinds], dtype=np.int64)
    hours = np.asarray(np.bincount(at, weights=_hours(rows.shifts), minlength=len(known)), dtype=np.float64)
    seen = np.zeros((len(known), counts.shape[1]))
    np.add.at(seen, at, counts)
    weights, rates = factorised(seen.T, hours, profiles=profiles, seed=seed)
    found = WeekProfiles(
        names=tuple(name for name, _ in known),
        weekdays=tuple(weekday for _, weekday in known),
        rates=tuple(tuple(one) for one in rates.tolist()),
        usual=tuple(np.maximum(weights.mean(axis=0), _LEAST).tolist()),
    )
    expected = np.exp(found.log_expected(history, rows, site, latency_hours=latency_hours)).sum()
    return replace(found, level=float(counts.sum() / expected))


def factorised(seen: Numbers, hours: Numbers, *, profiles: int, seed: int) -> tuple[Numbers, Numbers]:
    """Weights (cells, profiles) and rates (profiles, kinds) so that weights @ rates × hours comes near `seen`.

    `seen`: events, (cells, kinds); `hours`: of each kind. Expectation–maximisation, weights drawn to their mean with a
    gamma prior of `OWN_EVENTS`; every profile's rates have a mean of 1 over the hours.
    """
    draw = np.random.default_rng(seed)
    rates = draw.uniform(0.5, 1.5, (profiles, len(hours)))
    rates /= (rates @ hours)[:, None] / hours.sum()
    weights = (seen.sum(axis=1, keepdims=True) / hours.sum() + _LEAST) * draw.uniform(0.5, 1.5, (len(seen), profiles))
    weights /= profiles
    for _ in range(_STEPS):
        ratio = seen / np.maximum(weights @ rates * hours, _LEAST)
        events = weights * (ratio @ (rates * hours).T)
        mean = np.maximum(events.mean(axis=0) / hours.sum(), _LEAST)
        weights = (events + OWN_EVENTS) / (hours.sum() + OWN_EVENTS / mean)
        ratio = seen / np.maximum(weights @ rates * hours, _LEAST)
        rates = rates * (weights.T @ ratio) / weights.sum(axis=0)[:, None]
        rates /= np.maximum((rates @ hours)[:, None] / hours.sum(), _LEAST)
    return weights, rates


def _kinds(shifts: Sequence[Shift]) -> list[tuple[str, int]]:
    return [(one.name, one.weekday) for one in shifts]


def _hours(shifts: Sequence[Shift]) -> Numbers:
    return np.array([one.hours for one in shifts], dtype=np.float64)
