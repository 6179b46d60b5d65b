"""The checks of the promotion gate that need nothing but judged rows: against baselines, champion and frequencies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import exp, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation import metrics
from crisisrisk.evaluation.bootstrap import Draws, Interval, paired_difference, percentile_interval
from crisisrisk.evaluation.judged import JudgedPredictions
from crisisrisk.evaluation.logistic import FloatArray, expit, logit
from crisisrisk.evaluation.metrics import NOT_A_NUMBER
from crisisrisk.evaluation.place_metrics import poisson_deviance
from crisisrisk.evaluation.slices import JudgedRows, SliceMetrics
from crisisrisk.evaluation.suspicion import SUSPICIOUS_AUROC, suspicions

BASELINES, CHAMPION, CALIBRATION, SUBGROUPS = "baselines", "champion", "calibration", "subgroups"
LEAKAGE, RECIPE, FRESHNESS, REPRODUCTION = "leakage", "recipe", "freshness", "reproduction"
SUSPICION, DECLARED = "suspicion", "declared"

MODEL = "the model"
_NORMAL = 1.959964
"""Of a normal distribution 95 % lies within so many standard errors."""


@dataclass(frozen=True, kw_only=True)
class GateLimits:
    """What a candidate must keep to. From the `[gate]` table of its recipe."""

    resamples: int
    slope: tuple[float, float]
    expected_over_observed: tuple[float, float]
    subgroup_slope: tuple[float, float]
    subgroup_expected_over_observed: tuple[float, float]
    large_people: int
    large_outcomes: int
    loss_to_champion: float


@dataclass(frozen=True, kw_only=True)
class PlaceLimits:
    """What a candidate of places must keep to beside its baselines. From the `[gate]` table of its recipe."""

    resamples: int
    seed: int
    loss_to_champion: float


@dataclass(frozen=True, kw_only=True)
class GateCheck:
    """One check: what came, what was wanted, and of whom. `name` is what an exception names."""

    name: str
    passed: bool
    found: str
    wanted: str
    where: str = ""
    hint: str = ""

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        return f"{self.name}: {verdict}: {self.found}" + (f" ({self.where})" if self.where else "")


def against_baselines(rows: JudgedPredictions, limits: GateLimits) -> list[GateCheck]:
    """On each weekly list AUPRC must be higher than that of every baseline, by an interval that leaves out 0.

    Where some are on no team's caseload, so that no list can hold them, this must hold among the others too: to know
    who is on a caseload is not to know whom a team should look at.
    """
    found, listable = _against_baselines(rows, limits, ""), rows.listable
    if listable is not None:
        found += _against_baselines(listable, limits, _who("on a caseload", listable.rows))
    return found or [
        GateCheck(name=BASELINES, passed=False, found="the run has no baseline", wanted="baselines to beat")
    ]


def _against_baselines(rows: JudgedPredictions, limits: GateLimits, where: str) -> list[GateCheck]:
    resampled = {name: _Resampled(risk, rows, limits) for name, risk in {MODEL: rows.risk, **rows.baselines}.items()}
    found = []
    for name in rows.baselines:
        gain = resampled[MODEL].gain(resampled[name], "auprc")
        found.append(
            GateCheck(
                name=BASELINES, passed=gain.lower > 0, where=where, found=f"AUPRC {_signed(gain)} against {name}",
                wanted=f"an interval above 0 against each of {len(rows.baselines)} baselines",
            )
        )  # fmt: skip
    return found


def against_champion(rows: JudgedPredictions, champion: FloatArray, limits: GateLimits, *, who: str) -> list[GateCheck]:
    """On the same rows AUPRC and recall at list length may not fall.

    A candidate is worse where the whole interval of the difference lies below 0, or where it loses more than the
    share of the champion's value that the recipe allows, however wide the interval.
    """
    mine, theirs = _Resampled(rows.risk, rows, limits), _Resampled(champion, rows, limits)
    found = []
    for metric, label in {"auprc": "AUPRC", "recall_at_k": f"recall at {rows.judging.list_length}"}.items():
        gain = mine.gain(theirs, metric)
        allowed = -limits.loss_to_champion * theirs.means[metric]
        found.append(
            GateCheck(
                name=CHAMPION, passed=gain.upper >= 0 and gain.value >= allowed, where=who,
                found=f"{label} {_signed(gain)} against the champion's {theirs.means[metric]:.3f}",
                wanted=f"not below 0 by its whole interval, and a loss of at most {-allowed:.3f}",
                hint="the interval is of both on the same rows, people drawn whole",
            )
        )  # fmt: skip
    return found


def places_against_baselines(gains: Mapping[str, Interval]) -> list[GateCheck]:
    """Poisson deviance must be less than that of every baseline, by an interval, weeks drawn whole, that leaves out 0.

    `gains`: by baseline its deviance less the model's, as `place_report` has them.
    """
    found = [
        GateCheck(
            name=BASELINES, passed=gain.lower > 0, found=f"deviance lower by {_signed(gain)} than {name}",
            wanted=f"an interval above 0 against each of {len(gains)} baselines",
            hint=f"where trees earn nothing over it, serve it: crisisrisk train place --baseline {name}",
        )
        for name, gain in gains.items()
    ]  # fmt: skip
    return found or [
        GateCheck(name=BASELINES, passed=False, found="the run has no baseline", wanted="baselines to beat")
    ]


def suspicious(rows: JudgedPredictions) -> GateCheck:
    """Ranking too well to be true: the mean AUROC of the weekly lists."""
    metrics_of = SliceMetrics(rows.risk, rows.rows, list_length=rows.judging.list_length, probability=False)
    auroc = metrics_of.means()["auroc"]
    doubts = suspicions(auroc)
    return GateCheck(
        name=SUSPICION, passed=not doubts, found="; ".join(doubts) or f"AUROC {auroc:.3f}",
        wanted=f"at most {SUSPICIOUS_AUROC}",
        hint="look for a column that is only filled in when a crisis comes" if doubts else "",
    )  # fmt: skip


def fresh(ends: Mapping[str, datetime], now: datetime, *, most_days: float) -> GateCheck:
    """Whether the oldest of the ends of a candidate's data, by what it is the end of, is near enough to the clock."""
    what, end = min(ends.items(), key=lambda one: one[1])
    days = (now - end).total_seconds() / 86_400
    return GateCheck(
        name=FRESHNESS, passed=days <= most_days, wanted=f"at most {most_days:g} days",
        found=f"the training data end {days:.0f} days before the site's clock", where=f"{what}: {end:%-d %b %Y}",
        hint="" if days <= most_days else "train again, once its sources send again",
    )  # fmt: skip


