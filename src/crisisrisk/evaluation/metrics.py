"""How well risks of people rank, and whether they mean what they say. Pure functions of arrays.

`risk`: shape (rows,), any finite numbers for ranking, probabilities where said so. `happened`: shape (rows,), booleans
or 0 and 1. Ties: in lists cut at a length the worst case counts, people without the outcome first. Where there is
nothing to count (no rows, or only one class where two are needed) the value is NaN. Arrays that do not fit
together raise ModelError.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.errors import ModelError
from crisisrisk.evaluation.logistic import FloatArray, fit_logistic, logit

Happened = NDArray[np.bool_]

NOT_A_NUMBER = float("nan")

LEAST_PROBABILITY = 1e-6
"""Probabilities of exactly 0 and 1 have no log-odds: calibration slopes see this much instead."""


def _pair(risk: ArrayLike, happened: ArrayLike) -> tuple[FloatArray, Happened]:
    risks, outcomes = np.asarray(risk, dtype=np.float64), np.asarray(happened)
    if risks.shape != outcomes.shape or risks.ndim != 1:
        raise wrong_values(
            "risks and outcomes do not fit together", wanted="two arrays of shape (rows,)",
            found=f"{risks.shape} and {outcomes.shape}",
        )  # fmt: skip
    if not np.isfinite(risks).all():
        raise wrong_values("a risk is not a finite number", wanted="finite risks", found="NaN or infinity")
    if not np.isin(outcomes, (0, 1)).all():
        raise wrong_values("an outcome is neither 0 nor 1", wanted="observed rows only", found="another value")
    return risks, outcomes.astype(bool)


def probabilities(risk: ArrayLike, happened: ArrayLike) -> tuple[FloatArray, Happened]:
    """Both as arrays. Raises ModelError unless risks are probabilities and outcomes 0 or 1, of one shape (rows,)."""
    risks, outcomes = _pair(risk, happened)
    if len(risks) and (risks.min() < 0.0 or risks.max() > 1.0):
        raise wrong_values("a risk is not a probability", wanted="0 to 1", found=f"{risks.min():g} to {risks.max():g}")
    return risks, outcomes


def wrong_values(problem: str, *, wanted: str, found: str) -> ModelError:
    """The error of every metric that is given what it cannot use."""
    return ModelError("CR-EVAL-001", problem, wanted=wanted, found=found)


# Ranking


def _counts_down(risk: FloatArray, happened: Happened) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each distinct risk from the highest: how many with, and how many without the outcome have at least that."""
    order = np.argsort(-risk, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(risk[order])), len(order) - 1)
    with_outcome = np.cumsum(happened[order])[ends]
    return with_outcome, ends + 1 - with_outcome


def auroc(risk: ArrayLike, happened: ArrayLike) -> float:
    """Chance that someone with the outcome has a higher risk than someone without; a tie counts half.

    Area under the receiver operating characteristic (Hanley and McNeil 1982). NaN unless both classes are present.
    """
    risks, outcomes = _pair(risk, happened)
    if outcomes.all() or not outcomes.any():
        return NOT_A_NUMBER
    hits, misses = (np.concatenate([[0], counts]) for counts in _counts_down(risks, outcomes))
    area = np.sum(np.diff(misses) * (hits[1:] + hits[:-1])) / 2.0
    return float(area / (float(hits[-1]) * float(misses[-1])))


def auprc(risk: ArrayLike, happened: ArrayLike) -> float:
    """Average precision: sum over distinct risks, downwards, of precision × gain in recall, without interpolation.

    Davis and Goadrich 2006; people of the same risk enter together. NaN when nobody has the outcome.
    """
    risks, outcomes = _pair(risk, happened)
    if not outcomes.any():
        return NOT_A_NUMBER
    hits, misses = _counts_down(risks, outcomes)
    gained = np.diff(hits, prepend=0) / hits[-1]
    return float(np.sum(gained * hits / (hits + misses)))


def auprc_over_prevalence(risk: ArrayLike, happened: ArrayLike) -> float:
    """Average precision ÷ share with the outcome: 1 is chance. NaN when nobody has the outcome."""
    outcomes = _pair(risk, happened)[1]
    return auprc(risk, happened) / float(outcomes.mean()) if outcomes.any() else NOT_A_NUMBER


def sensitivity_at_specificity(risk: ArrayLike, happened: ArrayLike, *, specificity: float = 0.85) -> float:
    """Highest share of people with the outcome found at a threshold that clears at least `specificity` of the others.

    People of the same risk are on the same side of a threshold. NaN unless both classes are present.
    """
    if not 0.0 <= specificity <= 1.0:
        raise wrong_values("a specificity is not a share", wanted="0 to 1", found=f"{specificity:g}")
    risks, outcomes = _pair(risk, happened)
    if outcomes.all() or not outcomes.any():
        return NOT_A_NUMBER
    hits, misses = _counts_down(risks, outcomes)
    allowed = (1.0 - specificity) * misses[-1] + 1e-9  # 15 % of 20 is 3, whatever binary fractions say
    return float(np.max(hits[misses <= allowed], initial=0) / hits[-1])


# Lists of a length


def _listed(risk: FloatArray, happened: Happened, k: int, lists: ArrayLike | None) -> Happened:
    """Who stands on a list of `k`, ties in the worst case. With `lists`, one list for each of its values from 0 on."""
    if k < 1:
        raise wrong_values("a list has no length", wanted="k of 1 or more", found=str(k))
    which = np.zeros(len(risk), dtype=np.int64) if lists is None else np.unique(lists, return_inverse=True)[1]
    if which.shape != risk.shape:
        raise wrong_values("lists do not fit the risks", wanted=str(risk.shape), found=str(which.shape))
    order = np.lexsort((happened, -risk, which))
    begins = np.searchsorted(which[order], which[order], side="left")
    listed = np.zeros(len(risk), dtype=bool)
    listed[order] = np.arange(len(order)) - begins < k
    names = np.asarray(which if lists is None else lists)
    return listed & (names >= 0) if np.issubdtype(names.dtype, np.number) else listed


