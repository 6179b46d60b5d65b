"""Contacts that are not a crisis: appointments, GPs, calls about other things, hospital stays, visits, losses.

How often each happens depends on the person's condition of the day, and far more on the person: some ring
for everything, some for nothing. So no kind of contact gives the condition away. Nothing here acts on anybody.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crisisrisk.simulation.contacts import Contacts, code_numbers, contacts, pick_codes
from crisisrisk.simulation.intensity import WELFARE_HOURS
from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import SECONDS_PER_HOUR, Indices, Mask, Numbers, Period, Seconds, stream
from crisisrisk.simulation.person_kernel import Lives, Spells
from crisisrisk.simulation.strangers import custody_columns

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

# Daily rates when stable, worsening, in crisis, recovering, in hospital.
RATES: dict[str, tuple[float, float, float, float, float]] = {
    "gp": (0.0165, 0.0330, 0.018, 0.025, 0.0),
    "nhs_111": (0.0022, 0.0080, 0.004, 0.0035, 0.0),
    "nhs_111_mh": (0.0005, 0.0040, 0.002, 0.0010, 0.0),
    "police_101": (0.0010, 0.0050, 0.003, 0.0014, 0.0),
    "police_999": (0.0008, 0.0038, 0.003, 0.0012, 0.0),
    "ambulance_999": (0.0014, 0.0048, 0.0025, 0.0020, 0.0),
    "ed_attendance": (0.0018, 0.0055, 0.0025, 0.0024, 0.0),
    "welfare_check_request": (0.0002, 0.0040, 0.004, 0.0006, 0.0),
    "liaison_diversion": (0.00005, 0.00045, 0.00025, 0.00008, 0.0),
    "fire_safe_and_well_visit": (0.0003, 0.0010, 0.0003, 0.0005, 0.0),
    "social_care": (0.0040, 0.0080, 0.006, 0.0070, 0.002),
    "housing": (0.0012, 0.0030, 0.002, 0.0018, 0.0),
    "mh_contact": (0.0200, 0.0380, 0.075, 0.0500, 0.0),
}
# What frequent callers ring, and how much of their calling goes there.
FREQUENT = {"police_101": 1.0, "police_999": 0.6, "ambulance_999": 0.7, "nhs_111": 0.3, "welfare_check_request": 0.25}
# Calls a day of the one person who rings every day, and how the police answer.
DAILY = {"police_101": 0.30, "police_999": 0.85, "ambulance_999": 0.15, "nhs_111": 0.10, "welfare_check_request": 0.0}
ANSWERS = {"ATT": 0.62, "ADV": 0.30, "NFA": 0.08}
# Trusts see the people whom a team cares for.
_OPEN, _NOT_OPEN = 1.15, 0.4
AT_HOME = frozenset({"police_101", "police_999", "ambulance_999", "welfare_check_request"})

CODES: dict[str, dict[str, float]] = {
    "gp": {"CONSULT": 5, "MEDREV": 3, "SICKNOTE": 2, "ANXLOW": 2},
    "nhs_111": {"PAIN": 4, "BREATH": 2, "MEDS": 2, "DENTAL": 1, "OTHER": 3},
    "nhs_111_mh": {"MHADV": 3, "MHMEDS": 1},
    "police_101": {"ASB2": 4, "NUIS": 3, "LOST": 2, "CONC": 2},
    "police_999": {"DIST": 4, "ASB2": 3, "CONC": 2, "DOM1": 2},
    "ambulance_999": {"FALL": 3, "CHEST": 3, "UNWELL": 4, "ALCOHOL": 2},
    "ed_attendance": {"INJ": 4, "ABDO": 2, "CHEST": 2, "ALC": 2, "UNW": 3},
    "welfare_check_request": {"CONC": 4, "NOSEEN": 2, "MISS": 1},
    "fire_safe_and_well_visit": {"HOARD": 1, "SMOKE": 3, "VULN": 2},
    "social_care": {"REVIEW": 4, "CONTACT": 3, "SAFEG": 1, "CARER": 1},
    "housing": {"ARREARS": 4, "NOISE": 2, "REPAIR": 3},
    "mh_contact": {"DUTY": 3, "PHONE": 3, "HOME VISIT": 1},
}
_APPOINTMENTS: dict[str, float] = {"CPN": 5, "OPA": 2, "PHONE": 2, "GROUP": 1}
_WARDS: dict[str, float] = {"ACUTE": 6, "PICU": 1, "OLDER": 1}

_OFFICE = np.array([0] * 8 + [2, 5, 6, 6, 3, 4, 6, 5, 3] + [0] * 7, dtype=np.float64)
_WAKING = np.array([2, 1, 1, 1, 1, 1, 2, 3, 5, 6, 7, 7, 7, 7, 7, 8, 8, 9, 9, 9, 8, 7, 5, 3], dtype=np.float64)
_IN_OFFICE_HOURS = frozenset(
    {"gp", "social_care", "housing", "fire_safe_and_well_visit", "mh_contact", "liaison_diversion"}
)


@dataclass(frozen=True, kw_only=True)
class RoutineDays:
    """A block's contacts with one source that are no crisis.

    `own` (people,): how often each turns to the source, whatever their condition; `daily` (people,): who rings every
    day, in any condition. `person`, a place in the block, and `day` have shape (contacts,).
    """

    own: Numbers
    daily: Mask
    person: Indices
    day: Indices


def routine_contacts(settings: "CitySettings", people: People, lives: Lives, period: Period, block: int) -> Contacts:
    """All that is not a crisis of a block's people, and their hospital stays; people by their own numbers."""
    parts = [_unplanned(settings, source, people, lives.spells, period, block) for source in RATES]
    random = stream(settings.seed, "routine planned", block)
    planned = [_appointments(random, lives, period), _hospital(random, people, lives, period)]
    found = Contacts.concatenated([*parts, *planned, _losses(random, lives, period)])
    found.person[:] += people.first
    return found


