"""What one forecast of places is worth: scores of its distributions, and how it ranks cells; for whom and beside whom.

`counts`: events that happened, shape (shifts, cells). Everything that a bootstrap draws again is kept as sums by shift.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.evaluation.bootstrap import Draws, Interval, percentile_interval
from crisisrisk.evaluation.count_calibration import central_interval, coverage, expected_coverage
from crisisrisk.evaluation.count_scores import dawid_sebastiani_score, log_scores, ranked_probability_scores
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.place_coverage import PlaceIntervals
from crisisrisk.evaluation.place_metrics import calibration_ratio, poisson_deviances
from crisisrisk.evaluation.place_ranking import Hotspot, capture_curve, hotspots, most_cells
from crisisrisk.models.place_distribution import LEVELS
from crisisrisk.models.scattered_forecast import ScatteredForecast

COVERAGES: Mapping[str, float] = {"0.5": 0.005, "1": 0.01, "2": 0.02, "5": 0.05, "10": 0.1}
"""Share of the area, by its name in per cent."""
SCORES = ("deviance", "log_score", "rps")
"""Smaller is better; each is a mean over shifts and cells."""

Counts = NDArray[Any]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Scored:
    """Mean scores, and for each of `SCORES` its sum over the cells of each shift, shape (shifts,)."""

    values: Mapping[str, float]
    by_shift: Mapping[str, FloatArray]


def scored(forecast: ScatteredForecast, counts: Counts) -> Scored:
    """Deviance, log score, RPS, Dawid–Sebastiani and calibration ratio of cells, or of groups of cells.

    All but deviance and ratio are of the negative binomial that the forecast says; a dispersion of 0 is Poisson.
    """
    means, dispersion = forecast.expected, forecast.dispersion
    rows = {
        "deviance": poisson_deviances(means, counts),
        "log_score": log_scores(means, counts, dispersion=dispersion),
        "rps": ranked_probability_scores(means, counts, dispersion=dispersion),
    }
    values = {name: float(found.mean()) if found.size else float("nan") for name, found in rows.items()}
    values["dawid_sebastiani"] = dawid_sebastiani_score(means, counts, dispersion=dispersion)
    values["calibration_ratio"] = calibration_ratio(means, counts)
    return Scored(values, {name: found.sum(axis=1) for name, found in rows.items()})


def ranking(
    expected: FloatArray, counts: Counts, *, area: ArrayLike | None, team_cells: NDArray[np.int64] | None
) -> dict[str, Any]:
    """`capture`, and by coverage in per cent `hit_rate`, `pai` and `pei`; `teams` at as many cells as those can cover.

    `capture`: area under the capture curve ÷ that of the best choice in each shift. `team_cells`: shape (shifts,), 0
    where nobody is said to be on duty; None: nobody ever is, and `teams` is None.
    """
    found = dict(
        zip(COVERAGES, hotspots(expected, counts, coverages=tuple(COVERAGES.values()), area=area), strict=True)
    )
    return {
        "capture": capture_curve(expected, counts, area=area, points=2).share_of_best,
        "hit_rate": {percent: spot.hit_rate for percent, spot in found.items()},
        "pai": {percent: spot.pai for percent, spot in found.items()},
        "pei": {percent: spot.pei_star for percent, spot in found.items()},
        "teams": None if team_cells is None else _teams(most_cells(expected, counts, numbers=team_cells), team_cells),
    }


def _teams(spot: Hotspot, team_cells: NDArray[np.int64]) -> dict[str, float]:
    some = team_cells[team_cells > 0]
    return {
        "cells_a_shift": float(some.mean()) if len(some) else float("nan"), "shifts": len(some),
        "hit_rate": spot.hit_rate, "pai": spot.pai, "pei": spot.pei_star,
    }  # fmt: skip


def covered(forecast: ScatteredForecast, counts: Counts, intervals: PlaceIntervals | None) -> dict[str, Any]:
    """`coverage`: by level in per cent the share of counts in their interval; `coverage_exact`: the chance of that.

    The intervals given (as they are served), else the central ones of the distribution.
    """
    inside, exact = {}, {}
    for level in LEVELS:
        if intervals is not None:
            served = intervals.cells[level]
            share = float(((served.lower <= counts) & (counts <= served.upper)).mean())
            chance = float(served.chance.mean())
        else:
            central = central_interval(forecast.expected, level=level, dispersion=forecast.dispersion)
            share = coverage(central, counts)
            chance = expected_coverage(central, forecast.expected, dispersion=forecast.dispersion)
        name = f"{100 * level:g}"
        inside[name], exact[name] = share, chance
    return {"coverage": inside, "coverage_exact": exact}


class Paired:
    """Intervals of a forecast's mean score, or of by how much another's is above it, with weeks drawn whole.

    A resample is a weighted sum of sums by shift: nothing is scored again.
    """

    def __init__(self, week: NDArray[np.int64], *, seed: int, resamples: int) -> None:
        self.draws = Draws(week, seed=seed, resamples=resamples)

    def mean(self, by_shift: FloatArray, rows_a_shift: int, *, among: Mask | None = None) -> Interval:
        """Of the mean over the rows of the shifts, or of some of them."""
        kept = np.ones(len(by_shift)) if among is None else among.astype(np.float64)
        return self.ratio(by_shift * kept, rows_a_shift * kept)

    def ratio(self, above: FloatArray, below: FloatArray) -> Interval:
        """Of a sum over shifts ÷ another."""
        whole = float(below.sum())
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = self.draws.sums(above) / self.draws.sums(below)
        return percentile_interval(float(above.sum()) / whole if whole > 0 else float("nan"), drawn)


def gains(
    model: Scored, others: Mapping[str, Scored], paired: Paired, cells: int, *, score: str = "deviance",
    among: Mask | None = None,
) -> dict[str, Interval]:  # fmt: skip
    """For each baseline its score less the model's: above 0 the model is better."""
    return {
        name: paired.mean(other.by_shift[score] - model.by_shift[score], cells, among=among)
        for name, other in others.items()
    }


def best_of(scores: Mapping[str, Mapping[str, Any]]) -> str:
    """The name of the least deviance."""
    return min(scores, key=lambda name: float(scores[name]["deviance"]))


def kinds_of_shift(
    model: Scored, best: Scored, counts: Counts, expected: FloatArray, kind: NDArray[np.int64], kinds: Sequence[str],
    paired: Paired,
) -> list[dict[str, Any]]:  # fmt: skip
    """For each kind of shift the model beside the best baseline over all: deviance, log score, RPS and the gain."""
    found = []
    for number, name in enumerate(kinds):
        among = kind == number
        rows = int(np.count_nonzero(among)) * counts.shape[1]
        scores = {
            who: {score: float(one.by_shift[score][among].sum()) / rows for score in SCORES}
            for who, one in (("model", model), ("best_baseline", best))
        }
        found.append(
            {
                "kind": name,
                "shifts": int(np.count_nonzero(among)),
                "events": int(counts[among].sum()),
                **scores,
                "calibration_ratio": calibration_ratio(expected[among], counts[among]),
                "gain": gains(model, {"best": best}, paired, counts.shape[1], among=among)["best"],
            }
        )
    return found
