"""What a city shows of each published figure, counted from its contacts without writing a file."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import h3
import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.city import RESOLUTION, City
from crisisrisk.simulation.contacts import Contacts, number_of, source_number
from crisisrisk.simulation.difficulty import Crises, Lifetimes, Rows, difficulty, rows_of
from crisisrisk.simulation.intensity import months
from crisisrisk.simulation.people import People, block_people
from crisisrisk.simulation.period import END, SECONDS_PER_HOUR, Indices, Period, local_clock
from crisisrisk.simulation.person_kernel import Lives, live
from crisisrisk.simulation.recording import recorded
from crisisrisk.simulation.responses import responses
from crisisrisk.simulation.routine import routine_contacts
from crisisrisk.simulation.strangers import CUSTODY_NEEDS, strangers_contacts
from crisisrisk.simulation.world import World, world

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

YEAR_DAYS = 365
SUMMER = (6, 7, 8, 9)
# Sources of which a contact of the city can be part of a figure.
_WANTED = (
    "street_triage", "triage_advice", "s136", "liaison_diversion", "welfare_check_request", "police_999",
    "police_101", "ambulance_999", "nhs_111", "nhs_111_mh", "crisis_line", "ed_attendance", "mh_admission",
)  # fmt: skip
_CALLS = ("police_999", "police_101", "ambulance_999", "nhs_111", "nhs_111_mh")
_COUNTING = ("s136", "street_triage", "mh_admission", "crisis_line")
_FOLLOW_UP, _PARTNER = 4, 2


@dataclass(kw_only=True)
class Tallies:
    """What has been counted so far, in the last year of the data; `detained` holds who was, in all of it."""

    counts: dict[str, float] = field(default_factory=dict)
    detained: list[Indices] = field(default_factory=list)
    held_hours: list[NDArray[np.float64]] = field(default_factory=list)
    welfare_hours: NDArray[np.int64] = field(default_factory=lambda: np.zeros(24, dtype=np.int64))
    rows: list[Rows] = field(default_factory=list)

    def add(self, name: str, number: float) -> None:
        self.counts[name] = self.counts.get(name, 0.0) + float(number)

    def most(self, name: str, number: float) -> None:
        self.counts[name] = max(self.counts.get(name, 0.0), float(number))


def measured(settings: "CitySettings") -> dict[str, float]:
    """Every figure of one city by its name; counts are of its last year and at its own size."""
    here, tallies = world(settings), Tallies()
    for block in range(settings.blocks):
        _add_block(settings, here, tallies, block)
    for month in range(months(here.period)):
        found = strangers_contacts(settings, here.city, here.period, here.place_map, month)
        _add_contacts(here, tallies, found.taken(found.at <= here.period.end), None)
    return _figures(tallies, here)


def _add_block(settings: "CitySettings", here: World, tallies: Tallies, block: int) -> None:
    people = block_people(settings, here.city, here.period, block)
    lives = live(settings, people, here.period, here.reach)
    routine = routine_contacts(settings, people, lives, here.period, block).of(*_WANTED)
    crises = responses(settings, here.city, here.period, lives.incidents, people, block=block)
    kept = recorded(settings, here.period, Contacts.concatenated([routine, crises]), people, block=block)
    _add_contacts(here, tallies, kept.contacts, people)
    counts = kept.contacts.crisis | kept.contacts.is_from(*_COUNTING)
    counts &= kept.named >= 0
    found = Crises(
        person=kept.named[counts].astype(np.int64) - people.first,
        at=kept.contacts.at[counts],
        known=kept.known[counts],
    )
    tallies.rows.append(rows_of(found, _lifetimes(people, lives, here.period), here.period))


def _lifetimes(people: People, lives: Lives, period: Period) -> Lifetimes:
    stays = lives.admissions
    return Lifetimes(
        registered=people.registered,
        left=people.left,
        age=(END.year - people.birth_year).astype(np.float64),
        stay_of=np.asarray(stays.person, dtype=np.int64),
        stay_begins=period.midnight_of(stays.day + 1),
        stay_ends=np.where(stays.until < 0, period.end, period.midnight_of(stays.until)),
    )


# One stretch of contacts


def _add_contacts(here: World, tallies: Tallies, found: Contacts, people: People | None) -> None:
    """Count what known people (`people`) or strangers left."""
    period = here.period
    day = period.day_of(found.at)
    year = day >= len(period) - YEAR_DAYS
    before = ~year & (day >= len(period) - 2 * YEAR_DAYS)
    detentions = found.is_from("s136") & (found.code == number_of("DETAINED"))
    tallies.add("s136_before", (detentions & before).sum() * YEAR_DAYS / max(1, _days_before(period)))
    tallies.detained.append(_who(found.taken(detentions)))
    found, detentions = found.taken(year), detentions[year]
    _add_detentions(tallies, found.taken(detentions))
    _add_crises(tallies, found)
    _add_triage(tallies, found, people, _areas(here.city, found, people))
    _add_custody(here.city, tallies, found.of("liaison_diversion"), people)
    welfare = local_clock(found.of("welfare_check_request").at).hour
    tallies.welfare_hours += np.bincount(welfare, minlength=24)
    if people is not None:
        _add_callers(tallies, found, people)


def _days_before(period: Period) -> int:
    return min(YEAR_DAYS, len(period) - YEAR_DAYS)


def _add_detentions(tallies: Tallies, detentions: Contacts) -> None:
    summer = np.isin(local_clock(detentions.at).month, SUMMER)
    tallies.add("s136", len(detentions))
    tallies.add("s136_summer", summer.sum())
    over = detentions.taken(detentions.ended >= 0)
    tallies.held_hours.append((over.ended - over.at) / SECONDS_PER_HOUR)


def _who(found: Contacts) -> Indices:
    """Whose each contact is. Each stranger is somebody else, known by the number of the incident."""
    return np.where(found.person >= 0, found.person, found.incident).astype(np.int64)


def _add_crises(tallies: Tallies, found: Contacts) -> None:
    crises = found.taken(found.crisis | found.is_from(*_COUNTING))
    known = crises.person >= 0
    tallies.add("people_in_crisis", len(np.unique(crises.person[known])))
    strangers = crises.incident[~known]
    tallies.add("people_in_crisis", len(np.unique(strangers[strangers >= 0])))


def _add_triage(tallies: Tallies, found: Contacts, people: People | None, area: Indices) -> None:
    """Jobs of the teams, without those in which they look in again."""
    met = found.is_from("street_triage") & (found.origin != _FOLLOW_UP)
    advice = found.is_from("triage_advice")
    tallies.add("triage_advice", advice.sum())
    spared = (met | advice) & (found.outcome == number_of("S136 AVOIDED"))
    tallies.add("s136_prevented_summer", (spared & np.isin(local_clock(found.at).month, SUMMER)).sum())
    jobs = found.taken(met)
    for name, chosen in (
        ("triage_incidents", np.ones(len(jobs), dtype=bool)),
        ("triage_assessed", jobs.code != number_of("NOT SEEN")),
        ("triage_on_the_street", jobs.premises == 1),
        ("triage_in_private", jobs.premises == 2),
        ("ed_avoided", jobs.outcome == number_of("ED AVOIDED")),
        ("conveyed", jobs.outcome == number_of("CONVEYED")),
    ):
        tallies.add(name, chosen.sum())
    asked = found.incident[(met | advice) & (found.origin == _PARTNER)]
    for name in ("police_999", "ambulance_999"):
        tallies.add(f"asked_by_{name}", np.isin(asked, _first_reached(found, name)).sum())
    _add_open(tallies, jobs, people, area[met])


def _first_reached(found: Contacts, source: str) -> Indices:
    """The incidents that reached this service first: no other contact of theirs is earlier."""
    own = found.incident >= 0
    incident, at, name = found.incident[own], found.at[own], found.source[own]
    order = np.lexsort((at, incident))
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.diff(incident[order]) != 0
    begun = order[first]
    return np.asarray(incident[begun[name[begun] == source_number(source)]])


def _add_open(tallies: Tallies, jobs: Contacts, people: People | None, area: Indices) -> None:
    """How many of those whom teams met are open to services, by area."""
    is_open = np.zeros(len(jobs), dtype=bool) if people is None else people.open[jobs.person - people.first]
    for number in np.unique(area):
        tallies.add(f"met_{number}", (area == number).sum())
        tallies.add(f"met_open_{number}", (is_open & (area == number)).sum())


def _add_custody(city: City, tallies: Tallies, referrals: Contacts, people: People | None) -> None:
    area = _areas(city, referrals, people)
    assessed = referrals.code != number_of("SCREENED")
    for number, name in enumerate(city.areas):
        tallies.add(f"custody_referred {name}", (area == number).sum())
        tallies.add(f"custody_assessed {name}", (assessed & (area == number)).sum())
        on = (referrals.outcome == number_of("YES")) & (area == number)
        for need in CUSTODY_NEEDS:
            tallies.add(f"onward_{need} {name}", (on & (referrals.code == number_of(need))).sum())


def _areas(city: City, found: Contacts, people: People | None) -> Indices:
    """The area of each contact: that of the person, or of the place. -1 where neither is known. Shape (contacts,)."""
    if people is not None:
        return np.asarray(people.area, dtype=np.int64)[found.person - people.first]
    area = np.full(len(found), -1)
    placed = np.flatnonzero(~np.isnan(found.latitude) & found.is_from("street_triage", "liaison_diversion"))
    number = {cell: int(value) for cell, value in zip(city.ids, city.area, strict=True)}
    points = zip(found.latitude[placed].tolist(), found.longitude[placed].tolist(), strict=True)
    area[placed] = [number[h3.latlng_to_cell(*point, RESOLUTION)] for point in points]
    return area


def _add_callers(tallies: Tallies, found: Contacts, people: People) -> None:
    """The most calls of one person, and the most attendances by the police: counted where the outcome says so."""
    person = found.person - people.first
    calls = np.bincount(person[found.is_from(*_CALLS)], minlength=len(people))
    attended = found.is_from("police_999") & (found.outcome == number_of("ATT"))
    attendances = np.bincount(person[attended], minlength=len(people))
    tallies.most("most_calls", calls.max())
    tallies.most("most_attendances", attendances.max())


# Figures


def _figures(tallies: Tallies, here: World) -> dict[str, float]:
    counts = dict(tallies.counts)
    hours = tallies.welfare_hours
    asked = counts.pop("asked_by_police_999"), counts.pop("asked_by_ambulance_999")
    for number, name in enumerate(here.city.areas):
        met = counts.pop(f"met_{number}", 0.0)
        counts[f"open_share {name}"] = counts.pop(f"met_open_{number}", 0.0) / max(1.0, met)
    for name in ("referred", "assessed"):
        counts[f"custody_{name}"] = sum(counts[f"custody_{name} {area}"] for area in here.city.areas)
    counts |= {
        "triage_incidents_quarter": counts["triage_incidents"] / 4,
        "triage_advice_quarter": counts["triage_advice"] / 4,
        "asked_by_police": asked[0] / max(1.0, sum(asked)),
        "police_hours": _mean(np.concatenate(tallies.held_hours)),
        "third_of_detentions": _share_behind_a_third(np.concatenate(tallies.detained)),
        "welfare_from_15": _mean(hours[15:21]) / max(1e-9, _mean(hours[9:15])),
    }
    return counts | asdict(difficulty(tallies.rows))


def _mean(values: NDArray[np.generic]) -> float:
    return float(np.mean(values.astype(np.float64))) if len(values) else float("nan")


def _share_behind_a_third(who: Indices) -> float:
    """The share of the people detained, those detained most often first, whose detentions are a third of all."""
    if len(who) == 0:
        return float("nan")
    times = -np.sort(-np.unique(who, return_counts=True)[1])
    enough = int(np.searchsorted(np.cumsum(times), len(who) / 3)) + 1
    return enough / len(times)
