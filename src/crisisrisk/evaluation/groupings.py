"""Which subgroup each row belongs to, by what was known of the person before its `as_of`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.cohorts import PeopleStates, PersonRows, first_visible
from crisisrisk.episodes import event_times, live_counts
from crisisrisk.timeline import MICROSECONDS_PER_DAY

NOT_KNOWN, OTHER, NO_TEAM = "not known", "all others", "no team"
UNKNOWN_WORDS = (None, "", "unknown")
SIX_MONTHS_DAYS = 182
YEAR_DAYS = 365

Words = NDArray[np.object_]
Numbers = NDArray[np.float64]

AGES = ((18, "under 18"), (25, "18 to 24"), (35, "25 to 34"), (45, "35 to 44"), (55, "45 to 54"), (65, "55 to 64"))
OLDEST = "65 and over"
FIFTHS = ("1, most deprived", "2", "3", "4", "5, least deprived")
DENSITIES = ((5, "under 5 contacts in a year"), (20, "5 to 19 contacts in a year"), (50, "20 to 49 contacts in a year"))
DENSEST = "50 contacts or more in a year"
NEWNESS = ((SIX_MONTHS_DAYS, "less than 6 months"),)
LONG_KNOWN = "6 months or longer"


@dataclass(frozen=True)
class KnownRows:
    """One bucket's rows with the tables that say what was known of them: every version of its events and people."""

    events: pa.Table
    people: pa.Table
    rows: PersonRows

    @cached_property
    def _states(self) -> PeopleStates:
        return PeopleStates(self.people, self.rows.person_id)

    @cached_property
    def _moments(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        moments, rank = np.unique(self.rows.as_of, return_inverse=True)
        return moments, rank.astype(np.int64)

    @cached_property
    def _person(self) -> NDArray[np.int64]:
        return self.rows.row_person()

    @cached_property
    def _version(self) -> NDArray[np.int64]:
        """For each row the row of the people table that counts, or -1."""
        moments, rank = self._moments
        found = np.full(len(self.rows), -1, dtype=np.int64)
        for place, moment in enumerate(moments):
            inside = rank == place
            found[inside] = self._states.row_at(int(moment))[self._person[inside]]
        return np.where(found < 0, -1, np.append(self._states.order, -1)[found])

    def word(self, column: str) -> Words:
        """A text of the person's state known then."""
        values = np.array([*self.people.column(column).to_pylist(), None], dtype=object)[self._version]
        return np.array([NOT_KNOWN if value in UNKNOWN_WORDS else str(value) for value in values], dtype=object)

    def number(self, column: str) -> Numbers:
        """A number of the person's state known then, NaN where none is."""
        values = self.people.column(column).cast(pa.float64()).to_numpy(zero_copy_only=False)
        found: Numbers = np.append(values, np.nan)[self._version]
        return found

    def age(self) -> Numbers:
        """Calendar year (UTC) less year of birth."""
        years = self.rows.as_of.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
        return years - self.number("birth_year")

    def contacts_in_a_year(self) -> Numbers:
        """Contacts with any agency in the 365 days before, as known then."""
        moments, rank = self._moments
        times = event_times(self.events, self.rows.person_id)
        counts = live_counts(
            times, len(self.rows.person_id), moments, lookback_us=YEAR_DAYS * MICROSECONDS_PER_DAY
        )  # fmt: skip
        return counts[self._person, rank].astype(np.float64)

    def days_known(self) -> Numbers:
        """Days since anything of the person was first known."""
        times = event_times(self.events, self.rows.person_id)
        since = first_visible(times, self._states, len(self.rows.person_id))[self._person]
        return (self.rows.as_of - since) / MICROSECONDS_PER_DAY


def banded(numbers: Numbers, bands: Sequence[tuple[float, str]], last: str) -> Words:
    """The words of the first band whose upper end lies above each number; `not known` for NaN."""
    names = np.array([*(name for _, name in bands), last, NOT_KNOWN], dtype=object)
    place = np.searchsorted([end for end, _ in bands], numbers, side="right")
    found: Words = names[np.where(np.isnan(numbers), len(bands) + 1, place)]
    return found


def _deprivation(known: KnownRows) -> Words:
    return banded(known.number("deprivation_decile"), list(zip((3, 5, 7, 9), FIFTHS, strict=False)), FIFTHS[-1])


GROUPINGS: Mapping[str, Callable[[KnownRows], Words]] = {
    "sex": lambda known: known.word("sex"),
    "age_band": lambda known: banded(known.age(), AGES, OLDEST),
    "ethnicity": lambda known: known.word("ethnicity"),
    "deprivation": _deprivation,
    "record_density": lambda known: banded(known.contacts_in_a_year(), DENSITIES, DENSEST),
    "known_for": lambda known: banded(known.days_known(), NEWNESS, LONG_KNOWN),
}
"""By name, what gives the value of each row. Shape (rows,), texts."""

MEANINGS: Mapping[str, str] = {
    "sex": "Sex",
    "age_band": "Age",
    "ethnicity": "Ethnic group, as recorded",
    "deprivation": "Deprivation of the home area, in fifths",
    "record_density": "Contacts with any agency in the year before",
    "known_for": "Time since first known to any agency",
    "team": "Team",
}


def group_values(known: KnownRows, columns: Sequence[str]) -> dict[str, Words]:
    """The value of each row for each named grouping; `team` is not among those that the tables of a bucket know."""
    return {name: GROUPINGS[name](known) for name in columns if name in GROUPINGS}


_IN_ORDER = [*(name for _, name in AGES), OLDEST, *FIFTHS, *(name for _, name in DENSITIES), DENSEST,
             *(name for _, name in NEWNESS), LONG_KNOWN]  # fmt: skip
_LAST = (OTHER, NO_TEAM, NOT_KNOWN)


def place_in_order(value: str) -> tuple[int, int, str]:
    """A key that sorts bands from the first to the last, other words by the alphabet, and what is not known last."""
    last = _LAST.index(value) + 1 if value in _LAST else 0
    return last, _IN_ORDER.index(value) if value in _IN_ORDER else 0, value


def merged(values: NDArray[Any], *, most: int, outcomes: NDArray[np.bool_]) -> tuple[Words, int]:
    """The values with all but the `most` fullest as "all others", and how many were put together.

    Fullest by rows with the outcome, then by rows, then by name. `not known` stays what it is.
    """
    texts = values.astype(str)
    names, which = np.unique(texts, return_inverse=True)
    if len(names) <= most:
        return texts.astype(object), 0
    sizes, happened = np.bincount(which), np.bincount(which, weights=outcomes)
    order = np.lexsort((names, -sizes, -happened, names != NOT_KNOWN))
    kept = np.zeros(len(names), dtype=bool)
    kept[order[: most - 1]] = True
    words = np.where(kept, names, OTHER).astype(object)
    return words[which], int(np.count_nonzero(~kept))
