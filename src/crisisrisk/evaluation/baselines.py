"""The simple ways to order people that every model must beat. They see what the model sees: live events at `as_of`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.cohorts import PeopleStates, PersonRows
from crisisrisk.episodes import (
    EpisodeRule,
    EventTimes,
    crisis_mask,
    event_times,
    is_one_of,
    live_counts,
    onsets,
)
from crisisrisk.evaluation.logistic import FloatArray, LogisticFit, fit_logistic
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants

NEVER_DAYS = 36_525.0
"""Where no crisis is known, the last one counts as this long ago (a hundred years)."""

FACTORS = ("crises_in_365_days", "crises_in_28_days", "days_since_last_crisis", "episodes_ever", "age")


@dataclass(frozen=True)
class CrisisHistory:
    """What was known of each row's crises and age at its `as_of`. Every array has shape (rows,).

    `days_since_last_crisis` is `NEVER_DAYS` where none is known; `age` is NaN where the year of birth is unknown.
    """

    crises_in_365_days: FloatArray
    crises_in_28_days: FloatArray
    days_since_last_crisis: FloatArray
    episodes_ever: FloatArray
    age: FloatArray

    def where(self, rows: NDArray[Any]) -> "CrisisHistory":
        """Only the rows of a mask or of indices."""
        return CrisisHistory(**{name: getattr(self, name)[rows] for name in FACTORS})

    @staticmethod
    def joined(parts: "list[CrisisHistory]") -> "CrisisHistory":
        """The histories of several buckets, one after the other."""
        return CrisisHistory(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in FACTORS})


def crisis_history(rule: EpisodeRule, events: pa.Table, people: pa.Table, rows: PersonRows) -> CrisisHistory:
    """The five factors of each row of one bucket. Loops over as-of moments, never over people."""
    moments, rank = np.unique(rows.as_of, return_inverse=True)
    person, everyone = rows.row_person(), len(rows.person_id)
    crises = event_times(events, rows.person_id, crisis_mask(rule, events)).in_order()
    year, month = (
        live_counts(crises, everyone, moments, lookback_us=days * MICROSECONDS_PER_DAY) for days in (365, 28)
    )
    states = PeopleStates(people, rows.person_id)
    since, episodes, age = (np.empty((everyone, len(moments))) for _ in range(3))
    for column, as_of in enumerate(moments):
        known = crises.where(crises.live_at(as_of))
        since[:, column] = _days_since_last(known, everyone, int(as_of))
        episodes[:, column] = _episodes(known, everyone, rule)
        age[:, column] = states.age_at(int(as_of))
    grids = (year.astype(np.float64), month.astype(np.float64), since, episodes, age)
    return CrisisHistory(*(grid[person, rank] for grid in grids))


def _days_since_last(known: EventTimes, people: int, as_of_us: int) -> FloatArray:
    last = np.full(people, as_of_us - int(NEVER_DAYS * MICROSECONDS_PER_DAY))
    last[known.person] = known.occurred_at  # ascending within a person, so the last assignment stays
    return (as_of_us - last) / MICROSECONDS_PER_DAY


def _episodes(known: EventTimes, people: int, rule: EpisodeRule) -> FloatArray:
    offsets = np.searchsorted(known.person, np.arange(people + 1))
    starts = onsets(offsets, known.occurred_at, stable_gap_us=rule.stable_gap_us)
    return np.bincount(known.person[starts], minlength=people).astype(np.float64)


# Orderings of one number


def one_year_count(history: CrisisHistory) -> FloatArray:
    """Risk = crisis contacts in the last 365 days."""
    return history.crises_in_365_days


def recent_first(history: CrisisHistory) -> FloatArray:
    """Risk = minus the days since the last crisis; nobody with a known crisis ranks below one without."""
    return -history.days_since_last_crisis


# Five factors


@dataclass(frozen=True)
class FiveFactors:
    """Logistic regression on five named factors, each standardised by the rows it was fitted on.

    Counts and days enter as ln(1 + value); an unknown age counts as the mean.
    """

    mean: FloatArray
    spread: FloatArray
    fit: LogisticFit

    def predict(self, history: CrisisHistory) -> FloatArray:
        """Probabilities. Shape (rows,)."""
        return self.fit.predict(self._standardised(_design(history)))

    def _standardised(self, design: FloatArray) -> FloatArray:
        return (np.where(np.isnan(design), self.mean, design) - self.mean) / self.spread

    def as_json(self) -> dict[str, Any]:
        """The coefficients per standard deviation, by factor."""
        weights = dict(zip(FACTORS, self.fit.coefficients.tolist(), strict=True))
        return {"intercept": self.fit.intercept, "coefficients": weights}


def fit_five_factors(history: CrisisHistory, happened: NDArray[Any], *, ridge: float = 1.0) -> FiveFactors:
    """Fit on training rows. The ridge keeps the fit finite where a factor separates the outcome.

    Its probabilities are NaN when only one class is present.
    """
    design = _design(history)
    known = ~np.isnan(design)
    sizes = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, design, 0.0).sum(axis=0) / sizes
    spread = np.sqrt(np.where(known, (design - mean) ** 2, 0.0).sum(axis=0) / sizes)
    model = FiveFactors(mean, np.where(spread > 0, spread, 1.0), LogisticFit(float("nan"), np.full(5, np.nan)))
    fit = fit_logistic(model._standardised(design), np.asarray(happened).astype(bool), ridge=ridge)
    return FiveFactors(model.mean, model.spread, fit)


def _design(history: CrisisHistory) -> FloatArray:
    counts = [np.log1p(getattr(history, name)) for name in FACTORS[:-1]]
    return np.column_stack([*counts, history.age])


# The site's rule


@dataclass(frozen=True)
class AttenderClause:
    """`at_least` contacts of a source in `days` days."""

    source: str
    days: int
    at_least: float


def frequent_attender(events: pa.Table, rows: PersonRows, clauses: tuple[AttenderClause, ...]) -> FloatArray:
    """How near each row comes to the rule: the greatest of count ÷ wanted count. At 1 or more the rule holds.

    Shape (rows,). The share in place of yes or no lets the rule order people as well as it can.
    """
    moments, rank = np.unique(rows.as_of, return_inverse=True)
    nearest = np.zeros((len(rows.person_id), len(moments)))
    for clause in clauses:
        times = event_times(events, rows.person_id, is_one_of(events, "source", (clause.source,)))
        nearest = np.maximum(nearest, _counted(times, nearest.shape[0], moments, clause) / clause.at_least)
    found: FloatArray = nearest[rows.row_person(), rank]
    return found


def _counted(times: EventTimes, people: int, moments: Instants, clause: AttenderClause) -> NDArray[np.int64]:
    return live_counts(times, people, moments, lookback_us=clause.days * MICROSECONDS_PER_DAY)


def person_baselines(
    history: CrisisHistory, attendance: FloatArray, five_factors: FiveFactors
) -> Mapping[str, FloatArray]:
    """The risk of every row by each baseline, by name. Only `five_factor_regression` is a probability."""
    return {
        "crisis_contacts_in_365_days": one_year_count(history),
        "days_since_last_crisis": recent_first(history),
        "five_factor_regression": five_factors.predict(history),
        "frequent_attender_rule": attendance,
    }
