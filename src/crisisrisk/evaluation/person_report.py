"""How a model of people did beside its baselines: mean and spread over weekly lists, with intervals for everything.

Ranking metrics are computed within a slice and averaged over the slices that have a value; calibration and net benefit
need many outcomes and are computed on all rows. Intervals draw whole people, the same draws for everything.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.evaluation import metrics
from crisisrisk.evaluation.bootstrap import Draws, Interval, percentile_interval
from crisisrisk.evaluation.calibration_curve import CalibrationCurve, calibration_curve, errors_of
from crisisrisk.evaluation.calibration_draws import BinnedCalibration
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import NOT_A_NUMBER, Happened
from crisisrisk.evaluation.slices import RANKINGS, JudgedRows, SliceMetrics, mean_of, plain_values, spread_of
from crisisrisk.timeline import instant

THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
"""Risks from which one would act: the harm of a needless look is threshold ÷ (1 − threshold) of a missed crisis."""

CURVE_POINTS = 25
CURVE_ENDS = (0.005, 0.998)
"""Quantiles of the risk between which the calibration curve is shown."""

ERRORS = ("ici", "e50", "e90")


@dataclass(frozen=True, kw_only=True)
class PersonReport:
    """What `as_json` shows. Metrics are flat: name to number; NaN becomes null."""

    slices: int
    rows: int
    people: int
    outcomes: int
    list_length: int
    model: Mapping[str, float]
    baselines: Mapping[str, Mapping[str, float]]
    spread: Mapping[str, Mapping[str, float]]
    """Standard deviation over slices, of `model` and of each baseline."""
    intervals: Mapping[str, Interval]
    """Of each of the model's metrics, people drawn whole."""
    gains: Mapping[str, Mapping[str, Interval]]
    """Model − baseline, on the same draws, by baseline and ranking metric."""
    net_benefit: Sequence[Mapping[str, Any]]
    """For each threshold the net benefit of the model with its interval, of everyone, nobody and the baselines."""
    calibration: Mapping[str, Any]
    """The flexible curve with its interval, and bins of people by risk."""
    weekly: Sequence[Mapping[str, Any]]
    """How each list turned out, in order of time."""

    @property
    def prevalence(self) -> float:
        """Share of rows with the outcome."""
        return self.outcomes / self.rows if self.rows else NOT_A_NUMBER

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON: `slices, model{…}, baselines{name: {…}}` and the rest of the report."""
        values: dict[str, Any] = plain_values({**asdict(self), "prevalence": self.prevalence})
        return values


def person_report(
    risk: ArrayLike,
    judged: JudgedRows,
    *,
    baselines: Mapping[str, FloatArray],
    probabilities: Collection[str] = ("five_factor_regression",),
    list_length: int = 25,
    thresholds: Sequence[float] = THRESHOLDS,
    seed: int,
    resamples: int = 200,
) -> PersonReport:
    """A model's report. `risk`: the model's probabilities, shape (rows,).

    `baselines`: risks by name; `probabilities`: the baselines whose risks are probabilities. Each risk is sorted once;
    time grows with resamples × (1 + baselines) × rows. Raises ModelError for risks of NaN.
    """
    risks = np.asarray(risk, dtype=np.float64)
    metrics.probabilities(risks, judged.happened)
    draws = Draws(judged.person, seed=seed, resamples=resamples)
    probable = {name: values for name, values in baselines.items() if name in probabilities}
    by_list = {
        name: SliceMetrics(values, judged, list_length=list_length, probability=name == "model" or name in probable)
        for name, values in {"model": risks, **baselines}.items()
    }
    per_slice = {name: one.per_slice() for name, one in by_list.items()}
    means = {name: {metric: mean_of(found) for metric, found in one.items()} for name, one in per_slice.items()}
    for name, values in {"model": risks, **probable}.items():
        means[name] |= calibration_metrics(values, judged.happened)
    curve = calibration_curve(risks, judged.happened)
    resampled = {name: _resampled(one, draws) for name, one in by_list.items()}
    calibration, ends = _calibration_intervals(risks, judged.happened, curve, draws)
    return PersonReport(
        slices=len(np.unique(judged.as_of)),
        rows=len(risks),
        people=len(np.unique(judged.person)),
        outcomes=int(np.count_nonzero(judged.happened)),
        list_length=list_length,
        model=means["model"],
        baselines={name: means[name] for name in baselines},
        spread={
            name: {metric: spread_of(found) for metric, found in one.items()} for name, one in per_slice.items()
        },
        intervals={
            name: percentile_interval(means["model"][name], values)
            for name, values in {**resampled["model"], **calibration}.items()
        },
        gains={name: _gains(means, resampled, name) for name in baselines},
        net_benefit=_decisions({"model": risks, **probable}, judged.happened, thresholds, draws),
        calibration=_shown_curve(risks, judged.happened, curve, ends),
        weekly=_weekly(judged, per_slice),
    )  # fmt: skip


def calibration_metrics(risk: FloatArray, happened: Happened) -> dict[str, float]:
    """Whether probabilities mean what they say, on all rows together."""
    line = metrics.calibration_slope_intercept(risk, happened)
    errors = errors_of(calibration_curve(risk, happened), risk, np.ones(len(risk)))
    return {
        "calibration_slope": line.slope,
        "calibration_intercept": line.intercept,
        "calibration_in_the_large": metrics.calibration_in_the_large(risk, happened),
        **{name: getattr(errors, name) for name in ERRORS},
    }


def _resampled(one: SliceMetrics, draws: Draws) -> dict[str, FloatArray]:
    """Each metric's mean over slices in each resample."""
    found = [one.means(weights) for weights in draws.weights()]
    return {name: np.array([means[name] for means in found]) for name in (found[0] if found else ())}


