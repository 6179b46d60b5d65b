"""Cells: which there are, their neighbours, and which cell an event is in."""

from dataclasses import replace
from time import perf_counter

import h3
import numpy as np
import pyarrow as pa
import pytest
from tests.lib.reference_place_features import FAR, MIDDLE, NEIGHBOUR, site_of

from crisisrisk.errors import DataError
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.cells import NOWHERE, Cells, assign, assign_counted, cells_named, cells_of

HEXAGONS, AREAS = site_of(), site_of(kind="areas")
NORTH, EAST = h3.cell_to_latlng(MIDDLE)


def events(*where: tuple[str | None, float | None, float | None]) -> pa.Table:
    place, north, east = zip(*where, strict=True) if where else ((), (), ())
    return pa.table(
        {
            "place_id": pa.array(place, type=pa.string()).dictionary_encode(),
            "latitude": pa.array(north, type=pa.float64()),
            "longitude": pa.array(east, type=pa.float64()),
        }
    )


def places(**columns: list[object]) -> pa.Table:
    return pa.table({"place_id": [], "kind": []} | columns)


NO_PLACES = pa.table({"place_id": pa.array([], type=pa.string())})


def near(cells: Cells, cell: str, ring: int = 1) -> set[str]:
    neighbours = cells.neighbours_1 if ring == 1 else cells.neighbours_2
    return {cells.ids[place] for place in neighbours.of(cells.ids.index(cell))}


# Hexagons


def test_without_places_the_hexagons_are_those_that_events_are_in() -> None:
    seen = events((None, NORTH, EAST), (None, NORTH, EAST), (FAR, None, None), ("a ward", None, None))
    cells = cells_of(HEXAGONS, NO_PLACES, seen)
    assert cells.ids == tuple(sorted([MIDDLE, FAR]))
    assert cells.names == cells.ids
    assert cells.area_km2 == pytest.approx([0.74, 0.74], rel=0.2)
    assert np.isnan(cells.population).all()


def test_only_the_events_given_make_hexagons_not_those_filtered_away() -> None:
    seen = events((MIDDLE, None, None), (FAR, None, None))
    assert cells_of(HEXAGONS, NO_PLACES, seen.slice(0, 1)).ids == (MIDDLE,)


HOMES = sorted(set(h3.grid_disk(MIDDLE, 1)) - {MIDDLE})


def at_home(*cells: str, elsewhere: tuple[str, ...] = ()) -> pa.Table:
    """Contacts in private premises of some cells, by their coordinates, and in public of others."""
    seen = events(*((None, *h3.cell_to_latlng(cell)) for cell in (*cells, *elsewhere)))
    premises = ["private"] * len(cells) + ["public"] * len(elsewhere)
    return seen.append_column("premises", pa.array(premises).dictionary_encode())


def residents(**living: int) -> pa.Table:
    """Areas with residents, each with its centre in the middle of a hexagon."""
    names = {"middle": MIDDLE, "far": FAR, "home": HOMES[0]}
    north, east = zip(*(h3.cell_to_latlng(names[one]) for one in living), strict=True)
    return places(
        place_id=list(living), kind=["area"] * len(living), population=list(living.values()),
        latitude=list(north), longitude=list(east),
    )  # fmt: skip


def test_a_contact_in_private_premises_draws_no_hexagon_of_few_or_unknown_residents() -> None:
    """A hexagon on a map, and in every file, says that something was there: it may hold a single house."""
    seen = at_home(*HOMES[:2], elsewhere=(MIDDLE, FAR))
    assert cells_of(HEXAGONS, NO_PLACES, seen).ids == tuple(sorted([MIDDLE, FAR]))
    assert cells_of(HEXAGONS, residents(home=499), seen).ids == tuple(sorted([MIDDLE, FAR]))
    assert cells_of(HEXAGONS, residents(home=500), seen).ids == tuple(sorted([MIDDLE, FAR, HOMES[0]]))
    large = replace(HEXAGONS, cells=replace(HEXAGONS.cells, least_residents=500))
    assert cells_of(large, NO_PLACES, seen).ids == tuple(sorted([MIDDLE, FAR, *HOMES[:2]]))
    public = seen.set_column(3, "premises", pa.array(["public"] * 4).dictionary_encode())
    assert cells_of(HEXAGONS, NO_PLACES, public).ids == tuple(sorted([MIDDLE, FAR, *HOMES[:2]]))
    with pytest.raises(DataError, match="there is not one cell") as caught:
        cells_of(HEXAGONS, NO_PLACES, at_home(*HOMES))
    assert caught.value.found == "6 cells of private premises alone, without 500 known residents"


@pytest.mark.parametrize(("living", "counted"), [(500, MIDDLE), (499, None)])
def test_it_counts_in_the_cell_near_by_that_has_residents_enough(living: int, counted: str | None) -> None:
    seen = at_home(HOMES[0], elsewhere=(MIDDLE, FAR))
    cells = cells_of(HEXAGONS, residents(middle=living), seen)
    found = assign_counted(seen, cells, HEXAGONS.cells)
    assert [None if one == NOWHERE else cells.ids[one] for one in found.tolist()] == [counted, MIDDLE, FAR]
    assert assign(seen, cells, HEXAGONS.cells)[0] == NOWHERE


