"""MEDS: what is exported passes the checks of its makers and comes back; what others write can be loaded."""

import json
from datetime import UTC, datetime
from pathlib import Path

import meds
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from flexible_schema import SchemaValidationError
from tests.lib.table_sites import EVENTS, make_site, write_csv, write_mapping

from crisisrisk.cli import run
from crisisrisk.commands.data import load_files
from crisisrisk.commands.meds import export_meds, load_meds
from crisisrisk.errors import CrisisRiskError, DataError, MappingError, UsageError
from crisisrisk.tables import meds as format_of
from crisisrisk.tables.meds import people_gathered, subject_numbers
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Store

PEOPLE = """table = "people"
[columns]
person_id = { column = "person", kind = "study_id" }
valid_from = { column = "from" }
known_at = { column = "known" }
birth_year = "born"
sex = "sex"
deprivation_decile = "decile"
died_at = { column = "died" }
"""
OPT_OUTS = """table = "opt_outs"
[columns]
person_id = { column = "person", kind = "study_id" }
valid_from = { column = "from" }
known_at = { delay_hours = 0 }
"""
# Reads back what an export adds to the columns of MEDS, so that nothing is lost on the way.
OWN = """table = "events"
[columns]
event_id = { hash = ["subject_id", "occurred_at", "code", "numeric_value", "outcome"] }
occurred_at = { column = "occurred_at", zone = "UTC" }
known_at = { column = "known_at", zone = "UTC" }
source = "source"
code = "source_code"
outcome = "outcome"
is_crisis = "is_crisis"
value = "numeric_value"
person_id = { column = "subject_id", kind = "study_id" }
[[keep]]
column = "source"
values = ["police_999", "nhs_111"]
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Three people: one with a correction and in the register, one who objects, one of whom little is known."""
    made = make_site(tmp_path)
    events = [
        {"id": 1, "at": "2025-01-01T10:00Z", "known": "2025-01-02T10:00Z", "source": "police_999", "code": "welfare",
         "person": "anna", "key": None},
        {"id": 1, "at": "2025-01-01T10:00Z", "known": "2025-01-05T10:00Z", "source": "police_999", "code": "concern",
         "person": "anna", "key": None},
        {"id": 2, "at": "2024-12-24T23:30Z", "known": "2025-02-01T00:00Z", "source": "nhs_111", "code": "advice",
         "person": "anna", "key": None},
        {"id": 3, "at": "2025-03-01T10:00Z", "known": "2025-03-01T11:00Z", "source": "nhs_111", "code": "advice",
         "person": "bert", "key": None},
        {"id": 4, "at": "2025-03-02T10:00Z", "known": "2025-03-02T11:00Z", "source": "nhs_111", "code": "advice",
         "person": "carl", "key": None},
        {"id": 5, "at": "2025-03-02T10:00Z", "known": "2025-03-02T11:00Z", "source": "nhs_111", "code": "advice",
         "person": None, "key": None},
    ]  # fmt: skip
    load_files(made, [write_csv(tmp_path / "events.csv", events)], write_mapping(made, EVENTS))
    people = [
        {"person": "anna", "from": "2024-01-01", "known": "2024-01-05", "born": 1980, "sex": "female", "decile": 3,
         "died": None},
        {"person": "anna", "from": "2025-04-01T00:00Z", "known": "2025-04-09T00:00Z", "born": 1980, "sex": "female",
         "decile": 5, "died": "2025-04-01T00:00Z"},
    ]  # fmt: skip
    load_files(made, [write_csv(tmp_path / "people.csv", people)], write_mapping(made, PEOPLE, "people"))
    objections = [{"person": "bert", "from": "2025-03-01T12:00Z"}]
    load_files(made, [write_csv(tmp_path / "opt_outs.csv", objections)], write_mapping(made, OPT_OUTS, "opt_outs"))
    return made


def exported(folder: Path) -> list[pa.Table]:
    return [pq.read_table(path) for path in sorted((folder / "data").glob("*.parquet"))]


