"""Why things happen in an invented city, in plain words; every number in them is the one that the city is made with.

The words are in causes.md beside this module.
"""

from importlib.resources import files
from math import exp
from statistics import NormalDist

from crisisrisk.simulation.intensity import PlaceDynamics
from crisisrisk.simulation.period import END, first_day
from crisisrisk.simulation.person_dynamics import PersonDynamics
from crisisrisk.simulation.response_rates import Footprint, ResponseRates
from crisisrisk.simulation.settings import CitySettings

_MOST_DRINK = 1.6
_THROUGHOUT_DAYS = 5_000


def describe(settings: CitySettings) -> str:
    """A page of Markdown about a city of these settings."""
    return template().format_map(numbers(settings))


def template() -> str:
    """The page with the names of its numbers in braces."""
    return files("crisisrisk.simulation").joinpath("causes.md").read_text(encoding="utf-8")


def numbers(settings: CitySettings) -> dict[str, str]:
    """Everything that the page names, as people say it."""
    return {
        "preset": settings.preset,
        "seed": str(settings.seed),
        "people": f"{settings.people:,}",
        "residents": f"{settings.residents:,}",
        "first": f"{first_day(settings.years):%A %d %B %Y}",
        "last": f"{END:%A %d %B %Y, %H:%M}",
        "digest": settings.digest(),
        "planted": f"Planted in the files: {', '.join(settings.defects)}."
        if settings.defects
        else "No defect is planted.",
        **_of_people(settings.dynamics),
        **_of_places(settings.places, settings.residents / 100_000),
        **_of_agencies(settings.responses),
        **_of_the_service(settings.footprint),
    }


def _of_people(dynamics: PersonDynamics) -> dict[str, str]:
    return {
        "worsening": yearly(dynamics.worsening),
        "crisis": share(dynamics.crisis),
        "settling": share(dynamics.settling),
        "crisis_length": days(dynamics.crisis_ending),
        "admission": share(dynamics.admission),
        "long_stays": share(dynamics.long_stays),
        "long_stay": days(dynamics.long_stay_ending),
        "short_stay": days(dynamics.short_stay_ending),
        "recovering": days(dynamics.recovered),
        "relapse": yearly(dynamics.relapse),
        "frail": share(1 - NormalDist().cdf(dynamics.frail_from)),
        "from_frailty": times(dynamics.from_frailty),
        "stray_from_frailty": times(dynamics.stray_from_frailty),
        "drift_move": share(dynamics.drift_move),
        "from_drift": times(dynamics.from_drift),
        "life_event": yearly(dynamics.life_event),
        "from_strain": times(dynamics.from_strain),
        "strain_length": days(dynamics.strain_fading),
        "from_anniversary": times(dynamics.from_anniversary),
        "from_drink": times(_MOST_DRINK * dynamics.from_drink),
        "missed_worsening": f"{dynamics.miss_factor[1]:g}",
        "missed_crisis": f"{dynamics.miss_factor[2]:g}",
        "incident": f"{dynamics.incident:g}",
        "excited_incident": f"{dynamics.excited_incident:g}",
        "noticed": share(dynamics.noticed_at_once),
        "stray": yearly(dynamics.stray_incident),
        "stray_worsening": yearly(dynamics.stray_incident_worsening),
    }


def _of_places(places: PlaceDynamics, hundred_thousands: float) -> dict[str, str]:
    return {
        "street_incidents": f"{places.street_incidents * hundred_thousands:.1f}",
        "night_incidents": f"{places.night_incidents * hundred_thousands:.1f}",
        "football_incidents": f"{places.football_incidents * hundred_thousands:.1f}",
        "payday": share(places.payday),
        "bank_holiday": share(places.bank_holiday),
        "season": share(places.season),
        "weekly_drift": share(places.weekly_drift),
        "drift_weeks": f"{places.drift_weeks:g}",
        "city_level": share(places.city_level),
        "city_days": f"{places.city_days:g}",
        "hot_start": f"{1 / places.hot_start / 52:.0f}",
        "hot_weeks": f"{1 / places.hot_end:.0f}",
        "hot_factors": _listed(places.hot_factors),
    }


def _of_agencies(rates: ResponseRates) -> dict[str, str]:
    return {
        "police_to_ambulance": share(rates.police_to_ambulance),
        "ambulance_to_department": share(rates.ambulance_to_department),
        "detained_known": share(rates.detained_known),
        "detained_stranger": share(rates.detained_stranger),
        "often_detained": share(rates.often_detained),
        "detained_often": share(rates.detained_often),
        "police_hours": f"{rates.police_hours:g}",
    }


def _of_the_service(footprint: Footprint) -> dict[str, str]:
    throughout = footprint.triage_days >= _THROUGHOUT_DAYS
    return {
        "triage_from": f"{footprint.starts_hour:02d}:00",
        "triage_to": f"{footprint.ends_hour:02d}:00",
        "triage_since": "throughout" if throughout else f"in the last {footprint.triage_days:,} days",
        "attends_detention": share(footprint.attends_detention),
        "converts": share(footprint.converts),
        "advises_detention": share(footprint.advises_detention),
        "avoids_department": share(footprint.avoids_department),
        "detects": share(footprint.detects),
        "lowers_risk": f"{footprint.lowers_risk:g}",
        "protected_days": f"{footprint.protected_days:g}",
    }


def days(rate: float) -> str:
    """How long something lasts that ends with this chance each day."""
    length = 1 / rate
    return f"{length:.0f} days" if length >= 1.5 else "a day"


def times(weight: float) -> str:
    """A weight on the logarithm of a chance, as a factor."""
    factor = exp(weight)
    return f"{factor:.1f} times" if factor < 10 else f"{factor:.0f} times"


def yearly(rate: float) -> str:
    """A chance a day, as how often a year."""
    in_a_year = rate * 365.25
    return f"{in_a_year:.1f} times a year" if in_a_year >= 1 else f"once in {1 / in_a_year:.1f} years"


def share(part: float) -> str:
    """A share as people say it."""
    return f"{100 * part:.0f} in 100" if part >= 0.02 else f"{1000 * part:.0f} in 1,000"


def _listed(factors: tuple[float, ...]) -> str:
    return ", ".join(f"{factor:g}" for factor in factors[:-1]) + f" or {factors[-1]:g}"
