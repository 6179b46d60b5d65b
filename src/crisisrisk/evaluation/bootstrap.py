"""Intervals for any metric: whole people, or whole weeks, are drawn again, because their rows belong together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

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
    return percentile_interval(metric(rows) if len(rows) else NOT_A_NUMBER, values, level=level)


def percentile_interval(value: float, resampled: NDArray[np.float64], *, level: float = 0.95) -> Interval:
    """The interval of a value from its resamples; those of NaN are left out, and of fewer than two come no ends."""
    known = resampled[np.isfinite(resampled)]
    if len(known) < 2:
        return Interval(value, NOT_A_NUMBER, NOT_A_NUMBER, len(known))
    lower, upper = np.quantile(known, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(value, float(lower), float(upper), len(known))


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


class Draws:
    """The same draws as `clustered_interval` makes, as how often each row counts in each of them.

    For metrics that can take rows that count several times: nothing is sorted again. Memory: people × resamples.
    """

    def __init__(self, cluster: ArrayLike, *, seed: int, resamples: int) -> None:
        self._which = np.unique(np.asarray(cluster), return_inverse=True)[1]
        random, people = np.random.default_rng(seed), int(self._which.max(initial=-1)) + 1
        self._times = np.zeros((resamples, people), dtype=np.int32)
        for number in range(resamples if people else 0):
            self._times[number] = np.bincount(random.integers(0, people, people), minlength=people)

    def __len__(self) -> int:
        return len(self._times)

    def weights(self) -> Iterator[Rows]:
        """For each resample how often each row counts. Shape (rows,) each."""
        for times in self._times:
            yield times[self._which].astype(np.int64)

    def sums(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The sum over the drawn rows. `values`: shape (rows,) or (rows, n). Shape (resamples,) or (resamples, n)."""
        table = np.asarray(values, dtype=np.float64).reshape(len(self._which), -1)
        people = self._times.shape[1]
        of_person = np.stack([np.bincount(self._which, weights=one, minlength=people) for one in table.T], axis=-1)
        found: NDArray[np.float64] = np.asarray(self._times @ of_person, dtype=np.float64)
        return found[:, 0] if np.ndim(values) == 1 else found


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