def _unplanned(
    settings: "CitySettings", source: str, people: People, spells: Spells, period: Period, block: int
) -> Contacts:
    random = stream(settings.seed, f"routine {source}", block)
    drawn = _drawn(random, settings, source, people, spells)
    person, day = drawn.person, drawn.day
    at = _moments(random, source, day, period)
    return contacts(source, at, person, **_columns(settings, random, source, people, person, day))


def routine_days(settings: "CitySettings", source: str, people: People, spells: Spells, block: int) -> "RoutineDays":
    """The same contacts as in the files of that source, by the day on which they were meant to be."""
    return _drawn(stream(settings.seed, f"routine {source}", block), settings, source, people, spells)


def _drawn(
    random: np.random.Generator, settings: "CitySettings", source: str, people: People, spells: Spells
) -> "RoutineDays":
    own = _own(random, source, people)
    rate = settings.dynamics.routine * np.array(RATES[source])[spells.condition] * own[spells.person]
    daily = people.daily_caller & (source in DAILY)
    rate = np.where(daily[spells.person], DAILY.get(source, 0.0), rate)
    times = random.poisson(rate * (spells.ends - spells.begins))
    person = np.repeat(spells.person, times)
    begins, ends = np.repeat(spells.begins, times), np.repeat(spells.ends, times)
    day = begins + np.floor(random.random(len(person)) * (ends - begins)).astype(np.int64)
    return RoutineDays(own=own, daily=daily, person=person, day=day)


def _own(random: np.random.Generator, source: str, people: People) -> Numbers:
    """How often each person turns to a source, whatever their condition."""
    own = random.gamma(0.8, 1 / 0.8, len(people)) * np.exp(0.35 * people.frailty - 0.06)
    if source in FREQUENT:
        own = own * np.maximum(1.0, people.caller * FREQUENT[source])
    if source == "mh_contact":
        own = own * np.where(people.open, _OPEN, _NOT_OPEN)
    return np.asarray(own)


def _moments(random: np.random.Generator, source: str, day: Indices, period: Period) -> Seconds:
    if source in _IN_OFFICE_HOURS:
        return period.at(_next_working_day(day, period), _hours(random, _OFFICE, len(day)))
    return period.at(day, _hours(random, WELFARE_HOURS if source == "welfare_check_request" else _WAKING, len(day)))


