"""Names, birth dates and NHS numbers: encrypted, shown to who cares for somebody, and in nothing that is kept."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from httpx import Response
from sqlalchemy import select, update
from tests.lib.service_site import CASELOADS_MAPPING, EVENTS_MAPPING, ServiceSite, load_rows
from tests.lib.table_sites import NHS_NUMBERS

from crisisrisk.cli import run
from crisisrisk.commands.identities import load_identities, rekey_identities, shown_again
from crisisrisk.database.audit_read import AuditFilter, audited_looks
from crisisrisk.database.identities import Identity, identities_shown, newest_identities, read_identity_key
from crisisrisk.database.schema import IdentityRow
from crisisrisk.errors import DataError
from crisisrisk.tables.pseudonyms import pseudonym, read_pseudonym_key

pytestmark = pytest.mark.both_databases
NUMBER, SPACED, NAME, PHONE = NHS_NUMBERS[0], "999 000 0018", "Zyxa <Quellmanoff>", "01632 960 099"
HEADING = "nhs_number,forename,surname,birth_date,phone\n"
LINE = f"{NUMBER},Zyxa,<Quellmanoff>,05/02/1983,{PHONE}\n"


@pytest.fixture
def site(own_site: ServiceSite) -> ServiceSite:
    """A site where one person of the team of the north is known by NHS number and by name."""
    rows = f"person,team,from,known,to\n{NUMBER},north,2026-01-01,2026-01-01,\n"
    load_rows(own_site.site, "numbered", rows, CASELOADS_MAPPING.replace("study_id", "nhs_number"))
    assert loaded(own_site, HEADING + LINE).saved.new == 1
    own_site.score({"person_id": person(own_site), "state": "scored", "probability": 0.2, "lower": 0.1, "upper": 0.3,
                    "reasons": []})  # fmt: skip
    return own_site


def loaded(site: ServiceSite, text: str, kind: str = "nhs_number"):  # type: ignore[no-untyped-def]
    file = site.site.path / "who.csv"
    file.write_text(text)
    found = load_identities(site.site, file, kind=kind, user="tests")
    file.unlink()
    return found


def person(site: ServiceSite) -> str:
    return str(pseudonym(read_pseudonym_key(site.site), "nhs_number", NUMBER))


def key_file(site: ServiceSite) -> Path:
    return site.site.path / "keys" / "identities.key"


def risk(site: ServiceSite, role: str = "care", team: str | None = "north") -> Response:
    return site.client(role, team).get(f"/api/v1/people/{person(site)}/risk")


def test_who_cares_for_somebody_sees_who_it_is(site: ServiceSite) -> None:
    said = {"nhs_number": NUMBER, "name": NAME, "birth_date": "1983-02-05", "phone": PHONE}
    for role in ("care", "lead"):
        answer = risk(site, role)
        assert answer.json()["identities"] == {person(site): said}
        assert int(answer.headers["content-length"]) == len(answer.content)
    listed = site.client("care", "north").get("/api/v1/caseloads/north?tab=all&limit=10").json()
    assert listed["identities"] == {person(site): said}
    triage = site.client("triage_clinician")
    found = triage.post("/api/v1/people/lookup", json={"nhs_number": NUMBER, "reason": "rang at 22:40"}).json()
    assert found["identities"][person(site)]["name"] == NAME
    assert triage.get(f"/api/v1/people/{person(site)}/care").json()["identities"][person(site)]["phone"] == PHONE


def test_a_page_has_the_name_escaped_in_place_of_the_pseudonym(site: ServiceSite) -> None:
    page = site.client("care", "north").get(f"/people/{person(site)}", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "Zyxa &lt;Quellmanoff&gt;" in page.text
    assert "born 5 Feb 1983" in page.text
    assert f"NHS {SPACED}" in page.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "<Quellmanoff>" not in page.text
    assert "<!--" not in page.text
    assert re.search(
        rf"<h1[^>]*><span class=\"cr-name\">Zyxa &lt;Quellmanoff&gt;</span><span.*{person(site)}</span></h1>", page.text
    )
    listed = site.client("care", "north").get("/caseload?tab=all&limit=50", headers={"Accept": "text/html"}).text
    kept = "?list=people%3Dteam%26tab%3Dall%26limit%3D50"
    assert f'<a href="/people/{person(site)}{kept}"><span class="cr-name">Zyxa &lt;Quellmanoff&gt;</span></a>' in listed
    assert f">{site.people['ann']}</a>" in listed, "who is not known by name"
    wrong = site.client("care", "north").post(f"/people/{person(site)}/snoozes", data={"until": "2026-11-30"})
    assert (wrong.status_code, "Zyxa &lt;Quellmanoff&gt;" in wrong.text) == (422, True), (
        "the same page, with what is wrong"
    )


def test_a_role_that_does_not_reach_names_sees_pseudonyms_alone(site: ServiceSite) -> None:
    roles = site.site.path / "serving" / "roles.toml"
    text = roles.read_text() if roles.exists() else Path("serving/roles.toml").read_text()
    roles.write_text(text.replace(', "names"', ""))
    assert risk(site).json()["identities"] == {}
    assert site.client("care", "south").get(f"/api/v1/people/{person(site)}/risk").status_code == 404


def test_no_name_stands_in_the_trail_the_logs_or_any_file(site: ServiceSite) -> None:
    risk(site)
    site.client("care", "north").get(f"/people/{person(site)}", headers={"Accept": "text/html"})
    audit = site.client("audit").get("/api/v1/audit").text + site.client("audit").get("/metrics").text
    clear = [NUMBER.encode(), b"Quellmanoff", b"Zyxa", PHONE.encode(), b"1983-02-05"]
    assert not any(text.decode() in audit for text in clear)
    for file in site.site.path.rglob("*"):
        if file.is_file() and file.name != "numbered.csv":
            assert not any(text in file.read_bytes() for text in clear), file
    with site.engine.connect() as connection:
        rows = connection.execute(select(IdentityRow.__table__)).all()
    assert not any(text in bytes(row.name) + bytes(row.nhs_number) for row in rows for text in clear)


def test_the_trail_says_which_version_was_shown_so_that_it_can_be_shown_again(site: ServiceSite) -> None:
    risk(site)
    renamed = LINE.replace("<Quellmanoff>", "Brindleforth")
    assert (loaded(site, HEADING + renamed).saved.changed, loaded(site, HEADING + renamed).saved.same) == (1, 1)
    assert risk(site).json()["identities"][person(site)]["name"] == "Zyxa Brindleforth"
    looks = audited_looks(site.engine, AuditFilter(person_id=person(site)), limit=None)
    shown = [json.loads(look.detail)["identities"] for look in looks if "identities" in look.detail]
    assert [one[person(site)] for one in shown] == [2, 1]
    key = read_identity_key(key_file(site))
    before = identities_shown(site.engine, key, {person(site): 1})
    assert before[person(site)].name == NAME
    first = next(look.number for look in reversed(looks) if "identities" in look.detail)
    again = shown_again(site.site, first, user="tests")
    assert json.loads(again.body)["identities"][person(site)]["name"] == NAME
    assert (again.named, again.erased) == (1, 0)


def test_lines_that_cannot_be_used_are_left_out_by_number_and_the_rest_is_kept(site: ServiceSite) -> None:
    text = HEADING + LINE + f"{NUMBER[:-1]}0,A,B,,\n{NHS_NUMBERS[2]},A,B,,\n{NUMBER},,,,\n{NUMBER},A,B,31/02/1990,\n"
    found = loaded(site, text)
    assert [(one.line, one.reason) for one in found.refused] == [
        (3, "no valid nhs_number"), (4, "nobody with this identifier is loaded"), (5, "no name"),
        (6, "a birth date that is none"),
    ]  # fmt: skip
    assert (found.rows, found.saved.same) == (5, 1)
    assert found.quarantine is not None
    assert pq.read_table(found.quarantine).to_pylist() == [
        {"file": "who.csv", "row": row, "column": column, "rule": rule, "value": "(withheld: identifying)"}
        for row, column, rule in (
            (3, "nhs_number", "no valid nhs_number"), (4, "nhs_number", "nobody with this identifier is loaded"),
            (5, "name", "no name"), (6, "birth_date", "a birth date that is none"),
        )
    ]  # fmt: skip
    with pytest.raises(DataError, match="CR-DATA-002"):
        loaded(site, "nhs_number,born\n1,2\n")


def test_a_line_of_too_many_or_too_few_fields_is_left_out_and_the_same_file_replaces_its_own(site: ServiceSite) -> None:
    text = HEADING + LINE + f"{NUMBER},A,B,1983-02-05,1,2\n{NUMBER},A\n"
    first, second = loaded(site, text), loaded(site, text)
    assert [(one.line, one.column, one.reason) for one in first.refused] == [
        (3, None, "as many fields as the header"), (4, None, "as many fields as the header"),
    ]  # fmt: skip
    assert first.quarantine == second.quarantine
    assert [path.name for path in site.site.quarantine.glob("identities-*")] == [first.as_json()["quarantine"]]
    fine = loaded(site, HEADING + LINE)
    assert (fine.quarantine, fine.as_json()["quarantine"]) == (None, None)
    row = "id,at,known,source,person\nq1,2026-11-01 10:00:00,2026-11-01 10:00:00,police_999,ann\n"
    load_rows(site.site, "later", row, EVENTS_MAPPING)  # a load sweeps what no load names, and not this
    assert first.quarantine is not None
    assert first.quarantine.exists()


def test_a_file_without_a_heading_is_refused_without_repeating_whom_it_names(site: ServiceSite) -> None:
    with pytest.raises(DataError, match="CR-DATA-002") as refused:
        loaded(site, LINE)
    assert not [text for text in (NUMBER, "Zyxa", "Quellmanoff") if text.lower() in str(refused.value).lower()]


def test_another_key_encrypts_everybody_and_the_old_one_reads_nothing(site: ServiceSite) -> None:
    before = key_file(site).read_text()
    assert rekey_identities(site.site, user="tests") == 1
    after = key_file(site).read_text()
    assert after.startswith("i2 ")
    assert len(after.splitlines()) == 1
    assert risk(site).json()["identities"][person(site)]["name"] == NAME
    key_file(site).write_text(before)
    assert risk(site).json()["identities"] == {}
    assert site.client().get("/readyz").json()["parts"]["identities"].startswith("degraded: CR-KEY-003")


def test_a_rekeying_that_was_cut_off_is_taken_up(site: ServiceSite) -> None:
    before, old = key_file(site).read_text(), read_identity_key(key_file(site))
    rekey_identities(site.site, user="tests")
    loaded(site, HEADING + LINE.replace("Zyxa", "Ilva"))  # a second version, with the new key
    key_file(site).write_text(before + key_file(site).read_text())  # as if it was stopped before the last step
    sealed = old.encrypt("Ilva <Quellmanoff>", f"crisisrisk identity 1\nname\n{person(site)}\n2".encode())
    number = old.encrypt(NUMBER, f"crisisrisk identity 1\nnhs_number\n{person(site)}\n2".encode())
    with site.engine.begin() as connection:
        values = {"name": sealed, "nhs_number": number, "birth_date": None, "phone": None, "key_name": "i1"}
        connection.execute(update(IdentityRow).where(IdentityRow.version == 2).values(**values))
    assert rekey_identities(site.site, user="tests") == 1
    assert [line[:2] for line in key_file(site).read_text().splitlines()] == ["i2"]
    assert risk(site).json()["identities"][person(site)]["name"] == "Ilva <Quellmanoff>"


def test_what_was_moved_or_changed_is_shown_to_nobody(site: ServiceSite) -> None:
    with site.engine.begin() as connection:
        row = connection.execute(select(IdentityRow.__table__)).one()
        connection.execute(update(IdentityRow).values(phone=row.name))
    found = newest_identities(site.engine, read_identity_key(key_file(site)), [person(site)])
    assert (dict(found.known), found.damaged) == ({}, {person(site)})
    answer = risk(site)  # care goes on by pseudonym
    assert (answer.status_code, answer.json()["identities"]) == (200, {})


def test_one_that_is_damaged_hides_no_other(site: ServiceSite) -> None:
    rows = f"person,team,from,known,to\n{NHS_NUMBERS[1]},north,2026-01-01,2026-01-01,\n"
    load_rows(site.site, "numbered", rows, CASELOADS_MAPPING.replace("study_id", "nhs_number"))
    loaded(site, f"{HEADING}{NHS_NUMBERS[1]},Orlin,Vestermoor,,\n")
    with site.engine.begin() as connection:
        connection.execute(update(IdentityRow).where(IdentityRow.person_id == person(site)).values(name=b"x" * 40))
    listed = site.client("care", "north").get("/api/v1/caseloads/north?tab=all&limit=10").json()
    assert [one["name"] for one in listed["identities"].values()] == ["Orlin Vestermoor"]
    assert loaded(site, HEADING + LINE).saved.changed == 1  # the file that it came from mends it
    assert risk(site).json()["identities"][person(site)]["name"] == NAME


def test_without_the_key_the_service_answers_by_pseudonym_and_says_that_it_is_degraded(site: ServiceSite) -> None:
    key_file(site).unlink()
    assert risk(site).json()["identities"] == {}
    ready = site.client().get("/readyz")
    assert ready.json()["parts"]["identities"].startswith("degraded: CR-KEY-003")


def test_an_erasure_ends_every_version(site: ServiceSite) -> None:
    risk(site)
    look = audited_looks(site.engine, AuditFilter(person_id=person(site)), limit=1)[0].number
    site.engine.dispose()
    asked = [
        "people",
        "erase",
        person(site),
        "--site",
        str(site.site.path),
        "--reason",
        "asked",
        "--by",
        "tests",
        "--yes",
    ]
    assert run(asked) == 0
    with site.engine.connect() as connection:
        assert connection.execute(select(IdentityRow.__table__)).all() == []
    assert b"Quellmanoff" not in shown_again(site.site, look, user="tests").body
    again = loaded(site, HEADING + LINE)
    assert [one.reason for one in again.refused] == ["this person was erased"]


def test_the_text_of_an_identity_says_nothing() -> None:
    assert repr(Identity(name="Zyxa", nhs_number="1")) == "Identity()"
