"""What is known of the person at each row, apart from contacts: the dated histories of `people` and `caseloads`."""

from datetime import UTC, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from crisisrisk.cohorts import PersonRows
from crisisrisk.features.person_events import (
    index_of_people,
    instants_of,
    one_chunk,
    require_columns,
    row_arrays,
    settled,
)
from crisisrisk.features.person_kernels import (
    NEVER,
    EventArrays,
    RowArrays,
    earliest,
    latest_versions,
    runs_of_people,
)
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Instants, local_clock

PEOPLE_COLUMNS = ("person_id", "known_at", "valid_from", "birth_year", "deprivation_decile")
CASELOAD_COLUMNS = ("person_id", "team_id", "valid_from", "known_at", "valid_to")

Numbers = NDArray[np.float64]


class RowFacts:
    """What the facts of a recipe ask of each row. Arrays have shape (rows,); NaN where something is not known."""

    def __init__(
        self, people: pa.Table, caseloads: pa.Table | None, rows: PersonRows, events: EventArrays, zone: ZoneInfo
    ) -> None:
        require_columns(people, PEOPLE_COLUMNS, "the people")
        self.rows, self.events, self.zone = rows, events, zone
        self.as_of = rows.as_of
        self._caseloads = caseloads
        self._moments = row_arrays(rows)
        person = index_of_people(people["person_id"], rows.person_id)
        known, valid_from = instants_of(people, "known_at"), instants_of(people, "valid_from")
        order = np.lexsort((valid_from, known, person))
        self._people, self._order, self._known = people, order, settled(known[order])
        self._starts, self._ends, _ = runs_of_people(person[order], len(rows.person_id))

    @cached_property
    def _version(self) -> NDArray[np.int64]:
        """For each row the place of its person's version in the people table, or -1."""
        found = latest_versions(self._starts, self._ends, self._known, self._moments)
        return np.where(found < 0, -1, np.append(self._order, -1)[found])

    def number(self, column: str) -> Numbers:
        """A number of the person's state known then."""
        numbers: Numbers = one_chunk(self._people[column]).cast(pa.float64()).to_numpy(zero_copy_only=False)
        return np.append(numbers, np.nan)[self._version]

    def sex_is(self, sex: str) -> Numbers:
        """1 or 0; not known where none, or "unknown", is recorded."""
        require_columns(self._people, ("sex",), "the people")
        recorded = index_of_people(self._people["sex"], np.array(["female", "male", "other"], dtype=object))
        values = np.append(recorded, -1)[self._version]
        return np.where(values < 0, np.nan, values == ("female", "male", "other").index(sex))

    # The calendar

    @cached_property
    def _dates(self) -> tuple[Numbers, NDArray[np.int64]]:
        """Local year, and whole weeks since its first day. Rows share moments, so each moment is looked up once."""
        moments, place = np.unique(self.as_of, return_inverse=True)
        days = local_clock(moments, self.zone).day
        dates = [datetime.fromtimestamp(int(day) * 86_400, tz=UTC) for day in days]
        years = np.array([one.year for one in dates], dtype=np.float64)
        weeks = np.array([(one.timetuple().tm_yday - 1) // 7 for one in dates], dtype=np.int64)
        return years[place], weeks[place]

    def local_year(self) -> Numbers:
        """The local calendar year."""
        return self._dates[0]

    def week_of_year(self) -> NDArray[np.int64]:
        """Whole weeks since the local 1 January, 0 to 52."""
        return self._dates[1]

    # How long known

    def days_since_first_known(self) -> Numbers:
        """Since anything of the person became known, of any kind."""
        first = np.repeat(self._first_known(), np.diff(self.rows.offsets))
        known = (first != NEVER) & (first < self.as_of)
        return np.where(known, (self.as_of - np.where(known, first, 0)) / MICROSECONDS_PER_DAY, np.nan)

    def _first_known(self) -> Instants:
        """For each person when anything of it was first known; a booking from when it occurs. Shape (people,)."""
        heard = earliest(self.events.starts, self.events.ends, self.events.known, self.events.occurred)
        listed = earliest(settled(self._starts), settled(self._ends), self._known, self._known)
        both = np.minimum(heard, listed)
        return np.where(both == NEVER, np.maximum(heard, listed), both)

    # Caseloads

    def caseload(self, what: str, days: int | None) -> Numbers:
        """`now`, `days` on the present one, or `changes` in the lookback; NaN when no caseloads were given."""
        if self._caseloads is None:
            return np.full(len(self.rows), np.nan)
        if what == "changes":
            reach = FOREVER_US if days is None else days * MICROSECONDS_PER_DAY
            begun: Numbers = _begun(*self._spells, self._moments, reach)
            return begun
        since: Instants = _present_since(*self._spells, self._moments)
        if what == "now":
            return np.where(since != NEVER, 1.0, 0.0)
        return np.where(since == NEVER, np.nan, (self.as_of - since) / MICROSECONDS_PER_DAY)

    @cached_property
    def _spells(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Instants]:
        """Where each person's caseload versions start and end; their known, superseded, beginning and ending."""
        table = self._caseloads
        assert table is not None
        require_columns(table, CASELOAD_COLUMNS, "the caseloads")
        person = index_of_people(table["person_id"], self.rows.person_id)
        table = table.filter(pa.array(person >= 0))
        person = person[person >= 0].astype(np.int64)
        team = one_chunk(table["team_id"].cast(pa.string())).dictionary_encode().indices.to_numpy(zero_copy_only=False)
        known, begins = instants_of(table, "known_at"), instants_of(table, "valid_from")
        ends = one_chunk(table["valid_to"]).cast(pa.int64()).fill_null(FOREVER_US).to_numpy(zero_copy_only=False)
        order = np.lexsort((known, begins, team, person))
        same = np.array([person, team, begins])[:, order]
        again = np.append((same[:, 1:] == same[:, :-1]).all(axis=0), False) if len(order) else np.zeros(0, dtype=bool)
        superseded = np.where(again, np.append(known[order][1:], 0)[: len(order)], FOREVER_US)
        starts, stops, _ = runs_of_people(person[order].astype(np.int32), len(self.rows.person_id))
        return starts, stops, np.stack([known[order], superseded, begins[order], ends[order]]).astype(np.int64)


@njit(nogil=True, cache=True)
def _present_since(starts: NDArray[np.int64], ends: NDArray[np.int64], spells: Instants, rows: RowArrays) -> Instants:
    """For each row when the last caseload that holds then began, or NEVER. Linear in versions x rows of a person."""
    found = np.full(len(rows.as_of), NEVER, dtype=np.int64)
    for person in range(len(starts)):
        for row in range(rows.offsets[person], rows.offsets[person + 1]):
            as_of = rows.as_of[row]
            for one in range(starts[person], ends[person]):
                known, superseded, begins, stops = spells[0, one], spells[1, one], spells[2, one], spells[3, one]
                if known < as_of <= superseded and begins <= as_of < stops:
                    found[row] = max(found[row], begins)
    return found


@njit(nogil=True, cache=True)
def _begun(
    starts: NDArray[np.int64], ends: NDArray[np.int64], spells: Instants, rows: RowArrays, reach: int
) -> Numbers:
    """For each row how many caseloads known then began in the lookback."""
    found = np.zeros(len(rows.as_of), dtype=np.float64)
    for person in range(len(starts)):
        for row in range(rows.offsets[person], rows.offsets[person + 1]):
            as_of = rows.as_of[row]
            for one in range(starts[person], ends[person]):
                live = spells[0, one] < as_of <= spells[1, one]
                if live and as_of - reach <= spells[2, one] < as_of:
                    found[row] += 1
    return found
