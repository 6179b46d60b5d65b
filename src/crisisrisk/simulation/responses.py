"""Crisis incidents, and the chain of services that each of them reaches.

One incident may be a call to the police, an ambulance, a triage team, a detention and an emergency
department: the same hour of one person's life in five agencies' files, sometimes without a name.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.chains import (
    ADVICE_DELAY,
    AMBULANCE,
    CODES,
    FLAGGED,
    PLACED,
    POLICE,
    POLICE_DETENTION_DELAY,
    SUITE_DELAY,
    TRIAGE_DELAY,
    Passing,
    passings,
)  # fmt: skip
from crisisrisk.simulation.city import City
from crisisrisk.simulation.contacts import Contacts, code_numbers, contacts, number_of, pick_codes, says_crisis
from crisisrisk.simulation.footprint import (
    KNOWN,
    OFTEN,
    WITH_TRIAGE,
    habits,
    kinds_of_day,
    on_duty_hours,
    person_classes,
)
from crisisrisk.simulation.period import (
    SECONDS_PER_DAY,
    SECONDS_PER_HOUR,
    Indices,
    Mask,
    Numbers,
    Period,
    Seconds,
    stream,
)
from crisisrisk.simulation.person_dynamics import AT_HOME, CHANNELS, NEAR_HOME, TEAM_FOUND
from crisisrisk.simulation.response_rates import Footprint

if TYPE_CHECKING:
    from crisisrisk.simulation.people import People
    from crisisrisk.simulation.person_kernel import PersonIncidents
    from crisisrisk.simulation.settings import CitySettings

HOURS_IN_SUITE = (4.0, 23.0)
PREMISES_WORDS = ("public", "private")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Incidents as the agencies meet them. Every array has shape (incidents,).

    `person` is the number in the whole city, -1 for strangers; `whom` STRANGER, KNOWN or OFTEN; `channel` a place in
    CHANNELS or TEAM_FOUND; `duty`: a team could go out in that hour; `reached`: one did; `admitted`: a stay in
    hospital follows.
    """

    at: Seconds
    person: NDArray[np.int32]
    whom: Indices
    channel: Indices
    area: Indices
    latitude: Numbers
    longitude: Numbers
    private: Mask
    duty: Mask
    reached: Mask
    admitted: Mask
    number: Indices

    def __len__(self) -> int:
        return len(self.at)

    def taken(self, order: NDArray[Any]) -> "Scene":
        """The incidents of a mask or of places."""
        return Scene(**{name: values[order] for name, values in vars(self).items()})


def responses(
    settings: "CitySettings", city: City, period: Period, incidents: "PersonIncidents", people: "People", *, block: int
) -> Contacts:
    """Every agency's crisis contacts from the incidents of one block of known people, with their numbers."""
    random = stream(settings.seed, "responses", block)
    whom = KNOWN + person_classes(settings, block, len(people)).astype(np.int64)
    return chain_contacts(settings, random, _scene_of_people(settings, city, period, incidents, people, whom, random))


def home_moved(people: "People", person: Indices, day: Indices) -> Mask:
    """Whether people of a block live at their second home on the given days. Shapes alike."""
    moves = (people.second_home >= 0) & (people.moves_on > people.registered) & (people.moves_on < people.left)
    return np.asarray(moves[person] & (day >= people.moves_on[person]))


