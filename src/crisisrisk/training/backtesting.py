"""Stand at many moments of the past, fit on rows whose outcome was over by then, judge against what came.

Features and cohorts see what was known at their own moment. Labels, and the counts behind the baselines, use the
versions known at the end of the data: a late report counts for a fold that could not yet have had it.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.evaluation.person_report import PersonReport
from crisisrisk.evaluation.splits import TEST, TRAIN, VALIDATION, temporal_split
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.trees import Numbers
from crisisrisk.timeline import instant
from crisisrisk.training.person import baselines_for, fit_person, judge_person, risk_of
from crisisrisk.training.person_data import PersonData
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


def runs_of(origins: Sequence[datetime], length: int) -> Iterator[tuple[datetime, ...]]:
    """Origins that share a fit."""
    for start in range(0, len(origins), length):
        yield tuple(origins[start : start + length])


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
        stage = stage_of(parts)
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


def stage_of(*arrays: NDArray[Any], about: str = "") -> str:
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
    for run in runs_of(origins.among(spaced, most=recipe.split.origins), recipe.split.refit_every_origins):
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
