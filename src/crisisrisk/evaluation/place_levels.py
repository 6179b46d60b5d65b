"""One forecast recipe judged on several sizes and origins of cells, or at several times before the shift.

How much of a result is the map it was drawn on, and how much is worth knowing late.

Deviance a cell-shift depends on the size of cells and is not set side by side; skill, hit rate and PAI are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crisisrisk.evaluation.slices import plain_values

SHOWN_COVERAGES = ("1", "5", "10")
"""Per cent of the area."""


def level_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """What is set side by side of one level's report: `cells, events, deviance, best_baseline, skill`, and by coverage
    in per cent `hit_rate`, `pai` and, of the best baseline, `best_baseline_hit_rate`."""
    best = report["baselines"][report["best_baseline"]]
    by_coverage = {
        name: {percent: source[metric][percent] for percent in SHOWN_COVERAGES}
        for name, source, metric in (
            ("hit_rate", report["model"], "hit_rate"),
            ("pai", report["model"], "pai"),
            ("best_baseline_hit_rate", best, "hit_rate"),
        )
    }
    named = {name: report[name] for name in ("cells", "events", "best_baseline", "skill")}
    return {**named, "deviance": report["model"]["deviance"], **by_coverage}


def issue_time_of(report: Mapping[str, Any], *, hours: float) -> dict[str, Any]:
    """What is set side by side of one issue time's report: `hours` before the shift, and what `level_of` gives.

    And the `gain` over the best baseline, with its interval.
    """
    return {"hours": hours, **level_of(report), "gain": report["gains"][report["best_baseline"]]}


def spread_of(levels: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Least, mean and greatest over the levels, of `skill` and by coverage of `hit_rate` and `pai`."""
    found: dict[str, Any] = {"skill": _spread([level["skill"] for level in levels.values()])}
    for name in ("hit_rate", "pai"):
        found[name] = {
            percent: _spread([level[name][percent] for level in levels.values()]) for percent in SHOWN_COVERAGES
        }
    return dict(plain_values(found))


def _spread(values: Sequence[float | None]) -> dict[str, float]:
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return dict.fromkeys(("least", "mean", "greatest"), float("nan"))
    return {"least": float(known.min()), "mean": float(known.mean()), "greatest": float(known.max())}


def levels_text(levels: Mapping[str, Mapping[str, Any]]) -> str:
    """The levels as aligned lines, and their spread."""
    width = max(len(level) for level in (*levels, "spread"))
    head = f"{'':<{width}}{'cells':>9}{'skill':>10}" + "".join(f"{f'hit at {one} %':>14}" for one in SHOWN_COVERAGES)
    lines = [
        f"{name:<{width}}{level['cells']:>9,}{_shown(level['skill']):>10}"
        + "".join(f"{_shown(level['hit_rate'][one]):>14}" for one in SHOWN_COVERAGES)
        for name, level in levels.items()
    ]
    spread = spread_of(levels)
    width += 9
    last = f"{'spread':<{width}}{_range(spread['skill']):>10}" + "".join(
        f"{_range(spread['hit_rate'][one]):>14}" for one in SHOWN_COVERAGES
    )
    return "\n".join([head, *lines, last])


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _range(spread: Mapping[str, float | None]) -> str:
    least, greatest = spread["least"], spread["greatest"]
    return "–" if least is None or greatest is None else f"{greatest - least:.3f}"
