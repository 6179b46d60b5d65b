"""Stand at many moments of the past, fit on rows whose outcome was over by then, judge against what came.

Features and cohorts see what was known at their own moment. Labels, and the counts behind the baselines, use the
versions known at the end of the data: a late report counts for a fold that could not yet have had it.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.evaluation.issue_time_rows import row_of_report
from crisisrisk.evaluation.person_report import PersonReport
from crisisrisk.evaluation.place_coverage import arrays_of, intervals_of, joined
from crisisrisk.evaluation.place_report import PlaceReport
from crisisrisk.evaluation.splits import (
    TEST,
    TRAIN,
    VALIDATION,
    ShiftSplit,
    shift_split,
    temporal_split,
    weekly_origins,
)
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.scattered_forecast import ScatteredForecast
from crisisrisk.models.trees import Numbers
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Rhythm, Window, grid, instant
from crisisrisk.training.issue_times import OtherTime, by_hours, other_times
from crisisrisk.training.person import baselines_for, fit_person, judge_person, risk_of
from crisisrisk.training.person_data import PersonData
from crisisrisk.training.place import (
    ServedForecast,
    expected_for,
    fit_place,
    fold_of,
    interval_report,
    judge_place,
    record_of_places,
    served,
    usable_split,
)
from crisisrisk.training.place_data import PlaceData
from crisisrisk.training.progress import NOTHING_KEPT, Arrays, Progress
from crisisrisk.training.recipe import TrainingRecipe

FOLDS = 5
MODEL = "model"
"""Among what a fold gives, by the names of baselines, what the model said."""
HALF_A_DAY = timedelta(hours=12)

Tell = Callable[[str], None]
Part = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True)
class Origins:
    """Which moments to stand at: those from `start` to `end` (both may be left out), `every_days` apart."""

    every_days: int = 7
    start: datetime | None = None
    end: datetime | None = None

    def among(self, moments: Sequence[datetime], *, most: int) -> tuple[datetime, ...]:
        """Of ascending moments those asked for; without a start the last `most`. Raises DataError for none."""
        inside = [
            moment for moment in moments
            if (self.start is None or moment >= self.start) and (self.end is None or moment <= self.end)
        ]  # fmt: skip
        chosen = inside if self.start is not None else inside[-most:]
        if not chosen:
            raise DataError(
                "CR-TRAIN-002", "there is no moment to stand at", where="--from and --to",
                found=f"{moments[0]:%Y-%m-%d} to {moments[-1]:%Y-%m-%d}" if moments else "no moment in the data",
            )  # fmt: skip
        return tuple(chosen)


def _runs(origins: Sequence[datetime], length: int) -> Iterator[tuple[datetime, ...]]:
    """Origins that share a fit."""
    for start in range(0, len(origins), length):
        yield tuple(origins[start : start + length])


# People


def backtest_people(
    recipe: TrainingRecipe,
    features: FeatureRecipe,
    data: PersonData,
    origins: Origins,
    *,
    tell: Tell,
    progress: Progress = NOTHING_KEPT,
) -> PersonReport:
    """Weekly lists, each by a model fitted before it; without calendar dates, every person by others' model.

    A fold that `progress` has is not fitted again.
    """
    rows: list[NDArray[np.int64]] = []
    said: list[Arrays] = []
    for text, parts in person_folds(recipe, data, origins):
        rows.append(np.flatnonzero(parts == TEST))
        stage = _stage(parts)
        fitting = f"fitting on {np.count_nonzero(parts == TRAIN):,} rows …"
        tell(f"{text}: {'fitted before' if progress.has(stage) else fitting}")
        said.append(progress.arrays(stage, partial(_said_of, recipe, features, data, parts)))
    risk, *others = (np.concatenate([one[name] for one in said]) for name in said[0])
    baselines = dict(zip(list(said[0])[1:], others, strict=True))
    return judge_person(recipe, data, np.concatenate(rows), risk, baselines)


def _said_of(recipe: TrainingRecipe, features: FeatureRecipe, data: PersonData, parts: Part) -> dict[str, Numbers]:
    """What a model fitted on a fold says of its test rows, and then what the baselines say, by name."""
    test = np.flatnonzero(parts == TEST)
    model = fit_person(recipe, features, data, parts)
    risk = risk_of(model, features, data, test)
    return {MODEL: risk, **baselines_for(data, np.flatnonzero(parts == TRAIN), test)}


def _stage(*arrays: NDArray[Any], about: str = "") -> str:
    """The name of a fold by the rows that it is made of."""
    digest = hashlib.sha256(about.encode())
    for array in arrays:
        digest.update(str(len(array)).encode() + array.tobytes())
    return f"fold-{digest.hexdigest()[:16]}"


def person_folds(recipe: TrainingRecipe, data: PersonData, origins: Origins) -> Iterator[tuple[str, Part]]:
    """For each fit its name, and the part of every row: 0 train, 1 validation, 2 test, -1 none."""
    if recipe.split.kind == "person":
        return _folds_of_people(recipe, data)
    return _time_folds(recipe, data, origins)


def _time_folds(recipe: TrainingRecipe, data: PersonData, origins: Origins) -> Iterator[tuple[str, Part]]:
    moments = [instant(moment) for moment in np.unique(data.as_of)]
    spaced = _spaced(moments, origins.every_days)
    for run in _runs(origins.among(spaced, most=recipe.split.origins), recipe.split.refit_every_origins):
        # The block runs to its last origin; dates between origins that are not asked for train nothing.
        split = temporal_split(
            [moment for moment in moments if moment <= run[-1] and (moment < run[0] or moment in run)],
            horizon_days=recipe.outcome.horizon_days,
            gap_days=recipe.outcome.gap_days + recipe.split.gap_days,
            validation_days=recipe.split.validation_days,
            test_days=(run[-1] - run[0] + HALF_A_DAY).days + 1,
        )
        yield f"{run[0]:%-d %b %Y}", split.part_of(data.as_of)


def _spaced(moments: Sequence[datetime], days: int) -> list[datetime]:
    """Of ascending moments, counted back from the last, those at least so many days apart."""
    chosen: list[datetime] = []
    for moment in reversed(moments):
        if not chosen or chosen[-1] - moment > timedelta(days=days) - HALF_A_DAY:
            chosen.append(moment)
    return chosen[::-1]


def _folds_of_people(recipe: TrainingRecipe, data: PersonData) -> Iterator[tuple[str, Part]]:
    """Every person is judged once, by a model that saw none of their rows."""
    random = np.random.default_rng(recipe.model.seed)
    order = np.argsort(data.person_ids, kind="stable")
    fold_of = np.empty(len(order), dtype=np.int64)
    fold_of[order] = random.permutation(len(order)) % FOLDS
    for fold in range(FOLDS):
        of_person = np.full(len(order), TRAIN, dtype=np.int8)
        of_person[fold_of == fold] = TEST
        of_person[fold_of == (fold + 1) % FOLDS] = VALIDATION
        yield f"fold {fold + 1} of {FOLDS}", of_person[data.person]


# Places


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


def backtest_places(
    recipe: TrainingRecipe,
    features: FeatureRecipe,
    data: PlaceData,
    site: Site,
    origins: Origins,
    *,
    tell: Tell,
    progress: Progress = NOTHING_KEPT,
) -> PlaceBacktest:
    """Shifts after each origin, forecast by a model that was fitted on shifts known by then.

    Those that `progress` has are not forecast again.
    """
    found: list[Arrays] = []
    stood = 0
    runs = list(place_folds(recipe, data, site, origins))
    splits = [split for _, split in runs]
    others = other_times(recipe, features, data, site, splits)
    for run, split in runs:
        about = f"{site.cells.level} {data.cells_known_before.isoformat()}"
        stage = _stage(split.train, split.validation, split.test, about=about)
        fitting = f"fitting on {len(split.train):,} shifts …"
        tell(f"{run[0]:%-d %b %Y}: {'fitted before' if progress.has(stage) else fitting}")
        found.append(progress.arrays(stage, partial(_forecast, recipe, features, data, split, others)))
        stood += len(run)
    shifts = np.concatenate([split.test for split in splits])
    told = _told(found)
    report = judge_place(recipe, data, site, [fold_of(split) for split in splits], told, origins=stood)
    held = interval_report(data, shifts, told)
    first = row_of_report(recipe.grid.issue_hours[0], report.as_json(), held)
    rows = by_hours([first, *(other.judged(splits, _told(found, at=_at(other))) for other in others)])
    return PlaceBacktest(report, held, record_of_places(data, shifts, told), rows)


def _at(other: OtherTime) -> str:
    """What stands before the names of the arrays of a further issue time."""
    return f"{other.hours}h."


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


def _told(found: Sequence[Arrays], *, at: str = "") -> ServedForecast:
    """What the stages hold of an issue time, one after the other."""
    own = [{name.removeprefix(at): values for name, values in one.items() if name.startswith(at)} for one in found]
    forecasts = [
        ScatteredForecast(*(np.asarray(one[name], dtype=np.float64) for name in (MODEL, "dispersion", "shared")))
        for one in own
    ]
    return ServedForecast(ScatteredForecast.joined(forecasts), joined([intervals_of(one) for one in own]))


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
    for run in _runs(asked, recipe.split.refit_every_origins):
        split = _split_at(recipe, data, run, origins)
        _require_shifts(split.train, split.validation, split.test, run[0])
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


def _require_shifts(
    train: NDArray[np.int64], validation: NDArray[np.int64], test: NDArray[np.int64], origin: datetime
) -> None:
    if not len(test):
        raise DataError(
            "CR-TRAIN-002",
            f"nothing to judge on from {origin:%Y-%m-%d}",
            wanted="origins with a whole block of shifts after them",
        )
    if not len(train) or not len(validation):
        raise DataError(
            "CR-TRAIN-002", f"nothing to fit on before {origin:%Y-%m-%d}",
            wanted="fewer origins, a shorter warm-up, or shorter validation_days",
            found=f"{len(train)} shifts to train and {len(validation)} to validate on, after the warm-up",
        )  # fmt: skip
