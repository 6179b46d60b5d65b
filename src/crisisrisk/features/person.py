"""The feature matrix of people: one row per person and as-of moment, one column per spec.

One path for a whole grid and for one person at request time; the two are equal to the bit.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.cohorts import PersonRows
from crisisrisk.errors import RecipeError
from crisisrisk.features.person_events import (
    event_arrays,
    event_columns,
    index_of_people,
    instants_of,
    one_chunk,
    require_columns,
    row_arrays,
)
from crisisrisk.features.person_kernels import (
    NEVER,
    EventArrays,
    RowArrays,
    earliest_known,
    latest_versions,
    runs_of_people,
    scan_people,
)
from crisisrisk.features.person_plan import PersonPlan, plan_for, plan_person
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec
from crisisrisk.timeline import MICROSECONDS_PER_DAY, Instants, local_clock

PEOPLE_COLUMNS = ("person_id", "known_at", "valid_from", "birth_year", "deprivation_decile")
DAYS_PER_MONTH = 30

# Less work than this is done before a second thread has started.
_CELLS_WORTH_A_THREAD = 200_000

Matrix = NDArray[np.float32]


def person_event_columns(recipe: FeatureRecipe) -> tuple[str, ...]:
    """The columns of the events table that a recipe reads: reading no others is what makes a bucket quick."""
    return event_columns(plan_person(recipe))


def person_features(
    recipe: FeatureRecipe,
    events: pa.Table,
    people: pa.Table,
    rows: PersonRows,
    *,
    zone: ZoneInfo,
    threads: int | None = None,
) -> Matrix:
    """Features of the rows' people, as float32. Shape (rows, features), columns in the order of `recipe.names`.

    `events` and `people` hold all versions; people in one and not in another are allowed everywhere. A person as of T
    is the version of `people` with the latest `known_at` before T; of two with the same one, the later `valid_from`.
    `threads` is every core by default; the result does not depend on it.
    Raises RecipeError for a recipe of places, DataError for a table without a column that the recipe reads.
    """
    if recipe.subject != "person":
        raise RecipeError("CR-FEAT-002", "a recipe of places was asked of people", found=recipe.name)
    plan = plan_person(recipe)
    arrays, signatures = event_arrays(plan, events, rows.person_id, zone)
    compiled = plan_for(plan, signatures)
    moments = row_arrays(rows)
    out = np.empty((len(rows), len(recipe.specs)), dtype=np.float32)
    parts = list(_parts(arrays, moments, columns=len(recipe.specs), threads=threads or _cores()))

    def scan(part: tuple[int, int]) -> None:
        scan_people(part[0], part[1], arrays, moments, compiled, out)

    if len(parts) == 1:
        scan(parts[0])
    else:
        with ThreadPoolExecutor(max_workers=threads or _cores()) as pool:
            list(pool.map(scan, parts))
    if plan.static:
        _fill_static(out, plan, people, rows, arrays, zone)
    return out


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parts(arrays: EventArrays, rows: RowArrays, *, columns: int, threads: int) -> Iterator[tuple[int, int]]:
    """Runs of people with about the same work each: some more than threads, so that none waits long."""
    people = len(rows.offsets) - 1
    work = np.diff(rows.offsets) * columns + (arrays.ends - arrays.starts) * 8
    total = int(work.sum())
    parts = 1 if threads == 1 or total < _CELLS_WORTH_A_THREAD else threads * 4
    edges = np.searchsorted(np.cumsum(work), np.arange(1, parts) * (total / parts))
    bounds = np.concatenate([[0], edges, [people]])
    yield from ((int(first), int(last)) for first, last in pairwise(bounds) if last > first)


# What is known of the person, apart from events


def _fill_static(
    out: Matrix, plan: PersonPlan, people: pa.Table, rows: PersonRows, arrays: EventArrays, zone: ZoneInfo
) -> None:
    require_columns(people, PEOPLE_COLUMNS, "the people")
    versions = _Versions(people, rows)
    for column, spec in plan.static:
        out[:, column] = _static(spec, versions, rows, arrays, zone)


def _static(spec: FeatureSpec, versions: "_Versions", rows: PersonRows, arrays: EventArrays, zone: ZoneInfo) -> Matrix:
    if spec.aggregation == "months_known":
        first = np.repeat(_first_known(versions, arrays), np.diff(rows.offsets))
        known = (first != NEVER) & (first < rows.as_of)
        months = (rows.as_of - np.where(known, first, 0)) / (DAYS_PER_MONTH * MICROSECONDS_PER_DAY)
        return np.where(known, months, spec.if_none).astype(np.float32)
    if spec.aggregation == "age":
        values = _local_year(rows.as_of, zone) - versions.values("birth_year")
    else:
        values = versions.values("deprivation_decile")
    return np.where(np.isnan(values), spec.if_none, values).astype(np.float32)


class _Versions:
    """The people table, sorted by person and by when each version became known, and the version of each row."""

    def __init__(self, people: pa.Table, rows: PersonRows) -> None:
        person = index_of_people(people["person_id"], rows.person_id)
        known, valid_from = instants_of(people, "known_at"), instants_of(people, "valid_from")
        order = np.lexsort((valid_from, known, person))
        self.people = people.select(["birth_year", "deprivation_decile"]).take(pa.array(order))
        self.known = known[order]
        self.starts, self.ends, _ = runs_of_people(person[order], len(rows.person_id))
        self.of_row = latest_versions(self.starts, self.ends, self.known, row_arrays(rows))

    def values(self, column: str) -> NDArray[np.float64]:
        """A column's value in each row's version; NaN where there is none. Shape (rows,)."""
        numbers = one_chunk(self.people[column]).cast(pa.float64()).to_numpy(zero_copy_only=False)
        return np.append(numbers, np.nan)[self.of_row]


def _first_known(versions: _Versions, arrays: EventArrays) -> Instants:
    """For each person when anything of it first became known. Shape (people,)."""
    first = earliest_known(arrays, len(versions.starts))
    has = versions.ends > versions.starts
    listed = np.where(has, np.append(versions.known, 0)[np.where(has, versions.starts, 0)], NEVER)
    both = np.minimum(first, listed)
    return np.where(both == NEVER, np.maximum(first, listed), both)


def _local_year(as_of: Instants, zone: ZoneInfo) -> NDArray[np.float64]:
    moments, place = np.unique(as_of, return_inverse=True)
    days = local_clock(moments, zone).day
    years = [datetime.fromtimestamp(int(day) * 86_400, tz=UTC).year for day in days]
    return np.asarray(years, dtype=np.float64)[place]
