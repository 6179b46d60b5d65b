"""Where and when things go wrong in public: a nearly stable map, a clock, slow drift, nights out and football.

What is expected of people whom nobody can name, per cell and hour, is a share of the cell times a rate of the
hour. Three things move it, each a Markov chain of its own: every cell wanders from week to week, hot spells of some
weeks come and go, and the mood of the city wanders from day to day. Nothing is normalised over the cells, so what is
expected from a later hour, given the map as it stands now, is known exactly (`foreseen_*`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.city import City
from crisisrisk.simulation.period import SECONDS_PER_HOUR, Indices, Numbers, Period, Seconds, local_clock, stream

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

# Relative rates by local hour, midnight first.
CRISIS_HOURS = np.array(
    [9, 8, 7, 6, 5, 4, 4, 5, 6, 8, 9, 10, 11, 11, 12, 13, 14, 15, 16, 17, 17, 16, 14, 11], dtype=np.float64
)  # fmt: skip
NIGHT_OUT_HOURS = np.array(
    [16, 15, 13, 9, 4, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 5, 7, 10, 13, 15], dtype=np.float64
)  # fmt: skip
FOOTBALL_HOURS = np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 6, 8, 7, 6, 9, 10, 8, 6, 5, 4, 3, 2], dtype=np.float64)
RAILWAY_HOURS = np.array([3, 1, 0, 0, 1, 3, 6, 8, 8, 7, 6, 6, 7, 7, 7, 8, 9, 10, 9, 8, 7, 7, 6, 5], dtype=np.float64)
# Requests for a welfare check rise from 15:00, when those who look after people go home.
WELFARE_HOURS = np.array(
    [2, 2, 1, 1, 1, 1, 2, 3, 4, 6, 7, 7, 7, 7, 8, 12, 14, 15, 14, 12, 10, 8, 5, 3], dtype=np.float64
)  # fmt: skip
# Nights out by weekday, Monday first; the small hours belong to the evening before.
NIGHT_OUT_DAYS = np.array([0.35, 0.4, 0.5, 0.8, 1.9, 2.4, 0.65])
_FOOTBALL_MONTHS = (8, 9, 10, 11, 12, 1, 2, 3, 4, 5)
_SATURDAY = 5
DAYS_PER_MONTH = 28


@dataclass(frozen=True, kw_only=True)
class PlaceDynamics:
    """How much happens a day, how it is shared, and how the map moves.

    Incidents are those of people whom nobody can name, per day and 100,000 residents; `football_incidents` per day of
    a home match. `weekly_drift` and `city_level` are standard deviations of logarithms, forgotten over `drift_weeks`
    and `city_days`. A cell's hot spell starts with the chance `hot_start` a week and ends with `hot_end`.
    """

    street_incidents: float = 3.20
    night_incidents: float = 0.80
    football_incidents: float = 0.45
    weekly_drift: float = 0.30
    drift_weeks: float = 16.0
    hot_start: float = 0.0022
    hot_end: float = 0.105
    hot_factors: tuple[float, ...] = (2.0, 3.0, 4.5)
    city_level: float = 0.16
    city_days: float = 9.0
    season: float = 0.08
    payday: float = 0.14
    bank_holiday: float = 0.10
    payday_nights: float = 0.30


# A small sample has more of them for each resident, so that its map has something to learn from.
PLACES_BY_PRESET = {
    "sample": PlaceDynamics(street_incidents=7.6, night_incidents=2.1, football_incidents=1.0),
    "birmingham": PlaceDynamics(),
    "force": PlaceDynamics(),
}
# Factors on the preset's values for parameter sets drawn at random.
RANGES = {
    "street_incidents": (0.7, 1.4),
    "night_incidents": (0.5, 2.0),
    "weekly_drift": (0.5, 1.6),
    "drift_weeks": (0.5, 2.0),
    "hot_start": (0.4, 2.0),
    "hot_end": (0.6, 1.6),
    "city_level": (0.5, 1.6),
}


@dataclass(frozen=True)
class PlaceMap:
    """How the map stands. `drift` (weeks, cells) and `mood` (days,) are standard normal; `hot` (weeks, cells) is 0 or
    one more than the place of the spell's factor in `hot_factors`. `calendar` (days,) is known for ever."""

    drift: NDArray[np.float32]
    hot: NDArray[np.int8]
    mood: Numbers
    calendar: Numbers
    nights_out: Numbers
    matches: Numbers


