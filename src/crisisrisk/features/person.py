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
from crisisrisk.errors import DataError, RecipeError
from crisisrisk.features.aggregations import PERSON
from crisisrisk.features.person_events import event_arrays, event_columns, moments_in_order, row_arrays, settled
from crisisrisk.features.person_facts import Registers, RowFacts
from crisisrisk.features.person_kernels import EventArrays, RowArrays
from crisisrisk.features.person_plan import PersonPlan, plan_person
from crisisrisk.features.person_scan import scan_people
from crisisrisk.features.person_series import Ordered, in_order, series_of
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.timeline import Instants

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
    # Counts down several rows are the same in any order: where nothing else is asked, nothing is sorted.
    by_time = bool(plan_person(recipe).scans) or bool((np.diff(rows.offsets) == 1).any())
    ready = PersonHistories(recipe, events, people, rows.person_id, zone=zone, caseloads=caseloads, by_time=by_time)
    return ready.features(row_arrays(rows), threads=threads)


class PersonHistories:
    """The contacts and registers of some people, read once and then asked at any moments.

    What costs most of one answer is reading tables, and that does not depend on the moment: a service keeps this, and
    makes it anew when something new is loaded.
    """

    def __init__(
        self,
        recipe: FeatureRecipe,
        events: pa.Table,
        people: pa.Table,
        person_id: NDArray[np.object_],
        *,
        zone: ZoneInfo,
        caseloads: pa.Table | None = None,
        by_time: bool = True,
    ) -> None:
        """Tables and errors as for `person_features`. `person_id`: shape (people,), whom may be asked about.

        Without `by_time` events stay in the order of the table: for a recipe of counts, asked at several moments.
        """
        if recipe.subject != "person":
            raise RecipeError("CR-FEAT-002", "a recipe of places was asked of people", found=recipe.name)
        if (again := len(person_id) - len(set(person_id.tolist()))) > 0:
            raise DataError("CR-FEAT-004", f"{again} people are asked about twice", wanted="each person once")
        self.recipe, self._zone = recipe, zone
        self._plan = plan_person(recipe)
        self._events = event_arrays(self._plan, events, person_id, zone, by_time=by_time)
        width = int(self._plan.series_of_channel.max(initial=-1)) + 1
        self._ordered = in_order(self._events, width, self._plan.series_of_channel)
        self._registers = Registers(people, caseloads, person_id, self._events) if self._plan.facts else None

    def features(self, moments: RowArrays, *, threads: int | None = None) -> Matrix:
        """The rows of everybody. Shape (rows, features). Raises DataError for moments that do not ascend."""
        moments = moments_in_order(moments, len(self._events.starts))
        return self._of(self._events, self._ordered, moments, 0, threads or _cores())

    def features_of(self, person: int, as_of: Instants) -> Matrix:
        """One person's rows, by its place in `person_id`, at ascending moments. Shape (moments, features).

        Raises DataError for a place that nobody has, and for moments that do not ascend.
        """
        if not 0 <= person < len(self._events.starts):
            people = len(self._events.starts)
            raise DataError("CR-FEAT-004", f"there is no person {person}", wanted=f"a place from 0 to {people - 1}")
        width, alone = self._ordered.width, slice(person, person + 1)
        events = self._events._replace(
            starts=self._events.starts[alone],
            ends=self._events.ends[alone],
            sums_from=self._events.sums_from[person : person + 2],
        )
        offsets = self._ordered.offsets[person * width : (person + 1) * width + 1]
        moments = RowArrays(settled(np.array([0, len(as_of)], dtype=np.int64)), settled(as_of))
        moments = moments_in_order(moments, 1)
        return self._of(events, self._ordered._replace(offsets=offsets), moments, person, 1)

    def _of(self, events: EventArrays, ordered: Ordered, moments: RowArrays, first: int, threads: int) -> Matrix:
        out = np.empty((len(moments.as_of), len(self.recipe.specs)), dtype=np.float32)
        fill_matrix(self._plan, events, ordered, moments, out, threads=threads)
        if self._registers:
            facts = RowFacts(self._registers, moments, self._zone, first=first)
            for column, spec in self._plan.facts:
                compute = PERSON[spec.aggregation].fact
                values = compute(spec, facts) if compute else np.full(len(out), np.nan)
                out[:, column] = np.where(np.isnan(values), spec.if_none, values)
        return out


def fill_matrix(
    plan: PersonPlan, events: EventArrays, ordered: Ordered, rows: RowArrays, out: Matrix, *, threads: int
) -> None:
    """Everything that is made of events: fills `out`, shape (rows, features), in place."""
    low, gone = (np.empty(len(events.occurred), dtype=np.int32) for _ in range(2))

    def scan(part: tuple[int, int]) -> None:
        first, last = part
        scan_people(first, last, events, rows, plan.compiled, out)
        if plan.scans:
            series = series_of(first, last, events, rows, ordered, low, gone)
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
