"""The person on the line: looked up with a reason, their care for half an hour, never a score."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from tests.lib.service_site import CASELOADS_MAPPING, EVENTS_MAPPING, ServiceSite, load_rows
from tests.lib.table_sites import NHS_NUMBERS

from crisisrisk.serving.routes import callers
from crisisrisk.tables.pseudonyms import pseudonym, read_pseudonym_key
from crisisrisk.tables.site import read_site

LOOK_UP = "/api/v1/people/lookup"
REASON = "rang the crisis line at 22:40"
CALLER, RINGS, STRANGER = NHS_NUMBERS[:3]


@pytest.fixture
def site(own_site: ServiceSite) -> ServiceSite:
    """A site where two people are known by NHS number: one with a team, one who only rang."""
    mapping = CASELOADS_MAPPING.replace("study_id", "nhs_number") + 'worker_id = "worker"\n'
    rows = f"person,team,from,known,to,worker\n{CALLER},north,2026-01-01,2026-01-01,,w_17\n"
    load_rows(own_site.site, "callers", rows, mapping)
    events = "id,at,known,source,person\n" + "".join(
        f"c{hour},2026-11-21 {hour:02}:00:00,2026-11-21 {hour:02}:30:00,crisis_line,{RINGS}\n" for hour in range(1, 13)
    )
    load_rows(own_site.site, "calls", events, EVENTS_MAPPING.replace("study_id", "nhs_number"))
    return own_site


def person(site: ServiceSite, number: str) -> str:
    return str(pseudonym(read_pseudonym_key(site.site), "nhs_number", number))


def look_up(client: TestClient, number: str, **changes: Any) -> Response:
    return client.post(LOOK_UP, json={"nhs_number": number, "reason": REASON, **changes})


def care(client: TestClient, pid: str) -> Response:
    return client.get(f"/api/v1/people/{pid}/care")


def test_the_caller_is_found_and_their_team_and_contacts_are_told_without_a_score(site: ServiceSite) -> None:
    site.score({"person_id": person(site, CALLER), "state": "scored", "probability": 0.4321, "lower": None,
                "upper": None, "reasons": []})  # fmt: skip
    client = site.client("triage_clinician")
    spaced = f"{CALLER[:3]} {CALLER[3:6]} {CALLER[6:]}"
    found = look_up(client, spaced).json()
    assert found["person_id"] == person(site, CALLER)
    assert found["reason"] == REASON
    told = care(client, found["person_id"])
    assert told.json()["teams"] == [
        {"team": "north", "name": "North", "worker": "w_17", "since": "2026-01-01T00:00:00Z"}
    ]
    assert (told.json()["contacts"], told.json()["objected"]) == ([], False)
    assert "probab" not in told.text
    assert "0.43" not in told.text
    assert "score" not in told.text


def test_another_key_than_that_of_the_records_is_an_error_and_nobody_is_said_to_be_unknown(site: ServiceSite) -> None:
    client, key = site.client("triage_clinician"), site.site.path / "keys" / "pseudonym.key"
    assert look_up(client, CALLER).status_code == 200
    key.write_text(f"k1 {'5e' * 32}\n")
    answer = look_up(client, CALLER)
    assert (answer.status_code, answer.json()["code"]) == (503, "CR-KEY-001")
    assert str(key) not in answer.text


def test_somebody_with_no_team_has_contacts_the_latest_first(site: ServiceSite) -> None:
    client = site.client("triage_clinician")
    told = care(client, look_up(client, RINGS).json()["person_id"]).json()
    assert told["teams"] == []
    assert [one["event_id"] for one in told["contacts"]] == [f"c{hour}" for hour in range(12, 2, -1)]
    assert told["more"] is True


def test_the_crisis_plan_is_told_with_its_age_and_that_none_reaches_the_site(site: ServiceSite) -> None:
    client = site.client("triage_clinician")
    pid = look_up(client, CALLER).json()["person_id"]
    assert (care(client, pid).json()["plan"], care(client, pid).json()["plans_recorded"]) == (None, False)
    configuration = site.site.path / "crisisrisk.toml"
    plans = '[source.mh_plan]\nagency = "mental_health_trust"\nsingular = "plan"\nplural = "plans"\n'
    configuration.write_text(configuration.read_text() + plans)
    rows = f"id,at,known,source,person,code\np1,2026-11-01 06:00:00,2026-11-01 07:00:00,mh_plan,{CALLER},CRISIS\n"
    mapping = EVENTS_MAPPING.replace("study_id", "nhs_number").replace('{ constant = "call" }', '"code"')
    load_rows(read_site(site.site.path), "plans", rows, mapping)
    told = care(client, pid).json()
    made = {"made_at": "2026-11-01T06:00:00Z", "made_on": None, "weeks_old": 3}
    assert (told["plan"], told["plans_recorded"]) == (made, True)
    newer = f"id,at,known,source,person,code\np2,2026-11-20,2026-11-21,mh_plan,{CALLER},CRISIS\n"
    load_rows(read_site(site.site.path), "newer", newer, mapping)
    made = {"made_at": "2026-11-20T00:00:00Z", "made_on": "2026-11-20", "weeks_old": 0}
    assert care(client, pid).json()["plan"] == made


def test_an_objection_hides_contacts_and_not_the_team(site: ServiceSite) -> None:
    mapping = """
