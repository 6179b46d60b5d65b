"""Whatever a caller sends, and whoever is asked about: no log, measure or error of any route repeats it."""

import json
import logging
import random
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from tests.lib.harmed_database import stored_bytes
from tests.lib.service_site import ServiceSite

from crisisrisk.serving.logs import JsonLines

NHS, SPACED, NAME, BORN = "9434765919", "943 476 5919", "Canary Sparrow-Quill", "1931-02-03"
TEXTS = (NHS, SPACED, NAME, BORN)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
ROLES = ((None, None), ("crisis_team", None), ("data", None), ("care", "north"), ("audit", None))
ASKED = 40
"""Requests of each role; each carries canaries in several places at once."""


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Every record of every logger, as the service would write it; filled when the test is over."""
    caplog.set_level(logging.DEBUG)
    written: list[str] = []
    yield written
    assert written, "nothing was looked at"


def paths(client: TestClient) -> list[str]:
    return sorted(client.get("/openapi.json").json()["paths"])


def odd_path(template: str, draw: random.Random, canaries: list[str]) -> str:
    path = template
    for name in ("{pid}", "{team}", "{id}", "{number}", "{place}"):
        path = path.replace(name, draw.choice(canaries).replace(" ", "%20"))
    return path + draw.choice(["", "/", f"/{NHS}", f"?{NHS}=1", f"?limit={NHS}", f"?person={NAME.replace(' ', '+')}"])


def odd_body(draw: random.Random, canaries: list[str]) -> bytes:
    text = draw.choice(canaries)
    bodies: list[object] = [
        {"text": text}, {"about": text, "text": text}, {text: text}, [text], text, {"nhs_number": text},
        {"done": {text: 1}}, {"about": "score", "text": f"about {text}", "person_id": text}, {"teams": text},
        {"state": "full", "reason": f"{text} is here"},
    ]  # fmt: skip
    return draw.choice([json.dumps(draw.choice(bodies)).encode(), text.encode(), b"\xff" + text.encode()])


def test_no_route_repeats_a_canary_in_logs_measures_or_errors(
    own_site: ServiceSite, caplog: pytest.LogCaptureFixture, lines: list[str]
) -> None:
    draw, people = random.Random(20), list(own_site.people.values())
    canaries = [*TEXTS, *people]
    errors = 0
    for role, team in ROLES:
        client = own_site.client(role, team)
        known = paths(client)
        for _ in range(ASKED):
            path = odd_path(draw.choice(known), draw, canaries)
            headers = {"X-Request-Id": NHS, "User-Agent": NAME, "Content-Type": "application/json"}
            answer = client.request(draw.choice(METHODS), path, content=odd_body(draw, canaries), headers=headers)
            if answer.status_code >= 400:
                errors += 1
                assert not [one for one in canaries if one in answer.text], (answer.status_code, path)
            assert NHS not in str(answer.headers)
        measured = client.get("/metrics").text
        assert not [one for one in canaries if one in measured]
    formatter = JsonLines()
    lines += [formatter.format(record) for record in caplog.records if not record.name.startswith("httpx")]
    secrets = list(own_site.keys.values())
    assert [line for line in lines if any(one in line for one in (*canaries, *secrets))] == []
    assert errors > ASKED
    # Nor does the database keep what was no answer: only people whom somebody may have been shown are in it.
    content = stored_bytes(own_site.engine)
    assert not [one for one in TEXTS if one.encode() in content]


def test_a_defect_in_any_route_of_people_tells_nobody(
    own_site: ServiceSite, caplog: pytest.LogCaptureFixture, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error whose text holds everything, raised where each route reads."""
    from crisisrisk.serving import scores
    from crisisrisk.serving.routes import audit, safety

    def failing(*_arguments: object, **_named: object) -> None:
        raise RuntimeError(f"{NHS} {NAME} {own_site.people['ann']}")

    for module, name in (
        (scores, "caseload_scores"), (audit, "audited_looks"), (safety, "concerns"), (safety, "raise_concern"),
        (safety, "close_concern"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, failing)
    ann = own_site.people["ann"]
    asked = [
        ("care", "GET", f"/api/v1/people/{ann}/risk", None), ("care", "GET", "/api/v1/caseloads/north", None),
        ("audit", "GET", f"/api/v1/people/{ann}/access-log", None), ("audit", "GET", "/api/v1/audit", None),
        ("audit", "GET", "/api/v1/safety-concerns", None),
        ("care", "POST", "/api/v1/safety-concerns", {"about": "score", "text": "a text"}),
        ("audit", "POST", "/api/v1/safety-concerns/1/closing", {"done": "a text"}),
    ]  # fmt: skip
    for role, method, path, body in asked:
        answer = own_site.client(role, "north" if role == "care" else None).request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (500, "CR-HTTP-500"), path
        assert not [one for one in (*TEXTS, ann) if one in answer.text]
    lines += [JsonLines().format(record) for record in caplog.records if not record.name.startswith("httpx")]
    assert [line for line in lines if any(one in line for one in (*TEXTS, ann))] == []
