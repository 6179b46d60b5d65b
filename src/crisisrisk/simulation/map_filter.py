"""The most that incidents can tell of how the map moves: the chance of every state of a cell given all before a day.

Whoever works it out knows the city's parameters, the map's long run, the mood of every day so far, and of each incident
of a person whom nobody can name where it was, whether it was in the streets or on a night out, and of no other that it
was one: more than any service does. The drift of a cell and its hot spell themselves are not seen. Given the mood the
cells say nothing of each other, so that the filter of each is exact but for the grid of the drift.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.city import City
from crisisrisk.simulation.intensity import (
    PlaceDynamics,
    PlaceMap,
    draw_incidents,
    foreseen_level,
    hot_chances,
    hot_means,
    hours_of_day,
    months,
    street_rate,
)
from crisisrisk.simulation.period import Numbers, Period

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings

_GRID = np.linspace(-4.5, 4.5, 73)
"""Of the drift, in standard deviations."""


@dataclass(frozen=True, eq=False)
class ToldMap:
    """What is believed of the map. `began` (weeks, cells, drift, hot): at the start of each week, before any of it.

    `seen`, `due` (days, cells): incidents in the streets of each day so far, and how many to expect at factor 1.
    """

    dynamics: PlaceDynamics
    factors: Numbers
    began: NDArray[np.float32]
    seen: NDArray[np.int16]
    due: NDArray[np.float32]
    first_week: int

    def foreseen(self, day: int, ahead: int) -> Numbers:
        """The mean factor of each cell in the week of a day, given all before the midnight so many days before it.

        Shape (cells,).
        """
        issued = day - ahead
        week = issued // 7
        so_far = slice(7 * week, issued)
        belief = _told(
            self.began[week - self.first_week].astype(np.float64), self.factors, self.seen[so_far].sum(axis=0),
            self.due[so_far].sum(axis=0, dtype=np.float64),
        )  # fmt: skip
        weeks = day // 7 - week
        keep = np.exp(-weeks / self.dynamics.drift_weeks) * self.dynamics.weekly_drift
        drift = np.exp(keep * _GRID - keep**2 / 2)
        return np.asarray(np.einsum("cdh,d,h->c", belief, drift, hot_means(self.dynamics, weeks)))


def told_map(settings: "CitySettings", city: City, period: Period, place_map: PlaceMap, *, days: range) -> ToldMap:
    """What incidents before each of some days tell. Memory: the beliefs of their weeks."""
    dynamics = settings.places
    seen, due = _streets(settings, city, period, place_map, until=days[-1] + 1)
    factors = _factors(dynamics)
    step, hot = _drift_step(dynamics), hot_chances(dynamics)
    belief = np.tile(np.outer(_long_run(step), _long_run(hot)), (len(city), 1, 1))
    first_week, kept = max(0, days[0] // 7 - 1), []
    for week in range(days[-1] // 7 + 1):
        if week >= first_week:
            kept.append(belief.astype(np.float32))
        own = slice(7 * week, min(7 * week + 7, len(seen)))
        belief = _told(belief, factors, seen[own].sum(axis=0), due[own].sum(axis=0, dtype=np.float64))
        belief = np.einsum("cdh,de->ceh", belief, step, optimize=True) @ hot
    return ToldMap(dynamics, factors, np.array(kept), seen, due, first_week)


def _streets(
    settings: "CitySettings", city: City, period: Period, place_map: PlaceMap, *, until: int
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Incidents in the streets by day and cell, and how many to expect at factor 1. Shapes (days, cells)."""
    seen = np.zeros((until, len(city)), dtype=np.int16)
    for month in range(months(period)):
        found = draw_incidents(settings, city, period, place_map, month)
        day = period.day_of(found.at)
        chosen = ~found.night_out & (day < until)
        np.add.at(seen, (day[chosen], found.cell[chosen]), 1)
    rate = street_rate(settings.places, settings.residents)
    daily = np.array([rate[hours_of_day(period, day)[1]].sum() for day in range(until)])
    level = np.array([foreseen_level(place_map, settings.places, day=day, ahead=0) for day in range(until)])
    return seen, np.outer(daily * level, city.streets).astype(np.float32)


def _factors(dynamics: PlaceDynamics) -> Numbers:
    """The factor of each state of a cell. Shape (drift, hot)."""
    drift = np.exp(dynamics.weekly_drift * _GRID - dynamics.weekly_drift**2 / 2)
    return np.outer(drift, hot_means(dynamics, 0))


def _drift_step(dynamics: PlaceDynamics) -> Numbers:
    """The chance of each drift a week after each. Shape (drift, drift)."""
    keep = np.exp(-1 / dynamics.drift_weeks)
    step = np.exp(-((_GRID[None, :] - keep * _GRID[:, None]) ** 2) / (2 * (1 - keep**2)))
    return np.asarray(step / step.sum(axis=1, keepdims=True))


def _long_run(step: Numbers) -> Numbers:
    """The chances in which a chain settles."""
    return np.asarray(np.linalg.matrix_power(step, 4096)[0])


def _told(belief: Numbers, factors: Numbers, seen: NDArray[np.integer], due: Numbers) -> Numbers:
    """The belief once so many incidents were seen where so many were due at factor 1. Shape (cells, drift, hot)."""
    log = seen[:, None, None] * np.log(factors) - due[:, None, None] * factors
    told = belief * np.exp(log - log.max(axis=(1, 2), keepdims=True))
    return np.asarray(told / told.sum(axis=(1, 2), keepdims=True))
