"""Reading mapping files: what is accepted, what is refused, and with which words."""

from pathlib import Path

import pytest

from crisisrisk.errors import MappingError
from crisisrisk.tables.mapping import (
    Constant,
    Delay,
    FileMapping,
    FromColumn,
    HashOf,
    KeepTimes,
    KeepValues,
    PersonFrom,
    TimeFrom,
    TrueFor,
)
from crisisrisk.tables.mapping_files import mapping_from, read_mapping

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "reference" / "mapping-files.md"

COLUMNS = """
event_id = "id"
occurred_at = { column = "at" }
known_at = { delay_hours = 2 }
source = { constant = "police_999" }
code = "code"
"""


def events(columns: str = COLUMNS, *, top: str = "", end: str = "") -> FileMapping:
    return mapping_from(f'table = "events"\n{top}\n[columns]\n{columns}\n{end}', Path("m.toml"))


def problem_of(columns: str = COLUMNS, *, top: str = "", end: str = "") -> MappingError:
    with pytest.raises(MappingError) as caught:
        events(columns, top=top, end=end)
    return caught.value


def test_the_example_of_the_documentation_is_read() -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    example = text.split("```toml\n")[1].split("```")[0]
    mapping = mapping_from(example, Path("police_999.toml"))
    assert mapping.name == "police_999"
    assert mapping.columns["event_id"] == HashOf(("Log No", "Opened"))
    assert mapping.columns["known_at"] == Delay(24.0, "occurred_at")
    assert mapping.columns["source"] == Constant("police_999")
    assert mapping.columns["code"] == FromColumn("Closing Code")
    assert mapping.columns["is_crisis"] == TrueFor("Closing Code", ("MH01", "S136"))
    assert mapping.columns["person_id"] == PersonFrom("NHS Number", "nhs_number", "empty")
    assert mapping.columns["outcome"] == FromColumn("Result", (("01", "attended"), ("02", "advice")), "quarantine")
    assert mapping.keep == (KeepValues("Closing Code", ("MH01", "S136", "CONCERN"), listed=True),)
    occurred = mapping.columns["occurred_at"]
    assert isinstance(occurred, TimeFrom)
    assert (occurred.format, str(occurred.zone), occurred.ambiguous) == ("%d/%m/%Y %H:%M", "Europe/London", "first")


def test_every_key_of_the_format_is_documented() -> None:
    text = DOCUMENTATION.read_text(encoding="utf-8")
    from crisisrisk.tables import mapping_files as code

    keys = {*code._TOP, *code._TIME_KEYS, *code._PERSON_KEYS, "values", "unknown", "true_values", "hash", "delay_hours",
            "after", "system", "latitude", "longitude", "easting", "northing", "not_values", "from",
                "before"}  # fmt: skip
    assert [key for key in sorted(keys) if key not in text] == []


@pytest.mark.parametrize(
    ("columns", "code", "words", "hint"),
    [
        (COLUMNS + 'coda = "x"', "CR-MAP-002", "[columns] coda: events has no such column", 'did you mean "code"?'),
        (COLUMNS + 'mode = { colum = "m" }', "CR-MAP-002", '[columns] mode: unknown key "colum"',
         'did you mean "column"?'),
        (COLUMNS.replace("known_at = { delay_hours = 2 }", ""), "CR-MAP-005",
         "[columns] known_at: when this became known is not said",
         "name its column, or state the usual delay: known_at = { delay_hours = 24 }"),
        (COLUMNS.replace("delay_hours = 2", "delay_hours = -1"), "CR-MAP-003",
         "[columns] known_at: delay_hours must be 0 or more hours, found -1", None),
        (COLUMNS.replace('{ column = "at" }', '{ column = "at", ambiguous = "frist" }'), "CR-MAP-003",
         "[columns] occurred_at: ambiguous cannot be 'frist'", 'did you mean "first"?'),
        (COLUMNS.replace('{ column = "at" }', '{ column = "at", format = "%d/%Q" }'), "CR-MAP-003",
         "[columns] occurred_at: format has %Q, which is not supported",
             "known: %Y %y %m %d %b %B %H %I %M %S %f %p %z"),
        (COLUMNS.replace('{ column = "at" }', '{ column = "at", format = "days" }'), "CR-MAP-003",
         '[columns] occurred_at: format "days" and epoch belong together', None),
        (COLUMNS.replace('{ column = "at" }', '{ column = "at", zone = "Mars/Crater" }'), "CR-MAP-003",
         '[columns] occurred_at: there is no zone "Mars/Crater"', "a zone name such as Europe/London"),
        (COLUMNS + 'person_id = { column = "nhs" }', "CR-MAP-003", "[columns] person_id: kind is missing",
         "known: nhs_number, study_id, pseudonym"),
        (COLUMNS + 'is_crisis = { constant = "yes" }', "CR-MAP-003",
         "[columns] is_crisis: the constant 'yes' is not a true or false", None),
        (COLUMNS.replace('code = "code"', ""), "CR-MAP-003", "[columns] code: is required in events", None),
    ],
)  # fmt: skip
def test_a_wrong_column_is_refused_by_name(columns: str, code: str, words: str, hint: str | None) -> None:
    problem = problem_of(columns)
    assert (problem.code, problem.problem, problem.hint) == (code, words, hint)


