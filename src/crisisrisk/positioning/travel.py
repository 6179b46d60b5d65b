"""How long a team travels from a site to a cell: from a matrix of the site's own, else a straight line made longer.

Straight line: great circle × detour, half at the speed of the site's surroundings and half at that of the cell's, at
the hours asked about; across a river or a railway only by the crossings that the site names. A straight line explains
over nine tenths of the variation of driving times (r2 > 0.93 in the south-west of England: Haynes and others 2006,
International Journal of Health Geographics 5:40), least near coasts and in the country: hence barriers and speeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from crisisrisk.errors import DataError
from crisisrisk.positioning.question import Mask, Numbers
from crisisrisk.positioning.travel_kernels import clear_legs

EARTH_KM = 6371.0088
HOURS = 24
_DAY, _EVENING = range(7, 19), range(19, 23)


def _by_hour(day: float, evening: float, night: float) -> tuple[float, ...]:
    return tuple(day if hour in _DAY else evening if hour in _EVENING else night for hour in range(HOURS))


@dataclass(frozen=True, kw_only=True)
class Roads:
    """How fast teams travel. `detour`: road kilometres for one in a straight line; speeds in km/h by local hour."""

    detour: float = 1.35
    urban_kmh: tuple[float, ...] = field(default_factory=lambda: _by_hour(26.0, 32.0, 40.0))
    rural_kmh: tuple[float, ...] = field(default_factory=lambda: _by_hour(52.0, 56.0, 60.0))
    set_off_minutes: float = 2.0
    """From the call to the wheels turning."""
    learned_from: int = 0
    """Journeys that the detour was learned from; 0 where it is as declared."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """Places on the map. `latitude`, `longitude` in degrees, `urban`: shape (points,)."""

    ids: tuple[str, ...]
    latitude: Numbers
    longitude: Numbers
    urban: Mask

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, kw_only=True)
class Barriers:
    """Rivers, railways and the like as lines of (latitude, longitude), and the bridges over them."""

    lines: tuple[tuple[tuple[float, float], ...], ...] = ()
    crossings: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class TravelTimes:
    """Minutes from each site to each cell; infinite where there is no way. Shape (sites, cells). `said`: how made."""

    minutes: Numbers
    said: str


def straight_line_times(sites: Points, cells: Points, roads: Roads, *, hour: int, barriers: Barriers) -> TravelTimes:
    """Travel times at a local hour (0 to 23) where nobody measured them. Raises DataError for absent coordinates."""
    return straight_line_over(sites, cells, roads, hours={hour: 1.0}, barriers=barriers)


def straight_line_over(
    sites: Points, cells: Points, roads: Roads, *, hours: Mapping[int, float], barriers: Barriers
) -> TravelTimes:
    """The mean over local hours. `hours`: what each weighs, 1 in all. Raises DataError for absent coordinates."""
    for points, what in ((sites, "sites"), (cells, "cells")):
        _require_coordinates(points, what)
    kilometres = road_kilometres(sites, cells, barriers) * roads.detour
    town, country = (
        sum(weight / speeds[hour] for hour, weight in hours.items()) for speeds in (roads.urban_kmh, roads.rural_kmh)
    )  # hours a kilometre
    paces = [np.where(points.urban, town, country) for points in (sites, cells)]
    pace = 30.0 * (paces[0][:, None] + paces[1][None, :])  # minutes a kilometre, half at the pace of each end
    return TravelTimes(minutes=roads.set_off_minutes + kilometres * pace, said=_said(roads, list(hours), barriers))


def at_hours(hours: Sequence[int]) -> str:
    """In words: `at 03:00`, or over all hours."""
    return f"at {hours[0]:02d}:00" if len(hours) == 1 else "over the hours of the shift, as contacts come in them"


def _kmh(speeds: Sequence[float]) -> str:
    least, most = min(speeds), max(speeds)
    return f"{least:.0f} km/h" if least == most else f"{least:.0f} to {most:.0f} km/h"


def _said(roads: Roads, hours: Sequence[int], barriers: Barriers) -> str:
    learned = f", learned from {roads.learned_from:,} journeys" if roads.learned_from else ""
    around = f", around {len(barriers.lines)} barriers by {len(barriers.crossings)} crossings" if barriers.lines else ""
    towns, country = (_kmh([speeds[hour] for hour in hours]) for speeds in (roads.urban_kmh, roads.rural_kmh))
    return (
        f"straight line × {roads.detour:.2f}{learned}, at {towns} in towns and {country} outside {at_hours(hours)},"
        f" {roads.set_off_minutes:g} min to set off{around}"
    )


def _require_coordinates(points: Points, what: str) -> None:
    absent = int((~(np.isfinite(points.latitude) & np.isfinite(points.longitude))).sum())
    if absent:
        raise DataError(
            "CR-PLAN-002", f"{absent:,} {what} have no coordinates", found=f"{absent:,} of {len(points):,}",
            wanted="latitude and longitude of each", hint="load their coordinates, or give a matrix of travel times",
        )  # fmt: skip


def great_circle_km(sites: Points, cells: Points) -> Numbers:
    """Kilometres over the earth's surface from each site to each cell. Shape (sites, cells)."""
    return kilometres_between(
        sites.latitude[:, None], sites.longitude[:, None], cells.latitude[None], cells.longitude[None]
    )


