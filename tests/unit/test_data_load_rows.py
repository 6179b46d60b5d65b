"""Rows that break a rule go to quarantine with their row number; the rest is loaded."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.lib.table_sites import NHS_NUMBERS, make_site, write_csv, write_mapping

from crisisrisk.commands.data import LoadResult, check_file, load_files
from crisisrisk.errors import MappingError
from crisisrisk.tables.pseudonyms import PSEUDONYM
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

MAPPING = """table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at", format = "%Y-%m-%d %H:%M" }
known_at = { delay_hours = 1 }
source = { constant = "police_999" }
code = "code"
value = "value"
person_id = { column = "nhs", kind = "nhs_number" }
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


def line(number: int = 1, **cells: object) -> dict[str, object]:
    usual: dict[str, object] = {"id": number, "at": "2026-02-03 04:05", "code": "A", "value": 1, "nhs": NHS_NUMBERS[0]}
    return {**usual, **cells}


def load(site: Site, lines: list[dict[str, object]], mapping: str = MAPPING, name: str = "calls.csv") -> LoadResult:
    return load_files(site, [write_csv(site.path / name, lines)], write_mapping(site, mapping))


def quarantined(site: Site) -> list[dict[str, Any]]:
    return [row for path in sorted(site.quarantine.glob("rows-*.parquet")) for row in pq.read_table(path).to_pylist()]


def stored(site: Site) -> list[dict[str, Any]]:
    return Store(site).snapshot().place_events().to_pylist()


def test_a_good_file_is_loaded_whole(site: Site) -> None:
    result = load(site, [line(1), line(2, nhs=None)])
    assert (result.table, result.rows_read, result.rows_loaded, result.rows_quarantined) == ("events", 2, 2, 0)
    assert [row["event_id"] for row in stored(site)] == ["1", "2"]
    assert stored(site)[0]["known_at"] == datetime(2026, 2, 3, 5, 5, tzinfo=UTC)
    assert stored(site)[0]["superseded_at"] == datetime(9999, 1, 1, tzinfo=UTC)


def test_the_pseudonym_is_stored_and_the_number_is_nowhere(site: Site) -> None:
    load(site, [line(1), line(2, nhs="999 000 0026"), line(3, nhs="1234567890")])
    people = [row["person_id"] for row in stored(site)]
    assert all(PSEUDONYM.fullmatch(person) for person in people)
    files = [path for folder in (site.data, site.quarantine) for path in folder.rglob("*") if path.is_file()]
    for number in (NHS_NUMBERS[0], NHS_NUMBERS[1], "1234567890"):
        assert [path.name for path in files if number.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("cells", "column", "rule", "value"),
    [
        ({"at": "03/02/2026"}, "occurred_at", "a time like %Y-%m-%d %H:%M", "03/02/2026"),
        ({"at": "2026-02-30 04:05"}, "occurred_at", "a time like %Y-%m-%d %H:%M", "2026-02-30 04:05"),
        ({"at": None}, "occurred_at", "not empty", None),
        ({"at": "0001-01-01 00:00"}, "occurred_at", "from 1900, before 2200", "0001-01-01 00:00"),
        ({"at": "9999-12-31 23:59"}, "occurred_at", "from 1900, before 2200", "9999-12-31 23:59"),
        ({"at": "2026-03-29 01:30"}, "occurred_at", "a local time that exists (the clocks went forward over it)",
         "2026-03-29 01:30"),
        ({"at": "2026-10-25 01:30"}, "occurred_at", "a local time that happened once (the clocks went back over it)",
         "2026-10-25 01:30"),
        ({"value": "1e308"}, "value", "-1e+09 to 1e+09", "1e308"),
        ({"value": "1e999"}, "value", "a number", "1e999"),
        ({"value": "nan"}, "value", "a number", "nan"),
        ({"value": "ask 999 000 0018"}, "value", "a number", "(withheld: looks like an NHS number)"),
        ({"code": None}, "code", "not empty", None),
        ({"id": None}, "event_id", "not empty", "(withheld: identifying)"),
        ({"nhs": "9990000019"}, "person_id", "a valid NHS number", "(withheld: identifying)"),
    ],
)  # fmt: skip
def test_a_bad_row_is_quarantined(
    site: Site, cells: dict[str, object], column: str, rule: str, value: str | None
) -> None:
    result = load(site, [line(1), line(2, **cells), line(3)])
    assert (result.rows_loaded, result.rows_quarantined, result.broken_rules[f"{column}: {rule}"]) == (2, 1, 1)
    first = quarantined(site)[0]
    assert (first["file"], first["row"], first["column"], first["rule"]) == ("calls.csv", 3, column, rule)
    assert first["value"] == value


