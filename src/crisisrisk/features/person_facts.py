"""What is known of the person at each row, apart from contacts: the dated histories of `people` and `caseloads`."""

from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.features.person_events import (
    index_of_people,
    instants_of,
    one_chunk,
    require_columns,
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
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Instants, instant

PEOPLE_COLUMNS = ("person_id", "known_at", "valid_from", "birth_year", "deprivation_decile")
CASELOAD_COLUMNS = ("person_id", "team_id", "valid_from", "known_at", "valid_to")

SEXES = ("female", "male", "other")

Numbers = NDArray[np.float64]


class Registers:
    """The dated histories of some people, read once for all the moments that are asked for."""

    def __init__(
        self, people: pa.Table, caseloads: pa.Table | None, person_id: NDArray[np.object_], events: EventArrays
    ) -> None:
        """`events`: those of the same people, in the same order."""
        require_columns(people, PEOPLE_COLUMNS, "the people")
        self._people, self._caseloads, self._person_id, self._events = people, caseloads, person_id, events
        person = index_of_people(people["person_id"], person_id)
        known, valid_from = instants_of(people, "known_at"), instants_of(people, "valid_from")
        order = np.lexsort((valid_from, known, person))
        self.order, self.known = order, settled(known[order])
        self.starts, self.ends, _ = runs_of_people(person[order], len(person_id))
        self._numbers: dict[str, Numbers] = {}

    def number(self, column: str) -> Numbers:
        """A column of the people table, NaN where nothing is recorded and in one more place at its end."""
        if column not in self._numbers:
            numbers = one_chunk(self._people[column]).cast(pa.float64()).to_numpy(zero_copy_only=False)
            self._numbers[column] = np.append(numbers, np.nan)
        return self._numbers[column]

    @cached_property
    def sex(self) -> NDArray[np.int32]:
        """Places in `SEXES`, -1 where none, or "unknown", is recorded and in one more place at its end."""
        require_columns(self._people, ("sex",), "the people")
        return np.append(index_of_people(self._people["sex"], np.array(SEXES, dtype=object)), -1).astype(np.int32)

    @cached_property
    def first_known(self) -> Instants:
        """For each person when anything of it was first known; a booking from when it occurs. Shape (people,)."""
        heard = earliest(self._events.starts, self._events.ends, self._events.known, self._events.occurred)
        listed = earliest(settled(self.starts), settled(self.ends), self.known, self.known)
        both = np.minimum(heard, listed)
        return np.where(both == NEVER, np.maximum(heard, listed), both)

    @cached_property
    def spells(self) -> tuple[NDArray[np.int64], NDArray[np.int64], Instants] | None:
        """Where each person's caseload versions start and end; their known, superseded, beginning and ending.

        None when no caseloads were given.
        """
        table = self._caseloads
        if table is None:
            return None
        require_columns(table, CASELOAD_COLUMNS, "the caseloads")
        person = index_of_people(table["person_id"], self._person_id)
        table = table.filter(pa.array(person >= 0))
        person = person[person >= 0].astype(np.int64)
        team = one_chunk(table["team_id"].cast(pa.string())).dictionary_encode().indices.to_numpy(zero_copy_only=False)
        known, begins = instants_of(table, "known_at"), instants_of(table, "valid_from")
        ends = one_chunk(table["valid_to"]).cast(pa.int64()).fill_null(FOREVER_US).to_numpy(zero_copy_only=False)
        order = np.lexsort((known, begins, team, person))
        same = np.array([person, team, begins])[:, order]
        again = np.append((same[:, 1:] == same[:, :-1]).all(axis=0), False) if len(order) else np.zeros(0, dtype=bool)
        superseded = np.where(again, np.append(known[order][1:], 0)[: len(order)], FOREVER_US)
        starts, stops, _ = runs_of_people(person[order].astype(np.int32), len(self._person_id))
        return starts, stops, np.stack([known[order], superseded, begins[order], ends[order]]).astype(np.int64)


class RowFacts:
    """What the facts of a recipe ask of each row. Arrays have shape (rows,); NaN where something is not known."""

    def __init__(self, registers: Registers, moments: RowArrays, zone: ZoneInfo, *, first: int = 0) -> None:
        """`moments`: of the people of the registers from `first` on, as many as there are offsets for."""
        self._registers, self._moments, self._zone = registers, moments, zone
        self.as_of = moments.as_of
        self._chosen = slice(first, first + len(moments.offsets) - 1)

    def _of_row(self, of_person: Instants) -> Instants:
        return np.repeat(of_person[self._chosen], np.diff(self._moments.offsets))

    @cached_property
    def _version(self) -> NDArray[np.int64]:
        """For each row the place of its person's version in the people table, or -1."""
        registers, chosen = self._registers, self._chosen
        found = latest_versions(registers.starts[chosen], registers.ends[chosen], registers.known, self._moments)
        return np.append(registers.order, -1)[found]

    def number(self, column: str) -> Numbers:
        """A number of the person's state known then."""
        return self._registers.number(column)[self._version]

    def sex_is(self, sex: str) -> Numbers:
        """1 or 0; not known where none, or "unknown", is recorded."""
        values = self._registers.sex[self._version]
        return np.where(values < 0, np.nan, values == SEXES.index(sex))

    # The calendar

    @cached_property
    def _dates(self) -> tuple[Numbers, NDArray[np.int64]]:
        """Local year, and whole weeks since its first day. Rows share moments, so each moment is looked up once."""
        alone = len(self.as_of) == 1
        moments, place = (self.as_of, np.zeros(1, np.intp)) if alone else np.unique(self.as_of, return_inverse=True)
        dates = [instant(moment).astimezone(self._zone) for moment in moments.tolist()]
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
        first = self._of_row(self._registers.first_known)
        known = (first != NEVER) & (first < self.as_of)
        return np.where(known, (self.as_of - np.where(known, first, 0)) / MICROSECONDS_PER_DAY, np.nan)

    # Caseloads

    def caseload(self, what: str, days: int | None) -> Numbers:
        """`now`, `days` on the present one, or `changes` in the lookback; NaN when no caseloads were given."""
        if self._registers.spells is None:
            return np.full(len(self.as_of), np.nan)
        starts, ends, spells = self._registers.spells
        starts, ends = starts[self._chosen], ends[self._chosen]
        if what == "changes":
            reach = FOREVER_US if days is None else days * MICROSECONDS_PER_DAY
            begun: Numbers = _begun(starts, ends, spells, self._moments, reach)
            return begun
        since: Instants = _present_since(starts, ends, spells, self._moments)
        if what == "now":
            return np.where(since != NEVER, 1.0, 0.0)
        return np.where(since == NEVER, np.nan, (self.as_of - since) / MICROSECONDS_PER_DAY)


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
