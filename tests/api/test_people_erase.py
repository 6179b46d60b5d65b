"""`crisisrisk people erase`: on a real site with everything that is kept of people, nothing of one is left anywhere."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select, update
from tests.lib.full_sites import CANARY, WHY, everything, full_site_of, parts_of, run, said
from tests.lib.harmed_database import kept_copy
from tests.lib.killed_commands import stopped
from tests.lib.service_site import EVENTS_MAPPING, ServiceSite, load_rows, opened

from crisisrisk.commands.data import load_files
from crisisrisk.commands.erase import Whom
from crisisrisk.database.engine import writing
from crisisrisk.database.schema import Forecast
from crisisrisk.evaluation.judged import person_numbers
from crisisrisk.operations.backup import copies
from crisisrisk.operations.inbox import load_inbox
from crisisrisk.operations.traces import files_naming
from crisisrisk.tables.manifest import loading
from crisisrisk.tables.pseudonyms import BETWEEN


@pytest.fixture
def full_site(own_site: ServiceSite) -> ServiceSite:
    return full_site_of(own_site)


@pytest.mark.both_databases
def test_nothing_of_a_person_is_left_anywhere_and_the_trail_verifies(full_site: ServiceSite) -> None:
    ann, ben = full_site.people["ann"], full_site.people["ben"]
    before = everything(full_site)
    assert ann.encode() in before
    assert CANARY.encode() in before
    number = int(person_numbers([ann])[0])
    would = said(full_site, "people", "erase", ann[:10], "--dry-run")
    assert everything(full_site) == before
    made = said(full_site, "people", "erase", ann, *WHY)
    after = everything(opened(full_site.site.path))
    for trace in (ann, CANARY, str(number)):
        assert trace.encode() not in after, trace
    assert ben.encode() in after
    assert (made["done"], made["left"], made["stored"]) == (True, [], would["stored"])
    assert made["stored"] == {"caseloads": 1, "events": 2}
    assert {name: made["database"][name] for name in would["database"] if name != "audit_people"} == {
        name: count for name, count in would["database"].items() if name != "audit_people"
    }
    assert {"scores", "feedback", "reviews", "snoozes", "data_queries", "exposures", "safety_concerns"} <= set(
        made["database"]
    )
    assert said(full_site, "audit", "verify")["findings"] == []
    assert run(full_site, "people", "erase", ann, *WHY).return_value == 0  # and again


@pytest.mark.both_databases
def test_who_was_erased_is_as_missing_as_anybody_and_others_are_as_before(full_site: ServiceSite) -> None:
    # Not ann, whose contact is the newest: the site's clock stands at it.
    care, stays, gone = full_site.client("care", "north"), full_site.people["ann"], full_site.people["ben"]
    before = care.get(f"/api/v1/people/{stays}/risk").json()
    run(full_site, "people", "erase", gone, *WHY)
    now = full_site.client("care", "north")
    missing = now.get(f"/api/v1/people/{full_site.people['nobody']}/risk")
    assert now.get(f"/api/v1/people/{gone}/risk").status_code == missing.status_code
    assert now.get(f"/api/v1/people/{stays}/risk").json() == before
    listed = now.get("/api/v1/caseloads/north").text
    assert stays in listed
    assert gone not in listed


def test_the_trail_says_who_erased_and_why_and_the_pack_that_it_was_done(
    full_site: ServiceSite, tmp_path: Path
) -> None:
    ann = full_site.people["ann"]
    run(full_site, "people", "erase", ann, *WHY)
    (row,) = [one for one in said(full_site, "audit", "show")["looks"] if one["action"] == "people erase"]
    detail = json.loads(row["detail"])
    assert (detail["reason"], detail["user"].endswith("for A. Nobody")) == ("asked by letter", True)
    name = detail["erased"]
    stretch = ("--from", "2026-11-01", "--to", "2030-01-01")
    about = said(full_site, "audit", "pack", name, *stretch, "--out", str(tmp_path / "left.zip"))
    assert about["looks"] == detail["rows"] + 1
    pack = tmp_path / "gone.zip"
    assert said(full_site, "audit", "pack", ann, *stretch, "--out", str(pack))["looks"] == 0


def test_rows_that_come_again_are_refused_and_their_file_is_not_kept(full_site: ServiceSite) -> None:
    ann, site = full_site.people["ann"], full_site.site
    run(full_site, "people", "erase", ann, *WHY)
    (site.path / "inbox" / "new.csv").write_text(
        "id,at,known,source,person\nn1,2026-11-21 10:00:00,2026-11-21 11:00:00,police_999,ann\n"
        "n2,2026-11-21 10:00:00,2026-11-21 11:00:00,police_999,ben\n"
    )
    current = opened(site.path)
    assert current.site.inbox is not None
    loaded = load_inbox(current.site, _at_once(current.site.inbox), current.engine)
    assert (loaded.loaded, loaded.refused) == (1, 0)
    assert list((site.path / "inbox").rglob("*.csv")) == []
    assert ann.encode() not in everything(current)
    assert run(full_site, "people", "readmit", ann, *WHY[:4]).stdout == "New rows of this person count again.\n"
    row = "n3,2026-11-21 10:00:00,2026-11-21 11:00:00,police_999,ann\n"
    load_rows(current.site, "third", f"id,at,known,source,person\n{row}", EVENTS_MAPPING)


def _at_once(inbox: Any) -> Any:
    return replace(inbox, settled_seconds=0)


# Cut off, and put back


@pytest.mark.parametrize(
    ("point", "again"),
    [
        ("people.json@3", False),  # before the person is in the register
        ("CURRENT@7", True),  # after it, and before the tables without them count
        ("witness.log@2", False),  # after that, and before the database's commit
        ("witness.log@3", True),  # after that, and before the database is written anew
        ("people.json@6", True),  # before it is said to be over
    ],
)
def test_what_was_cut_off_is_taken_up_again(full_site: ServiceSite, point: str, again: bool) -> None:
    """By the same command, or by one that need not know whom."""
    ann, site = full_site.people["ann"], full_site.site
    command = ("people", "erase", ann, *WHY, "--site", str(site.path))
    full_site.engine.dispose()
    ended = stopped("SIGKILL", point, *command)
    assert (ended.returncode, ann in ended.stdout + ended.stderr) == (-9, False)
    rest = run(full_site, "people", "erase", *(["--again"] if again else [ann, *WHY]))
    assert (rest.return_value, ann in rest.output) == (0, False)
    current = opened(site.path)
    left = everything(current)
    assert ann.encode() not in left
    assert CANARY.encode() not in left
    (one,) = json.loads((site.path / "erased" / "people.json").read_text())["people"]
    assert one["ended_at"] is not None
    assert said(full_site, "audit", "verify")["findings"] == []


@pytest.mark.both_databases
def test_a_copy_that_was_put_back_is_erased_again(full_site: ServiceSite) -> None:
    ann, folder = full_site.people["ann"], full_site.site.path
    put_back = kept_copy(folder)
    run(full_site, "people", "erase", ann, *WHY)
    kept = copies(folder / "backups")
    assert len(kept) == (full_site.engine.dialect.name == "sqlite")  # a PostgreSQL is copied elsewhere
    assert not [one for one in kept if ann.encode() in one.read_bytes()]
    full_site.engine.dispose()
    put_back()
    assert ann.encode() in everything(opened(folder))
    assert run(full_site, "audit", "resume", "--reason", "put back").return_value in (None, 0)
    assert run(full_site, "people", "erase", "--again").stdout == "1 people were there again, and are no longer.\n"
    assert ann.encode() not in everything(opened(folder))
    assert said(full_site, "audit", "verify")["findings"] == []


# Who is meant


def test_files_that_somebody_put_there_are_named_and_left(full_site: ServiceSite) -> None:
    ann = full_site.people["ann"]
    file = full_site.site.path / "reports" / "list.csv"
    file.write_text(f"person\n{ann}\n")
    result = run(full_site, "people", "erase", ann, *WHY)
    assert result.return_value == 1
    assert f"yours to remove: {file}" in result.stdout
    file.unlink()
    assert run(full_site, "people", "erase", ann, *WHY).return_value == 0


@pytest.mark.parametrize("between", ["", *BETWEEN])
def test_a_number_is_found_in_files_however_it_is_set_apart_there(tmp_path: Path, between: str) -> None:
    person = Whom(person_id="k1_0000000000000000", identifier="999 000\u00a00018")
    number = between.join(("999", "000", "0018"))
    files = [tmp_path / "letter.txt", tmp_path / "table.parquet"]
    files[0].write_text(f"about {number}", encoding="utf-8")
    pq.write_table(pa.table({"said": [f"about {number}", None]}), files[1])
    (tmp_path / "other.txt").write_text("about 999 000 0026", encoding="utf-8")
    assert files_naming([tmp_path], person.texts) == files


@pytest.mark.both_databases
def test_no_moment_of_a_last_contact_at_a_place_is_left(full_site: ServiceSite) -> None:
    kept = select(func.count()).select_from(Forecast).where(Forecast.last_contact.is_not(None))
    with writing(full_site.engine) as connection:
        connection.execute(update(Forecast).values(last_contact=datetime(2026, 11, 12, 9, tzinfo=UTC)))
        assert connection.execute(kept).scalar_one() > 0
    run(full_site, "people", "erase", full_site.people["ben"], *WHY)
    with opened(full_site.site.path).engine.connect() as connection:
        assert connection.execute(kept).scalar_one() == 0


def test_an_identifier_is_typed_unseen_or_read_from_a_file_and_never_an_argument(
    full_site: ServiceSite, tmp_path: Path
) -> None:
    refused = run(full_site, "people", "erase", "999 000 0018", "--dry-run")
    assert "shell's history" in str(refused.exception)
    assert "999 000 0018" not in str(refused.exception)
    file = tmp_path / "who.txt"
    file.write_text("ann\n")
    by_file = said(full_site, "people", "erase", "--kind", "study_id", "--identifier-file", str(file), "--dry-run")
    typed = run(full_site, "people", "erase", "--kind", "study_id", "--dry-run", "--json", typed="ann\n")
    assert json.loads(typed.stdout)["stored"] == by_file["stored"] == {"caseloads": 1, "events": 2}
    assert "ann" not in typed.output.replace(str(full_site.site.path), "")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("k1_0000000000000000", *WHY), "nothing is kept of such a person"),
        (("k1_zzzz", *WHY), "no pseudonym begins like that"),
        (("k1_", *WHY), "no pseudonym begins like that"),
        (("{ann}", "--yes"), "for a reason"),
    ],
)
def test_who_is_not_there_or_goes_without_a_reason_is_not_erased(
    full_site: ServiceSite, arguments: tuple[str, ...], problem: str
) -> None:
    before = everything(full_site)
    command = [one.format(ann=full_site.people["ann"]) for one in arguments]
    assert problem in str(run(full_site, "people", "erase", *command).exception)
    assert everything(full_site) == before


def test_nobody_is_erased_who_was_not_meant(full_site: ServiceSite) -> None:
    before = everything(full_site)
    result = run(full_site, "people", "erase", full_site.people["ann"], *WHY[:4], typed="n\n")
    assert type(result.exception).__name__ == "Abort"
    assert everything(full_site) == before


def test_bundles_never_hold_a_person(full_site: ServiceSite) -> None:
    content = b"".join(part for path in full_site.site.models.rglob("*") if path.is_file() for part in parts_of(path))
    assert content
    assert not [name for name in full_site.people.values() if name.encode() in content]


def test_a_load_at_the_same_time_is_waited_for_and_nothing_is_lost(full_site: ServiceSite) -> None:
    ann = full_site.people["ann"]
    with loading(full_site.site):
        assert "another load is running" in str(run(full_site, "people", "erase", ann, *WHY).exception)
    assert said(full_site, "people", "erase", ann, *WHY)["done"]
    assert load_files(
        full_site.site, [full_site.site.path / "events.csv"], full_site.site.path / "events.toml"
    ).already_loaded
