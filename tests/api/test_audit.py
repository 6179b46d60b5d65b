"""Every look at a person is kept before it is given, and found again by who asks afterwards."""

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from tests.lib.database import AS_OF, score_row
from tests.lib.harmed_database import kept_copy, locked, stored_bytes
from tests.lib.service_site import SERVICE, ServiceSite
from tests.lib.table_sites import NHS_NUMBERS

from crisisrisk.database.alerts import raise_alert
from crisisrisk.database.audit import LONGEST_WAIT
from crisisrisk.database.audit_read import AuditedLook, AuditFilter, Shown, audited_looks, shown
from crisisrisk.database.audit_verify import verify
from crisisrisk.database.engine import writing
from crisisrisk.errors import ServiceError
from crisisrisk.purposes import AUDIT, DIRECT_CARE, OPERATION, PURPOSES, SAFETY, STATUS
from crisisrisk.serving import app as application
from crisisrisk.serving.access import CareViewer, Everybody, OwnPerson, Permission, PlaceViewer, purpose_of
from crisisrisk.serving.app import create_app
from crisisrisk.serving.audit import Auditor
from crisisrisk.serving.settings import read_settings
from crisisrisk.serving.trail import audit_trail, people_named
from crisisrisk.tables.pseudonyms import PSEUDONYM

BOARD = "/api/v1/shifts/night-2026-11-22/hotspots"


def risk(site: ServiceSite, name: str = "ann") -> str:
    return f"/api/v1/people/{site.people[name]}/risk"


def looks(site: ServiceSite, **chosen: Any) -> list[AuditedLook]:
    """What is kept, the oldest first."""
    return list(reversed(audited_looks(site.engine, AuditFilter(**chosen), limit=None)))


def was_shown(site: ServiceSite, number: int) -> Shown:
    return next(iter(shown(site.engine, [number])))


def whole(site: ServiceSite) -> None:
    trail = audit_trail(read_settings(site.site, {}))
    found = verify(trail.engine, trail.files)
    assert (found.findings, found.unwitnessed) == ((), 0)


# What is kept


def test_a_look_says_who_when_why_and_exactly_what_was_shown(own_site: ServiceSite) -> None:
    answer = own_site.client("care", "north").get(risk(own_site))
    (look,) = looks(own_site)
    assert (look.number, look.purpose, look.action, look.status) == (
        1, "direct_care", "GET /api/v1/people/{pid}/risk", 200,
    )  # fmt: skip
    assert (look.role, look.team, look.key_id) == ("care", "north", own_site.key("care", "north").split("_")[1])
    assert (look.people, look.person_id) == (1, own_site.people["ann"])
    assert look.request_id == answer.headers["x-request-id"]
    kept = was_shown(own_site, 1)
    assert (kept.body, kept.media_type) == (answer.content, answer.headers["content-type"])
    whole(own_site)


def test_a_list_names_everybody_on_it_the_pinned_too(own_site: ServiceSite) -> None:
    answer = own_site.client("care", "north").get("/api/v1/caseloads/north?limit=1")
    (look,) = looks(own_site)
    named = people_named(answer.content)
    assert {one["person_id"] for one in (*answer.json()["pinned"], *answer.json()["people"])} <= named
    assert (look.people, look.detail) == (len(named), '{"limit": "1"}')
    for person in named:
        assert [one.number for one in looks(own_site, person_id=person)] == [1]
    # Who was cut off the list was not looked at.
    for person in set(own_site.people.values()) - named:
        assert looks(own_site, person_id=person) == []


@pytest.mark.parametrize(("name", "state", "status"), [("cat", "in_hospital", 422), ("eve", "no_data", 422)])
def test_an_answer_without_a_number_is_a_look_too(own_site: ServiceSite, name: str, state: str, status: int) -> None:
    answer = own_site.client("care", "north").get(risk(own_site, name))
    (look,) = looks(own_site, person_id=own_site.people[name])
    assert (look.status, answer.status_code) == (status, status)
    assert state.encode() in was_shown(own_site, look.number).body == answer.content