def test_an_export_passes_the_checks_of_its_makers(site: Site, tmp_path: Path) -> None:
    export_meds(site, tmp_path / "out", clock="known")
    tables = exported(tmp_path / "out")
    assert tables
    for table in tables:
        meds.DataSchema.validate(table)
    meds.CodeMetadataSchema.validate(pq.read_table(tmp_path / "out" / meds.code_metadata_filepath))
    about = json.loads((tmp_path / "out" / meds.dataset_metadata_filepath).read_text())
    meds.DatasetMetadataSchema.validate(about)
    assert about["meds_version"] == meds.__version__
    named = set(about["code_modifier_columns"]) | set(about["other_extension_columns"])
    assert set(tables[0].column_names) == named | {"subject_id", "time", "code", "numeric_value"}


def test_the_makers_checks_refuse_what_is_no_export(site: Site, tmp_path: Path) -> None:
    export_meds(site, tmp_path / "out", clock="known")
    table = exported(tmp_path / "out")[0]
    with pytest.raises(SchemaValidationError):
        meds.DataSchema.validate(table.drop_columns(["code"]))
    text = table["subject_id"].cast(pa.string())
    with pytest.raises(SchemaValidationError):
        meds.DataSchema.validate(table.set_column(0, "subject_id", text))


def test_our_names_of_the_format_are_its_own() -> None:
    assert (meds.birth_code, meds.death_code) == (format_of.BIRTH, format_of.DEATH)
    ours = {field.name: field.type for field in format_of.DATA}
    theirs = {"subject_id": pa.int64(), "time": pa.timestamp("us"), "code": pa.string(), "numeric_value": pa.float32()}
    assert theirs.items() <= ours.items()


def test_subjects_are_together_in_one_file_in_order_of_time_and_who_objects_is_not_there(
    site: Site, tmp_path: Path
) -> None:
    result = export_meds(site, tmp_path / "out", clock="known")
    seen: set[int] = set()
    for table in exported(tmp_path / "out"):
        subject = np.asarray(table["subject_id"])
        runs = subject[np.append(True, np.diff(subject) != 0)]
        assert len(runs) == len(set(runs))
        assert not seen & set(runs.tolist())
        seen |= set(runs.tolist())
        time = np.asarray(table["time"].cast(pa.int64()).fill_null(-(1 << 62)))
        assert all((np.diff(time[subject == one]) >= 0).all() for one in runs)
    assert (result.subjects, result.objected) == (2, 1)
    assert len(seen) == 2


def annas(folder: Path) -> list[tuple[object, ...]]:
    rows = [row for table in exported(folder) for row in table.to_pylist()]
    anna = next(row["subject_id"] for row in rows if row["code"] == meds.birth_code)
    return [(row["time"], row["code"], row["numeric_value"]) for row in rows if row["subject_id"] == anna]


def test_time_is_when_a_thing_was_known(site: Site, tmp_path: Path) -> None:
    """A correction counts in its last version, from when that was known; a death too."""
    export_meds(site, tmp_path / "out", clock="known")
    assert [(time and time.isoformat(), code, value) for time, code, value in annas(tmp_path / "out")] == [
        (None, "SEX//female", None),
        ("1980-01-01T00:00:00", "MEDS_BIRTH", None),
        ("2024-01-05T00:00:00", "DEPRIVATION_DECILE", 3.0),
        ("2025-01-05T10:00:00", "police_999//concern", None),
        ("2025-02-01T00:00:00", "nhs_111//advice", None),
        ("2025-04-09T00:00:00", "DEPRIVATION_DECILE", 5.0),
        ("2025-04-09T00:00:00", "MEDS_DEATH", None),
    ]


def test_time_may_be_when_it_occurred(site: Site, tmp_path: Path) -> None:
    export_meds(site, tmp_path / "out", clock="occurred")
    times = {code: time.isoformat() for time, code, _ in annas(tmp_path / "out") if time}  # type: ignore[attr-defined]
    assert times["nhs_111//advice"] == "2024-12-24T23:30:00"
    assert times["MEDS_DEATH"] == "2025-04-01T00:00:00"


