"""What `train --show-splits` draws: the very splits that `train` and `backtest` take, with rows and outcomes."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.evaluation.splits import TEST, TRAIN, VALIDATION, ShiftSplit
from crisisrisk.tables.site import Site
from crisisrisk.timeline import instant
from crisisrisk.training.backtesting import Origins, person_folds
from crisisrisk.training.person import split_of
from crisisrisk.training.person_data import PersonData
from crisisrisk.training.place import last_split
from crisisrisk.training.place_backtest import place_folds
from crisisrisk.training.place_data import PlaceData
from crisisrisk.training.recipe import TrainingRecipe
from crisisrisk.training.split_drawing import DrawnBlock, DrawnSplit, SplitPlan
from crisisrisk.training.validation import cut_validation

Rows = NDArray[np.int64]
_TOO_SHORT = "too short for the rolling origins of `backtest`: "


def person_plan(recipe: TrainingRecipe, data: PersonData, site: Site) -> SplitPlan:
    """The splits of people. Raises DataError when the data are too short for the split of `train`."""
    blocks = list(_person_blocks(recipe, data, split_of(recipe, data)))
    origins, note = _or_note(
        _named(name, _person_blocks(recipe, data, parts), None if recipe.split.kind == "person" else site.time_zone)
        for name, parts in person_folds(recipe, data, Origins(every_days=recipe.split.origin_every_days))
    )
    return SplitPlan(
        model=recipe.name, subject="person", by_time=recipe.split.kind == "time",
        splits=(DrawnSplit(name="train", blocks=tuple(blocks)), *origins), zone=site.time_zone, note=note,
    )  # fmt: skip


def place_plan(recipe: TrainingRecipe, data: PlaceData, site: Site) -> SplitPlan:
    """The splits of places. Raises DataError when the data are too short for the split of `train`."""
    first = DrawnSplit(name="train", blocks=tuple(_place_blocks(data, last_split(recipe, data, site))))
    origins, note = _or_note(
        _named("", _place_blocks(data, split), site.time_zone)
        for _, split in place_folds(recipe, data, site, Origins(every_days=recipe.split.origin_every_days))
    )
    return SplitPlan(
        model=recipe.name, subject="place", by_time=True, splits=(first, *origins), zone=site.time_zone, note=note
    )


def _named(name: str, blocks: Iterator[DrawnBlock], zone: ZoneInfo | None) -> DrawnSplit:
    """Under the local day on which judging begins, where there is a calendar."""
    drawn = tuple(blocks)
    return DrawnSplit(name=f"{drawn[-1].dates[0].astimezone(zone):%-d %b %Y}" if zone else name, blocks=drawn)


def _or_note(splits: Iterator[DrawnSplit]) -> tuple[tuple[DrawnSplit, ...], str | None]:
    try:
        return tuple(splits), None
    except DataError as problem:
        return (), _TOO_SHORT + problem.problem


def _person_blocks(recipe: TrainingRecipe, data: PersonData, parts: NDArray[np.int8]) -> Iterator[DrawnBlock]:
    reach = timedelta(days=recipe.outcome.gap_days + recipe.outcome.horizon_days)
    cut = cut_validation(recipe, data, np.flatnonzero(parts == VALIDATION))
    validation = [("stop", cut.stop), ("calibrate", cut.calibrate)] if cut.note is None else [("validate", cut.stop)]
    for name, rows in [
        ("train", np.flatnonzero(parts == TRAIN)),
        *validation,
        ("judge", np.flatnonzero(parts == TEST)),
    ]:
        dates = tuple(instant(moment) for moment in np.unique(data.as_of[rows]))
        yield DrawnBlock(
            name=name, dates=dates, label_windows_end=dates[-1] + reach, rows=len(rows),
            outcomes=int(data.happened[rows].sum()),
        )  # fmt: skip


def _place_blocks(data: PlaceData, split: ShiftSplit) -> Iterator[DrawnBlock]:
    named: Sequence[tuple[str, Rows]] = (
        ("train", split.train), ("validate", split.validation), ("judge", split.test)
    )  # fmt: skip
    for name, shifts in named:
        if len(shifts):
            yield DrawnBlock(
                name=name, dates=tuple(data.shifts[one].start for one in shifts),
                label_windows_end=data.shifts[shifts[-1]].end, rows=len(shifts) * len(data.cells),
                outcomes=int(data.counts[shifts].sum()),
            )  # fmt: skip
