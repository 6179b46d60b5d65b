"""The feature matrix of people: one row per person and as-of moment, one column per spec.

A feature sees what was known before the as-of moment T, nothing else: an event version counts when
known_at < T <= superseded_at and occurred_at < T, and in a lookback w when T - w <= occurred_at as well.
One path for a grid of 60,000 people and for one person at request time; the two are equal to the bit.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.cohorts import PersonRows
from crisisrisk.errors import RecipeError
from crisisrisk.features.aggregations import PERSON
from crisisrisk.features.person_events import event_arrays, event_columns, row_arrays
from crisisrisk.features.person_facts import RowFacts
from crisisrisk.features.person_kernels import EventArrays, RowArrays, scan_people
from crisisrisk.features.person_plan import PersonPlan, plan_person
from crisisrisk.features.person_series import series_of
from crisisrisk.features.specs import FeatureRecipe

# Less work than this is done before a second thread has started.
_CELLS_WORTH_A_THREAD = 200_000
# A part's columns are gone through once for each family of aggregations: this many of its cells stay in the cache.
_CELLS_IN_CACHE = 400_000

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
    caseloads: pa.Table | None = None,
) -> Matrix:
    """Features of the rows' people, as float32. Shape (rows, features), columns in the order of `recipe.names`.

    `events` and `people` hold all versions; people in one and not in another are allowed everywhere. A person as of T
    is the version of `people` with the latest `known_at` before T; of two with the same one, the later `valid_from`.
    `threads` is every core by default; the result does not depend on it. Without `caseloads` (all versions of that
    table) what is asked of them is not known.
    Raises RecipeError for a recipe of places, DataError for a table without a column that the recipe reads.
    """
    if recipe.subject != "person":
        raise RecipeError("CR-FEAT-002", "a recipe of places was asked of people", found=recipe.name)
    plan = plan_person(recipe)
    arrays, moments = event_arrays(plan, events, rows.person_id, zone), row_arrays(rows)
    out = np.empty((len(rows), len(recipe.specs)), dtype=np.float32)
    fill_matrix(plan, arrays, moments, out, threads=threads or _cores())
    if plan.facts:
        facts = RowFacts(people, caseloads, rows, arrays, zone)
        for column, spec in plan.facts:
            compute = PERSON[spec.aggregation].fact
            values = compute(spec, facts) if compute else np.full(len(rows), np.nan)
            out[:, column] = np.where(np.isnan(values), spec.if_none, values)
    return out


def fill_matrix(plan: PersonPlan, events: EventArrays, rows: RowArrays, out: Matrix, *, threads: int) -> None:
    """Everything that is made of events: fills `out`, shape (rows, features), in place."""
    low, gone = (np.empty(len(events.occurred), dtype=np.int32) for _ in range(2))

    def scan(part: tuple[int, int]) -> None:
        first, last = part
        scan_people(first, last, events, rows, plan.compiled, out)
        if plan.scans:
            series = series_of(first, last, events, rows, plan.series_of_channel, low, gone)
            for walk, asked in plan.scans:
                walk(first, last, events, rows, series, asked, out)

    parts = list(_parts(events, rows, columns=out.shape[1], threads=threads))
    if len(parts) == 1 or threads == 1:
        for part in parts:
            scan(part)
        return
    with ThreadPoolExecutor(max_workers=threads) as pool:
        list(pool.map(scan, parts))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _parts(arrays: EventArrays, rows: RowArrays, *, columns: int, threads: int) -> Iterator[tuple[int, int]]:
    """Runs of people with about the same work each: some more than threads, so that none waits long."""
    people = len(rows.offsets) - 1
    if people <= 1:
        yield from [(0, people)] * people
        return
    work = np.diff(rows.offsets) * columns + (arrays.ends - arrays.starts) * 8
    total = int(work.sum())
    parts = 1 if total < _CELLS_WORTH_A_THREAD else max(threads * 4 if threads > 1 else 1, total // _CELLS_IN_CACHE)
    edges = np.searchsorted(np.cumsum(work), np.arange(1, parts) * (total / parts))
    bounds = np.concatenate([[0], edges, [people]])
    yield from ((int(first), int(last)) for first, last in pairwise(bounds) if last > first)
