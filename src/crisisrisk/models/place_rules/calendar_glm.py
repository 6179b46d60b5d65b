"""A Poisson regression of the whole area's counts on the calendar, with each cell's own past as its offset.

log expected = log(cell's rate of the last 365 days, drawn to the mean × hours) + intercept + shift of the week +
trend a year, which stops where the fit stops + bank holiday, day before, day after. Nothing but the offset differs
between cells, so that the sums over cells are all that the fit needs: it has one row a shift.
"""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.calendar import shift_calendar
from crisisrisk.features.place_kernels import Numbers
from crisisrisk.features.place_past import PlacePast
from crisisrisk.models.place_rules.maps import YEAR, clock_part, history_part, on_such_shifts, one_more, shrunken_rates
from crisisrisk.models.place_rules.parts import Fitted, Part, raised
from crisisrisk.timeline import MICROSECONDS_PER_DAY

HOLIDAYS = ("bank_holiday", "day_before_bank_holiday", "day_after_bank_holiday")
INTERCEPT, TREND, TREND_FROM = "intercept", "trend_a_year", "trend_from_day"
RIDGE = 5.0
"""Keeps what few events say near 0: as much as five events an average shift would."""

_STEPS, _CONVERGED = 50, 1e-10


def calendar_glm(past: PlacePast, fitted: Fitted) -> Numbers:
    """The cell's drawn rate × hours × what the calendar says."""
    return raised(shrunken_rates(past) * (past.hours * np.exp(_from_calendar(past, fitted)))[:, None])


def _from_calendar(past: PlacePast, fitted: Fitted) -> Numbers:
    """The linear predictor beside the offset. Shape (targets,). A shift that was not fitted on has 0."""
    names, design = _design(past, fitted[TREND_FROM])
    found = np.full(len(past.rows), fitted[INTERCEPT])
    for name, column in zip(names, design.T, strict=True):
        found = found + fitted.get(name, 0.0) * column
    return found


def _design(past: PlacePast, trend_from_day: float) -> tuple[list[str], Numbers]:
    kinds = past.rota.kinds
    shifts = (past.kind[:, None] == np.arange(len(kinds))).astype(np.float64)
    years = np.minimum((past.starts / MICROSECONDS_PER_DAY - trend_from_day) / 365.25, 0.0)
    calendar = shift_calendar(past.rows.shifts, past.site)
    holidays = [calendar[name] for name in HOLIDAYS]
    names = [*(f"shift {name} {weekday}" for name, weekday in kinds), TREND, *HOLIDAYS]
    return names, np.column_stack([shifts, years, *holidays])


def fit_calendar_glm(past: PlacePast, counts: NDArray[Any]) -> Fitted:
    """Penalised maximum likelihood by Newton's method (McCullagh and Nelder 1989); no trend at the last target."""
    due = shrunken_rates(past).sum(axis=1) * past.hours
    known = np.isfinite(due) & (due > 0)
    last_day = float(past.starts.max() / MICROSECONDS_PER_DAY)
    names, design = _design(past, last_day)
    columns = np.column_stack([np.ones(len(design)), design])[known]
    total = counts.sum(axis=1, dtype=np.int64)[known].astype(np.float64)
    found = fit_poisson(columns, total, np.log(due[known]), ridge=RIDGE)
    return {**dict(zip((INTERCEPT, *names), found.tolist(), strict=True)), TREND_FROM: last_day}


def fit_poisson(columns: Numbers, counts: Numbers, offset: Numbers, *, ridge: float) -> Numbers:
    """Coefficients of a Poisson regression with log link; the first column, the intercept, is not penalised.

    `columns`: shape (rows, columns). Minimises sum(mu − y log mu) + ridge ÷ 2 × sum of squared coefficients; without
    any event the intercept is −20, next to nothing. Shape (columns,).
    """
    penalty = np.full(columns.shape[1], ridge)
    penalty[0] = 0.0
    found = np.zeros(columns.shape[1])
    if counts.sum() == 0:
        found[0] = -20.0
        return found
    found[0] = np.log(counts.sum() / np.exp(offset).sum())
    loss = _loss(columns, counts, offset, found, penalty)
    for _ in range(_STEPS):
        mean = np.exp(columns @ found + offset)
        gradient = columns.T @ (mean - counts) + penalty * found
        step = np.linalg.solve((columns * mean[:, None]).T @ columns + np.diag(penalty), gradient)
        while (lower := _loss(columns, counts, offset, found - step, penalty)) > loss and np.abs(step).max() > 1e-12:
            step = step / 2.0
        found, gained, loss = found - step, loss - lower, lower
        if gained < _CONVERGED * (abs(loss) + 1.0):
            break
    return found


def _loss(columns: Numbers, counts: Numbers, offset: Numbers, found: Numbers, penalty: Numbers) -> float:
    log_mean = columns @ found + offset
    with np.errstate(over="ignore"):
        return float((np.exp(log_mean) - counts * log_mean).sum() + 0.5 * (penalty * found**2).sum())


# What one contact more adds


def calendar_unit(past: PlacePast, fitted: Fitted) -> Numbers:
    """To the cell's rate of the last year × what the calendar says."""
    return one_more(past, YEAR) * past.hours * np.exp(_from_calendar(past, fitted))


# Why


def calendar_parts(past: PlacePast, fitted: Fitted) -> Sequence[Part]:
    """The cell's own past, and the calendar."""
    zone: ZoneInfo = past.site.time_zone
    calendar = shift_calendar(past.rows.shifts, past.site)
    factor = np.exp(_from_calendar(past, fitted))
    holiday = [next((name for name in HOLIDAYS if calendar[name][row]), "") for row in range(len(past.rows))]
    clock = clock_part(past, factor)

    def live(target: int, cell: int) -> str:
        day = past.rows.shifts[target].start.astimezone(zone)
        said = holiday[target].replace("_", " ")
        return clock.live(target, cell) + (f", {day:%-d %b}: {said}" if said else "")

    return [
        history_part(past, YEAR, shrunken_rates(past)),
        Part(clock.effect, live, lambda target, _: on_such_shifts(past, target).removeprefix("on ")),
    ]
