"""Chances along the chain of agencies that respond to an incident, and the service's own footprint.

`ResponseRates` is what agencies do whether or not there is street triage; `Footprint` is all that triage changes.
Numbers of areas are in the order of the city's areas.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class ResponseRates:
    """Chances along the chain of agencies that respond to one incident.

    `stranger_channels`: which service people whom nobody knows reach first, in the order of CHANNELS. `a_to_b`: the
    chance that an incident which reached the first also reaches the second within hours. `detained_…`: the chance that
    an incident in public ends in a section 136 detention where no team comes, for people known to services, for those
    few of them who are detained often, and for strangers; `detained_after_ambulance` multiplies it where the ambulance
    was called first, but not for those few. `often_detained` is the share of people who are detained often; of their
    incidents that would be at home, `often_outdoors` are in public. `custody_…`: referrals to liaison and diversion by
    area, the share of them assessed, the share of those referred on, and the weights of their needs. Rates named
    `…_yearly` are per 100,000 residents and year, of people whom nobody knows.
    """

    stranger_channels: tuple[float, ...] = (0.50, 0.32, 0.0, 0.10, 0.08)
    stranger_public: float = 0.38
    stranger_public_night_out: float = 0.90
    police_to_ambulance: float = 0.12
    ambulance_to_police: float = 0.12
    crisis_line_to_ambulance: float = 0.05
    nhs_111_to_crisis_line: float = 0.14
    police_to_department: float = 0.24
    ambulance_to_department: float = 0.42
    nhs_111_to_department: float = 0.12
    crisis_line_to_crisis_house: float = 0.05
    detained_known: float = 0.028
    often_detained: float = 0.068
    detained_often: float = 0.85
    often_outdoors: float = 0.90
    detained_stranger: float = 0.014
    detained_after_ambulance: float = 0.35
    taken_to_suite: float = 0.85
    police_hours: float = 6.5
    assessed_after_detention: float = 0.72
    assessed_before_admission: float = 0.60
    warrant: float = 0.06
    missing_from_incident: float = 0.03
    fire_from_incident: float = 0.012
    custody_yearly: tuple[float, ...] = (89.0,)
    custody_assessed: tuple[float, ...] = (0.9558,)
    custody_referred_on: float = 0.5157
    custody_needs: tuple[float, ...] = (544, 241, 157, 146, 113, 55, 18, 9)
    railway_yearly: float = 22.0
    railway_crisis: float = 0.6
    missing_yearly: float = 60.0
    fire_yearly: float = 25.0
    welfare_yearly: float = 160.0


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """What the service itself changes: street triage since so many days before the end of the data, and its effects.

    `attends_…`: the chance that a team on duty comes to an incident that reached the police or the ambulance service,
    by area, for people known to services and for strangers in public; in private premises strangers' chance is
    multiplied by `attends_private_factor`. `attends_detention`: the would-be detentions that a team comes to;
    `advises_detention` and `advises_often_detained`: those of the others that it advises on; `converts` and
    `advice_converts`: how many of those then do not happen. `advises_…`: other incidents that a team advises on.
    `assessed` and `conveyed`: what else comes of a job. `avoids_department`: attendances at an emergency department
    that do not happen because a team came. `follows_up`: jobs after which a team looks in again. `detects`: people
    found by a team though nobody had rung, per day in crisis; `finds_strangers` the same per incident in the streets.
    `lowers_risk` multiplies the rates at which a person who was reached gets worse, for `protected_days`.
    """

    triage_days: int = 100_000
    starts_hour: int = 10
    ends_hour: int = 3
    attends_known_police: tuple[float, ...] = (0.190,)
    attends_known_ambulance: tuple[float, ...] = (0.190,)
    attends_stranger_police: tuple[float, ...] = (0.036,)
    attends_stranger_ambulance: tuple[float, ...] = (0.036,)
    attends_private_factor: float = 1.6
    attends_detention: float = 0.65
    converts: float = 0.87
    advises_detention: float = 0.10
    advises_often_detained: float = 0.92
    advice_converts: float = 0.70
    advises_police: float = 0.05
    advises_ambulance: float = 0.06
    assessed: float = 0.62
    conveyed: float = 0.31
    avoids_department: float = 0.95
    follows_up: float = 0.08
    detects: float = 0.004
    finds_strangers: float = 0.004
    protected_days: int = 28
    lowers_risk: float = 0.75


_FORCE_RATES = ResponseRates(
    custody_yearly=(502.0, 99.8, 1133.0),
    custody_assessed=(0.3496, 0.9558, 0.6496),
)
_FORCE_FOOTPRINT = Footprint(
    attends_known_police=(0.0240, 0.0700, 0.0480),
    attends_known_ambulance=(0.0240, 0.0700, 0.0480),
    attends_stranger_police=(0.0280, 0.0102, 0.0180),
    attends_stranger_ambulance=(0.0285, 0.0102, 0.0185),
    attends_detention=0.25,
    advises_detention=0.47,
    advises_often_detained=0.64,
    advises_police=0.033,
    advises_ambulance=0.0535,
    detects=0.001,
    finds_strangers=0.001,
)

# The parameters of each preset; settings.py takes them from here.
RESPONSES_BY_PRESET = {"sample": ResponseRates(), "birmingham": ResponseRates(), "force": _FORCE_RATES}
FOOTPRINT_BY_PRESET = {
    "sample": Footprint(),
    "birmingham": replace(Footprint(), triage_days=365),
    "force": _FORCE_FOOTPRINT,
}
# Factors on the preset's values for parameter sets drawn at random.
RANGES = {
    "responses.police_to_ambulance": (0.5, 2.0),
    "responses.ambulance_to_police": (0.5, 2.0),
    "responses.detained_known": (0.6, 1.5),
    "responses.detained_stranger": (0.6, 1.5),
    "responses.stranger_public": (0.8, 1.25),
    "footprint.attends_detention": (0.5, 1.3),
    "footprint.converts": (0.5, 1.1),
    "footprint.detects": (0.3, 3.0),
    "footprint.lowers_risk": (0.7, 1.3),
}
