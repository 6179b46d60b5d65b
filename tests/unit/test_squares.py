"""Squares of the British National Grid, levels of cells, and areas that touch."""

import json
from dataclasses import replace
from pathlib import Path

import h3
import numpy as np
import pyarrow as pa
import pytest
from pyproj import Transformer
from tests.lib.reference_place_features import MIDDLE, site_of

from crisisrisk.errors import DataError, SiteError
from crisisrisk.tables.areas import shared_boundaries
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.cells import NOWHERE, Cells, assign, cells_of, corners_of
from crisisrisk.tables.national_grid import degrees, grid_reference, metres
from crisisrisk.tables.residents import private_cells

NO_PLACES = pa.table({"place_id": pa.array([], type=pa.string())})


def at_metres(*points: tuple[float, float]) -> pa.Table:
    """Events at metres of the grid, as a load stores them: degrees to a millionth."""
    east, north = np.array(points, dtype=np.float64).reshape(-1, 2).T
    latitude, longitude = degrees(east, north)
    return pa.table({"latitude": np.round(latitude, 6), "longitude": np.round(longitude, 6)})


def made(settings: CellSettings, events: pa.Table, places: pa.Table = NO_PLACES) -> Cells:
    return cells_of(replace(site_of(), cells=settings), places, events)


def near(cells: Cells, cell: str, ring: int = 1) -> set[str]:
    neighbours = cells.neighbours_1 if ring == 1 else cells.neighbours_2
    return {cells.ids[place] for place in neighbours.of(cells.ids.index(cell))}


@pytest.mark.parametrize("side", [50, 500, 1000, 5000, 100_000])
def test_a_point_on_the_corner_of_a_square_is_in_it_and_one_a_metre_before_is_not(side: int) -> None:
    settings = CellSettings(kind="squares", square_m=side)
    east, north = 4 * 100_000, 3 * 100_000
    events = at_metres((east, north), (east + side - 1, north + side - 1), (east - 1, north), (east, north - 1))
    cells = made(settings, events)
    assert cells.ids == tuple(
        sorted(
            f"SQ{side}-E{one}-N{other}" for one, other in [(east, north), (east - side, north), (east, north - side)]
        )
    )
    found = [cells.ids[place] for place in assign(events, cells, settings).tolist()]
    assert found[0] == found[1] == f"SQ{side}-E{east}-N{north}"
    assert cells.area_km2 == pytest.approx([side**2 / 1e6] * 3)


def test_metres_of_a_hundred_thousand_places_come_back() -> None:
    random = np.random.default_rng(1)
    east, north = random.integers(90_000, 655_000, 100_000), random.integers(10_000, 1_200_000, 100_000)
    back = metres(*(np.round(one, 6) for one in degrees(east.astype(float), north.astype(float))))
    assert np.abs(back[0] - east).max() == np.abs(back[1] - north).max() == 0


def test_the_grid_is_that_of_the_ordnance_survey() -> None:
    """The Ordnance Survey's own worked example, Caister water tower, to within the 5 m of a transformation without
    grid shifts; and the letters of places in four corners of Great Britain."""
    [east], [north] = metres(np.array([52 + 39 / 60 + 28.723 / 3600]), np.array([1 + 42 / 60 + 57.787 / 3600]))
    assert (abs(east - 651_409.8), abs(north - 313_177.3)) < (5, 5)
    read = [grid_reference(651_400, 313_170), grid_reference(135_000, 25_000), grid_reference(530_260, 179_640)]
    assert read == ["TG 5140 1317", "SW 3500 2500", "TQ 3026 7964"]
    assert grid_reference(457_000, 1_213_000) == "HP 5700 1300"


def test_metres_are_those_of_proj_on_land() -> None:
    latitude, longitude = np.meshgrid(np.linspace(50.5, 57.5, 60), np.linspace(-4.5, 0.0, 60))
    wanted = Transformer.from_crs(4326, 27700, always_xy=True).transform(longitude.ravel(), latitude.ravel())
    found = metres(latitude.ravel(), longitude.ravel())
    assert max(np.abs(one - other).max() for one, other in zip(found, wanted, strict=True)) < 5


