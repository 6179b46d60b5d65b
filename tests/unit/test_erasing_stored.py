"""Taking a person out of the stored tables: what is left is what would be there had their rows never come."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.lib.people_tables import OF_ANN, PEOPLE, PEOPLE_ROWS, Row, event_row, load_table, loaded_site
from tests.lib.table_sites import EVENTS, stored_bytes

from crisisrisk.errors import DataError
from crisisrisk.tables.checked_people import checked_people, keep_checked_people
from crisisrisk.tables.erased import NOT_ERASED, admit_again, end_erasure, erased_people
from crisisrisk.tables.erasing import WITHHELD, erase_stored, people_stored, rows_stored
from crisisrisk.tables.pseudonyms import pseudonym, read_pseudonym_key
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

NOW = datetime(2026, 11, 29, 6, 0, tzinfo=UTC)


def _not_ann(row: Row) -> bool:
    return row["person"] != "ann" and OF_ANN.get(row.get("key") or "") != row.get("source", "")


def _person(site: Site, name: str) -> str:
    return str(pseudonym(read_pseudonym_key(site), "study_id", name))


def _held(site: Site) -> bytes:
    """Everything in the site's folder."""
    return b"\n".join(one.read_bytes() for one in site.path.rglob("*") if one.is_file())


def test_what_is_left_is_what_would_be_there_without_the_person(tmp_path: Path) -> None:
    site, without = loaded_site(tmp_path / "whole"), loaded_site(tmp_path / "without", _not_ann)
    ann = _person(site, "ann")
    assert ann.encode() in _held(site)
    counts = rows_stored(site, ann)
    assert erase_stored(site, ann, now=NOW) == {**counts, "quarantine": 1}
    assert counts == {"caseloads": 1, "events": 8, "people": 1, "person_links": 4}
    assert stored_bytes(site) == stored_bytes(without)
    assert ann.encode() not in _held(site)
    assert rows_stored(site, ann) == {}
    assert people_stored(site) == people_stored(without)


def test_a_contact_that_turned_out_to_be_theirs_does_not_come_back_to_another(tmp_path: Path) -> None:
    site = loaded_site(tmp_path)
    ben = _person(site, "ben")
    load_table(site, "corrected", [event_row(1, "ann", day=5)], EVENTS)
    erase_stored(site, _person(site, "ann"), now=NOW)
    store = Store(site).snapshot()
    rows = [row for bucket in range(store.buckets) for row in store.person_events(bucket).to_pylist()]
    (one,) = [row for row in rows if row["person_id"] == ben and row["occurred_at"].month == 2 and row["code"] == "call"
              and row["superseded_at"].year == 2026]  # fmt: skip
    assert one["superseded_at"] == datetime(2026, 10, 5, 12, tzinfo=UTC)


def test_erasing_again_changes_nothing(tmp_path: Path) -> None:
    site = loaded_site(tmp_path)
    ann = _person(site, "ann")
    erase_stored(site, ann, now=NOW)
    before = {one: one.read_bytes() for one in site.path.rglob("*") if one.is_file()}
    assert erase_stored(site, ann, now=NOW.replace(hour=7)) == {}
    assert {one: one.read_bytes() for one in site.path.rglob("*") if one.is_file()} == before


def test_what_was_refused_keeps_where_and_why_and_no_value(tmp_path: Path) -> None:
    site = loaded_site(tmp_path)
    (file,) = site.quarantine.glob("rows-*.parquet")
    before = pq.read_table(file)
    assert "attack helicopter" in before.column("value").to_pylist()
    erase_stored(site, _person(site, "ann"), now=NOW)
    after = pq.read_table(file)
    assert set(after.column("value").to_pylist()) == {WITHHELD}
    assert after.drop_columns(["value"]) == before.drop_columns(["value"])


def test_rows_that_come_again_are_refused_until_the_person_is_admitted_again(tmp_path: Path) -> None:
    site = loaded_site(tmp_path)
    ann = _person(site, "ann")
    erase_stored(site, ann, now=NOW)
    end_erasure(site, ann, now=NOW)
    stored = stored_bytes(site)
    again = load_table(
        site, "again", [event_row(70, "ann"), event_row(71, None, "K-moved"), event_row(72, "ben")], EVENTS
    )
    assert again.broken_rules == {f"person_id: {NOT_ERASED}": 1, f"source_person_key: {NOT_ERASED}": 1}
    assert (again.rows_loaded, again.rows_quarantined) == (1, 2)
    assert load_table(site, "again-people", [PEOPLE_ROWS[0]], PEOPLE).rows_quarantined == 1
    assert ann.encode() not in _held(site)
    assert admit_again(site, ann)
    assert not admit_again(site, ann)
    assert load_table(site, "third", [event_row(73, "ann")], EVENTS).rows_loaded == 1
    assert len(stored_bytes(site)) >= len(stored)


def test_the_register_names_nobody_and_belongs_to_its_owner(tmp_path: Path) -> None:
    site = loaded_site(tmp_path)
    ann = _person(site, "ann")
    erase_stored(site, ann, now=NOW)
    file = site.path / "erased" / "people.json"
    (one,) = json.loads(file.read_text())["people"]
    assert (one["ended_at"], len(one["keys"]), len(one["person"])) == (None, 2, 32)
    assert ann not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    known = erased_people(site)
    assert known is not None
    assert known.of(ann) is not None
    assert known.of(_person(site, "ben")) is None
    assert "secret" not in repr(known)


def test_a_site_whose_register_cannot_be_read_loads_nothing(tmp_path: Path) -> None:
    site = loaded_site(tmp_path)
    erase_stored(site, _person(site, "ann"), now=NOW)
    (site.path / "keys" / "erased.key").unlink()
    with pytest.raises(DataError, match="CR-ERASE-002"):
        load_table(site, "again", [event_row(70, "ann")], EVENTS)


def test_the_list_of_those_without_an_opt_out_names_them_no_longer(tmp_path: Path) -> None:
    site = loaded_site(tmp_path)
    ann, ben = _person(site, "ann"), _person(site, "ben")
    keep_checked_people(site, [ann, ben], date(2026, 11, 20))
    erase_stored(site, ann, now=NOW)
    kept = checked_people(site)
    assert kept is not None
    assert (kept.people, kept.checked_on) == (1, date(2026, 11, 20))
    assert pq.read_table(site.path / "opt_outs" / kept.file).column("person_id").to_pylist() == [ben]
