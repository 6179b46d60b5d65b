"""Places as they would have been forecast at many moments of the past: a model for each few, fitted before them.

The origins are fitted at the same time, each by one thread: what a model says does not depend on how many there are.
What is forecast is kept as soon as it is there, so that work that was stopped goes on where it stopped.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np

from crisisrisk.concurrency import in_order
from crisisrisk.evaluation.issue_time_rows import row_of_report
from crisisrisk.evaluation.place_coverage import arrays_of, intervals_of, joined
from crisisrisk.evaluation.place_report import PlaceReport
from crisisrisk.evaluation.splits import ShiftSplit, shift_split, weekly_origins
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.scattered_forecast import ScatteredForecast
from crisisrisk.models.trees import Numbers
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Rhythm, Window, grid
from crisisrisk.training.backtesting import HALF_A_DAY, MODEL, Origins, Tell, runs_of, stage_of
from crisisrisk.training.issue_times import OtherTime, by_hours, other_times
from crisisrisk.training.place import (
    ServedForecast,
    expected_for,
    fit_place,
    fold_of,
    interval_report,
    judge_place,
    record_of_places,
    require_shifts,
    served,
    usable_split,
)
from crisisrisk.training.place_data import PlaceData
from crisisrisk.training.progress import NOTHING_KEPT, Arrays, Progress
from crisisrisk.training.recipe import TrainingRecipe

Ended = Callable[[int, int], None]
"""Hears how many fits are over, and of how many."""


@dataclass(frozen=True)
class PlaceBacktest:
    """The report over all origins, and how often counts lay inside their intervals."""

    report: PlaceReport
    intervals: dict[str, Any]
    places: list[dict[str, Any]]
    """How often each place has been right."""
    issue_times: Sequence[Mapping[str, Any]]
    """How the same shifts were forecast at each issue time of the recipe, the shortest first."""

    def as_json(self) -> dict[str, Any]:
        """The report's plain values, with `intervals`, `places` and `issue_times` among them."""
        more = {"intervals": self.intervals, "places": self.places, "issue_times": list(self.issue_times)}
        return {**self.report.as_json(), **more}


@dataclass(frozen=True, eq=False)
class OriginForecasts:
    """What was forecast at every origin, before it is judged; no feature is held any more."""

    splits: Sequence[ShiftSplit]
    stood: int
    """At how many origins."""
    others: Sequence[OtherTime]
    told: list[Arrays]
    """For each split the arrays of its tested shifts, by name."""

    def served(self, *, at: str = "") -> ServedForecast:
        """What was said at an issue time, the splits one after the other. Once: its parts are given away."""
        own = [{name: one.pop(name) for name in sorted(one) if _is_at(name, at)} for one in self.told]
        return _told([{name.removeprefix(at): values for name, values in one.items()} for one in own])


def forecast_origins(
    recipe: TrainingRecipe,
    features: FeatureRecipe,
    data: PlaceData,
    site: Site,
    origins: Origins,
    *,
    tell: Tell,
    ended: Ended = lambda *_: None,
    progress: Progress = NOTHING_KEPT,
    workers: int = 1,
) -> OriginForecasts:
    """Shifts after each origin, forecast by a model that was fitted on shifts known by then.

    Those that `progress` has are not forecast again. `workers`: how many fits go on at once; nothing depends on it.
    Memory: the features of all shifts, and for each worker the rows of a fit.
    """
    runs = list(place_folds(recipe, data, site, origins))
    splits = [split for _, split in runs]
    others = other_times(recipe, features, data, site, splits)
    alone = replace(recipe, model=replace(recipe.model, threads=1))

    def of(run: tuple[datetime, ...], split: ShiftSplit) -> Arrays:
        about = f"{site.cells.level} {data.cells_known_before.isoformat()}"
        stage = stage_of(split.train, split.validation, split.test, about=about)
        fitting = f"fitting on {len(split.train):,} shifts …"
        tell(f"{run[0]:%-d %b %Y}: {'fitted before' if progress.has(stage) else fitting}")
        return progress.arrays(stage, partial(_forecast, alone, features, data, split, others))

    made = [partial(of, run, split) for run, split in runs]
    told = in_order(made, workers=workers, ended=lambda over: ended(over, len(runs)))
    return OriginForecasts(
        splits,
        sum(len(run) for run, _ in runs),
        [one.without_features() for one in others],
        [dict(one) for one in told],
    )


