"""The same forecast by level: cells, the districts that they lie in, and the whole area, each with its own scores.

A total of cells is negative-binomial around the sum of what is expected in them, as the forecast's own distribution
says. Errors scaled by the seasonal naive forecast (MASE, RMSSE) are shown only where a series has a mean of at least 1:
where most counts are 0, forecasting 0 would win.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation.count_calibration import pit_shares
from crisisrisk.evaluation.place_metrics import deviance_floor
from crisisrisk.evaluation.place_scores import Counts, Paired, Scored, best_of, gains, scored
from crisisrisk.evaluation.scaled_errors import LEAST_MEAN, mase, rmsse
from crisisrisk.models.scattered_forecast import ScatteredForecast, summed

CELL, DISTRICT, AREA = "cell", "district", "area"


@dataclass(frozen=True, eq=False)
class Before:
    """Counts of the shifts before the first judged one, shape (earlier shifts, cells); `season`: shifts in a week."""

    counts: Counts
    season: int


def levels_of(district: NDArray[np.int64] | None, cells: int) -> dict[str, NDArray[np.int64] | None]:
    """The level of each cell's group; None for cells by themselves. Without districts, or one, that level is left out.

    `district`: shape (cells,), numbers from 0.
    """
    found: dict[str, NDArray[np.int64] | None] = {CELL: None}
    if district is not None and 1 < len(np.unique(district)) < cells:
        found[DISTRICT] = np.unique(district, return_inverse=True)[1].astype(np.int64)
    return {**found, AREA: np.zeros(cells, dtype=np.int64)}


def by_level(
    model: ScatteredForecast,
    baselines: Mapping[str, ScatteredForecast],
    counts: Counts,
    at_cells: Mapping[str, Scored],
    *,
    district: NDArray[np.int64] | None,
    before: Before | None,
    paired: Paired,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """For each level its `series`, `mean`, Poisson `floor`, `pit`, `model`, `baselines`, `best_baseline` and `gains`.

    `at_cells`: the scores of cells by name, the model's under "model", so that they are not made twice.
    """
    return {
        level: _level(model, baselines, counts, at_cells, group, before, paired, seed)
        for level, group in levels_of(district, counts.shape[1]).items()
    }


def _level(
    model: ScatteredForecast, baselines: Mapping[str, ScatteredForecast], counts: Counts,
    at_cells: Mapping[str, Scored], group: NDArray[np.int64] | None, before: Before | None, paired: Paired, seed: int,
) -> dict[str, Any]:  # fmt: skip
    forecasts = {"model": model, **baselines}
    if group is not None:
        forecasts = {name: one.in_groups(group) for name, one in forecasts.items()}
        counts = summed(counts, group).astype(np.int64)
    earlier = before if before is None or group is None else Before(summed(before.counts, group), before.season)
    found = at_cells if group is None else {name: scored(one, counts) for name, one in forecasts.items()}
    values: dict[str, dict[str, Any]] = {
        name: {**one.values, **_scaled(forecasts[name], counts, earlier)} for name, one in found.items()
    }
    own = values.pop("model")
    others = {name: one for name, one in found.items() if name != "model"}
    best, forecast = best_of(values), forecasts["model"]
    return {
        "series": counts.shape[1],
        "mean": float(counts.mean()) if counts.size else float("nan"),
        "floor": asdict(deviance_floor(forecast.expected, seed=seed)),
        "pit": pit_shares(forecast.expected, counts, dispersion=forecast.dispersion),
        "model": own,
        "baselines": values,
        "best_baseline": best,
        "skill": 1 - own["deviance"] / values[best]["deviance"] if values[best]["deviance"] > 0 else float("nan"),
        "gains": gains(found["model"], others, paired, counts.shape[1]),
    }


def _scaled(forecast: ScatteredForecast, counts: Counts, before: Before | None) -> dict[str, float | None]:
    """MASE and RMSSE; None where a series' mean is under 1, or where there is no season before the judged shifts."""
    if before is None or not counts.size or counts.mean() < LEAST_MEAN or len(before.counts) <= before.season:
        return {"mase": None, "rmsse": None}
    asked = (forecast.expected, counts, before.counts)
    return {"mase": mase(*asked, season=before.season), "rmsse": rmsse(*asked, season=before.season)}
