"""Where teams can stand and people be taken: kinds, opening times through midnight and clock changes, full tonight."""

from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from crisisrisk.errors import DataError
from crisisrisk.positioning.care import STANDING, TAKING, sites_of_kinds
from crisisrisk.positioning.site_names import SiteNames, names_of_sites

LONDON = ZoneInfo("Europe/London")
CARE = pa.table({
    "site_id": ["s3", "s1", "s2", "s4", "s5"],
    "kind": ["crisis_cafe", "base", "place_of_safety", "standby_point", "crisis_cafe"],
    "latitude": [52.1, 52.2, 52.3, None, 52.5],
    "longitude": [-2.1, -2.2, -2.3, -2.4, -2.5],
    "opens": ["16:00", None, None, None, "22:00"],
    "closes": ["23:00", None, None, None, "06:00"],
    "phone": ["1", None, "2", "3", "4"],
})  # fmt: skip
NIGHT = datetime(2026, 11, 28, 22, tzinfo=UTC), datetime(2026, 11, 29, 6, tzinfo=UTC)


def test_sites_are_taken_by_kind_ascending_and_only_with_coordinates() -> None:
    assert sites_of_kinds(CARE, STANDING).points.ids == ("s1",)
    taking = sites_of_kinds(CARE, TAKING)
    assert (taking.points.ids, taking.kinds[0], taking.phones) == (
        ("s2", "s3", "s5"),
        "place_of_safety",
        ("2", "1", "4"),
    )
    assert taking.opens == (None, time(16), time(22))


def test_a_site_is_open_through_a_shift_or_for_some_of_it() -> None:
    taking = sites_of_kinds(CARE, TAKING)
    assert [taking.open_all(one, *NIGHT, LONDON) for one in range(3)] == [True, False, True]
    closing = NIGHT[0], NIGHT[0].replace(hour=23)
    assert [taking.open_spans(one, *NIGHT, LONDON) for one in range(3)] == [(NIGHT,), (closing,), (NIGHT,)]
    later = NIGHT[0], datetime(2026, 11, 29, 7, tzinfo=UTC)
    assert not taking.open_all(2, *later, LONDON)
    full = replace(taking, full=("s5",))
    assert [full.open_all(one, *NIGHT, LONDON) for one in range(3)] == [True, False, False]
    assert full.open_spans(2, *NIGHT, LONDON) == ()
    hour = NIGHT[0].replace(hour=23), NIGHT[1].replace(hour=1)
    early = NIGHT[0].replace(hour=20), NIGHT[0].replace(hour=21)
    shut = replace(taking, shut={"s5": (early, hour)})
    assert shut.open_spans(2, *NIGHT, LONDON) == ((NIGHT[0], hour[0]), (hour[1], NIGHT[1]))
    assert [shut.open_all(one, *NIGHT, LONDON) for one in range(3)] == [True, False, False]
    after = replace(taking, shut={"s5": ((NIGHT[1], NIGHT[1].replace(hour=12)),)})
    assert after.open_spans(2, *NIGHT, LONDON) == (NIGHT,)
    day = NIGHT[0].replace(hour=4), NIGHT[0].replace(hour=23)
    assert [span[0].hour for span in taking.open_spans(2, *day, LONDON)] == [4, 22]  # until 06:00, and again from 22:00


def test_opening_times_are_local_also_in_the_night_the_clocks_go_back() -> None:
    cafe = sites_of_kinds(CARE, ("crisis_cafe",))
    night = datetime(2026, 10, 24, 21, tzinfo=UTC), datetime(2026, 10, 25, 6, tzinfo=UTC)  # 22:00 to 06:00, nine hours
    assert cafe.open_all(1, *night, LONDON)
    assert cafe.open_spans(1, *night, LONDON) == (night,)


def test_midnight_to_midnight_is_always_open_and_times_are_read_as_people_write_them() -> None:
    care = CARE.set_column(4, "opens", pa.array(["00:00", None, "9:00", None, "00:00"]))
    care = care.set_column(5, "closes", pa.array(["00:00", None, "24:00", None, "23:59"]))
    taking = sites_of_kinds(care, TAKING)
    assert [taking.open_all(one, *NIGHT, LONDON) for one in range(3)] == [False, True, True]
    assert taking.opens[0] == time(9)
    brief = NIGHT[0], NIGHT[0].replace(minute=10)
    assert not sites_of_kinds(CARE, TAKING).open_all(1, brief[0].replace(hour=3), brief[1].replace(hour=3), LONDON)
    with pytest.raises(DataError, match="a time in"):
        sites_of_kinds(care.set_column(4, "opens", pa.array(["noon"] * 5)), TAKING)


CALLED = names_of_sites(pa.table({
    "site_id": ["s1", "s2", "s3", "s4", "s5"],
    "name": ["Holgate  café", "holgate café", None, "  ", "s3"],
}))  # fmt: skip


def test_a_site_is_told_by_its_name_and_with_its_id_where_that_is_not_enough() -> None:
    assert [CALLED.name(site) for site in ("s1", "s2", "s3", "s4", "s5", "gone")] == [
        "Holgate café", "holgate café", "s3", "s4", "s3", "gone",
    ]  # fmt: skip
    assert [CALLED.label(site) for site in ("s1", "s2", "s3", "s4", "s5")] == [
        "Holgate café (s1)", "holgate café (s2)", "s3", "s4", "s3 (s5)",
    ]  # fmt: skip
    alone = SiteNames({"s1": "Holgate café", "s2": "Unit 4"}, frozenset({"s1", "s2"}))
    assert (alone.label("s1"), alone.both("s1")) == ("Holgate café", "Holgate café (s1)")
    kinds = ("s1", "crisis_cafe"), ("s1", "place_of_safety"), ("s2", "base"), ("s3", "base")
    assert [alone.with_kind(*one) for one in kinds] == [
        "Holgate café", "place of safety Holgate café", "base Unit 4", "base s3",
    ]  # fmt: skip
    assert [alone.in_list(*one) for one in kinds[:3]] == [
        "Holgate café", "Holgate café (place of safety)", "Unit 4 (base)",
    ]  # fmt: skip


def test_the_name_of_now_stands_beside_every_id_of_a_plan() -> None:
    kept = {"near": {"site": [{"site": "s1", "site_name": "of then", "minutes": 4.0}]}, "at": ["s1"],
            "calls": ({"site": None, "gain": 0.0},), "loses": {"site": 0.5}}  # fmt: skip
    assert CALLED.beside(kept) == {
        "near": {"site": [{"site": "s1", "site_name": "Holgate café", "minutes": 4.0}]}, "at": ["s1"],
        "calls": [{"site": None, "site_name": None, "gain": 0.0}], "loses": {"site": 0.5},
    }  # fmt: skip


def test_a_table_without_names_tells_ids() -> None:
    assert names_of_sites(CARE).label("s3") == "s3"
