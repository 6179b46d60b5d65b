"""`crisisrisk people rotate`: on a real site no pseudonym of the key before is left, and nobody is lost or doubled."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from tests.lib.full_sites import CANARY, WHY, everything, full_site_of, run, said
from tests.lib.killed_commands import stopped
from tests.lib.service_site import EVENTS_MAPPING, ServiceSite, load_rows, opened

from crisisrisk.commands.work import work_once
from crisisrisk.database.base import Base
from crisisrisk.database.work_lock import answering, nobody_answers
from crisisrisk.errors import DataError, ServiceError
from crisisrisk.evaluation.judged import person_numbers
from crisisrisk.operations.backup import back_up, copies
from crisisrisk.tables.pseudonyms import read_pseudonym_key
from crisisrisk.tables.renaming import Renaming
from crisisrisk.tables.rotation import begin_rotation, rotations

ROTATE = ("people", "rotate", *WHY)
ASK = ("--reason", "in the notes", "--by", "A. Nobody")


@pytest.fixture
def full_site(own_site: ServiceSite) -> ServiceSite:
    """With names, a report and a list that somebody keeps."""
    made = full_site_of(own_site)
    names = made.site.path / "names.csv"
    names.write_text("study_id,name\n" + "".join(f"{one},{one.upper()}\n" for one in ("ann", "ben")))
    assert run(made, "people", "identities", str(names), "--kind", "study_id").return_value == 0
    names.unlink()
    (made.site.reports / "list.csv").write_text(f"person,chance\n{made.people['ann']},18\n")
    return made


def _renaming(site: ServiceSite) -> Renaming:
    return Renaming(read_pseudonym_key(site.site))


def _rows(site: ServiceSite) -> dict[str, list[tuple[Any, ...]]]:
    """Every row about people, but for what is sealed."""
    sealed = {"nhs_number", "name", "birth_date", "phone"}
    with site.engine.connect() as connection:
        return {
            table.name: connection.execute(select(*(one for one in table.c if one.name not in sealed))).all()
            for table in Base.metadata.sorted_tables if "person_id" in table.c
        }  # type: ignore[return-value]  # fmt: skip


def _sorted(rows: list[tuple[Any, ...]], renaming: Renaming | None = None) -> list[str]:
    return sorted(repr(tuple(row)) if renaming is None else renaming.in_text(repr(tuple(row))) for row in rows)


def _copied(site: ServiceSite, folder: Path) -> bytes:
    """A copy of the database: the file of a SQLite, and all that a dump of a PostgreSQL says."""
    copy = back_up(site.engine, folder / "copies", kept=1, now=datetime.now(UTC))
    if site.engine.dialect.name == "sqlite":
        return copy.read_bytes()
    return subprocess.run(["pg_restore", "--file=-", str(copy)], capture_output=True, check=True).stdout


def _listed(text: str) -> dict[str, Any]:
    """A list; who stands in it without a score stands in the order of pseudonyms."""
    answer: dict[str, Any] = json.loads(text)
    return {**answer, "pinned": sorted(answer["pinned"], key=lambda one: one["person_id"])}


@pytest.mark.both_databases
def test_nobody_has_a_former_pseudonym_anywhere_and_nobody_is_lost_doubled_or_merged(
    full_site: ServiceSite, tmp_path: Path
) -> None:
    ann, ben = full_site.people["ann"], full_site.people["ben"]
    care = full_site.client("care", "north")
    list_before, risk_before = (care.get(one).text for one in ("/api/v1/caseloads/north", f"/api/v1/people/{ann}/risk"))
    whole = everything(full_site)
    would = said(full_site, "people", "rotate", "--dry-run")
    assert everything(full_site) == whole
    before = _rows(full_site)
    full_site.engine.dispose()
    made = said(full_site, *ROTATE)
    renaming, current = _renaming(full_site), opened(full_site.site.path)
    assert (made["done"], made["key"], made["left"]) == (True, "k2", [])
    assert (made["people"], made["stored"], made["files"]) == (would["people"], would["stored"], would["files"])
    assert made["stored"] == {"caseloads": 13, "events": 3}
    assert made["people"] == len(full_site.people) - len({"nobody"})
    after = everything(current)
    assert not renaming.are_in(after)
    copy = _copied(current, tmp_path)
    assert not renaming.are_in(copy)
    assert renaming.of(ann).encode() in copy
    assert CANARY.encode() in after
    now = _rows(current)
    assert {name: _sorted(rows, renaming) for name, rows in before.items()} == {
        name: _sorted(rows) for name, rows in now.items()
    }
    care = current.client("care", "north")
    assert _listed(care.get("/api/v1/caseloads/north").text) == _listed(renaming.in_text(list_before))
    risk = care.get(f"/api/v1/people/{renaming.of(ann)}/risk")
    assert risk.json() == json.loads(renaming.in_text(risk_before))
    assert "ANN" in risk.text
    missing = care.get(f"/api/v1/people/{current.people['nobody']}/risk")
    assert care.get(f"/api/v1/people/{ann}/risk").status_code == missing.status_code
    assert said(current, "audit", "verify")["findings"] == []
    (runs,) = current.site.path.rglob("judged.parquet")
    numbers = pq.read_table(runs).column("person").to_pylist()
    assert numbers == person_numbers([renaming.of(one) for one in (ben, ann, ben)]).tolist()
    assert (current.site.reports / "list.csv").read_text() == f"person,chance\n{renaming.of(ann)},18\n"
    assert {one.person_id for one in now["identities"]} == {renaming.of(one) for one in (ann, ben)}


# Cut off, and kept apart


@pytest.mark.parametrize(
    ("point", "waits"),
    [
        ("pseudonym.key.next", False),  # before there is a new key
        (".judged.parquet.new", True),  # after it, and before anything is renamed
        ("CURRENT@5", True),  # before the tables count
        ("witness.log@3", True),  # after that, and before the database is written anew
        (".pseudonym.key.new", True),  # before the key is the site's
        (".rotations.json.new@2", True),  # before it is said to be over
    ],
)
def test_what_was_cut_off_is_taken_up_with_the_same_key(full_site: ServiceSite, point: str, waits: bool) -> None:
    _cut_off_and_taken_up(full_site, point, waits)


@pytest.mark.both_databases
def test_between_the_tables_and_the_database_it_may_be_cut_off_too(full_site: ServiceSite) -> None:
    _cut_off_and_taken_up(full_site, "witness.log@2", True)


def _cut_off_and_taken_up(full_site: ServiceSite, point: str, waits: bool) -> None:
    site, before = full_site.site, _rows(full_site)
    full_site.engine.dispose()
    ended = stopped("SIGKILL", point, *ROTATE, "--site", str(site.path))
    assert (ended.returncode, "k1_" in ended.stdout + ended.stderr) == (-9, False)
    waiting = site.path / "keys" / "pseudonym.key.next"
    assert waiting.exists() == waits
    assert ("CR-KEY-004" in str(run(full_site, "data", "status").exception)) == waits
    coming = waiting.read_text() if waits else None
    made = said(full_site, *ROTATE)
    assert (made["done"], made["key"], made["left"]) == (True, "k2", [])
    assert coming in (None, (site.path / "keys" / "pseudonym.key").read_text().split("\n")[1] + "\n")
    assert not waiting.exists()
    renaming, current = _renaming(full_site), opened(site.path)
    assert not renaming.are_in(everything(current))
    now = _rows(current)
    assert {name: _sorted(rows, renaming) for name, rows in before.items()} == {
        name: _sorted(rows) for name, rows in now.items()
    }
    (runs,) = site.path.rglob("judged.parquet")
    ann, ben = (renaming.of(full_site.people[name]) for name in ("ann", "ben"))
    assert pq.read_table(runs).column("person").to_pylist() == person_numbers([ben, ann, ben]).tolist()
    assert said(full_site, "audit", "verify")["findings"] == []
    assert [(one.key, one.ended_at is None) for one in rotations(site)] == [("k2", False)]


def test_the_service_and_a_change_of_the_key_keep_each_other_out(full_site: ServiceSite) -> None:
    lock = full_site.site.state / "serve.lock"
    with answering(lock), answering(lock):
        assert "the service is running" in str(run(full_site, *ROTATE).exception)
    with nobody_answers(lock), pytest.raises(ServiceError, match="by another pseudonym"), answering(lock):
        pass
    assert rotations(full_site.site) == []
    begin_rotation(full_site.site, now=datetime.now(UTC), asked_days=1)
    with pytest.raises(DataError, match="CR-KEY-004"):  # a worker that was at work before
        work_once(full_site.site, tell=print)


def test_it_goes_without_a_reason_or_a_yes_nowhere(full_site: ServiceSite) -> None:
    before = _rows(full_site)
    assert "for a reason" in str(run(full_site, "people", "rotate", "--yes").exception)
    assert "never changed" in str(run(full_site, *ROTATE, "--again").exception)
    assert type(run(full_site, "people", "rotate", *WHY[:4], typed="n\n").exception).__name__ == "Abort"
    assert (_rows(full_site), rotations(full_site.site)) == (before, [])


# Afterwards


def test_who_comes_again_is_known_and_a_former_pseudonym_may_be_asked_about(full_site: ServiceSite) -> None:
    ann, site = full_site.people["ann"], full_site.site
    assert "no pseudonym of a key that was replaced" in str(run(full_site, "people", "renamed", ann, *ASK).exception)
    run(full_site, *ROTATE)
    newest, current = _renaming(full_site).of(ann), opened(site.path)
    row = "n1,2026-11-21 10:00:00,2026-11-21 11:00:00,police_999,ann\n"
    load_rows(current.site, "later", f"id,at,known,source,person\n{row}", EVENTS_MAPPING)
    assert current.people["ann"] == newest
    assert said(full_site, "people", "erase", newest, "--dry-run")["stored"]["events"] == 3
    assert "of a key that was replaced" in str(run(full_site, "people", "erase", ann, "--dry-run").exception)
    assert run(full_site, "people", "renamed", ann, *ASK).stdout == f"{newest}\n"
    nobody = run(full_site, "people", "renamed", full_site.people["nobody"], *ASK)
    assert (nobody.return_value, nobody.stdout) == (1, "Nobody is kept by this pseudonym.\n")
    for part in (ann[:10], newest, "k9_" + ann[3:]):
        assert "no pseudonym of a key" in str(run(full_site, "people", "renamed", part, *ASK).exception)
    (look,) = said(full_site, "audit", "show", "--person", newest, "--limit", "1")["looks"]
    assert (look["action"], json.loads(look["detail"])["reason"]) == ("people renamed", "in the notes")
    assert ann.encode() not in everything(current)


def test_after_its_time_nobody_is_asked_for_by_a_former_pseudonym(full_site: ServiceSite) -> None:
    run(full_site, *ROTATE, "--asked-days", "0")
    asked = run(full_site, "people", "renamed", full_site.people["ann"], *ASK)
    assert "may be asked for by it any more" in str(asked.exception)


def test_who_was_erased_before_stays_out_and_may_be_admitted_by_the_identifier(full_site: ServiceSite) -> None:
    site, who = full_site.site, full_site.site.path.parent / "who.txt"
    run(full_site, "people", "erase", full_site.people["ann"], *WHY)
    run(full_site, *ROTATE)
    row = "n1,2026-11-21 10:00:00,2026-11-21 11:00:00,police_999,ann\n"
    with pytest.raises(AssertionError, match="rows_quarantined=1"):
        load_rows(opened(site.path).site, "later", f"id,at,known,source,person\n{row}", EVENTS_MAPPING)
    who.write_text("ann\n")
    named = ("--kind", "study_id", "--identifier-file", str(who))
    assert "count again" in run(full_site, "people", "readmit", *named, *WHY[:4]).stdout
    load_rows(opened(site.path).site, "third", f"id,at,known,source,person\n{row}", EVENTS_MAPPING)


def test_a_copy_that_was_put_back_is_renamed_again(full_site: ServiceSite) -> None:
    ann, ben, folder = full_site.people["ann"], full_site.people["ben"], full_site.site.path
    full_site.engine.dispose()
    former = (folder / "crisisrisk.db").read_bytes()
    run(full_site, "people", "erase", ben, *WHY)
    run(full_site, *ROTATE)
    (kept,) = copies(folder / "backups")
    assert ann.encode() not in kept.read_bytes()
    (folder / "crisisrisk.db").write_bytes(former)
    assert run(full_site, "audit", "resume", "--reason", "put back").return_value in (None, 0)
    assert "first: crisisrisk people erase --again" in str(run(full_site, *ROTATE, "--again").exception)
    assert run(full_site, "people", "erase", "--again").stdout == "1 people were there again, and are no longer.\n"
    assert said(full_site, "people", "rotate", "--again", "--dry-run")["database"]["scores"] == 6
    made = said(full_site, *ROTATE, "--again")
    assert (made["key"], made["left"]) == ("k2", [])
    current = opened(folder)
    assert not _renaming(full_site).are_in(everything(current))
    assert current.client("care", "north").get(f"/api/v1/people/{_renaming(full_site).of(ann)}/risk").status_code == 200
    assert said(full_site, "audit", "verify")["findings"] == []


def test_files_that_somebody_put_there_are_named_and_left(full_site: ServiceSite) -> None:
    ann, folder = full_site.people["ann"], full_site.site.path
    np.savez(folder / "mine.npz", people=np.array([ann]))
    (folder / "reports" / "old.csv").write_bytes(f"{ann},\xff".encode("latin-1"))
    result = run(full_site, *ROTATE)
    assert result.return_value == 1
    assert f"yours to remove: {folder / 'mine.npz'}" in result.stdout
    assert f"yours to remove: {folder / 'reports' / 'old.csv'}" in result.stdout
