"""What a model of places loses while feeds are late: its feeds are held back, and validation shifts forecast again.

A feed is held back by so many days at every moment at once where each of its records becomes known so much later: at
any moment what is known of it is then what was known of it so many days before.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.features.place import PlaceHistory
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.late_feeds import LateFeeds
from crisisrisk.models.place_distribution import LEAST_EXPECTED
from crisisrisk.models.risk_model import PlaceModel
from crisisrisk.tables.site import Site
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY
from crisisrisk.training.place import expected_for, past_of
from crisisrisk.training.place_data import PlaceData, issued_at
from crisisrisk.training.recipe import TrainingRecipe

Numbers = NDArray[np.float64]
Shifts = NDArray[np.int64]

DAYS = (1.0, 3.0, 7.0, 14.0, 28.0)
MOST_SHIFTS = 84
"""So many of the validation shifts, evenly spaced, say it: steps of a forecast scatter far less than counts."""


def late_feeds(
    model: PlaceModel, recipe: TrainingRecipe, features: FeatureRecipe, data: PlaceData, site: Site, validation: Shifts
) -> LateFeeds:
    """What feeds held back add to dispersions, of the outcome's feeds and of all others that the model reads."""
    shifts = validation[np.unique(np.linspace(0, len(validation) - 1, MOST_SHIFTS).round().astype(np.int64))]
    whole = held_back(model, recipe, features, data, site, shifts, sources=(), days=0.0)
    outcome, others = outcome_sources(data), signal_sources(model, features, data)
    found = {
        kind: [
            added_by(whole, held_back(model, recipe, features, data, site, shifts, sources=sources, days=days))
            for days in DAYS
        ]
        for kind, sources in (("outcome", outcome), ("signals", others))
        if sources
    }
    columns = {
        f"{kind}_{name}": tuple(round(one[place], 6) for one in steps)
        for kind, steps in found.items()
        for place, name in enumerate(("shared", "own"))
    }
    nothing = (0.0,) * len(DAYS)
    return LateFeeds(days=DAYS, **{"outcome_shared": nothing, "outcome_own": nothing, **columns})


def added_by(whole: Numbers, without: Numbers) -> tuple[float, float]:
    """The dispersions that a forecast without some records adds to one with them: what all cells share, and each alone.

    Both forecasts have shape (shifts, cells). Each shift, and each cell, counts by the square of what it expects.
    """
    total = without.sum(axis=1)
    shared = float(np.square(total - whole.sum(axis=1)).sum() / max(np.square(total).sum(), LEAST_EXPECTED))
    every = float(np.square(without - whole).sum() / max(np.square(without).sum(), LEAST_EXPECTED))
    return shared, max(every - shared, 0.0) / (1 + shared)


def outcome_sources(data: PlaceData) -> frozenset[str]:
    """The sources whose contacts are counted; one without a name where the events are not at hand."""
    if data.demand is None:
        return frozenset({""})
    return frozenset(pc.unique(data.demand["source"].take(pa.array(data.history.row))).to_pylist())


def signal_sources(model: PlaceModel, features: FeatureRecipe, data: PlaceData) -> frozenset[str]:
    """The other sources that the model reads and that sent anything; none of a simple rule."""
    if model.rule is not None or data.demand is None:
        return frozenset()
    heard = frozenset(pc.unique(data.demand["source"]).to_pylist())
    return (heard & frozenset(features.sources)) - outcome_sources(data)


def held_back(
    model: PlaceModel, recipe: TrainingRecipe, features: FeatureRecipe, data: PlaceData, site: Site, shifts: Shifts,
    *, sources: Collection[str], days: float,
) -> Numbers:  # fmt: skip
    """What a model says of some shifts where all records of some sources come so many days later. (shifts, cells)."""
    later = round(days * MICROSECONDS_PER_DAY)
    counted = bool(outcome_sources(data) & frozenset(sources))
    held = replace(data, history=known_later(data.history, data.demand, sources, later) if counted else data.history)
    if model.rule is not None:
        return model.rule.expected(past_of(recipe, held, site).only(shifts))
    if data.demand is not None and sources:
        held = replace(held, demand=_known_later(data.demand, sources, later))
    held = issued_at(held, recipe, features, site, hours=recipe.grid.issue_hours[0], shifts=shifts)
    return expected_for(model, features, held, shifts)


def known_later(history: PlaceHistory, events: pa.Table | None, sources: Collection[str], later: int) -> PlaceHistory:
    """The history with every version of some sources known, and superseded, so many microseconds later.

    Without events at hand it is of all sources.
    """
    held = np.ones(len(history), dtype=bool)
    if events is not None:
        held = _is_of(events, sources)[history.row]
    known = np.where(held, history.known_at + later, history.known_at)
    superseded = np.where(held & (history.superseded_at < FOREVER_US), history.superseded_at + later,
                          history.superseded_at)  # fmt: skip
    return PlaceHistory(history.starts, history.row, history.occurred_at, known, superseded)


def _known_later(events: pa.Table, sources: Collection[str], later: int) -> pa.Table:
    held, by = pa.array(_is_of(events, sources)), pa.scalar(timedelta(microseconds=later), pa.duration("us"))
    for name in ("known_at", "superseded_at"):
        column = events[name]
        moved = pc.if_else(held, pc.add(column, by), column)
        events = events.set_column(events.schema.get_field_index(name), name, moved.cast(column.type))
    return events


def _is_of(events: pa.Table, sources: Collection[str]) -> NDArray[np.bool_]:
    names = events["source"].cast(pa.string())
    return np.asarray(pc.is_in(names, value_set=pa.array(sorted(sources), pa.string())).combine_chunks())