def test_places_of_kind_cell_are_the_hexagons_whatever_events_say() -> None:
    listed = places(
        place_id=[MIDDLE, NEIGHBOUR, "a ward"],
        kind=["cell", "cell", "ward"],
        name=["Digbeth", None, "Ward"],
        population=[1200.0, None, 9.0],
        deprivation_decile=[2, None, 1],
    )
    cells = cells_of(HEXAGONS, listed, events((FAR, None, None)))
    assert set(cells.ids) == {MIDDLE, NEIGHBOUR}
    assert cells.names[cells.ids.index(MIDDLE)] == "Digbeth"
    assert cells.names[cells.ids.index(NEIGHBOUR)] == NEIGHBOUR
    assert cells.population[cells.ids.index(MIDDLE)] == 1200
    assert np.isnan(cells.deprivation_decile[cells.ids.index(NEIGHBOUR)])


def test_a_ring_holds_only_cells_of_the_site() -> None:
    disk = sorted(h3.grid_disk(MIDDLE, 2))
    cells = cells_of(HEXAGONS, NO_PLACES, events(*[(cell, None, None) for cell in disk if cell != NEIGHBOUR]))
    assert near(cells, MIDDLE) == set(h3.grid_ring(MIDDLE, 1)) - {NEIGHBOUR}
    assert near(cells, MIDDLE, ring=2) == set(h3.grid_ring(MIDDLE, 2))


def test_a_typing_error_in_coordinates_makes_no_hexagon() -> None:
    good = [(None, NORTH, EAST)] * 5
    swapped, zero, lost_minus = (None, EAST, NORTH), (None, 0.0, 0.0), (None, -NORTH, EAST)
    half, impossible, not_a_number = (None, NORTH, None), (None, 91.0, EAST), (None, float("nan"), EAST)
    wrong = [swapped, zero, lost_minus, half, impossible, not_a_number]
    assert cells_of(HEXAGONS, NO_PLACES, events(*good, *wrong)).ids == (MIDDLE,)


def test_no_cell_at_all_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        cells_of(HEXAGONS, NO_PLACES, events((None, None, None)))
    assert caught.value.rendered() == (
        "error[CR-PLACE-001]: there is not one cell\n"
        '  wanted  events with coordinates, or places of kind "cell"\n'
        "  hint    check which columns the mapping calls latitude and longitude · "
        "see docs/reference/errors.md#cr-place-001"
    )


def test_a_listed_cell_of_another_resolution_is_an_error() -> None:
    coarse = h3.cell_to_parent(MIDDLE, 7)
    with pytest.raises(DataError) as caught:
        cells_of(HEXAGONS, places(place_id=[MIDDLE, coarse], kind=["cell", "cell"]), events())
    assert caught.value.problem == '1 places of kind "cell" are no cells of this site'
    assert caught.value.wanted == "cells of h3:8"
    assert caught.value.found == coarse


# Areas


def test_areas_are_the_places_of_kind_area() -> None:
    listed = places(place_id=["b", "a", "town", MIDDLE], kind=["area", "area", "town", "cell"])
    assert cells_of(AREAS, listed, events()).ids == ("a", "b")


def test_without_kinds_areas_are_the_places_that_are_nobodys_parent() -> None:
    listed = places(
        place_id=["a", "b", "division"],
        kind=["neighbourhood", None, "division"],
        parent_place_id=["division"] * 2 + [None],
    )
    assert cells_of(AREAS, listed, events()).ids == ("a", "b")


def test_areas_without_coordinates_neighbour_those_under_the_same_parent() -> None:
    listed = places(place_id=["a", "b", "c", "d"], kind=["area"] * 4, parent_place_id=["x", "x", "y", None])
    cells = cells_of(AREAS, listed, events())
    assert [near(cells, cell) for cell in "abcd"] == [{"b"}, {"a"}, set(), set()]
    assert [near(cells, cell, ring=2) for cell in "abcd"] == [set()] * 4


def test_areas_without_coordinates_or_parents_have_no_neighbours() -> None:
    cells = cells_of(AREAS, places(place_id=["a", "b"], kind=["area"] * 2), events())
    assert len(cells.neighbours_1.indices) == len(cells.neighbours_2.indices) == 0


def test_areas_with_coordinates_neighbour_the_nearest_within_reach() -> None:
    """A row of ten areas 1 km apart, one 100 km away, one of which nobody knows where it is."""
    ids = [f"area {number}" for number in range(10)] + ["remote", "unknown"]
    north = [52 + number / 111.195 for number in range(10)] + [53.0, None]
    listed = places(place_id=ids, kind=["area"] * 12, latitude=north, longitude=[-1.9] * 11 + [None])
    cells = cells_of(AREAS, listed, events())
    assert near(cells, "area 4") == {f"area {number}" for number in (1, 2, 3, 5, 6, 7)}
    assert near(cells, "area 4", ring=2) == {f"area {number}" for number in (0, 8, 9)}
    assert near(cells, "area 0") == {f"area {number}" for number in (1, 2, 3)}
    assert near(cells, "remote") == near(cells, "unknown") == near(cells, "remote", ring=2) == set()