def test_an_unknown_key_at_the_top_is_refused_with_the_nearest_one() -> None:
    problem = problem_of(top='delimeter = ";"')
    assert (problem.code, problem.problem, problem.hint) == (
        "CR-MAP-002", 'top: unknown key "delimeter"', 'did you mean "delimiter"?',
    )  # fmt: skip


def test_all_problems_are_told_at_once() -> None:
    problem = problem_of(COLUMNS.replace("code =", "coda ="), top='encoding = "utf-99"', end='[[keep]]\ncolumn = "x"')
    assert problem.problem == "4 problems in this mapping"
    assert problem.found is not None
    assert [line.strip() for line in problem.found.split("\n")] == [
        '[columns] coda: events has no such column (did you mean "code"?)',
        "[columns] code: is required in events",
        "[[keep]] 1: needs a column with values or not_values, or a time",
        'top: there is no encoding "utf-99" (known: utf-8, cp1252, latin-1, utf-16, …)',
    ]


def test_identities_are_never_loaded_into_tables() -> None:
    with pytest.raises(MappingError) as caught:
        mapping_from('table = "identities"\n[columns]\nname = "n"', Path("m.toml"))
    assert "never loaded into tables" in caught.value.problem


def test_a_table_without_a_history_needs_no_known_at() -> None:
    text = 'table = "places"\n[columns]\nplace_id = "hood"\nlatitude = "lat"\nlongitude = "lon"'
    assert set(mapping_from(text, Path("p.toml")).columns) == {"place_id", "latitude", "longitude"}


def test_a_keep_by_time_takes_dates() -> None:
    end = '[[keep]]\ntime = "occurred_at"\nfrom = 2014-01-01\nbefore = "2017-10-01"'
    (keep,) = events(end=end).keep
    assert isinstance(keep, KeepTimes)
    assert (keep.time, str(keep.start), str(keep.before)) == ("occurred_at", "2014-01-01", "2017-10-01")


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text("table = ")
    with pytest.raises(MappingError) as caught:
        read_mapping(path)
    assert caught.value.code == "CR-MAP-001"


def test_a_missing_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError) as caught:
        read_mapping(tmp_path / "none.toml")
    assert (caught.value.code, caught.value.found) == ("CR-MAP-001", "No such file or directory")


@pytest.mark.parametrize("name", ["base64", "hex", "rot13", "zlib", "utf\\u0000", "undefined", "klingon"])
def test_what_is_no_encoding_of_text_is_refused(name: str) -> None:
    error = problem_of(top=f'encoding = "{name}"')
    assert (error.code, error.problem.split('"')[0][:26]) == ("CR-MAP-003", "top: there is no encoding ")


def test_a_delimiter_that_no_text_has_is_refused() -> None:
    assert problem_of(top='delimiter = "\\u0000"').problem == r"top: delimiter must be one character, found '\x00'"


def test_a_table_that_is_a_list_is_refused() -> None:
    with pytest.raises(MappingError) as caught:
        mapping_from(f'table = ["events"]\n[columns]\n{COLUMNS}', Path("m.toml"))
    assert caught.value.problem == "top: table must be a text, found ['events']"


def test_the_time_of_a_filter_that_is_a_list_is_refused() -> None:
    error = problem_of(end='[[keep]]\ntime = ["at"]\nfrom = 2026-01-01')
    assert error.problem == "[[keep]] 1: time must be a time in [columns], found ['at']"
