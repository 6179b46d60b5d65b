"""The simple forecasts of places that every model must beat, from a dense array of past counts.

Every forecast uses only shifts that ended at least the data's latency before its own issue time. All functions
return expected events of shape (targets, cells), never below `MINIMUM_EXPECTED`, and NaN for a target with no
past at all. Shifts may differ in length and overlap: long-run means are taken per hour.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import ModelError
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, Instants, Shift, microseconds

MINIMUM_EXPECTED = 1e-4
"""Nowhere is an event impossible: a forecast of exactly 0 has an infinite deviance once one happens."""

FACTOR_PRIOR_EVENTS = 10.0
"""A factor of a shift of the week seen for few events is drawn to 1 as if it had so many more of an average shift."""

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class PlacePast:
    """Counts of all shifts, and the shifts to forecast.

    `counts`: shape (shifts, cells). `starts`, `ends`, `issued_at`: instants, shape (shifts,). `slot`: the shift of
    the week, shape (shifts,), such as "Friday night", from 0. `targets`: indices of the shifts to forecast.
    """

    counts: NDArray[Any]
    starts: Instants
    ends: Instants
    slot: Indices
    issued_at: Instants
    targets: Indices
    latency_us: int = 0

    def __post_init__(self) -> None:
        shapes = {array.shape for array in (self.starts, self.ends, self.slot, self.issued_at)}
        if shapes != {self.counts.shape[:1]} or self.counts.ndim != 2:
            raise ModelError(
                "CR-EVAL-001", "counts and shifts do not fit together", wanted="counts of shape (shifts, cells)",
                found=f"{self.counts.shape} for {len(self.starts)} shifts",
            )  # fmt: skip

    @cached_property
    def order(self) -> Indices:
        """Shifts in order of their end."""
        return np.argsort(self.ends, kind="stable")

    @cached_property
    def running(self) -> FloatArray:
        """Events of each cell in the first n shifts by end. Shape (shifts + 1, cells)."""
        return _running(self.counts[self.order].astype(np.float64))

    @cached_property
    def hours(self) -> FloatArray:
        """Real hours of each shift. Shape (shifts,)."""
        return (self.ends - self.starts) / MICROSECONDS_PER_HOUR

    @cached_property
    def running_hours(self) -> FloatArray:
        """Hours of the first n shifts by end. Shape (shifts + 1,)."""
        return _running(self.hours[self.order][:, None])[:, 0]

    @cached_property
    def cut_off(self) -> Instants:
        """For each target, the moment by which a shift must have ended to be used. Shape (targets,)."""
        return self.issued_at[self.targets] - self.latency_us

    def ended_by(self, moments: Instants) -> Indices:
        """How many shifts ended at or before each moment."""
        return np.searchsorted(self.ends[self.order], moments, side="right")

    @cached_property
    def known(self) -> Indices:
        """How many shifts each target may use."""
        return self.ended_by(self.cut_off)

    def since(self, days: int) -> Indices:
        """How many shifts ended before the last `days` days of each target's past."""
        return self.ended_by(self.cut_off - days * MICROSECONDS_PER_DAY)


def place_past(
    counts: NDArray[Any],
    shifts: Sequence[Shift],
    *,
    targets: NDArray[Any] | None = None,
    issue_hours: float,
    latency_hours: float = 0.0,
) -> PlacePast:
    """The past of shifts whose forecasts are issued `issue_hours` before they start. A slot is a weekday and a name."""
    names = [f"{shift.weekday} {shift.name}" for shift in shifts]
    starts = np.array([microseconds(shift.start) for shift in shifts], dtype=np.int64)
    return PlacePast(
        counts=counts,
        starts=starts,
        ends=np.array([microseconds(shift.end) for shift in shifts], dtype=np.int64),
        slot=np.unique(names, return_inverse=True)[1].astype(np.int64),
        issued_at=starts - timedelta(hours=issue_hours) // timedelta(microseconds=1),
        targets=np.arange(len(shifts)) if targets is None else np.asarray(targets, dtype=np.int64),
        latency_us=timedelta(hours=latency_hours) // timedelta(microseconds=1),
    )


