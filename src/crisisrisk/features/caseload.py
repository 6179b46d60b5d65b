"""How many crisis contacts to expect of the known people who live in each cell: a sum, and never of few people.

At issue time T each person's number of crisis contacts that will be in any of the cells within `HORIZON_DAYS` is
expected from all contacts of theirs known before T: how many of each sort in each of its lookbacks. So it stands still
between the moments at which a contact becomes known or leaves a lookback: years of issue times cost little. The
weights come from a fit that saw nothing from T on; a model carries them as numbers. Who objects, has died, moved away
or may be under age adds nothing, nor does anybody whose home is in none of the cells. A cell with fewer than
`LEAST_PEOPLE` is not known; its people count in the sum of a cell with all that touch it, where those are as many
together. No person leaves this file: what comes out are two numbers for a cell and a moment.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.cohorts import CohortRule, PeopleStates
from crisisrisk.episodes import EpisodeRule, crisis_mask, event_times, is_one_of, people_of, person_index
from crisisrisk.errors import ModelError
from crisisrisk.features.caseload_kernels import NO_FIT, Events, States, sum_expected
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.tables.cells import NOWHERE, Cells, Neighbours, assign
from crisisrisk.tables.site import Site
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Instants

HERE, AROUND = "caseload_expected", "caseload_expected_around"
AGGREGATIONS = (HERE, AROUND)
LEAST_PEOPLE = 20
HORIZON_DAYS = 3
COUNTED, ELSEWHERE, FLAGGED, ADMITTED, DISCHARGED, PUBLIC, PARTNER, OWN = range(8)
"""What a contact is, the first that applies: a crisis contact in one of the cells, one anywhere else, another that its
agency calls a crisis, an admission to hospital, a discharge, another begun by the public, by a partner, any other."""

LOOKBACK_DAYS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((COUNTED, ELSEWHERE, FLAGGED), (1, 3, 7, 28, 91, 365)),
    ((ADMITTED,), (7, 28, 91)),
    ((DISCHARGED,), (7, 28, 91)),
    ((PUBLIC,), (3, 28, 365)),
    ((PARTNER,), (28, 365)),
    ((OWN,), (28,)),
)
"""Which are counted together, and in which lookbacks."""

_STARTS = np.cumsum([0, *(len(days) for _, days in LOOKBACK_DAYS)]).astype(np.int64)
_GROUP = np.array([group for sort in range(8) for group, (sorts, _) in enumerate(LOOKBACK_DAYS) if sort in sorts])
FIRST_SLOT, LAST_SLOT = _STARTS[_GROUP], _STARTS[_GROUP + 1]
"""For each sort where its counts begin and end (exclusive) among all of a person."""
SLOTS_US = np.array([one for _, days in LOOKBACK_DAYS for one in days], dtype=np.int64) * MICROSECONDS_PER_DAY
FACTORS = 1 + len(SLOTS_US)
"""The level, and ln(1 + contacts) of each group in each of its lookbacks, no more of them than `MOST_COUNTED`."""
LONGEST_DAYS = max(one for _, days in LOOKBACK_DAYS for one in days)

FULL = 1 << 24
"""What one expected contact counts: sums stay whole numbers, so that no order of people changes one."""

EVENT_COLUMNS = ("person_id", "occurred_at", "known_at", "superseded_at", "source", "code", "outcome", "origin", "mode",
                 "is_crisis", "place_id", "latitude", "longitude")  # fmt: skip
WHERE = ["place_id", "latitude", "longitude"]
Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class CaseloadNumbers:
    """Weights of the factors, one row for each fit, and from which moment on (microseconds) each is used."""

    applies_from: tuple[int, ...] = ()
    weights: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        lengths = {len(one) for one in self.weights} | {FACTORS}
        finite = all(isfinite(number) for one in self.weights for number in one)
        rising = list(self.applies_from) == sorted(set(self.applies_from))
        if len(self.applies_from) != len(self.weights) or lengths != {FACTORS} or not finite or not rising:
            raise ModelError(
                "CR-MODEL-002", "the weights of the caseload cannot be used", where="task.json",
                wanted=f"{FACTORS} finite numbers for each fit, fits in order of time",
                found=f"{len(self.weights)} fits of {sorted(lengths - {FACTORS}) or FACTORS} numbers",
                hint="a model of an earlier version has other weights: train it again",
            )  # fmt: skip

    def fit_of(self, times: Instants) -> Integers:
        """Which fit each moment uses, or `NO_FIT`. Shape as `times`."""
        applies = np.array(self.applies_from, dtype=np.int64)
        return np.searchsorted(applies, times, side="right").astype(np.int64) - 1


@dataclass(frozen=True, eq=False)
class Caseload:
    """People by number. Events of person `p` are `starts[p]:starts[p + 1]`, states `state_starts[p]:…`, in order known.

    `sort`: what an event is, `COUNTED` … `OWN`. `enters`: from when it is known. `cell`: of the home, or -1. A state
    counts at T where `adult_from` <= T < `gone_at`.
    """

    starts: Integers
    sort: NDArray[np.int8]
    occurred_at: Instants
    enters: Instants
    superseded_at: Instants
    state_starts: Integers
    state_known: Instants
    cell: Integers
    adult_from: Instants
    gone_at: Instants
    cells: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def events(self) -> Events:
        """As the kernels take them."""
        return Events(
            self.starts, self.sort, self.occurred_at, self.enters, self.superseded_at, FIRST_SLOT, LAST_SLOT, SLOTS_US
        )  # fmt: skip

    @property
    def states(self) -> States:
        """As the kernels take them."""
        return States(self.state_starts, self.state_known, self.cell, self.adult_from, self.gone_at)

    def tables(self, numbers: CaseloadNumbers, times: Instants, ring: Neighbours) -> dict[str, Numbers]:
        """Contacts to expect of the people of each cell, and of it and its neighbours together.

        By aggregation, shape (cells, times); `times` ascend. NaN where fewer than `LEAST_PEOPLE` live, or before the
        first fit.
        """
        fit = numbers.fit_of(times)
        weights = np.array(numbers.weights, dtype=np.float64).reshape(-1, FACTORS)
        people, sums = sum_expected(self.events, self.states, times, fit, weights, self.cells, FULL)
        around = [_with_neighbours(each, ring) for each in (people.astype(np.int64), sums)]
        return {
            name: np.where((living >= LEAST_PEOPLE) & (fit != NO_FIT), expected / FULL, np.nan)
            for name, (living, expected) in zip(AGGREGATIONS, ((people, sums), around), strict=True)
        }


@dataclass(frozen=True, eq=False)
class CaseloadRisk:
    """The people of a site and the weights to expect contacts of them with."""

    caseload: Caseload
    numbers: CaseloadNumbers

    def columns(self, moments: tuple[Instants, Integers], ring: Neighbours) -> dict[str, Numbers]:
        """By aggregation the value of each row and cell, shape (rows, cells). `moments`: as `PlaceRows` has them."""
        times, moment_of_row = moments
        tables = self.caseload.tables(self.numbers, times, ring)
        return {name: table.T[moment_of_row] for name, table in tables.items()}


def asks_for_caseload(recipe: FeatureRecipe) -> bool:
    """Whether a recipe has a column that sums over the caseload."""
    return any(spec.aggregation in AGGREGATIONS for spec in recipe.specs)


def caseload_of(
    buckets: Iterable[tuple[pa.Table, pa.Table]], rule: EpisodeRule, cells: Cells, site: Site, *,
    left_out: Collection[str], cohort: CohortRule, since: int | None = None,
) -> Caseload:  # fmt: skip
    """The people of all buckets, each as all versions of their events and of their `people` rows.

    `left_out`: who objects; they add nothing at any moment. `since`: nothing that occurred before it is read.
    """
    parts = [_part(events, people, rule, cells, site, set(left_out), cohort, since) for events, people in buckets]
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    starts, state_starts = (
        np.concatenate([[0], np.cumsum(each)]).astype(np.int64) for each in (joined[0], joined[5])
    )  # fmt: skip
    return Caseload(
        starts=starts, sort=joined[1], occurred_at=joined[2], enters=joined[3], superseded_at=joined[4],
        state_starts=state_starts, state_known=joined[6], cell=joined[7], adult_from=joined[8], gone_at=joined[9],
        cells=len(cells),
    )  # fmt: skip


def _part(
    events: pa.Table, people: pa.Table, rule: EpisodeRule, cells: Cells, site: Site, left_out: set[str],
    cohort: CohortRule, since: int | None,
) -> tuple[NDArray[Any], ...]:  # fmt: skip
    """Events and states of one bucket as columns, each with how many every person has before it."""
    ids = np.array([name for name in people_of(people) if name not in left_out], dtype=object)
    if since is not None:
        early = pa.scalar(since, pa.int64()).cast(events.schema.field("occurred_at").type)
        events = events.filter(pc.greater_equal(events["occurred_at"], early))
    sort, times = sorts_of(events, rule, cells, site, cohort), event_times(events, ids)
    sort = sort[person_index(events, ids) >= 0]
    by_person = np.argsort(times.person, kind="stable")
    sort, times = sort[by_person], times.where(by_person)
    states = PeopleStates(people, ids)
    homes = assign(pa.table({"place_id": people["home_place_id"]}), cells, site.cells)[states.order]
    return (
        np.bincount(times.person, minlength=len(ids)).astype(np.int64),
        sort,
        times.occurred_at,
        np.maximum(times.known_at, times.occurred_at),
        times.superseded_at,
        np.bincount(states.person, minlength=len(ids)).astype(np.int64),
        states.known_at,
        np.where(homes == NOWHERE, -1, homes).astype(np.int64),
        _adult_from(states.birth_year, cohort.minimum_age),
        np.minimum(states.valid_to, states.died_at),
    )


def sorts_of(events: pa.Table, rule: EpisodeRule, cells: Cells, site: Site, cohort: CohortRule) -> NDArray[np.int8]:
    """What each event is, `COUNTED` … `OWN`. Shape (events,)."""
    sort = np.full(events.num_rows, OWN, dtype=np.int8)
    sort[is_one_of(events, "origin", ("partner",))] = PARTNER
    sort[is_one_of(events, "origin", ("public",))] = PUBLIC
    sort[crisis_mask(replace(rule, origins=(), modes=()), events)] = FLAGGED
    sort[is_one_of(events, "source", cohort.discharge_sources)] = DISCHARGED
    sort[is_one_of(events, "source", cohort.hospital_sources)] = ADMITTED
    crises = np.flatnonzero(crisis_mask(rule, events))
    somewhere = assign(events.select(WHERE).take(pa.array(crises)), cells, site.cells) != NOWHERE
    sort[crises] = np.where(somewhere, COUNTED, ELSEWHERE)
    return sort


def _with_neighbours(table: Integers, ring: Neighbours) -> Integers:
    """The same of each cell and its neighbours together. Shape (cells, times)."""
    together = table.copy()
    np.add.at(together, np.repeat(np.arange(len(table)), np.diff(ring.offsets)), table[ring.indices])
    return together


def _adult_from(birth_year: Numbers, minimum_age: int) -> Instants:
    """When a person is of age whatever their birthday; never where the year is unknown and an age is asked for."""
    if minimum_age == 0:
        return np.zeros(len(birth_year), dtype=np.int64)
    known = np.isfinite(birth_year)
    years = np.where(known, birth_year, 2000).astype(np.int64) + minimum_age + 1
    begins = (years - 1970).astype("datetime64[Y]").astype("datetime64[us]").astype(np.int64)
    return np.where(known, begins, FOREVER_US)
