"""The same by subgroup: how a model ranks, how often it lists whom, and whether its probabilities mean what they say.

Ranking and calibration are computed on all rows of a group together. Who is listed is decided once, among everybody:
`precision_at_k` and `recall_at_k` ask of those lists how they served the group.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation import metrics
from crisisrisk.evaluation.bootstrap import Draws, Interval, Rows, percentile_interval
from crisisrisk.evaluation.calibration_curve import calibration_curve
from crisisrisk.evaluation.calibration_draws import BinnedCalibration
from crisisrisk.evaluation.groupings import MEANINGS, merged, place_in_order
from crisisrisk.evaluation.judged import JudgedPredictions
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.person_report import THRESHOLDS, calibration_metrics, worth
from crisisrisk.evaluation.slices import Groups, Lists, plain_values, share

FEWEST_PEOPLE, FEWEST_OUTCOMES, FEWEST_LISTED = 50, 10, 10
TOO_FEW = "too few to say"
WILSON = 1.96
"""Standard normal deviates on either side of a 95 % interval."""

_RANKED = ("auroc", "auprc", "sensitivity_at_85_specificity")
_CALIBRATED = ("calibration_in_the_large", "calibration_slope", "calibration_intercept", "ici")
METRICS = (
    "prevalence", *_RANKED, "auprc_over_prevalence", "selection_rate", "precision_at_k", "recall_at_k",
    "false_alarm_rate", *_CALIBRATED, "brier", "scaled_brier",
)  # fmt: skip


def subgroup_report(predictions: JudgedPredictions) -> list[dict[str, Any]]:
    """For each grouping its `meaning`, how many values were `merged`, and for each value sizes and metrics.

    Each metric is `{value, lower, upper}`; `net_benefit` lists the same by threshold, beside treating everybody.
    Under 50 people or 10 outcomes a group has no metric but `says: too few to say`; with under 10 rows listed,
    `precision_at_k` is null. Time grows with groupings × resamples × rows.
    """
    judging, judged = predictions.judging, predictions.rows
    once = np.ones(len(predictions), dtype=np.int64)
    listed = Lists(predictions.risk, judged, judging.list_length).listed(once) > 0
    draws = Draws(judged.person, seed=judging.seed, resamples=judging.resamples)
    return [
        {"group": name, **_grouping(predictions, values, listed, draws), "meaning": MEANINGS.get(name, name)}
        for name, values in predictions.groups.items()
    ]


def _grouping(
    predictions: JudgedPredictions, values: NDArray[Any], listed: NDArray[np.bool_], draws: Draws
) -> dict[str, Any]:
    words, together = merged(values, most=predictions.judging.most_groups, outcomes=predictions.happened)
    names, group = np.unique(words.astype(str), return_inverse=True)
    shown = _Grouping(predictions, group.astype(np.int64), listed, draws)
    intervals = shown.intervals()
    found = [
        {"value": str(names[place]), **shown.sizes(place), **shown.said(place, intervals[place])}
        for place in sorted(range(len(names)), key=lambda one: place_in_order(str(names[one])))
    ]
    return {"merged": together, "values": plain_values(found)}


class _Grouping:
    """The rows of everybody, parted into groups numbered from 0."""

    def __init__(
        self, predictions: JudgedPredictions, group: NDArray[np.int64], listed: NDArray[np.bool_], draws: Draws
    ) -> None:
        self._risk, self._happened, self._person = predictions.risk, predictions.happened, predictions.person
        self._group, self._listed, self._draws = group, listed, draws
        self._sorted = Groups(self._risk, self._happened, group)
        self._rows = [np.flatnonzero(group == one) for one in range(self._sorted.count)]
        self._enough = [self._people(rows) >= FEWEST_PEOPLE and self._outcomes(rows) >= FEWEST_OUTCOMES
                        for rows in self._rows]  # fmt: skip
        self._calibration = {
            one: BinnedCalibration(
                self._risk[rows],
                self._happened[rows],
                knots=calibration_curve(self._risk[rows], self._happened[rows]).knots,
            )
            for one, rows in enumerate(self._rows)
            if self._enough[one]
        }

    def sizes(self, one: int) -> dict[str, int]:
        rows = self._rows[one]
        return {
            "people": self._people(rows),
            "rows": len(rows),
            "outcomes": self._outcomes(rows),
            "listed": int(np.count_nonzero(self._listed[rows])),
        }

    def said(self, one: int, intervals: Mapping[str, Interval]) -> dict[str, Any]:
        if not self._enough[one]:
            return {"says": TOO_FEW}
        return (
            {
                name: {"value": found.value, "lower": found.lower, "upper": found.upper}
                for name, found in intervals.items()
            }
            | {"net_benefit": self._decisions(one)}
            | ({"precision_at_k": None} if self.sizes(one)["listed"] < FEWEST_LISTED else {})
        )

    def intervals(self) -> list[dict[str, Interval]]:
        """For each group the interval of each metric; nothing for one of too few."""
        shares = self._shares()
        found: list[dict[str, Interval]] = []
        resampled = [
            np.concatenate([self._sorted.ranked(weights).T, self._calibrated(weights)])
            for weights in self._draws.weights()
        ]
        together = (*_RANKED, *_CALIBRATED)
        table = np.array(resampled).reshape(len(self._draws), len(together), self._sorted.count)
        for one, rows in enumerate(self._rows):
            if not self._enough[one]:
                found.append({})
                continue
            values = {**{name: part[:, one] for name, part in shares.items()},
                      **{name: table[:, place, one] for place, name in enumerate(together)}}  # fmt: skip
            values["auprc_over_prevalence"] = share(values["auprc"], values["prevalence"])
            point, sizes = self._point(rows), self._people_behind(rows)
            found.append({name: _interval(point[name], values[name], sizes.get(name)) for name in METRICS})
        return found

    def _point(self, rows: Rows) -> dict[str, float]:
        risk, happened, listed = self._risk[rows], self._happened[rows], self._listed[rows]
        return {
            "prevalence": _mean(happened),
            "auroc": metrics.auroc(risk, happened),
            "auprc": metrics.auprc(risk, happened),
            "auprc_over_prevalence": metrics.auprc_over_prevalence(risk, happened),
            "sensitivity_at_85_specificity": metrics.sensitivity_at_specificity(risk, happened),
            "brier": metrics.brier(risk, happened),
            "scaled_brier": metrics.scaled_brier(risk, happened),
            "selection_rate": _mean(listed),
            "precision_at_k": _mean(happened[listed]),
            "recall_at_k": _mean(listed[happened]),
            "false_alarm_rate": _mean(listed[~happened]),
            **{name: value for name, value in calibration_metrics(risk, happened).items() if name in _CALIBRATED},
        }

    def _people_behind(self, rows: Rows) -> dict[str, int]:
        """For each metric that divides two counts the people whose rows it divides by."""
        happened, listed = self._happened[rows], self._listed[rows]
        return {
            "prevalence": self._people(rows),
            "selection_rate": self._people(rows),
            "precision_at_k": self._people(rows[listed]),
            "recall_at_k": self._people(rows[happened]),
            "false_alarm_rate": self._people(rows[~happened]),
        }

    def _calibrated(self, weights: Rows) -> FloatArray:
        """Shape (metrics of `_CALIBRATED`, groups)."""
        found = np.full((len(_CALIBRATED), self._sorted.count), np.nan)
        for one, binned in self._calibration.items():
            of_group = weights[self._rows[one]]
            intercept, slope = binned.line(of_group)
            errors = binned.errors(of_group, np.empty(0))[0]
            found[:, one] = binned.in_the_large(of_group), slope, intercept, errors[0]
        return found

    def _decisions(self, one: int) -> list[dict[str, float]]:
        """Net benefit by threshold, with its interval, and that of treating everybody."""
        rows = self._rows[one]
        risk, happened, inside = self._risk[rows], self._happened[rows], self._group == one
        worths = np.stack([worth(self._risk, self._happened, at) * inside for at in THRESHOLDS], axis=1)
        resampled = share(self._draws.sums(worths), self._draws.sums(inside)[:, None] * np.ones(len(THRESHOLDS)))
        found = []
        for place, at in enumerate(THRESHOLDS):
            interval = percentile_interval(metrics.net_benefit(risk, happened, threshold=at), resampled[:, place])
            everyone = metrics.net_benefit_of_all(happened, threshold=at)
            found.append({"threshold": at, "value": interval.value, "lower": interval.lower, "upper": interval.upper,
                          "everyone": everyone})  # fmt: skip
        return found

    def _shares(self) -> dict[str, FloatArray]:
        """The metrics that divide two counts of rows, in each resample. Shape (resamples, groups) each."""
        member = self._group[:, None] == np.arange(self._sorted.count)
        happened, listed = self._happened[:, None], self._listed[:, None]
        rows, outcomes, taken, hits = (
            self._draws.sums(member & part) for part in (np.True_, happened, listed, listed & happened)
        )
        squares = self._draws.sums(member * ((self._risk - self._happened) ** 2)[:, None])
        prevalence, brier = share(outcomes, rows), share(squares, rows)
        return {
            "prevalence": prevalence,
            "brier": brier,
            "scaled_brier": 1.0 - share(brier, prevalence * (1.0 - prevalence)),
            "selection_rate": share(taken, rows),
            "precision_at_k": share(hits, taken),
            "recall_at_k": share(hits, outcomes),
            "false_alarm_rate": share(taken - hits, rows - outcomes),
        }

    def _people(self, rows: Rows) -> int:
        return len(np.unique(self._person[rows]))

    def _outcomes(self, rows: Rows) -> int:
        return int(np.count_nonzero(self._happened[rows]))


def _interval(value: float, resampled: FloatArray, people: int | None) -> Interval:
    """From the resamples. A share of nothing or of all comes out the same in each: it gets Wilson's (1927) interval.

    `people`: how many the share divides by; rows of one person say little more than one row.
    """
    found = percentile_interval(value, resampled)
    if not people or value not in (0.0, 1.0):
        return found
    reach = WILSON**2 / (people + WILSON**2)
    lower, upper = (0.0, reach) if value == 0.0 else (1.0 - reach, 1.0)
    return Interval(value, lower, upper, found.resamples)


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else metrics.NOT_A_NUMBER
