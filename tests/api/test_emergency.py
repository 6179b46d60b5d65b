"""Emergency access: one person of another team, for half an hour, with a reason, an alert and a weekly rate."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import select, update
from tests.lib.service_site import SERVICE, ServiceSite

from crisisrisk.database.audit_read import AuditedLook, AuditFilter, audited_looks
from crisisrisk.database.engine import writing
from crisisrisk.database.schema import EmergencyAccess

both = pytest.mark.both_databases

REASON = "brought to the emergency department, own team closed"
ALERTS = "/api/v1/alerts"
READ = ("risk", "risk/history", "risk/reasons", "contacts", "feedback", "reviews", "snoozes", "data-queries")


def about(site: ServiceSite, name: str, what: str) -> str:
    return f"/api/v1/people/{site.people[name]}/{what}"


def opened(site: ServiceSite, name: str, client: TestClient | None = None, **changes: Any) -> Response:
    client = client or site.client("care", "north")
    return client.post(about(site, name, "emergency-access"), json={"reason": REASON, **changes})


def queue(site: ServiceSite, query: str = "") -> Sequence[dict[str, Any]]:
    told: list[dict[str, Any]] = site.client("audit").get(f"{ALERTS}{query}").json()["alerts"]
    return told


def looks(site: ServiceSite) -> Sequence[AuditedLook]:
    return audited_looks(site.engine, AuditFilter(purpose="emergency"), limit=None)


@both
def test_a_person_of_another_team_is_open_to_one_user_for_half_an_hour(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    before = {client.get(about(own_site, "sue", what)).status_code for what in READ}
    made = opened(own_site, "sue", client)
    assert made.status_code == 201, made.text
    answer = made.json()
    assert (answer["person_id"], answer["reason"], answer["alert"]) == (own_site.people["sue"], REASON, 1)
    told = [client.get(about(own_site, "sue", what)) for what in READ]
    fhir = client.get(f"/fhir/R4/RiskAssessment?subject={own_site.people['sue']}")
    assert (before, {one.status_code for one in (*told, fhir)}) == ({404}, {200})
    assert told[0].json()["person_id"] == own_site.people["sue"]
    said = client.post(about(own_site, "sue", "reviews"), json={"decision": "contact", "words": "Seen at night."})
    assert said.status_code == 201
    # Nobody else, nor of anybody else.
    assert own_site.client("lead", "north").get(about(own_site, "sue", "risk")).status_code == 404
    assert client.get(about(own_site, "gone", "contacts")).status_code == 404
    scored = client.post("/api/v1/people/score", json={"people": [own_site.people["sue"]]})
    assert scored.status_code == 404


def test_the_page_says_that_it_is_an_emergency_and_until_when(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    until = datetime.fromisoformat(opened(own_site, "sue", client).json()["until"])
    said = (
        f"In an emergency you see this person of another team, until {until.astimezone(own_site.site.time_zone):%H:%M}."
    )
    assert said in client.get(f"/people/{own_site.people['sue']}").text
    assert "In an emergency" not in client.get(f"/people/{own_site.people['ann']}").text


@both
def test_it_ends_by_itself_and_asking_again_before_does_not_lengthen_it(
    own_site: ServiceSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = own_site.client("care", "north")
    first, again = opened(own_site, "sue", client).json(), opened(own_site, "sue", client).json()
    assert (first["until"], first["alert"]) == (again["until"], again["alert"])
    with writing(own_site.engine) as connection:
        (row,) = connection.execute(select(EmergencyAccess.opened_at, EmergencyAccess.ends_at)).all()
        assert row.ends_at - row.opened_at == timedelta(minutes=30)
        connection.execute(update(EmergencyAccess).values(ends_at=row.opened_at))
    assert {client.get(about(own_site, "sue", what)).status_code for what in READ} == {404}
    monkeypatch.setattr("crisisrisk.serving.routes.emergency.LASTS", timedelta(0))
    assert opened(own_site, "sue", client).status_code == 201
    assert client.get(about(own_site, "sue", "risk")).status_code == 404


def test_opening_says_nothing_of_whether_there_is_such_a_person(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    names = ("sue", "gone", "nobody")
    answers = [opened(own_site, name, client) for name in names]
    assert [one.status_code for one in answers] == [201] * 3
    plain = [
        {key: value for key, value in one.json().items() if key in ("reason",)} | {"keys": sorted(one.json())}
        for one in answers
    ]
    assert plain[1:] == plain[:1] * 2
    assert [one.json()["alert"] for one in answers] == [1, 2, 3]
    shut = client.get(about(own_site, "ben", "contacts").replace(own_site.people["ben"], "k1_0000000000000000"))
    nobody = [client.get(about(own_site, "nobody", what)) for what in READ]
    assert {(one.status_code, one.content) for one in nobody} == {(404, shut.content)}
    assert client.get(about(own_site, "gone", "contacts")).json()["contacts"] == []


def test_what_can_be_no_person_is_not_opened_and_not_kept(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    for text in ("x", "%00", "k1_0", "9998627435", "%20"):
        answer = client.post(f"/api/v1/people/{text}/emergency-access", json={"reason": REASON})
        assert (answer.status_code, queue(own_site)) == (404, []), text


def test_ones_own_people_need_none(own_site: ServiceSite) -> None:
    answer = opened(own_site, "ann")
    assert (answer.status_code, answer.json()["code"], queue(own_site)) == (409, "CR-HTTP-409", [])


def test_it_needs_a_reason_that_names_nobody(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    for reason in ("", "  ", "a\nb", "NHS 999 862 7435", f"for {own_site.people['sue']}"):
        assert opened(own_site, "sue", client, reason=reason).status_code == 422, reason
    assert client.get(about(own_site, "sue", "risk")).status_code == 404
    assert queue(own_site) == []


def test_every_look_is_kept_as_one_in_an_emergency(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    client.get(about(own_site, "ann", "risk"))
    opened(own_site, "sue", client)
    client.get(about(own_site, "sue", "risk"))
    kept = [(one.action, one.status, one.person_id) for one in reversed(looks(own_site))]
    sue = own_site.people["sue"]
    assert kept == [
        ("POST /api/v1/people/{pid}/emergency-access", 201, sue), ("GET /api/v1/people/{pid}/risk", 200, sue),
    ]  # fmt: skip
    log = own_site.client("audit").get(about(own_site, "sue", "access-log")).json()
    assert "emergency" in log["purposes"]


def test_the_alert_names_nobody_and_finds_the_look_in_the_trail(own_site: ServiceSite) -> None:
    opened(own_site, "sue")
    (alert,) = queue(own_site)
    (look,) = looks(own_site)
    assert (alert["kind"], alert["request_id"], alert["closed_at"]) == ("emergency_access", look.request_id, None)
    text = own_site.client("audit").get(ALERTS).text
    identities = (own_site.people["sue"], look.key_id or "", "north", "south", "care", REASON)
    assert not [one for one in identities if one in text]
    assert own_site.client("audit").get(ALERTS).json()["privacy_officer"] == "Ms B. Nobody (invented)"


def test_the_queue_is_worked_by_the_audit_role(own_site: ServiceSite) -> None:
    opened(own_site, "sue")
    audit = own_site.client("audit")
    closed = audit.post(f"{ALERTS}/1/closing", json={"done": "Rang the ward: it was so."}).json()
    again = audit.post(f"{ALERTS}/1/closing", json={"done": "something else"}).json()
    assert closed == again
    assert (closed["done"], closed["closed_at"] is None) == ("Rang the ward: it was so.", False)
    assert (queue(own_site), len(queue(own_site, "?open_only=false"))) == ([], 1)
    assert audit.post(f"{ALERTS}/2/closing", json={"done": "not there"}).status_code == 404


@both
def test_too_many_in_a_week_are_blocked_alike_until_they_were_looked_at(own_site: ServiceSite) -> None:
    own_site.declare("service.toml", SERVICE.replace('officer = "Ms', 'emergency_a_week = 2\nofficer = "Ms'))
    client = own_site.client("care", "north")
    assert [opened(own_site, name, client).status_code for name in ("gone", "moved")] == [201, 201]
    blocked = [opened(own_site, name, client) for name in ("sue", "nobody", "sue")]
    assert {(one.status_code, one.json()["code"], one.content) for one in blocked} == {
        (429, "CR-ACCESS-006", blocked[0].content)
    }
    assert 0 < int(blocked[0].headers["retry-after"]) <= timedelta(days=7).total_seconds()
    assert client.get(about(own_site, "sue", "risk")).status_code == 404
    assert opened(own_site, "gone", client).status_code == 201  # still open: nothing new
    assert opened(own_site, "sue", own_site.client("lead", "north")).status_code == 201  # of another user
    assert [one["kind"] for one in queue(own_site)] == [
        "emergency_access", "emergency_access", "emergency_blocked", "emergency_access",
    ]  # fmt: skip
    own_site.client("audit").post(f"{ALERTS}/1/closing", json={"done": "It was so."})
    assert opened(own_site, "sue", client).status_code == 201


def test_those_of_the_week_before_count_no_more(own_site: ServiceSite) -> None:
    own_site.declare("service.toml", SERVICE.replace('officer = "Ms', 'emergency_a_week = 1\nofficer = "Ms'))
    client = own_site.client("care", "north")
    assert [opened(own_site, name, client).status_code for name in ("gone", "sue")] == [201, 429]
    with writing(own_site.engine) as connection:
        now = connection.execute(select(EmergencyAccess.opened_at)).scalar_one()
        connection.execute(update(EmergencyAccess).values(opened_at=now - timedelta(days=7, seconds=1)))
    assert opened(own_site, "sue", client).status_code == 201


def test_where_nobody_would_look_at_it_nobody_is_opened(own_site: ServiceSite) -> None:
    assert opened(own_site, "sue").status_code == 201
    own_site.declare("service.toml", SERVICE.replace("Ms B. Nobody (invented)", " "))
    answers = [opened(own_site, name) for name in ("gone", "ann", "nobody")]
    assert {(one.status_code, one.json()["code"], one.content) for one in answers} == {
        (403, "CR-ACCESS-005", answers[0].content)
    }
    assert own_site.client("care", "north").get(about(own_site, "sue", "risk")).status_code == 404
    assert own_site.client("audit").get(ALERTS).json()["privacy_officer"] is None


def test_a_role_that_the_site_takes_it_from_opens_nobody(own_site: ServiceSite) -> None:
    assert opened(own_site, "sue").status_code == 201
    own_site.declare("roles.toml", '[care]\nmeaning = "a team"\nreaches = ["own_people"]\n')
    assert opened(own_site, "gone").status_code == 403
    assert own_site.client("care", "north").get(about(own_site, "sue", "risk")).status_code == 404


def test_nobody_is_opened_that_could_not_be_audited(own_site: ServiceSite) -> None:
    client = own_site.client("care", "north")
    assert client.get(about(own_site, "ann", "risk")).status_code == 200
    (own_site.site.path / "keys" / "audit.key").unlink()
    assert opened(own_site, "sue").status_code == 503
    with own_site.engine.connect() as connection:
        assert connection.execute(select(EmergencyAccess)).all() == []