def test_a_refused_look_is_kept_with_whom_it_was_about_and_never_a_text_of_the_callers_own(
    own_site: ServiceSite,
) -> None:
    client = own_site.client("care", "north")
    for asked in (own_site.people["sue"], "9434765919", "Ann Nobody", own_site.people["nobody"]):
        assert client.get(f"/api/v1/people/{asked}/risk").status_code == 404
    assert [(look.status, look.person_id) for look in looks(own_site)] == [
        (404, own_site.people["sue"]), (404, None), (404, None), (404, own_site.people["nobody"]),
    ]  # fmt: skip
    content = stored_bytes(own_site.engine)
    assert b"9434765919" not in content
    assert b"Ann Nobody" not in content


def test_what_names_nobody_is_not_kept(own_site: ServiceSite) -> None:
    for role, path in (
        ("crisis_team", BOARD), ("crisis_team", risk(own_site)), ("data", "/api/v1/data-status"),
        (None, risk(own_site)), (None, "/readyz"), ("care", "/api/v1/version"), ("crisis_team", "/nothing"),
    ):  # fmt: skip
        own_site.client(role, "north" if role == "care" else None).get(path)
    assert looks(own_site) == []


@pytest.mark.both_databases
def test_many_at_once_are_each_kept_once(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    with client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.get(risk(own_site)), range(40)))
    given = [answer for answer in answers if answer.status_code == 200]
    assert {answer.json()["code"] for answer in answers if answer not in given} <= {"CR-HTTP-503"}  # no turn in time
    assert len(given) > 20
    assert sorted(look.request_id for look in looks(own_site)) == sorted(
        answer.headers["x-request-id"] for answer in given
    )
    whole(own_site)


# No row, no answer


def test_without_a_trail_nothing_about_people_is_told_and_places_go_on(own_site: ServiceSite) -> None:
    care, board = own_site.client("care", "north"), own_site.client("crisis_team")
    assert care.get(risk(own_site)).status_code == 200
    witness = own_site.site.path / "audit" / "witness.log"
    witness.rename(witness.with_name("away"))
    answers = [care.get(path) for path in (risk(own_site), risk(own_site, "eve"), "/api/v1/caseloads/north")]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(503, "CR-AUDIT-001")}
    assert "retry-after" in answers[0].headers
    assert not any(b"0.182" in answer.content or b"no_data" in answer.content for answer in answers)
    assert board.get(BOARD).status_code == 200
    said = care.get("/readyz")
    assert (said.status_code, said.json()["parts"]["audit"].split(":")[0]) == (503, "CR-AUDIT-001")
    witness.with_name("away").rename(witness)
    assert care.get(risk(own_site)).status_code == 200
    assert care.get("/readyz").status_code == 200
    whole(own_site)


@pytest.mark.both_databases
def test_a_locked_database_is_waited_for_two_seconds_and_then_nothing_is_told(own_site: ServiceSite) -> None:
    care, board = own_site.client("care", "north"), own_site.client("crisis_team")
    assert care.get(risk(own_site)).status_code == 200
    with locked(own_site.engine):  # readers go on, writers wait
        started = time.monotonic()
        answer = care.get(risk(own_site))
        assert time.monotonic() - started < 4
        assert board.get(BOARD).status_code == 200
    assert (answer.status_code, answer.json()["code"]) == (503, "CR-AUDIT-001")
    assert care.get(risk(own_site)).status_code == 200
    assert len(looks(own_site)) == 2


def test_an_answer_waits_for_its_row_no_longer_than_it_is_told(own_site: ServiceSite) -> None:
    """The trail itself would wait two seconds for the database."""
    care = own_site.client("care", "north")
    care.app.state.service.auditor.longest = timedelta(seconds=0.2)
    with locked(own_site.engine):
        answer = care.get(f"/api/v1/people/{own_site.people['ann']}/contacts")
    assert (answer.status_code, answer.json()["code"]) == (503, "CR-AUDIT-001")
    assert LONGEST_WAIT == timedelta(seconds=2) == own_auditor(own_site).longest


def own_auditor(site: ServiceSite) -> Auditor:
    """The auditor of the service as a site runs it."""
    auditor: Auditor = create_app(read_settings(site.site, {})).state.service.auditor
    return auditor


