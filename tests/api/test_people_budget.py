"""The budget of different people whom a user looks at on a day: one alert beyond it, and nothing blocked."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from tests.lib.database import AS_OF, score_row
from tests.lib.service_site import SERVICE, ServiceSite

from crisisrisk.database.audit_chain import Look
from crisisrisk.database.engine import writing
from crisisrisk.database.people_of_days import PeopleLookedAt, count_people
from crisisrisk.database.schema import Alert, PersonOfDay
from crisisrisk.purposes import CALLER_CARE, DIRECT_CARE, EMERGENCY, PURPOSES
from crisisrisk.serving import app as application
from crisisrisk.serving.access import purpose_of
from crisisrisk.serving.declarations import Privacy
from crisisrisk.serving.settings import read_settings

both = pytest.mark.both_databases
OWN = ("ann", "ben", "cat", "dan", "eve")

LISTS = {
    "/api/v1/caseloads/{team}", "/api/v1/caseloads/{team}/capacity", "/api/v1/caseloads/{team}/seen",
    "/api/v1/caseloads/{team}/feedback", "/caseload", "/caseload/seen", "/caseload/capacity",
}  # fmt: skip
ONE_BY_ONE = {
    "/api/v1/people/lookup", "/caller", "/api/v1/people/score", "/fhir/R4/RiskAssessment",
    "/fhir/R4/RiskAssessment/{id}", "/fhir/R4/RiskAssessment/_search",
}  # fmt: skip


def limited(site: ServiceSite, most: int) -> None:
    site.declare("service.toml", SERVICE.replace('officer = "Ms', f'people_a_day = {most}\nofficer = "Ms'))


def look(client: TestClient, site: ServiceSite, name: str, what: str = "risk") -> int:
    return client.get(f"/api/v1/people/{site.people[name]}/{what}").status_code


def queue(site: ServiceSite, query: str = "") -> Sequence[dict[str, Any]]:
    told: list[dict[str, Any]] = site.client("audit").get(f"/api/v1/alerts{query}").json()["alerts"]
    return told


def counted(site: ServiceSite) -> int:
    with site.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(PersonOfDay)).scalar_one()


@both
def test_the_first_person_beyond_the_budget_alerts_once_and_nobody_is_blocked(own_site: ServiceSite) -> None:
    limited(own_site, 3)
    client = own_site.client("care", "north")
    answers = [look(client, own_site, name, what) for name in ("ann", "ben", "cat") for what in ("risk", "contacts")]
    assert (answers, queue(own_site), counted(own_site)) == ([200, 200, 200, 200, 422, 200], [], 3)
    assert look(client, own_site, "ann") == 200  # again: nobody new
    assert queue(own_site) == []
    assert look(client, own_site, "dan") == 200
    (alert,) = queue(own_site)
    assert (alert["kind"], alert["people"], alert["budget"], alert["by_purpose"]) == (
        "people_a_day", 4, 3, {"direct_care": 4},
    )  # fmt: skip
    shown = own_site.client("audit").get("/alerts").text
    assert f"4 people on {date.fromisoformat(alert['day']):%-d %b %Y}; up to 3 raise no alert" in shown
    assert look(client, own_site, "eve", "contacts") == 200
    (later,) = queue(own_site)
    assert later == {**alert, "people": 5, "by_purpose": {"direct_care": 5}}
    closed = own_site.client("audit").post(f"/api/v1/alerts/{alert['number']}/closing", json={"done": "On call."})
    assert (closed.status_code, closed.json()["people"]) == (200, 5)
    assert [look(client, own_site, name, "contacts") for name in OWN] == [200] * 5
    assert (queue(own_site), len(queue(own_site, "?open_only=false"))) == ([], 1)


@both
def test_answers_side_by_side_and_a_restart_give_one_alert_and_miss_nobody(own_site: ServiceSite) -> None:
    limited(own_site, 2)
    services = [own_site.client("care", "north") for _ in range(2)]  # each with its own memory of who is counted
    asked = [(client, name) for name in OWN for client in services * 2]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda one: look(one[0], own_site, one[1], "contacts"), asked))
    assert set(told) == {200}
    (alert,) = queue(own_site)
    assert (alert["people"], counted(own_site)) == (5, 5)
    again = own_site.client("care", "north")
    assert [look(again, own_site, name, "contacts") for name in OWN] == [200] * 5
    assert (len(queue(own_site)), counted(own_site)) == (1, 5)


def test_the_alert_holds_no_person_and_finds_the_looks_of_the_day(own_site: ServiceSite) -> None:
    limited(own_site, 1)
    client = own_site.client("care", "north")
    assert [look(client, own_site, name, "contacts") for name in ("ann", "ben")] == [200, 200]
    text = own_site.client("audit").get("/api/v1/alerts").text
    assert not [person for person in own_site.people.values() if person in text]
    (alert,) = queue(own_site)
    site = own_site.site
    assert alert["day"] == datetime.now(UTC).astimezone(site.time_zone).date().isoformat()
    looks = own_site.client("audit").get(f"/api/v1/audit?key_id={alert['key_id']}").json()["looks"]
    assert {one["person_id"] for one in looks} == {own_site.people["ann"], own_site.people["ben"]}
    assert alert["request_id"] == looks[0]["request_id"]


def test_each_user_has_a_budget_and_each_purpose_counts_towards_it(own_site: ServiceSite) -> None:
    limited(own_site, 2)
    care, lead = own_site.client("care", "north"), own_site.client("lead", "north")
    assert [look(care, own_site, name, "contacts") for name in ("ann", "ben")] == [200, 200]
    assert [look(lead, own_site, name, "contacts") for name in ("cat", "dan")] == [200, 200]
    assert queue(own_site) == []
    opened = care.post(f"/api/v1/people/{own_site.people['sue']}/emergency-access", json={"reason": "brought at night"})
    assert opened.status_code == 201
    kinds = {one["kind"]: one for one in queue(own_site)}
    assert kinds["people_a_day"]["by_purpose"] == {"direct_care": 2, "emergency": 1}


def test_a_whole_list_and_a_refusal_count_nobody_and_people_asked_for_in_a_body_count(own_site: ServiceSite) -> None:
    limited(own_site, 1)
    client = own_site.client("care", "north")
    lists = ("/api/v1/caseloads/north?tab=all", "/caseload?tab=all", "/api/v1/caseloads/north/feedback")
    assert [client.get(address).status_code for address in lists] == [200] * 3
    assert [look(client, own_site, name) for name in ("sue", "gone", "nobody")] == [404] * 3
    assert (counted(own_site), queue(own_site)) == (0, [])
    people = [own_site.people[name] for name in ("ann", "ben")]
    assert client.post("/api/v1/people/score", json={"people": people}).status_code == 200
    assert [one["people"] for one in queue(own_site)] == [2]
    fhir = client.get(f"/fhir/R4/RiskAssessment?subject={own_site.people['dan']}")
    page = client.get(f"/people/{own_site.people['eve']}")
    assert (fhir.status_code, page.status_code) == (200, 200)
    assert [one["people"] for one in queue(own_site)] == [4]


def test_an_answer_without_a_number_is_a_look_too(own_site: ServiceSite) -> None:
    """It says why there is none (in hospital, in a crisis, objects), and that they are on the caseload at all."""
    limited(own_site, 2)
    client = own_site.client("care", "north")
    assert (look(client, own_site, "cat"), counted(own_site)) == (422, 1)
    own_site.score(score_row("ann"), valid_until=AS_OF)
    assert (look(client, own_site, "ann"), counted(own_site), queue(own_site)) == (410, 2, [])
    wrong = client.get(f"/api/v1/people/{own_site.people['eve']}/risk?fresh=maybe")
    assert (wrong.status_code, wrong.json()["code"], counted(own_site)) == (422, "CR-HTTP-422", 3)
    assert [one["people"] for one in queue(own_site)] == [3]


def test_every_address_of_care_is_known_to_count_or_to_be_a_list() -> None:
    routes = [route for router in application.ROUTERS for route in router.routes]
    care = {route.path for route in routes if purpose_of(route) in (DIRECT_CARE, CALLER_CARE, EMERGENCY)}
    assert {path for path in care if "{pid}" not in path} == LISTS | ONE_BY_ONE
    # What officers, stewards and those who allocate are shown is the work that they are given.
    assert {name for name, purpose in PURPOSES.items() if purpose.one_by_one} == {"caller_care", "emergency"}


def test_a_day_is_one_of_the_clock_on_the_wall(own_site: ServiceSite) -> None:
    budget = application.create_app(read_settings(own_site.site, {})).state.service.auditor.budget
    summer = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)  # half past midnight in London
    asked = [
        Look(at=at, purpose="direct_care", action="GET", status=200, key_id="u", role="care", team="north",
             request_id="r", detail="{}", media_type="", body=b"", people=("p",))
        for at in (summer - timedelta(hours=1), summer)
    ]  # fmt: skip
    found = budget.uncounted([(one, frozenset({"p"})) for one in asked])
    assert [one.day for one in found] == ["2026-07-01", "2026-07-02"]
    budget.remember(found)
    assert budget.uncounted([(one, frozenset({"p"})) for one in asked]) == []


@both
def test_days_before_yesterday_are_not_kept_and_a_new_day_begins_at_nobody(own_site: ServiceSite) -> None:
    def count(day: str, person: str) -> None:
        at = datetime.fromisoformat(f"{day}T09:00:00+00:00")
        asked = PeopleLookedAt(
            made_by="u", day=day, at=at, purpose="direct_care", request_id="r", people=[own_site.people[person]]
        )
        with writing(own_site.engine) as connection:
            count_people(connection, asked, budget=1)

    for day, person in (("2026-11-01", "ann"), ("2026-11-02", "ann"), ("2026-11-02", "ben"), ("2026-11-03", "ann")):
        count(day, person)
    with own_site.engine.connect() as connection:
        days = connection.execute(select(PersonOfDay.day).order_by(PersonOfDay.day)).scalars().all()
        alerts = connection.execute(select(Alert.day, Alert.people)).all()
    assert (days, alerts) == (["2026-11-02", "2026-11-02", "2026-11-03"], [("2026-11-02", 2)])


def test_the_budget_is_sixty_where_the_site_says_nothing(own_site: ServiceSite) -> None:
    assert read_settings(own_site.site, {}).service.privacy.people_a_day == Privacy().people_a_day == 60
