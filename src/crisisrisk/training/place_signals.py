"""Which signals a model of places reads: contacts that are no crises, but gather where crises follow.

The training recipe names groups of features that stay only if their contacts cluster with the outcome. That is measured
before any feature is computed, on what was known when the training block ended; what stays travels in the bundle.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.episodes import crisis_mask, instants_of
from crisisrisk.errors import RecipeError
from crisisrisk.features.place import chosen_events
from crisisrisk.features.place_clustering import Clustering, clustering, weekly_counts
from crisisrisk.features.place_demand import demand_of
from crisisrisk.features.place_visits import visits_in
from crisisrisk.features.recipe import groups_named, without_groups
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec
from crisisrisk.tables.cells import assign, cells_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import PLACE_COLUMNS, Snapshot
from crisisrisk.timeline import FOREVER_US, instant, microseconds
from crisisrisk.training.coverage import coverage_of, known_before
from crisisrisk.training.keeping import Recipes
from crisisrisk.training.person_data import counting_rule, crisis_rule
from crisisrisk.training.place_data import last_moment
from crisisrisk.training.recipe import TrainingRecipe

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Signal:
    """One group that was asked about, and whether it stays."""

    group: str
    sources: tuple[str, ...]
    found: Clustering
    kept: bool

    def as_json(self) -> dict[str, Any]:
        """Plain values; a lift that cannot be said is None."""
        lift = self.found.lift
        return {
            "group": self.group, "sources": list(self.sources), **asdict(self.found),
            "lift": lift if np.isfinite(lift) else None, "kept": self.kept,
        }  # fmt: skip


def with_signals(recipes: Recipes, snapshot: Snapshot, site: Site, *, held_out_days: int) -> Recipes:
    """The recipes without the groups whose contacts do not cluster, and with what was found of each.

    `held_out_days`: those of the test block; the validation block before it is not looked at either.
    """
    training, features = recipes.training, recipes.features
    asked = groups_named(features, training.groups.if_clustered)
    if not asked or recipes.baseline is not None:
        return recipes
    signals = found_signals(training, features, asked, snapshot, site, held_out_days=held_out_days)
    dropped = tuple(one.group for one in signals if not one.kept)
    left = without_groups(features, dropped)
    return replace(recipes, features=left, signals=tuple(one.as_json() for one in signals))


def kept_like(recipes: Recipes, trained: FeatureRecipe) -> Recipes:
    """The declared recipes with those signals alone that a trained model kept: which they are is not declared."""
    asked = groups_named(recipes.features, recipes.training.groups.if_clustered)
    kept = {spec.group for spec in trained.specs}
    dropped = tuple(group for group in asked if group not in kept)
    return replace(recipes, features=without_groups(recipes.features, dropped))


def found_signals(
    training: TrainingRecipe, features: FeatureRecipe, asked: tuple[str, ...], snapshot: Snapshot, site: Site,
    *, held_out_days: int,
) -> tuple[Signal, ...]:  # fmt: skip
    """How each group clusters with the outcome; of those that do, the strongest are kept."""
    events = snapshot.place_events(columns=PLACE_COLUMNS)
    end = microseconds(_training_end(training, events, snapshot, site, held_out_days))
    known = known_before(events, end)
    cells = cells_of(site, snapshot.table("places"), known)
    rule = crisis_rule(training)
    visits = visits_in(snapshot, cells, site)
    counted = demand_of(known, cells, site, outcome=rule, counting=counting_rule(training), visits=visits).events
    crisis = crisis_mask(rule, counted)
    cell = assign(counted, cells, site.cells).astype(np.int64)
    occurred, superseded = (instants_of(counted, name, missing=FOREVER_US) for name in ("occurred_at", "superseded_at"))
    final = (cell >= 0) & (end <= superseded) & (occurred < end)
    first = int(occurred[final & crisis].min(initial=end))

    def weekly(of: Mask) -> NDArray[np.int64]:
        return weekly_counts(cell[of & final], occurred[of & final], cells=len(cells), first=first, end=end)

    outcome = weekly(crisis)
    found = {}
    for group in asked:
        spec = _spec_of(features, group)
        found[group] = spec, clustering(weekly(chosen_events(counted, spec.sources, spec.where) & ~crisis), outcome)
    strongest = sorted(
        (group for group, (_, one) in found.items() if one.clusters), key=lambda group: -found[group][1].z
    )
    kept = strongest[: training.groups.most_clustered]
    return tuple(Signal(group, spec.sources, one, group in kept) for group, (spec, one) in found.items())


def _spec_of(features: FeatureRecipe, group: str) -> FeatureSpec:
    """A column of the group: all of them are of the same events."""
    specs = [spec for spec in features.specs if spec.group == group]
    if not specs[0].sources or any((spec.sources, spec.where) != (specs[0].sources, specs[0].where) for spec in specs):
        raise RecipeError(
            "CR-TRAIN-001", f'the group "{group}" is not of one sort of contacts', where="groups.if_clustered",
            wanted="groups of events, all columns of the same sources and where",
        )  # fmt: skip
    return specs[0]


def _training_end(
    training: TrainingRecipe, events: pa.Table, snapshot: Snapshot, site: Site, held_out_days: int
) -> datetime:
    """Before the first shift of the validation block is forecast, with a day to spare."""
    coverage = coverage_of(crisis_rule(training), [events])
    complete = coverage.complete_to(site.sources, now_us=microseconds(snapshot.as_of_now()))
    days = held_out_days + training.split.validation_days + 1
    until = last_moment(training, site, instant(min(complete.values())))
    return until - timedelta(days=days, hours=training.grid.longest_issue_hours)
