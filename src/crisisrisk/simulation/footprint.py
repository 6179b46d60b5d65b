"""The service's own footprint: where triage teams go, what that prevents, and what people's incidents leave behind.

Detentions under section 136 that would have happened without a team are drawn first, in the mind; whether a team came
then decides how likely it was that this was one of them. So the number that would have happened does not depend on
triage at all, and the size of every effect is known (`effects`).
"""

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import UsageError
from crisisrisk.simulation.chains import AMBULANCE, COUNTING, POLICE, crisis_share, passed_from
from crisisrisk.simulation.city import City
from crisisrisk.simulation.intensity import CRISIS_HOURS
from crisisrisk.simulation.period import Mask, Numbers, Period, stream
from crisisrisk.simulation.person_dynamics import AT_HOME, CHANNELS, NEAR_HOME, PERSON_CLASSES, WHERE_SHARES, Reach
from crisisrisk.simulation.recording import DESKS
from crisisrisk.simulation.response_rates import Footprint, ResponseRates

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

# Whom an incident happens to, as far as detentions go.
STRANGER, KNOWN, OFTEN = range(3)
PUBLIC, PRIVATE = range(2)
WITHOUT_TRIAGE, WITH_TRIAGE = range(2)
# No team comes only to would-be detentions.
_MOST_LIKELY = 0.95
# How long those lists of numbers are that do not say something of each area.
_LENGTHS = {"stranger_channels": len(CHANNELS), "custody_needs": 8}


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What teams do while on duty. `whom` is STRANGER, KNOWN or OFTEN, premises are PUBLIC or PRIVATE.

    `attends` (whom, areas, premises, channels): the chance that a team comes. `would_be` (whom, channels): the chance
    that an incident in public ends in a detention if there is no triage; `if_reached` and `if_not` (whom, areas,
    channels): the same, given that a team came or did not. `advises` (whom,): the chance of advice on a would-be
    detention that no team comes to.
    """

    attends: Numbers
    would_be: Numbers
    if_reached: Numbers
    if_not: Numbers
    advises: Numbers

    def detained(self, footprint: Footprint) -> Numbers:
        """The chance that an incident in public ends in a detention while teams are out. (whom, areas, channels)."""
        public = self.attends[:, :, PUBLIC]
        reached = public * self.if_reached * (1 - footprint.converts)
        return np.asarray(reached + (1 - public) * self.left_alone(footprint))

    def left_alone(self, footprint: Footprint) -> Numbers:
        """The same, given that no team came."""
        return np.asarray(self.if_not * (1 - self.advises * footprint.advice_converts)[:, None, None])


@lru_cache(maxsize=16)
def habits(rates: ResponseRates, footprint: Footprint) -> Habits:
    """The habits that follow from a footprint."""
    areas = len(footprint.attends_known_police)
    attends = np.zeros((3, areas, 2, len(CHANNELS)))
    attends[STRANGER, :, :, POLICE] = np.array(footprint.attends_stranger_police)[:, None]
    attends[STRANGER, :, :, AMBULANCE] = np.array(footprint.attends_stranger_ambulance)[:, None]
    attends[STRANGER, :, PRIVATE] *= footprint.attends_private_factor
    attends[KNOWN:, :, :, POLICE] = np.array(footprint.attends_known_police)[:, None]
    attends[KNOWN:, :, :, AMBULANCE] = np.array(footprint.attends_known_ambulance)[:, None]
    would_be = np.zeros((3, len(CHANNELS)))
    would_be[:, POLICE] = (rates.detained_stranger, rates.detained_known, rates.detained_often)
    would_be[:, AMBULANCE] = would_be[:, POLICE]
    would_be[:OFTEN, AMBULANCE] *= rates.detained_after_ambulance
    public = attends[:, :, PUBLIC]
    if_reached = np.zeros_like(public)
    wanted = would_be[:, None] * footprint.attends_detention
    np.divide(wanted, public, out=if_reached, where=public > 0)
    if_reached = np.minimum(if_reached, _MOST_LIKELY)
    if_not = np.clip((would_be[:, None] - public * if_reached) / (1 - public), 0.0, 1.0)
    advises = np.array([footprint.advises_detention] * 2 + [footprint.advises_often_detained])
    return Habits(attends=attends, would_be=would_be, if_reached=if_reached, if_not=if_not, advises=advises)


def on_duty_hours(footprint: Footprint) -> Mask:
    """The local hours in which teams are out. Shape (24,)."""
    hour = np.arange(24)
    if footprint.starts_hour < footprint.ends_hour:
        return np.asarray((hour >= footprint.starts_hour) & (hour < footprint.ends_hour))
    return np.asarray((hour >= footprint.starts_hour) | (hour < footprint.ends_hour))


def kinds_of_day(footprint: Footprint, period: Period) -> NDArray[np.int64]:
    """WITHOUT_TRIAGE before it starts, WITH_TRIAGE from then on. Shape (days,)."""
    return np.where(np.arange(len(period)) < len(period) - footprint.triage_days, WITHOUT_TRIAGE, WITH_TRIAGE)


# What it means for people


def person_classes(settings: "CitySettings", block: int, count: int) -> NDArray[np.int8]:
    """1 for those of a block who are detained often, 0 for the others. Shape (count,)."""
    random = stream(settings.seed, "detained often", block)
    return np.asarray(random.random(count) < settings.responses.often_detained, dtype=np.int8)


def reach(settings: "CitySettings", city: City, period: Period) -> Reach:
    """What agencies' habits and the footprint mean for the chains of people.

    Raises UsageError (CR-USE-001) when a list of the settings has the wrong length for the city.
    """
    footprint, areas = settings.footprint, len(city.areas)
    check_lengths(settings, areas)
    on_duty = np.zeros((2, 24), dtype=bool)
    on_duty[WITH_TRIAGE] = on_duty_hours(footprint)
    attends = np.zeros((2, areas, len(CHANNELS)))
    attends[WITH_TRIAGE] = habits(settings.responses, footprint).attends[KNOWN, :, PUBLIC]
    return Reach(
        kind_of_day=kinds_of_day(footprint, period),
        on_duty=on_duty,
        attends=attends,
        qualifying=qualifying_share(settings.responses, footprint),
        detects=np.array([0.0, footprint.detects]),
        protected_days=footprint.protected_days,
        lowers_risk=footprint.lowers_risk,
    )


def where_shares(rates: ResponseRates) -> Numbers:
    """Shares of incidents at home, near home and anywhere, of people in general and of those detained often. (2, 3)."""
    shares = np.array([WHERE_SHARES] * PERSON_CLASSES)
    moved = shares[1, AT_HOME] * rates.often_outdoors
    shares[1, AT_HOME] -= moved
    shares[1, NEAR_HOME] += moved
    return shares


def check_lengths(settings: "CitySettings", areas: int) -> None:
    """Raises UsageError (CR-USE-001) when a list of numbers has the wrong length, such as one for each area."""
    for group in (settings.responses, settings.footprint):
        for name, values in asdict(group).items():
            wanted = _LENGTHS.get(name, areas)
            if isinstance(values, tuple) and len(values) != wanted:
                what = "numbers" if name in _LENGTHS else "numbers, one for each area"
                raise UsageError(
                    "CR-USE-001", f"an invented city cannot be made with so many values of {name}",
                    found=str(len(values)), wanted=f"{wanted} {what}",
                )  # fmt: skip


def qualifying_share(rates: ResponseRates, footprint: Footprint) -> Numbers:
    """The chance that an incident of a known person leaves at least one named contact that counts as a crisis.

    Averaged over the hours of the day, where it was, and whether a team came; an admission to hospital, which the
    chain of the person decides, left out. Shape (kinds of day, areas, classes of people, channels). Every agency names
    the person or not independently of the others; a team always does.
    """
    habit = habits(rates, footprint)
    areas = habit.attends.shape[1]
    share = np.empty((2, areas, PERSON_CLASSES, len(CHANNELS)))
    hours = CRISIS_HOURS / CRISIS_HOURS.sum()
    duty = float(hours[on_duty_hours(footprint)].sum())
    unnamed = np.array([_unnamed(rates, channel) for channel in CHANNELS])
    for number in range(PERSON_CLASSES):
        whom = KNOWN + number
        public = 1 - where_shares(rates)[number, AT_HOME]
        alone = _counts(unnamed, public * habit.would_be[whom], rates)
        share[:, :, number] = alone
        attends = habit.attends[whom, :, PUBLIC]
        not_reached = _counts(unnamed, public * habit.left_alone(footprint)[whom], rates)
        share[WITH_TRIAGE, :, number] = duty * (attends + (1 - attends) * not_reached) + (1 - duty) * alone
    return share


def _unnamed(rates: ResponseRates, channel: str) -> float:
    """The chance that neither the first service nor those that it passes the incident on to leave a counting name."""
    left = 1 - _named_crisis(channel)
    for passing in passed_from(rates, channel):
        if passing.then in COUNTING:
            left *= 1 - passing.chance * _named_crisis(passing.then)
    return left


def _named_crisis(source: str) -> float:
    return crisis_share(source) * DESKS[source].named


def _counts(unnamed: Numbers, detained: Numbers, rates: ResponseRates) -> Numbers:
    """One minus the chance that nothing counts, where incidents end in a detention with the given chance."""
    named = DESKS["s136"].named
    leaves_name = 1 - (1 - named) * (1 - rates.taken_to_suite * named)
    return np.asarray(1 - unnamed * (1 - detained * leaves_name))


# What is known of its size


def effects(settings: "CitySettings") -> dict[str, Any]:
    """The size of every effect that the service has on the city, as it was put in."""
    footprint, habit = settings.footprint, habits(settings.responses, settings.footprint)
    whom = ("strangers", "known_people", "people_detained_often")
    called = [POLICE, AMBULANCE]
    left, all_of_them = habit.detained(footprint)[:, :, called], habit.would_be[:, None, called]
    share = 1 - np.divide(left, all_of_them, out=np.ones_like(left), where=all_of_them > 0)
    return {
        "footprint": asdict(footprint),
        "hours_on_duty": [hour for hour, out in enumerate(on_duty_hours(footprint).tolist()) if out],
        "detentions_prevented_while_on_duty": {
            name: {"police_999": share[number, :, 0].tolist(), "ambulance_999": share[number, :, 1].tolist()}
            for number, name in enumerate(whom)
        },
        "department_attendances_avoided_when_a_team_came": footprint.avoids_department,
        "found_unreported_per_day_in_crisis": footprint.detects,
        "rates_of_getting_worse_after_being_reached": {
            "times": footprint.lowers_risk,
            "for_days": footprint.protected_days,
        },
    }
