"""The validation block of people, cut in two: its earlier part stops the trees, its later part calibrates them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crisisrisk.models.calibration import FEWEST_OUTCOMES
from crisisrisk.timeline import MICROSECONDS_PER_DAY
from crisisrisk.training.person_data import PersonData
from crisisrisk.training.recipe import TrainingRecipe

Rows = NDArray[np.int64]


class Validation(NamedTuple):
    """Rows that stop the trees, rows that calibrate them, and what has to be said where these are the same."""

    stop: Rows
    calibrate: Rows
    note: str | None


def cut_validation(recipe: TrainingRecipe, data: PersonData, rows: Rows) -> Validation:
    """Cut by time, with a horizon between; by person, where the recipe splits so.

    Where either part would have fewer than `FEWEST_OUTCOMES` rows with the outcome, or without, all rows do both.
    """
    by_person = recipe.split.kind == "person"
    late = _second_half_of_people(recipe, data, rows) if by_person else _later_half(recipe, data, rows)
    stop, calibrate = rows[late == 0], rows[late == 1]
    if min(_fewest(data, stop), _fewest(data, calibrate)) >= FEWEST_OUTCOMES:
        return Validation(stop, calibrate, None)
    return Validation(
        rows,
        rows,
        f"the validation block is too short to be cut in two with {FEWEST_OUTCOMES} outcomes in each part: "
        "the same rows stopped the trees and calibrated them",
    )


def _fewest(data: PersonData, rows: Rows) -> int:
    yes = int(data.happened[rows].sum())
    return min(yes, len(rows) - yes)


def _later_half(recipe: TrainingRecipe, data: PersonData, rows: Rows) -> NDArray[np.int8]:
    """0 for the earlier part, 1 for the later, -1 between. No label window of the earlier reaches into the later."""
    as_of = data.as_of[rows]
    moments = np.unique(as_of)
    days = recipe.outcome.horizon_days + recipe.outcome.gap_days + recipe.split.gap_days
    reach = days * MICROSECONDS_PER_DAY
    # For each moment at which the later part could begin, how many moments end before it, and how many follow.
    before = np.searchsorted(moments + reach, moments, side="right")
    after = np.arange(len(moments), 0, -1)
    begins = moments[int(np.argmax(np.minimum(before, after)))]
    parts = np.where(as_of >= begins, 1, np.where(as_of + reach <= begins, 0, -1))
    return np.asarray(parts, dtype=np.int8)


def _second_half_of_people(recipe: TrainingRecipe, data: PersonData, rows: Rows) -> NDArray[np.int8]:
    people = np.unique(data.person[rows])
    order = people[np.argsort(data.person_ids[people].astype(str), kind="stable")]
    drawn = np.random.default_rng(recipe.model.seed).permutation(len(order))
    half = np.zeros(len(data.person_ids), dtype=np.int8)
    half[order[drawn[: len(order) // 2]]] = 1
    return half[data.person[rows]]