table = "opt_outs"
[columns]
person_id = { column = "person", kind = "nhs_number" }
kind = { constant = "local" }
valid_from = { column = "from", zone = "Europe/London" }
known_at = { column = "from", zone = "Europe/London" }
"""
    load_rows(site.site, "objections", f"person,from\n{RINGS},2026-11-20\n", mapping)
    client = site.client("triage_clinician")
    told = care(client, look_up(client, RINGS).json()["person_id"]).json()
    assert (told["objected"], told["contacts"], told["more"]) == (True, [], False)


def test_care_is_told_to_the_key_that_looked_up_and_for_half_an_hour(
    site: ServiceSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, pid = site.client("triage_clinician"), person(site, CALLER)
    unknown = care(client, "k1_0000000000000000")
    before = care(client, pid)
    assert (before.status_code, before.content) == (404, unknown.content)
    assert look_up(client, CALLER).status_code == 200
    assert care(client, pid).status_code == 200
    assert care(client, person(site, RINGS)).status_code == 404
    site.keys.clear()
    assert care(site.client("triage_clinician"), pid).status_code == 404  # another key, that looked nobody up
    monkeypatch.setattr(callers, "LASTS", timedelta(0))
    assert care(client, pid).content == unknown.content


def test_a_stranger_and_somebody_who_is_not_there_yet_are_nobody(site: ServiceSite) -> None:
    client = site.client("triage_clinician")
    answer = look_up(client, STRANGER)
    assert answer.status_code == 404
    assert person(site, STRANGER) not in answer.text
    assert STRANGER not in answer.text


@pytest.mark.parametrize(
    "asked", [{"nhs_number": "9990000019"}, {"nhs_number": "abc"}, {"nhs_number": ""}, {"reason": ""}, {"more": 1},
              {"reason": "about 999 000 0018"}, {"reason": "999\u00a0000\u00a00018"}, {"reason": "999 - 000\u20110018"},
              {"nhs_number": 9990000018}],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_and_not_repeated(site: ServiceSite, asked: dict[str, Any]) -> None:
    answer = look_up(site.client("triage_clinician"), CALLER, **asked)
    assert answer.status_code == 422
    assert "999" not in answer.text


@pytest.mark.parametrize("between", ["", " ", "-", "\u00a0", "\u202f", "\u2011", " \u2013 "])
def test_a_number_is_taken_however_it_is_set_apart_where_it_was_copied(site: ServiceSite, between: str) -> None:
    found = look_up(site.client("triage_clinician"), between.join((CALLER[:3], CALLER[3:6], CALLER[6:])))
    assert (found.status_code, found.json()["person_id"]) == (200, person(site, CALLER))


def test_nobody_else_looks_anybody_up(site: ServiceSite) -> None:
    assert look_up(site.client("triage_clinician"), CALLER).status_code == 200
    for role, team in (("care", "north"), ("lead", "north"), ("crisis_team", None), ("audit", None), ("data", None)):
        client = site.client(role, team)
        assert look_up(client, CALLER).status_code == 403
        assert care(client, person(site, CALLER)).status_code == 403


def test_the_trail_says_why_and_has_no_number(site: ServiceSite) -> None:
    client = site.client("triage_clinician")
    pid = look_up(client, CALLER).json()["person_id"]
    care(client, pid)
    log = site.client("audit").get(f"/api/v1/people/{pid}/access-log").json()
    assert [look["purpose"] for look in log["looks"]] == ["caller_care", "caller_care"]
    found = [file for file in site.site.path.rglob("*") if file.is_file() and file.suffix != ".csv"]
    assert not any(CALLER.encode() in file.read_bytes() for file in found)