def _running(values: FloatArray) -> FloatArray:
    return np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])


def _raised(expected: FloatArray) -> FloatArray:
    return np.maximum(expected, MINIMUM_EXPECTED)  # NaN stays NaN


def _divided(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Row by row; NaN where the denominator is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator[:, None] > 0, numerator / denominator[:, None], np.nan)


# Long-run maps


def _rates(past: PlacePast, begins: Indices) -> FloatArray:
    """Events per hour of each cell between two counts of shifts. Shape (targets, cells)."""
    events = past.running[past.known] - past.running[begins]
    return _divided(events, past.running_hours[past.known] - past.running_hours[begins])


def all_history_mean(past: PlacePast) -> FloatArray:
    """Mean rate of the cell over everything known × hours of the shift."""
    return _raised(_rates(past, np.zeros_like(past.known)) * past.hours[past.targets][:, None])


def trailing_year(past: PlacePast) -> FloatArray:
    """Rate of the cell over the last 365 days × hours of the shift: the analyst's map."""
    return _raised(_rates(past, past.since(365)) * past.hours[past.targets][:, None])


# The same shift of other weeks


def same_shift_mean(past: PlacePast, *, weeks: int) -> FloatArray:
    """Mean of the last `weeks` known shifts of the same weekday and name; all history where none is known yet."""
    expected = np.full((len(past.targets), past.counts.shape[1]), np.nan)
    for slot in np.unique(past.slot[past.targets]):
        mine = np.flatnonzero(past.slot[past.targets] == slot)
        like = past.order[past.slot[past.order] == slot]
        last = np.searchsorted(past.ends[like], past.cut_off[mine], side="right")
        first = np.maximum(last - weeks, 0)
        running = _running(past.counts[like].astype(np.float64))
        expected[mine] = _divided(running[last] - running[first], (last - first).astype(np.float64))
    return _raised(np.where(np.isnan(expected), all_history_mean(past), expected))


def seasonal_naive(past: PlacePast) -> FloatArray:
    """What happened in the last known shift of the same weekday and name."""
    return same_shift_mean(past, weeks=1)


def medic(past: PlacePast, *, weeks: int = 4, years: int = 5) -> FloatArray:
    """Mean of the same shift in the four weeks before, this year and in up to four earlier years (MEDIC, 20 values).

    Years are 52 weeks, which keeps weekdays. Shifts that are not known at the issue time are left out; all history
    where none is known.
    """
    shape = (len(past.targets), past.counts.shape[1])
    total, found = np.zeros(shape), np.zeros(shape[0])
    for year in range(years):
        for week in range(1, weeks + 1):
            earlier = _same_shift_earlier(past, days=364 * year + 7 * week)
            there = earlier >= 0
            total[there] += past.counts[earlier[there]]
            found += there
    return _raised(np.where(found[:, None] > 0, _divided(total, found), all_history_mean(past)))


def _same_shift_earlier(past: PlacePast, *, days: int) -> Indices:
    """For each target the known shift of the same slot that started so many days earlier, -1 for none.

    Clock changes move a start by an hour, so the nearest start within two hours counts.
    """
    tolerance = 2 * MICROSECONDS_PER_HOUR
    earlier = np.full(len(past.targets), -1, dtype=np.int64)
    by_start = np.argsort(past.starts, kind="stable")
    for slot in np.unique(past.slot[past.targets]):
        mine = np.flatnonzero(past.slot[past.targets] == slot)
        like = by_start[past.slot[by_start] == slot]
        wanted = past.starts[past.targets[mine]] - days * MICROSECONDS_PER_DAY
        near = like[np.minimum(np.searchsorted(past.starts[like], wanted - tolerance), len(like) - 1)]
        usable = (np.abs(past.starts[near] - wanted) <= tolerance) & (past.ends[near] <= past.cut_off[mine])
        earlier[mine] = np.where(usable, near, -1)
    return earlier