def kilometres_between(latitude: Numbers, longitude: Numbers, to_latitude: Numbers, to_longitude: Numbers) -> Numbers:
    """Kilometres over the earth's surface, by the haversine formula. Arrays that fit together."""
    north, to_north = np.radians(latitude), np.radians(to_latitude)
    rise = np.sin((to_north - north) / 2) ** 2
    turn = np.sin((np.radians(to_longitude) - np.radians(longitude)) / 2) ** 2
    half = rise + np.cos(north) * np.cos(to_north) * turn
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))))


def road_kilometres(sites: Points, cells: Points, barriers: Barriers) -> Numbers:
    """Great circles, and where a barrier lies between, the shortest way by crossings; infinite where there is none."""
    direct = great_circle_km(sites, cells)
    if not barriers.lines:
        return direct
    plane = _Plane(float(np.mean(cells.latitude)))
    begin, end = plane.of(sites.latitude, sites.longitude), plane.of(cells.latitude, cells.longitude)
    stretches = np.concatenate([plane.stretches(line) for line in barriers.lines])
    ways = np.where(clear_legs(begin, end, stretches, False, False), direct, np.inf)
    if not barriers.crossings:
        return np.asarray(ways)
    over = plane.of(*np.array(barriers.crossings, dtype=np.float64).T)
    onto = np.where(clear_legs(begin, over, stretches, False, True), _lengths(begin, over), np.inf)
    along = _shortest(np.where(clear_legs(over, over, stretches, True, True), _lengths(over, over), np.inf))
    off = np.where(clear_legs(over, end, stretches, True, False), _lengths(over, end), np.inf)
    return np.minimum(ways, _joined(_joined(onto, along), off))


@dataclass(frozen=True)
class _Plane:
    """A plane that touches the earth at a latitude: within a region as exact as a straight line is of roads."""

    latitude: float

    def of(self, latitude: Numbers, longitude: Numbers) -> Numbers:
        """x and y in kilometres. Shape (points, 2)."""
        degree = np.radians(1.0) * EARTH_KM
        x = np.asarray(longitude) * degree * np.cos(np.radians(self.latitude))
        return np.ascontiguousarray(np.stack([x, np.asarray(latitude) * degree], axis=1))

    def stretches(self, line: Sequence[tuple[float, float]]) -> Numbers:
        points = self.of(*np.array(line, dtype=np.float64).T)
        return np.ascontiguousarray(np.concatenate([points[:-1], points[1:]], axis=1))


def _lengths(begin: Numbers, end: Numbers) -> Numbers:
    return np.asarray(np.hypot(*(end[None] - begin[:, None]).transpose(2, 0, 1)))


def _joined(first: Numbers, second: Numbers) -> Numbers:
    """The shortest of all ways over a point between: `first` (a, b) and `second` (b, c) give (a, c)."""
    found = np.full((len(first), second.shape[1]), np.inf)
    for between in range(second.shape[0]):
        np.minimum(found, first[:, between, None] + second[None, between], out=found)
    return found


def _shortest(ways: Numbers) -> Numbers:
    """All shortest ways between crossings (Floyd and Warshall)."""
    found = ways.copy()
    np.fill_diagonal(found, 0.0)
    for between in range(len(found)):
        np.minimum(found, found[:, between, None] + found[None, between], out=found)
    return found
