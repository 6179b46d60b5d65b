"""What a bundle forecasts of the shifts that a run of places was judged on: computed again from the site's own data."""

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation.place_report import PlaceReport
from crisisrisk.evaluation.splits import weeks_of
from crisisrisk.models.bundle import Bundle
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.training.place import expected_for, fold_of, judge_place, last_split, past_of, served
from crisisrisk.training.place_data import place_data
from crisisrisk.training.recipe import TrainingRecipe


@dataclass(frozen=True)
class RetoldPlaces:
    """The judged shifts of a recipe. `expected`, `counts`: shape (shifts, cells); `week`: shape (shifts,)."""

    expected: NDArray[np.float64]
    counts: NDArray[np.int32]
    week: NDArray[np.int64]
    report: PlaceReport
    until: datetime
    """When the last of the shifts ended."""


def retold_places(recipe: TrainingRecipe, bundle: Bundle, snapshot: Snapshot, site: Site) -> RetoldPlaces:
    """The shifts of the recipe's test block by the trees, features and offset, or the simple rule, of any bundle."""
    own = replace(recipe, offset=TrainingRecipe.from_json(bundle.training_recipe).offset)
    rule = bundle.place_model.rule
    columns = bundle.features if rule is None else None
    data = place_data(
        own,
        columns,
        snapshot,
        site,
        held_out_days=recipe.split.test_days,
        caseload_numbers=bundle.task.caseload,
        echo=bundle.task.echo,
        profiles=bundle.task.profiles,
        recent=bundle.task.recent,
    )
    split = last_split(recipe, data, site)
    shifts = split.test
    expected = (
        expected_for(bundle.place_model, bundle.features, data, shifts)
        if rule is None
        else rule.expected(past_of(recipe, data, site).only(shifts))
    )
    return RetoldPlaces(
        expected=expected,
        counts=data.counts[shifts],
        until=max(data.shifts[one].end for one in shifts),
        week=weeks_of([data.shifts[one] for one in shifts], site.time_zone),
        report=judge_place(
            recipe,
            data,
            site,
            [fold_of(split)],
            served(bundle.place_model.distribution, data, shifts, expected),
            origins=1,
            is_baseline=bundle.manifest.baseline,
        ),
    )


def held_where_it_ended(snapshot: Snapshot, bundle: Bundle) -> Snapshot:
    """The data with the clock at which a bundle was trained: its shifts are the ones that it was judged on."""
    return snapshot.held_at(datetime.fromisoformat(bundle.manifest.training_cut_off))
