"""How forecasts of the same shifts did by how long before the shift they were made."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation.place_levels import issue_time_of
from crisisrisk.evaluation.place_metrics import calibration_ratio, poisson_deviance, poisson_deviances
from crisisrisk.evaluation.place_scores import Paired, ranking
from crisisrisk.evaluation.slices import plain_values
from crisisrisk.models.scattered_forecast import ScatteredForecast


def row_of_report(hours: int, report: Mapping[str, Any], intervals: Mapping[str, Any]) -> dict[str, Any]:
    """The row of the issue time that a whole report is about, plain.

    What is set side by side of levels, the deviance of every baseline and of totals, and how often counts lay inside
    their `intervals` beside the exact chance.
    """
    area = report["by_level"]["area"]
    totals = {"model": area["model"], **area["baselines"]}
    return _row(hours, report, {name: one["deviance"] for name, one in totals.items()}, intervals)


def row_of_time(
    hours: int, told: ScatteredForecast, counts: NDArray[Any], baselines: Mapping[str, ScatteredForecast],
    week: NDArray[np.int64], intervals: Mapping[str, Any], *, area: NDArray[np.float64] | None, seed: int,
    resamples: int,
) -> dict[str, Any]:  # fmt: skip
    """The same of another issue time. Forecasts and counts: shape (shifts, cells); `area`: of the cells, km²."""
    forecasts = {"model": told.expected, **{name: one.expected for name, one in baselines.items()}}
    by_shift = {name: poisson_deviances(values, counts).sum(axis=1) for name, values in forecasts.items()}
    deviance = {name: float(values.sum()) / counts.size for name, values in by_shift.items()}
    best = min(baselines, key=lambda name: deviance[name])
    gain = Paired(week, seed=seed, resamples=resamples).mean(by_shift[best] - by_shift["model"], counts.shape[1])
    ranked = {name: ranking(forecasts[name], counts, area=area, team_cells=None) for name in ("model", best)}
    ratio = calibration_ratio(told.expected, counts)
    report = {
        "cells": counts.shape[1], "events": int(counts.sum()), "best_baseline": best, "gains": {best: asdict(gain)},
        "skill": 1.0 - deviance["model"] / deviance[best] if deviance[best] > 0 else float("nan"),
        "model": {"deviance": deviance["model"], "calibration_ratio": ratio, **ranked["model"]},
        "baselines": {name: {"deviance": deviance[name], **ranked.get(name, {})} for name in baselines},
    }  # fmt: skip
    total = counts.sum(axis=1)
    totals = {name: poisson_deviance(values.sum(axis=1), total) for name, values in forecasts.items()}
    return _row(hours, report, totals, intervals)


def _row(
    hours: int, report: Mapping[str, Any], totals: Mapping[str, float], intervals: Mapping[str, Any]
) -> dict[str, Any]:
    row: dict[str, Any] = plain_values(
        {
            **issue_time_of(report, hours=hours),
            "calibration_ratio": report["model"]["calibration_ratio"],
            "baselines": {name: values["deviance"] for name, values in report["baselines"].items()},
            "totals": dict(totals),
            "cover": {name: intervals[name] for name in ("all_cells", "all_shifts")},
            "worst_cover": intervals["worst"],
        }
    )
    return row


def issue_times_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as aligned lines; empty for a single issue time, which the rest of the report is about."""
    if len(rows) < 2:
        return ""
    head = (
        f"{'by issue time':<16}{'deviance':>10}{'best rule':>11}{'totals':>9}{'rule':>9}{'80 % hold':>11}{'exact':>8}"
    )
    return "\n".join([head, *(_line(row) for row in rows)])


def _line(row: Mapping[str, Any]) -> str:
    best, total, cover = row["best_baseline"], row["totals"], row["cover"]["all_cells"]["80"]
    return (
        f"{hours_in_words(row['hours']):<16}{row['deviance']:>10.4f}{row['baselines'][best]:>11.4f}"
        f"{total['model']:>9.3f}{total[best]:>9.3f}{100 * cover['inside']:>11.1f}{100 * cover['exact']:>8.1f}"
        f"   {best.replace('_', ' ')}"
    )


def hours_in_words(hours: float) -> str:
    """`1 hour before`, `7 days before`."""
    number, unit = (hours / 24, "day") if hours >= 48 and hours % 24 == 0 else (hours, "hour")
    return f"{number:g} {unit}{'' if number == 1 else 's'} before"
