"""How a model of people did, week by week, beside its baselines: mean and spread over slices, with intervals.

A slice is one `as_of`: the list a team would have had that week. Ranking metrics are computed within a slice and
averaged over the slices that have a value; calibration and net benefit need many outcomes and are computed on all rows.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crisisrisk.evaluation import metrics
from crisisrisk.evaluation.bootstrap import Interval, Rows, clustered_interval, paired_difference
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.metrics import NOT_A_NUMBER, Happened

RANKINGS: Mapping[str, Callable[[FloatArray, Happened], float]] = {
    "auroc": metrics.auroc,
    "auprc": metrics.auprc,
    "auprc_over_prevalence": metrics.auprc_over_prevalence,
    "sensitivity_at_85_specificity": metrics.sensitivity_at_specificity,
}
LISTS: Mapping[str, Callable[..., float]] = {
    "precision_at_k": metrics.precision_at_k,
    "recall_at_k": metrics.recall_at_k,
}
PROBABILITIES: Mapping[str, Callable[[FloatArray, Happened], float]] = {
    "brier": metrics.brier,
    "scaled_brier": metrics.scaled_brier,
}
WITH_INTERVALS = ("auroc", "auprc", "precision_at_k", "recall_at_k")

FEWEST_PEOPLE, FEWEST_OUTCOMES = 50, 10
TOO_FEW = "too few to say"


NO_TEAM = ""


@dataclass(frozen=True, kw_only=True)
class JudgedRows:
    """The rows a report is about: observed test rows. Every array has shape (rows,).

    `as_of`: the slice of each row. `person`: who, as any number or id, only to keep a person's rows together.
    `team`: the list a row competes for within its slice; without it there is one list a slice.
    """

    happened: Happened
    as_of: NDArray[np.int64]
    person: NDArray[Any]
    team: NDArray[Any] | None = None

    def lists(self) -> NDArray[np.int64]:
        """For each row the team × slice it competes in; -1 for somebody on no team's caseload, whom nobody lists."""
        slices: NDArray[np.int64] = np.unique(self.as_of, return_inverse=True)[1].astype(np.int64)
        if self.team is None:
            return slices
        teams = np.unique(self.team.astype(str), return_inverse=True)[1]
        lists: NDArray[np.int64] = slices * (teams.max(initial=0) + 1) + teams
        nobody = self.team.astype(str) == NO_TEAM
        # Where no team is known at all, everyone competes for one list.
        return slices if nobody.all() else np.where(nobody, -1, lists)

    def where(self, rows: NDArray[Any]) -> "JudgedRows":
        """Only the rows of a mask or of indices."""
        team = None if self.team is None else self.team[rows]
        return JudgedRows(happened=self.happened[rows], as_of=self.as_of[rows], person=self.person[rows], team=team)


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
    """Of the model's metrics, people drawn whole."""
    gains: Mapping[str, Mapping[str, Interval]]
    """Model − baseline, on the same draws, by baseline and metric."""
    net_benefit: Sequence[Mapping[str, float]]
    """For each threshold the net benefit of the model, of acting on everyone and of acting on nobody."""

    @property
    def prevalence(self) -> float:
        """Share of rows with the outcome."""
        return self.outcomes / self.rows if self.rows else NOT_A_NUMBER

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON: `slices, model{…}, baselines{name: {…}}` and the rest of the report."""
        values: dict[str, Any] = plain_values({**asdict(self), "prevalence": self.prevalence})
        return values


def plain_values(value: Any) -> Any:
    """The same with only dictionaries, lists, text and numbers that JSON knows: NaN and infinity become None."""
    if isinstance(value, Mapping):
        return {str(key): plain_values(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def person_report(
    risk: ArrayLike,
    judged: JudgedRows,
    *,
    baselines: Mapping[str, FloatArray],
    probabilities: Collection[str] = ("five_factor_regression",),
    list_length: int = 25,
    thresholds: Sequence[float] = (0.02, 0.05, 0.1, 0.2, 0.3),
    seed: int,
    resamples: int = 200,
) -> PersonReport:
    """A model's report. `risk`: the model's probabilities, shape (rows,).

    `baselines`: risks by name; `probabilities`: the baselines whose risks are probabilities. Each resample sorts every
    slice again: time grows with resamples × (1 + 2 × baselines) × rows. Raises ModelError for risks of NaN.
    """
    risks = np.asarray(risk, dtype=np.float64)
    model, spread = slice_metrics(risks, judged, list_length=list_length, probability=True)
    others = {
        name: slice_metrics(values, judged, list_length=list_length, probability=name in probabilities)
        for name, values in baselines.items()
    }
    interval = partial(_intervals, judged=judged, list_length=list_length, seed=seed, resamples=resamples)
    return PersonReport(
        slices=len(np.unique(judged.as_of)),
        rows=len(risks),
        people=len(np.unique(judged.person)),
        outcomes=int(np.count_nonzero(judged.happened)),
        list_length=list_length,
        model=model,
        baselines={name: means for name, (means, _) in others.items()},
        spread={"model": spread, **{name: spreads for name, (_, spreads) in others.items()}},
        intervals=interval(risks),
        gains={name: interval(risks, other=values) for name, values in baselines.items()},
        net_benefit=[_decision(risks, judged.happened, threshold) for threshold in thresholds],
    )


def slice_metrics(
    risk: FloatArray, judged: JudgedRows, *, list_length: int, probability: bool
) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and standard deviation over slices of every metric, then the metrics of all rows together (mean only)."""
    means, spreads = {}, {}
    for name, per_slice in _slice_functions(risk, judged, list_length, probability).items():
        values = np.array([per_slice(rows) for rows in slices_of(judged.as_of)])
        values = values[np.isfinite(values)]
        means[name] = float(values.mean()) if len(values) else NOT_A_NUMBER
        spreads[name] = float(values.std(ddof=1)) if len(values) > 1 else NOT_A_NUMBER
    if probability:
        means.update(calibration_metrics(risk, judged.happened))
    return means, spreads