def test_a_row_with_several_faults_is_counted_once(site: Site) -> None:
    result = load(site, [line(1), line(2, code=None, value="x")])
    assert (result.rows_quarantined, len(quarantined(site))) == (1, 2)


def test_lines_with_too_many_fields_are_quarantined_and_the_rows_after_keep_their_numbers(site: Site) -> None:
    path = write_csv(site.path / "calls.csv", [line(1), line(2), line(3, value="x"), line(4)])
    content = path.read_text().splitlines()
    content[2] += ",one,more"
    path.write_text("\n".join(content) + "\n")
    result = load_files(site, [path], write_mapping(site, MAPPING))
    assert (result.rows_read, result.rows_loaded, result.rows_quarantined) == (4, 2, 2)
    assert sorted((row["row"], row["rule"]) for row in quarantined(site)) == [
        (3, "as many fields as the header"), (4, "a number"),
    ]  # fmt: skip


def test_the_same_row_twice_is_a_duplicate(site: Site) -> None:
    result = load(site, [line(1), line(2), line(1)])
    assert (result.rows_read, result.rows_loaded, result.rows_duplicate) == (3, 2, 1)


def test_the_same_id_with_other_content_is_a_correction(site: Site) -> None:
    load(site, [line(1)])
    known_later = MAPPING.replace("delay_hours = 1", "delay_hours = 5")
    result = load(site, [line(1, code="B")], known_later, name="later.csv")
    assert (result.rows_loaded, result.rows_duplicate, result.rows_correcting) == (1, 0, 1)
    first, second = stored(site)
    assert (first["code"], first["superseded_at"]) == ("A", second["known_at"])
    assert second["code"] == "B"


def test_a_correction_that_names_another_person_ends_the_first_version(site: Site) -> None:
    load(site, [line(1)])
    load(site, [line(1, nhs=NHS_NUMBERS[1])], MAPPING.replace("delay_hours = 1", "delay_hours = 5"), name="later.csv")
    snapshot = Store(site).snapshot()
    rows = [row for bucket in range(2) for row in snapshot.person_events(bucket).to_pylist()]
    assert len({row["person_id"] for row in rows}) == 2
    assert sorted(row["superseded_at"].year for row in rows) == [2026, 9999]


def test_two_versions_known_in_the_same_instant_leave_one_that_counts(site: Site) -> None:
    load(site, [line(1), line(1, code="B")])
    assert sorted(row["superseded_at"].year for row in stored(site)) == [2026, 9999]


def test_the_same_file_twice_is_a_no_op(site: Site) -> None:
    load(site, [line(1)])
    before = Store(site).snapshot().manifest
    result = load(site, [line(1)])
    assert (result.already_loaded, result.rows_read, result.files_already_loaded) == (True, 0, 1)
    assert Store(site).snapshot().manifest == before


def test_double_and_skipped_hours_are_read_as_the_mapping_says(site: Site) -> None:
    form = 'format = "%Y-%m-%d %H:%M"'
    mapping = MAPPING.replace(form, f'{form}, ambiguous = "second", missing = "first"')
    load(site, [line(1, at="2026-10-25 01:30"), line(2, at="2026-03-29 01:30")], mapping)
    assert {row["event_id"]: row["occurred_at"].hour for row in stored(site)} == {"1": 1, "2": 1}


