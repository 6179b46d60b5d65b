"""Where and when things go wrong in public: a nearly stable map, a clock, slow drift, and nights out.

The expected number of incidents of people whom nobody can name, per cell and hour, is the product of
a share of the cell in its week and a rate of the hour. Hot places come and go over weeks.
"""

from dataclasses import dataclass

import numpy as np

from crisisrisk.simulation.city import City
from crisisrisk.simulation.period import SECONDS_PER_HOUR, Indices, Numbers, Period, Seconds, local_clock, stream

# Relative rates by local hour, midnight first.
CRISIS_HOURS = np.array(
    [9, 8, 7, 6, 5, 4, 4, 5, 6, 8, 9, 10, 11, 11, 12, 13, 14, 15, 16, 17, 17, 16, 14, 11], dtype=np.float64
)  # fmt: skip
NIGHT_OUT_HOURS = np.array(
    [16, 15, 13, 9, 4, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 5, 7, 10, 13, 15], dtype=np.float64
)  # fmt: skip
# Nights out by weekday, Monday first; the small hours belong to the evening before.
NIGHT_OUT_DAYS = np.array([0.35, 0.4, 0.5, 0.8, 1.9, 2.4, 0.65])


@dataclass(frozen=True, kw_only=True)
class PlaceDynamics:
    """How much happens a day, how it is shared, and how the map moves."""

    street_incidents: float = 14.5
    night_incidents: float = 4.0
    weekly_drift: float = 0.30
    drift_weeks: float = 16.0
    hot_spells: int = 30
    hot_factor: tuple[float, float] = (2.0, 4.5)
    hot_weeks: tuple[int, int] = (5, 14)
    city_level: float = 0.16
    city_days: float = 9.0


@dataclass(frozen=True)
class Map:
    """`streets` (weeks, cells) and `night_life` (cells,) sum to one over cells; `level` (days,) is the city's mood."""

    streets: Numbers
    night_life: Numbers
    level: Numbers


@dataclass(frozen=True)
class Incidents:
    """Incidents of people whom nobody can name: instant and cell, in order of time. Shape (incidents,)."""

    at: Seconds
    cell: Indices


def draw_map(seed: int, city: City, period: Period, dynamics: PlaceDynamics) -> Map:
    """How the shares of the cells drift over the weeks, and the level of the city over the days."""
    random = stream(seed, "map")
    weeks = len(period) // 7 + 1
    drift = _wandering(random, (weeks, len(city)), dynamics.drift_weeks) * dynamics.weekly_drift
    for cell, begins in zip(
        random.integers(0, len(city), dynamics.hot_spells), random.integers(0, weeks, dynamics.hot_spells), strict=True
    ):
        ends = begins + random.integers(*dynamics.hot_weeks)
        drift[begins:ends, cell] += np.log(random.uniform(*dynamics.hot_factor))
    shares = city.streets * np.exp(drift)
    calendar = 1 + 0.08 * period.season + 0.14 * period.payday + 0.10 * period.bank_holiday
    level = calendar * np.exp(_wandering(random, (len(period), 1), dynamics.city_days)[:, 0] * dynamics.city_level)
    return Map(streets=shares / shares.sum(axis=1, keepdims=True), night_life=city.night_life, level=level)


def _wandering(random: np.random.Generator, shape: tuple[int, int], memory: float) -> Numbers:
    """Stationary standard-normal wandering along the first axis, forgetting with the given memory."""
    keep = np.exp(-1 / memory)
    steps = random.normal(0, 1, shape)
    for row in range(1, shape[0]):
        steps[row] = keep * steps[row - 1] + np.sqrt(1 - keep**2) * steps[row]
    return steps


def expected_incidents(period: Period, place_map: Map, dynamics: PlaceDynamics, hours: Seconds) -> Numbers:
    """Expected incidents of unknown people, for each hour that starts at `hours` and cell. Shape (hours, cells)."""
    day, clock = period.day_of(hours), local_clock(hours)
    hour = np.asarray(clock.hour)
    evening = np.clip(day - (hour < 8), 0, len(period) - 1)
    nights_out = NIGHT_OUT_DAYS[period.weekday[evening]] * (1 + 0.3 * period.payday[evening])
    level = place_map.level[day]
    streets = dynamics.street_incidents * level * CRISIS_HOURS[hour] / CRISIS_HOURS.sum()
    nights = dynamics.night_incidents * level * nights_out * NIGHT_OUT_HOURS[hour] / NIGHT_OUT_HOURS.sum()
    return np.asarray(streets[:, None] * place_map.streets[day // 7] + nights[:, None] * place_map.night_life)


def draw_incidents(seed: int, period: Period, place_map: Map, dynamics: PlaceDynamics) -> Incidents:
    """One course of events from the expected numbers."""
    random = stream(seed, "incidents")
    hours = np.arange(period.midnight[0], period.midnight[-1], SECONDS_PER_HOUR)
    count = random.poisson(expected_incidents(period, place_map, dynamics, hours))
    hour, cell = np.nonzero(count)
    times = count[hour, cell]
    hour, cell = np.repeat(hour, times), np.repeat(cell, times)
    at = hours[hour] + random.integers(0, SECONDS_PER_HOUR, len(hour))
    order = np.argsort(at, kind="stable")
    return Incidents(at=at[order], cell=cell[order])
