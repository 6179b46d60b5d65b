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
from crisisrisk.evaluation.place_ranking import pai
from crisisrisk.evaluation.slices import JudgedRows, SliceMetrics

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
    log_score: float
    calibration_ratio: float
    pai_2: float


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
    simple = min(deviance for name, deviance in deviances.items() if name not in (TRUTH, MODEL))
    way = simple - deviances[TRUTH]
    return tuple(
        IntensityBesideTruth(
            name=name,
            deviance=deviances[name],
            deviance_reached=(simple - deviances[name]) / way if way > 0 else float("nan"),
            log_score=log_score(expected, counts),
            calibration_ratio=calibration_ratio(expected, counts),
            pai_2=pai(expected, counts, coverage=0.02, area=area),
        )
        for name, expected in forecasts.items()
    )