def _scene_of_people(
    settings: "CitySettings", city: City, period: Period, incidents: "PersonIncidents", people: "People",
    whom: Indices, random: np.random.Generator,
) -> Scene:  # fmt: skip
    """Incidents of known people: at home, near home, or where anybody's happen."""
    person, day = np.asarray(incidents.person, dtype=np.int64), np.asarray(incidents.day, dtype=np.int64)
    out = (whom[person] == OFTEN) & (random.random(len(person)) < settings.responses.often_outdoors)
    where = np.where(out & (incidents.where == AT_HOME), NEAR_HOME, incidents.where)
    moved = home_moved(people, person, day)
    home = np.where(moved, people.second_home[person], people.home[person])
    near = city.near[home, random.integers(0, city.near.shape[1], len(home))]
    anywhere = np.searchsorted(np.cumsum(city.streets), random.random(len(home)), side="right")
    cell = np.where(where == AT_HOME, home, np.where(where == NEAR_HOME, near, np.minimum(anywhere, len(city) - 1)))
    latitude, longitude = city.points_in(cell, random)
    at_home = where == AT_HOME
    own_latitude = np.where(moved, people.second_latitude[person], people.latitude[person])
    own_longitude = np.where(moved, people.second_longitude[person], people.longitude[person])
    hour = np.minimum((incidents.at - period.midnight[day]) // SECONDS_PER_HOUR, 23)
    return Scene(
        at=incidents.at,
        person=(people.first + person).astype(np.int32),
        whom=whom[person],
        channel=np.asarray(incidents.channel, dtype=np.int64),
        area=np.asarray(people.area, dtype=np.int64)[person],
        latitude=np.where(at_home, own_latitude, latitude),
        longitude=np.where(at_home, own_longitude, longitude),
        private=at_home,
        duty=on_duty(settings.footprint, period, day, hour),
        reached=np.asarray(incidents.triage, dtype=bool),
        admitted=np.asarray(incidents.admitted, dtype=bool),
        number=np.asarray(incidents.number, dtype=np.int64),
    )


def on_duty(footprint: Footprint, period: Period, day: Indices, hour: Indices) -> Mask:
    """Whether teams are out on a day in an hour. Shapes alike."""
    return np.asarray((kinds_of_day(footprint, period)[day] == WITH_TRIAGE) & on_duty_hours(footprint)[hour])


# The chain


def chain_contacts(settings: "CitySettings", random: np.random.Generator, scene: Scene) -> Contacts:
    """All contacts that incidents leave: the first, those passed on, triage, detentions and what comes of them."""
    fate = _fates(settings, random, scene)
    parts = [_contact(random, scene.taken(scene.channel == number), name) for number, name in enumerate(CHANNELS)]
    for passing in passings(settings.responses):
        parts.append(_passed(random, scene, fate, passing))
    parts += [*_triage(settings, random, scene, fate), *_detentions(settings, random, scene, fate)]
    parts += [_assessments(settings, random, scene, fate), _warrants(settings, random, scene)]
    return Contacts.concatenated(parts)


@dataclass(frozen=True, kw_only=True)
class Fates:
    """What comes of each incident. Every array has shape (incidents,).

    `spared`: a detention that did not happen because a team came or advised; `avoided`: an attendance at an emergency
    department that did not happen because a team came; `department`: one that did.
    """

    detained: Mask
    advised: Mask
    spared: Mask
    department: Mask
    avoided: Mask


def _fates(settings: "CitySettings", random: np.random.Generator, scene: Scene) -> Fates:
    footprint, habit = settings.footprint, habits(settings.responses, settings.footprint)
    called = scene.channel < TEAM_FOUND
    channel = np.where(called, scene.channel, 0)
    reached, teams_out = scene.reached, scene.duty
    chance = np.where(reached, habit.if_reached[scene.whom, scene.area, channel],
                      np.where(teams_out, habit.if_not[scene.whom, scene.area, channel],
                               habit.would_be[scene.whom, channel]))  # fmt: skip
    would_be = called & ~scene.private & (random.random(len(scene)) < chance)
    advises = np.zeros(len(CHANNELS))
    advises[[POLICE, AMBULANCE]] = footprint.advises_police, footprint.advises_ambulance
    chance = np.where(would_be, habit.advises[scene.whom], advises[channel])
    advised = called & teams_out & ~reached & (random.random(len(scene)) < chance)
    converts = np.where(reached, footprint.converts, np.where(advised, footprint.advice_converts, 0.0))
    spared = would_be & (random.random(len(scene)) < converts)
    detained = would_be & ~spared
    department = _would_attend(settings, random, scene)
    helped = reached & called & ~would_be
    avoided = department & helped & (random.random(len(scene)) < footprint.avoids_department)
    return Fates(detained=detained, advised=advised, spared=spared, department=department & ~avoided, avoided=avoided)


def _would_attend(settings: "CitySettings", random: np.random.Generator, scene: Scene) -> Mask:
    """Who would come to an emergency department on the advice of the first service, or in its vehicle."""
    chance = np.zeros(len(CHANNELS) + 1)
    for passing in passings(settings.responses):
        if passing.then == "ed_attendance":
            chance[CHANNELS.index(passing.first)] = passing.chance
    return np.asarray(random.random(len(scene)) < chance[scene.channel])


def _passed(random: np.random.Generator, scene: Scene, fate: Fates, passing: Passing) -> Contacts:
    """What one service passes on to another."""
    mine = scene.channel == CHANNELS.index(passing.first)
    passed = fate.department if passing.then == "ed_attendance" else random.random(len(scene)) < passing.chance
    if passing.then == "crisis_house":
        passed = passed & (scene.person >= 0)
    return _contact(random, scene.taken(mine & passed), passing.then, passing.delay_hours)


def _contact(
    random: np.random.Generator,
    scene: Scene,
    source: str,
    delay_hours: tuple[float, float] = (0.0, 0.0),
    **columns: Any,
) -> Contacts:
    """One contact of `source` from each incident, some hours after it."""
    later = later_than(random, len(scene), delay_hours)
    if "code" not in columns:
        columns["code"] = pick_codes(random, CODES[source], len(scene))
    if source in PLACED:
        own = {"latitude": scene.latitude, "longitude": scene.longitude, "premises": premises_of(scene.private)}
        columns = own | columns
    if source == "crisis_house":
        columns["ended"] = scene.at + later + random.integers(2, 9, len(scene)) * SECONDS_PER_DAY
    code = np.broadcast_to(np.asarray(columns["code"], dtype=np.int16), (len(scene),))
    columns = {"origin": "public"} | columns
    crisis = says_crisis(source, code, np.isin(code, code_numbers(sorted(FLAGGED))))
    return contacts(source, scene.at + later, scene.person, crisis=crisis, incident=scene.number, **columns)


def later_than(random: np.random.Generator, count: int, hours: tuple[float, float]) -> Indices:
    """Seconds between two bounds in hours. Shape (count,)."""
    return np.asarray((random.uniform(*hours, count) * SECONDS_PER_HOUR).astype(np.int64))


def premises_of(private: Mask) -> NDArray[np.int8]:
    """Places in PREMISES."""
    return np.where(private, _premises("private"), _premises("public")).astype(np.int8)


def _premises(word: str) -> int:
    return number_of(word, ("", *PREMISES_WORDS))


# Street triage


def _triage(settings: "CitySettings", random: np.random.Generator, scene: Scene, fate: Fates) -> list[Contacts]:
    """Teams come to some incidents, advise on others by telephone, and look in again on some they came to."""
    reached, advised = scene.taken(scene.reached), scene.taken(fate.advised)
    code, outcome = _what_came_of_it(settings.footprint, random, fate, scene.reached)
    found = reached.channel == TEAM_FOUND
    origin = np.where(found, _origin("team_initiated"), _origin("partner"))
    seen = _contact(random, reached, "street_triage", TRIAGE_DELAY, code=code, outcome=outcome, origin=origin)
    spared = np.where(fate.spared[fate.advised], number_of("S136 AVOIDED"), 0)
    told = _contact(random, advised, "triage_advice", ADVICE_DELAY, outcome=spared, origin="partner")
    again = reached.taken((reached.person >= 0) & (random.random(len(reached)) < settings.footprint.follows_up))
    code = pick_codes(random, {"ASSESSED": 3, "SAFETY PLAN": 7}, len(again))
    return [seen, told, _contact(random, again, "street_triage", (20.0, 96.0), code=code, origin="follow_up")]


def _what_came_of_it(
    footprint: Footprint, random: np.random.Generator, fate: Fates, reached: Mask
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Codes and outcomes of the jobs of teams. Shapes (reached,)."""
    spared, avoided, detained = fate.spared[reached], fate.avoided[reached], fate.detained[reached]
    count = len(spared)
    assessed = spared | avoided | detained | (random.random(count) < footprint.assessed)
    code = np.where(assessed, pick_codes(random, {"ASSESSED": 6, "SAFETY PLAN": 3}, count), number_of("NOT SEEN"))
    conveyed = assessed & (random.random(count) < footprint.conveyed)
    outcome = np.where(conveyed, number_of("CONVEYED"), 0)
    outcome = np.where(detained, 0, np.where(avoided, number_of("ED AVOIDED"), outcome))
    outcome = np.where(spared, number_of("S136 AVOIDED"), outcome)
    return code.astype(np.int16), outcome.astype(np.int16)


def _origin(word: str) -> int:
    return number_of(word, ("", "public", "partner", "team_initiated", "follow_up"))


# Detention, assessment, warrants


def _detentions(settings: "CitySettings", random: np.random.Generator, scene: Scene, fate: Fates) -> list[Contacts]:
    """Section 136 detentions in public, as the police record them and again as the suite does."""
    rates, detained = settings.responses, scene.taken(fate.detained)
    taken = random.random(len(detained)) < rates.taken_to_suite
    held = (random.gamma(4.0, rates.police_hours / 4, len(detained)) * SECONDS_PER_HOUR).astype(np.int64)
    police = _contact(
        random, detained, "s136", POLICE_DETENTION_DELAY, code=number_of("DETAINED"), origin="partner",
        premises="public", outcome=np.where(taken, number_of("SUITE"), number_of("ED")),
    )  # fmt: skip
    police.ended[:] = police.at + held
    suite = _contact(
        random, detained.taken(taken), "s136", SUITE_DELAY, code=number_of("SUITE"), origin="partner",
        premises="", latitude=np.nan, longitude=np.nan,
    )  # fmt: skip
    suite.ended[:] = suite.at + later_than(random, len(suite), HOURS_IN_SUITE)
    return [police, suite]


def _assessments(settings: "CitySettings", random: np.random.Generator, scene: Scene, fate: Fates) -> Contacts:
    """Assessments by an approved mental health professional: of most who are detained, and before many admissions."""
    rates = settings.responses
    chance = np.where(fate.detained, rates.assessed_after_detention, rates.assessed_before_admission * scene.admitted)
    assessed = scene.taken(random.random(len(scene)) < chance)
    return _contact(random, assessed, "amhp_assessment", (3.0, 22.0), origin="partner")


def _warrants(settings: "CitySettings", random: np.random.Generator, scene: Scene) -> Contacts:
    """Section 135 removals from home: of people whom a team met there, or who are admitted afterwards."""
    likely = scene.private & (scene.person >= 0) & (scene.admitted | scene.reached)
    removed = scene.taken(likely & (random.random(len(scene)) < settings.responses.warrant))
    found = _contact(random, removed, "s135", (4.0, 60.0), code=number_of("WARRANT"), origin="partner")
    found.ended[:] = found.at + later_than(random, len(found), HOURS_IN_SUITE)
    return found
