"""From a model's log-odds to a probability: kept as numbers in JSON, applied by interpolation, never falling."""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError, ModelError
from crisisrisk.models.band import Band

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

KINDS = ("platt", "isotonic", "venn_abers")
FEWEST_OUTCOMES = 10
"""Fewer outcomes, or fewer rows without one, cannot say how scores and frequencies relate."""
MOST_GROUPS = 400
"""Venn–Abers looks at every pair of scores: more than so many are first put into groups of neighbours."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A map from log-odds to probability that never falls.

    `platt`: probability = 1 / (1 + exp(-(slope × log-odds + intercept))), slope at least 0.
    `isotonic`, `venn_abers`: straight lines between the knots `(scores, probabilities)`, level outside them.
    """

    kind: str
    slope: float = 1.0
    intercept: float = 0.0
    scores: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()
    band: Band | None = None
    """The range around each probability; None where it was not estimated."""

    def __post_init__(self) -> None:
        if problem := _problem(self):
            raise ModelError("CR-MODEL-002", f"the calibration cannot be used: {problem}", found=self.kind)

    def apply(self, log_odds: Numbers) -> Numbers:
        """Probabilities, between 0 and 1. Same shape."""
        if self.kind == "platt":
            return _logistic(self.slope * np.asarray(log_odds, dtype=np.float64) + self.intercept)
        return np.interp(log_odds, self.scores, self.probabilities)

    def ends(self, log_odds: Numbers, thin: Mask) -> tuple[Numbers, Numbers]:
        """Lower and upper end of the range of each probability, NaN without a band. Same shape.

        `thin`: who has a thin history, whose range is wider.
        """
        if self.band is None:
            nothing = np.full(np.shape(log_odds), np.nan)
            return nothing, nothing.copy()
        return self.band.around(log_odds, self.apply(log_odds), thin)

    def to_json(self) -> str:
        """Numbers only."""
        content: dict[str, Any] = {"kind": self.kind}
        if self.kind == "platt":
            content |= {"slope": self.slope, "intercept": self.intercept}
        else:
            content |= {"scores": list(self.scores), "probabilities": list(self.probabilities)}
        if self.band is not None:
            content["band"] = self.band.to_plain()
        return json.dumps(content, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> "Calibration":
        """What `to_json` wrote. Raises ModelError when it is something else."""
        try:
            content = json.loads(text)
            for name in {"scores", "probabilities"} & set(content):
                content[name] = tuple(map(float, content[name]))
            if "band" in content:
                content["band"] = Band.from_plain(content["band"])
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


def counted(number: NDArray[np.int64], weights: NDArray[Any] | None = None, *, groups: int = 0) -> Numbers:
    """How many rows each number has, or how much weight. At least `groups` long."""
    return np.bincount(number, weights=weights, minlength=groups).astype(np.float64)


class Grouped(NamedTuple):
    """Rows with one score, or with scores so near that they count as one. Each has shape (groups,); scores ascend."""

    scores: Numbers
    rows: Numbers
    """How many rows there are, which need not be a whole number."""
    outcomes: Numbers


def grouped(log_odds: Numbers, happened: Mask) -> Grouped:
    """Rows by their score. Both arrays have shape (rows,)."""
    scores, where = np.unique(np.asarray(log_odds, dtype=np.float64), return_inverse=True)
    return Grouped(scores, counted(where), counted(where, happened))


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
    return fit_grouped(kind, grouped(log_odds, happened))


def fit_grouped(kind: str, groups: Grouped) -> Calibration:
    """A calibration of one of `KINDS` from rows by their score, at least one of them."""
    fits = {"platt": _fit_platt, "isotonic": _fit_isotonic, "venn_abers": _fit_venn_abers}
    return fits[kind](groups)


def _fit_platt(groups: Grouped) -> Calibration:
    """Platt (1999) with his smoothed targets, by Newton's method; a slope below 0 becomes 0.

    Source: Lin, Lin and Weng, Machine Learning 68 (2007): targets (n+ + 1) / (n+ + 2) and 1 / (n- + 2).
    """
    scores, rows, outcomes = groups
    yes, no = outcomes.sum(), (rows - outcomes).sum()
    target = (outcomes * (yes + 1) / (yes + 2) + (rows - outcomes) / (no + 2)) / rows
    middle = float(np.average(scores, weights=rows))
    spread = float(np.sqrt(np.average((scores - middle) ** 2, weights=rows))) or 1.0
    slope, intercept = _newton((scores - middle) / spread, target, rows)
    if slope < 0:
        slope, intercept = 0.0, _log_odds(float(np.average(target, weights=rows)))
    return Calibration(kind="platt", slope=slope / spread, intercept=intercept - slope * middle / spread)


def _newton(x: Numbers, target: Numbers, rows: Numbers) -> tuple[float, float]:
    """Slope and intercept of the logistic regression of `target` on `x`, each standing for so many rows."""
    design = np.stack([x, np.ones_like(x)], axis=1)
    found = np.array([0.0, _log_odds(float(np.average(target, weights=rows)))])
    for _ in range(100):
        fitted = _logistic(design @ found)
        weight = rows * np.maximum(fitted * (1 - fitted), 1e-12)
        curvature = design.T @ (design * weight[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, design.T @ (rows * (target - fitted)))
        found = found + np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < 1e-10:
            break
    return float(found[0]), float(found[1])


def _log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def _fit_isotonic(groups: Grouped) -> Calibration:
    """Pool-adjacent-violators, with each block standing at the mean of its scores.

    Standing at block means keeps almost every score apart from its neighbours, so that a list keeps its order
    (Oron and Flournoy, 2017). Each block's frequency is (outcomes + 1/2) / (rows + 1): never exactly 0 or 1.
    """
    scores, rows, outcomes = groups
    blocks = pool_adjacent_violators(outcomes / rows, rows)
    weight = np.bincount(blocks, weights=rows)
    centre = np.bincount(blocks, weights=rows * scores) / weight
    frequency = np.maximum.accumulate((np.bincount(blocks, weights=outcomes) + 0.5) / (weight + 1.0))
    return Calibration(kind="isotonic", scores=tuple(centre.tolist()), probabilities=tuple(frequency.tolist()))


def _fit_venn_abers(groups: Grouped) -> Calibration:
    """Inductive Venn–Abers: for each score isotonic regression with one more row there, once without the outcome (p0)
    and once with it (p1); the probability is p1 / (1 - p0 + p1), which has the least regret in log loss.

    Source: Vovk, Petej and Fedorova, NeurIPS 2015. p0 and p1 alone are far too narrow for a range: see `band.py`.
    """
    groups = _fewer(groups)
    none, one = (_isotonic_with_one_more(groups, outcome) for outcome in (0.0, 1.0))
    probability = np.maximum.accumulate(one / (1.0 - none + one))
    return Calibration(
        kind="venn_abers", scores=tuple(groups.scores.tolist()), probabilities=tuple(probability.tolist())
    )


def _isotonic_with_one_more(groups: Grouped, outcome: float) -> Numbers:
    """For each score what isotonic regression gives there after one more row with `outcome` at it.

    The max-min formula (Barlow et al. 1972): of the means of all runs of groups around a score, the largest over where
    a run begins of the smallest over where it ends. Memory and time: groups squared.
    """
    totals = [np.concatenate([[0.0], np.cumsum(one)]) for one in (groups.outcomes, groups.rows)]
    outcomes, rows = (one[None, 1:] - one[:-1, None] for one in totals)
    begins_first = np.triu(np.ones(outcomes.shape, dtype=bool))
    means = np.where(begins_first, (outcomes + outcome) / np.where(begins_first, rows + 1.0, 1.0), np.inf)
    smallest = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(np.where(begins_first, smallest, -np.inf).max(axis=0))


def _fewer(groups: Grouped) -> Grouped:
    """At most `MOST_GROUPS` groups of neighbours: half of the cuts by rows, half by outcomes, which are at the top."""
    if len(groups.scores) <= MOST_GROUPS:
        return groups
    return regrouped(groups, cuts_of(groups.rows, groups.outcomes, MOST_GROUPS))


def cuts_of(rows: Numbers, outcomes: Numbers, most: int) -> NDArray[np.int64]:
    """For each of ascending scores the number of its group, of at most `most`. Shape (scores,)."""
    share = rows / rows.sum() + outcomes / max(float(outcomes.sum()), 1.0)
    place = np.minimum((np.cumsum(share) - share / 2) / share.sum() * most, most - 1).astype(np.int64)
    return np.asarray(np.unique(place, return_inverse=True)[1], dtype=np.int64)


def regrouped(groups: Grouped, number: NDArray[np.int64]) -> Grouped:
    """Groups joined by number, each at the mean of its scores."""
    rows = counted(number, groups.rows)
    return Grouped(counted(number, groups.rows * groups.scores) / rows, rows, counted(number, groups.outcomes))


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
