"""How a model of places did beside its baselines: forecast scores, ranking scores, and the floor that chance sets."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.evaluation.bootstrap import Interval, week_difference, week_interval
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.place_metrics import (
    DevianceFloor,
    calibration_ratio,
    deviance_floor,
    hit_rate_at_coverage,
    log_score,
    pai,
    pei_star,
    poisson_deviance,
    ranked_probability_score,
)
from crisisrisk.evaluation.slices import plain_values

COVERAGES: Mapping[str, float] = {"0.5": 0.005, "1": 0.01, "2": 0.02, "5": 0.05, "10": 0.1}
"""Share of the area, by its name in per cent."""


@dataclass(frozen=True, kw_only=True)
class PlaceReport:
    """What `as_json` shows; NaN becomes null. `gains`: baseline − model deviance by baseline, weeks drawn whole."""

    origins: int
    cells: int
    shifts: int
    events: int
    model: Mapping[str, Any]
    baselines: Mapping[str, Mapping[str, Any]]
    by_level: Mapping[str, Mapping[str, float]]
    """For each level (`area`: all cells together) the deviance of the model and of each baseline."""
    floor: DevianceFloor
    """Deviance of counts drawn from the model's own forecast: no forecast of such counts does better on average."""
    deviance_interval: Interval
    gains: Mapping[str, Interval]

    @property
    def best_baseline(self) -> str:
        """The baseline of the least deviance."""
        return min(self.baselines, key=lambda name: float(self.baselines[name]["deviance"]))

    @property
    def skill(self) -> float:
        """1 − deviance ÷ deviance of the best baseline; more than the floor allows is leakage until shown otherwise."""
        return 1.0 - float(self.model["deviance"]) / float(self.baselines[self.best_baseline]["deviance"])

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON: `origins, cells, shifts, events, model{…}, baselines{name: same}, by_level{…}`."""
        values: dict[str, Any] = plain_values(
            {**asdict(self), "best_baseline": self.best_baseline, "skill": self.skill}
        )
        return values


def place_report(
    expected: ArrayLike,
    counts: ArrayLike,
    *,
    baselines: Mapping[str, FloatArray],
    week: NDArray[np.int64],
    origins: int = 1,
    area: ArrayLike | None = None,
    seed: int,
    resamples: int = 200,
) -> PlaceReport:
    """A model's report over test shifts. `expected`, `counts` and every baseline: shape (shifts, cells).

    `week`: shape (shifts,), the block each shift is drawn with. `area`: shape (cells,), any unit; without it all
    cells are alike. `baselines` must hold at least one. Raises ModelError when arrays do not fit together.
    """
    forecast, events = np.asarray(expected, dtype=np.float64), np.asarray(counts)
    return PlaceReport(
        origins=origins,
        cells=forecast.shape[1],
        shifts=forecast.shape[0],
        events=int(events.sum()),
        model=forecast_metrics(forecast, events, area=area),
        baselines={name: forecast_metrics(values, events, area=area) for name, values in baselines.items()},
        by_level={"area": _area_deviance(events, {"model": forecast, **baselines})},
        floor=deviance_floor(forecast, seed=seed),
        deviance_interval=week_interval(poisson_deviance, forecast, events, week, seed=seed, resamples=resamples),
        gains={
            name: week_difference(
                poisson_deviance, values, forecast, events, week, seed=seed, resamples=resamples
            )
            for name, values in baselines.items()
        },
    )  # fmt: skip


def forecast_metrics(expected: FloatArray, counts: NDArray[Any], *, area: ArrayLike | None = None) -> dict[str, Any]:
    """`deviance, log_score, rps, calibration_ratio`, and `hit_rate`, `pai`, `pei` by coverage in per cent."""
    found: dict[str, Any] = {
        "deviance": poisson_deviance(expected, counts),
        "log_score": log_score(expected, counts),
        "rps": ranked_probability_score(expected, counts),
        "calibration_ratio": calibration_ratio(expected, counts),
    }
    for name, metric in (("hit_rate", hit_rate_at_coverage), ("pai", pai), ("pei", pei_star)):
        found[name] = {
            percent: metric(expected, counts, coverage=coverage, area=area) for percent, coverage in COVERAGES.items()
        }
    return found


def _area_deviance(counts: NDArray[Any], forecasts: Mapping[str, FloatArray]) -> dict[str, float]:
    total = counts.sum(axis=1)
    return {name: poisson_deviance(values.sum(axis=1), total) for name, values in forecasts.items()}
