"""What happens to people whom nobody can name, month by month: crises in public, custody, the railway, other calls."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.chains import CODES
from crisisrisk.simulation.city import City
from crisisrisk.simulation.contacts import Contacts, contacts, number_of, pick_codes
from crisisrisk.simulation.footprint import PRIVATE, PUBLIC, STRANGER, habits
from crisisrisk.simulation.intensity import (
    CRISIS_HOURS,
    RAILWAY_HOURS,
    WELFARE_HOURS,
    Incidents,
    PlaceMap,
    days_of_month,
    draw_incidents,
)  # fmt: skip
from crisisrisk.simulation.period import SECONDS_PER_HOUR, Indices, Numbers, Period, Seconds, local_clock, stream
from crisisrisk.simulation.person_dynamics import TEAM_FOUND
from crisisrisk.simulation.response_rates import ResponseRates
from crisisrisk.simulation.responses import Scene, chain_contacts, on_duty, premises_of

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

# Numbers of strangers' incidents lie beyond those of any block of people.
FIRST_NUMBER, NUMBERS_PER_MONTH = 2**48, 2**32
DAYS_PER_YEAR = 365.25
CUSTODY_NEEDS = ("MH", "ACCOM", "FINANCE", "SUBST", "ALCOHOL", "PHYSICAL", "LEARN", "SOCIAL")
_CUSTODY_HOURS = np.array(
    [5, 5, 4, 4, 3, 2, 2, 2, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5], dtype=np.float64
)  # fmt: skip
_OTHER_CODES: dict[str, dict[str, float]] = {
    "missing_person": CODES["missing_person"],
    "fire": {"ALARM": 4, "DWELLING": 2, "ENTRY": 2, "ASSIST": 2},
    "welfare_check_request": {"CONC": 4, "NOSEEN": 2, "MISS": 1},
}


def strangers_contacts(
    settings: "CitySettings", city: City, period: Period, place_map: PlaceMap, month: int
) -> Contacts:
    """Every contact of people whom nobody can name, in one month of the period."""
    random = stream(settings.seed, "strangers", month)
    incidents = draw_incidents(settings, city, period, place_map, month)
    scene = _scene(settings, city, period, incidents, random, month)
    found = _found_by_teams(settings, scene, random)
    parts = [chain_contacts(settings, random, scene), chain_contacts(settings, random, found)]
    parts += [_custody(settings, city, period, month), railway_contacts(settings, city, period, month)]
    parts += [_other(settings, city, period, month, source) for source in _OTHER_CODES]
    return Contacts.concatenated(parts)


def _scene(
    settings: "CitySettings", city: City, period: Period, incidents: Incidents, random: np.random.Generator, month: int
) -> Scene:
    """Which service strangers reach first, in public or not, and whether a team comes."""
    rates, count = settings.responses, len(incidents)
    reached_first = np.cumsum(rates.stranger_channels)
    channel = np.searchsorted(reached_first, random.random(count) * reached_first[-1], side="right")
    private = random.random(count) >= public_share(rates)[incidents.night_out.astype(np.int64)]
    area = city.area[incidents.cell].astype(np.int64)
    duty = on_duty(settings.footprint, period, period.day_of(incidents.at), _local_hour(incidents.at))
    attends = habits(rates, settings.footprint).attends[STRANGER]
    chance = duty * attends[area, np.where(private, PRIVATE, PUBLIC), channel]
    latitude, longitude = city.points_in(incidents.cell, random)
    return Scene(
        at=incidents.at,
        person=np.full(count, -1, dtype=np.int32),
        whom=np.full(count, STRANGER),
        channel=channel,
        area=area,
        latitude=latitude,
        longitude=longitude,
        private=private,
        duty=duty,
        reached=random.random(count) < chance,
        admitted=np.zeros(count, dtype=bool),
        number=FIRST_NUMBER + month * NUMBERS_PER_MONTH + np.arange(count),
    )


def public_share(rates: ResponseRates) -> Numbers:
    """The share of strangers' incidents that happen in public: ordinary ones, and those of nights out."""
    return np.array([rates.stranger_public, rates.stranger_public_night_out])


def _local_hour(at: Seconds) -> Indices:
    return np.asarray(local_clock(at).hour, dtype=np.int64)