def simple_rule(name: str) -> GateCheck:
    """A simple rule is a baseline itself."""
    return GateCheck(
        name=BASELINES, passed=True, wanted="nothing",
        found=f"{name} is itself a simple rule: it need not beat the others",
    )  # fmt: skip


def places_against_champion(
    expected: FloatArray, champion: FloatArray, counts: NDArray[Any], week: NDArray[np.int64], limits: PlaceLimits, *,
    who: str,
) -> GateCheck:  # fmt: skip
    """On the same shifts Poisson deviance may not rise: not by its whole interval, nor by more than the recipe allows.

    `expected`, `champion` and `counts`: shape (shifts, cells); `week`: shape (shifts,).
    """
    gain = paired_difference(
        lambda rows: poisson_deviance(champion[rows], counts[rows]),
        lambda rows: poisson_deviance(expected[rows], counts[rows]),
        week, seed=limits.seed, resamples=limits.resamples,
    )  # fmt: skip
    theirs = poisson_deviance(champion, counts)
    allowed = limits.loss_to_champion * theirs
    return GateCheck(
        name=CHAMPION, passed=gain.upper >= 0 and gain.value >= -allowed, where=who,
        found=f"deviance lower by {_signed(gain)} than the champion's {theirs:.4f}",
        wanted=f"not below 0 by its whole interval, and at most {allowed:.4f} higher",
        hint="the interval is of both on the same shifts, weeks drawn whole",
    )  # fmt: skip


class _Resampled:
    """The metrics of one risk, as they are and in each resample; the same draws for every risk of the same rows."""

    def __init__(self, risk: FloatArray, rows: JudgedPredictions, limits: GateLimits) -> None:
        metrics_of = SliceMetrics(risk, rows.rows, list_length=rows.judging.list_length, probability=False)
        draws = Draws(rows.person, seed=rows.judging.seed, resamples=limits.resamples)
        self.means = metrics_of.means()
        self.draws = [metrics_of.means(weights) for weights in draws.weights()]

    def gain(self, other: "_Resampled", metric: str) -> Interval:
        """By how much this one is higher."""
        differences = [mine[metric] - theirs[metric] for mine, theirs in zip(self.draws, other.draws, strict=True)]
        return percentile_interval(self.means[metric] - other.means[metric], np.array(differences))


def _signed(gain: Interval) -> str:
    return f"{gain.value:+.4f} ({gain.lower:+.4f} to {gain.upper:+.4f})"


def calibrated(rows: JudgedPredictions, limits: GateLimits) -> list[GateCheck]:
    """Of everyone: the slope itself must keep to its limits, expected ÷ observed may not demonstrably leave them."""
    slope, ratio = _slope_and_ratio(rows.risk, rows.rows)
    where = _who("everyone", rows.rows)
    return [
        _check(CALIBRATION, "calibration slope", slope, limits.slope, where,
               passed=isfinite(slope.value) and limits.slope[0] <= slope.value <= limits.slope[1]),
        _check(CALIBRATION, "expected ÷ observed", ratio, limits.expected_over_observed, where,
               passed=_reaches(ratio, limits.expected_over_observed)),
    ]  # fmt: skip


