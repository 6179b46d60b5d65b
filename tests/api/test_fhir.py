"""FHIR R4 by its own reader: resources validate, percentages are percentages, errors are outcomes, nobody is listed."""

import json
from datetime import timedelta
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.riskassessment import RiskAssessment
from tests.lib.database import AS_OF, score_row
from tests.lib.service_site import ServiceSite

from crisisrisk.database.audit_read import AuditFilter, audited_looks
from crisisrisk.serving.fhir import percentage

BASE = "/fhir/R4"


def search(site: ServiceSite, name: str = "ann", team: str = "north"):  # type: ignore[no-untyped-def]
    return site.client("care", team).get(f"{BASE}/RiskAssessment?subject={site.people[name]}")


def valid(content: dict[str, Any], kind: Any) -> Any:
    """What FHIR's own reader makes of a resource; it says the same again."""
    read = kind.model_validate(content)
    assert json.loads(read.model_dump_json(exclude_none=True)) == content
    return read


@pytest.mark.parametrize("probability", [0.004, 0.182, 0.3, 0.5, 0.999, 1.0])
def test_probability_decimal_is_a_percentage_and_at_most_100(own_site: ServiceSite, probability: float) -> None:
    row = score_row("ann", probability, lower=probability / 2, upper=min(1.0, probability * 1.5))
    own_site.score(row, made_at=AS_OF + timedelta(hours=1))
    told = own_site.client("care", "north").get(f"/api/v1/people/{own_site.people['ann']}/risk").json()
    (entry,) = search(own_site).json()["entry"]
    (prediction,) = entry["resource"]["prediction"]
    assert told["probability"] == probability
    assert prediction["probabilityDecimal"] == pytest.approx(100 * probability, abs=1e-6)
    assert 0 < prediction["probabilityDecimal"] <= 100
    ends = prediction["extension"][0]["valueRange"]
    assert [ends[name]["value"] for name in ("low", "high")] == pytest.approx([100 * row["lower"], 100 * row["upper"]])
    assert percentage(0.182) == 18.2


def test_a_score_is_a_risk_assessment_that_says_what_it_is_worth(shared_site: ServiceSite) -> None:
    answer = search(shared_site)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    valid(answer.json(), Bundle)
    assert answer.json()["total"] == 1
    found = answer.json()["entry"][0]["resource"]
    read = valid(found, RiskAssessment)
    assert read.subject.identifier.value == shared_site.people["ann"]
    assert read.status == "final"
    assert found["occurrenceDateTime"] == "2026-11-22T06:00:00Z"
    assert found["prediction"][0]["whenPeriod"] == {"start": "2026-11-22T06:00:00Z", "end": "2026-12-20T06:00:00Z"}
    assert found["extension"][0]["valueDateTime"] == "2026-11-23T06:00:00Z"
    assert "2 crisis-line calls" in found["prediction"][0]["rationale"]
    assert any("not reassurance" in note["text"] for note in found["note"])
    again = shared_site.client("care", "north").get(f"{BASE}/RiskAssessment/{found['id']}")
    assert again.json() == found


def test_without_a_score_nothing_matches_and_the_state_is_said(own_site: ServiceSite) -> None:
    body = search(own_site, "cat").json()
    valid(body, Bundle)
    assert (body["total"], [entry["search"]["mode"] for entry in body["entry"]]) == (0, ["outcome"])
    outcome = body["entry"][0]["resource"]
    assert {"system": "urn:crisisrisk:state", "code": "in_hospital"} in outcome["issue"][0]["details"]["coding"]
    read = own_site.client("care", "north").get(f"{BASE}/RiskAssessment/R-1.{own_site.people['cat'].replace('_', '-')}")
    valid(read.json(), OperationOutcome)
    assert (read.status_code, read.headers["content-type"]) == (422, "application/fhir+json")


def test_a_score_that_a_later_scoring_replaced_is_gone(own_site: ServiceSite) -> None:
    number = search(own_site).json()["entry"][0]["resource"]["id"]
    own_site.score(score_row("ann", 0.5), made_at=AS_OF + timedelta(hours=1))
    answer = own_site.client("care", "north").get(f"{BASE}/RiskAssessment/{number}")
    valid(answer.json(), OperationOutcome)
    assert answer.status_code == 410
    assert "18.2" not in answer.text


