"""The true intensity: how many contacts that count are expected in a cell and shift, given the city as it stood then.

A forecast of a shift is issued a day before it starts. What is known then, to whoever knows everything, is the map as
it stood (drift of the week, hot spells, mood of the day) and the latent state of every known person at the last local
midnight. Everything later is integrated over its futures: no realised incident is ever looked at. Counted are contacts
flagged as a crisis by their agency, section 136 detentions and street triage, with a place, of public or partner
origin; a contact counts in the shift in which it begins, which may be later than the incident. Who is detained often is
integrated over, too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from crisisrisk.simulation.chains import (
    PLACED,
    POLICE_DETENTION_DELAY,
    TRIAGE_DELAY,
    crisis_share,
    passed_from,
)  # fmt: skip
from crisisrisk.simulation.city import City
from crisisrisk.simulation.footprint import (
    KNOWN,
    OFTEN,
    PRIVATE,
    PUBLIC,
    STRANGER,
    WITH_TRIAGE,
    Habits,
    habits,
    kinds_of_day,
    on_duty_hours,
    where_shares,
)  # fmt: skip
from crisisrisk.simulation.intensity import (
    CRISIS_HOURS,
    RAILWAY_HOURS,
    PlaceMap,
    evening_of,
    football_rate,
    foreseen_cells,
    foreseen_level,
    night_rate,
    street_rate,
)  # fmt: skip
from crisisrisk.simulation.period import SECONDS_PER_HOUR, ZONE, Numbers, Period, Seconds, local_clock
from crisisrisk.simulation.person_dynamics import CHANNELS
from crisisrisk.simulation.strangers import DAYS_PER_YEAR, public_share
from crisisrisk.timeline import Shift, shift_on, shift_pattern

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

# The shifts of the site that the city's files are for, and when their forecasts are issued.
SHIFTS = (
    shift_pattern("day", "08:00", "15:00"),
    shift_pattern("late", "15:00", "22:00"),
    shift_pattern("night", "22:00", "08:00"),
)
ISSUE_HOURS = 24
# A contact may begin in the hour of its incident or in one of the two hours after.
HOURS_LATER = 3
Foreseen = Callable[[int, int], Numbers]
"""The mean factor of each cell in the week of a day, as a forecast issued so many days before may know it."""


@dataclass(frozen=True, kw_only=True)
class PlaceTruth:
    """Some shifts. `start`, `end` and `issue` are instants; `expected` has shape (shifts, cells)."""

    shift_id: tuple[str, ...]
    start: Seconds
    end: Seconds
    issue: Seconds
    expected: NDArray[np.float32]


def place_truth(
    settings: "CitySettings", city: City, period: Period, place_map: PlaceMap, known: NDArray[np.float32]
) -> Iterator[PlaceTruth]:
    """The expected number of contacts of every cell and shift, a week of shifts at a time.

    `known` (2, days, cells, channels and those found by a team): expected incidents of known people who live in a cell,
    on a day, given their states one and two local midnights before it starts. The first day has no forecast.
    """

    def foreseen(day: int, ahead: int) -> Numbers:
        weeks = day // 7 - (day - ahead) // 7
        return foreseen_cells(place_map, settings.places, week=day // 7, ahead=weeks)

    return intensities(settings, city, period, place_map, known, foreseen=foreseen, days=range(1, len(period)))


def intensities(
    settings: "CitySettings", city: City, period: Period, place_map: PlaceMap, known: NDArray[np.float32], *,
    foreseen: Foreseen, days: range,
) -> Iterator[PlaceTruth]:  # fmt: skip
    """The same for some days, from what is foreseen of the map. `known` has those days and the day before the first."""
    ground = _ground(settings, city, period, place_map, known, foreseen, first_day=days[0] - 1)
    for monday in range(7 * (days[0] // 7), days[-1] + 1, 7):
        days_of_week = range(max(days[0], monday), min(monday + 7, days[-1] + 1))
        shifts = [
            shift for day in days_of_week for shift in _shifts_of(period, day) if shift.end.timestamp() <= period.end
        ]
        if shifts:
            yield _truth_of(ground, shifts)


def _truth_of(ground: "_Ground", shifts: list[Shift]) -> PlaceTruth:
    start, end = (
        np.array([round(moment.timestamp()) for moment in moments], dtype=np.int64)
        for moments in zip(*((shift.start, shift.end) for shift in shifts), strict=True)
    )
    expected = [_of_shift(ground, int(one), int(other)) for one, other in zip(start, end, strict=True)]
    return PlaceTruth(
        shift_id=tuple(shift.id for shift in shifts),
        start=start,
        end=end,
        issue=start - ISSUE_HOURS * SECONDS_PER_HOUR,
        expected=np.array(expected, dtype=np.float32),
    )


def _shifts_of(period: Period, day: int) -> list[Shift]:
    return [shift_on(pattern, period.first + timedelta(days=day), ZONE) for pattern in SHIFTS]


# What one incident leaves


@dataclass(frozen=True, kw_only=True)
class Yields:
    """Contacts that count from one incident, by how many whole hours later they begin: the last axis, HOURS_LATER.

    Of strangers (duty, areas, ordinary or night out), of known people (where, duty, areas, channels), with the shares
    of where their incidents are; `duty` is 1 where teams are out. The incident is anywhere within its hour.
    """

    strangers: Numbers
    known: Numbers


def _yields(settings: "CitySettings") -> Yields:
    rates, habit = settings.responses, habits(settings.responses, settings.footprint)
    areas = habit.attends.shape[1]
    each = np.zeros((3, 2, areas, len(CHANNELS), 2, HOURS_LATER))  # whom, duty, area, channel, premises
    for whom in (STRANGER, KNOWN, OFTEN):
        for premises in (PUBLIC, PRIVATE):
            each[whom, :, :, :, premises] = _yield_of(settings, habit, whom, premises)
    public = public_share(rates)
    shares = np.array(rates.stranger_channels) / sum(rates.stranger_channels)
    by_premises = np.einsum("dacph,c->daph", each[STRANGER], shares)
    strangers = np.einsum("daph,np->danh", by_premises, np.column_stack([public, 1 - public]))
    shares = where_shares(rates) * np.array([[1 - rates.often_detained], [rates.often_detained]])
    known = np.einsum("kw,kdacwh->wdach", shares, each[KNOWN:, :, :, :, [PRIVATE, PUBLIC, PUBLIC]])
    return Yields(strangers=strangers, known=known)


def _yield_of(settings: "CitySettings", habit: Habits, whom: int, premises: int) -> Numbers:
    """Of one kind of person and premises. Shape (duty, areas, channels, HOURS_LATER)."""
    rates, footprint = settings.responses, settings.footprint
    called = np.zeros((len(CHANNELS), HOURS_LATER))
    for number, channel in enumerate(CHANNELS):
        if channel in PLACED:
            called[number] += crisis_share(channel) * _later(0.0, 0.0)
        for passing in passed_from(rates, channel):
            if passing.then in ("police_999", "ambulance_999"):
                called[number] += passing.chance * crisis_share(passing.then) * _later(*passing.delay_hours)
    attends = habit.attends[whom, :, premises]
    detained = np.zeros((2, *attends.shape))
    if premises == PUBLIC:
        detained[0], detained[1] = habit.would_be[whom], habit.detained(footprint)[whom]
    found = np.broadcast_to(called, (2, *attends.shape, HOURS_LATER)).copy()
    found[1] += attends[..., None] * _later(*TRIAGE_DELAY)
    return np.asarray(found + detained[..., None] * _later(*POLICE_DETENTION_DELAY))


@lru_cache(maxsize=32)
def _later(least: float, most: float) -> Numbers:
    """The chances that a contact begins 0, 1, 2 hours after the hour of its incident, for a delay uniform in hours."""
    edges = np.arange(1.0, HOURS_LATER + 1)
    if most == least:
        reached = np.clip(edges - least, 0.0, 1.0)
    else:
        reached = (_area_under(edges - least) - _area_under(edges - most)) / (most - least)
    return np.diff(reached, prepend=0.0)


def _area_under(bound: Numbers) -> Numbers:
    """The integral of a uniform distribution function over [0, 1] up to a bound."""
    return np.where(bound < 0, 0.0, np.where(bound < 1, bound**2 / 2, bound - 0.5))


def _spread(city: City) -> csr_array:
    """Where an incident near home is, by home: (cells, homes)."""
    cells, each = city.near.shape
    return csr_array((np.full(cells * each, 1 / each), (city.near.ravel(), np.repeat(np.arange(cells), each))))


# One shift


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """What every shift reads. `known` begins with `first_day`.

    `out` (days, 24): when teams are out; `railway` (24,): contacts an hour of all of it.
    """

    settings: "CitySettings"
    city: City
    period: Period
    place_map: PlaceMap
    foreseen: Foreseen
    known: NDArray[np.float32]
    first_day: int
    yields: Yields
    near: csr_array
    out: NDArray[np.int64]
    railway: Numbers


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """The hours of one day from which contacts can fall into a shift.

    `clock` and `passed` (hours,) are the hour of the local clock, and that since midnight; `inside` (hours,
    HOURS_LATER) is 1 where contacts so many hours after an incident begin in the shift. `ahead`: days since the issue.
    """

    day: int
    ahead: int
    clock: NDArray[np.int64]
    passed: NDArray[np.int64]
    inside: Numbers


def _ground(
    settings: "CitySettings", city: City, period: Period, place_map: PlaceMap, known: NDArray[np.float32],
    foreseen: Foreseen, *, first_day: int,
) -> _Ground:  # fmt: skip
    rates, with_triage = settings.responses, kinds_of_day(settings.footprint, period) == WITH_TRIAGE
    yearly = rates.railway_yearly * rates.railway_crisis * settings.residents / 100_000
    return _Ground(
        settings=settings,
        city=city,
        period=period,
        place_map=place_map,
        foreseen=foreseen,
        known=known,
        first_day=first_day,
        yields=_yields(settings),
        near=_spread(city),
        out=np.asarray(with_triage[:, None] & on_duty_hours(settings.footprint), dtype=np.int64),
        railway=np.asarray(yearly / DAYS_PER_YEAR * RAILWAY_HOURS / RAILWAY_HOURS.sum()),
    )


def _of_shift(ground: _Ground, start: int, end: int) -> Numbers:
    """Expected contacts of one shift. Shape (cells,)."""
    expected = np.zeros(len(ground.city))
    for stretch in _stretches(ground.period, start, end):
        expected += _strangers_of(ground, stretch) + _known_of(ground, stretch)
        expected += ground.city.railway * (ground.railway[stretch.clock] @ stretch.inside[:, 0])
    return expected


def _stretches(period: Period, start: int, end: int) -> Iterator[_Stretch]:
    """The hours from which contacts can fall into a shift, by day."""
    hours = np.arange(start - (HOURS_LATER - 1) * SECONDS_PER_HOUR, end, SECONDS_PER_HOUR)
    issued = int(period.day_of(np.array([start - ISSUE_HOURS * SECONDS_PER_HOUR]))[0])
    days, clock = period.day_of(hours), np.asarray(local_clock(hours).hour, dtype=np.int64)
    begins = hours[:, None] + np.arange(HOURS_LATER) * SECONDS_PER_HOUR
    inside = np.asarray((begins >= start) & (begins < end), dtype=np.float64)
    passed = np.minimum((hours - period.midnight[days]) // SECONDS_PER_HOUR, 23)
    for day in np.unique(days).tolist():
        own = days == day
        yield _Stretch(day=day, ahead=day - issued, clock=clock[own], passed=passed[own], inside=inside[own])


def _strangers_of(ground: _Ground, stretch: _Stretch) -> Numbers:
    """From people whom nobody can name. Shape (cells,)."""
    city, dynamics, residents = ground.city, ground.settings.places, ground.settings.residents
    place_map, day, clock = ground.place_map, stretch.day, stretch.clock
    each = np.einsum("hanl,hl->han", ground.yields.strangers[ground.out[day, clock]], stretch.inside)
    level = foreseen_level(place_map, dynamics, day=day, ahead=stretch.ahead)
    streets = (street_rate(dynamics, residents)[clock] @ each[:, :, 0])[city.area]
    evening = place_map.nights_out[evening_of(np.full(len(clock), day), clock)]
    nights = ((night_rate(dynamics, residents)[clock] * evening) @ each[:, :, 1])[city.area]
    football = (football_rate(dynamics, residents)[clock] * place_map.matches[day] @ each[:, :, 1])[city.area]
    moved = ground.foreseen(day, stretch.ahead)
    return np.asarray(level * (streets * city.streets * moved + nights * city.night_life + football * city.football))


def _known_of(ground: _Ground, stretch: _Stretch) -> Numbers:
    """From known people, at home, near home and anywhere. Shape (cells,)."""
    city, passed = ground.city, stretch.passed
    incidents = ground.known[stretch.ahead - 1, stretch.day - ground.first_day, :, : len(CHANNELS)].astype(np.float64)
    each = ground.yields.known[:, ground.out[stretch.day, passed]]
    share = CRISIS_HOURS[passed] / CRISIS_HOURS.sum()
    by_channel = np.einsum("h,whacl,hl->wac", share, each, stretch.inside)[:, city.area]  # where, homes, channels
    at_home, near, anywhere = np.einsum("cn,wcn->wc", incidents, by_channel)
    return np.asarray(at_home + ground.near @ near + anywhere.sum() * city.streets)