def judge_origins(
    recipe: TrainingRecipe, data: PlaceData, site: Site, forecasts: OriginForecasts, *, workers: int = 1
) -> PlaceBacktest:
    """The report on what was forecast, beside every simple rule. Needs no feature: see `PlaceData.without_features`."""
    splits, told = forecasts.splits, forecasts.served()
    shifts = np.concatenate([split.test for split in splits])
    folds = [fold_of(split) for split in splits]
    report = judge_place(recipe, data, site, folds, told, origins=forecasts.stood, workers=workers)
    held, places = interval_report(data, shifts, told), record_of_places(data, shifts, told)
    del told
    first = row_of_report(recipe.grid.issue_hours[0], report.as_json(), held)
    rows = [other.judged(splits, forecasts.served(at=_at(other)), workers=workers) for other in forecasts.others]
    return PlaceBacktest(report, held, places, by_hours([first, *rows]))


def _at(other: OtherTime) -> str:
    """What stands before the names of the arrays of a further issue time."""
    return f"{other.hours}h."


def _is_at(name: str, at: str) -> bool:
    """Whether an array is of an issue time: of the first, whose names have nothing before them, for none."""
    return name.startswith(at) if at else not name.partition("h.")[0].isdigit()


def _forecast(
    recipe: TrainingRecipe, features: FeatureRecipe, data: PlaceData, split: ShiftSplit, others: Sequence[OtherTime]
) -> dict[str, Numbers]:
    """What a model fitted on a split says of its test shifts: arrays by name, as a stage keeps them."""
    model = fit_place(recipe, features, data, train=split.train, validation=split.validation)
    found = _arrays(served(model.distribution, data, split.test, expected_for(model, features, data, split.test)))
    for other in others:
        told = other.forecast(model, other.fitted(model, split.validation), split.test)
        found |= {f"{_at(other)}{name}": values for name, values in _arrays(told).items()}
    return found


def _arrays(told: ServedForecast) -> dict[str, Numbers]:
    scattered = told.forecast
    return {
        MODEL: scattered.expected, "dispersion": scattered.dispersion, "shared": scattered.shared,
        **arrays_of(told.intervals),
    }  # fmt: skip


def _told(parts: Sequence[Arrays]) -> ServedForecast:
    """What the stages hold of an issue time, one after the other."""
    forecasts = [
        ScatteredForecast(*(np.asarray(one[name], dtype=np.float64) for name in (MODEL, "dispersion", "shared")))
        for one in parts
    ]
    return ServedForecast(ScatteredForecast.joined(forecasts), joined([intervals_of(one) for one in parts]))


def place_folds(
    recipe: TrainingRecipe, data: PlaceData, site: Site, origins: Origins
) -> Iterator[tuple[tuple[datetime, ...], ShiftSplit]]:
    """For each fit the origins that share it, and its shifts.

    Of origins that nobody named, those before which there is less to train on than to validate on are left out. Raises
    DataError where no origin is left, or a block of one that was named has nothing.
    """
    asked = place_origins(recipe, data, site, origins)
    if origins.start is None and origins.end is None:
        asked = tuple(one for one in asked if _long_enough(_split_at(recipe, data, (one,), origins))) or asked[-1:]
    for run in runs_of(asked, recipe.split.refit_every_origins):
        split = _split_at(recipe, data, run, origins)
        require_shifts(split, before=run[0], wanted="fewer origins, a shorter warm-up, or shorter validation_days")
        yield run, split


def _split_at(recipe: TrainingRecipe, data: PlaceData, run: tuple[datetime, ...], origins: Origins) -> ShiftSplit:
    split = shift_split(
        data.shifts, origin=run[0], test_days=_days_of(run, origins.every_days),
        validation_days=recipe.split.validation_days, issue_hours=recipe.grid.longest_issue_hours,
        latency_hours=data.latency_hours,
    )  # fmt: skip
    return usable_split(split, data)


def _long_enough(split: ShiftSplit) -> bool:
    return len(split.test) > 0 and len(split.train) >= len(split.validation) > 0


def origins_told(asked: int, stood: int) -> str:
    """How many origins stand behind a report, and why where they are fewer than asked for."""
    if stood >= asked:
        return f"{stood} origin" if stood == 1 else f"{stood} origins"
    return f"{stood} of {asked} origins: before the others there is too little to train and to validate on"


def place_origins(recipe: TrainingRecipe, data: PlaceData, site: Site, origins: Origins) -> tuple[datetime, ...]:
    """The moments to stand at: local midnights with a whole block of shifts after them."""
    if origins.start is None and origins.end is None:
        judged = [data.shifts[one] for one in data.usable]
        return weekly_origins(judged, site.time_zone, count=recipe.split.origins, every_days=origins.every_days)
    last = max(data.shifts[one].end for one in data.usable)
    block = timedelta(days=origins.every_days) - HALF_A_DAY
    window = Window(data.shifts[data.usable[0]].start, last)
    whole = [one for one in grid(window, site.time_zone, Rhythm(days=origins.every_days)) if one + block <= last]
    return origins.among(whole, most=recipe.split.origins)


def _days_of(run: Sequence[datetime], every_days: int) -> int:
    return (run[-1] - run[0] + HALF_A_DAY).days + every_days
