"""How a model of places did beside its baselines: forecast scores, ranking scores, and the floor that chance sets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.concurrency import in_order
from crisisrisk.evaluation.bootstrap import Interval
from crisisrisk.evaluation.count_calibration import (
    CalibrationOfGroup,
    calibration_by_group,
    deprivation_fifth,
    forecast_tenth,
)
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.place_breakdown import CELL, Before, by_level
from crisisrisk.evaluation.place_coverage import PlaceIntervals
from crisisrisk.evaluation.place_metrics import DevianceFloor
from crisisrisk.evaluation.place_ranking import caught_in_each_shift, churn
from crisisrisk.evaluation.place_scores import (
    COVERAGES,
    Paired,
    Scored,
    best_of,
    covered,
    gains,
    kinds_of_shift,
    ranking,
    scored,
)
from crisisrisk.evaluation.slices import plain_values
from crisisrisk.models.scattered_forecast import ScatteredForecast

Made = TypeVar("Made")

HIT_RATE = "hit_rate_5"
"""The gain in hit rate at 5 % of the area: of the model less the baseline's."""

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
    by_level: Mapping[str, Mapping[str, Any]]
    """For each level (`cell`, `district`, `area`) the scores of the model and of each baseline, and the gains."""
    by_kind: Sequence[Mapping[str, Any]]
    """For each kind of shift the model beside the best baseline."""
    floor: DevianceFloor
    """Deviance of Poisson counts drawn from the model's own forecast: no forecast of such counts does better."""
    deviance_interval: Interval
    gains: Mapping[str, Interval]
    more_gains: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    """The same of `log_score`, `rps` and `hit_rate_5`; in each the model is better above 0."""
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
        return best_of(self.baselines)

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
            return f"the model is better than the best simple rule, {best}: {figures}"
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
    for shifts of no kinds; `like`: shape (shifts,), equal for shifts that are alike (a Friday night), `kind` without
    it. `area`, `deprivation_decile`, `district`: shape (cells,); None where not known. `team_cells`: shape (shifts,),
    how many cells the teams on duty can cover; None where the site does not say.
    """

    week: NDArray[np.int64]
    kind: NDArray[np.int64] | None = None
    kinds: Sequence[str] = ()
    like: NDArray[np.int64] | None = None
    area: ArrayLike | None = None
    deprivation_decile: ArrayLike | None = None
    district: NDArray[np.int64] | None = None
    team_cells: NDArray[np.int64] | None = None
    before: Before | None = None


def place_report(
    forecast: ScatteredForecast,
    counts: ArrayLike,
    *,
    baselines: Mapping[str, ScatteredForecast],
    shifts: JudgedShifts,
    intervals: PlaceIntervals | None = None,
    origins: int = 1,
    seed: int,
    resamples: int = 200,
    left_out: Mapping[str, str] | None = None,
    is_baseline: str | None = None,
    workers: int = 1,
) -> PlaceReport:
    """A model's report over test shifts. `counts`, and what every forecast expects: shape (shifts, cells).

    `baselines` must hold at least one. `intervals`: those that the model serves. `workers`: how many forecasts are
    scored at once. Raises ModelError when arrays do not
    fit together.
    """
    events = np.asarray(counts)
    paired = Paired(shifts.week, seed=seed, resamples=resamples)
    forecasts = {"model": forecast, **baselines}
    found = _of_each(forecasts, lambda _, one: scored(one, events), workers)
    others = {name: one for name, one in found.items() if name != "model"}
    levels = by_level(
        forecast, baselines, events, found, district=shifts.district, before=shifts.before, paired=paired, seed=seed
    )
    best = others[best_of({name: one.values for name, one in others.items()})]
    metrics = _of_each(
        forecasts,
        lambda name, one: _metrics(one, found[name], events, shifts, intervals if name == "model" else None),
        workers,
    )
    return PlaceReport(
        origins=origins,
        cells=events.shape[1],
        shifts=events.shape[0],
        events=int(events.sum()),
        model=metrics.pop("model"),
        baselines=metrics,
        by_level=levels,
        by_kind=_by_kind(found["model"], best, forecast.expected, events, shifts, paired),
        floor=DevianceFloor(**levels[CELL]["floor"]),
        deviance_interval=paired.mean(found["model"].by_shift["deviance"], events.shape[1]),
        gains=levels[CELL]["gains"],
        more_gains=_more_gains(found["model"], others, forecast, baselines, events, shifts, paired),
        left_out=left_out or {},
        calibration=_calibration(forecast.expected, events, shifts),
        churn=_churn(forecast.expected, shifts),
        is_baseline=is_baseline,
    )


def _of_each(
    forecasts: Mapping[str, ScatteredForecast], make: Callable[[str, ScatteredForecast], Made], workers: int
) -> dict[str, Made]:
    """What is made of each forecast, by name."""
    made = [partial(make, name, one) for name, one in forecasts.items()]
    return dict(zip(forecasts, in_order(made, workers=workers), strict=True))


def _metrics(
    forecast: ScatteredForecast, found: Scored, counts: NDArray[Any], shifts: JudgedShifts,
    intervals: PlaceIntervals | None,
) -> dict[str, Any]:  # fmt: skip
    ranked = ranking(forecast.expected, counts, area=shifts.area, team_cells=shifts.team_cells)
    return {**found.values, **covered(forecast, counts, intervals), **ranked}


def _by_kind(
    model: Scored, best: Scored, expected: FloatArray, counts: NDArray[Any], shifts: JudgedShifts, paired: Paired
) -> list[dict[str, Any]]:
    if shifts.kind is None:
        return []
    return kinds_of_shift(model, best, counts, expected, shifts.kind, shifts.kinds, paired)


def _more_gains(
    model: Scored, others: Mapping[str, Scored], forecast: ScatteredForecast,
    baselines: Mapping[str, ScatteredForecast], counts: NDArray[Any], shifts: JudgedShifts, paired: Paired,
) -> dict[str, dict[str, Interval]]:  # fmt: skip
    def caught(one: ScatteredForecast) -> FloatArray:
        return caught_in_each_shift(one.expected, counts, coverage=COVERAGES["5"], area=shifts.area)

    cells, happened, own = counts.shape[1], counts.sum(axis=1).astype(np.float64), caught(forecast)
    by_score = {score: gains(model, others, paired, cells, score=score) for score in ("log_score", "rps")}
    hits = {name: paired.ratio(own - caught(one), happened) for name, one in baselines.items()}
    return {**by_score, HIT_RATE: hits}


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
    like = shifts.kind if shifts.like is None else shifts.like
    if like is None:
        return {}
    return {
        percent: churn(expected, like, coverage=coverage, area=shifts.area) for percent, coverage in COVERAGES.items()
    }
