"""Folds inside the rows that may be looked at: everything before the test block, never a row of it.

By time each fold trains on early rows, stops on later ones and is judged on the last, each of the two as long as
the validation block; each earlier fold ends such a block before the next, while as long a stretch is left to train
on. Data without calendar dates are folded by person. Nothing here opens the test block.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.evaluation.splits import (
    LEFT_OUT,
    TEST,
    TRAIN,
    VALIDATION,
    ShiftSplit,
    shift_split,
    temporal_split,
)
from crisisrisk.tables.site import Site
from crisisrisk.timeline import instant
from crisisrisk.training.fitting import Block
from crisisrisk.training.person import helped_rows, split_of, time_split
from crisisrisk.training.person_data import PersonData
from crisisrisk.training.place import block_of, last_split, train_block, usable_split
from crisisrisk.training.place_data import PlaceData
from crisisrisk.training.recipe import TrainingRecipe
from crisisrisk.training.sampling import sample_negatives

FOLDS = 3
"""Most folds; fewer where the data are too short."""
PARTS_OF_PEOPLE = 5
"""Parts that people are dealt into, where there are no dates: one is judged, one stops, the others train."""
HALF_A_DAY = timedelta(hours=12)

Part = NDArray[np.int8]


@dataclass(frozen=True)
class InnerFold:
    """The rows of one fold. `name` says when it is judged; two folds of the same rows have the same name."""

    name: str
    train: Block
    stop: Block
    judged: Block


def person_folds(recipe: TrainingRecipe, data: PersonData) -> Iterator[InnerFold]:
    """The folds of people, latest first. Raises DataError when there is none, or one has nothing to tell apart."""
    by_time, helped = recipe.split.kind == "time", helped_rows(recipe, data)
    for name, whole in inner_parts_by_time(recipe, data) if by_time else _inner_parts_of_people(recipe, data):
        # All blocks of a fold are rows that training fits, stops or calibrates on: it leaves these out of every one.
        parts = np.where(helped, np.int8(LEFT_OUT), whole)
        train, stop, judged = (np.flatnonzero(parts == part) for part in (TRAIN, VALIDATION, TEST))
        for block, rows in (("trained", train), ("stopped", stop), ("judged", judged)):
            _require_both(data.happened[rows], f"the rows {block} on in the fold {name}")
        sample = sample_negatives(
            train, data.happened[train], per_positive=recipe.model.negatives_per_positive, seed=recipe.model.seed
        )
        yield InnerFold(
            name,
            Block(data.features.rows(sample.rows), sample.happened, weights=sample.weights),
            Block(data.features.rows(stop), data.happened[stop]),
            Block(data.features.rows(judged), data.happened[judged]),
        )


def inner_parts_by_time(recipe: TrainingRecipe, data: PersonData) -> Iterator[tuple[str, Part]]:
    """For each fold its name, and of every row whether it trains, stops or is judged; -1 for the test block."""
    moments = [instant(moment) for moment in np.unique(data.as_of)]
    test = time_split(recipe, data).test
    reach = timedelta(days=recipe.outcome.gap_days + recipe.split.gap_days + recipe.outcome.horizon_days)
    inner = [moment for moment in moments if moment + reach <= test[0]]
    found = 0
    for number in range(FOLDS):
        ends = inner[-1] - number * timedelta(days=recipe.split.validation_days) + HALF_A_DAY
        try:
            split = temporal_split(
                [moment for moment in inner if moment <= ends],
                horizon_days=recipe.outcome.horizon_days,
                gap_days=recipe.outcome.gap_days + recipe.split.gap_days,
                validation_days=recipe.split.validation_days,
                test_days=recipe.split.validation_days,
            )
        except DataError:
            break
        if not _long_enough(recipe, split.train):
            break
        found += 1
        yield _dates(split.test), split.part_of(data.as_of)
    if not found:
        raise _too_short(f"{len(inner)} dates before the test block")


def _inner_parts_of_people(recipe: TrainingRecipe, data: PersonData) -> Iterator[tuple[str, Part]]:
    of_person = np.full(len(data.person_ids), LEFT_OUT, dtype=np.int8)
    inside = np.unique(data.person[split_of(recipe, data) != TEST])
    order = inside[np.argsort(data.person_ids[inside].astype(str), kind="stable")]
    dealt = np.random.default_rng(recipe.model.seed).permutation(len(order)) % PARTS_OF_PEOPLE
    for number in range(FOLDS):
        of_person[order] = TRAIN
        of_person[order[dealt == number]] = TEST
        of_person[order[dealt == (number + 1) % PARTS_OF_PEOPLE]] = VALIDATION
        yield f"{number + 1} of {FOLDS}", of_person[data.person].astype(np.int8)


def place_folds(recipe: TrainingRecipe, data: PlaceData, site: Site) -> Iterator[InnerFold]:
    """The folds of places, latest first. Raises DataError when there is none."""
    found = 0
    for split in inner_shifts(recipe, data, site):
        found += 1
        starts = tuple(data.shifts[one].start for one in split.test)
        stop, judged = (block_of(data, one) for one in (split.validation, split.test))
        yield InnerFold(_dates(starts), train_block(recipe.model, data, split.train), stop, judged)
    if not found:
        raise _too_short("no stretch before the test block that trains, stops and is judged")


def inner_shifts(recipe: TrainingRecipe, data: PlaceData, site: Site) -> Iterator[ShiftSplit]:
    """For each fold its shifts, all before the test block."""
    days = recipe.split.validation_days
    before = last_split(recipe, data, site).origin
    for number in range(1, FOLDS + 1):
        try:
            split = shift_split(
                data.shifts, origin=before - timedelta(days=number * days), test_days=days, validation_days=days,
                issue_hours=recipe.grid.longest_issue_hours, latency_hours=data.latency_hours,
            )  # fmt: skip
        except DataError:
            return
        split = usable_split(split, data)
        if not (len(split.validation) and len(split.test)):
            return
        if not _long_enough(recipe, tuple(data.shifts[one].start for one in split.train)):
            return
        yield split


def _long_enough(recipe: TrainingRecipe, trained: tuple[datetime, ...]) -> bool:
    """Whether a fold trains on at least as long a stretch as it is judged on."""
    least = timedelta(days=recipe.split.validation_days) - timedelta(days=7)  # the last date of a weekly grid
    return bool(trained) and trained[-1] - trained[0] >= least - HALF_A_DAY


def held_out_days(recipe: TrainingRecipe) -> int:
    """Days at the end of the data of which the map of cells must know nothing."""
    return recipe.split.test_days + FOLDS * recipe.split.validation_days


def _dates(moments: tuple[datetime, ...]) -> str:
    return f"{moments[0]:%Y-%m-%d} to {moments[-1]:%Y-%m-%d}"


def _require_both(happened: NDArray[np.bool_], where: str) -> None:
    if happened.all() or not happened.any():
        raise DataError(
            "CR-TRAIN-002", "there is nothing to tell apart", where=where,
            wanted="rows with the outcome, and rows without",
            found=f"{int(happened.sum()):,} of {len(happened):,} rows with it",
            hint="say longer validation_days in [split] of the training recipe, or load more data",
        )  # fmt: skip


def _too_short(found: str) -> DataError:
    return DataError(
        "CR-TRAIN-002", "the data are too short to search for settings without the test block", found=found,
        wanted="before the test block, dates to train on and twice validation_days, with a horizon before each",
        hint="say shorter validation_days in [split] of the training recipe, or load more history",
    )  # fmt: skip
