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
from crisisrisk.evaluation.calibration_draws import BinnedCalibration
from crisisrisk.evaluation.groupings import MEANINGS, merged, place_in_order
from crisisrisk.evaluation.judged import JudgedPredictions
from crisisrisk.evaluation.logistic import FloatArray
from crisisrisk.evaluation.slices import Groups, Lists, plain_values, share

FEWEST_PEOPLE, FEWEST_OUTCOMES, FEWEST_LISTED = 50, 10, 10
TOO_FEW = "too few to say"
WILSON = 1.96
"""Standard normal deviates on either side of a 95 % interval."""

METRICS = (
    "prevalence", "auroc", "selection_rate", "precision_at_k", "recall_at_k", "false_alarm_rate",
    "calibration_in_the_large", "calibration_slope",
)  # fmt: skip


def subgroup_report(predictions: JudgedPredictions) -> list[dict[str, Any]]:
    """For each grouping its `meaning`, how many values were `merged`, and for each value sizes and metrics.

    Each metric is `{value, lower, upper}`. Under 50 people or 10 outcomes a group has no metric but
    `says: too few to say`; with under 10 rows listed, `precision_at_k` is null. Time grows with groupings × resamples
    × rows.
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
    shown = _Grouping(predictions, group.astype(np.int64), listed)
    intervals = shown.intervals(draws)
    found = [
        {"value": str(names[place]), **shown.sizes(place), **shown.said(place, intervals[place])}
        for place in sorted(range(len(names)), key=lambda one: place_in_order(str(names[one])))
    ]
    return {"merged": together, "values": plain_values(found)}


class _Grouping:
    """The rows of everybody, parted into groups numbered from 0."""

    def __init__(self, predictions: JudgedPredictions, group: NDArray[np.int64], listed: NDArray[np.bool_]) -> None:
        self._risk, self._happened, self._person = predictions.risk, predictions.happened, predictions.person
        self._group, self._listed = group, listed
        self._sorted = Groups(self._risk, self._happened, group)
        self._rows = [np.flatnonzero(group == one) for one in range(self._sorted.count)]
        self._enough = [self._people(rows) >= FEWEST_PEOPLE and self._outcomes(rows) >= FEWEST_OUTCOMES
                        for rows in self._rows]  # fmt: skip
        self._calibration = {
            one: BinnedCalibration(self._risk[rows], self._happened[rows])
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
        return {
            name: {"value": found.value, "lower": found.lower, "upper": found.upper}
            for name, found in intervals.items()
        } | ({"precision_at_k": None} if self.sizes(one)["listed"] < FEWEST_LISTED else {})

    def intervals(self, draws: Draws) -> list[dict[str, Interval]]:
        """For each group the interval of each metric."""
        shares = self._shares(draws)
        found = []
        resampled = [(self._sorted.ranked(weights)[:, 0], *self._calibrated(weights)) for weights in draws.weights()]
        table = np.array(resampled).reshape(len(draws), 3, self._sorted.count)
        for one, rows in enumerate(self._rows):
            values = {**{name: part[:, one] for name, part in shares.items()},
                      "auroc": table[:, 0, one], "calibration_in_the_large": table[:, 1, one],
                      "calibration_slope": table[:, 2, one]}  # fmt: skip
            point, sizes = self._point(rows), self._people_behind(rows)
            found.append({name: _interval(point[name], values[name], sizes.get(name)) for name in METRICS})
        return found

    def _point(self, rows: Rows) -> dict[str, float]:
        risk, happened, listed = self._risk[rows], self._happened[rows], self._listed[rows]
        return {
            "prevalence": _mean(happened),
            "auroc": metrics.auroc(risk, happened),
            "selection_rate": _mean(listed),
            "precision_at_k": _mean(happened[listed]),
            "recall_at_k": _mean(listed[happened]),
            "false_alarm_rate": _mean(listed[~happened]),
            "calibration_in_the_large": metrics.calibration_in_the_large(risk, happened),
            "calibration_slope": metrics.calibration_slope_intercept(risk, happened).slope,
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

    def _calibrated(self, weights: Rows) -> tuple[FloatArray, FloatArray]:
        large, slope = (np.full(self._sorted.count, np.nan) for _ in range(2))
        for one, binned in self._calibration.items():
            of_group = weights[self._rows[one]]
            large[one], slope[one] = binned.in_the_large(of_group), binned.slope(of_group)
        return large, slope

    def _shares(self, draws: Draws) -> dict[str, FloatArray]:
        """The metrics that divide two counts of rows, in each resample. Shape (resamples, groups) each."""
        member = self._group[:, None] == np.arange(self._sorted.count)
        happened, listed = self._happened[:, None], self._listed[:, None]
        rows, outcomes, taken, hits = (
            draws.sums(member & part) for part in (np.True_, happened, listed, listed & happened)
        )
        return {
            "prevalence": share(outcomes, rows),
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