def _columns(
    settings: "CitySettings", random: np.random.Generator, source: str, people: People, person: Indices, day: Indices
) -> dict[str, Any]:
    """Code, origin and place of unplanned contacts."""
    if source == "liaison_diversion":
        return {"origin": "public", **custody_columns(settings, people.area[person], random)}
    columns = {
        "code": pick_codes(random, CODES[source], len(person)),
        "origin": "partner" if source == "welfare_check_request" else "public",
    }
    if source == "police_999":
        answers = pick_codes(random, ANSWERS, len(person))
        columns["outcome"] = np.where(people.daily_caller[person], answers, 0)
    return columns | _at_home(people, person, day) if source in AT_HOME else columns


def _at_home(people: People, person: Indices, day: Indices) -> dict[str, Any]:
    second = _has_moved(people, person, day)
    return {
        "latitude": np.where(second, people.second_latitude[person], people.latitude[person]),
        "longitude": np.where(second, people.second_longitude[person], people.longitude[person]),
        "premises": "private",
    }


def _has_moved(people: People, person: Indices, day: Indices) -> Mask:
    """Who lives at the second address on the given days."""
    moves = (people.second_home >= 0) & (people.moves_on > people.registered) & (people.moves_on < people.left)
    return np.asarray(moves[person] & (day >= people.moves_on[person]))


def _hours(random: np.random.Generator, weights: Numbers, count: int) -> Numbers:
    shares = np.cumsum(weights / weights.sum())
    return np.asarray(np.searchsorted(shares[:-1], random.random(count), side="right") + random.random(count))


def _next_working_day(day: Indices, period: Period) -> Indices:
    working = np.flatnonzero(period.working_day)
    return np.asarray(working[np.minimum(np.searchsorted(working, day), len(working) - 1)])


def _appointments(random: np.random.Generator, lives: Lives, period: Period) -> Contacts:
    """Appointments kept, and those missed."""
    planned = lives.appointments
    at = period.at(planned.day, np.round(_hours(random, _OFFICE, len(planned.day)) * 4) / 4)
    code = pick_codes(random, _APPOINTMENTS, len(at))
    kept = planned.attended
    return Contacts.concatenated(
        [
            contacts("mh_contact", at[kept], planned.person[kept], code=code[kept]),
            contacts("mh_missed", at[~kept], planned.person[~kept], code=code[~kept]),
        ]
    )


def _hospital(random: np.random.Generator, people: People, lives: Lives, period: Period) -> Contacts:
    """Admissions some hours after an incident, and discharges. A stay ends when its person leaves the city."""
    stays, incidents = lives.admissions, lives.incidents
    led = incidents.at[stays.incident]
    begins = led + (random.uniform(0.5, 9, len(led)) * SECONDS_PER_HOUR).astype(np.int64)
    leaves = np.minimum(np.where(stays.until < 0, len(period), stays.until), people.left[stays.person])
    over = leaves < len(period)
    ends = period.at(np.where(over, leaves, 0), 10 + 7 * random.random(len(led)))
    ward, number = pick_codes(random, _WARDS, len(led)), incidents.number[stays.incident]
    admitted = contacts(
        "mh_admission", begins, stays.person, code=ward, crisis=True, ended=np.where(over, ends, -1), incident=number
    )
    left = over & (leaves < people.left[stays.person])
    return Contacts.concatenated([admitted, contacts("mh_discharge", ends[left], stays.person[left], code=ward[left])])


def _losses(random: np.random.Generator, lives: Lives, period: Period) -> Contacts:
    """What the council hears of benefits and homes that were lost, days or weeks later."""
    lost = lives.life_events
    heard = random.random(len(lost.day)) < 0.7
    day = lost.day + random.integers(1, 21, len(lost.day))
    heard &= day < len(period)
    person, housing = lost.person[heard], lost.housing[heard]
    at = period.at(_next_working_day(day[heard], period), _hours(random, _OFFICE, len(person)))
    codes = np.where(random.random(len(person)) < 0.5, *code_numbers(["NOTICE", "HOMELESS"]))
    return Contacts.concatenated(
        [
            contacts("housing", at[housing], person[housing], code=codes[housing]),
            contacts("social_care", at[~housing], person[~housing], code="BENEFIT"),
        ]
    )
