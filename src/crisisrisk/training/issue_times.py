"""The further issue times of a model of places: how it answers at each, and how it did.

The trees are fitted at the recipe's first issue time. At the others features, offset and simple rules read what was
known by then; on validation it is found how much of what the trees add still holds there, and how counts scatter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.evaluation.issue_time_rows import row_of_report, row_of_time
from crisisrisk.evaluation.place_baselines import place_baselines
from crisisrisk.evaluation.splits import ShiftSplit, weeks_of
from crisisrisk.features.place_past import PlacePast
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.holding import share_that_holds
from crisisrisk.models.issue_time import IssueTime
from crisisrisk.models.place_scatter import fit_distribution
from crisisrisk.models.risk_model import PlaceModel
from crisisrisk.tables.cells import density_of
from crisisrisk.tables.site import Site
from crisisrisk.training.place import (
    JudgedPlace,
    ServedForecast,
    expected_for,
    fold_of,
    interval_report,
    last_split,
    past_of,
    served,
)
from crisisrisk.training.place_data import PlaceData, issued_at
from crisisrisk.training.recipe import TrainingRecipe

Numbers = NDArray[np.float64]
Shifts = NDArray[np.int64]


@dataclass(frozen=True)
class OtherTime:
    """One further issue time, of so many `hours`, with the data of the shifts that validate and are judged."""

    hours: int
    recipe: TrainingRecipe
    features: FeatureRecipe
    data: PlaceData
    site: Site
    past: PlacePast
    """Of all shifts, as of this issue time."""

    def fitted(self, model: PlaceModel, validation: Shifts) -> IssueTime:
        """How the model answers here, from the shifts that fitted no tree."""
        hold, expected = 1.0, self._expected(model, validation, 1.0)
        if model.rule is None:
            simple = np.exp(self.data.offset[self.data.rows_of(validation)])
            added = np.log(expected / simple)
            hold = share_that_holds(simple, added, self.data.counts[validation])
            expected = expected if hold == 1.0 else simple * np.exp(hold * added)
        counts, names = self.data.counts[validation], self.data.names_of(validation)
        spread = fit_distribution(expected, counts, names, density_of(self.data.cells))
        return IssueTime(hours=self.hours, hold=hold, distribution=spread)

    def forecast(self, model: PlaceModel, time: IssueTime, test: Shifts) -> ServedForecast:
        """What the model says here of some shifts."""
        return served(time.distribution, self.data, test, self._expected(model, test, time.hold))

    def without_features(self) -> "OtherTime":
        """The same for judging, which needs none."""
        return replace(self, data=self.data.without_features())

    def judged(self, splits: Sequence[ShiftSplit], told: ServedForecast, *, workers: int = 1) -> dict[str, Any]:
        """The row of this issue time in a report on the tested shifts of all splits."""
        data, tested = self.data, np.concatenate([one.test for one in splits])
        panel = place_baselines(self.past, data.counts, [fold_of(one) for one in splits], workers=workers)
        area = data.cells.area_km2
        return row_of_time(
            self.hours, told.forecast, data.counts[tested], panel.forecasts,
            weeks_of([data.shifts[one] for one in tested], self.site.time_zone), interval_report(data, tested, told),
            area=area if np.isfinite(area).all() else None, seed=self.recipe.model.seed,
            resamples=self.recipe.report.bootstrap_samples,
        )  # fmt: skip

    def _expected(self, model: PlaceModel, shifts: Shifts, hold: float) -> Numbers:
        if model.rule is not None:
            return model.rule.expected(self.past.only(shifts))
        return expected_for(model, self.features, self.data, shifts, hold=hold)


def other_times(
    recipe: TrainingRecipe, features: FeatureRecipe, data: PlaceData, site: Site, folds: Sequence[ShiftSplit]
) -> list[OtherTime]:
    """The further issue times of a recipe, for the shifts of some folds. None where it names one alone."""
    wanted = np.unique(np.concatenate([part for one in folds for part in (one.validation, one.test)]))
    return [
        OtherTime(
            hours, recipe, features, issued_at(data, recipe, features, site, hours=hours, shifts=wanted), site,
            past_of(recipe, data, site, hours=hours),
        )
        for hours in recipe.grid.issue_hours[1:]
    ]  # fmt: skip


def at_every_issue_time(
    judged: JudgedPlace, recipe: TrainingRecipe, features: FeatureRecipe, data: PlaceData, site: Site
) -> JudgedPlace:
    """The judged model with its further issue times, each judged on the same shifts."""
    split = last_split(recipe, data, site)
    times: list[IssueTime] = []
    rows = [row_of_report(recipe.grid.issue_hours[0], judged.report.as_json(), judged.intervals)]
    for other in other_times(recipe, features, data, site, [split]):
        times.append(other.fitted(judged.model, split.validation))
        rows.append(other.judged([split], other.forecast(judged.model, times[-1], split.test)))
    return replace(judged, model=replace(judged.model, other_times=tuple(times)), issue_times=by_hours(rows))


def by_hours(rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Rows of a report, the shortest issue time first."""
    return tuple(sorted(rows, key=lambda row: float(row["hours"])))
