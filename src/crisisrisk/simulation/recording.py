"""What agencies make of contacts: when they know of them, whom they name, and what never arrives.

The delays are those of such services: minutes at an emergency desk, a day or more in a trust, weeks in
social care. What would become known after the end of the period has not arrived yet.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.contacts import SOURCES, Contacts, Int16, Int32, Int64
from crisisrisk.simulation.defects import FEED_STOPS, LEAKING_COLUMN, STOPPED_DAYS, STOPPED_SOURCE
from crisisrisk.simulation.names import FORENAMES, HOUSES, STREETS, SURNAMES
from crisisrisk.simulation.period import SECONDS_PER_DAY, SECONDS_PER_HOUR, ZONE, Indices, Mask, Period, Seconds, stream

if TYPE_CHECKING:
    from crisisrisk.simulation.people import People
    from crisisrisk.simulation.settings import CitySettings


@dataclass(frozen=True, kw_only=True)
class Desk:
    """How one source is recorded: the delay is log-normal with this median and spread.

    `named` is the chance that a row carries the key or NHS number by which the person is found; `dates_only` desks
    note days, not hours.
    """

    median_hours: float
    spread: float = 0.7
    named: float = 1.0
    dates_only: bool = False


DESKS: dict[str, Desk] = {
    "police_999": Desk(median_hours=0.12, named=0.80),
    "police_101": Desk(median_hours=0.4, named=0.75),
    "welfare_check_request": Desk(median_hours=0.3, named=0.95),
    "s136": Desk(median_hours=5.0, named=0.98),
    "s135": Desk(median_hours=9.0, spread=0.9),
    "missing_person": Desk(median_hours=1.5, spread=0.8, named=0.90),
    "btp": Desk(median_hours=7.0, spread=0.9, named=0.0),
    "ambulance_999": Desk(median_hours=0.6, named=0.74),
    "nhs_111": Desk(median_hours=0.4, spread=0.5, named=0.93),
    "nhs_111_mh": Desk(median_hours=0.5, spread=0.5, named=0.92),
    "ed_attendance": Desk(median_hours=8.0, spread=1.0, named=0.97),
    "street_triage": Desk(median_hours=6.0, spread=0.9),
    "triage_advice": Desk(median_hours=5.0, spread=0.9, named=0.93),
    "crisis_line": Desk(median_hours=4.0, spread=1.0, named=0.88),
    "crisis_house": Desk(median_hours=20.0),
    "mh_contact": Desk(median_hours=26.0, spread=1.1),
    "mh_missed": Desk(median_hours=20.0, spread=1.1),
    "mh_admission": Desk(median_hours=11.0, spread=0.9),
    "mh_discharge": Desk(median_hours=26.0, spread=0.9),
    "liaison_diversion": Desk(median_hours=40.0, spread=0.8, named=0.9),
    "fire_safe_and_well_visit": Desk(median_hours=120.0, spread=0.6, dates_only=True),
    "fire": Desk(median_hours=10.0, spread=0.8, named=0.0),
    "amhp_assessment": Desk(median_hours=60.0, spread=0.8),
    "housing": Desk(median_hours=150.0, spread=0.7, dates_only=True),
    "social_care": Desk(median_hours=380.0, spread=0.7, dates_only=True),
    "gp": Desk(median_hours=60.0, spread=0.6, dates_only=True),
}
# Sources whose rows carry names, birth dates and addresses in place of an NHS number.
SOURCES_WITH_NAMES = (
    "police_999", "police_101", "welfare_check_request", "s136", "missing_person", "btp", "ambulance_999",
)  # fmt: skip
_NAME_WITH_KEY, _NAME_WITHOUT_KEY, _NAME_OF_STRANGER = 0.93, 0.70, 0.50
_WITH_DATE, _WITH_ADDRESS = 0.85, 0.75
# Of the rows that do not carry the person's own key, some carry one that the agency holds twice by mistake.
_SECOND_KEY = 0.25
_OLD_ADDRESS = 0.15
_STREETS_PER_CELL = 5
_LATE_FROM, _LATE_BEFORE, _LATE_KNOWN = "2026-03-02", "2026-04-13", "2026-05-11 09:30"
_LATE_SOURCES, _LATE_TEAM = ("mh_contact", "mh_missed"), 3
MISSED_SOURCE, MISSED_FROM, MISSED_BEFORE = "gp", "2026-01-12", "2026-01-26"
SILENT_SOURCES = ("nhs_111", "nhs_111_mh")
SILENT_FROM = "2026-11-21 21:40"
_LEAK_DAYS = 28
NO_DATE = int(np.iinfo(np.int32).min)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Contacts as their agencies know them. All arrays have shape (contacts,).

    `contacts.person` is who it truly was, `named` the same person where the row says so by key or NHS number, else
    -1. `second_key` rows carry a key that is tied to nobody. `surname` and the rest are what the person told, -1 where
    nothing was noted: places in the lists of names.py, a number in the street, days since 1970. `late` came in a late
    batch; `followed` is what the trust cannot have known: a crisis within four weeks.
    """

    contacts: Contacts
    known: Int64
    named: Int32
    second_key: Mask
    late: Mask
    followed: Mask
    surname: Int16
    forename: Int16
    birth_date: Int32
    house: Int16
    street: Int16

    def __len__(self) -> int:
        return len(self.known)

    def taken(self, order: NDArray[Any]) -> "Recorded":
        """The rows of a mask or of places, in that order."""
        columns = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Recorded(
            **{name: part.taken(order) if name == "contacts" else part[order] for name, part in columns.items()}
        )


