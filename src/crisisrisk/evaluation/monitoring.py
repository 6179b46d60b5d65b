"""How scores that were given turned out, week by week, once their horizon has passed. Pure functions of arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation import metrics
from crisisrisk.evaluation.bootstrap import Draws, Interval, percentile_interval
from crisisrisk.evaluation.gate import calibration_slope, expected_over_observed
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import NOT_A_NUMBER, wrong_values
from crisisrisk.evaluation.monitoring_limits import MonitoringLimits
from crisisrisk.evaluation.slices import Groups, mean_of

Mask = NDArray[np.bool_]

SHIFT_BINS = 10
CHI_SQUARE_99 = 21.666
"""Of chi-square with one degree of freedom fewer than there are bins, 99 in 100 lie below."""
LEAST_SHARE = 1e-4
"""An empty bin has no logarithm: the population shift sees this much instead."""

AUROC, SLOPE, RATIO, SHIFT = "auroc", "calibration_slope", "expected_over_observed", "score_shift"


@dataclass(frozen=True, kw_only=True)
class MaturedRows:
    """Scored people of matured runs whose outcome is known. Every array has shape (rows,)."""

    as_of: NDArray[np.int64]
    """When the scoring stood, microseconds since 1970 UTC: one moment a week."""
    person: NDArray[np.int64]
    risk: FloatArray
    happened: Mask
    listed: Mask
    """On a team's list, cut at the team's own length."""
    shown: Mask
    """The score was shown to somebody inside the label window."""

    def __len__(self) -> int:
        return len(self.as_of)

    def where(self, rows: Mask) -> "MaturedRows":
        """Only the rows of a mask."""
        return MaturedRows(**{name: value[rows] for name, value in vars(self).items()})


def week_figures(rows: MaturedRows) -> dict[str, Any]:
    """One week: what was said, what came, among those listed and those not, those shown and those not.

    Calibration in the large is the intercept with the slope held at 1: above 0 more happened than was said. NaN
    where there is nothing to count.
    """
    line = metrics.calibration_slope_intercept(rows.risk, rows.happened)
    said, came = float(rows.risk.sum()), int(rows.happened.sum())
    return {
        "people": len(rows),
        "outcomes": came,
        "expected": said,
        "expected_over_observed": said / came if came else NOT_A_NUMBER,
        "calibration_in_the_large": metrics.calibration_in_the_large(rows.risk, rows.happened),
        "calibration_slope": line.slope,
        "auroc": metrics.auroc(rows.risk, rows.happened),
        "listed": int(rows.listed.sum()),
        "precision_at_list_length": _share(rows.happened[rows.listed]),
        "recall_at_list_length": _share(rows.listed[rows.happened]),
    }


def shown_figures(rows: MaturedRows) -> dict[str, dict[str, Any]]:
    """Said and come among those whose score was shown and those not. It says nothing of what showing did."""
    return {
        name: {
            "people": int(mask.sum()),
            "outcomes": int(rows.happened[mask].sum()),
            "said": float(rows.risk[mask].mean()) if mask.any() else NOT_A_NUMBER,
            "came": _share(rows.happened[mask]),
        }
        for name, mask in (("shown", rows.shown), ("not_shown", ~rows.shown))
    }


def _share(values: Mask) -> float:
    return float(values.mean()) if len(values) else NOT_A_NUMBER


def population_shift(before: FloatArray, now: FloatArray) -> float:
    """Population stability index of two samples of a score: Σ (now − before) × ln(now ÷ before) over tenths of before.

    0 is no shift. People of one score stay in one bin. NaN where a sample is empty. Siddiqi, Credit Risk Scorecards
    (2006), where 0.1 is worth a look and 0.25 is a change.
    """
    if not (np.isfinite(before).all() and np.isfinite(now).all()):
        raise wrong_values("a score is not a finite number", wanted="finite scores", found="NaN or infinity")
    if not len(before) or not len(now):
        return NOT_A_NUMBER
    edges = np.unique(np.quantile(before, np.arange(1, SHIFT_BINS) / SHIFT_BINS))
    shares = [
        np.maximum(np.bincount(np.searchsorted(edges, one), minlength=len(edges) + 1) / len(one), LEAST_SHARE)
        for one in (before, now)
    ]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def shift_by_chance(before: int, now: int) -> float:
    """The shift of two samples of so many people that chance alone passes once in a hundred times.

    Without a shift the index is about chi-square of 9 degrees of freedom × (1/before + 1/now) (Yurdakul 2018).
    """
    return CHI_SQUARE_99 * (1 / before + 1 / now) if before and now else NOT_A_NUMBER


class Shift(NamedTuple):
    """How far the newest scores have moved, and how far chance alone may move so few. Both NaN without two scorings."""

    value: float
    by_chance: float


def shift_of(before: FloatArray, now: FloatArray) -> Shift:
    """The population stability index of two samples beside what chance alone gives."""
    return Shift(population_shift(before, now), shift_by_chance(len(before), len(now)))


@dataclass(frozen=True, kw_only=True)
class MonitoringCheck:
    """One figure beside its limit. `passed` is None where there is too little to say."""

    name: str
    passed: bool | None
    found: str
    wanted: str

    def __str__(self) -> str:
        verdict = {True: "within", False: "CROSSED", None: "too few to say"}[self.passed]
        return f"{self.name.replace('_', ' ')}: {verdict}: {self.found} (wanted {self.wanted})"


def recent_figures(rows: MaturedRows, limits: MonitoringLimits) -> dict[str, Interval]:
    """AUROC (mean over weeks), calibration slope and expected ÷ observed of some weeks, with 95 % intervals.

    A person's rows are taken together in all of them.
    """
    return {
        AUROC: _auroc(rows, limits),
        SLOPE: calibration_slope(rows.risk, rows.happened, rows.person),
        RATIO: expected_over_observed(rows.risk, rows.happened, rows.person),
    }


def nothing_recent() -> dict[str, Interval]:
    """The same figures where no row is left: no value."""
    return dict.fromkeys((AUROC, SLOPE, RATIO), Interval(NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER, 0))


def _auroc(rows: MaturedRows, limits: MonitoringLimits) -> Interval:
    week = np.unique(rows.as_of, return_inverse=True)[1].astype(np.int64)
    groups = Groups(rows.risk, rows.happened, week)
    draws = Draws(rows.person, seed=limits.seed, resamples=limits.resamples)
    once = mean_of(groups.ranked(np.ones(len(rows), dtype=np.int64))[:, 0])
    return percentile_interval(once, np.array([mean_of(groups.ranked(many)[:, 0]) for many in draws.weights()]))


def checks(
    recent: Mapping[str, Interval], *, outcomes: int, shift: Shift, limits: MonitoringLimits
) -> tuple[MonitoringCheck, ...]:
    """The figures of the last weeks beside their limits. One is crossed when its whole interval lies outside.

    `shift`: how far the newest scores have moved, which needs no outcome.
    """
    enough = outcomes >= limits.fewest_outcomes
    wanted = {
        AUROC: (limits.auroc_at_least, float("inf")), SLOPE: limits.calibration_slope,
        RATIO: limits.expected_over_observed,
    }  # fmt: skip
    found = [_check(name, recent[name], ends, enough=enough) for name, ends in wanted.items()]
    most = max(limits.score_shift_at_most, shift.by_chance)
    known = isfinite(shift.value)
    moved = MonitoringCheck(
        name=SHIFT, passed=bool(shift.value <= most) if known else None,
        found=f"{shift.value:.3f}" if known else "no two scorings by this model", wanted=f"at most {most:.3g}",
    )  # fmt: skip
    return (*found, moved)


def _check(name: str, value: Interval, ends: tuple[float, float], *, enough: bool) -> MonitoringCheck:
    known = enough and isfinite(value.lower) and isfinite(value.upper)
    inside = bool(value.upper >= ends[0] and value.lower <= ends[1])
    wanted = f"{ends[0]:g} to {ends[1]:g}" if isfinite(ends[1]) else f"at least {ends[0]:g}"
    found = f"{value.value:.2f} ({value.lower:.2f} to {value.upper:.2f})" if isfinite(value.value) else "no value"
    return MonitoringCheck(name=name, passed=inside if known else None, found=found, wanted=wanted)
