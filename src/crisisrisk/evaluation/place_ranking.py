"""How well expected counts rank places. Pure functions of arrays.

`expected`: any numbers of 0 or more; `counts`: events that happened; both of shape (shifts, cells), or (cells,) for one
shift. `area`: shape (cells,), any unit; without it all cells are alike. Cells are taken by expected events per area.
Ties count in the worst case: cells with fewer events first. Scores are pooled: counts are summed over shifts before
dividing, because at a few events a shift the best possible hit rate is nearly 1. NaN without events.

n: events in the chosen cells, N: all events, a: chosen area, A: whole area, n*: the most that any choice of the same
area could have caught.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.evaluation.count_scores import Counts, expected_and_counts, means_of
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import NOT_A_NUMBER, wrong_values
from crisisrisk.evaluation.ranking_places import captured_at, chosen_up_to, most_within


@dataclass(frozen=True)
class Hotspot:
    """What the chosen cells caught, summed over shifts. Areas count once per shift."""

    caught: float
    best: float
    """The most that any choice of the same area could have caught."""
    events: float
    area: float
    whole_area: float

    @property
    def hit_rate(self) -> float:
        """n ÷ N."""
        return self.caught / self.events if self.events > 0 else NOT_A_NUMBER

    @property
    def pai(self) -> float:
        """(n ÷ N) ÷ (a ÷ A)."""
        return self.hit_rate / (self.area / self.whole_area) if self.area > 0 else NOT_A_NUMBER

    @property
    def pei_star(self) -> float:
        """n ÷ n*."""
        return self.caught / self.best if self.best > 0 else NOT_A_NUMBER


def hotspots(
    expected: ArrayLike, counts: ArrayLike, *, coverages: Sequence[float], area: ArrayLike | None = None
) -> list[Hotspot]:
    """For each coverage the cells of highest expected count per area, up to that share of the area, in each shift.

    Cells are taken in order until the next one would pass the share; at least one is taken. With unequal areas the
    best choice is bounded from above by letting it take a part of its last cell, so shares of the best are never
    flattered. One sort for all coverages.
    """
    for one in coverages:
        _require_share(one)
    forecast, events = _by_shift(expected, counts)
    sizes = _areas(area, forecast.shape[1])
    order = np.argsort(coverages, kind="stable")
    chosen, caught = chosen_up_to(forecast, events, sizes, np.asarray(coverages, dtype=np.float64)[order] * sizes.sum())
    best = most_within(events, sizes, chosen)
    found = [
        Hotspot(float(caught[row].sum()), float(best[row].sum()), float(events.sum()), float(chosen[row].sum()),
                float(sizes.sum() * len(forecast)))
        for row in range(len(order))
    ]  # fmt: skip
    return [found[row] for row in np.argsort(order, kind="stable")]


def most_cells(expected: ArrayLike, counts: ArrayLike, *, numbers: NDArray[np.int64]) -> Hotspot:
    """As many cells of the highest expected count as teams can cover in each shift, however large the cells are.

    `numbers`: shape (shifts,); shifts of 0 are left out. `area` counts cells.
    """
    forecast, events = _by_shift(expected, counts)
    cells = forecast.shape[1]
    alike, caught, best, taken = np.ones(cells), 0.0, 0.0, 0.0
    asked = np.minimum(numbers, cells)
    for number in np.unique(asked[asked > 0]).tolist():
        at = asked == number
        limit = np.array([float(number)])
        area, found = chosen_up_to(forecast[at], events[at], alike, limit)
        caught, taken = caught + float(found.sum()), taken + float(area.sum())
        best += float(most_within(events[at], alike, area).sum())
    some = asked > 0
    return Hotspot(caught, best, float(events[some].sum()), taken, float(cells * np.count_nonzero(some)))


def caught_in_each_shift(
    expected: ArrayLike, counts: ArrayLike, *, coverage: float, area: ArrayLike | None = None
) -> FloatArray:
    """Events in the chosen cells of each shift, shape (shifts,): their sum ÷ all events is the hit rate."""
    _require_share(coverage)
    forecast, events = _by_shift(expected, counts)
    sizes = _areas(area, forecast.shape[1])
    found: FloatArray = chosen_up_to(forecast, events, sizes, np.array([coverage * sizes.sum()]))[1][0]
    return found


def hotspot(expected: ArrayLike, counts: ArrayLike, *, coverage: float, area: ArrayLike | None = None) -> Hotspot:
    """`hotspots` at one coverage."""
    return hotspots(expected, counts, coverages=(coverage,), area=area)[0]


def _require_share(coverage: float) -> None:
    if not 0.0 < coverage <= 1.0:
        raise wrong_values("a coverage is not a share", wanted="above 0, at most 1", found=f"{coverage:g}")


def _by_shift(expected: ArrayLike, counts: ArrayLike) -> tuple[FloatArray, FloatArray]:
    forecast, events = expected_and_counts(expected, counts)
    return (
        np.ascontiguousarray(np.atleast_2d(forecast)),
        np.ascontiguousarray(np.atleast_2d(events), dtype=np.float64),
    )


def _areas(area: ArrayLike | None, cells: int) -> FloatArray:
    sizes = np.ones(cells) if area is None else np.asarray(area, dtype=np.float64)
    if sizes.shape != (cells,) or cells == 0 or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise wrong_values(
            "areas do not fit the cells", wanted=f"{cells} areas above 0, at least one cell", found=str(sizes.shape)
        )
    return sizes


def hit_rate_at_coverage(
    expected: ArrayLike, counts: ArrayLike, *, coverage: float, area: ArrayLike | None = None
) -> float:
    """Share of all events that fell in the chosen cells, n/N, pooled over shifts (Bowers and others 2004)."""
    return hotspot(expected, counts, coverage=coverage, area=area).hit_rate


def pai(expected: ArrayLike, counts: ArrayLike, *, coverage: float, area: ArrayLike | None = None) -> float:
    """Prediction accuracy index (n/N)/(a/A), pooled over shifts (Chainey, Tompson and Uhlig 2008).

    `a` is the area really chosen. Only comparable at equal coverage.
    """
    return hotspot(expected, counts, coverage=coverage, area=area).pai


def pei_star(expected: ArrayLike, counts: ArrayLike, *, coverage: float, area: ArrayLike | None = None) -> float:
    """Prediction efficiency index n/n* at equal area: share of what the best choice would have caught.

    n and n* are summed over shifts before dividing (White, Hunt and Green 2023).
    """
    return hotspot(expected, counts, coverage=coverage, area=area).pei_star


def pei(
    expected: ArrayLike,
    counts: ArrayLike,
    *,
    coverage: float,
    best_coverage: float,
    area: ArrayLike | None = None,
) -> float:
    """Prediction efficiency index (n/a)/(n*/a*), where the best choice may have another area (Hunt 2016; White 2023).

    n*: the most events in `best_coverage` of the area, a* that area. With `best_coverage` the share really chosen it
    is PEI*. It rises when a larger a* thins the best choice out, so it is only comparable at equal shares.
    """
    _require_share(best_coverage)
    found = hotspot(expected, counts, coverage=coverage, area=area)
    forecast, events = _by_shift(expected, counts)
    sizes = _areas(area, forecast.shape[1])
    best_area = np.full((1, len(forecast)), best_coverage * sizes.sum())
    best = float(most_within(events, sizes, best_area).sum())
    return (found.caught / found.area) / (best / float(best_area.sum())) if best > 0 else NOT_A_NUMBER


def recapture_rate_index(
    expected: ArrayLike, before: ArrayLike, after: ArrayLike, *, coverage: float, area: ArrayLike | None = None
) -> float:
    """Recapture rate index (n2/n1)/(N2/N1): how much of its share of events a hotspot keeps (Levine 2008).

    The cells are chosen once, by `expected`; n1 and N1 count `before`, n2 and N2 `after`, all of shape (cells,). 1: the
    hotspot keeps its share; under 1: events moved away. Not the "recovery rate index" predicted/observed, which
    elsewhere has the same letters. NaN where the hotspot or the area had no event before, or none came after.
    """
    first, second = (expected_and_counts(np.zeros(np.shape(counts)), counts)[1] for counts in (before, after))
    chosen = chosen_cells(expected, coverage=coverage, area=area)[0]
    if chosen.shape != first.shape or first.shape != second.shape:
        raise wrong_values(
            "two periods do not fit together", wanted=f"counts of shape {chosen.shape}",
            found=f"{first.shape} and {second.shape}",
        )  # fmt: skip
    if first[chosen].sum() == 0 or second.sum() == 0:
        return NOT_A_NUMBER
    return float((second[chosen].sum() / first[chosen].sum()) / (second.sum() / first.sum()))


@dataclass(frozen=True)
class CaptureCurve:
    """Share of events caught at each share of the area. Each array has shape (points,), from 0 to 1."""

    coverage: FloatArray
    captured: FloatArray
    best: FloatArray
    """What the best choice in each shift would have caught."""
    area_under: float
    best_area_under: float

    @property
    def share_of_best(self) -> float:
        """Area under the curve ÷ area under the best curve; a forecast without skill has 0.5 ÷ the latter."""
        return self.area_under / self.best_area_under


def capture_curve(
    expected: ArrayLike, counts: ArrayLike, *, area: ArrayLike | None = None, points: int = 101
) -> CaptureCurve:
    """Events caught, pooled over shifts, as ever more area is taken in order of the forecast; NaN without events.

    Within a cell events are spread evenly, so both areas under the curve are exact: the sum over cells of events ×
    the share of area that comes after the cell's middle (as Hand and Till 2001 for ROC; curve after Bowers 2004).
    """
    forecast, events = _by_shift(expected, counts)
    sizes = _areas(area, forecast.shape[1])
    coverage = np.linspace(0.0, 1.0, points)
    total = events.sum()
    if total == 0:
        nothing = np.full(points, NOT_A_NUMBER)
        return CaptureCurve(coverage, nothing, nothing, NOT_A_NUMBER, NOT_A_NUMBER)
    caught, under = captured_at(forecast, events, sizes, coverage * sizes.sum())
    best, best_under = captured_at(events, events, sizes, coverage * sizes.sum())
    whole = total * sizes.sum()
    return CaptureCurve(coverage, caught / total, best / total, float(under / whole), float(best_under / whole))


# From shift to shift


def chosen_cells(expected: ArrayLike, *, coverage: float, area: ArrayLike | None = None) -> NDArray[np.bool_]:
    """Which cells a coverage chooses, before anything has happened: ties in the order of cells. Shape (shifts, cells).

    Cells are taken in order until the next one would pass the share; at least one is taken.
    """
    _require_share(coverage)
    forecast = np.atleast_2d(means_of(expected))
    sizes = _areas(area, forecast.shape[1])
    order = np.argsort(-forecast / sizes, axis=1, kind="stable")
    within = np.cumsum(sizes[order], axis=1) <= coverage * sizes.sum() * (1.0 + 1e-12) + 1e-12
    within[:, 0] = True
    chosen = np.zeros(forecast.shape, dtype=bool)
    np.put_along_axis(chosen, order, within, axis=1)
    return chosen


def churn(
    expected: ArrayLike, kind: Counts, *, coverage: float, area: ArrayLike | None = None
) -> float:  # fmt: skip
    """Share of the chosen cells that were not chosen in the like shift before: 0 is a map that stands still.

    `kind`: shape (shifts,), such as the number of "Friday night"; shifts in order of time. Pooled over pairs of
    consecutive like shifts. NaN where no two shifts are alike.
    """
    chosen = chosen_cells(expected, coverage=coverage, area=area)
    if np.shape(kind) != (len(chosen),):
        raise wrong_values("kinds do not fit the shifts", wanted=f"({len(chosen)},)", found=str(np.shape(kind)))
    new = total = 0
    for one in np.unique(kind):
        like = chosen[np.asarray(kind) == one]
        new += int((like[1:] & ~like[:-1]).sum())
        total += int(like[1:].sum())
    return new / total if total else NOT_A_NUMBER