def calibration_metrics(risk: FloatArray, happened: Happened) -> dict[str, float]:
    """Whether probabilities mean what they say, on all rows together."""
    line = metrics.calibration_slope_intercept(risk, happened)
    return {
        "calibration_slope": line.slope,
        "calibration_intercept": line.intercept,
        "calibration_in_the_large": metrics.calibration_in_the_large(risk, happened),
        "expected_calibration": metrics.expected_calibration(risk, happened),
    }


def slices_of(as_of: NDArray[np.int64]) -> list[Rows]:
    """The rows of each slice, slices in order of time."""
    which = np.unique(as_of, return_inverse=True)[1]
    order = np.argsort(which, kind="stable")
    return np.split(order, np.cumsum(np.bincount(which))[:-1]) if len(as_of) else []


def _slice_functions(
    risk: FloatArray, judged: JudgedRows, list_length: int, probability: bool
) -> dict[str, Callable[[Rows], float]]:
    lists, happened = judged.lists(), judged.happened

    def of(metric: Callable[..., float]) -> Callable[[Rows], float]:
        return lambda rows: metric(risk[rows], happened[rows])

    def of_lists(metric: Callable[..., float]) -> Callable[[Rows], float]:
        return lambda rows: metric(risk[rows], happened[rows], k=list_length, lists=lists[rows])

    functions = {name: of(metric) for name, metric in RANKINGS.items()}
    functions.update({name: of_lists(metric) for name, metric in LISTS.items()})
    if probability:
        functions.update({name: of(metric) for name, metric in PROBABILITIES.items()})
    return functions


def _mean_over_slices(per_slice: Callable[[Rows], float], as_of: NDArray[np.int64]) -> Callable[[Rows], float]:
    def mean(rows: Rows) -> float:
        values = [per_slice(rows[inside]) for inside in slices_of(as_of[rows])]
        known = [value for value in values if isfinite(value)]
        return sum(known) / len(known) if known else NOT_A_NUMBER

    return mean


def _intervals(
    risk: FloatArray,
    *,
    judged: JudgedRows,
    list_length: int,
    seed: int,
    resamples: int,
    other: FloatArray | None = None,
) -> dict[str, Interval]:
    """Intervals of means over slices, of one risk or of the difference to another."""
    mine = _slice_functions(risk, judged, list_length, False)
    theirs = None if other is None else _slice_functions(other, judged, list_length, False)
    found = {}
    for name in WITH_INTERVALS:
        first = _mean_over_slices(mine[name], judged.as_of)
        if theirs is None:
            found[name] = clustered_interval(first, judged.person, seed=seed, resamples=resamples)
        else:
            second = _mean_over_slices(theirs[name], judged.as_of)
            found[name] = paired_difference(first, second, judged.person, seed=seed, resamples=resamples)
    return found


def _decision(risk: FloatArray, happened: Happened, threshold: float) -> dict[str, float]:
    return {
        "threshold": threshold,
        "model": metrics.net_benefit(risk, happened, threshold=threshold),
        "everyone": metrics.net_benefit_of_all(happened, threshold=threshold),
        "nobody": 0.0,
    }


# Subgroups


def subgroup_metrics(risk: FloatArray, judged: JudgedRows, groups: Mapping[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """One dictionary for each value of each grouping: `group, value, people, outcomes` and metrics on its rows.

    `groups`: by name an array of shape (rows,), such as sex or age band. Under 50 people or 10 outcomes there is no
    number but `says: too few to say`.
    """
    found = []
    for name, values in groups.items():
        texts = values.astype(str)
        for value in np.unique(texts):
            inside = judged.where(texts == value)
            found.append({"group": name, "value": str(value), **_subgroup(risk[texts == value], inside)})
    return found


def _subgroup(risk: FloatArray, judged: JudgedRows) -> dict[str, Any]:
    people, outcomes = len(np.unique(judged.person)), int(np.count_nonzero(judged.happened))
    sizes = {"people": people, "rows": len(risk), "outcomes": outcomes}
    if people < FEWEST_PEOPLE or outcomes < FEWEST_OUTCOMES:
        return {**sizes, "says": TOO_FEW}
    ranked = {name: metric(risk, judged.happened) for name, metric in {**RANKINGS, **PROBABILITIES}.items()}
    values: dict[str, Any] = plain_values({**ranked, **calibration_metrics(risk, judged.happened)})
    return {**sizes, **values}