def test_values_are_replaced_and_unknown_ones_treated_as_said(site: Site) -> None:
    codes = [line(number, code=code) for number, code in enumerate(["x", "y", "z"])]
    for unknown, left in (("keep", ["X", "y", "z"]), ("drop", ["X"]), ("quarantine", ["X"])):
        mapping = MAPPING.replace(
            'code = "code"', f'code = {{ column = "code", values = {{ x = "X" }}, unknown = "{unknown}" }}'
        )
        path = write_mapping(site, mapping, unknown)
        result = check_file(site, write_csv(site.path / "calls.csv", codes), path)
        assert [row["code"] for row in result.first_rows] == left
        assert (result.rows_left_out, result.rows_quarantined) == {
            "keep": (0, 0),
            "drop": (2, 0),
            "quarantine": (0, 2),
        }[unknown]


def test_rows_are_kept_by_value_and_by_time(site: Site) -> None:
    end = '[[keep]]\ncolumn = "code"\nnot_values = ["B"]\n[[keep]]\ntime = "occurred_at"\nbefore = "2026-02-04"\n'
    result = load(site, [line(1), line(2, code="B"), line(3, at="2026-02-04 00:00")], MAPPING + end)
    assert (result.rows_read, result.rows_loaded, result.rows_left_out) == (3, 1, 2)


def test_checking_a_file_stores_nothing(site: Site) -> None:
    path = write_csv(site.path / "calls.csv", [line(1), line(2, value="x")])
    result = check_file(site, path, write_mapping(site, MAPPING))
    assert (result.rows_read, result.rows_fine, result.rows_quarantined) == (2, 1, 1)
    assert not site.data.exists()
    assert not site.quarantine.exists()
    assert NHS_NUMBERS[0] not in str(result.as_json())


def test_a_source_that_the_site_does_not_have_is_a_fault_of_the_row(site: Site) -> None:
    mapping = MAPPING.replace('source = { constant = "police_999" }', 'source = "code"')
    result = load(site, [line(1, code="nhs_111"), line(2, code="mars")], mapping)
    assert result.broken_rules == {"source: a source named in crisisrisk.toml": 1}


KNOWN = MAPPING.replace("known_at = { delay_hours = 1 }", 'known_at = { column = "known" }')


@pytest.mark.parametrize(("clock", "fine"), [("system", 1), ("data", 2)])
def test_a_row_known_in_the_future_is_refused_where_the_clock_is_the_systems(site: Site, clock: str, fine: int) -> None:
    here = replace(site, clock=clock)
    now = datetime.now(UTC).replace(microsecond=0)
    moments = [now + timedelta(hours=23), now + timedelta(hours=25)]
    result = load(here, [line(number, known=moment.isoformat()) for number, moment in enumerate(moments)], KNOWN)
    assert (result.rows_loaded, result.rows_quarantined) == (fine, 2 - fine)
    assert result.broken_rules == ({"known_at: not in the future": 1} if clock == "system" else {})
    assert [row["row"] for row in quarantined(here)] == ([3] if clock == "system" else [])
    complete = Store(here).snapshot().complete_to()["police_999"]
    assert (complete <= datetime.now(UTC) - timedelta(hours=6)) == (clock == "system")


def test_a_delay_after_a_future_time_is_refused_too(site: Site) -> None:
    result = load(replace(site, clock="system"), [line(1), line(2, at="2190-01-01 00:00")])
    assert result.broken_rules == {"known_at: not in the future": 1}