def _gains(
    means: Mapping[str, Mapping[str, float]], resampled: Mapping[str, Mapping[str, FloatArray]], name: str
) -> dict[str, Interval]:
    return {
        metric: percentile_interval(
            means["model"][metric] - means[name][metric], resampled["model"][metric] - resampled[name][metric]
        )
        for metric in RANKINGS
    }


# Calibration


def _calibration_intervals(
    risk: FloatArray, happened: Happened, curve: CalibrationCurve, draws: Draws
) -> tuple[dict[str, FloatArray], FloatArray]:
    """Calibration in each resample, by metric; and the curve in each, shape (resamples, points)."""
    binned = BinnedCalibration(risk, happened, knots=curve.knots)
    at, rows = shown_risks(risk), []
    for weights in draws.weights():
        errors, seen = binned.errors(weights, at)
        rows.append(np.concatenate([binned.line(weights), [binned.in_the_large(weights)], errors, seen]))
    table = np.array(rows).reshape(len(draws), -1)
    names = ("calibration_intercept", "calibration_slope", "calibration_in_the_large", *ERRORS)
    return dict(zip(names, table[:, : len(names)].T, strict=True)), table[:, len(names) :]


def shown_risks(risk: FloatArray) -> FloatArray:
    """The risks at which the curve is shown. Shape (points,)."""
    if len(risk) == 0:
        return np.empty(0)
    first, last = np.quantile(risk, CURVE_ENDS).tolist()
    return np.linspace(first, last, CURVE_POINTS)


def _shown_curve(risk: FloatArray, happened: Happened, curve: CalibrationCurve, ends: FloatArray) -> dict[str, Any]:
    at, bins = shown_risks(risk), metrics.calibration_bins(risk, happened, bins=10)
    intervals = [
        percentile_interval(value, resampled)
        for value, resampled in zip(curve.happened(at).tolist(), ends.T, strict=True)
    ]
    return {
        "said": at,
        "happened": [one.value for one in intervals],
        "lower": [one.lower for one in intervals],
        "upper": [one.upper for one in intervals],
        "bins": asdict(bins),
    }


# Decisions


def _decisions(
    risks: Mapping[str, FloatArray], happened: Happened, thresholds: Sequence[float], draws: Draws
) -> list[dict[str, Any]]:
    """The net benefit curve (Vickers and Elkin 2006), the model's with intervals."""
    worths = np.stack([worth(risks["model"], happened, threshold) for threshold in thresholds], axis=1)
    resampled = draws.sums(worths) / draws.sums(np.ones(len(happened)))[:, None]
    found: list[dict[str, Any]] = []
    for place, threshold in enumerate(thresholds):
        values = {name: metrics.net_benefit(values, happened, threshold=threshold) for name, values in risks.items()}
        interval = percentile_interval(values["model"], resampled[:, place])
        everyone = metrics.net_benefit_of_all(happened, threshold=threshold)
        found.append(
            {"threshold": threshold, **values, "lower": interval.lower, "upper": interval.upper,
             "everyone": everyone, "nobody": 0.0}
        )  # fmt: skip
    return found


def worth(risk: FloatArray, happened: Happened, threshold: float) -> FloatArray:
    """What acting on each row at a threshold is worth."""
    return np.where(risk >= threshold, np.where(happened, 1.0, -threshold / (1.0 - threshold)), 0.0)


# Weeks


def _weekly(judged: JudgedRows, per_slice: Mapping[str, Mapping[str, NDArray[Any]]]) -> list[dict[str, Any]]:
    moments, rows = np.unique(judged.as_of, return_counts=True)
    outcomes = np.bincount(judged.slices, weights=judged.happened, minlength=len(moments)).astype(int)
    return [
        {
            "as_of": instant(int(moment)).isoformat(),
            "rows": int(rows[place]),
            "outcomes": int(outcomes[place]),
            **{metric: float(per_slice["model"][metric][place]) for metric in ("precision_at_k", "recall_at_k")},
            "baselines": {
                name: float(values["precision_at_k"][place]) for name, values in per_slice.items() if name != "model"
            },
        }
        for place, moment in enumerate(moments.tolist())
    ]
