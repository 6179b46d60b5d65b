"""What a chain of agencies is made of: who passes an incident on to whom, with which codes, and after how long.

Everything that counts contacts before they happen (the share of incidents that leave a named one, the expected number
in a cell) and everything that draws them reads the same tables, so that the truth and the city cannot differ.
"""

from dataclasses import dataclass

from crisisrisk.simulation.person_dynamics import CHANNELS
from crisisrisk.simulation.response_rates import ResponseRates

# The codes of crisis contacts, with their weights. Those in FLAGGED are the ones that the police mark by a flag.
CODES: dict[str, dict[str, float]] = {
    "police_999": {"MH01": 8, "MH02": 2, "CONC": 2.5},
    "ambulance_999": {"PSYCH": 7.5, "UNWELL": 1.5, "ALCOHOL": 1},
    "ed_attendance": {"MHP1": 6, "MHP2": 2.5, "UNW": 1.5},
    "crisis_line": {"CRISIS": 6, "DISTRESS": 4},
    "nhs_111_mh": {"MHCRIS": 7, "MHADV": 3},
    "crisis_house": {"STAY": 1},
    "missing_person": {"HOME": 6, "HOSPITAL": 2, "CARE": 2},
    "fire": {"ENTRY": 5, "ASSIST": 5},
    "triage_advice": {"ADVICE": 4, "HISTORY SHARED": 3},
    "btp": {"TRACK": 4, "TRESP": 3, "VULN": 3},
    "amhp_assessment": {"SEC2": 4, "SEC3": 2, "INFORMAL": 2, "COMMUNITY": 3, "NOT DETAINED": 3},
}
FLAGGED = frozenset({"MH01", "MH02"})
_CRISIS = frozenset({"MH01", "MH02", "PSYCH", "MHP1", "MHP2", "CRISIS", "DISTRESS", "MHCRIS"})
# Sources whose contacts carry a place; those of which a named contact can count as a crisis.
PLACED = frozenset({"police_999", "ambulance_999", "street_triage", "s136", "btp", "missing_person", "fire"})
COUNTING = frozenset({"police_999", "ambulance_999", "ed_attendance", "crisis_line", "nhs_111_mh"})

# Hours after the incident, from and to, at which these begin.
TRIAGE_DELAY = (0.3, 1.5)
ADVICE_DELAY = (0.2, 1.0)
POLICE_DETENTION_DELAY = (0.3, 1.0)
SUITE_DELAY = (1.5, 4.0)


@dataclass(frozen=True, kw_only=True)
class Passing:
    """An incident that reached one service also reaches another, within hours."""

    first: str
    then: str
    chance: float
    delay_hours: tuple[float, float]


def passings(rates: ResponseRates) -> tuple[Passing, ...]:
    """Who passes incidents on to whom."""
    table = (
        ("police_999", "ambulance_999", rates.police_to_ambulance, (0.05, 0.4)),
        ("ambulance_999", "police_999", rates.ambulance_to_police, (0.05, 0.6)),
        ("crisis_line", "ambulance_999", rates.crisis_line_to_ambulance, (0.2, 1.0)),
        ("nhs_111_mh", "crisis_line", rates.nhs_111_to_crisis_line, (0.2, 2.0)),
        ("police_999", "ed_attendance", rates.police_to_department, (0.8, 3.0)),
        ("ambulance_999", "ed_attendance", rates.ambulance_to_department, (0.7, 2.5)),
        ("nhs_111_mh", "ed_attendance", rates.nhs_111_to_department, (1.0, 5.0)),
        ("crisis_line", "crisis_house", rates.crisis_line_to_crisis_house, (3.0, 30.0)),
        ("police_999", "missing_person", rates.missing_from_incident, (0.1, 6.0)),
        ("police_999", "fire", rates.fire_from_incident, (0.1, 0.6)),
        ("ambulance_999", "fire", rates.fire_from_incident, (0.1, 0.6)),
    )
    return tuple(Passing(first=a, then=b, chance=chance, delay_hours=delay) for a, b, chance, delay in table)


def crisis_share(source: str) -> float:
    """The share of a source's contacts from incidents that its agency itself calls a crisis."""
    weights = CODES[source]
    return sum(weight for code, weight in weights.items() if code in _CRISIS) / sum(weights.values())


def passed_from(rates: ResponseRates, channel: str) -> tuple[Passing, ...]:
    """What an incident that came through a channel is passed on to."""
    return tuple(passing for passing in passings(rates) if passing.first == channel)


POLICE, AMBULANCE = CHANNELS.index("police_999"), CHANNELS.index("ambulance_999")
