"""From scores to probabilities with a range: which calibration, on which rows, and how far it may be off."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.models.band import Band
from crisisrisk.models.calibration import (
    FEWEST_OUTCOMES,
    KINDS,
    Calibration,
    Grouped,
    Mask,
    Numbers,
    counted,
    cuts_of,
    fit_calibration,
    fit_grouped,
    regrouped,
)

BEST = "best"
FOLDS = 5
FEWEST_TO_CHOOSE = 50
"""With fewer outcomes, which of the calibrations is best is chance; Platt's, which has two numbers, is taken."""
RESAMPLES = 100
GROUPS = 100
"""Of neighbouring scores, for a range. Half of them are cut by rows, half by expected outcomes."""
THIN_TIMES = 2.0
"""How many times wider, in log-odds, the range is for a thin history where such rows are too few to say."""
BEYOND = 3.0
"""How far, in log-odds, the knots of a range reach beyond the scores seen."""
_EDGE = 1e-9


@dataclass(frozen=True)
class CalibrationRows:
    """Rows that neither fitted nor stopped the trees. All arrays have shape (rows,)."""

    log_odds: Numbers
    happened: Mask
    person: NDArray[np.int64]
    thin: Mask
    """Who has a thin history."""

    def where(self, kept: Mask) -> "CalibrationRows":
        """Only the rows of a mask."""
        return CalibrationRows(self.log_odds[kept], self.happened[kept], self.person[kept], self.thin[kept])


@dataclass(frozen=True)
class Calibrated:
    """A calibration with its range, and how it was come by, for the report."""

    calibration: Calibration
    account: dict[str, Any]


def calibrate(
    asked: str, rows: CalibrationRows, *, level: float, wander: float, seed: int, notes: Sequence[str] = ()
) -> Calibrated:
    """The calibration that the recipe asks for (`best`: chosen here) and a band that is to hold at `level`.

    `wander`: how far the level of the outcome moves from one horizon to the next, in log-odds. Raises DataError where
    the outcomes are too few to calibrate at all.
    """
    fit_calibration("platt", rows.log_odds, rows.happened)  # refuses rows that are too few for any of the kinds
    losses, told = {}, list(notes)
    kind = asked
    if asked == BEST:
        enough = min(rows.happened.sum(), (~rows.happened).sum()) >= FEWEST_TO_CHOOSE
        losses = cross_fitted_losses(rows, seed=seed) if enough else {}
        kind = min(losses, key=lambda one: losses[one]) if losses else "platt"
        if not enough:
            told.append(f"fewer than {FEWEST_TO_CHOOSE} outcomes to choose a calibration by: platt was taken")
    calibration = fit_calibration(kind, rows.log_odds, rows.happened)
    band, of_thin = fit_band(calibration, rows, level=level, wander=wander, seed=seed)
    if not of_thin:
        told.append(f"too few rows with a thin history to say: their range is {THIN_TIMES:g} times as wide")
    account = {
        "asked": asked, "kind": kind, "log_loss": losses, "rows": len(rows.happened),
        "outcomes": int(rows.happened.sum()), "people": len(np.unique(rows.person)),
        "thin_rows": int(rows.thin.sum()), "thin_outcomes": int((rows.thin & rows.happened).sum()),
        "interval_level": level, "wander": wander, "notes": told,
    }  # fmt: skip
    return Calibrated(replace(calibration, band=band), account)


def cross_fitted_losses(rows: CalibrationRows, *, seed: int) -> dict[str, float]:
    """For each kind the mean log loss on people whom it was not fitted on, everybody once. The simplest comes first."""
    people, number = np.unique(rows.person, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(people))[number] % FOLDS
    return {kind: _cross_fitted_loss(kind, rows, fold) for kind in KINDS}


def _cross_fitted_loss(kind: str, rows: CalibrationRows, fold: NDArray[np.int64]) -> float:
    risk = np.empty(len(fold))
    for one in range(FOLDS):
        others = fold != one
        risk[~others] = fit_calibration(kind, rows.log_odds[others], rows.happened[others]).apply(
            rows.log_odds[~others]
        )
    return float(-np.mean(np.log(np.where(rows.happened, risk, 1.0 - risk))))


# The range


def fit_band(
    calibration: Calibration, rows: CalibrationRows, *, level: float, wander: float, seed: int
) -> tuple[Band, bool]:
    """The band around a calibration, and whether a thin history has a range of its own.

    People are drawn again with all their rows. From each draw a line (Platt) and a staircase (isotonic) are fitted;
    the band is the outermost of both, so that it holds where either shape is wrong, and is moved up and down as the
    level of the outcome has wandered.
    """
    everybody = _Resampler(rows, level=level, wander=wander)
    knots = everybody.knots
    middle = calibration.apply(knots)
    lower, upper = everybody.ends(seed)
    lower, upper = np.minimum(lower, middle), np.maximum(upper, middle)
    thin = rows.where(rows.thin)
    of_thin = bool(min(thin.happened.sum(), (~thin.happened).sum()) >= FEWEST_OUTCOMES)
    if of_thin:
        ends = _Resampler(thin, level=level, wander=wander, knots=knots).ends(seed)
    else:
        ends = (_wider(middle, lower), _wider(middle, upper))
    lowers = (_below(lower), _below(np.minimum(ends[0], lower)))
    uppers = (np.maximum.accumulate(upper), np.maximum.accumulate(np.maximum(ends[1], upper)))
    names = ("lower", "thin_lower", "upper", "thin_upper")
    curves = {name: tuple(curve.tolist()) for name, curve in zip(names, (*lowers, *uppers), strict=True)}
    return Band(level=level, scores=tuple(knots.tolist()), **curves), of_thin