def test_a_short_lock_is_waited_out(own_site: ServiceSite) -> None:
    care = own_site.client("care", "north")
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with writing(own_site.engine):
            locked.set()
            done.wait(0.5)

    thread = threading.Thread(target=hold)
    thread.start()
    locked.wait(10)
    assert care.get(risk(own_site)).status_code == 200
    thread.join()


@pytest.mark.both_databases
def test_an_older_copy_of_the_database_is_not_continued(own_site: ServiceSite) -> None:
    care = own_site.client("care", "north")
    care.get(risk(own_site))
    put_back = kept_copy(own_site.site.path)
    care.get(risk(own_site))
    put_back()
    answer = own_site.client("care", "north").get(risk(own_site))
    assert (answer.status_code, answer.json()["code"]) == (503, "CR-AUDIT-002")


def test_the_files_are_where_the_site_says(own_site: ServiceSite, tmp_path: Any) -> None:
    declared = f'[audit]\nkey_file = "keys/chain.key"\nwitness_file = "{tmp_path / "mount" / "head.log"}"\n'
    own_site.declare("service.toml", SERVICE + declared)
    assert own_site.client("care", "north").get(risk(own_site)).status_code == 200
    assert (own_site.site.path / "keys" / "chain.key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "mount" / "head.log").read_text().startswith("1 ")
    whole(own_site)


# Asking afterwards


def test_the_audit_role_sees_who_looked_and_that_is_a_look_too(own_site: ServiceSite) -> None:
    care, audit = own_site.client("care", "north"), own_site.client("audit")
    care.get(risk(own_site))
    care.get("/api/v1/caseloads/north?limit=10")
    body = audit.get("/api/v1/audit").json()
    assert [(look["number"], look["role"], look["people"]) for look in body["looks"]] == [
        (2, "care", 6), (1, "care", 1),
    ]  # fmt: skip
    assert body["next_before"] is None
    log = audit.get(f"/api/v1/people/{own_site.people['ann']}/access-log").json()
    assert [look["number"] for look in log["looks"]] == [3, 2, 1]  # the page of before named her
    assert log["purposes"] == {name: PURPOSES[name].meaning for name in ("audit", "direct_care")}
    assert "0.182" not in str(log)
    assert [look.action for look in looks(own_site, purpose="audit")] == [
        "GET /api/v1/audit", "GET /api/v1/people/{pid}/access-log",
    ]  # fmt: skip
    whole(own_site)


@pytest.mark.both_databases
def test_a_page_of_looks_is_cut_and_goes_on(own_site: ServiceSite) -> None:
    care, audit = own_site.client("care", "north"), own_site.client("audit")
    for name in ("ann", "ben", "ann", "dan"):
        care.get(risk(own_site, name))
    first = audit.get("/api/v1/audit?limit=3").json()
    rest = audit.get(f"/api/v1/audit?limit=3&before={first['next_before']}").json()
    assert [[look["number"] for look in page["looks"]] for page in (first, rest)] == [[4, 3, 2], [1]]
    chosen = audit.get(f"/api/v1/audit?person={own_site.people['ann']}&role=care").json()
    assert [look["number"] for look in chosen["looks"]] == [3, 1]
    assert audit.get("/api/v1/audit?from=2030-01-01T00:00:00Z").json()["looks"] == []


@pytest.mark.parametrize("query", ["person=9434765919", "person=ann", "limit=0", "limit=1001", "role=a'b", "who=x"])
def test_a_filter_that_makes_no_sense_is_refused_and_not_repeated(own_site: ServiceSite, query: str) -> None:
    answer = own_site.client("audit").get(f"/api/v1/audit?{query}")
    assert answer.status_code == 422
    assert "9434765919" not in answer.text
    assert b"9434765919" not in stored_bytes(own_site.engine)


def test_nobody_knows_more_of_a_person_whom_nobody_looked_at(own_site: ServiceSite) -> None:
    audit = own_site.client("audit")
    answers = [audit.get(f"/api/v1/people/{own_site.people[name]}/access-log") for name in ("sue", "nobody")]
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json()["looks"] == [] for answer in answers)
    assert audit.get("/api/v1/people/9434765919/access-log").status_code == 422