def precision_at_k(risk: ArrayLike, happened: ArrayLike, *, k: int, lists: ArrayLike | None = None) -> float:
    """Of those on lists of `k`, the share with the outcome.

    `lists`: shape (rows,), the list a row competes for, such as team × week, or -1 for a row that no list takes;
    hits and places are summed over lists before dividing. Ties: worst case. A list with fewer than `k` people holds
    all of them. NaN without rows.
    """
    risks, outcomes = _pair(risk, happened)
    listed = _listed(risks, outcomes, k, lists)
    return float(outcomes[listed].mean()) if listed.any() else NOT_A_NUMBER


def recall_at_k(risk: ArrayLike, happened: ArrayLike, *, k: int, lists: ArrayLike | None = None) -> float:
    """Of all with the outcome, the share on lists of `k`. As `precision_at_k`; NaN when nobody has the outcome."""
    risks, outcomes = _pair(risk, happened)
    listed = _listed(risks, outcomes, k, lists)
    return float(listed[outcomes].mean()) if outcomes.any() else NOT_A_NUMBER


# Probabilities


def brier(risk: ArrayLike, happened: ArrayLike) -> float:
    """Mean squared difference of probability and outcome (Brier 1950). NaN without rows."""
    risks, outcomes = probabilities(risk, happened)
    return float(np.mean((risks - outcomes) ** 2)) if len(risks) else NOT_A_NUMBER


def scaled_brier(risk: ArrayLike, happened: ArrayLike) -> float:
    """1 − Brier ÷ Brier of saying the prevalence to everyone (Steyerberg 2010). NaN unless both classes are present."""
    outcomes = _pair(risk, happened)[1]
    if outcomes.all() or not outcomes.any():
        return NOT_A_NUMBER
    prevalence = float(outcomes.mean())
    return 1.0 - brier(risk, happened) / (prevalence * (1.0 - prevalence))


def calibration_in_the_large(risk: ArrayLike, happened: ArrayLike) -> float:
    """Intercept of a logistic regression of the outcome with the log-odds of the risk as offset: 0 is perfect.

    Above 0: more happened than was said (Steyerberg 2010; Van Calster 2019). NaN unless both classes are present.
    """
    risks, outcomes = probabilities(risk, happened)
    offset = logit(risks, least=LEAST_PROBABILITY)
    return fit_logistic(np.empty((len(risks), 0)), outcomes, offset=offset).intercept


@dataclass(frozen=True)
class CalibrationLine:
    """Logistic regression of the outcome on the log-odds of the risk: slope 1 and intercept 0 are perfect."""

    slope: float
    intercept: float


def calibration_slope_intercept(risk: ArrayLike, happened: ArrayLike) -> CalibrationLine:
    """Weak calibration (Cox 1958; Van Calster 2019). A slope under 1 means risks too extreme.

    NaN unless both classes are present, the risks differ, and they do not separate the classes perfectly.
    """
    risks, outcomes = probabilities(risk, happened)
    if len(risks) == 0 or risks.min() == risks.max():
        return CalibrationLine(NOT_A_NUMBER, NOT_A_NUMBER)
    line = fit_logistic(logit(risks, least=LEAST_PROBABILITY)[:, None], outcomes)
    return CalibrationLine(float(line.coefficients[0]), line.intercept)


@dataclass(frozen=True)
class CalibrationBins:
    """Bins of people by risk. Each array has shape (bins,): people, mean risk said, share it happened to."""

    people: NDArray[np.int64]
    said: FloatArray
    happened: FloatArray


def calibration_bins(risk: ArrayLike, happened: ArrayLike, *, bins: int = 20) -> CalibrationBins:
    """Up to `bins` bins of about equal size in order of risk. People of the same risk stay together."""
    if bins < 1:
        raise wrong_values("no bins", wanted="1 or more", found=str(bins))
    risks, outcomes = probabilities(risk, happened)
    order = np.argsort(risks, kind="stable")
    first_of_same = np.searchsorted(risks[order], risks[order], side="left")
    which = np.unique(first_of_same * bins // max(len(risks), 1), return_inverse=True)[1]
    people = np.bincount(which)
    said, seen = (np.bincount(which, weights=values[order]) for values in (risks, outcomes.astype(np.float64)))
    return CalibrationBins(people, said / people, seen / people)


# Decisions


def net_benefit(risk: ArrayLike, happened: ArrayLike, *, threshold: float) -> float:
    """Of acting on everyone with a risk of at least `threshold`: hits/n − false alarms/n × threshold/(1 − threshold).

    Vickers and Elkin 2006. Acting on nobody is worth 0. NaN without rows.
    """
    if not 0.0 < threshold < 1.0:
        raise wrong_values("a threshold is not between 0 and 1", wanted="above 0, below 1", found=f"{threshold:g}")
    risks, outcomes = probabilities(risk, happened)
    if len(risks) == 0:
        return NOT_A_NUMBER
    acted = risks >= threshold
    hits, false_alarms = np.count_nonzero(acted & outcomes), np.count_nonzero(acted & ~outcomes)
    return (hits - false_alarms * threshold / (1.0 - threshold)) / len(risks)


def net_benefit_of_all(happened: ArrayLike, *, threshold: float) -> float:
    """Net benefit of acting on everyone, the comparison beside acting on nobody (0)."""
    outcomes = np.asarray(happened)
    return net_benefit(np.ones(len(outcomes)), outcomes, threshold=threshold)