def test_every_error_is_an_outcome_and_others_people_are_as_nobody(shared_site: ServiceSite) -> None:
    care, people = shared_site.client("care", "north"), shared_site.people
    odd = [f"{BASE}/RiskAssessment/{text}" for text in ("x", "R-1.x", f"R-1.{people['sue'].replace('_', '-')}", "%00")]
    odd += [f"{BASE}/RiskAssessment?subject={text}" for text in (people["sue"], people["nobody"], "Patient/x", "")]
    missing = [care.get(path) for path in odd]
    assert {answer.status_code for answer in missing} == {404}
    assert len({answer.content for answer in missing}) == 1
    answers = [
        (404, care.get(f"{BASE}/Patient")), (405, care.post(f"{BASE}/metadata")),
        (422, care.get(f"{BASE}/RiskAssessment")), (422, care.get(f"{BASE}/RiskAssessment?subject=x&_count=9")),
        (401, shared_site.client().get(f"{BASE}/RiskAssessment?subject=x")),
        (403, shared_site.client("crisis_team").get(f"{BASE}/RiskAssessment?subject=x")),
        (413, care.request("GET", f"{BASE}/metadata", content=b"x" * 65_537)),
    ]  # fmt: skip
    for status, answer in [*answers, (404, missing[0])]:
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/fhir+json")
        valid(answer.json(), OperationOutcome)
    assert care.get("/api/v1/people/x/risk").headers["content-type"] == "application/problem+json"


def test_the_statement_of_what_is_offered_validates(shared_site: ServiceSite) -> None:
    answer = shared_site.client("data").get(f"{BASE}/metadata")
    read = valid(answer.json(), CapabilityStatement)
    (resource,) = read.rest[0].resource
    assert (resource.type, [one.code for one in resource.interaction]) == ("RiskAssessment", ["read", "search-type"])


def test_every_look_is_kept_with_whom_and_exactly_what_was_shown(own_site: ServiceSite) -> None:
    shown = [search(own_site), search(own_site, "cat"), search(own_site, "sue")]
    kept = list(reversed(audited_looks(own_site.engine, AuditFilter(), limit=None)))
    assert [look.purpose for look in kept] == ["direct_care"] * 3
    assert [look.person_id for look in kept] == [own_site.people[name] for name in ("ann", "cat", "sue")]
    assert [look.status for look in kept] == [answer.status_code for answer in shown] == [200, 200, 404]


def test_a_search_by_form_finds_the_same_and_nobody_stands_in_its_address(shared_site: ServiceSite) -> None:
    client, person = shared_site.client("care", "north"), shared_site.people["ann"]
    by_form = client.post(f"{BASE}/RiskAssessment/_search", data={"subject": f"Patient/{person}"})
    assert by_form.status_code == 200
    assert by_form.json() == search(shared_site).json()
    assert person not in str(by_form.request.url)
    looks = audited_looks(shared_site.engine, AuditFilter(person_id=person), limit=None)
    assert any(look.action == f"POST {BASE}/RiskAssessment/_search" and look.detail == "{}" for look in looks)


@pytest.mark.parametrize("form", [{}, {"subject": "x" * 101}, {"subject": "k1_0", "more": "1"}])
def test_a_form_that_names_nobody_is_refused(shared_site: ServiceSite, form: dict[str, str]) -> None:
    client = shared_site.client("care", "north")
    answer = client.post(f"{BASE}/RiskAssessment/_search", data=form)
    valid(answer.json(), OperationOutcome)
    assert answer.status_code == 422


def test_a_form_about_somebody_elses_person_is_about_nobody(shared_site: ServiceSite) -> None:
    client = shared_site.client("care", "south")
    asked = [{"subject": shared_site.people["ann"]}, {"subject": "k1_0000000000000000"}]
    answers = [client.post(f"{BASE}/RiskAssessment/_search", data=one) for one in asked]
    assert [one.status_code for one in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert shared_site.client("crisis_team").post(f"{BASE}/RiskAssessment/_search", data=asked[0]).status_code == 403
