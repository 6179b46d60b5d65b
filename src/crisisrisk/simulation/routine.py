"""Contacts that are not a crisis: appointments, GPs, calls about other things, hospital stays, visits.

How often each happens depends on the person's state of the day, and far more on the person: some ring
for everything, some for nothing. So no kind of contact gives the state away.
"""

import numpy as np
import pandas as pd

from crisisrisk.simulation.contacts import contacts, pick
from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import Indices, Numbers, Period, stream
from crisisrisk.simulation.stability import Course

# Daily rates when stable, worsening, in crisis, recovering, in hospital.
RATES: dict[str, tuple[float, float, float, float, float]] = {
    "gp": (0.0070, 0.0265, 0.008, 0.013, 0.0),
    "nhs_111": (0.0009, 0.0076, 0.003, 0.0018, 0.0),
    "nhs_111_mh": (0.0001, 0.0044, 0.002, 0.0006, 0.0),
    "police_101": (0.0005, 0.0050, 0.003, 0.0009, 0.0),
    "police_999": (0.0004, 0.0038, 0.003, 0.0008, 0.0),
    "ambulance_999": (0.0009, 0.0043, 0.002, 0.0014, 0.0),
    "ed_attendance": (0.0010, 0.0053, 0.002, 0.0014, 0.0),
    "welfare_check_request": (0.0001, 0.0043, 0.004, 0.0006, 0.0),
    "liaison_diversion": (0.0002, 0.0018, 0.001, 0.0003, 0.0),
    "fire_safe_and_well_visit": (0.0003, 0.0010, 0.0003, 0.0005, 0.0),
    "social_care": (0.0010, 0.0043, 0.003, 0.0030, 0.001),
    "mh_contact": (0.0012, 0.0151, 0.050, 0.030, 0.0),
}
# What frequent callers ring, and how much more often.
FREQUENT = {"police_101": 40, "police_999": 25, "ambulance_999": 30, "nhs_111": 12, "welfare_check_request": 8}
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
    "liaison_diversion": {"MH": 5, "ACCOM": 2, "SUBST": 2, "ALCOHOL": 1, "FINANCE": 1},
    "fire_safe_and_well_visit": {"HOARD": 1, "SMOKE": 3, "VULN": 2},
    "social_care": {"REVIEW": 4, "CONTACT": 3, "SAFEG": 1, "CARER": 1},
    "mh_contact": {"DUTY": 3, "PHONE": 3, "HOME": 1},
}
_OFFICE = np.array([0] * 8 + [2, 5, 6, 6, 3, 4, 6, 5, 3] + [0] * 7, dtype=np.float64)
_WAKING = np.array([2, 1, 1, 1, 1, 1, 2, 3, 5, 6, 7, 7, 7, 7, 7, 8, 8, 9, 9, 9, 8, 7, 5, 3], dtype=np.float64)
_IN_OFFICE_HOURS = frozenset({"gp", "social_care", "fire_safe_and_well_visit", "mh_contact", "liaison_diversion"})


def routine_contacts(seed: int, people: People, course: Course, period: Period) -> pd.DataFrame:
    """Everything that is not a crisis, for everybody, whether or not they are still here."""
    parts = [_unplanned(seed, source, people, course, period) for source in RATES]
    return pd.concat([*parts, _appointments(seed, course, period), _hospital(seed, course, period)], ignore_index=True)


def _unplanned(seed: int, source: str, people: People, course: Course, period: Period) -> pd.DataFrame:
    random = stream(seed, f"routine {source}")
    own = random.gamma(0.8, 1 / 0.8, len(people)) * np.exp(0.35 * people.frailty - 0.06)
    own = own * np.where(people.frequent_caller, FREQUENT.get(source, 1) * random.uniform(0.2, 1.6, len(people)), 1.0)
    count = random.poisson(np.array(RATES[source])[course.state] * own)
    day, person = np.nonzero(count)
    times = count[day, person]
    day, person = np.repeat(day, times), np.repeat(person, times)
    if source in _IN_OFFICE_HOURS:
        day = _next_working_day(day, period)
    at = period.at(day, _hours(random, _OFFICE if source in _IN_OFFICE_HOURS else _WAKING, len(day)))
    origin = "partner" if source == "welfare_check_request" else "public"
    found = contacts(source, at, person, code=pick(random, CODES[source], len(day)), origin=origin)
    return found.assign(**_where(people, person)) if source in AT_HOME else found


def _where(people: People, person: Indices) -> dict[str, Numbers | str]:
    return {"latitude": people.latitude[person], "longitude": people.longitude[person], "premises": "private"}


def _hours(random: np.random.Generator, weights: Numbers, count: int) -> Numbers:
    hours: Numbers = random.choice(24, count, p=weights / weights.sum()) + random.random(count)
    return hours


def _next_working_day(day: Indices, period: Period) -> Indices:
    working = np.flatnonzero(period.working_day)
    found: Indices = working[np.minimum(np.searchsorted(working, day), len(working) - 1)]
    return found


def _appointments(seed: int, course: Course, period: Period) -> pd.DataFrame:
    random = stream(seed, "appointments")
    day, person, attended = course.appointments.T
    at = period.at(day, np.round(_hours(random, _OFFICE, len(day)) * 4) / 4)
    code = pick(random, {"CPN": 5, "OPA": 2, "PHONE": 2, "GROUP": 1}, len(day))
    found = contacts("mh_contact", at, person, code=code)
    found["source"] = np.where(attended == 1, "mh_contact", "mh_missed")
    return found


def _hospital(seed: int, course: Course, period: Period) -> pd.DataFrame:
    """Admissions, and discharges of those whose stay ends inside the period."""
    random = stream(seed, "hospital")
    day, person, length = course.admissions.T
    begins = period.at(day, 10 + 13 * random.random(len(day)))
    over = day + length < len(period)
    ends = period.at(np.minimum(day + length, len(period) - 1), 10 + 7 * random.random(len(day)))
    ward = pick(random, {"ACUTE": 6, "PICU": 1, "OLDER": 1}, len(day))
    stays = contacts("mh_admission", begins, person, code=ward, ended=np.where(over, ends, -1))
    leaves = contacts("mh_discharge", ends[over], person[over], code=ward[over])
    return pd.concat([stays, leaves], ignore_index=True)