@pytest.mark.parametrize("column", ["code", "outcome"])
@pytest.mark.parametrize("text", [NHS_NUMBERS[0], "ask 999 000 0018", "999-000-0018 again"])
def test_an_nhs_number_outside_the_persons_column_is_never_stored(site: Site, column: str, text: str) -> None:
    mapping = MAPPING.replace("[columns]\n", '[columns]\noutcome = "outcome"\n')
    lines = [line(1, outcome="seen"), line(2, outcome="seen"), line(3, outcome="1234567890")]
    lines[1][column] = text
    result = load(site, lines, mapping)
    assert result.broken_rules == {f"{column}: no NHS number outside the person's column": 1}
    assert [(row["row"], row["value"]) for row in quarantined(site)] == [(3, "(withheld: identifying)")]
    files = [path for folder in (site.data, site.quarantine) for path in folder.rglob("*") if path.is_file()]
    assert [path.name for path in files if text.encode() in path.read_bytes()] == []


def test_codes_of_ten_digits_are_not_taken_for_nhs_numbers(site: Site) -> None:
    codes = ["1234567890", "1234567891", "1234567892", "1234567893", NHS_NUMBERS[0]]
    result = load(site, [line(number, code=code) for number, code in enumerate(codes)])
    assert (result.rows_quarantined, result.rows_loaded) == (0, 5)


def test_the_first_rows_of_a_check_have_no_id_of_the_agency(site: Site) -> None:
    path = write_csv(site.path / "calls.csv", [line(1)])
    (row,) = check_file(site, path, write_mapping(site, MAPPING)).first_rows
    assert [name for name in ("event_id", "source_person_key") if name in row] == []
    assert row["code"] == "A"


def test_a_value_map_to_an_unknown_source_is_refused_before_any_row_is_read(site: Site) -> None:
    source = 'source = { column = "code", values = { A = "police_99" }, unknown = "keep" }'
    with pytest.raises(MappingError) as caught:
        load(site, [line(1)], MAPPING.replace('source = { constant = "police_999" }', source))
    assert (caught.value.code, caught.value.problem) == ("CR-MAP-003", 'the site has no source "police_99"')
    assert caught.value.hint == 'did you mean "police_999"? · sources are named in crisisrisk.toml'


CARE = """table = "sites_of_care"
[columns]
site_id = "id"
name = "called"
kind = { constant = "crisis_cafe" }
"""


def test_a_name_of_a_site_is_one_short_line_that_can_be_seen(site: Site) -> None:
    called = {"s1": "Holgate café", "s2": None, "s3": "x" * 80, "s4": "x" * 81, "s5": "a\u202eb", "s6": "tab\there",
              "s7": "=1+1"}  # fmt: skip
    result = load(site, [{"id": name, "called": said} for name, said in called.items()], CARE, "sites.csv")
    assert (result.rows_loaded, result.rows_quarantined) == (4, 3)
    refused = {row["row"]: row for row in quarantined(site)}
    assert set(refused) == {5, 6, 7}
    assert {row["rule"] for row in refused.values()} == {"at most 80 characters, no control characters"}
    care = Store(site).snapshot().table("sites_of_care")
    assert dict(zip(care["site_id"].to_pylist(), care["name"].to_pylist(), strict=True)) == {
        name: called[name] for name in ("s1", "s2", "s3", "s7")
    }


def test_a_table_stored_before_a_column_was_there_is_read_and_loaded_into(site: Site) -> None:
    load(site, [{"id": "s1", "called": None}], CARE, "sites.csv")
    [path] = site.data.rglob("*sites_of_care*.parquet")
    pq.write_table(pq.read_table(path).drop_columns(["name"]), path)
    assert Store(site).snapshot().table("sites_of_care")["name"].to_pylist() == [None]
    load(site, [{"id": "s1", "called": "Holgate café"}, {"id": "s2", "called": None}], CARE, "again.csv")
    assert Store(site).snapshot().table("sites_of_care")["name"].to_pylist() == ["Holgate café", None]


def test_of_rows_without_a_moment_the_one_that_tells_more_counts(site: Site) -> None:
    ids = [f"s{number}" for number in range(20)]
    for file, called in (("a.csv", None), ("b.csv", "Holgate café"), ("c.csv", None)):
        load(site, [{"id": name, "called": called} for name in ids], CARE, file)
    assert set(Store(site).snapshot().table("sites_of_care")["name"].to_pylist()) == {"Holgate café"}