def test_no_pseudonym_leaves(site: Site, tmp_path: Path) -> None:
    export_meds(site, tmp_path / "out", clock="known")
    content = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert b"k1_" not in content
    assert (subject_numbers(["k1_a", "k1_b"]) >= 0).all()
    assert subject_numbers(["k1_a"])[0] == subject_numbers(["k1_b", "k1_a"])[1]


def last_versions(site: Site) -> list[tuple[object, ...]]:
    snapshot = Store(site).snapshot()
    rows = [row for bucket in range(snapshot.buckets) for row in snapshot.person_events(bucket).to_pylist()]
    return sorted(
        (row["occurred_at"], row["known_at"], row["source"], row["code"], row["value"])
        for row in rows
        if row["superseded_at"].year == 9999
    )


def test_an_export_comes_back_with_both_clocks(site: Site, tmp_path: Path) -> None:
    export_meds(site, tmp_path / "out", clock="known")
    other = make_site(tmp_path / "other")
    loads = load_meds(other, tmp_path / "out", mapping=write_mapping(other, OWN))
    assert [load.table for load in loads] == ["events", "people"]
    before = [row for row in last_versions(site) if row[0] != at("2025-03-01T10:00")]  # bert objects
    assert last_versions(other) == before
    assert len(before) == 3


# From others


def written(folder: Path, rows: dict[str, list[object]], name: str = "data/train/0.parquet") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = {"subject_id": pa.int64(), "time": pa.timestamp("us"), "code": pa.string(), "numeric_value": pa.float32()}
    columns = {key: pa.array(values, kinds[key]) for key, values in rows.items()}
    pq.write_table(pa.table(columns), path)
    return folder


def of_others(folder: Path, *, values: bool = True) -> Path:
    time = [None, *(datetime.fromisoformat(one) for one in ("1970-06-01", "2020-01-01", "2020-02-01", "2020-03-01"))]
    rows: dict[str, list[object]] = {
        "subject_id": [7, 7, 7, 7, 7],
        "time": time,
        "code": ["GENDER//F", "MEDS_BIRTH", "ED_REGISTRATION", "LAB//50912", "MEDS_DEATH"],
        "numeric_value": [None, None, None, 1.5, None],
    }
    if not values:
        del rows["numeric_value"]
    return written(folder, rows)


def site_for_meds(parent: Path) -> Site:
    made = make_site(parent)
    text = (made.path / "crisisrisk.toml").read_text()
    source = '[source.meds]\nagency = "Hospital"\nsingular = "entry"\nplural = "entries"\n'
    (made.path / "crisisrisk.toml").write_text(text + source)
    return read_site(made.path)


@pytest.mark.parametrize("values", [True, False])
def test_what_others_write_can_be_loaded(tmp_path: Path, values: bool) -> None:
    site = site_for_meds(tmp_path)
    events, people = load_meds(site, of_others(tmp_path / "theirs", values=values))
    assert (events.rows_loaded, events.rows_quarantined) == (2, 0)
    assert [row[2:] for row in last_versions(site)] == [
        ("meds", "ED_REGISTRATION", None),
        ("meds", "LAB//50912", 1.5 if values else None),
    ]
    register = Store(site).snapshot().table("people").to_pylist()
    assert people.rows_loaded == 2
    states = [(row["valid_from"], row["known_at"], row["birth_year"], row["died_at"]) for row in register]
    first, death = at("2020-01-01"), at("2020-03-01")
    assert states == [(first, first, 1970, None), (death, death, 1970, death)]


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us", tz="UTC")])
def test_times_may_be_finer_coarser_or_zoned(tmp_path: Path, kind: pa.DataType) -> None:
    site, theirs = site_for_meds(tmp_path), of_others(tmp_path / "theirs")
    path = theirs / "data/train/0.parquet"
    table = pq.read_table(path)
    column = table["time"].cast(kind)
    if kind.unit == "ns":  # a nanosecond after a whole microsecond
        column = pc.add(column.cast(pa.int64()), 1).cast(kind)
    pq.write_table(table.set_column(1, "time", column), path)
    events, people = load_meds(site, theirs)
    assert (events.rows_loaded, people.rows_loaded) == (2, 2)
    assert [row[0] for row in last_versions(site)] == [at("2020-01-01"), at("2020-02-01")]


