"""How hard it is to say who will be in crisis: two simple orderings on the weekly task, from named contacts alone.

The task is that of the person recipe: every Monday, everybody who is not in an episode as far as was known; the outcome
is a crisis contact within 28 days; the last twelve weeks are the test. Nothing here sees the truth.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crisisrisk.episodes import EventTimes, Mask, live_counts
from crisisrisk.evaluation.baselines import NEVER_DAYS, CrisisHistory, fit_five_factors, one_year_count
from crisisrisk.evaluation.metrics import auprc, auroc
from crisisrisk.simulation.period import Indices, Numbers, Period, Seconds
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY

HORIZON_DAYS, GAP_DAYS, WARM_UP_DAYS, TEST_WEEKS = 28, 7, 182, 12
_MICROSECONDS = 1_000_000
# The regression is fitted on every third week: its rows repeat themselves.
_FITTED_EVERY = 3


@dataclass(frozen=True, kw_only=True)
class Crises:
    """Named contacts that count as a crisis, of people numbered from 0. Shape (contacts,) each."""

    person: Indices
    at: Seconds
    known: Seconds


@dataclass(frozen=True, kw_only=True)
class Lifetimes:
    """From which day on and before which day each person is here, and the age in 2026. Shape (people,).

    `stay_of`, `stay_begins` and `stay_ends` (stays,): whose stays in hospital, as instants.
    """

    registered: Indices
    left: Indices
    age: Numbers
    stay_of: Indices
    stay_begins: Seconds
    stay_ends: Seconds


@dataclass(frozen=True)
class Rows:
    """Rows of the task: one for each person and Monday. Shape (rows,)."""

    week: Indices
    happened: Mask
    history: CrisisHistory


@dataclass(frozen=True, kw_only=True)
class Difficulty:
    """Onsets per stable patient-week, and how well two simple orderings do in the test weeks."""

    prevalence: float
    count_auroc: float
    count_auprc: float
    regression_auroc: float
    regression_auprc: float


def rows_of(crises: Crises, lifetimes: Lifetimes, period: Period) -> Rows:
    """Every row of the task whose label is complete: who is here and adult, and in no episode as far as was known."""
    mondays = np.arange(0, len(period) - HORIZON_DAYS - GAP_DAYS, 7)
    mondays = mondays[mondays >= WARM_UP_DAYS]
    moments = period.midnight_of(mondays) * _MICROSECONDS
    people = len(lifetimes.registered)
    order = np.lexsort((crises.at, crises.person))
    times = EventTimes(
        crises.person[order],
        crises.at[order] * _MICROSECONDS,
        crises.known[order] * _MICROSECONDS,
        np.full(len(order), FOREVER_US),
    )
    here = (mondays >= lifetimes.registered[:, None]) & (mondays + HORIZON_DAYS < lifetimes.left[:, None])
    here &= (lifetimes.age[:, None] >= 19) & ~_in_hospital(lifetimes, moments // _MICROSECONDS)
    eligible = here & (live_counts(times, people, moments, lookback_us=GAP_DAYS * MICROSECONDS_PER_DAY - 1) == 0)
    happened = _followed(times, people, moments)
    person, week = np.nonzero(eligible)
    history = _history(times, lifetimes.age, moments)
    return Rows(week, happened[person, week], CrisisHistory(*(grid[person, week] for grid in history)))


def _in_hospital(lifetimes: Lifetimes, moments: Seconds) -> Mask:
    change = np.zeros((len(lifetimes.age), len(moments) + 1), dtype=np.int32)
    np.add.at(change, (lifetimes.stay_of, np.searchsorted(moments, lifetimes.stay_begins)), 1)
    np.add.at(change, (lifetimes.stay_of, np.searchsorted(moments, lifetimes.stay_ends)), -1)
    return np.asarray(np.cumsum(change, axis=1)[:, :-1] > 0)


def _followed(times: EventTimes, people: int, moments: Indices) -> Mask:
    """Whether an episode of each person starts within the horizon of each moment. Shape (people, moments)."""
    starts = np.ones(len(times), dtype=bool)
    same = times.person[1:] == times.person[:-1]
    starts[1:] = ~same | (np.diff(times.occurred_at) >= GAP_DAYS * MICROSECONDS_PER_DAY)
    onset = times.where(starts)
    horizon = HORIZON_DAYS * MICROSECONDS_PER_DAY
    change = np.zeros((people, len(moments) + 1), dtype=np.int32)
    # An onset falls into the horizons of moments in (onset - horizon, onset].
    np.add.at(change, (onset.person, np.searchsorted(moments, onset.occurred_at - horizon, side="right")), 1)
    np.add.at(change, (onset.person, np.searchsorted(moments, onset.occurred_at, side="right")), -1)
    return np.asarray(np.cumsum(change, axis=1)[:, :-1] > 0)


def _history(times: EventTimes, age: Numbers, moments: Indices) -> tuple[NDArray[np.float64], ...]:
    """The five factors of the baselines. Each has shape (people, moments)."""
    people = len(age)
    year, month = (live_counts(times, people, moments, lookback_us=days * MICROSECONDS_PER_DAY) for days in (365, 28))
    since, episodes = np.full((people, len(moments)), NEVER_DAYS), np.zeros((people, len(moments)))
    for column, moment in enumerate(moments):
        known = times.where(times.live_at(int(moment)))
        since[known.person, column] = (moment - known.occurred_at) / MICROSECONDS_PER_DAY
        starts = np.ones(len(known), dtype=bool)
        starts[1:] = (np.diff(known.person) > 0) | (np.diff(known.occurred_at) >= GAP_DAYS * MICROSECONDS_PER_DAY)
        episodes[:, column] = np.bincount(known.person[starts], minlength=people)
    return year.astype(np.float64), month.astype(np.float64), since, episodes, np.repeat(age[:, None], len(moments), 1)


def difficulty(parts: list[Rows]) -> Difficulty:
    """The figures of all parts together, means over the test weeks; the regression is fitted on the weeks before."""
    week, happened = (np.concatenate([getattr(part, name) for part in parts]) for name in ("week", "happened"))
    history = CrisisHistory.joined([part.history for part in parts])
    last = int(week.max())
    test = week > last - TEST_WEEKS
    fitted = (week <= last - TEST_WEEKS - HORIZON_DAYS // 7) & (week % _FITTED_EVERY == 0)
    model = fit_five_factors(history.where(fitted), happened[fitted])
    counts, risks = one_year_count(history.where(test)), model.predict(history.where(test))
    weeks, outcome = week[test], happened[test]
    return Difficulty(
        prevalence=float(happened.mean()),
        count_auroc=_weekly(auroc, weeks, counts, outcome),
        count_auprc=_weekly(auprc, weeks, counts, outcome),
        regression_auroc=_weekly(auroc, weeks, risks, outcome),
        regression_auprc=_weekly(auprc, weeks, risks, outcome),
    )


def _weekly(score: Callable[[Numbers, Mask], float], week: Indices, risk: Numbers, happened: Mask) -> float:
    """The mean of a score over the weekly slices in which anything happened."""
    slices = [week == one for one in np.unique(week)]
    return float(np.mean([score(risk[own], happened[own]) for own in slices if happened[own].any()]))
