"""What a site declares of its days and places: school holidays, paydays, happenings, points. A file in, columns out."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.lib.place_tables import CELLS, HERE, SITE, asked, every, features_of, shift
from tests.lib.reference_place_features import FAR, MIDDLE, NEIGHBOUR, SECOND

from crisisrisk.errors import DataError
from crisisrisk.tables.calendar_settings import BenefitDay, CalendarSettings, PointSettings
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.cells import cells_of
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Shift

NOTHING = "occurred\n2025-01-01"
NAN = float("nan")


def written(folder: Path, name: str, text: str) -> Path:
    """A file of a site, from lines with commas."""
    path = folder / name
    path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n", encoding="utf-8")
    return path


def days(name: str, site: Site, shifts: Sequence[Shift], *, issued: str | None = None) -> list[float]:
    """A column of the calendar in each shift; it is the same in every cell."""
    found = features_of(f'aggregations = ["{name}"]', NOTHING, asked(*shifts, issued=issued), site=site)
    assert all(np.array_equal(row, row[:1].repeat(len(row)), equal_nan=True) for row in found)
    return [float(value) for value in found[:, HERE]]


def located(
    name: str, site: Site, shifts: Sequence[Shift], *, kind: str | None = None, issued: str | None = None
) -> NDArray[np.float32]:
    """A column of happenings or points. Shape (shifts, cells), cells in the order of `CELLS.ids`."""
    named = f'where = {{ kind = ["{kind}"] }}\n' if kind else ""
    group = f'aggregations = ["{name}"]\nsingular = "thing"\nplural = "things"\n{named}'
    return features_of(group, NOTHING, asked(*shifts, issued=issued), site=site)


def in_cells(row: NDArray[np.float32]) -> dict[str, float]:
    """By cell, those that are not 0."""
    return {CELLS.ids[cell]: float(value) for cell, value in enumerate(row) if value}


# Without a declaration


@pytest.mark.parametrize("name", ["school_holiday", "days_since_payday", "days_since_benefit_day"])
def test_a_day_of_which_nothing_is_declared_is_not_known_and_never_0(name: str) -> None:
    assert np.isnan(days(name, SITE, every("day", "2025-04-16", 3))).all()


@pytest.mark.parametrize("name", ["happenings_here", "happenings_nearby", "happenings_everywhere"])
def test_happenings_that_nobody_announces_are_not_known(name: str) -> None:
    assert np.isnan(located(name, SITE, [shift("day 2025-04-16")])).all()


@pytest.mark.parametrize("name", ["points_here", "points_nearby", "nearest_point_km"])
def test_points_that_no_file_names_are_not_known(name: str) -> None:
    assert np.isnan(located(name, SITE, [shift("day 2025-04-16")], kind="station")).all()


# School holidays


@pytest.fixture
def schools(tmp_path: Path) -> Site:
    path = written(
        tmp_path, "school_holidays.csv",
        """first_day,last_day,known_at,name
        2025-04-14,2025-04-25,2024-09-01,Easter
        2025-05-26,2025-05-30,2025-05-20,Half term""",
    )  # fmt: skip
    return replace(SITE, calendar=CalendarSettings(school_holidays=path))


def test_school_holidays_are_1_between_them_0_and_beyond_them_not_known(schools: Site) -> None:
    for day, value in (("2025-04-13", NAN), ("2025-04-14", 1), ("2025-04-25", 1), ("2025-04-26", 0), ("2025-05-30", 1),
                       ("2025-05-31", NAN)):  # fmt: skip
        found = days("school_holiday", schools, [shift(f"night {day}")], issued="2025-05-21")
        assert found == pytest.approx([value], nan_ok=True), day


def test_a_school_holiday_that_was_not_announced_yet_is_no_feature(schools: Site) -> None:
    """Known on 20 May: a date alone is the end of that day, 23:00 UTC in summer."""
    on = [shift("day 2025-05-26")]
    for issued, value in (("2025-05-20 23:00", NAN), ("2025-05-20 23:00:00.000001", 1)):
        assert days("school_holiday", schools, on, issued=issued) == pytest.approx([value], nan_ok=True)
    between = [shift("day 2025-05-01")]
    assert np.isnan(days("school_holiday", schools, between, issued="2025-04-30"))
    assert days("school_holiday", schools, between, issued="2025-05-21") == [0]


# Paydays and benefit days


@pytest.mark.parametrize(
    ("rule", "paid"),
    [
        ("last_working_day", "2025-05-30"),  # the 31st is a Saturday
        ("last_mon", "2025-05-26"),
        ("last_sat", "2025-05-31"),
        ("15", "2025-05-15"),
        ("25", "2025-05-23"),  # a Sunday: the Friday before
        ("5", "2025-05-02"),  # a bank holiday after a weekend
    ],
)
def test_a_payday_is_where_its_rule_says(rule: str, paid: str) -> None:
    site = replace(SITE, calendar=CalendarSettings(paydays=(rule,)))
    assert days("days_since_payday", site, every("night", paid, 3)) == [0, 1, 2]
    day_before = date.fromordinal(date.fromisoformat(paid).toordinal() - 1)
    assert days("days_since_payday", site, [shift(f"day {day_before}")])[0] >= 25


def test_of_several_paydays_the_last_counts_across_the_turn_of_the_year() -> None:
    site = replace(SITE, calendar=CalendarSettings(paydays=("last_working_day", "20")))
    assert days("days_since_payday", site, [shift("day 2026-01-03")]) == [3]
    assert days("days_since_payday", site, [shift("day 2025-12-24")]) == [5]  # the 20th is a Saturday


def test_benefits_are_paid_every_so_many_days_before_and_after_the_first() -> None:
    site = replace(SITE, calendar=CalendarSettings(benefit_days=(BenefitDay(date(2025, 5, 6), 14),)))
    assert days("days_since_benefit_day", site, every("day", "2025-05-05", 3)) == [13, 0, 1]
    assert days("days_since_benefit_day", site, [shift("day 2025-04-22")]) == [0]
    both = replace(SITE, calendar=CalendarSettings(benefit_days=(BenefitDay(date(2025, 5, 6), 14),
                                                                 BenefitDay(date(2025, 5, 8), 7))))  # fmt: skip
    assert days("days_since_benefit_day", both, every("day", "2025-05-06", 3)) == [0, 1, 0]


# Happenings


@pytest.fixture
def happenings(tmp_path: Path) -> Site:
    north, east = (float(one[HERE]) for one in (CELLS.latitude, CELLS.longitude))
    path = written(
        tmp_path, "happenings.csv",
        f"""name,kind,starts,ends,known_at,place_id,latitude,longitude,radius_m,withdrawn_at
        City v Rovers,football,2025-05-03 15:00,2025-05-03 17:00,2025-04-01 12:00,{NEIGHBOUR},,,,
        City v United,football,2025-05-10 15:00,2025-05-10 17:00,2025-04-01 12:00,,{north},{east},,2025-05-08 09:00
        Carnival,festival,2025-05-17 12:00,2025-05-18 02:00,2025-05-01,,{north},{east},1200,
        Marathon,race,2025-05-25,2025-05-25,2025-04-01,,,,,""",
    )  # fmt: skip
    return replace(SITE, calendar=CalendarSettings(happenings=path))


def test_a_happening_counts_in_its_cell_in_the_shifts_that_it_overlaps(happenings: Site) -> None:
    """From 15:00 to 17:00 in one cell: the day shift ends at 15:00, the car runs from 10:00 to 03:00."""
    shifts = [shift("day 2025-05-03"), shift("car 2025-05-03"), shift("night 2025-05-03")]
    found = located("happenings_here", happenings, shifts)
    assert [in_cells(row) for row in found] == [{}, {NEIGHBOUR: 1}, {}]


def test_the_cells_around_see_it_as_near(happenings: Site) -> None:
    row = located("happenings_nearby", happenings, [shift("car 2025-05-03")])[0]
    touching = {CELLS.ids[one] for one in CELLS.neighbours_1.of(CELLS.ids.index(NEIGHBOUR)).tolist()}
    assert MIDDLE in touching
    assert set(in_cells(row)) == touching


def test_the_whole_area_counts_every_happening_wherever_it_is(happenings: Site) -> None:
    shifts = [shift("car 2025-05-03"), shift("day 2025-05-25"), shift("car 2025-05-24")]
    found = located("happenings_everywhere", happenings, shifts)
    assert found.tolist() == [[1] * 4, [1] * 4, [1] * 4]  # a day alone: from midnight to midnight
    assert in_cells(located("happenings_here", happenings, shifts[1:2])[0]) == {}


def test_one_with_a_radius_reaches_the_cells_whose_centres_lie_in_it(happenings: Site) -> None:
    """Hexagons of this size are about 1 km apart: 1,200 m reach those that touch, not those behind."""
    row = located("happenings_here", happenings, [shift("car 2025-05-17")])[0]
    assert in_cells(row) == {MIDDLE: 1, NEIGHBOUR: 1}
    assert in_cells(located("happenings_nearby", happenings, [shift("car 2025-05-17")])[0]).keys() == {SECOND}


def test_a_happening_that_was_not_announced_yet_or_is_called_off_is_no_feature(happenings: Site) -> None:
    on = [shift("car 2025-05-10")]
    for issued, counted in (("2025-04-30", {MIDDLE: 1}), ("2025-05-08 08:00", {MIDDLE: 1}),
                            ("2025-05-08 08:00:00.000001", {})):  # fmt: skip
        assert in_cells(located("happenings_here", happenings, on, issued=issued)[0]) == counted, issued
    assert np.isnan(located("happenings_here", happenings, on, issued="2025-04-01 11:00")).all()  # 12:00 is 11:00 UTC
    festival = located("happenings_here", happenings, [shift("car 2025-05-17")], issued="2025-05-01 22:59:59")
    assert in_cells(festival[0]) == {}


def test_beyond_the_last_that_is_announced_nothing_is_known(happenings: Site) -> None:
    shifts = [shift("day 2025-05-02"), shift("day 2025-05-20"), shift("day 2025-05-26")]
    assert np.isnan(located("happenings_here", happenings, shifts)).all(axis=1).tolist() == [True, False, True]


def test_a_recipe_may_ask_for_one_kind(happenings: Site) -> None:
    shifts = [shift("car 2025-05-03"), shift("car 2025-05-17")]
    everywhere = [in_cells(row) for row in located("happenings_everywhere", happenings, shifts, kind="festival")]
    assert [len(cells) for cells in everywhere] == [4, 4]
    assert np.isnan(everywhere[0][MIDDLE])
    assert everywhere[1][MIDDLE] == 1


def test_a_happening_in_a_larger_place_is_in_all_its_cells(tmp_path: Path) -> None:
    parent = CELLS.parents[HERE]
    path = written(tmp_path, "happenings.csv", f"""name,starts,ends,known_at,place_id
        Fair,2025-05-03,2025-05-04,2025-04-01,{parent}""")  # fmt: skip
    row = located(
        "happenings_here", replace(SITE, calendar=CalendarSettings(happenings=path)), [shift("day 2025-05-03")]
    )
    inside = {cell for cell, above in zip(CELLS.ids, CELLS.parents, strict=True) if above == parent}
    assert set(in_cells(row[0])) == inside
    assert MIDDLE in inside


# Points


@pytest.fixture
def points(tmp_path: Path) -> Site:
    centre = {one: (float(CELLS.latitude[cell]), float(CELLS.longitude[cell])) for cell, one in enumerate(CELLS.ids)}
    path = written(
        tmp_path, "points.csv",
        "kind,latitude,longitude,known_at,withdrawn_at\n" + "\n".join(
            f"{kind},{centre[cell][0]},{centre[cell][1]},{known},{closed}"
            for kind, cell, known, closed in (
                ("station", MIDDLE, "2020-01-01", ""), ("station", MIDDLE, "2020-01-01", "2025-05-01 12:00"),
                ("station", NEIGHBOUR, "2025-06-01 12:00", ""), ("hostel", FAR, "2025-06-01 12:00", ""),
            )
        ),
    )  # fmt: skip
    return replace(SITE, points=PointSettings(file=path, kinds=("station", "hostel")))


def test_points_count_from_when_they_are_known_until_they_close(points: Site) -> None:
    on = [shift("day 2025-07-01")]
    for issued, here in (("2025-05-01 11:00", 2), ("2025-05-01 11:00:00.000001", 1), ("2025-06-02", 1)):
        assert located("points_here", points, on, kind="station", issued=issued)[0, HERE] == here
    around = [
        float(located("points_nearby", points, on, kind="station", issued=issued)[0, HERE])
        for issued in ("2025-05-31", "2025-06-01 11:00", "2025-06-01 11:00:00.000001")
    ]
    assert around == [0, 0, 1]


def test_a_kind_of_which_nothing_was_known_is_not_known(points: Site) -> None:
    on = [shift("day 2025-07-01")]
    assert np.isnan(located("points_here", points, on, kind="hostel", issued="2025-06-01 11:00")).all()
    assert in_cells(located("points_here", points, on, kind="hostel", issued="2025-06-02")[0]) == {FAR: 1}


def test_a_kind_that_the_site_does_not_name_is_refused(points: Site) -> None:
    with pytest.raises(DataError) as caught:
        located("points_here", replace(points, points=replace(points.points, kinds=("stations", "hostel"))),
                [shift("day 2025-07-01")], kind="hostel")  # fmt: skip
    assert (caught.value.problem, caught.value.hint) == (
        'points of an unknown kind "station"',
        'did you mean "stations"?',
    )


def test_the_nearest_point_is_measured_from_the_centre_of_the_cell(points: Site) -> None:
    row = located("nearest_point_km", points, [shift("day 2025-04-01")], kind="station")[0]
    assert row[HERE] == pytest.approx(0, abs=1e-3)
    assert 0.8 < row[CELLS.ids.index(NEIGHBOUR)] < 1.1 < row[CELLS.ids.index(SECOND)] < row[CELLS.ids.index(FAR)]


def test_in_named_areas_a_point_is_in_the_one_whose_centre_is_nearest(tmp_path: Path) -> None:
    import pyarrow as pa

    from crisisrisk.features.place_located import cells_at

    places = pa.table({"place_id": ["a", "b"], "kind": ["area", "area"], "latitude": [52.0, 52.0],
                       "longitude": [-1.0, -1.1], "area_km2": [9.0, 9.0]})  # fmt: skip
    site = replace(SITE, cells=CellSettings(kind="areas"))
    cells = cells_of(site, places, pa.table({}))
    found = cells_at(np.array([52.0, 52.0, 53.0]), np.array([-1.02, -1.09, -1.0]), cells, site.cells)
    assert found.tolist() == [0, 1, -1]


# Past and future


def test_what_is_announced_later_changes_no_column(
    happenings: Site, points: Site, schools: Site, tmp_path: Path
) -> None:
    """The same files with rows added that were known at the issue time or later: every column is equal to the bit."""
    more = {
        "school_holidays": "2025-04-01,2025-12-31,2025-05-08 12:00,Closed",
        "happenings": f"Later,football,2025-01-01,2025-12-31,2025-05-08 12:00,{MIDDLE},,,,",
        "points": f"station,{CELLS.latitude[HERE]},{CELLS.longitude[HERE]},2025-05-08 12:00,",
    }
    now = {
        "school_holidays": schools.calendar.school_holidays, "happenings": happenings.calendar.happenings,
        "points": points.points.file,
    }  # fmt: skip
    later = {name: written(tmp_path, f"{name}_later.csv", f"{now[name].read_text()}{more[name]}") for name in now}

    def site(files: dict[str, Path]) -> Site:
        calendar = CalendarSettings(school_holidays=files["school_holidays"], happenings=files["happenings"])
        return replace(SITE, calendar=calendar, points=replace(points.points, file=files["points"]))

    def columns(files: dict[str, Path], issued: str) -> list[NDArray[np.float32]]:
        shifts = [shift("day 2025-05-09"), shift("car 2025-05-10"), shift("night 2025-05-20"), shift("day 2025-06-02")]
        kinds = {"points_here": "station", "points_nearby": "station", "nearest_point_km": "station"}
        names = ("happenings_here", "happenings_nearby", "happenings_everywhere", *kinds)
        found = [located(name, site(files), shifts, kind=kinds.get(name), issued=issued) for name in names]
        return [*found, np.array(days("school_holiday", site(files), shifts, issued=issued))]

    for one, other in zip(columns(now, "2025-05-08 11:00"), columns(later, "2025-05-08 11:00"), strict=True):
        np.testing.assert_array_equal(one, other)
    changed = zip(columns(now, "2025-05-08 11:00:01"), columns(later, "2025-05-08 11:00:01"), strict=True)
    assert sum(not np.array_equal(one, other, equal_nan=True) for one, other in changed) == 6
