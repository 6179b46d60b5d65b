"""Every way in which a mapping can make a column, on files of one or two rows."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.lib.table_sites import make_site, write_csv, write_mapping

from crisisrisk.commands.data import CheckResult, check_file, load_files
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

BASE = {
    "event_id": '"id"',
    "occurred_at": '{ column = "at" }',
    "known_at": "{ delay_hours = 0 }",
    "source": '{ constant = "police_999" }',
    "code": '{ constant = "A" }',
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


def made(site: Site, cells: dict[str, object], *, end: str = "", **columns: str) -> CheckResult:
    """What one row comes to. `columns` are entries of [columns]."""
    path = write_csv(site.path / "rows.csv", [{"id": 1, "at": "2026-07-01", **cells}])
    return check_file(site, path, mapping_of(site, {**BASE, **columns}, end))


def mapping_of(site: Site, rules: dict[str, str], end: str = "") -> Path:
    entries = "".join(f"{name} = {value}\n" for name, value in rules.items())
    return write_mapping(site, f'table = "events"\n[columns]\n{entries}{end}')


def cell(result: CheckResult, name: str) -> Any:
    assert result.rows_quarantined == 0, result.broken_rules
    return result.first_rows[0][name]


@pytest.mark.parametrize(
    ("cells", "rule", "wanted"),
    [
        ({"at": "2026-07-01"}, '{ column = "at" }', datetime(2026, 6, 30, 23)),
        ({"at": "2026-07-01T12:30:15.5+02:00"}, '{ column = "at" }', datetime(2026, 7, 1, 10, 30, 15, 500_000)),
        ({"at": "1/7/26 09:05"}, '{ column = "at", format = "%d/%m/%y %H:%M" }', datetime(2026, 7, 1, 8, 5)),
        ({"at": "3 Jan 2026 12:05 AM"}, '{ column = "at", format = "%d %b %Y %I:%M %p" }', datetime(2026, 1, 3, 0, 5)),
        ({"at": "2026-07-01 09:05"}, '{ column = "at", zone = "America/Toronto" }', datetime(2026, 7, 1, 13, 5)),
        ({"at": "-2"}, '{ column = "at", format = "days", epoch = "2000-01-10", zone = "UTC" }', datetime(2000, 1, 8)),
        ({"at": "2026-03-29"}, '{ column = "at", day = "end" }', datetime(2026, 3, 29, 23)),
        ({"at": "5/1/26"}, '{ column = "at", format = "%d/%m/%y", day = "end" }', datetime(2026, 1, 6)),
        ({"at": "190", "h": 5}, '{ column = "at", format = "days", epoch = 2026-01-01, hour_column = "h" }',
         datetime(2026, 7, 10, 4)),
        ({"at": "01/07/2026", "t": "09:05"}, '{ column = "at", time_column = "t", format = "%d/%m/%Y %H:%M" }',
         datetime(2026, 7, 1, 8, 5)),
        ({"h": "23"}, '{ column = "at", hour_column = "h" }', datetime(2026, 7, 1, 22)),
        ({"at": "1782896700"}, '{ column = "at", format = "unix_seconds" }', datetime(2026, 7, 1, 9, 5)),
        ({"at": "1782896700250"}, '{ column = "at", format = "unix_milliseconds" }',
         datetime(2026, 7, 1, 9, 5, 0, 250_000)),
        ({}, '{ constant = "2026-07-01T09:05:00Z" }', datetime(2026, 7, 1, 9, 5)),
    ],
)  # fmt: skip
def test_times(site: Site, cells: dict[str, object], rule: str, wanted: datetime) -> None:
    assert cell(made(site, cells, occurred_at=rule), "occurred_at") == wanted.replace(tzinfo=UTC)


@pytest.mark.parametrize("hour", ["24", "-1", "1.5", "noon", ""])
def test_an_hour_that_no_clock_has_is_refused(site: Site, hour: str) -> None:
    result = made(site, {"h": hour}, occurred_at='{ column = "at", hour_column = "h" }')
    assert result.broken_rules == {"occurred_at: an ISO time such as 2026-11-22 18:30": 1}


def test_a_delay_counts_from_the_time_that_is_named(site: Site) -> None:
    rules = {"ended_at": '{ column = "end" }', "known_at": '{ delay_hours = 1.5, after = "ended_at" }'}
    result = made(site, {"end": "2026-07-02T00:00Z"}, **rules)
    assert cell(result, "known_at") == datetime(2026, 7, 2, 1, 30, tzinfo=UTC)


def test_metres_of_the_national_grid_become_degrees(site: Site) -> None:
    """The clock tower at Westminster, TQ 30270 79645."""
    end = '[coordinates]\nsystem = "british_national_grid"\neasting = "e"\nnorthing = "n"\n'
    result = made(site, {"e": 530270, "n": 179645}, end=end)
    assert cell(result, "latitude") == pytest.approx(51.50073, abs=2e-4)
    assert cell(result, "longitude") == pytest.approx(-0.12464, abs=2e-4)


@pytest.mark.parametrize(
    ("easting", "northing"), [("x", "179645"), ("990000", "179645"), ("530270", "1400000"), ("530270", "")]
)
def test_a_place_off_the_grid_is_refused_or_left_out(site: Site, easting: str, northing: str) -> None:
    end = '[coordinates]\nsystem = "british_national_grid"\neasting = "e"\nnorthing = "n"\n'
    refused = made(site, {"e": easting, "n": northing}, end=end)
    assert refused.rows_quarantined == 1
    rule = "metres on the British National Grid"
    assert refused.broken_rules == {f"latitude: {rule}": 1, f"longitude: {rule}": 1}
    kept = made(site, {"e": easting, "n": northing}, end=end + 'invalid = "empty"\n')
    assert (cell(kept, "latitude"), cell(kept, "longitude")) == (None, None)


def test_degrees_off_the_map_are_refused_or_left_out(site: Site) -> None:
    end = '[coordinates]\nsystem = "degrees"\nlatitude = "y"\nlongitude = "x"\n'
    assert made(site, {"y": 91, "x": 0}, end=end).broken_rules == {"latitude: -90 to 90": 1}
    kept = made(site, {"y": 91, "x": 0}, end=end + 'invalid = "empty"\n')
    assert (cell(kept, "latitude"), cell(kept, "longitude")) == (None, None)


@pytest.mark.parametrize(
    ("text", "rule", "wanted"),
    [
        ("Yes", '{ column = "x" }', True),
        ("0", '{ column = "x" }', False),
        ("", '{ column = "x" }', False),
        ("B", '{ column = "x", true_values = ["A", "B"] }', True),
        ("b", '{ column = "x", true_values = ["A", "B"] }', False),
        ("", '{ constant = true }', True),
    ],
)  # fmt: skip
def test_flags(site: Site, text: str, rule: str, wanted: bool) -> None:
    assert cell(made(site, {"x": text}, is_crisis=rule), "is_crisis") is wanted


def test_an_unclear_flag_is_refused(site: Site) -> None:
    assert made(site, {"x": "maybe"}, is_crisis='"x"').broken_rules == {"is_crisis: true or false": 1}


def test_a_number_may_be_made_from_texts(site: Site) -> None:
    rule = '{ column = "x", values = { low = 1, high = 2.5 } }'
    assert cell(made(site, {"x": "high"}, value=rule), "value") == 2.5


def test_ids_are_made_from_columns_and_the_source(site: Site) -> None:
    for text, source in (("a", "police_999"), ("b", "police_999"), ("a", "nhs_111"), ("a", "police_999")):
        rules = {**BASE, "event_id": '{ hash = ["x", "at"] }', "source": f'{{ constant = "{source}" }}'}
        path = write_csv(site.path / "rows.csv", [{"id": 1, "at": "2026-07-01", "x": text}])
        load_files(site, [path], mapping_of(site, rules))
    made_ids = stored_ids(site)
    assert len(made_ids) == len(set(made_ids)) == 3
    assert all(text.startswith("e_") and len(text) == 18 for text in made_ids)


def stored_ids(site: Site) -> list[str]:
    ids: list[str] = Store(site).snapshot().place_events(columns=["event_id"])["event_id"].to_pylist()
    return ids


def test_a_number_that_fails_its_check_may_leave_the_row_without_a_person(site: Site) -> None:
    rule = '{ column = "x", kind = "nhs_number", invalid = "empty" }'
    assert cell(made(site, {"x": "9990000019"}, person_id=rule), "person_id") is None


def test_empty_values_are_what_the_mapping_says(site: Site) -> None:
    path = write_csv(site.path / "rows.csv", [{"id": 1, "at": "2026-07-01", "x": "n/k"}])
    columns = "".join(f"{name} = {value}\n" for name, value in {**BASE, "outcome": '"x"'}.items())
    top = 'table = "events"\nempty_values = ["", "n/k"]\n'
    result = check_file(site, path, write_mapping(site, f"{top}[columns]\n{columns}"))
    assert result.first_rows[0]["outcome"] is None


def test_typed_columns_of_parquet_need_no_format(site: Site) -> None:
    columns = {
        "id": pa.array([7.0]),
        "at": pa.array([datetime(2026, 7, 1, 9, 5)], pa.timestamp("ns")),
        "instant": pa.array([datetime(2026, 7, 1, 9, 5, tzinfo=UTC)], pa.timestamp("ms", "UTC")),
        "day": pa.array([date(2026, 7, 1)]),
        "flag": pa.array([True]),
        "number": pa.array([3], pa.int8()),
    }
    pq.write_table(pa.table(columns), site.path / "rows.parquet")
    rules = {**BASE, "ended_at": '{ column = "instant" }', "dispatched_at": '{ column = "day" }', "is_crisis": '"flag"',
             "value": '"number"'}  # fmt: skip
    entries = "".join(f"{name} = {value}\n" for name, value in rules.items())
    result = check_file(
        site, site.path / "rows.parquet", write_mapping(site, f'table = "events"\n[columns]\n{entries}')
    )
    row = result.first_rows[0]
    assert (row["is_crisis"], row["value"]) == (True, 3.0)
    assert row["occurred_at"] == datetime(2026, 7, 1, 8, 5, tzinfo=UTC)
    assert row["ended_at"] == datetime(2026, 7, 1, 9, 5, tzinfo=UTC)
    assert row["dispatched_at"] == datetime(2026, 6, 30, 23, tzinfo=UTC)


def test_dates_of_excel_need_no_format(site: Site) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["id", "at"])
    book.active.append([1, datetime(2026, 7, 1, 9, 5)])
    book.save(site.path / "rows.xlsx")
    rules = {**BASE, "occurred_at": '{ column = "at", format = "%d/%m/%Y" }'}
    result = check_file(site, site.path / "rows.xlsx", mapping_of(site, rules))
    assert result.first_rows[0]["occurred_at"] == datetime(2026, 7, 1, 8, 5, tzinfo=UTC)


def test_whole_floats_of_parquet_are_ids_without_a_point(site: Site) -> None:
    pq.write_table(pa.table({"id": [7.0], "at": ["2026-07-01"]}), site.path / "rows.parquet")
    load_files(site, [site.path / "rows.parquet"], mapping_of(site, BASE))
    assert stored_ids(site) == ["7"]
