"""Crisis incidents, and the chain of services that each of them reaches.

One incident may be a call to the police, an ambulance, a triage team, a detention and an emergency
department: the same hour of one person's life in five agencies' files, sometimes without a name.
"""

from typing import Any

import numpy as np
import pandas as pd

from crisisrisk.simulation.city import City
from crisisrisk.simulation.contacts import contacts, pick
from crisisrisk.simulation.intensity import CRISIS_HOURS, Incidents, Map
from crisisrisk.simulation.people import CHANNELS, People
from crisisrisk.simulation.period import SECONDS_PER_DAY, Mask, Numbers, Period, local_clock, stream
from crisisrisk.simulation.stability import Course

TRIAGE_STARTS, TRIAGE_ENDS = 10, 3

# The chance that an incident which reached the first service also reaches the second, within hours.
_PASSED_ON: tuple[tuple[str, str, float, tuple[float, float]], ...] = (
    ("police_999", "ambulance_999", 0.12, (0.05, 0.4)),
    ("ambulance_999", "police_999", 0.12, (0.05, 0.6)),
    ("crisis_line", "ambulance_999", 0.05, (0.2, 1.0)),
    ("nhs_111_mh", "crisis_line", 0.14, (0.2, 2.0)),
    ("nhs_111_mh", "ed_attendance", 0.12, (1.0, 5.0)),
    ("ambulance_999", "ed_attendance", 0.35, (0.7, 2.5)),
    ("crisis_line", "crisis_house", 0.05, (3.0, 30.0)),
)
_CODES: dict[str, dict[str, float]] = {
    "police_999": {"MH01": 8, "MH02": 2, "CONC": 2},
    "ambulance_999": {"PSYCH": 8, "UNWELL": 1, "ALCOHOL": 1},
    "ed_attendance": {"MHP1": 6, "MHP2": 3, "UNW": 1},
    "crisis_line": {"CRISIS": 6, "DISTRESS": 4},
    "nhs_111_mh": {"MHCRIS": 7, "MHADV": 3},
    "crisis_house": {"STAY": 1},
    "street_triage": {"ASSESSED": 6, "SAFETY PLAN": 3, "NOT SEEN": 1},
    "triage_advice": {"ADVICE": 4, "HISTORY SHARED": 3},
    "s136": {"DETAINED": 1},
}
# Codes by which the agency itself says that this is a mental-health crisis.
CRISIS_CODES = frozenset({"MH01", "MH02", "PSYCH", "MHP1", "MHP2", "CRISIS", "DISTRESS", "MHCRIS"})
_PLACED = frozenset({"police_999", "ambulance_999", "street_triage", "s136"})


def crisis_contacts(
    seed: int, people: People, course: Course, period: Period, city: City, place_map: Map, strangers: Incidents
) -> pd.DataFrame:
    """Every agency's contacts from every incident, of people known and not known."""
    random = stream(seed, "responses")
    incidents = pd.concat(
        [_of_people(random, people, course, period, city, place_map), _of_strangers(random, city, strangers)],
        ignore_index=True,
    )
    reached = [_contact(random, incidents[incidents["channel"] == name], name) for name in CHANNELS]
    chain = _pass_on(random, reached)
    on_scene = pd.concat(reached[:2], ignore_index=True)
    triage = _triage(random, on_scene)
    detained = _detentions(random, on_scene)
    return pd.concat([*reached, *chain, triage, *detained], ignore_index=True)


