"""How a model of places did beside its baselines: forecast scores, ranking scores, and the floor that chance sets."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.evaluation.bootstrap import Draws, Interval, percentile_interval
from crisisrisk.evaluation.count_calibration import (
    CalibrationOfGroup,
    calibration_by_group,
    deprivation_fifth,
    forecast_tenth,
)
from crisisrisk.evaluation.count_scores import dawid_sebastiani_score, log_score, ranked_probability_score
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.place_metrics import (
    DevianceFloor,
    calibration_ratio,
    deviance_floor,
    poisson_deviance,
    poisson_deviances,
)
from crisisrisk.evaluation.place_ranking import capture_curve, churn, hotspots
from crisisrisk.evaluation.slices import plain_values

COVERAGES: Mapping[str, float] = {"0.5": 0.005, "1": 0.01, "2": 0.02, "5": 0.05, "10": 0.1}
"""Share of the area, by its name in per cent."""

_TENTHS = tuple(f"{number} of 10" for number in range(1, 11))
_FIFTHS = ("1 of 5, most deprived", "2 of 5", "3 of 5", "4 of 5", "5 of 5, least deprived")


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
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Baselines that these places cannot have, with the reason."""
    calibration: Mapping[str, Sequence[CalibrationOfGroup]] = field(default_factory=dict)
    """Events beside expected, by kind of shift, tenth of the forecast and fifth of deprivation."""
    churn: Mapping[str, float] = field(default_factory=dict)
    """By coverage in per cent: share of the chosen cells that were not chosen in the like shift before."""
    treatment_affected: Mapping[str, Any] | None = None
    """The forecast beside the outcome with and without the sources that a team's own presence changes."""
    is_baseline: str | None = None
    """Which baseline the model itself is; None for trees."""

    @property
    def best_baseline(self) -> str:
        """The baseline of the least deviance."""
        return min(self.baselines, key=lambda name: float(self.baselines[name]["deviance"]))

    @property
    def skill(self) -> float:
        """1 − deviance ÷ deviance of the best baseline; more than the floor allows is leakage until shown otherwise."""
        best = float(self.baselines[self.best_baseline]["deviance"])
        return 1.0 - float(self.model["deviance"]) / best if best > 0 else float("nan")

    @property
    def earns(self) -> bool:
        """Whether the model is better than the best baseline beyond noise: the interval of the gain lies above 0."""
        return bool(self.gains[self.best_baseline].lower > 0)

    @property
    def verdict(self) -> str:
        """One sentence on what the model is worth beside the best baseline."""
        best, gain = self.best_baseline, self.gains[self.best_baseline]
        figures = (
            f"deviance {self.model['deviance']:.4f} against {self.baselines[best]['deviance']:.4f}, "
            f"a gain of {gain.value:+.5f} ({gain.lower:+.5f} to {gain.upper:+.5f})"
        )
        if self.is_baseline == best:
            return f"the model is the simple rule {best}, the best of {len(self.baselines)}"
        if self.is_baseline is not None:
            return f"the model is the simple rule {self.is_baseline}; the best of them is {best}: {figures}"
        if self.earns:
            return f"the model is better than the best baseline, {best}: {figures}"
        return (
            f"the model earns nothing over the simple rule {best}: {figures}; serve that rule instead: "
            f"crisisrisk train place --baseline {best}"
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON: `origins, cells, shifts, events, model{…}, baselines{name: same}, by_level{…}`."""
        groups = {
            name: [{**asdict(one), "ratio": one.ratio} for one in found] for name, found in self.calibration.items()
        }
        content = {
            **asdict(self), "calibration": groups, "best_baseline": self.best_baseline, "skill": self.skill,
            "earns": self.earns, "verdict": self.verdict,
        }  # fmt: skip
        values: dict[str, Any] = plain_values(content)
        return values


@dataclass(frozen=True, kw_only=True)
class JudgedShifts:
    """What is known of the judged shifts and cells beside their counts.

    `week`: shape (shifts,), the block each shift is drawn with. `kind`: shape (shifts,), an index into `kinds`, or None
    for shifts of no kinds. `area`, `deprivation_decile`: shape (cells,); None where not known.
    """

    week: NDArray[np.int64]
    kind: NDArray[np.int64] | None = None
    kinds: Sequence[str] = ()
    area: ArrayLike | None = None
    deprivation_decile: ArrayLike | None = None


def place_report(
    expected: ArrayLike,
    counts: ArrayLike,
    *,
    baselines: Mapping[str, FloatArray],
    shifts: JudgedShifts,
    origins: int = 1,
    seed: int,
    resamples: int = 200,
    left_out: Mapping[str, str] | None = None,
    is_baseline: str | None = None,
) -> PlaceReport:
    """A model's report over test shifts. `expected`, `counts` and every baseline: shape (shifts, cells).

    `baselines` must hold at least one. Raises ModelError when arrays do not fit together.
    """
    forecast, events = np.asarray(expected, dtype=np.float64), np.asarray(counts)
    intervals = _DevianceIntervals(events, shifts.week, seed=seed, resamples=resamples)
    return PlaceReport(
        origins=origins,
        cells=forecast.shape[1],
        shifts=forecast.shape[0],
        events=int(events.sum()),
        model=forecast_metrics(forecast, events, area=shifts.area),
        baselines={name: forecast_metrics(values, events, area=shifts.area) for name, values in baselines.items()},
        by_level={"area": _area_deviance(events, {"model": forecast, **baselines})},
        floor=deviance_floor(forecast, seed=seed),
        deviance_interval=intervals.of(forecast),
        gains={name: intervals.of(values, less=forecast) for name, values in baselines.items()},
        left_out=left_out or {},
        calibration=_calibration(forecast, events, shifts),
        churn=_churn(forecast, shifts),
        is_baseline=is_baseline,
    )


class _DevianceIntervals:
    """Intervals of a mean deviance with weeks drawn whole: a resample is a weighted sum of sums by shift."""

    def __init__(self, counts: NDArray[Any], week: NDArray[np.int64], *, seed: int, resamples: int) -> None:
        self.counts = counts
        self.draws = Draws(week, seed=seed, resamples=resamples)
        self.sizes = self.draws.sums(np.full(len(counts), counts.shape[1]))

    def of(self, expected: FloatArray, *, less: FloatArray | None = None) -> Interval:
        """Of the deviance of a forecast, or of by how much it is above that of another."""
        by_shift = poisson_deviances(expected, self.counts).sum(axis=1)
        if less is not None:
            by_shift = by_shift - poisson_deviances(less, self.counts).sum(axis=1)
        value = float(by_shift.sum()) / self.counts.size
        return percentile_interval(value, self.draws.sums(by_shift) / self.sizes)


def forecast_metrics(expected: FloatArray, counts: NDArray[Any], *, area: ArrayLike | None = None) -> dict[str, Any]:
    """`deviance, log_score, rps, dawid_sebastiani, calibration_ratio`, `capture`, and by coverage in per cent
    `hit_rate`, `pai` and `pei`. Scores of distributions take the forecast for the mean of a Poisson.

    `capture`: area under the capture curve ÷ that of the best choice in each shift.
    """
    found = hotspots(expected, counts, coverages=tuple(COVERAGES.values()), area=area)
    spots = dict(zip(COVERAGES, found, strict=True))
    return {
        "deviance": poisson_deviance(expected, counts),
        "log_score": log_score(expected, counts),
        "rps": ranked_probability_score(expected, counts),
        "dawid_sebastiani": dawid_sebastiani_score(expected, counts),
        "calibration_ratio": calibration_ratio(expected, counts),
        "capture": capture_curve(expected, counts, area=area, points=2).share_of_best,
        "hit_rate": {percent: spot.hit_rate for percent, spot in spots.items()},
        "pai": {percent: spot.pai for percent, spot in spots.items()},
        "pei": {percent: spot.pei_star for percent, spot in spots.items()},
    }


def _area_deviance(counts: NDArray[Any], forecasts: Mapping[str, FloatArray]) -> dict[str, float]:
    total = counts.sum(axis=1)
    return {name: poisson_deviance(values.sum(axis=1), total) for name, values in forecasts.items()}


def _calibration(
    expected: FloatArray, counts: NDArray[Any], shifts: JudgedShifts
) -> dict[str, tuple[CalibrationOfGroup, ...]]:
    found = {"tenth_of_forecast": calibration_by_group(expected, counts, forecast_tenth(expected), _TENTHS)}
    if shifts.kind is not None:
        found["kind_of_shift"] = calibration_by_group(expected, counts, shifts.kind[:, None], shifts.kinds)
    if shifts.deprivation_decile is not None:
        fifths = deprivation_fifth(shifts.deprivation_decile)[None, :]
        found["deprivation"] = calibration_by_group(expected, counts, fifths, _FIFTHS)
    return found


def _churn(expected: FloatArray, shifts: JudgedShifts) -> dict[str, float]:
    if shifts.kind is None:
        return {}
    return {
        percent: churn(expected, shifts.kind, coverage=coverage, area=shifts.area)
        for percent, coverage in COVERAGES.items()
    }
