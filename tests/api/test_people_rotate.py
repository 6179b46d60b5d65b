"""`crisisrisk people rotate`: on a real site no pseudonym of the key before is left, and nobody is lost or doubled."""

import base64
import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from tests.lib.full_sites import CANARY, WHY, everything, full_site_of, run, said
from tests.lib.harmed_database import kept_copy
from tests.lib.killed_commands import stopped
from tests.lib.service_site import EVENTS_MAPPING, ServiceSite, load_rows, opened

from crisisrisk.commands.data import load_files
from crisisrisk.commands.work import work_once
from crisisrisk.database.base import Base
from crisisrisk.database.engine import open_engine
from crisisrisk.database.upgrade import upgrade
from crisisrisk.database.work_lock import answering, nobody_answers
from crisisrisk.errors import DataError, ServiceError
from crisisrisk.evaluation.judged import person_numbers
from crisisrisk.operations.backup import back_up, copies
from crisisrisk.tables.pseudonyms import create_pseudonym_key, read_pseudonym_key
from crisisrisk.tables.renaming import Renaming
from crisisrisk.tables.rotation import begin_rotation, rotations
from crisisrisk.tables.site import read_site

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
    put_back = kept_copy(folder)
    run(full_site, "people", "erase", ben, *WHY)
    run(full_site, *ROTATE)
    kept = copies(folder / "backups")
    assert len(kept) == (full_site.engine.dialect.name == "sqlite")  # a PostgreSQL is copied elsewhere
    assert not [one for one in kept if ann.encode() in one.read_bytes()]
    put_back()
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


# The end of the keys


def _secrets(site: ServiceSite) -> list[bytes]:
    return [step.secret for step in read_pseudonym_key(site.site).steps]


def _stands_in(secrets: list[bytes], content: bytes) -> bool:
    return any(form in content for one in secrets for form in (one, one.hex().encode(), base64.b64encode(one)[:42]))


def _destroy(site: ServiceSite, *how: str) -> dict[str, Any]:
    return said(site, "people", "destroy-keys", *how, *WHY)


def test_keys_end_together_once_nothing_needs_them_and_stand_nowhere(full_site: ServiceSite) -> None:
    folder, ann = full_site.site.path, full_site.people["ann"]
    (folder / "mappings").mkdir(exist_ok=True)
    shutil.copy(folder / "events.toml", folder / "mappings")
    run(full_site, *ROTATE)
    secrets, renaming, key_file = _secrets(full_site), _renaming(full_site), folder / "keys" / "pseudonym.key"
    whole = everything(full_site)
    would = said(full_site, "people", "destroy-keys", "--dry-run")
    assert would["keys"] == ["k1", "k2"]
    assert [one.split()[0] for one in would["needed"]] == ["former", "events.toml", "this"]
    assert any("2 people whose names are kept" in one for one in would["lost"])
    assert "still needed" in str(run(full_site, "people", "destroy-keys", "--no-more-files", *WHY).exception)
    assert everything(full_site) == whole
    until = folder / "rotations.json"
    until.write_text(re.sub(r'"asked_until": "\d{4}', '"asked_until": "2020', until.read_text()))
    before = folder / "keys" / "of-last-year.txt"
    before.write_text(key_file.read_text().upper())
    lock = full_site.site.state / "serve.lock"
    with answering(lock):
        assert "the service is running" in str(
            run(full_site, "people", "destroy-keys", "--no-more-files", *WHY).exception
        )
    assert _secrets(full_site) == secrets
    done = _destroy(full_site, "--no-more-files")
    assert (done["done"], done["keys"], done["left"]) == (True, ["k1", "k2"], [str(before)])
    before.unlink()
    assert not _stands_in(secrets, everything(full_site))
    assert (key_file.read_text()[:10], key_file.stat().st_mode & 0o777) == ("destroyed ", 0o600)
    # what is kept goes on by pseudonym, and nothing that has an identifier is taken for somebody else's
    care = full_site.client("care", "north")
    assert care.get(f"/api/v1/people/{renaming.of(ann)}/risk").status_code == 200
    asked = {"nhs_number": "9990000018", "reason": "is on the line"}
    assert full_site.client("triage_clinician").post("/api/v1/people/lookup", json=asked).status_code == 503
    (folder / "later.csv").write_text((folder / "events.csv").read_text().replace("e3,", "e4,"))
    for command in (
        ("data", "load", str(folder / "later.csv"), "--mapping", str(folder / "events.toml")), ROTATE,
        ("people", "destroy-keys", "--dry-run"),
    ):  # fmt: skip
        assert "CR-KEY-005" in str(run(full_site, *command).exception), command
    (look,) = [one for one in said(full_site, "audit", "show")["looks"] if one["action"] == "people destroy-keys"]
    assert json.loads(look["detail"])["keys"] == ["k1", "k2"]
    assert said(full_site, "audit", "verify")["findings"] == []


def test_a_site_that_follows_has_every_file_and_keeps_out_who_was_erased(
    full_site: ServiceSite, tmp_path: Path
) -> None:
    here, there = full_site.site.path, tmp_path / "there"
    run(full_site, "people", "erase", full_site.people["ben"], *WHY)
    (there / "serving").mkdir(parents=True)
    for name in ("crisisrisk.toml", "serving/service.toml"):
        shutil.copy(here / name, there / name)
    shutil.copytree(here / "keys", there / "keys")
    follows = ("people", "destroy-keys", "--successor", str(there), "--dry-run")
    needed = said(full_site, *follows)["needed"]
    assert [one.split(" ")[0] for one in needed] == ["the", "4", "1"]
    assert "has one of these keys" in needed[0]
    shutil.rmtree(there / "keys")
    site = read_site(there)
    create_pseudonym_key(site)
    for name in ("events", "caseloads", "sites"):
        load_files(site, [here / f"{name}.csv"], here / f"{name}.toml")
    assert [one[:46] for one in said(full_site, *follows)["needed"]] == [
        "1 of 4 files were loaded here and not there (c", "1 people were erased here and 0 there: erase t",
    ]  # fmt: skip
    load_files(site, [here / "corrections.csv"], here / "corrections.toml")
    upgrade(open_engine(site.database_url))
    of_there = opened(there)
    assert run(of_there, "people", "erase", of_there.people["ben"], *WHY).return_value in (None, 0)
    assert said(full_site, *follows)["needed"] == []
    done = _destroy(full_site, "--successor", str(there))
    assert (done["done"], done["keys"], done["left"]) == (True, ["k1"], [])
    assert of_there.people["ann"] == opened(there).people["ann"]
