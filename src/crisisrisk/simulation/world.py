"""What every part of an invented city shares: small, made from the settings alone, the same in every process."""

from dataclasses import dataclass
from functools import lru_cache

from crisisrisk.simulation.city import City, build_city
from crisisrisk.simulation.footprint import reach
from crisisrisk.simulation.intensity import PlaceMap, draw_map
from crisisrisk.simulation.monthly import Slices, slices_of
from crisisrisk.simulation.period import Period, period_of
from crisisrisk.simulation.person_dynamics import Reach
from crisisrisk.simulation.settings import CitySettings


@dataclass(frozen=True, kw_only=True)
class World:
    """The days, the places and how they drift, where teams reach people, and the stretches that files are made in."""

    period: Period
    city: City
    place_map: PlaceMap
    reach: Reach
    slices: Slices


@lru_cache(maxsize=1)
def world(settings: CitySettings) -> World:
    """Made once in each process."""
    period, city = period_of(settings.years), build_city(settings)
    return World(
        period=period,
        city=city,
        place_map=draw_map(settings, city, period),
        reach=reach(settings, city, period),
        slices=slices_of(period, settings.people),
    )