def test_no_area_at_all_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        cells_of(AREAS, NO_PLACES, events((None, NORTH, EAST)))
    assert caught.value.problem == "there is not one area"


# Where an event is

CELLS = cells_of(HEXAGONS, NO_PLACES, events((MIDDLE, None, None), (NEIGHBOUR, None, None)))


@pytest.mark.parametrize(
    ("where", "cell"),
    [
        ((MIDDLE, None, None), MIDDLE),
        ((NEIGHBOUR, NORTH, EAST), NEIGHBOUR),
        (("a ward", NORTH, EAST), MIDDLE),
        ((None, NORTH, EAST), MIDDLE),
        ((FAR, None, None), None),
        ((None, EAST, NORTH), None),
        ((None, None, EAST), None),
        ((None, NORTH, None), None),
        ((None, None, None), None),
        ((None, float("nan"), float("nan")), None),
        ((None, float("inf"), EAST), None),
        ((None, 1e308, EAST), None),
    ],
)
def test_an_event_is_where_its_place_says_else_its_coordinates(
    where: tuple[str | None, float | None, float | None], cell: str | None
) -> None:
    [found] = assign(events(where), CELLS, HEXAGONS.cells).tolist()
    assert found == (NOWHERE if cell is None else CELLS.ids.index(cell))


def test_no_events_are_nowhere() -> None:
    assert assign(events(), CELLS, HEXAGONS.cells).tolist() == []


def test_events_in_areas_are_where_their_place_says_and_coordinates_do_not_count() -> None:
    cells = cells_of(AREAS, places(place_id=["a", "b"], kind=["area"] * 2), events())
    where = [("b", NORTH, EAST), (None, NORTH, EAST), ("c", None, None)]
    assert assign(events(*where), cells, CellSettings(kind="areas")).tolist() == [1, NOWHERE, NOWHERE]


def test_events_without_any_column_of_place_are_nowhere() -> None:
    assert assign(pa.table({"event_id": ["e"]}), CELLS, HEXAGONS.cells).tolist() == [NOWHERE]


def test_a_chunked_place_column_is_read_whole() -> None:
    parts = pa.concat_tables([events((MIDDLE, None, None)), events((NEIGHBOUR, None, None), (MIDDLE, None, None))])
    wanted = [CELLS.ids.index(cell) for cell in (MIDDLE, NEIGHBOUR, MIDDLE)]
    assert assign(parts, CELLS, HEXAGONS.cells).tolist() == wanted


def test_another_resolution_gives_other_cells() -> None:
    site = replace(HEXAGONS, cells=CellSettings(h3_resolution=7))
    [cell] = cells_of(site, NO_PLACES, events((None, NORTH, EAST))).ids
    assert cell == h3.latlng_to_cell(NORTH, EAST, 7)


def test_a_hundred_thousand_events_at_few_points_are_placed_at_once() -> None:
    many = events(*[(None, NORTH, EAST)] * 100_000)
    started = perf_counter()
    assert set(assign(many, CELLS, HEXAGONS.cells).tolist()) == {CELLS.ids.index(MIDDLE)}
    assert perf_counter() - started < 2


# Cells of a forecast that was made before


@pytest.mark.parametrize("level", ["h3:7", "h3:9", "squares:1000", "squares:500+250+125"])
def test_the_cells_of_some_ids_are_those_of_their_own_size_whatever_the_sites_is_now(level: str) -> None:
    then = replace(HEXAGONS, cells=HEXAGONS.cells.at(level))
    homes = places(
        place_id=["a street", "another"], kind=["home", "home"], latitude=[NORTH, NORTH + 0.01],
        longitude=[EAST, EAST + 0.01], population=[120, 80], deprivation_decile=[2, 9],
    )  # fmt: skip
    made = cells_of(then, homes, events((None, NORTH, EAST), (None, NORTH + 0.01, EAST + 0.01)))
    for site in (HEXAGONS, AREAS):
        again = cells_named(site, homes, tuple(reversed(made.ids)))
        assert (again.ids, again.names, again.parents) == (made.ids, made.names, made.parents)
        for name in ("latitude", "longitude", "area_km2", "population", "deprivation_decile"):
            np.testing.assert_array_equal(getattr(again, name), getattr(made, name))


def test_areas_that_the_places_do_not_know_any_more_keep_their_ids() -> None:
    known = places(place_id=["north"], kind=["area"], latitude=[52.5], longitude=[-1.9], population=[900])
    cells = cells_named(HEXAGONS, known, ["south", "north"])
    assert cells.ids == cells.names == ("north", "south")
    assert cells.population.tolist() == pytest.approx([900, np.nan], nan_ok=True)