def _of_people(
    random: np.random.Generator, people: People, course: Course, period: Period, city: City, place_map: Map
) -> pd.DataFrame:
    """Incidents of known people: at home, near home, or where anybody's happen."""
    day, person = np.nonzero(course.incidents)
    times = course.incidents[day, person]
    day, person = np.repeat(day, times), np.repeat(person, times)
    hour = random.choice(24, len(day), p=CRISIS_HOURS / CRISIS_HOURS.sum()) + random.random(len(day))
    where = random.random(len(day))
    near = city.near[people.home[person], random.integers(0, 6, len(day))]
    cumulative = place_map.streets.cumsum(axis=1)[day // 7]
    anywhere = np.minimum((cumulative < random.random(len(day))[:, None]).sum(axis=1), len(city) - 1)
    cell = np.where(where < 0.78, near, anywhere)
    latitude, longitude = city.points_in(cell, random)
    home = where < 0.55
    channel = (people.channels[person].cumsum(axis=1) < random.random(len(day))[:, None]).sum(axis=1)
    return pd.DataFrame(
        {
            "person": person,
            "at": period.at(day, hour),
            "latitude": np.where(home, people.latitude[person], latitude),
            "longitude": np.where(home, people.longitude[person], longitude),
            "premises": np.where(home, "private", "public"),
            "channel": np.array(CHANNELS, dtype=object)[np.minimum(channel, len(CHANNELS) - 1)],
        }
    )


def _of_strangers(random: np.random.Generator, city: City, strangers: Incidents) -> pd.DataFrame:
    count = len(strangers.at)
    latitude, longitude = city.points_in(strangers.cell, random)
    return pd.DataFrame(
        {
            "person": np.full(count, -1),
            "at": strangers.at,
            "latitude": latitude,
            "longitude": longitude,
            "premises": pick(random, {"public": 55, "private": 45}, count),
            "channel": pick(random, {"police_999": 60, "ambulance_999": 40}, count),
        }
    )


def _contact(
    random: np.random.Generator, incidents: pd.DataFrame, source: str, delay_hours: tuple[float, float] = (0.0, 0.0)
) -> pd.DataFrame:
    """One contact of `source` from each incident, some hours after it."""
    count = len(incidents)
    later = (random.uniform(*delay_hours, count) * 3600).astype(np.int64)
    code = pick(random, _CODES[source], count)
    crisis = np.isin(code.astype(str), list(CRISIS_CODES))
    columns: dict[str, Any] = {"code": code, "crisis": crisis, "origin": "public"}
    if source in _PLACED:
        columns |= {name: incidents[name].to_numpy() for name in ("latitude", "longitude", "premises")}
    if source == "crisis_house":
        columns["ended"] = incidents["at"].to_numpy() + later + random.integers(2, 9, count) * SECONDS_PER_DAY
    return contacts(source, incidents["at"].to_numpy() + later, incidents["person"].to_numpy(), **columns)


def _pass_on(random: np.random.Generator, reached: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """What the first services reached pass on to others. Only people with a name are followed by the trusts."""
    first = dict(zip(CHANNELS, reached, strict=True))
    found = []
    for source, to, chance, delay_hours in _PASSED_ON:
        rows = first[source]
        passed = random.random(len(rows)) < chance
        if to not in _PLACED:
            passed &= rows["person"].to_numpy() >= 0
        found.append(_contact(random, rows[passed], to, delay_hours))
    return found


def _triage(random: np.random.Generator, on_scene: pd.DataFrame) -> pd.DataFrame:
    """Triage teams attend some incidents in their hours, and advise on others by telephone."""
    duty = _on_duty(on_scene)
    chance = random.random(len(on_scene))
    known = on_scene["person"].to_numpy() >= 0
    attends = duty & (chance < np.where(known, 0.20, 0.10))
    advises = duty & (chance > np.where(known, 0.84, 0.94))
    seen = _contact(random, on_scene[attends], "street_triage", (0.3, 1.5))
    advised = _contact(random, on_scene[advises], "triage_advice", (0.2, 1.0))
    seen["origin"] = pick(random, {"partner": 84, "team_initiated": 10, "follow_up": 6}, len(seen))
    advised["origin"] = pick(random, {"partner": 84, "follow_up": 16}, len(advised))
    return pd.concat([seen, advised], ignore_index=True)


def _on_duty(on_scene: pd.DataFrame) -> Mask:
    hour = np.asarray(local_clock(on_scene["at"].to_numpy()).hour)
    return np.asarray((hour >= TRIAGE_STARTS) | (hour < TRIAGE_ENDS))


def _detentions(random: np.random.Generator, on_scene: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Section 136 detentions in public, as the police record them and again as the suite does."""
    public = (on_scene["premises"] == "public").to_numpy() & (on_scene["source"] == "police_999").to_numpy()
    chance: Numbers = np.where(on_scene["person"].to_numpy() >= 0, 0.34, 0.045)
    detained = on_scene[public & (random.random(len(on_scene)) < chance)]
    police = _contact(random, detained, "s136", (0.3, 1.0)).assign(origin="partner")
    taken = detained[random.random(len(detained)) < 0.85]
    suite = _contact(random, taken, "s136", (1.5, 4.0)).assign(
        origin="partner", code="SUITE", latitude=np.nan, longitude=np.nan, premises=""
    )
    suite["ended"] = suite["at"] + random.integers(4 * 3600, 23 * 3600, len(suite))
    return police, suite