@pytest.mark.parametrize("what", ["feedback", "reviews", "snoozes", "data-queries", "access-log", "risk/reasons"])
def test_what_is_asked_beside_an_address_that_takes_nothing_is_refused_and_not_kept(
    own_site: ServiceSite, what: str
) -> None:
    client = own_site.client("audit") if what == "access-log" else own_site.client("care", "north")
    path = f"/api/v1/people/{own_site.people['ann']}/{what}"
    assert client.get(path).status_code == 200
    answer = client.get(f"{path}?9434765919=1")
    assert (answer.status_code, answer.json()["code"]) == (422, "CR-HTTP-422")
    assert b"9434765919" not in answer.content
    assert b"9434765919" not in stored_bytes(own_site.engine)


def test_a_name_that_no_page_takes_is_not_kept_with_the_look(own_site: ServiceSite) -> None:
    client, person = own_site.client("care", "north"), own_site.people["ann"]
    for path in (f"/people/{person}?since=2026-11-15", "/safety-concern?reference=R-1"):
        assert client.get(f"{path}&9434765919=1&name=A.%20Nobody").status_code == 200
    assert client.get("/api/v1/caseloads/north?tab=all&limit=1").status_code == 200
    kept = [json.loads(one.detail) for one in looks(own_site)]
    assert [set(one) - {"identities"} for one in kept] == [{"since"}, {"reference"}, {"tab", "limit"}]


# Safety concerns


