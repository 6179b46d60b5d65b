"""How well expected counts of places fit, and how well they rank places. Pure functions of arrays.

`expected`: expected events, 0 or more; `counts`: events that happened. Both have the same shape, for ranking
(shifts, cells). Ties in a ranking count in the worst case: cells with fewer events first. Where there is nothing
to count the value is NaN. Arrays that do not fit together raise ModelError. Ranking scores are pooled: counts
are summed over shifts before dividing, because at a few events a shift the best possible hit rate is nearly 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import NOT_A_NUMBER, wrong_values

Counts = NDArray[np.int64]


def _pair(expected: ArrayLike, counts: ArrayLike) -> tuple[FloatArray, Counts]:
    forecast, events = np.asarray(expected, dtype=np.float64), np.asarray(counts)
    if forecast.shape != events.shape:
        raise wrong_values(
            "expected and actual counts do not fit together", wanted="two arrays of one shape",
            found=f"{forecast.shape} and {events.shape}",
        )  # fmt: skip
    if not (np.isfinite(forecast).all() and (forecast >= 0).all()):
        raise wrong_values("an expected count cannot be", wanted="finite, 0 or more", found="NaN, infinity or below 0")
    if not (np.equal(np.mod(events, 1), 0).all() and (events >= 0).all()):
        raise wrong_values("a count cannot be", wanted="whole numbers of 0 or more", found="a fraction or below 0")
    return forecast, events.astype(np.int64)


# Forecasts


def poisson_deviance(expected: ArrayLike, counts: ArrayLike) -> float:
    """2 × mean of `y ln(y / mu) − (y − mu)`, with `y ln y` = 0 at 0: smaller is better (McCullagh and Nelder 1989).

    Infinite when something happened where exactly 0 was expected. NaN without cells.
    """
    forecast, events = _pair(expected, counts)
    if forecast.size == 0:
        return NOT_A_NUMBER
    some = events > 0
    with np.errstate(divide="ignore"):
        surprise = np.sum(events[some] * np.log(events[some] / forecast[some]))
    return float(2.0 * (surprise - events.sum() + forecast.sum()) / forecast.size)


@dataclass(frozen=True)
class DevianceFloor:
    """Deviance of counts drawn from the forecast itself: what a forecast that is exactly right would show."""

    mean: float
    spread: float


def deviance_floor(expected: ArrayLike, *, seed: int, draws: int = 20) -> DevianceFloor:
    """Mean and standard deviation over seeded Poisson draws. NaN without cells."""
    forecast = np.asarray(expected, dtype=np.float64)
    random = np.random.default_rng(seed)
    values = [poisson_deviance(forecast, random.poisson(forecast)) for _ in range(draws)]
    return DevianceFloor(float(np.mean(values)), float(np.std(values, ddof=1)) if draws > 1 else NOT_A_NUMBER)


def log_score(expected: ArrayLike, counts: ArrayLike) -> float:
    """Mean of −ln P(y) under Poisson (Czado, Gneiting and Held 2009). Infinite where exactly 0 was expected."""
    forecast, events = _pair(expected, counts)
    if forecast.size == 0:
        return NOT_A_NUMBER
    some = events > 0
    log_factorials = np.cumsum(np.log(np.maximum(np.arange(events.max() + 1), 1)))
    with np.errstate(divide="ignore"):
        surprise = np.sum(log_factorials[events[some]] - events[some] * np.log(forecast[some]))
    return float((surprise + forecast.sum()) / forecast.size)


def ranked_probability_score(expected: ArrayLike, counts: ArrayLike) -> float:
    """Mean over cells of the sum over k of (P(count ≤ k) − [y ≤ k])², Poisson (Czado, Gneiting and Held 2009)."""
    forecast, events = (values.ravel() for values in _pair(expected, counts))
    if forecast.size == 0:
        return NOT_A_NUMBER
    highest = max(int(events.max()), int(np.ceil(forecast.max() + 10.0 * np.sqrt(forecast.max()) + 10.0)))
    chance = np.exp(-forecast)
    at_most, total = chance.copy(), 0.0
    for k in range(highest + 1):
        total += float(np.sum((at_most - (events <= k)) ** 2))
        chance = chance * forecast / (k + 1)
        at_most = at_most + chance
    return total / forecast.size


def calibration_ratio(expected: ArrayLike, counts: ArrayLike) -> float:
    """Events that happened ÷ events expected: above 1 too few were expected. NaN when none were."""
    forecast, events = _pair(expected, counts)
    total = float(forecast.sum())
    return float(events.sum()) / total if total > 0 else NOT_A_NUMBER


# Rankings


@dataclass(frozen=True)
class Hotspot:
    """What the chosen cells caught, summed over shifts. Areas count once per shift."""

    caught: float
    best: float
    """The most that any choice of the same area could have caught."""
    events: float
    area: float
    whole_area: float


def hotspot(expected: ArrayLike, counts: ArrayLike, *, coverage: float, area: ArrayLike | None = None) -> Hotspot:
    """Choose in each shift the cells of highest expected count per area, up to a share of the area.

    `area`: shape (cells,), any unit; without it all cells are alike. Cells are taken in order until the next one
    would pass the share; at least one is taken. With unequal areas the best choice is bounded from above by letting
    it take a part of its last cell, so shares of the best are never flattered.
    """
    if not 0.0 < coverage <= 1.0:
        raise wrong_values("a coverage is not a share", wanted="above 0, at most 1", found=f"{coverage:g}")
    forecast, events = _pair(expected, counts)
    forecast, events = np.atleast_2d(forecast), np.atleast_2d(events)
    sizes = _areas(area, forecast.shape[1])
    chosen_area, caught = _chosen(forecast, events, sizes, coverage * sizes.sum())
    return Hotspot(
        caught=caught,
        best=_most_within(events, sizes, chosen_area),
        events=float(events.sum()),
        area=float(chosen_area.sum()),
        whole_area=float(sizes.sum() * len(forecast)),
    )


def _areas(area: ArrayLike | None, cells: int) -> FloatArray:
    sizes = np.ones(cells) if area is None else np.asarray(area, dtype=np.float64)
    if sizes.shape != (cells,) or cells == 0 or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise wrong_values(
            "areas do not fit the cells", wanted=f"{cells} areas above 0, at least one cell", found=str(sizes.shape)
        )
    return sizes


def _chosen(forecast: FloatArray, events: Counts, sizes: FloatArray, limit: float) -> tuple[FloatArray, float]:
    """The area taken in each shift, shape (shifts,), and the events caught in all."""
    order = np.lexsort((events / sizes, -forecast / sizes), axis=1)
    taken = np.cumsum(sizes[order], axis=1)
    within = taken <= limit * (1.0 + 1e-12) + 1e-12
    within[:, 0] = True
    caught = np.take_along_axis(events, order, axis=1)
    return np.where(within, sizes[order], 0.0).sum(axis=1), float(caught[within].sum())


def _most_within(events: Counts, sizes: FloatArray, limit: FloatArray) -> float:
    order = np.argsort(-events / sizes, axis=1, kind="stable")
    before = np.cumsum(sizes[order], axis=1) - sizes[order]
    share = np.clip((limit[:, None] - before) / sizes[order], 0.0, 1.0)
    share[share < 1e-9] = 0.0
    return float((np.take_along_axis(events, order, axis=1) * share).sum())


def hit_rate_at_coverage(
    expected: ArrayLike, counts: ArrayLike, *, coverage: float, area: ArrayLike | None = None
) -> float:
    """Share of all events that fell in the chosen cells, n/N, pooled over shifts. NaN without events."""
    found = hotspot(expected, counts, coverage=coverage, area=area)
    return found.caught / found.events if found.events > 0 else NOT_A_NUMBER


def pai(expected: ArrayLike, counts: ArrayLike, *, coverage: float, area: ArrayLike | None = None) -> float:
    """Prediction accuracy index (n/N)/(a/A), pooled over shifts (Chainey, Tompson and Uhlig 2008). NaN without events.

    `a` is the area really chosen. Only comparable at equal coverage.
    """
    found = hotspot(expected, counts, coverage=coverage, area=area)
    return (found.caught / found.events) / (found.area / found.whole_area) if found.events > 0 else NOT_A_NUMBER


def pei_star(expected: ArrayLike, counts: ArrayLike, *, coverage: float, area: ArrayLike | None = None) -> float:
    """Prediction efficiency index n/n*: share of what the best choice of the same area would have caught.

    Sums over shifts before dividing (White, Hunt and Green 2023). NaN without events.
    """
    found = hotspot(expected, counts, coverage=coverage, area=area)
    return found.caught / found.best if found.best > 0 else NOT_A_NUMBER