def test_a_shifted_origin_moves_every_corner() -> None:
    settings = CellSettings(kind="squares", square_m=1000, origin_m=(250, 600))
    events = at_metres((400_249, 300_600), (400_250, 300_599), (400_250, 300_600))
    cells = made(settings, events)
    assert [cells.ids[place] for place in assign(events, cells, settings).tolist()] == [
        "SQ1000-E399250-N300600", "SQ1000-E400250-N299600", "SQ1000-E400250-N300600",
    ]  # fmt: skip
    assert near(cells, "SQ1000-E400250-N300600") == {"SQ1000-E399250-N300600", "SQ1000-E400250-N299600"}


def test_a_square_touches_eight_and_sixteen_stand_around_those() -> None:
    block = [(400_500 + 1000 * column, 300_500 + 1000 * row) for column in range(7) for row in range(7)]
    cells = made(CellSettings(kind="squares"), at_metres(*block))
    middle = "SQ1000-E403000-N303000"
    assert (len(near(cells, middle)), len(near(cells, middle, ring=2))) == (8, 16)
    assert (len(near(cells, cells.ids[0])), len(near(cells, cells.ids[0], ring=2))) == (3, 5)
    assert cells.names[0] == "SK 0000 0000"


def test_a_square_is_a_closed_polygon_around_its_centre() -> None:
    corners = corners_of("SQ1000-E400000-N300000")
    assert corners is not None
    assert [tuple(np.round(one).astype(int)) for one in zip(*metres(*np.array(corners).T), strict=True)] == [
        (400_000, 300_000), (401_000, 300_000), (401_000, 301_000), (400_000, 301_000),
    ]  # fmt: skip
    assert corners_of("a ward") is None
    assert len(corners_of(MIDDLE) or []) == 6


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(48.85, 2.35), (40.0, -75.0), (0.0, 0.0), (-52.48, -1.9), (-1.9, 52.48), (np.nan, -1.9)]
)
def test_what_is_off_the_grid_is_in_no_square(latitude: float, longitude: float) -> None:
    settings = CellSettings(kind="squares")
    events = pa.table({"latitude": [52.48, latitude], "longitude": [-1.9, longitude]})
    cells = made(settings, events.slice(0, 1))
    assert assign(events, cells, settings).tolist() == [0, NOWHERE]


# Levels


@pytest.mark.parametrize("level", ["h3:0", "h3:15", "squares:500", "squares:1000+250+0", "areas"])
def test_a_level_is_read_as_it_is_written(level: str) -> None:
    assert CellSettings().at(level).level == level


@pytest.mark.parametrize(
    "level", ["h3", "h3:16", "hexagons:8", "squares:10", "squares:0", "squares:500+500+0", "squares:1000+1", "", "area"]
)
def test_what_is_no_level_is_refused(level: str) -> None:
    with pytest.raises(SiteError) as caught:
        CellSettings().at(level)
    assert "squares:1000+500+250" in (caught.value.wanted or "")


def listed_hexagons(resolution: int = 8) -> pa.Table:
    ids = sorted(h3.grid_disk(h3.cell_to_parent(MIDDLE, resolution), 2))
    return pa.table(
        {
            "place_id": ids,
            "kind": ["cell"] * len(ids),
            "population": [980.0] * len(ids),
            "deprivation_decile": [3] * len(ids),
        }
    )


@pytest.mark.parametrize("level", ["h3:7", "h3:9", "squares:500", "squares:1000", "squares:1000+500+500"])
def test_at_another_level_cells_cover_the_listed_ones_and_share_their_residents(level: str) -> None:
    places = listed_hexagons()
    cells = made(CellSettings().at(level), at_metres((1, 1)), places)
    assert cells.population.sum() == pytest.approx(19 * 980)
    centres = np.array([h3.cell_to_latlng(cell) for cell in places["place_id"].to_pylist()])
    events = pa.table({"latitude": centres[:, 0], "longitude": centres[:, 1]})
    assert (assign(events, cells, CellSettings().at(level)) != NOWHERE).all()
    assert np.nanmax(np.abs(cells.deprivation_decile - 3)) < 1e-9


