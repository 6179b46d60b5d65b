"""Intervals for any metric: whole people, or whole weeks, are drawn again, because their rows belong together."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.evaluation.metrics import NOT_A_NUMBER, wrong_values

Rows = NDArray[np.int64]
MetricOfRows = Callable[[Rows], float]
"""A metric of the rows (or shifts) whose indices are given; an index that comes twice counts twice."""


@dataclass(frozen=True)
class Interval:
    """A value on the rows as they are, and the percentile interval of the resamples that had a value."""

    value: float
    lower: float
    upper: float
    resamples: int


def clustered_interval(
    metric: MetricOfRows, cluster: ArrayLike, *, seed: int, resamples: int = 200, level: float = 0.95
) -> Interval:
    """Percentile bootstrap that draws whole clusters with replacement (Field and Welsh 2007).

    `cluster`: shape (rows,), the person of each row, or the week of each shift. Resamples in which the metric is NaN
    (nobody with the outcome was drawn) are left out; with fewer than two the ends are NaN. Same seed, same interval.
    """
    if resamples < 1 or not 0.0 < level < 1.0:
        raise wrong_values(
            "an interval cannot be made", wanted="1 resample or more, a level between 0 and 1",
            found=f"{resamples} resamples, level {level:g}",
        )  # fmt: skip
    rows = np.arange(len(np.asarray(cluster)))
    drawn = _Clusters(np.asarray(cluster))
    random = np.random.default_rng(seed)
    values = np.array([metric(drawn.rows_of(random)) for _ in range(resamples)]) if len(rows) else np.empty(0)
    values = values[np.isfinite(values)]
    value = metric(rows) if len(rows) else NOT_A_NUMBER
    if len(values) < 2:
        return Interval(value, NOT_A_NUMBER, NOT_A_NUMBER, len(values))
    lower, upper = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(value, float(lower), float(upper), len(values))


def paired_difference(
    first: MetricOfRows,
    second: MetricOfRows,
    cluster: ArrayLike,
    *,
    seed: int,
    resamples: int = 200,
    level: float = 0.95,
) -> Interval:
    """Interval of `first − second` on the same draws: what both find easy or hard cancels out."""
    return clustered_interval(
        lambda rows: first(rows) - second(rows), cluster, seed=seed, resamples=resamples, level=level
    )


class _Clusters:
    """Rows sorted by cluster, so that a draw of clusters is a draw of slices."""

    def __init__(self, cluster: NDArray[np.generic]) -> None:
        which = np.unique(cluster, return_inverse=True)[1]
        self.order = np.argsort(which, kind="stable")
        self.sizes = np.bincount(which)
        self.begins = np.cumsum(self.sizes) - self.sizes

    def rows_of(self, random: np.random.Generator) -> Rows:
        """The rows of as many clusters as there are, drawn with replacement."""
        drawn = random.integers(0, len(self.sizes), len(self.sizes))
        sizes = self.sizes[drawn]
        ends = np.cumsum(sizes)
        within = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
        rows: Rows = self.order[np.repeat(self.begins[drawn], sizes) + within]
        return rows


def person_interval(
    metric: Callable[..., float], risk: ArrayLike, happened: ArrayLike, person: ArrayLike, *, seed: int,
    resamples: int = 200, level: float = 0.95,
) -> Interval:  # fmt: skip
    """Interval of `metric(risk, happened)` with people drawn whole. All arrays have shape (rows,)."""
    risks, outcomes = np.asarray(risk), np.asarray(happened)
    return clustered_interval(
        lambda rows: metric(risks[rows], outcomes[rows]), person, seed=seed, resamples=resamples, level=level
    )


def person_difference(
    metric: Callable[..., float], risk: ArrayLike, other_risk: ArrayLike, happened: ArrayLike, person: ArrayLike, *,
    seed: int, resamples: int = 200, level: float = 0.95,
) -> Interval:  # fmt: skip
    """Interval of `metric(risk) − metric(other_risk)` with people drawn whole, the same for both."""
    risks, others, outcomes = np.asarray(risk), np.asarray(other_risk), np.asarray(happened)
    return paired_difference(
        lambda rows: metric(risks[rows], outcomes[rows]), lambda rows: metric(others[rows], outcomes[rows]), person,
        seed=seed, resamples=resamples, level=level,
    )  # fmt: skip


def week_interval(
    metric: Callable[..., float], expected: ArrayLike, counts: ArrayLike, week: ArrayLike, *, seed: int,
    resamples: int = 200, level: float = 0.95,
) -> Interval:  # fmt: skip
    """Interval of `metric(expected, counts)` with weeks drawn whole. Shapes (shifts, cells); `week`: (shifts,)."""
    return person_interval(metric, expected, counts, week, seed=seed, resamples=resamples, level=level)


def week_difference(
    metric: Callable[..., float], expected: ArrayLike, other_expected: ArrayLike, counts: ArrayLike, week: ArrayLike, *,
    seed: int, resamples: int = 200, level: float = 0.95,
) -> Interval:  # fmt: skip
    """Interval of `metric(expected) − metric(other_expected)` with weeks drawn whole, the same for both."""
    return person_difference(
        metric, expected, other_expected, counts, week, seed=seed, resamples=resamples, level=level
    )
