"""`crisisrisk audit`: verified, shown, packed, ended, resumed; and each of these is a row itself."""

import json
import zipfile
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.lib.database import AS_OF, score_row
from tests.lib.harmed_database import kept_copy
from tests.lib.service_site import SERVICE, ServiceSite
from tests.lib.trails import look

from crisisrisk.cli import crisisrisk
from crisisrisk.cli.audit import account
from crisisrisk.database.engine import writing
from crisisrisk.serving.settings import read_settings
from crisisrisk.serving.trail import audit_trail


def run(site: ServiceSite, *arguments: str) -> Result:
    return CliRunner().invoke(crisisrisk, ["audit", *arguments, "--site", str(site.site.path)], standalone_mode=False)


def said(site: ServiceSite, *arguments: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run(site, *arguments, "--json").stdout)
    return result


def asked(site: ServiceSite, *names: str) -> None:
    client = site.client("care", "north")
    for name in names:
        client.get(f"/api/v1/people/{site.people[name]}/risk")


def test_a_whole_trail_is_as_it_was_written(own_site: ServiceSite) -> None:
    found = said(own_site, "verify")
    assert (found["rows"], found["findings"]) == (0, [])  # nobody has looked yet
    asked(own_site, "ann", "ben", "eve")
    found = said(own_site, "verify")
    assert (found["rows"], found["first"], found["last"], found["findings"]) == (3, 1, 3, [])
    result = run(own_site, "verify")
    assert (result.return_value, result.stdout.splitlines()[-1]) == (0, "As it was written.")


def test_one_changed_row_is_named_and_the_exit_code_is_1(own_site: ServiceSite) -> None:
    asked(own_site, "ann", "ben")
    with writing(own_site.engine) as connection:
        connection.exec_driver_sql("UPDATE audit SET key_id = 'other' WHERE number = 1")
    result = run(own_site, "verify")
    assert result.return_value == 1
    assert "wrong: row 1 is not what was written" in result.stdout
    assert result.stdout.splitlines()[-1] == "Changed since it was written."


def test_shown_looks_name_nobody_but_by_pseudonym_and_are_kept(own_site: ServiceSite) -> None:
    asked(own_site, "ann", "ben", "ann")
    ann = own_site.people["ann"]
    found = said(own_site, "show", "--person", ann, "--role", "care")
    assert [one["number"] for one in found["looks"]] == [3, 1]
    text = run(own_site, "show", "--limit", "2").stdout
    assert [line.split()[0] for line in text.splitlines()] == ["row", "4", "3"]
    commands = said(own_site, "show", "--role", "command")["looks"]
    assert [(one["action"], one["purpose"], json.loads(one["detail"])["user"]) for one in commands] == [
        ("audit show", "audit", account())
    ] * 2
    assert said(own_site, "verify")["findings"] == []


def test_a_pack_has_what_was_shown_to_whom_and_what_was_done(own_site: ServiceSite, tmp_path: Path) -> None:
    asked(own_site, "ben", "ann")
    client, ann = own_site.client("care", "north"), own_site.people["ann"]
    shown = client.get(f"/api/v1/people/{ann}/risk").content
    client.post("/api/v1/safety-concerns", json={"about": "score", "text": "Somebody else's stay.", "person_id": ann})
    own_site.score(score_row("ann", 0.5), as_of=AS_OF + timedelta(days=9))
    out, today = tmp_path / "pack.zip", datetime.now(UTC)
    stretch = ("--from", "2026-11-20", "--to", str((max(today, AS_OF) + timedelta(days=2)).date()))
    result = said(own_site, "pack", ann, *stretch, "--out", str(out))
    assert (result["looks"], result["concerns"], result["findings"]) == (2, 1, [])
    assert out.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(out) as archive:
        content = json.loads(archive.read("pack.json"))
        bodies = {name: archive.read(name) for name in archive.namelist() if name.startswith("shown/")}
    looks = content["looks"]
    assert [one["number"] for one in looks] == [2, 3]
    assert bodies["shown/3.json"] == shown
    assert all(sha256(bodies[f"shown/{one['number']}.json"]).hexdigest() == one["sha256"] for one in looks)
    assert content["concerns"][0]["text"] == "Somebody else's stay."
    assert content["scores"][0]["probability"] == 0.182
    assert content["trail"]["wrong"] == 0
    assert own_site.people["ben"] not in json.dumps(content)
    last = said(own_site, "show", "--limit", "1")["looks"][0]
    assert (last["action"], last["person_id"]) == ("audit pack", ann)


@pytest.mark.parametrize(
    ("person", "start", "end", "problem"),
    [("9434765919", "2026-11-01", "2026-11-02", "a person is named by pseudonym"),
     ("k1_7Q4M2XK0D3RT5VWZ", "2026-11-02", "2026-11-02", "the stretch of time is empty")],
)  # fmt: skip
def test_a_pack_that_cannot_be_is_not_made(
    own_site: ServiceSite, tmp_path: Path, person: str, start: str, end: str, problem: str
) -> None:
    out = tmp_path / "pack.zip"
    result = run(own_site, "pack", person, "--from", start, "--to", end, "--out", str(out))
    assert problem in str(result.exception)
    assert "9434765919" not in str(result.exception)
    assert not out.exists()


def test_old_looks_are_ended_as_the_site_says_and_the_rest_verifies(own_site: ServiceSite) -> None:
    own_site.declare("service.toml", SERVICE + "[audit.kept_days]\ndirect_care = 365\n")
    trail = audit_trail(read_settings(own_site.site, {}))
    old = datetime.now(UTC) - timedelta(days=400)
    trail.append([look(1, at=old), look(2, at=old), look(3, at=datetime.now(UTC)), look(4, at=old)])
    assert said(own_site, "prune") == {"rows": 2, "removed_to": 2}
    found = said(own_site, "verify")
    assert (found["first"], found["removed_to"], found["findings"]) == (3, 2, [])
    assert run(own_site, "prune").stdout == "Nothing is old enough.\n"


@pytest.mark.both_databases
def test_a_restored_backup_goes_on_for_a_reason_that_is_kept(own_site: ServiceSite) -> None:
    witness = own_site.site.path / "audit" / "witness.log"
    asked(own_site, "ann")
    put_back = kept_copy(own_site.site.path)
    asked(own_site, "ben")
    put_back()
    assert run(own_site, "verify").return_value == 1
    result = said(own_site, "resume", "--reason", "restored from the copy of noon")
    assert result == {"number": 2, "old_witness": str(witness.with_name("witness.log.1"))}
    assert len(Path(result["old_witness"]).read_text().splitlines()) == 2
    assert own_site.client("care", "north").get(f"/api/v1/people/{own_site.people['ann']}/risk").status_code == 200
    assert said(own_site, "verify")["findings"] == []
    (one,) = said(own_site, "show", "--purpose", "audit")["looks"]
    assert json.loads(one["detail"])["reason"] == "restored from the copy of noon"
    assert "a trail goes on for a reason" in str(run(own_site, "resume", "--reason", " ").exception)
