"""Long-run maps, and maps × the clock of the week."""

from collections.abc import Callable, Sequence

import numpy as np

from crisisrisk.features.place_kernels import Numbers
from crisisrisk.features.place_past import PlacePast
from crisisrisk.models.place_rules.parts import (
    NOTHING_FITTED,
    Fitted,
    Part,
    beside_in_words,
    count_in_words,
    divided,
    log_ratio,
    of_targets,
    raised,
    times_in_words,
)

YEAR = 365

_Parts = Callable[[PlacePast, Fitted], Sequence[Part]]

FACTOR_PRIOR_EVENTS = 10.0
"""A factor of a shift of the week seen for few events is drawn to 1 as if it had so many more of an average shift."""


def cell_rates(past: PlacePast, days: int | None) -> Numbers:
    """Events an hour of each cell in the last `days`, NaN without a past. Shape (targets, cells)."""
    return of_targets(past, divided(past.counts(days), past.total_hours(days)[None, :]))


def all_history_mean(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """Mean rate of the cell over everything known × hours of the shift."""
    return raised(cell_rates(past, None) * past.hours[:, None])


def trailing_year(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """Rate of the cell over the last 365 days × hours of the shift: the analyst's map."""
    return raised(cell_rates(past, YEAR) * past.hours[:, None])


def shift_factor(past: PlacePast, *, days: int = YEAR) -> Numbers:
    """Events per hour of the whole area in the target's shift of the week ÷ in all shifts, over the last days.

    Shape (targets,). Drawn to 1 where few events were seen; 1 for a shift that the rota does not have.
    """
    events, hours = past.kind_counts(days), past.kind_hours(days)
    total, all_hours = events.sum(axis=0, dtype=np.int64), past.total_hours(days)
    usual = np.nan_to_num(divided(total.astype(np.float64), all_hours)) * hours
    factors = (events + FACTOR_PRIOR_EVENTS) / (usual + FACTOR_PRIOR_EVENTS)
    return np.where(past.kind < 0, 1.0, factors[past.kind, past.moment])


def trailing_year_times_factor(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """Rate of the cell over the last 365 days × hours × `shift_factor`."""
    return raised(cell_rates(past, YEAR) * (past.hours * shift_factor(past))[:, None])


def shrunken_rates(past: PlacePast) -> Numbers:
    """Rate an hour of the last 365 days, drawn to the mean of all cells as far as chance explains how they differ.

    Gamma-Poisson by moments (Clayton and Kaldor 1987): the weight of the cell's own count is
    (variance − mean) ÷ variance of the counts over cells. Shape (targets, cells).
    """
    events = past.counts(YEAR)
    cells = len(past.cells)
    total = events.sum(axis=0, dtype=np.int64)
    squares = np.square(events, dtype=np.int64).sum(axis=0)
    mean = total / cells
    variance = squares / cells - mean**2
    own = np.maximum(variance - mean, 0.0) / np.where(variance > 0, variance, 1.0)
    shrunken = own[None, :] * events + ((1.0 - own) * mean)[None, :]
    return of_targets(past, divided(shrunken, past.total_hours(YEAR)[None, :]))


def shrunken_rate_times_factor(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """`shrunken_rates` × hours × `shift_factor`."""
    return raised(shrunken_rates(past) * (past.hours * shift_factor(past))[:, None])


# What one contact more adds


def map_unit(days: int | None) -> Callable[[PlacePast, Fitted], Numbers]:
    """To a map: one contact in the hours that it looks back on × hours of the shift."""
    return lambda past, _: one_more(past, days) * past.hours


def map_and_clock_unit(past: PlacePast, _: Fitted = NOTHING_FITTED) -> Numbers:
    """To the map of the last year × the clock; one that is drawn to the mean adds less."""
    return one_more(past, YEAR) * past.hours * shift_factor(past)


def one_more(past: PlacePast, days: int | None) -> Numbers:
    """A rate of one contact over the last `days`; in an hour where there is no past. Shape (targets,)."""
    return (1.0 / np.maximum(past.total_hours(days), 1.0))[past.moment]


# Why


def history_part(past: PlacePast, days: int | None, rates: Numbers | None = None) -> Part:
    """How the cell's own past moves it away from an average place."""
    counts = past.counts(days).T[past.moment]
    average = counts.mean(axis=1)
    own = cell_rates(past, days) if rates is None else rates
    where = "here so far" if days is None else f"here in the last {days} days"
    return Part(
        effect=log_ratio(own * past.hours[:, None], own.mean(axis=1, keepdims=True) * past.hours[:, None]),
        live=lambda target, cell: count_in_words(int(counts[target, cell]), float(average[target]), where),
        released=lambda target, cell: beside_in_words(counts[target, cell], float(average[target]), where),
    )


def clock_part(past: PlacePast, factor: Numbers | None = None) -> Part:
    """How the shift of the week moves every cell."""
    moved = shift_factor(past) if factor is None else factor
    effect = np.broadcast_to(np.log(moved)[:, None], (len(past.rows), len(past.cells)))
    return Part(
        effect=effect,
        live=lambda target, _: times_in_words(float(moved[target]), on_such_shifts(past, target)),
        released=lambda target, _: on_such_shifts(past, target).removeprefix("on "),
    )


def on_such_shifts(past: PlacePast, target: int) -> str:
    """ "on Friday night"."""
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    shift = past.rows.shifts[target]
    return f"on {days[shift.weekday]} {shift.name}"


def map_parts(days: int | None) -> _Parts:
    """Of a map alone."""
    return lambda past, _: [history_part(past, days)]


def map_and_clock_parts(past: PlacePast, _: Fitted) -> Sequence[Part]:
    """Of the map of the last year × the clock."""
    return [history_part(past, YEAR), clock_part(past)]


def shrunken_and_clock_parts(past: PlacePast, _: Fitted) -> Sequence[Part]:
    """Of the map drawn to the mean × the clock."""
    return [history_part(past, YEAR, shrunken_rates(past)), clock_part(past)]
