"""A forecast beside the truth that an invented city knows: how much of what could be known it reaches.

The truth is the probability (or the expected count) given the latent state at issue time, integrated over futures.
Nobody who sees only contacts can do better on average than it; a forecast that does is looking at the future.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation.count_scores import log_score
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import calibration_slope_intercept, net_benefit
from crisisrisk.evaluation.place_metrics import calibration_ratio, poisson_deviance
from crisisrisk.evaluation.place_ranking import hit_rate_at_coverage, pai
from crisisrisk.evaluation.slices import JudgedRows, SliceMetrics
from crisisrisk.models.place_rules.calendar_glm import fit_poisson

THRESHOLDS = (0.01, 0.02, 0.05, 0.1)
TRUTH, CONTACTS, MODEL = "the truth", "the most that contacts can tell", "model"


@dataclass(frozen=True, kw_only=True)
class RiskBesideTruth:
    """One way to rank people. `auprc_of_truth`, `auprc_of_contacts`: shares of what those two reach."""

    name: str
    auroc: float
    auprc: float
    auprc_of_truth: float
    auprc_of_contacts: float
    """NaN where what contacts can tell is not among the risks."""
    brier: float | None
    calibration_slope: float | None
    net_benefit: tuple[float, ...] | None
    """At each of `THRESHOLDS`; None where the risk is no probability."""


@dataclass(frozen=True, kw_only=True)
class IntensityBesideTruth:
    """One forecast of places. `deviance_reached`: the share of the way from the best simple forecast to the truth."""

    name: str
    deviance: float
    deviance_reached: float
    deviance_reached_of_contacts: float
    """The same of the way to what contacts can tell; NaN where that is not among the forecasts, or no better."""
    log_score: float
    calibration_ratio: float
    pai_2: float
    hit_rate_5: float
    """The share of what happened that lay in the chosen 5 % of the area."""
    hit_rate_5_of_truth: float


def people_beside_truth(
    risks: Mapping[str, FloatArray], judged: JudgedRows, *, probabilities: Sequence[str], list_length: int
) -> tuple[RiskBesideTruth, ...]:
    """Every risk, each of shape (rows,), beside `risks[TRUTH]`, week by week as in the report of a model."""
    found = {
        name: SliceMetrics(risk, judged, list_length=list_length, probability=name in probabilities).means()
        for name, risk in risks.items()
    }
    best = found[TRUTH]["auprc"]
    told = found[CONTACTS]["auprc"] if CONTACTS in found else float("nan")
    return tuple(
        RiskBesideTruth(
            name=name,
            auroc=values["auroc"],
            auprc=values["auprc"],
            auprc_of_truth=values["auprc"] / best,
            auprc_of_contacts=values["auprc"] / told,
            brier=values.get("brier"),
            **_as_probability(risks[name], judged, probability=name in probabilities),
        )
        for name, values in found.items()
    )


def _as_probability(risk: FloatArray, judged: JudgedRows, *, probability: bool) -> dict[str, Any]:
    """What only a probability has."""
    if not probability:
        return {"calibration_slope": None, "net_benefit": None}
    slope = calibration_slope_intercept(risk, judged.happened).slope
    return {"calibration_slope": slope, "net_benefit": _benefits(risk, judged)}


def _benefits(risk: FloatArray, judged: JudgedRows) -> tuple[float, ...]:
    return tuple(net_benefit(risk, judged.happened, threshold=threshold) for threshold in THRESHOLDS)


def places_beside_truth(
    forecasts: Mapping[str, FloatArray], counts: NDArray[np.int64], *, area: FloatArray | None
) -> tuple[IntensityBesideTruth, ...]:
    """Every forecast, each of shape (shifts, cells), beside `forecasts[TRUTH]`."""
    deviances = {name: poisson_deviance(expected, counts) for name, expected in forecasts.items()}
    simple = min(deviance for name, deviance in deviances.items() if name not in (TRUTH, CONTACTS, MODEL))
    way = simple - deviances[TRUTH]
    told = simple - deviances[CONTACTS] if CONTACTS in deviances else 0.0
    hits = {name: hit_rate_at_coverage(one, counts, coverage=0.05, area=area) for name, one in forecasts.items()}
    return tuple(
        IntensityBesideTruth(
            name=name,
            deviance=deviances[name],
            deviance_reached=(simple - deviances[name]) / way if way > 0 else float("nan"),
            deviance_reached_of_contacts=(simple - deviances[name]) / told if told > 0 else float("nan"),
            log_score=log_score(expected, counts),
            calibration_ratio=calibration_ratio(expected, counts),
            pai_2=pai(expected, counts, coverage=0.02, area=area),
            hit_rate_5=hits[name],
            hit_rate_5_of_truth=hits[name] / hits[TRUTH] if hits[TRUTH] > 0 else float("nan"),
        )
        for name, expected in forecasts.items()
    )


def as_counted(intensity: FloatArray, before: FloatArray, counts: NDArray[np.int64]) -> FloatArray:
    """An intensity of contacts as one of what is counted of them: exp(a) × intensity to the power of b.

    What is counted is less: one report of each incident, and so many of one person. `before` and `counts`, of one
    shape, are of earlier shifts, from which a and b come: those that make the counts most likely under Poisson.
    """
    log = np.log(before).ravel()
    columns = np.column_stack([np.ones(len(log)), log])
    level, power = fit_poisson(columns, counts.ravel().astype(np.float64), np.zeros(len(log)), ridge=0.0)
    return np.asarray(np.exp(level + power * np.log(intensity)))
