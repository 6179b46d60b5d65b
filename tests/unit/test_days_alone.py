"""A record with a day and no time of day: noted at the load, and never told as a midnight."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.lib.table_sites import make_site, stored_bytes, write_csv, write_mapping

from crisisrisk.commands.data import check_file, load_files
from crisisrisk.tables.days_alone import FEWEST_ROWS, DaysAlone, RecordedDays
from crisisrisk.tables.erasing import erase_stored
from crisisrisk.tables.manifest import read_manifest
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

MAPPING = """table = "events"
[columns]
event_id = "id"
occurred_at = {at}
known_at = {{ column = "known" }}
source = "source"
code = {{ constant = "call" }}
person_id = {{ column = "person", kind = "study_id" }}
"""
ISO = '{ column = "at" }'
POLICE, CALLS = "police_999", "nhs_111"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


def line(number: int, at: object, source: str = POLICE, **more: object) -> dict[str, object]:
    return {"id": number, "at": at, "known": "2026-12-24T00:00:00Z", "source": source, "person": "ann", **more}


def load(site: Site, lines: list[dict[str, object]], at: str = ISO, name: str = "calls") -> RecordedDays:
    mapping = write_mapping(site, MAPPING.format(at=at), name)
    load_files(site, [write_csv(site.path / f"{name}.csv", lines)], mapping)
    return Store(site).snapshot().days_alone


def told(site: Site) -> dict[str, date | None]:
    """By event the day, where no time of day is known."""
    snapshot = Store(site).snapshot()
    rows = snapshot.place_events(columns=("event_id", "source", "occurred_at")).to_pylist()
    return {row["event_id"]: snapshot.days_alone.of(row["source"], row["occurred_at"]) for row in rows}


@pytest.mark.parametrize(
    ("at", "cell"),
    [
        (ISO, "2026-07-03"),
        (ISO, " 2026-07-03 "),
        ('{ column = "at", format = "%d/%m/%Y" }', "03/07/2026"),
        ('{ column = "at", format = "%d/%m/%Y 00:00" }', "03/07/2026 00:00"),
        ('{ column = "at", format = "%Y%m%d", zone = "Europe/London" }', "20260703"),
        ('{ column = "at", format = "%d/%m/%Y", day = "end" }', "03/07/2026"),
        ('{ column = "at", format = "days", epoch = 2026-07-01 }', "2"),
        ('{ column = "at", zone = "Asia/Tokyo" }', "2026-07-03"),
    ],
)
def test_a_cell_without_a_time_of_day_is_told_by_its_day(site: Site, at: str, cell: str) -> None:
    assert load(site, [line(1, cell)], at).sources == {POLICE}
    assert told(site) == {"1": date(2026, 7, 3)}


@pytest.mark.parametrize(
    ("at", "cell", "more"),
    [
        (ISO, "2026-07-03T00:00", {}),
        (ISO, "2026-07-02T23:00:00Z", {}),
        ('{ column = "at", format = "%d/%m/%Y %H:%M" }', "03/07/2026 00:00", {}),
        ('{ column = "at", format = "%d/%m/%Y %I:%M %p" }', "03/07/2026 12:00 AM", {}),
        ('{ column = "at", time_column = "time", format = "%d/%m/%Y %H:%M" }', "03/07/2026", {"time": "00:00"}),
        ('{ column = "at", time_column = "time" }', "2026-07-03", {"time": "00:00"}),
        ('{ column = "at", hour_column = "time", format = "%d/%m/%Y" }', "03/07/2026", {"time": 0}),
        ('{ column = "at", format = "unix_seconds" }', "1783033200", {}),
    ],
)
def test_a_contact_at_midnight_in_a_source_with_hours_stays_one_at_midnight(
    site: Site, at: str, cell: str, more: dict[str, object]
) -> None:
    assert load(site, [line(1, cell, **more)], at).sources == frozenset()
    assert Store(site).snapshot().place_events().to_pylist()[0]["occurred_at"] == datetime(2026, 7, 2, 23, tzinfo=UTC)
    assert told(site) == {"1": None}


def test_midnight_is_that_of_the_clock_on_the_wall_in_summer_and_in_winter(site: Site) -> None:
    load(site, [line(1, "2026-07-03"), line(2, "2026-12-03"), line(3, "2026-10-25"), line(4, "2026-03-29")])
    assert told(site) == {
        "1": date(2026, 7, 3), "2": date(2026, 12, 3), "3": date(2026, 10, 25), "4": date(2026, 3, 29),
    }  # fmt: skip


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us")])
def test_days_of_a_parquet_file_are_days_and_its_times_are_times(site: Site, kind: pa.DataType) -> None:
    rows = pa.table({
        "id": ["1"], "at": pa.array([date(2026, 7, 3)], pa.date32()).cast(kind), "known": ["2026-12-24T00:00:00Z"],
        "source": [POLICE], "person": ["ann"],
    })  # fmt: skip
    pq.write_table(rows, site.path / "calls.parquet")
    load_files(site, [site.path / "calls.parquet"], write_mapping(site, MAPPING.format(at=ISO)))
    assert told(site) == {"1": date(2026, 7, 3) if kind == pa.date32() else None}


@pytest.mark.parametrize(
    ("rows", "last", "days"),
    [(FEWEST_ROWS, "00:00:00", True), (FEWEST_ROWS - 1, "00:00:00", False), (FEWEST_ROWS, "00:00:01", False)],
)
def test_many_times_that_are_all_midnights_are_days_that_a_program_wrote_as_times(
    site: Site, rows: int, last: str, days: bool
) -> None:
    lines = [line(number, f"2026-07-{number % 28 + 1:02d} 00:00:00") for number in range(rows - 1)]
    load(site, [*lines, line(rows, f"2026-07-03 {last}"), line(rows + 1, "2026-07-03 09:00:00", CALLS)])
    assert told(site)["0"] == (date(2026, 7, 1) if days else None)


def test_a_file_says_it_for_each_of_its_sources_alone(site: Site) -> None:
    found = load(site, [line(1, "2026-07-03"), line(2, "2026-07-03 00:00:00", CALLS), line(3, "2026-07-04")])
    assert found.sources == {POLICE}
    assert told(site) == {"1": date(2026, 7, 3), "2": None, "3": date(2026, 7, 4)}
    assert read_manifest(site).loads[0].days_alone == (
        DaysAlone(source=POLICE, rows=2, zone="Europe/London", ends=False),
    )  # fmt: skip


def test_of_a_source_with_both_kinds_the_hours_stay_and_of_a_midnight_the_day_alone_is_sure(site: Site) -> None:
    load(site, [line(1, "2026-07-03 00:00:00"), line(2, "2026-07-03 09:10:00")], name="with-hours")
    assert told(site) == {"1": None, "2": None}
    load(site, [line(3, "2026-07-04")], name="with-days")
    assert told(site) == {"1": date(2026, 7, 3), "2": None, "3": date(2026, 7, 4)}


def test_rows_in_quarantine_say_nothing_and_a_check_says_what_a_load_would_note(site: Site) -> None:
    lines = [line(1, "2026-07-03", "nobody"), line(2, "2026-07-03 10:00:00", CALLS), line(3, "2026-07-03")]
    file, mapping = write_csv(site.path / "a.csv", lines), write_mapping(site, MAPPING.format(at=ISO))
    assert check_file(site, file, mapping).days_alone == {POLICE: 1}
    load_files(site, [file], mapping)
    assert Store(site).snapshot().days_alone.sources == {POLICE}


def test_nothing_else_of_what_is_stored_changes_by_it(tmp_path: Path) -> None:
    days, times = make_site(tmp_path / "days"), make_site(tmp_path / "times")
    load(days, [line(1, "2026-07-03"), line(2, "2026-07-04")])
    load(times, [line(1, "2026-07-03 00:00:00"), line(2, "2026-07-04 00:00:00")])
    assert stored_bytes(days) == stored_bytes(times)
    assert Store(days).snapshot().digest == Store(times).snapshot().digest
    assert (told(days)["1"], told(times)["1"]) == (date(2026, 7, 3), None)


def test_it_stays_known_after_an_erasure_and_of_a_ledger_from_before_nothing_is_said(site: Site) -> None:
    load(site, [line(1, "2026-07-03"), line(2, "2026-07-04", person="ben")])
    ann = Store(site).snapshot().place_events(columns=("event_id", "person_id")).to_pylist()[0]["person_id"]
    erase_stored(site, ann, now=datetime(2026, 12, 25, tzinfo=UTC))
    assert told(site) == {"2": date(2026, 7, 4)}
    manifest = next((site.data / "manifests").glob("*.json"))
    text = manifest.read_text()
    start = text.index('"days_alone"')
    manifest.write_text(text[:start].rstrip().rstrip(",") + text[text.index("]", start) + 1 :])
    assert told(site) == {"2": None}


def test_what_is_noted_of_two_zones_is_asked_of_both() -> None:
    noted = [DaysAlone(source="a", rows=1, zone=zone, ends=False) for zone in ("Europe/London", "Asia/Tokyo")]
    days, london = RecordedDays(noted), datetime(2026, 7, 2, 23, tzinfo=UTC)
    assert days.of("a", london) == date(2026, 7, 3)
    assert days.of("a", datetime(2026, 7, 2, 15, tzinfo=UTC)) == date(2026, 7, 3)
    assert days.of("a", london + timedelta(minutes=1)) is None
    assert days.of("b", london) is None