@pytest.mark.both_databases
def test_a_concern_is_kept_queued_and_closed(own_site: ServiceSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    care, audit = own_site.client("care", "north"), own_site.client("audit")
    text = "CANARY the reasons name a stay\nthat was somebody else's"
    concern = {"about": "score", "text": text, "person_id": own_site.people["ann"], "reference": "R-1"}
    raised = care.post("/api/v1/safety-concerns", json=concern)
    assert (raised.status_code, set(raised.json())) == (201, {"number", "raised_at"})
    (one,) = audit.get("/api/v1/safety-concerns").json()["concerns"]
    assert {name: one[name] for name in concern} == concern
    assert (one["role"], one["team"], one["closed_at"]) == ("care", "north", None)
    closed = audit.post("/api/v1/safety-concerns/1/closing", json={"done": "CANARY corrected"}).json()
    assert closed["done"] == "CANARY corrected"
    again = audit.post("/api/v1/safety-concerns/1/closing", json={"done": "something else"}).json()
    assert again == closed
    assert audit.get("/api/v1/safety-concerns").json()["concerns"] == []
    assert len(audit.get("/api/v1/safety-concerns?open_only=false").json()["concerns"]) == 1
    assert audit.post("/api/v1/safety-concerns/2/closing", json={"done": "x"}).status_code == 404
    assert "CANARY" not in caplog.text + "".join(str(getattr(one, "fields", "")) for one in caplog.records)
    assert {look.purpose for look in looks(own_site)} == {"safety"}


@pytest.mark.parametrize(
    "wrong",
    [{"about": "score"}, {"about": "score", "text": " "}, {"about": "them", "text": "x"},
     {"about": "score", "text": ""}, {"about": "score", "text": "CANARY 943 476 5919"},
     {"about": "score", "text": "half \ud800 a character"},
     {"about": "score", "text": "x" * 4_001}, {"about": "score", "text": "a\x00b"}, {"text": "x"},
     {"about": "score", "text": "CANARY", "person_id": "9434765919"}, {"about": "score", "text": "CANARY", "more": 1},
     {"about": "score", "text": "CANARY", "reference": "a b"},
     {"about": "score", "text": "CANARY", "reference": "9434765919"},
     {"about": "score", "text": "CANARY", "reference": "k1_7Q4M2XK0D3RT5VWZ"}, [], "CANARY", 3],
)  # fmt: skip
def test_a_concern_that_cannot_be_is_refused_without_repeating_it(own_site: ServiceSite, wrong: object) -> None:
    answer = own_site.client("crisis_team").post("/api/v1/safety-concerns", content=json.dumps(wrong))
    assert (answer.status_code, answer.json()["code"]) == (422, "CR-HTTP-422")
    assert "CANARY" not in answer.text
    assert "9434765919" not in answer.text


def test_an_address_that_leads_to_the_form_of_a_concern_keeps_no_text_but_a_reference_of_ours(
    own_site: ServiceSite,
) -> None:
    care, ours = own_site.client("care", "north"), ("R-1", "S-12", "live-20261122T060000Z")
    led = [care.get("/safety-concern", params={"reference": one}) for one in ours]
    assert [one.status_code for one in led] == [200] * 3
    assert 'value="S-12"' in led[1].text
    for text in ("9434765919", "Ms A. Nobody", "rang-at-night", "R-9434765919", "R-1\n", own_site.people["ann"], "r-1"):
        dropped = care.get("/safety-concern", params={"reference": text}, follow_redirects=False)
        assert (dropped.status_code, dropped.headers["location"], dropped.content) == (303, "/safety-concern", b"")
    kept = [one.detail for one in looks(own_site)]
    assert kept == [*(f'{{"reference": "{one}"}}' for one in ours), *["{}"] * 7]


# Purposes


def planted(settings_of: ServiceSite, router: APIRouter, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    monkeypatch.setattr(application, "ROUTERS", (*application.ROUTERS, router))
    return create_app(read_settings(settings_of.site, {}))


def test_a_route_without_a_purpose_keeps_the_service_from_starting(
    own_site: ServiceSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = APIRouter()

    @router.get("/api/v1/everything")
    def everything() -> dict[str, str]:
        return own_site.people  # type: ignore[return-value]

    with pytest.raises(ServiceError) as raised:
        planted(own_site, router, monkeypatch)
    assert (raised.value.code, raised.value.where) == ("CR-SERVE-004", "/api/v1/everything")


def test_a_route_of_two_purposes_keeps_the_service_from_starting(
    own_site: ServiceSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = APIRouter()

    @router.get("/api/v1/both/{pid}")
    def both(_care: CareViewer, _place: PlaceViewer) -> dict[str, str]:
        return {}

    with pytest.raises(ServiceError) as raised:
        planted(own_site, router, monkeypatch)
    assert raised.value.found == "crisis_response, direct_care"


def test_a_planted_route_of_direct_care_is_audited_without_saying_so(
    own_site: ServiceSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = APIRouter()

    @router.get("/api/v1/people/{pid}/planted")
    def planted_route(pid: OwnPerson) -> dict[str, str]:
        return {"also": own_site.people["ben"]}

    client = TestClient(planted(own_site, router, monkeypatch))
    headers = {"Authorization": f"Bearer {own_site.key('care', 'north')}"}
    assert client.get(f"/api/v1/people/{own_site.people['ann']}/planted", headers=headers).status_code == 200
    (look,) = looks(own_site)
    assert (look.purpose, look.people) == ("direct_care", 2)


def test_a_route_that_names_people_for_a_purpose_that_may_not_is_a_defect(
    own_site: ServiceSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = APIRouter()

    @router.get("/api/v1/board-of-people")
    def board(_viewer: PlaceViewer) -> dict[str, str]:
        return {"person": own_site.people["ann"]}

    client = TestClient(planted(own_site, router, monkeypatch), raise_server_exceptions=False)
    answer = client.get("/api/v1/board-of-people", headers={"X-API-Key": own_site.key("crisis_team")})
    assert answer.status_code == 500
    assert own_site.people["ann"] not in answer.text


def test_every_route_has_one_purpose_and_no_purpose_of_people_is_for_everybody() -> None:
    found = {route.path: purpose_of(route).name for router in application.ROUTERS for route in router.routes}
    used = {"operation", "status", "crisis_response", "direct_care", "caller_care", "audit", "safety", "data_quality",
            "allocation", "emergency", "usefulness"}  # fmt: skip
    assert set(found.values()) == used
    for purpose in (AUDIT, DIRECT_CARE, SAFETY, STATUS):
        with pytest.raises(ValueError, match="not for everybody"):
            Everybody(purpose)
    with pytest.raises(ValueError, match="not reached by"):
        Permission(DIRECT_CARE, "places")
    assert Everybody(OPERATION)() is None


def test_a_pseudonym_is_known_wherever_it_stands(own_site: ServiceSite) -> None:
    ann = own_site.people["ann"]
    texts = [f'{{"x": "{ann}"}}', f"<td>{ann}</td>", f"a,{ann}\r\n", f"/people/{ann}/risk", f"Patient/{ann}"]
    assert all(people_named(text.encode()) == {ann} for text in texts)
    assert people_named(f"e_{ann} {ann}0 x{ann}".encode()) == frozenset()
    # What would not be found in an answer is no pseudonym anywhere.
    arabic = f"k\u0661{ann.removeprefix('k1')}"
    assert (PSEUDONYM.fullmatch(ann) is None, PSEUDONYM.fullmatch(arabic)) == (False, None)


def test_scores_of_a_new_scoring_do_not_change_what_was_shown(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    before = client.get(risk(own_site)).content
    own_site.score(score_row("ann", 0.9), made_at=AS_OF + timedelta(hours=1))
    assert client.get(risk(own_site)).json()["probability"] == 0.9
    assert was_shown(own_site, 1).body == before


# The pages of the officers


def test_a_number_written_into_the_wrong_field_is_not_shown_again_and_kept_nowhere(own_site: ServiceSite) -> None:
    number, person = NHS_NUMBERS[0], own_site.people["ann"]
    audit, care = own_site.client("audit"), own_site.client("care", "north")
    audit.post("/api/v1/safety-concerns", json={"about": "place", "text": "The shelter has closed."})
    written = f"Rang about {number[:3]} {number[3:6]} {number[6:]}, at home."
    answers = [
        *(audit.get(f"/audit?{name}={number}") for name in ("person", "key_id", "start", "purpose")),
        audit.get(f"/api/v1/audit?key_id={number}"),
        audit.post("/concerns/1/closing", data={"done": written}),
        care.post(f"/people/{person}/reviews", data={"decision": "contact", "words": written}),
        care.post("/safety-concern", data={"about": "other", "text": written}),
        own_site.client("triage_clinician").post("/caller", data={"nhs_number": "1", "reason": written}),
    ]
    assert [one.status_code for one in answers] == [422] * len(answers)
    assert sum("Rang about [number taken out], at home." in one.text for one in answers) == 4
    looks = audited_looks(own_site.engine, AuditFilter(), limit=None)
    kept = [one.detail.encode() + one.body for one in shown(own_site.engine, [look.number for look in looks])]
    assert len(kept) == len(answers) + 1, "the report of the concern, too"
    assert not [one for one in kept if number.encode() in one.replace(b" ", b"")]


def test_days_that_are_the_wrong_way_round_are_said_and_not_taken_for_no_look(own_site: ServiceSite) -> None:
    audit = own_site.client("audit")
    wrong = audit.get("/audit?start=2026-11-22&end=2026-11-21")
    assert (wrong.status_code, "The last day is before the first" in wrong.text) == (422, True)
    assert "No look fits that" not in wrong.text
    assert audit.get("/audit?start=2026-11-22&end=2026-11-22").status_code == 200


def test_what_another_officer_closed_before_is_said_and_a_long_queue_is_no_round_number(own_site: ServiceSite) -> None:
    with writing(own_site.engine) as connection:
        for _ in range(101):
            raise_alert(
                connection, "emergency_access", raised_at=datetime(2026, 11, 22, 23, 50, tzinfo=UTC), request_id="r"
            )
    audit = own_site.client("audit")
    for path in ("/audit", "/alerts"):
        assert "More than 100 alerts wait" in audit.get(path).text
    assert "Close alert 101<" not in audit.get("/alerts").text
    assert "start=2026-11-22&amp;end=2026-11-23" in audit.get("/alerts").text
    assert audit.post("/alerts/1/closing", data={"done": "Rang the ward."}).status_code == 200
    again = audit.post("/alerts/1/closing", data={"done": "It was wrong."})
    assert (again.status_code, "Number 1 was closed before" in again.text) == (409, True)
    assert "100 alerts wait" in again.text
    audit.post("/api/v1/safety-concerns", json={"about": "place", "text": "The shelter has closed."})
    said = [
        audit.post("/concerns/1/closing", data={"done": words}) for words in ("Taken off.", "Taken off.", "Not so.")
    ]
    assert [one.status_code for one in said] == [200, 200, 409]