@dataclass(frozen=True)
class Incidents:
    """Incidents of people whom nobody can name. Shape (incidents,). `night_out`: around bars, clubs and stadiums."""

    at: Seconds
    cell: Indices
    night_out: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.at)


def draw_map(settings: "CitySettings", city: City, period: Period) -> PlaceMap:
    """One course of the drift of every cell, of hot spells and of the city's mood."""
    weeks, cells = -(-len(period) // 7), len(city)
    seed, dynamics = settings.seed, settings.places
    return PlaceMap(
        drift=_wandering(stream(seed, "map drift"), (weeks, cells), dynamics.drift_weeks).astype(np.float32),
        hot=_hot_spells(stream(seed, "map hot spells"), (weeks, cells), dynamics),
        mood=_wandering(stream(seed, "map mood"), (len(period), 1), dynamics.city_days)[:, 0],
        calendar=1 + dynamics.season * period.season + dynamics.payday * period.payday
        + dynamics.bank_holiday * period.bank_holiday,
        nights_out=NIGHT_OUT_DAYS[period.weekday] * (1 + dynamics.payday_nights * period.payday),
        matches=home_matches(period),
    )  # fmt: skip


def _wandering(random: np.random.Generator, shape: tuple[int, int], memory: float) -> Numbers:
    """Stationary standard-normal wandering along the first axis, forgetting with the given memory."""
    keep = np.exp(-1 / memory)
    steps = random.normal(0, 1, shape)
    for row in range(1, shape[0]):
        steps[row] = keep * steps[row - 1] + np.sqrt(1 - keep**2) * steps[row]
    return steps


def _hot_spells(random: np.random.Generator, shape: tuple[int, int], dynamics: PlaceDynamics) -> NDArray[np.int8]:
    """Which cells are hot in which week, begun in the long run of the chain."""
    hot = np.zeros(shape, dtype=np.int8)
    usual = dynamics.hot_start / (dynamics.hot_start + dynamics.hot_end)
    for week in range(shape[0]):
        before = hot[week - 1]
        starts = random.random(shape[1]) < (dynamics.hot_start if week else usual)
        ends = random.random(shape[1]) < dynamics.hot_end
        factor = 1 + random.integers(0, len(dynamics.hot_factors), shape[1])
        hot[week] = np.where(before > 0, np.where(ends, 0, before), np.where(starts, factor, 0))
    return hot


def home_matches(period: Period) -> Numbers:
    """1 on every second Saturday of the season. Shape (days,)."""
    months = local_clock(period.midnight[:-1] + 12 * SECONDS_PER_HOUR).month
    weeks = np.arange(len(period)) // 7
    return np.asarray((period.weekday == _SATURDAY) & (weeks % 2 == 0) & np.isin(months, _FOOTBALL_MONTHS), np.float64)


# What is to be expected, given how the map stands


def foreseen_cells(place_map: PlaceMap, dynamics: PlaceDynamics, *, week: int, ahead: int) -> Numbers:
    """The mean factor of each cell in a week, given the map `ahead` weeks before it. Shape (cells,)."""
    known = week - ahead
    keep = np.exp(-ahead / dynamics.drift_weeks)
    drift = np.exp(dynamics.weekly_drift * keep * place_map.drift[known] - (dynamics.weekly_drift * keep) ** 2 / 2)
    return np.asarray(drift * hot_means(dynamics, ahead)[place_map.hot[known]])


def hot_means(dynamics: PlaceDynamics, ahead: int) -> Numbers:
    """Mean factor of a spell's state so many weeks later, divided by the mean in the long run. Shape (1 + factors,)."""
    factors = np.array([1.0, *dynamics.hot_factors])
    usual = dynamics.hot_start / (dynamics.hot_start + dynamics.hot_end)
    long_run = (1 - usual) + usual * factors[1:].mean()
    return np.asarray(np.linalg.matrix_power(hot_chances(dynamics), ahead) @ factors / long_run)


def hot_chances(dynamics: PlaceDynamics) -> Numbers:
    """The chance of each state of a spell a week after each: not hot, then every factor. Rows sum to one."""
    count = len(dynamics.hot_factors)
    step = np.diag([1 - dynamics.hot_start, *[1 - dynamics.hot_end] * count])
    step[0, 1:], step[1:, 0] = dynamics.hot_start / count, dynamics.hot_end
    return step


def foreseen_level(place_map: PlaceMap, dynamics: PlaceDynamics, *, day: int, ahead: int) -> float:
    """The mean level of the city on a day, given its mood `ahead` days before."""
    keep = np.exp(-ahead / dynamics.city_days) * dynamics.city_level
    return float(place_map.calendar[day] * np.exp(keep * place_map.mood[day - ahead] - keep**2 / 2))


def street_rate(dynamics: PlaceDynamics, residents: int) -> Numbers:
    """Incidents an hour in the streets of the whole city at level 1, by local hour. Shape (24,)."""
    return np.asarray(dynamics.street_incidents * residents / 100_000 * CRISIS_HOURS / CRISIS_HOURS.sum())


def night_rate(dynamics: PlaceDynamics, residents: int) -> Numbers:
    """Incidents an hour of an ordinary night out at level 1, by local hour. Shape (24,)."""
    return np.asarray(dynamics.night_incidents * residents / 100_000 * NIGHT_OUT_HOURS / NIGHT_OUT_HOURS.sum())


def football_rate(dynamics: PlaceDynamics, residents: int) -> Numbers:
    """Incidents an hour around the stadiums on the day of a match at level 1, by local hour. Shape (24,)."""
    return np.asarray(dynamics.football_incidents * residents / 100_000 * FOOTBALL_HOURS / FOOTBALL_HOURS.sum())


def evening_of(day: Indices, hour: Indices) -> Indices:
    """The day to whose night out an hour belongs; the first small hours of all belong to the first day."""
    return np.asarray(np.maximum(day - (hour < 8), 0))


# One course of events


def months(period: Period) -> int:
    """How many stretches of DAYS_PER_MONTH days the period has; strangers are drawn one stretch at a time."""
    return -(-len(period) // DAYS_PER_MONTH)


def days_of_month(period: Period, month: int) -> range:
    """The days of one stretch."""
    return range(month * DAYS_PER_MONTH, min((month + 1) * DAYS_PER_MONTH, len(period)))


def draw_incidents(settings: "CitySettings", city: City, period: Period, place_map: PlaceMap, month: int) -> Incidents:
    """What happens to people whom nobody can name in one month, in order of time."""
    random, dynamics = stream(settings.seed, "incidents", month), settings.places
    residents = settings.residents
    streets, around = [], []
    for day in days_of_month(period, month):
        hours, clock = hours_of_day(period, day)
        level = foreseen_level(place_map, dynamics, day=day, ahead=0)
        cells = city.streets * foreseen_cells(place_map, dynamics, week=day // 7, ahead=0)
        streets.append(_drawn(random, hours, street_rate(dynamics, residents)[clock] * level, cells))
        out = place_map.nights_out[evening_of(np.full(len(clock), day), clock)]
        around.append(_drawn(random, hours, night_rate(dynamics, residents)[clock] * level * out, city.night_life))
        match = place_map.matches[day] * level
        around.append(_drawn(random, hours, football_rate(dynamics, residents)[clock] * match, city.football))
    at, cell = (np.concatenate(parts) for parts in zip(*streets, *around, strict=True))
    night_out = np.arange(len(at)) >= sum(len(part) for part, _ in streets)
    order = np.argsort(at, kind="stable")
    return Incidents(at=at[order], cell=cell[order], night_out=night_out[order])


def hours_of_day(period: Period, day: int) -> tuple[Seconds, Indices]:
    """The instants at which the hours of a day begin, 23 to 25 of them, and the local hour of each."""
    hours = np.arange(period.midnight[day], period.midnight[day + 1], SECONDS_PER_HOUR)
    return hours, np.asarray(local_clock(hours).hour, dtype=np.int64)


def _drawn(random: np.random.Generator, hours: Seconds, rate: Numbers, cells: Numbers) -> tuple[Seconds, Indices]:
    """Instants and cells of incidents with expected numbers `rate[hour] * cells[cell]`."""
    reached = np.cumsum(cells)
    count = random.poisson(rate * reached[-1])
    at = np.repeat(hours, count) + random.integers(0, SECONDS_PER_HOUR, count.sum())
    cell = np.searchsorted(reached, random.random(len(at)) * reached[-1], side="right")
    return at, np.minimum(cell, len(cells) - 1)
