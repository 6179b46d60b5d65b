"""Travel times: known distances, speeds by the hour, and rivers that are crossed at bridges only."""

import numpy as np
import pyproj
import pytest

from crisisrisk.errors import DataError
from crisisrisk.positioning.travel import (
    EARTH_KM,
    Barriers,
    Points,
    Roads,
    great_circle_km,
    road_kilometres,
    straight_line_over,
    straight_line_times,
)

DEGREE = 111.195  # kilometres of a degree of latitude on this sphere


def points(*where: tuple[float, float], urban: bool = True) -> Points:
    latitude, longitude = np.array(where, dtype=float).reshape(-1, 2).T
    ids = tuple(str(number) for number in range(len(where)))
    return Points(ids=ids, latitude=latitude, longitude=longitude, urban=np.full(len(where), urban))


def test_great_circles_are_those_of_the_sphere() -> None:
    random = np.random.default_rng(1)
    where = [random.uniform([49.9, -6.0], [58.0, 1.8], (6, 2)) for _ in range(2)]
    sphere = pyproj.Geod(a=1000 * EARTH_KM, b=1000 * EARTH_KM)
    found = great_circle_km(points(*map(tuple, where[0])), points(*map(tuple, where[1])))
    for one, begin in enumerate(where[0]):
        for other, end in enumerate(where[1]):
            metres = sphere.inv(begin[1], begin[0], end[1], end[0])[2]
            assert found[one, other] == pytest.approx(metres / 1000, rel=1e-9)


def test_minutes_are_kilometres_by_detour_and_speed_at_the_hour() -> None:
    base, away = points((52.0, -2.0)), points((52.0 + 10 / DEGREE, -2.0))  # ten kilometres
    roads = Roads(detour=1.3, urban_kmh=(20.0,) * 12 + (40.0,) * 12, rural_kmh=(60.0,) * 24, set_off_minutes=1)
    at = {hour: straight_line_times(base, away, roads, hour=hour, barriers=Barriers()) for hour in (3, 15)}
    assert at[3].minutes[0, 0] == pytest.approx(1 + 13 / 20 * 60, rel=1e-4)
    assert at[15].minutes[0, 0] == pytest.approx(1 + 13 / 40 * 60, rel=1e-4)
    mixed = straight_line_times(
        base, points((52.0 + 10 / DEGREE, -2.0), urban=False), roads, hour=3, barriers=Barriers()
    )
    assert mixed.minutes[0, 0] == pytest.approx(1 + 6.5 / 20 * 60 + 6.5 / 60 * 60, rel=1e-4)
    over = straight_line_over(base, away, roads, hours={3: 0.2, 15: 0.8}, barriers=Barriers())
    assert over.minutes == pytest.approx(0.2 * at[3].minutes + 0.8 * at[15].minutes)
    assert over.said == (
        "straight line × 1.30, at 20 to 40 km/h in towns and 60 km/h outside over the hours of the shift, as contacts"
        " come in them, 1 min to set off"
    )
    assert at[3].said == ("straight line × 1.30, at 20 km/h in towns and 60 km/h outside at 03:00, 1 min to set off")


RIVER = Barriers(lines=(((51.9, -2.0), (52.1, -2.0)),))  # north to south


def test_a_river_is_crossed_at_bridges_only() -> None:
    west, places = points((52.0, -2.05)), points((52.0, -2.06), (52.0, -1.95))
    direct = great_circle_km(west, places)[0]
    assert road_kilometres(west, places, RIVER)[0].tolist() == [direct[0], np.inf]
    bridge = Barriers(lines=RIVER.lines, crossings=((52.05, -2.0), (52.02, -2.0)))
    found = road_kilometres(west, places, bridge)[0]
    assert found[0] == direct[0]
    leg = np.hypot(0.02 * DEGREE, 0.05 * DEGREE * np.cos(np.radians(52.0)))
    assert found[1] == pytest.approx(2 * leg, rel=1e-3)  # by the nearer of the two


def test_two_rivers_need_two_bridges_and_the_way_around_an_end_is_free() -> None:
    two = Barriers(
        lines=(*RIVER.lines, ((51.9, -1.98), (52.1, -1.98))), crossings=((52.0, -2.0), (52.03, -1.98)),
    )  # fmt: skip
    found = road_kilometres(points((52.0, -2.05)), points((52.0, -1.95)), two)[0, 0]
    east = DEGREE * np.cos(np.radians(52.0))
    legs = [0.05 * east, np.hypot(0.02 * east, 0.03 * DEGREE), np.hypot(0.03 * east, 0.03 * DEGREE)]
    assert found == pytest.approx(sum(legs), rel=1e-3)
    beyond = road_kilometres(points((52.11, -2.05)), points((52.11, -1.95)), two)
    assert beyond == pytest.approx(great_circle_km(points((52.11, -2.05)), points((52.11, -1.95))))


def test_places_without_coordinates_are_refused() -> None:
    with pytest.raises(DataError) as refusal:
        straight_line_times(points((52.0, -2.0)), points((np.nan, -2.0)), Roads(), hour=1, barriers=Barriers())
    assert "1 cells have no coordinates" in str(refusal.value)