def _found_by_teams(settings: "CitySettings", scene: Scene, random: np.random.Generator) -> Scene:
    """People whom a team came upon though nobody had rung: as many for each incident while it is out."""
    out = np.flatnonzero(scene.duty)
    count = random.binomial(len(out), settings.footprint.finds_strangers)
    times, places = (np.sort(random.choice(out, count)) for _ in range(2)) if len(out) else (out, out)
    found = {name: values[places] for name, values in vars(scene).items()}
    found |= {
        "at": scene.at[times],
        "channel": np.full(len(places), TEAM_FOUND),
        "private": np.zeros(len(places), dtype=bool),
        "reached": np.ones(len(places), dtype=bool),
        "number": scene.number[-1:].repeat(len(places)) + 1 + np.arange(len(places)),
    }
    return Scene(**found)


# Custody


def custody_columns(settings: "CitySettings", area: NDArray[Any], random: np.random.Generator) -> dict[str, Any]:
    """Codes and outcomes of referrals to liaison and diversion in custody, by area: `code` and `outcome`.

    Who is referred but not assessed is SCREENED; who is assessed has a need, and is referred on for it or not.
    """
    rates, count = settings.responses, len(area)
    assessed = random.random(count) < np.array(rates.custody_assessed)[np.asarray(area, dtype=np.int64)]
    need = pick_codes(random, dict(zip(CUSTODY_NEEDS, rates.custody_needs, strict=True)), count)
    on = random.random(count) < rates.custody_referred_on
    declined = pick_codes(random, {"NO": 7, "DECLINED": 3}, count)
    return {
        "code": np.where(assessed, need, number_of("SCREENED")).astype(np.int16),
        "outcome": np.where(assessed & on, number_of("YES"), declined).astype(np.int16),
    }


def _custody(settings: "CitySettings", city: City, period: Period, month: int) -> Contacts:
    """Referrals from the custody suite of each area, which stands in its fullest cell."""
    random = stream(settings.seed, "custody", month)
    parts = []
    for area, yearly in enumerate(settings.responses.custody_yearly):
        own = np.flatnonzero(city.area == area)
        at = _over_month(random, period, month, yearly * city.residents_of(area) / 100_000, _CUSTODY_HOURS)
        suite = np.full(len(at), own[np.argmax(city.population[own])])
        columns = custody_columns(settings, np.full(len(at), area), random)
        parts.append(
            contacts(
                "liaison_diversion", at, -1, latitude=city.latitude[suite], longitude=city.longitude[suite],
                origin="partner", **columns,
            )
        )  # fmt: skip
    return Contacts.concatenated(parts)


# The railway, and calls that are no crisis


def railway_contacts(settings: "CitySettings", city: City, period: Period, month: int) -> Contacts:
    """The transport police's contacts along the railway; most are flagged as a crisis."""
    random, rates = stream(settings.seed, "railway", month), settings.responses
    at = _over_month(random, period, month, rates.railway_yearly * settings.residents / 100_000, RAILWAY_HOURS)
    cell = random.choice(len(city), len(at), p=city.railway)
    latitude, longitude = city.points_in(cell, random)
    return contacts(
        "btp", at, -1, code=pick_codes(random, CODES["btp"], len(at)), latitude=latitude, longitude=longitude,
        premises="public", origin="public", crisis=random.random(len(at)) < rates.railway_crisis,
    )  # fmt: skip


def _other(settings: "CitySettings", city: City, period: Period, month: int, source: str) -> Contacts:
    """Calls about people missing, fires and worries about somebody's welfare."""
    random, rates = stream(settings.seed, f"strangers {source}", month), settings.responses
    yearly = {
        "missing_person": rates.missing_yearly,
        "fire": rates.fire_yearly,
        "welfare_check_request": rates.welfare_yearly,
    }[source]
    hours = WELFARE_HOURS if source == "welfare_check_request" else CRISIS_HOURS
    at = _over_month(random, period, month, yearly * settings.residents / 100_000, hours)
    cell = random.choice(len(city), len(at), p=city.population / city.population.sum())
    latitude, longitude = city.points_in(cell, random)
    return contacts(
        source, at, -1, code=pick_codes(random, _OTHER_CODES[source], len(at)), latitude=latitude, longitude=longitude,
        premises=premises_of(random.random(len(at)) < 0.85),
        origin="partner" if source == "welfare_check_request" else "public",
    )  # fmt: skip


def _over_month(random: np.random.Generator, period: Period, month: int, yearly: float, hours: Numbers) -> Seconds:
    """Instants of so many a year on average, spread over the days of a month and the hours of the day."""
    days = np.array(days_of_month(period, month))
    count = random.poisson(yearly / DAYS_PER_YEAR, len(days))
    hour = random.choice(24, count.sum(), p=hours / hours.sum())
    at = period.midnight[np.repeat(days, count)] + hour * SECONDS_PER_HOUR
    return np.asarray(np.sort(at + random.integers(0, SECONDS_PER_HOUR, len(at))))