def recorded(
    settings: "CitySettings", period: Period, found: Contacts, people: "People | None", *, block: int
) -> Recorded:
    """Contacts of one block of people, or of strangers in one month (`people` None), as their agencies know them.

    Contacts of people before they came or after they left are gone, and so is what is not known by the end.
    """
    random = stream(settings.seed, "recording" if people is not None else "recording strangers", block)
    here = found.taken(_present(found, people, period))
    known, late = _known(random, here, period), _late_batch(here, people)
    known[late] = local_seconds(_LATE_KNOWN)
    names, second_key = _names(random, here, people, period)
    named = _named(random, here)
    rows = Recorded(
        contacts=_ended_by(here, period.end),
        known=known,
        named=np.where(named, here.person, -1).astype(np.int32),
        second_key=second_key & ~named,
        late=late,
        followed=_followed(here) if LEAKING_COLUMN in settings.defects else np.zeros(len(here), dtype=bool),
        **_noted(random, names, named, people),
    )
    return rows.taken(_arrived(settings, here, known, period))


def local_seconds(moment: str) -> int:
    """The instant of a local time that exists once."""
    return int(datetime.fromisoformat(moment).replace(tzinfo=ZONE).timestamp())


def _of_source(contacts: Contacts, values: dict[str, Any]) -> NDArray[Any]:
    """A value for each contact by its source."""
    return np.array([values[name] for name in SOURCES])[contacts.source]


def _present(found: Contacts, people: "People | None", period: Period) -> Mask:
    """Strangers always are; people from the day they registered to the day before they left."""
    inside = (found.at >= period.midnight[0]) & (found.at <= period.end)
    if people is None:
        return np.asarray(inside)
    row, day = _row(found, people), period.day_of(found.at)
    here = (day >= people.registered[row]) & (day < people.left[row])
    return np.asarray(inside & ((found.person < 0) | here))


def _row(contacts: Contacts, people: "People") -> Indices:
    """The place of each contact's person in the block; 0 for nobody."""
    return np.where(contacts.person >= 0, contacts.person - people.first, 0)


def _known(random: np.random.Generator, rows: Contacts, period: Period) -> Seconds:
    """When each contact becomes known, at the resolution that its desk notes."""
    median = _of_source(rows, {name: desk.median_hours for name, desk in DESKS.items()})
    spread = _of_source(rows, {name: desk.spread for name, desk in DESKS.items()})
    hours = median * np.exp(spread * random.standard_normal(len(rows)))
    known = rows.at + 60 + (hours * SECONDS_PER_HOUR).astype(np.int64)
    dates_only = _of_source(rows, {name: desk.dates_only for name, desk in DESKS.items()})
    # A date says when at the latest something was known: the midnight after it.
    return np.where(dates_only, period.midnight_of(period.day_of(known) + 1), known)


def _late_batch(rows: Contacts, people: "People | None") -> Mask:
    """One team's contacts of six weeks, which came all at once a month later."""
    if people is None:
        return np.zeros(len(rows), dtype=bool)
    between = (rows.at >= local_seconds(_LATE_FROM)) & (rows.at < local_seconds(_LATE_BEFORE))
    own = (rows.person >= 0) & (people.team[_row(rows, people)] == _LATE_TEAM)
    return np.asarray(between & own & rows.is_from(*_LATE_SOURCES))