def test_cells_smaller_than_five_hundred_residents_take_no_contact_in_private_premises() -> None:
    cells = made(CellSettings().at("h3:9"), at_metres((1, 1)), listed_hexagons())
    assert cells.population.max() < 500
    assert (private_cells(cells, None) == -1).all()
    assert (private_cells(made(CellSettings().at("h3:7"), at_metres((1, 1)), listed_hexagons()), None) >= 0).any()


def test_swapped_coordinates_of_a_whole_feed_are_an_error() -> None:
    swapped = pa.table({"latitude": [-1.9] * 5, "longitude": [52.48] * 5})
    for kind in ("h3", "squares"):
        with pytest.raises(DataError) as caught:
            made(CellSettings(kind=kind), swapped)
        assert (caught.value.code, caught.value.problem) == ("CR-PLACE-003", "latitude and longitude look swapped")
        assert caught.value.found == "middle at -1.9, 52.5"
    abroad = replace(site_of(), country="SO")
    assert len(cells_of(abroad, NO_PLACES, swapped)) == 1


def test_metres_in_the_columns_of_degrees_are_in_no_cell() -> None:
    events = pa.table({"latitude": [286_500.0], "longitude": [407_000.0]})
    with pytest.raises(DataError, match="there is not one cell"):
        made(CellSettings(), events)


# Areas that touch


def square(place: str, west: float, south: float, *, side: float = 1.0) -> dict[str, object]:
    ring = [[west, south], [west + side, south], [west + side, south + side], [west, south + side], [west, south]]
    return {
        "type": "Feature",
        "properties": {"place_id": place},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def area_site(tmp_path: Path, **files: str) -> CellSettings:
    paths = {}
    for name, content in files.items():
        paths[name] = tmp_path / name
        paths[name].write_text(content, encoding="utf-8")
    return CellSettings(kind="areas", **paths)  # type: ignore[arg-type]


AREAS = pa.table({"place_id": ["a", "b", "c", "d"], "kind": ["area"] * 4})


def test_areas_touch_where_their_boundaries_share_a_stretch_not_a_corner(tmp_path: Path) -> None:
    """a and b stand side by side, b and c likewise; d touches b in one corner alone."""
    features = [square("a", 0, 0), square("b", 1, 0), square("c", 2, 0), square("d", 2, 1), square("elsewhere", 3, 0)]
    settings = area_site(tmp_path, boundaries=json.dumps({"type": "FeatureCollection", "features": features}))
    cells = made(settings, NO_PLACES, AREAS)
    assert [near(cells, one) for one in "abcd"] == [{"b"}, {"a", "c"}, {"b", "d"}, {"c"}]
    assert [near(cells, one, ring=2) for one in "abcd"] == [{"c"}, {"d"}, {"a"}, {"b"}]


def test_an_area_of_several_parts_touches_with_each() -> None:
    parts = {"a": [[(0, 0), (0, 1), (1, 1), (0, 0)], [(5, 5), (5, 6), (6, 6), (5, 5)]], "b": [[(6, 6), (5, 6), (7, 7)]]}
    assert shared_boundaries(parts) == [("a", "b")]  # type: ignore[arg-type]


def test_a_file_of_pairs_goes_before_coordinates(tmp_path: Path) -> None:
    settings = area_site(tmp_path, neighbours="place_id,neighbour_id\na,b\nb,a\nb,c\nc,nowhere\nd,d\n")
    placed = AREAS.append_column("latitude", [[52.0, 52.1, 52.2, 52.0]]).append_column("longitude", [[-1.9] * 4])
    cells = made(settings, NO_PLACES, placed)
    assert [near(cells, one) for one in "abcd"] == [{"b"}, {"a", "c"}, {"b"}, set()]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("neighbours", "one,other\na,b\n"), ("neighbours", "place_id,neighbour_id\na\n"), ("neighbours", ""),
        ("boundaries", "{"), ("boundaries", '{"features": [{"properties": {}}]}'), ("boundaries", "[]"),
    ],
)  # fmt: skip
def test_a_file_of_neighbours_that_is_none_is_an_error(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(DataError) as caught:
        made(area_site(tmp_path, **{name: content}), NO_PLACES, AREAS)
    assert (caught.value.code, caught.value.problem) == ("CR-PLACE-002", "which areas touch cannot be read")