def test_a_time_beyond_64_bits_of_microseconds_is_refused(tmp_path: Path) -> None:
    site, theirs = site_for_meds(tmp_path), of_others(tmp_path / "theirs")
    path = theirs / "data/train/0.parquet"
    table = pq.read_table(path)
    far = pa.array([None, 0, 1, 2, 1 << 60], pa.int64()).cast(pa.timestamp("ms"))
    pq.write_table(table.set_column(1, "time", far), path)
    with pytest.raises(DataError, match="too far away"):
        load_meds(site, theirs)


def test_the_same_data_set_twice_changes_nothing(tmp_path: Path) -> None:
    site, theirs = site_for_meds(tmp_path), of_others(tmp_path / "theirs")
    load_meds(site, theirs)
    digest = Store(site).snapshot().digest
    assert [load.already_loaded for load in load_meds(site, theirs)] == [True, True]
    assert Store(site).snapshot().digest == digest


def test_people_are_gathered_from_their_first_entry_on() -> None:
    rows = pa.table(
        {
            "subject_id": pa.array([1, 1, 2, 3], pa.int64()),
            "time": pa.array([0, 86_400_000_000, 0, None], pa.timestamp("us")),
            "code": ["MEDS_BIRTH", "VISIT", "MEDS_BIRTH", "GENDER//M"],
        }
    )
    assert people_gathered(rows).to_pylist() == [
        {"subject_id": 1, "since": datetime(1970, 1, 2), "birth_year": 1970, "died_at": None}
    ]


# What cannot be used


def test_a_folder_without_meds_is_refused(tmp_path: Path) -> None:
    site = site_for_meds(tmp_path)
    with pytest.raises(DataError, match="no Parquet file"):
        load_meds(site, tmp_path / "nowhere")
    pq.write_table(pa.table({"subject_id": ["x"], "time": ["y"], "code": ["z"]}), tmp_path / "texts.parquet")
    with pytest.raises(DataError, match="not in the MEDS format"):
        load_meds(site, tmp_path / "texts.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        load_meds(site, tmp_path / "broken.parquet")


def test_a_site_must_name_the_source(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    with pytest.raises(MappingError, match='no source "meds"'):
        load_meds(site, of_others(tmp_path / "theirs"))
    with pytest.raises(CrisisRiskError, match="nothing has been loaded"):
        Store(site).snapshot()


def test_an_export_does_not_write_over_anything(site: Site, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept").write_text("mine")
    with pytest.raises(UsageError, match="new or empty folder"):
        export_meds(site, tmp_path / "out", clock="known")
    assert [path.name for path in tmp_path.glob(".out-*")] == []
    assert (tmp_path / "out" / "kept").read_text() == "mine"


def test_the_commands_say_what_they_did(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(["export", "meds", str(out), "--site", str(site.path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["subjects"], told["objected"], told["clock"]) == (2, 1, "known")
    other = site_for_meds(tmp_path / "other")
    assert run(["meds", "load", str(of_others(tmp_path / "theirs")), "--site", str(other.path)]) == 0
    assert "events: 2 of 4 rows loaded" in capsys.readouterr().out
    assert run(["export", "meds", str(tmp_path / "text"), "--site", str(site.path)]) == 0
    assert "time is when a thing was known" in capsys.readouterr().out


def test_a_new_site_has_the_mapping_to_edit(tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "new")]) == 0
    assert 'table = "events"' in (tmp_path / "new" / "mappings" / "meds.toml").read_text()