def subgroups_calibrated(rows: JudgedPredictions, limits: GateLimits) -> list[GateCheck]:
    """Of every subgroup that is large enough to say: neither may demonstrably leave its limits.

    Demonstrably: the whole interval, with a person's rows taken together, lies outside.
    """
    found = []
    for grouping, values in rows.groups.items():
        texts = values.astype(str)
        for value in np.unique(texts):
            inside = texts == value
            people, outcomes = len(np.unique(rows.person[inside])), int(rows.happened[inside].sum())
            if people >= limits.large_people and outcomes >= limits.large_outcomes and not inside.all():
                found += _subgroup(f"{grouping} {value}", rows.risk[inside], rows.rows.where(inside), limits)
    return found or [
        GateCheck(
            name=SUBGROUPS, passed=True, wanted="the limits of the recipe in every large subgroup",
            found=f"no subgroup has {limits.large_people} people and {limits.large_outcomes} outcomes: too few to say",
        )
    ]  # fmt: skip


def _subgroup(who: str, risk: FloatArray, rows: JudgedRows, limits: GateLimits) -> list[GateCheck]:
    slope, ratio = _slope_and_ratio(risk, rows)
    where = _who(who, rows)
    return [
        _check(SUBGROUPS, what, value, wanted, where, passed=_reaches(value, wanted))
        for what, value, wanted in (
            ("calibration slope", slope, limits.subgroup_slope),
            ("expected ÷ observed", ratio, limits.subgroup_expected_over_observed),
        )
    ]


def _who(who: str, rows: JudgedRows) -> str:
    return f"{who} ({len(np.unique(rows.person)):,} people, {int(rows.happened.sum()):,} outcomes)"


def _check(
    name: str, what: str, value: Interval, limits: tuple[float, float], where: str, *, passed: bool
) -> GateCheck:
    return GateCheck(
        name=name, passed=passed, where=where, wanted=f"{limits[0]:.2f} to {limits[1]:.2f}",
        found=f"{what} {value.value:.2f} ({value.lower:.2f} to {value.upper:.2f})",
    )  # fmt: skip


def _reaches(value: Interval, limits: tuple[float, float]) -> bool:
    """Whether the interval touches the limits. One without ends touches nothing."""
    return bool(value.upper >= limits[0] and value.lower <= limits[1])


def _slope_and_ratio(risk: FloatArray, rows: JudgedRows) -> tuple[Interval, Interval]:
    return calibration_slope(risk, rows.happened, rows.person), expected_over_observed(risk, rows.happened, rows.person)


def calibration_slope(risk: FloatArray, happened: NDArray[np.bool_], person: NDArray[Any]) -> Interval:
    """The slope of outcomes on log-odds, with the interval of the cluster-robust variance: a person's rows together.

    All have shape (rows,). NaN where there is no slope. Source: Liang and Zeger, Biometrika 73 (1986).
    """
    line = metrics.calibration_slope_intercept(risk, happened)
    if not isfinite(line.slope):
        return Interval(line.slope, NOT_A_NUMBER, NOT_A_NUMBER, 0)
    design = np.stack([np.ones(len(risk)), logit(risk, least=metrics.LEAST_PROBABILITY)], axis=1)
    fitted = expit(design @ np.array([line.intercept, line.slope]))
    bread = np.linalg.pinv((design * (fitted * (1 - fitted))[:, None]).T @ design)
    scores = _by_person(design * (happened - fitted)[:, None], person)
    error = float(np.sqrt((bread @ scores.T @ scores @ bread)[1, 1]))
    return Interval(line.slope, line.slope - _NORMAL * error, line.slope + _NORMAL * error, 0)


def expected_over_observed(risk: FloatArray, happened: NDArray[np.bool_], person: NDArray[Any]) -> Interval:
    """Expected ÷ observed outcomes, with the interval of its logarithm by the delta method over people."""
    expected, observed = float(risk.sum()), int(happened.sum())
    if not observed:
        return Interval(NOT_A_NUMBER, NOT_A_NUMBER, NOT_A_NUMBER, 0)
    of_person = _by_person(np.stack([risk / expected, happened / observed], axis=1), person)
    error = float(np.sqrt(((of_person[:, 0] - of_person[:, 1]) ** 2).sum()))
    ratio = expected / observed
    return Interval(ratio, ratio * exp(-_NORMAL * error), ratio * exp(_NORMAL * error), 0)


def _by_person(values: FloatArray, person: NDArray[Any]) -> FloatArray:
    """Sums of the rows of each person. Shape (people, columns)."""
    which = np.unique(person, return_inverse=True)[1]
    return np.stack([np.bincount(which, weights=column) for column in values.T], axis=1)
