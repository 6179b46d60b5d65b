"""How rosters would have done: forecasts of 43 to 84 days ahead beside the same shift of 8 and of 52 weeks."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.evaluation.place_metrics import poisson_deviances
from crisisrisk.evaluation.place_scores import Paired
from crisisrisk.evaluation.slices import plain_values
from crisisrisk.evaluation.splits import weeks_of
from crisisrisk.features.place import place_counts
from crisisrisk.features.place_past import place_past
from crisisrisk.features.place_roster import MOST_WEEKS, RosterTable, history_of_areas, past_origins, roster_table
from crisisrisk.models.place_distribution import Interval
from crisisrisk.models.place_rules.like_shifts import same_shift_mean
from crisisrisk.models.roster import FEWEST_ORIGINS, fit_roster
from crisisrisk.tables.larger_places import areas_or_whole
from crisisrisk.tables.site import Site
from crisisrisk.timeline import instant
from crisisrisk.training.place_data import PlaceData
from crisisrisk.training.recipe import TrainingRecipe

Numbers = NDArray[np.float64]

JUDGED_WEEKS = ((7, 9), (10, 12))
"""Of the weeks ahead, those that are judged, and in which spans: days 43 to 63 and 64 to 84."""
BASELINE_WEEKS = (8, 52)
MOST_JUDGED = 52


def judge_roster(recipe: TrainingRecipe, data: PlaceData, places: pa.Table, site: Site) -> dict[str, Any]:
    """The part of a backtest that is about rosters: plain values, or `reason` where the data are too short.

    Every origin is a Monday; what holds of a level, and ranges, come from origins all of whose weeks were over by then.
    """
    areas = areas_or_whole(data.cells, places)
    history, complete = history_of_areas(data.history, areas), data.shifts[-1].end
    origins = past_origins(history, site, complete, complete_to=complete, warm_up_days=recipe.grid.warm_up_days)
    first = MOST_WEEKS + FEWEST_ORIGINS
    if len(origins) <= first:
        weeks = first + MOST_WEEKS
        return {
            "reason": f"the data have {len(origins)} Mondays with {MOST_WEEKS} weeks after each; over {weeks} say more"
        }
    table = roster_table(
        history, areas, site, origins, lookback_days=recipe.offset.lookback_days, latency_hours=data.latency_hours
    )
    table = table.only(~np.isin([one.id for one in table.rows.shifts], _flagged(data)))
    counts = place_counts(history, table.rows, cut_off=data.cut_off_us)
    asked = range(max(first, len(origins) - MOST_JUDGED), len(origins))
    judged = np.isin(table.origin, asked) & (table.week >= JUDGED_WEEKS[0][0])
    told = _told(table, counts, asked, judged)
    past = place_past(history, table.only(judged).rows, site, latency_hours=data.latency_hours)
    means = {f"same_shift_mean_{weeks}_weeks": same_shift_mean(past, weeks=weeks) for weeks in BASELINE_WEEKS}
    shifts = table.only(judged)
    week = weeks_of(list(shifts.rows.shifts), site.time_zone)
    paired = Paired(week, seed=recipe.model.seed, resamples=recipe.report.bootstrap_samples)
    spans = {
        f"{7 * low - 6}-{7 * high} days": (shifts.week >= low) & (shifts.week <= high) for low, high in JUDGED_WEEKS
    }
    spans = {"43-84 days": np.ones(len(shifts.week), dtype=bool), **spans}
    expected, whole, parts = told
    found = {
        "origins": len(asked), "first": str(instant(int(shifts.rows.issued_at.min())).date()), "areas": len(areas),
        "levels": {
            name: _level(forecast, came, rules, interval, spans, paired)
            for name, forecast, came, rules, interval in (
                ("whole", expected.sum(axis=1)[:, None], counts[judged].sum(axis=1)[:, None],
                 {rule: values.sum(axis=1)[:, None] for rule, values in means.items()}, whole),
                ("areas", expected, counts[judged], means, parts),
            )
        },
    }  # fmt: skip
    return dict(plain_values(found))


def _flagged(data: PlaceData) -> list[str]:
    """The shifts after the warm-up on a day of far more records than usual."""
    first = data.usable[0] if len(data.usable) else 0
    left_out = np.setdiff1d(np.arange(first, len(data.shifts)), data.usable)
    return [data.shifts[one].id for one in left_out.tolist()]


def _told(
    table: RosterTable, counts: NDArray[np.int32], asked: range, judged: NDArray[np.bool_]
) -> tuple[Numbers, Interval, Interval]:
    """Expected contacts and ranges of the judged shifts, each by what the origins before its own had shown."""
    parts = []
    for origin in asked:
        over = table.origin <= origin - MOST_WEEKS - 1
        own = table.only(judged & (table.origin == origin))
        model = fit_roster(table.only(over), counts[over])
        expected = model.expected(own)
        parts.append((expected, model.whole_interval(own, expected), model.area_interval(own, expected)))
    expected = np.concatenate([one[0] for one in parts])
    return expected, _joined([one[1] for one in parts]), _joined([one[2] for one in parts])


def _joined(parts: list[Interval]) -> Interval:
    return Interval(
        **{name: np.concatenate([getattr(one, name) for one in parts]) for name in ("lower", "upper", "chance")}
    )


def _level(
    expected: Numbers, counts: NDArray[np.int32], rules: Mapping[str, Numbers], interval: Interval,
    spans: Mapping[str, NDArray[np.bool_]], paired: Paired,
) -> dict[str, Any]:  # fmt: skip
    """By span of days ahead: deviance of the roster and of each rule, the gain with its interval, and cover at 80 %."""
    lower, upper, chance = (
        np.reshape(one, expected.shape) for one in (interval.lower, interval.upper, interval.chance)
    )
    own = poisson_deviances(expected, counts).sum(axis=1)
    others = {name: poisson_deviances(values, counts).sum(axis=1) for name, values in rules.items()}
    inside = (lower <= counts) & (counts <= upper)
    series = expected.shape[1]
    return {
        span: {
            "shifts": int(rows.sum()), "mean": float(counts[rows].mean()),
            "deviance": float(own[rows].mean() / series),
            "baselines": {name: float(values[rows].mean() / series) for name, values in others.items()},
            "gains": {
                name: asdict(paired.mean(values - own, series, among=rows)) for name, values in others.items()
            },
            "calibration_ratio": float(counts[rows].sum() / max(expected[rows].sum(), 1e-9)),
            "cover": {"inside": float(inside[rows].mean()), "exact": float(chance[rows].mean())},
        }
        for span, rows in spans.items()
    }  # fmt: skip


def roster_text(found: Mapping[str, Any] | None) -> list[str]:
    """Rosters beside the rules, as lines for a terminal; nothing where none were judged."""
    if found is None:
        return []
    if "reason" in found:
        return ["", f"rosters of 6 to 12 weeks: not judged, {found['reason']}"]
    rules = [f"same_shift_mean_{weeks}_weeks" for weeks in BASELINE_WEEKS]
    head = f"{'roster':<20}{'deviance':>10}" + "".join(f"{f'{weeks} weeks':>10}" for weeks in BASELINE_WEEKS)
    lines = [
        f"{f'{level}, {span}':<20}{one['deviance']:>10.4f}"
        + "".join(f"{one['baselines'][rule]:>10.4f}" for rule in rules)
        + f"{100 * one['cover']['inside']:>11.1f}{100 * one['cover']['exact']:>8.1f}"
        for level, spans in found["levels"].items()
        for span, one in spans.items()
    ]
    return ["", f"{head}{'80 % hold':>11}{'exact':>8}   from {found['origins']} Mondays", *lines]