def _named(random: np.random.Generator, rows: Contacts) -> Mask:
    chance = _of_source(rows, {name: desk.named for name, desk in DESKS.items()})
    return np.asarray((random.random(len(rows)) < chance) & (rows.person >= 0))


def _names(
    random: np.random.Generator, rows: Contacts, people: "People | None", period: Period
) -> tuple[dict[str, Indices], Mask]:
    """Who the people of rows with names are, and which of them an agency holds under a second key."""
    count = len(rows)
    second_key = (random.random(count) < _SECOND_KEY) & (rows.person >= 0)
    if people is None:
        return _strangers(random, count), second_key
    row = _row(rows, people)
    moved = (people.second_home[row] >= 0) & (period.day_of(rows.at) >= people.moves_on[row])
    new = moved & (random.random(count) >= _OLD_ADDRESS)
    house, street = address(people, row, second=new)
    known = {
        "surname": people.surname[row], "forename": people.forename[row], "birth_date": people.birth_date[row],
        "house": house, "street": street,
    }  # fmt: skip
    return known, second_key


def address(people: "People", row: Indices, *, second: Mask) -> tuple[Indices, Indices]:
    """House and street of people of a block, at the home they moved to where `second`. Shapes as `row`."""
    house = np.where(second, 1 + (people.house[row] * 7 + 3) % HOUSES, people.house[row])
    home = np.where(second, people.second_home[row], people.home[row])
    return house, (home * _STREETS_PER_CELL + house % _STREETS_PER_CELL) % STREETS


def _strangers(random: np.random.Generator, count: int) -> dict[str, Indices]:
    return {
        "surname": random.integers(0, SURNAMES, count),
        "forename": random.integers(0, FORENAMES, count),
        "birth_date": random.integers(-9_000, 14_000, count),
        "house": random.integers(1, HOUSES + 1, count),
        "street": random.integers(0, STREETS, count),
    }


def _noted(
    random: np.random.Generator, names: dict[str, Indices], named: Mask, people: "People | None"
) -> dict[str, NDArray[Any]]:
    """Names as far as they were noted: date and address may be missing where the name is not."""
    count = len(named)
    chance = _NAME_OF_STRANGER if people is None else np.where(named, _NAME_WITH_KEY, _NAME_WITHOUT_KEY)
    told = random.random(count) < chance
    dated, housed = told & (random.random(count) < _WITH_DATE), told & (random.random(count) < _WITH_ADDRESS)
    return {
        "surname": np.where(told, names["surname"], -1).astype(np.int16),
        "forename": np.where(told, names["forename"], -1).astype(np.int16),
        "birth_date": np.where(dated, names["birth_date"], NO_DATE).astype(np.int32),
        "house": np.where(housed, names["house"], -1).astype(np.int16),
        "street": np.where(housed, names["street"], -1).astype(np.int16),
    }


def _ended_by(rows: Contacts, end: int) -> Contacts:
    """Stays that are over; of the others nobody knows the end yet."""
    columns = {name: getattr(rows, name) for name in rows.__dataclass_fields__}
    return Contacts(**columns | {"ended": np.where(rows.ended <= end, rows.ended, -1)})


def _arrived(settings: "CitySettings", rows: Contacts, known: Seconds, period: Period) -> Mask:
    """What is known by the end. One feed fell silent before, a fortnight of another never came."""
    until = np.where(rows.is_from(*SILENT_SOURCES), local_seconds(SILENT_FROM), period.end)
    if FEED_STOPS in settings.defects:
        stopped = period.end - STOPPED_DAYS * SECONDS_PER_DAY
        until = np.where(rows.is_from(STOPPED_SOURCE), stopped, until)
    missed = (rows.at >= local_seconds(MISSED_FROM)) & (rows.at < local_seconds(MISSED_BEFORE))
    return np.asarray((known <= until) & ~(missed & rows.is_from(MISSED_SOURCE)))


def _followed(rows: Contacts) -> Mask:
    """Which contacts a crisis contact of the same person follows within four weeks."""
    person = rows.person.astype(np.int64)
    crises = rows.crisis & (person >= 0)
    # One ascending number for person and moment, so that one search finds the next crisis of the same person.
    keys = np.sort((person[crises] << 34) + rows.at[crises])
    own = (person << 34) + rows.at
    after = np.searchsorted(keys, own, side="right")
    padded = np.append(keys, np.iinfo(np.int64).max)
    return np.asarray((person >= 0) & (padded[after] <= own + _LEAK_DAYS * SECONDS_PER_DAY))
