"""Feature matrices by themselves, as frames, for whoever wants to look at or model them elsewhere."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from crisisrisk.cohorts import PersonRows
from crisisrisk.episodes import people_of
from crisisrisk.features.person import person_event_columns, person_features
from crisisrisk.features.place import PlaceRows, place_features
from crisisrisk.features.place_demand import demand_of
from crisisrisk.features.place_visits import visits_in
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.scoring.objections import PlanningObjections, planning_objections
from crisisrisk.tables.cells import cells_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import PLACE_COLUMNS, Store
from crisisrisk.timeline import Window, microseconds, shifts_starting_in
from crisisrisk.training.caseload import caseload_risk
from crisisrisk.training.coverage import known_before
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.declared_files import declared
from crisisrisk.training.person_data import cohort_rule, counting_rule, crisis_rule

if TYPE_CHECKING:
    import pandas as pd

SHIFTS_WITHIN = timedelta(hours=24)


def person_matrix(site: Site, moments: Sequence[datetime]) -> "pd.DataFrame":
    """One row for each person of the tables and moment: `person_id, as_of`, then the columns of the recipe (float32).

    Who objects to planning is left out, and nobody else: eligibility is a matter of a training recipe, not of features.
    Raises DataError where the national opt-out applies and nobody can say who objects.
    """
    import pandas as pd

    recipe = _recipe(site, "person.toml")
    snapshot = Store(site).snapshot()
    columns = tuple(dict.fromkeys(("person_id", *person_event_columns(recipe))))
    as_of = np.unique(np.array([microseconds(moment) for moment in moments], dtype=np.int64))
    objections = planning_objections(snapshot, site, microseconds(snapshot.as_of_now()))
    frames = []
    for bucket in range(snapshot.buckets):
        events, people = snapshot.person_events(bucket, columns), snapshot.people_in(bucket)
        rows = _everyone(events, people, as_of, objections)
        matrix = person_features(recipe, events, people, rows, zone=site.time_zone, caseloads=snapshot.caseloads())
        frames.append(
            _frame({"person_id": rows.person_id[rows.row_person()], "as_of": _times(rows.as_of)}, recipe, matrix)
        )
    return pd.concat(frames, ignore_index=True)


def _everyone(events: pa.Table, people: pa.Table, as_of: np.ndarray, objections: PlanningObjections) -> PersonRows:
    known = people_of(events, people)
    ids = known[~np.isin(known, list(objections.among(known)))]
    offsets = np.arange(len(ids) + 1, dtype=np.int64) * len(as_of)
    return PersonRows(ids, offsets, np.tile(as_of, len(ids)))


def place_matrix(site: Site, moments: Sequence[datetime]) -> "pd.DataFrame":
    """One row for each cell and shift that starts within 24 hours of a moment, as known then.

    `place_id, shift_id, start, issued_at`, then the columns of the recipe (float32).
    """
    import pandas as pd

    recipes = read_recipes(site, "place", None)
    recipe, training = recipes.features, recipes.training
    snapshot = Store(site).snapshot()
    events, places = snapshot.place_events(columns=PLACE_COLUMNS), snapshot.table("places")
    frames = []
    for moment in sorted(set(moments)):
        cells = cells_of(site, places, known_before(events, microseconds(moment)))
        shifts = shifts_starting_in(site.shifts, Window(moment, moment + SHIFTS_WITHIN), site.time_zone)
        issued = np.full(len(shifts), microseconds(moment), dtype=np.int64)
        demand = demand_of(
            events, cells, site, outcome=crisis_rule(training), counting=counting_rule(training),
            visits=visits_in(snapshot, cells, site),
        )  # fmt: skip
        caseload = caseload_risk(
            recipe, snapshot.held_at(moment), site, cells, rule=crisis_rule(training),
            cohort=cohort_rule(training), latency_hours=0.0,
        )  # fmt: skip
        matrix = place_features(recipe, demand.events, PlaceRows(cells, shifts, issued), site=site, caseload=caseload)
        named = {
            "place_id": np.tile(np.array(cells.ids, dtype=object), len(shifts)),
            "shift_id": np.repeat(np.array([shift.id for shift in shifts], dtype=object), len(cells)),
            "start": pd.DatetimeIndex([shift.start for shift in shifts]).repeat(len(cells)),
            "issued_at": _times(np.repeat(issued, len(cells))),
        }
        frames.append(_frame(named, recipe, matrix.reshape(-1, matrix.shape[2])))
    return pd.concat(frames, ignore_index=True)


def _recipe(site: Site, name: str) -> FeatureRecipe:
    return read_feature_recipe(declared(site, "features", name), sources=site.sources, declared=site.declared)


def _times(instants: np.ndarray) -> "pd.DatetimeIndex":
    import pandas as pd

    return pd.DatetimeIndex(instants.astype("datetime64[us]")).tz_localize("UTC")


def _frame(named: dict[str, object], recipe: FeatureRecipe, matrix: np.ndarray) -> "pd.DataFrame":
    import pandas as pd

    columns = pd.DataFrame(matrix, columns=list(recipe.names), copy=False)
    return pd.concat([pd.DataFrame(named), columns], axis=1)
