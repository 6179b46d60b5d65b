"""From a model's log-odds to a probability: kept as numbers in JSON, applied by interpolation, never falling."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError, ModelError

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

KINDS = ("isotonic", "platt")
FEWEST_OUTCOMES = 10
"""Fewer outcomes, or fewer rows without one, cannot say how scores and frequencies relate."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A map from log-odds to probability that never falls.

    `platt`: probability = 1 / (1 + exp(-(slope × log-odds + intercept))), slope at least 0.
    `isotonic`: straight lines between the knots `(scores, probabilities)`, level outside them.
    """

    kind: str
    slope: float = 1.0
    intercept: float = 0.0
    scores: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if problem := _problem(self):
            raise ModelError("CR-MODEL-002", f"the calibration cannot be used: {problem}", found=self.kind)

    def apply(self, log_odds: Numbers) -> Numbers:
        """Probabilities, between 0 and 1. Same shape."""
        if self.kind == "platt":
            return _logistic(self.slope * np.asarray(log_odds, dtype=np.float64) + self.intercept)
        return np.interp(log_odds, self.scores, self.probabilities)

    def to_json(self) -> str:
        """Numbers only."""
        content: dict[str, Any] = {"kind": self.kind}
        if self.kind == "platt":
            content |= {"slope": self.slope, "intercept": self.intercept}
        else:
            content |= {"scores": list(self.scores), "probabilities": list(self.probabilities)}
        return json.dumps(content, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "Calibration":
        """What `to_json` wrote. Raises ModelError when it is something else."""
        try:
            content = json.loads(text)
            for name in {"scores", "probabilities"} & set(content):
                content[name] = tuple(map(float, content[name]))
            return Calibration(**content)
        except (ValueError, TypeError):
            raise ModelError("CR-MODEL-002", "the calibration cannot be read") from None


def _problem(calibration: Calibration) -> str | None:
    if calibration.kind not in KINDS:
        return f'unknown kind "{calibration.kind}"'
    if calibration.kind == "platt":
        finite = np.isfinite([calibration.slope, calibration.intercept]).all()
        return None if finite and calibration.slope >= 0 else "the slope must be a number of 0 or more"
    x, y = np.array(calibration.scores), np.array(calibration.probabilities)
    if not (len(x) == len(y) and len(x) > 0 and np.isfinite(x).all() and np.isfinite(y).all()):
        return "it needs as many probabilities as scores, and at least one"
    rises = (np.diff(x) > 0).all() and (np.diff(y) >= 0).all()
    return None if rises and y[0] >= 0 and y[-1] <= 1 else "scores and probabilities must rise, between 0 and 1"


def _logistic(log_odds: Numbers) -> Numbers:
    positive = log_odds >= 0
    tail = np.exp(-np.abs(log_odds))
    return np.where(positive, 1.0, tail) / (1.0 + tail)


def fit_calibration(kind: str, log_odds: Numbers, happened: Mask) -> Calibration:
    """A calibration from rows that did not train the model. Both arrays have shape (rows,).

    Raises DataError when there are fewer than `FEWEST_OUTCOMES` rows with the outcome, or without it.
    """
    happened = np.asarray(happened, dtype=bool)
    fewest = min(int(happened.sum()), int((~happened).sum()))
    if fewest < FEWEST_OUTCOMES:
        raise DataError(
            "CR-TRAIN-002", "too few rows with, or without, the outcome to calibrate",
            where="the validation block", wanted=f"at least {FEWEST_OUTCOMES} of each", found=str(fewest),
            hint="lengthen split.validation_days, or load more data",
        )  # fmt: skip
    log_odds = np.asarray(log_odds, dtype=np.float64)
    return _fit_platt(log_odds, happened) if kind == "platt" else _fit_isotonic(log_odds, happened)


def _fit_platt(log_odds: Numbers, happened: Mask) -> Calibration:
    """Platt (1999) with his smoothed targets, by Newton's method; a slope below 0 becomes 0.

    Source: Lin, Lin and Weng, Machine Learning 68 (2007): targets (n+ + 1) / (n+ + 2) and 1 / (n- + 2).
    """
    yes, no = happened.sum(), (~happened).sum()
    target = np.where(happened, (yes + 1) / (yes + 2), 1 / (no + 2))
    middle, spread = float(log_odds.mean()), float(log_odds.std()) or 1.0
    centred = (log_odds - middle) / spread
    slope, intercept = _newton(centred, target)
    if slope < 0:
        slope, intercept = 0.0, float(np.log(target.mean() / (1 - target.mean())))
    return Calibration(kind="platt", slope=slope / spread, intercept=intercept - slope * middle / spread)


def _newton(x: Numbers, target: Numbers) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of `target` on `x`."""
    design = np.stack([x, np.ones_like(x)], axis=1)
    found = np.array([0.0, np.log(target.mean() / (1 - target.mean()))])
    for _ in range(100):
        fitted = _logistic(design @ found)
        weight = np.maximum(fitted * (1 - fitted), 1e-12)
        curvature = design.T @ (design * weight[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, design.T @ (target - fitted))
        found = found + np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < 1e-10:
            break
    return float(found[0]), float(found[1])


def _fit_isotonic(log_odds: Numbers, happened: Mask) -> Calibration:
    """Pool-adjacent-violators, with each block standing at the mean of its scores.

    Standing at block means keeps almost every score apart from its neighbours, so that a list keeps its order
    (Oron and Flournoy, 2017). Each block's frequency is (outcomes + 1/2) / (rows + 1): never exactly 0 or 1.
    """
    scores, where = np.unique(log_odds, return_inverse=True)
    rows = np.bincount(where).astype(np.float64)
    blocks = pool_adjacent_violators(np.bincount(where, weights=happened) / rows, rows)
    weight = np.bincount(blocks, weights=rows)
    outcomes = np.bincount(blocks, weights=np.bincount(where, weights=happened))
    centre = np.bincount(blocks, weights=rows * scores) / weight
    frequency = np.maximum.accumulate((outcomes + 0.5) / (weight + 1.0))
    return Calibration(kind="isotonic", scores=tuple(centre.tolist()), probabilities=tuple(frequency.tolist()))


def pool_adjacent_violators(means: Numbers, weights: Numbers) -> NDArray[np.int64]:
    """For each of an ordered list of means the number of its block in the nearest rising step function.

    Shape (n,). Nearest in weighted squares. Linear in n.
    """
    level: list[float] = []
    weight: list[float] = []
    size: list[int] = []
    for mean, share in zip(means.tolist(), weights.tolist(), strict=True):
        level.append(mean)
        weight.append(share)
        size.append(1)
        while len(level) > 1 and level[-2] >= level[-1]:
            last, heavy, many = level.pop(), weight.pop(), size.pop()
            total = weight[-1] + heavy
            level[-1] = (level[-1] * weight[-1] + last * heavy) / total
            weight[-1], size[-1] = total, size[-1] + many
    return np.repeat(np.arange(len(size)), size)