def _below(curve: Numbers) -> Numbers:
    """The highest curve that never falls and never lies above this one."""
    return np.asarray(np.minimum.accumulate(curve[::-1])[::-1])


class _Resampler:
    """Rows in groups of neighbouring scores, to be counted again for each draw of people."""

    def __init__(self, rows: CalibrationRows, *, level: float, wander: float, knots: Numbers | None = None) -> None:
        self.level, self.wander = level, wander
        order = np.argsort(rows.log_odds, kind="stable")
        scores = rows.log_odds[order]
        self.happened = rows.happened[order].astype(np.float64)
        self.person = np.unique(rows.person[order], return_inverse=True)[1]
        self.people = int(self.person.max()) + 1
        expected = fit_calibration("platt", scores, rows.happened[order]).apply(scores)
        self.group = _one_group_a_score(scores, cuts_of(np.ones(len(scores)), expected, GROUPS))
        ones = np.ones(len(scores))
        self.scores = regrouped(Grouped(scores, ones, self.happened), self.group).scores
        self.knots = _knots(self.scores) if knots is None else knots

    def ends(self, seed: int) -> tuple[Numbers, Numbers]:
        """Lower and upper end at the knots: the outermost of the kinds' own quantiles. Shape (knots,) each."""
        random = np.random.default_rng(seed)
        curves = np.array([self._curves(random) for _ in range(RESAMPLES)])
        tail = (1.0 - self.level) / 2.0
        low, high = np.quantile(curves, [tail, 1.0 - tail], axis=0)
        return low.min(axis=0), high.max(axis=0)

    def _curves(self, random: np.random.Generator) -> Numbers:
        """One draw of people, as a line and as a staircase at the knots. Shape (2, knots)."""
        times = random.multinomial(self.people, np.full(self.people, 1.0 / self.people))[self.person]
        rows = counted(self.group, times, groups=len(self.scores))
        outcomes = counted(self.group, times * self.happened, groups=len(self.scores))
        drawn = rows > 0
        groups = Grouped(self.scores[drawn], rows[drawn], outcomes[drawn])
        moved = random.normal(0.0, self.wander) if self.wander else 0.0
        return np.stack(
            [_shifted(fit_grouped(kind, groups).apply(self.knots), moved) for kind in ("platt", "isotonic")]
        )


def _one_group_a_score(scores: Numbers, group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Equal scores stay together: each takes the group of its first row."""
    first = np.searchsorted(scores, scores, side="left")
    return np.asarray(np.unique(group[first], return_inverse=True)[1], dtype=np.int64)


def _knots(scores: Numbers) -> Numbers:
    return np.concatenate([[scores[0] - BEYOND], scores, [scores[-1] + BEYOND]])


def _wider(middle: Numbers, end: Numbers) -> Numbers:
    """An end moved away from the middle, in log-odds."""
    centre = _log_odds(middle)
    return _probability(centre + THIN_TIMES * (_log_odds(end) - centre))


def _shifted(probability: Numbers, by: float) -> Numbers:
    return _probability(_log_odds(probability) + by)


def _log_odds(probability: Numbers) -> Numbers:
    inside = np.clip(probability, _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log(inside / (1.0 - inside)))


def _probability(log_odds: Numbers) -> Numbers:
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))


def level_wander(as_of: NDArray[np.int64], happened: Mask, *, step_us: int) -> float:
    """How far the log-odds of the outcome move from one moment to the next a horizon later, beyond chance.

    The root of the mean squared difference of such pairs of moments, less what sampling explains
    (1 / outcomes + 1 / others of both). 0 where there are no such pairs, or chance explains them all.
    """
    moments, number = np.unique(as_of, return_inverse=True)
    rows = np.bincount(number).astype(np.float64)
    yes = np.bincount(number, weights=happened)
    later = np.searchsorted(moments, moments + step_us)
    pairs = [(one, two) for one, two in enumerate(later.tolist()) if two < len(moments)]
    pairs = [pair for pair in pairs if all(0 < yes[one] < rows[one] for one in pair)]
    if not pairs:
        return 0.0
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    level = _log_odds(yes / np.maximum(rows, 1.0))
    chance = 1.0 / np.maximum(yes, 1.0) + 1.0 / np.maximum(rows - yes, 1.0)
    beyond = float(np.mean((level[second] - level[first]) ** 2 - chance[first] - chance[second]))
    return float(np.sqrt(max(beyond, 0.0)))