# Map × clock


def shift_factor(past: PlacePast, *, days: int = 365) -> FloatArray:
    """Events per hour of the whole area in the target's shift of the week ÷ in all shifts, over the last days.

    Shape (targets,). Drawn to 1 where few events were seen.
    """
    begins, slots = past.since(days), past.slot[past.targets]
    of_slot = past.slot[past.order][:, None] == np.arange(past.slot.max() + 1)
    events = past.counts[past.order].sum(axis=1, dtype=np.float64)
    slot_events, slot_hours = (_running(of_slot * values[:, None]) for values in (events, past.hours[past.order]))
    all_events = slot_events[past.known].sum(axis=1) - slot_events[begins].sum(axis=1)
    rate = _divided(all_events[:, None], past.running_hours[past.known] - past.running_hours[begins])[:, 0]
    seen = slot_events[past.known, slots] - slot_events[begins, slots]
    usual = rate * (slot_hours[past.known, slots] - slot_hours[begins, slots])
    return (seen + FACTOR_PRIOR_EVENTS) / (usual + FACTOR_PRIOR_EVENTS)


def trailing_year_times_factor(past: PlacePast) -> FloatArray:
    """`trailing_year` × `shift_factor`."""
    return _raised(trailing_year(past) * shift_factor(past)[:, None])


def shrunken_rate_times_factor(past: PlacePast) -> FloatArray:
    """Rate of the last 365 days, drawn to the mean of all cells as far as chance explains how cells differ, × factor.

    Gamma-Poisson by moments (Clayton and Kaldor 1987): the weight of the cell's own count is
    (variance − mean) ÷ variance of the counts over cells.
    """
    begins = past.since(365)
    events = past.running[past.known] - past.running[begins]
    hours = past.running_hours[past.known] - past.running_hours[begins]
    mean, variance = events.mean(axis=1), events.var(axis=1)
    own = np.maximum(variance - mean, 0.0) / np.where(variance > 0, variance, 1.0)
    shrunken = own[:, None] * events + ((1.0 - own) * mean)[:, None]
    rates = _divided(shrunken, hours)
    return _raised(rates * (past.hours[past.targets] * shift_factor(past))[:, None])


def volume_times_share(past: PlacePast, *, weeks: int = 8) -> FloatArray:
    """Events of the whole area in the same shift of the last weeks × the cell's share of the last 365 days."""
    whole = PlacePast(
        past.counts.sum(axis=1, keepdims=True), past.starts, past.ends, past.slot, past.issued_at, past.targets,
        past.latency_us,
    )  # fmt: skip
    events = past.running[past.known] - past.running[past.since(365)]
    share = _divided(events, events.sum(axis=1))
    share = np.where(np.isnan(share), 1.0 / past.counts.shape[1], share)
    return _raised(same_shift_mean(whole, weeks=weeks) * share)


PLACE_BASELINES: Mapping[str, Callable[[PlacePast], FloatArray]] = {
    "all_history_mean": all_history_mean,
    "same_shift_mean_4_weeks": lambda past: same_shift_mean(past, weeks=4),
    "same_shift_mean_8_weeks": lambda past: same_shift_mean(past, weeks=8),
    "same_shift_mean_52_weeks": lambda past: same_shift_mean(past, weeks=52),
    "medic": medic,
    "seasonal_naive": seasonal_naive,
    "trailing_365_days": trailing_year,
    "trailing_365_days_times_shift_factor": trailing_year_times_factor,
    "shrunken_rate_times_shift_factor": shrunken_rate_times_factor,
    "volume_times_share": volume_times_share,
}


def place_baselines(past: PlacePast) -> Mapping[str, FloatArray]:
    """Every baseline by name, each of shape (targets, cells)."""
    return {name: forecast(past) for name, forecast in PLACE_BASELINES.items()}
