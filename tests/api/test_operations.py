"""Measures, limits on requests, the clock, secrets that are none, a locked database."""

import asyncio
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import Body
from fastapi.testclient import TestClient
from starlette.datastructures import Headers
from tests.lib.harmed_database import break_database, locked
from tests.lib.service_site import CONFIGURATION, SERVICE, ServiceSite

from crisisrisk.database.engine import writing
from crisisrisk.errors import ServiceError
from crisisrisk.serving.app import create_app
from crisisrisk.serving.bodies import BodyError, body_of
from crisisrisk.serving.clock import WatchedClock
from crisisrisk.serving.default_secrets import is_default, is_pattern
from crisisrisk.serving.headers import ALWAYS
from crisisrisk.serving.settings import read_settings
from crisisrisk.tables.site import read_site

BOARD = "/api/v1/shifts/night-2026-11-22/hotspots"
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def samples(text: str) -> dict[str, float]:
    """Each series and its value."""
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[:1] != "#"}


def limited(site: ServiceSite, **limits: float) -> TestClient:
    """A client of the site's service with other limits."""
    lines = "\n".join(f"{name} = {value}" for name, value in limits.items())
    site.declare("service.toml", f"{SERVICE}\n[limits]\n{lines}\n")
    return TestClient(create_app(read_settings(site.site, {})), raise_server_exceptions=False)


# Measures


def test_measures_say_what_was_answered_and_how_the_service_stands(own_site: ServiceSite) -> None:
    client = own_site.client("crisis_team")
    client.get(BOARD)
    client.get(BOARD)
    client.get("/api/v1/nothing")
    answer = client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = samples(answer.text)
    hotspots = 'route="/api/v1/shifts/{id}/hotspots"'
    assert found[f'crisisrisk_requests_total{{method="GET",{hotspots},status="2xx"}}'] == 2
    assert found['crisisrisk_requests_total{method="GET",route="(none)",status="4xx"}'] == 1
    assert found[f"crisisrisk_request_seconds_count{{{hotspots}}}"] == 2
    assert found["crisisrisk_requests_in_flight"] == 0
    assert found['crisisrisk_part_ready{part="database"}'] == 1
    assert found['crisisrisk_model{name="place_crisis_shift",subject="place",version="4"}'] == 1
    assert found['crisisrisk_source_age_seconds{source="crisis_line"}'] == pytest.approx(42 * 3600, abs=1)
    assert found['crisisrisk_source_late{source="crisis_line"}'] == 1
    assert found["crisisrisk_forecast_age_seconds"] == found["crisisrisk_scores_age_seconds"] == 0
    assert found["process_resident_memory_bytes"] > 0


def test_measures_know_no_model_of_people_where_scores_are_off(own_site: ServiceSite) -> None:
    own_site.declare("service.toml", SERVICE.replace("on = true", "on = false"))
    found = samples(own_site.client().get("/metrics").text)
    assert [series for series in found if series.startswith("crisisrisk_model{")] == [
        'crisisrisk_model{name="place_crisis_shift",subject="place",version="4"}'
    ]


def test_measures_name_nobody_and_do_not_grow_with_what_is_asked(own_site: ServiceSite) -> None:
    care = own_site.client("care", "north")

    def ask(number: int) -> None:
        for path in (f"/api/v1/people/k1_{number:016}/risk", f"/api/v1/shifts/night-{number}/hotspots",
                     f"/{number}", f"/api/v1/caseloads/team-{number}?limit={number}"):  # fmt: skip
            care.get(path)
        care.get(f"/api/v1/people/{own_site.people['ann']}/risk")
        care.request(f"METHOD{number}", "/healthz")

    ask(0)
    before = samples(care.get("/metrics").text)
    for number in range(1, 12):
        ask(number)
    text = care.get("/metrics").text
    assert set(samples(text)) - set(before) <= {  # only the series of /metrics itself may come
        series for series in samples(text) if 'route="/metrics"' in series
    }
    said = {value for _, value in LABEL.findall(text)}
    assert not any("k1_" in value or "METHOD" in value or "night-" in value for value in said)
    assert own_site.key("care", "north") not in text
    assert not any(key.split("_")[1] in text for key in own_site.keys.values())


def test_measures_are_there_when_nothing_else_is(own_site: ServiceSite) -> None:
    client = own_site.client()
    break_database(own_site.site.path)
    (own_site.site.data / "CURRENT").unlink()
    found = samples(client.get("/metrics").text)
    ready = {part: found[f'crisisrisk_part_ready{{part="{part}"}}'] for part in ("database", "tables", "place_model")}
    assert ready == {"database": 0, "tables": 0, "place_model": 1}
    assert not [series for series in found if "age_seconds" in series]


# Limits


def test_a_key_that_asks_too_often_is_told_when_to_come_back(own_site: ServiceSite) -> None:
    client = limited(own_site, requests_a_second=0.001, burst=3)
    ours, others = ({"X-API-Key": own_site.key(role)} for role in ("crisis_team", "data"))
    answers = [client.get(BOARD, headers=ours) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json()["code"] == "CR-HTTP-429"
    assert answers[3].headers["content-type"] == "application/problem+json"
    assert 1 < int(answers[3].headers["retry-after"]) <= 1000
    assert {name: answers[3].headers[name] for name in ALWAYS} == ALWAYS
    assert client.get(BOARD, headers=others).status_code == 200
    assert [client.get("/healthz").status_code for _ in range(9)] == [200] * 9
    assert samples(client.get("/metrics").text)['crisisrisk_requests_shed_total{priority="board",reason="rate"}'] == 1


def test_in_a_browser_what_is_too_much_is_a_page_and_says_what_became_of_a_form(own_site: ServiceSite) -> None:
    client = limited(own_site, requests_a_second=0.001, burst=1)
    page = {"Accept": "text/html,*/*;q=0.8", "X-API-Key": own_site.key("crisis_team")}
    assert client.get(BOARD, headers=page).status_code == 200
    answer = client.get("/shifts/next", headers=page)
    assert (answer.status_code, answer.headers["content-type"]) == (429, "text/html; charset=utf-8")
    seconds = answer.headers["retry-after"]
    assert f'Wait {seconds} seconds, then <a href="">open it again</a>.' in answer.text
    assert {name: answer.headers[name] for name in ALWAYS} == {
        **ALWAYS, "Content-Security-Policy": answer.headers["content-security-policy"]
    }  # fmt: skip
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    sent = client.post("/caseload/seen", data={}, headers=page)
    seconds = sent.headers["retry-after"]  # one less where the first page took its time
    assert f"Nothing that you sent was kept. Go back in your browser, wait {seconds} seconds" in sent.text
    assert "open it again" not in sent.text
    assert client.get(BOARD, headers=page).headers["content-type"] == "application/problem+json", "the API has one form"
    assert client.get("/shifts/next", headers={**page, "Accept": "*/*"}).json()["code"] == "CR-HTTP-429"
    long = client.post("/safety-concern", content=b"x" * 70_000, headers={"Accept": "text/html", "X-API-Key": "other"})
    assert (long.status_code, "That is too long" in long.text) == (413, True)


def test_at_the_most_one_is_answered_and_the_rest_is_refused_at_once(own_site: ServiceSite) -> None:
    client = limited(own_site, at_once=1, waiting=1, wait_seconds=0.05)
    headers = {"X-API-Key": own_site.key("crisis_team")}
    assert client.get(BOARD, headers=headers).status_code == 200  # from now on the key is known
    turns = client.app.user_middleware[0].kwargs["admission"].turns  # type: ignore[attr-defined]
    turns.taken = 1  # somebody is being answered all the time
    started = time.monotonic()
    answer = client.get(BOARD, headers=headers)
    assert time.monotonic() - started < 2
    page = client.get("/shifts/next", headers={**headers, "Accept": "text/html", "Accept-Encoding": "gzip"})
    assert (page.status_code, page.headers["content-encoding"], page.headers["retry-after"]) == (503, "gzip", "1")
    assert 'Wait 1 second, then <a href="">open it again</a>.' in page.text
    assert (answer.status_code, answer.json()["code"]) == (503, "CR-HTTP-503")
    assert answer.headers["retry-after"] == "1"
    assert {name: answer.headers[name] for name in ALWAYS} == ALWAYS
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    turns.taken = 0
    assert client.get(BOARD, headers=headers).status_code == 200
    assert turns.taken == 0


def body(seconds_between: float, *parts: bytes) -> Any:
    """A body that comes in parts."""
    left = list(parts)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(seconds_between)
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return receive, left


@pytest.mark.parametrize("length", ["100", "99999999999999999999", "-1", "x", "1e3"])
def test_a_body_that_says_that_it_is_too_large_is_not_read_at_all(length: str) -> None:
    receive, left = body(0, b"x" * 100)
    with pytest.raises(BodyError) as raised:
        asyncio.run(body_of(Headers({"content-length": length}), receive, most=99, seconds=1))
    assert (raised.value.status, len(left)) == (413, 1)


def test_a_body_of_unstated_length_is_read_no_further_than_allowed() -> None:
    receive, left = body(0, b"x" * 50, b"x" * 50, b"x" * 50)
    with pytest.raises(BodyError) as raised:
        asyncio.run(body_of(Headers({"transfer-encoding": "chunked"}), receive, most=99, seconds=1))
    assert (raised.value.status, len(left)) == (413, 1)


def test_a_body_that_comes_too_slowly_is_not_waited_for() -> None:
    receive, left = body(0.05, *[b"x"] * 50)
    with pytest.raises(BodyError) as raised:
        asyncio.run(body_of(Headers({"content-length": "50"}), receive, most=99, seconds=0.12))
    assert raised.value.status == 408
    assert len(left) > 40


BOMBS = {
    "depth": "[" * 30_000 + "]" * 30_000,
    "objects": '{"a":' * 10_000 + "1" + "}" * 10_000,
    "number": "9" * 60_000,
    "exponent": "[1e999999999]",
    "array": "[" + "1," * 30_000 + "1]",
    "not_a_number": "[NaN, Infinity]",
    "zero_bytes": "\x00" * 1000,
    "half": '{"nhs_number": "9',
}


@pytest.fixture
def echo(own_site: ServiceSite) -> TestClient:
    app = create_app(read_settings(own_site.site, {}))

    @app.post("/number")
    def number(value: dict[str, int] = Body()) -> int:  # noqa: B008
        return len(value)

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_body_breaks_the_service(echo: TestClient, bomb: str) -> None:
    answer = echo.post("/number", content=BOMBS[bomb].encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.content) < 10_000


def test_a_compressed_body_is_never_unpacked(echo: TestClient) -> None:
    import gzip

    packed = gzip.compress(b'{"a": ' + b" " * 10_000_000 + b"1}")
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert len(packed) < 65_536
    assert echo.post("/number", content=packed, headers=headers).status_code in (400, 422)


def test_a_trace_is_not_echoed(shared_site: ServiceSite) -> None:
    client = shared_site.client("crisis_team")
    for path in ("/healthz", BOARD, "/api/v1/version"):
        answer = client.request("TRACE", path, headers={"X-Canary": "k1_SECRET"})
        assert answer.status_code == 405
        assert "k1_SECRET" not in answer.text


def test_errors_carry_the_headers_of_answers(own_site: ServiceSite) -> None:
    client = limited(own_site, body_bytes=10)
    asked = {401: ("GET", BOARD), 404: ("GET", "/nothing"), 405: ("DELETE", BOARD), 413: ("POST", "/healthz")}
    for status, (method, path) in asked.items():
        answer = client.request(method, path, content=b"x" * 11 if status == 413 else b"")
        assert answer.status_code == status
        assert {name: answer.headers[name] for name in ALWAYS} == ALWAYS
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


# The database


def test_a_database_that_somebody_writes_to_is_read_on(own_site: ServiceSite) -> None:
    client = own_site.client("crisis_team")
    with locked(own_site.engine):
        started = time.monotonic()
        assert client.get(BOARD).status_code == 200
        assert time.monotonic() - started < 2


@pytest.mark.both_databases
def test_a_database_that_is_locked_is_waited_for_two_seconds_and_then_it_is_503(own_site: ServiceSite) -> None:
    app = create_app(read_settings(own_site.site, {}))

    @app.post("/write")
    def write() -> None:
        with writing(app.state.service.engine) as connection:
            connection.exec_driver_sql("UPDATE api_keys SET role = role")

    client = TestClient(app, headers={"X-API-Key": own_site.key("crisis_team")}, raise_server_exceptions=False)
    with locked(own_site.engine, against_readers=True):
        for method, path in (("POST", "/write"), ("GET", BOARD)):
            started = time.monotonic()
            answer = client.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (503, "CR-HTTP-503")
            assert int(answer.headers["retry-after"]) > 0
            assert 1.5 < time.monotonic() - started < 8
    assert [client.post("/write").status_code, client.get(BOARD).status_code] == [200, 200]


# The clock


class Clocks:
    """A wall clock and a count of seconds that a test sets."""

    def __init__(self) -> None:
        self.wall, self.steady = datetime(2026, 11, 22, 6, tzinfo=UTC), 100.0

    def pass_by(self, seconds: float, *, wall: float | None = None) -> None:
        self.steady += seconds
        self.wall += timedelta(seconds=seconds if wall is None else wall)

    def watched(self) -> WatchedClock:
        return WatchedClock(lambda: self.wall, lambda: self.steady)


def test_a_clock_that_goes_on_is_the_wall_clock() -> None:
    clocks = Clocks()
    watched = clocks.watched()
    for seconds, wall in ((1, 1), (3600, 3601), (60, 57), (10, 400_000), (0, 0)):
        clocks.pass_by(seconds, wall=wall)
        assert (watched.now(), watched.behind()) == (clocks.wall, timedelta())


def test_a_clock_that_is_set_back_does_not_take_time_back() -> None:
    clocks = Clocks()
    watched = clocks.watched()
    clocks.pass_by(10)
    before = watched.now()
    clocks.pass_by(0, wall=-4)
    assert (watched.now(), watched.behind()) == (before, timedelta())
    clocks.pass_by(0, wall=-3)
    assert (watched.now(), watched.behind()) == (before, timedelta(seconds=7))
    clocks.pass_by(60)
    assert watched.now() == before + timedelta(seconds=60)
    clocks.pass_by(0, wall=7)
    assert (watched.now(), watched.behind()) == (clocks.wall, timedelta())


def test_a_clock_that_stood_later_before_the_start_is_noticed() -> None:
    clocks = Clocks()
    watched = clocks.watched()
    later = clocks.wall + timedelta(hours=1)
    watched.not_before(later)
    assert (watched.now(), watched.behind()) == (later, timedelta(hours=1))
    watched.not_before(clocks.wall)
    assert watched.now() == later


def test_a_service_whose_clock_went_back_is_not_ready_and_shows_no_expired_score(own_site: ServiceSite) -> None:
    own_site.configure(CONFIGURATION.replace('clock = "data"', 'clock = "system"'))
    key, person = own_site.key("care", "north"), own_site.people["ann"]
    app = create_app(read_settings(read_site(own_site.site.path), {}))
    clocks = Clocks()
    clocks.wall = datetime(2026, 11, 22, 12, tzinfo=UTC)
    app.state.service.clock = clocks.watched()
    client = TestClient(app, headers={"X-API-Key": key})
    assert client.get(f"/api/v1/people/{person}/risk").status_code == 200
    clocks.pass_by(20 * 3600)  # its score is valid for a day from 06:00
    assert client.get(f"/api/v1/people/{person}/risk").status_code == 410
    clocks.pass_by(0, wall=-12 * 3600)
    assert client.get(f"/api/v1/people/{person}/risk").status_code == 410
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["parts"]["clock"]) == (
        503, "CR-HTTP-503: the machine's clock went back by 43200 seconds",
    )  # fmt: skip
    assert samples(client.get("/metrics").text)['crisisrisk_part_ready{part="clock"}'] == 0


def test_the_newest_answers_say_what_the_clock_was_before_the_start(own_site: ServiceSite) -> None:
    own_site.configure(CONFIGURATION.replace('clock = "data"', 'clock = "system"'))
    ahead = datetime.now(UTC) + timedelta(hours=2)
    own_site.forecast(made_at=ahead)
    with TestClient(create_app(read_settings(read_site(own_site.site.path), {}))) as client:
        assert client.get("/readyz").json()["parts"]["clock"].startswith("CR-HTTP-503: the machine's clock went back")


# Secrets


@pytest.mark.parametrize(
    ("secret", "user", "expected"),
    [("postgres", None, True), ("Password", None, True), ("change-me", None, True), ("", None, True), (" ", None, True),
     ("anna", "anna", True), ("123456", None, True), ("aaaaaaaa", None, True), ("abababab", None, True),
     ("q8Zr-2v!kx0p", "anna", False), ("correct horse battery staple", None, False)],
)  # fmt: skip
def test_passwords_that_come_with_programs_are_known(secret: str, user: str | None, expected: bool) -> None:
    assert is_default(secret, user=user) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [(bytes(32), True), (bytes(range(32)), True), (b"\xab\xcd" * 16, True), (b"0123456789abcdef" * 2, True),
     (bytes.fromhex("0123456789abcdef" * 4), True),
     (bytes.fromhex("5f0c8e1b7ad94326b0f3e85d1c6a9742ee37408bd25619fac480b36d0e95712c"), False)],
)  # fmt: skip
def test_keys_that_were_typed_are_known(key: bytes, expected: bool) -> None:
    assert is_pattern(key) is expected


def test_a_service_with_a_default_secret_does_not_start_and_does_not_say_it(own_site: ServiceSite) -> None:
    file = own_site.site.path / "crisisrisk.toml"
    file.write_text(f'database_url = "postgresql://anna:postgres@127.0.0.1/x"\n{CONFIGURATION}')
    with pytest.raises(ServiceError) as raised:
        read_settings(read_site(own_site.site.path), {"PGPASSWORD": "changeme"})
    assert (raised.value.code, raised.value.where) == ("CR-SERVE-003", "the password in database_url, PGPASSWORD")
    assert "changeme" not in raised.value.rendered()
    file.write_text(CONFIGURATION)
    own_site.site = read_site(own_site.site.path)
    read_settings(own_site.site, {"PGPASSWORD": "changeme"})  # which a SQLite does not ask for
    key = own_site.site.path / "keys" / "pseudonym.key"
    key.write_text(f"k1 {'00' * 32}\n")
    with pytest.raises(ServiceError) as raised:
        read_settings(own_site.site, {})
    assert raised.value.where == "the key of pseudonyms"


def test_no_log_line_of_a_refusal_has_what_was_sent(own_site: ServiceSite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    client = limited(own_site, body_bytes=10, requests_a_second=0.001, burst=4)
    for path in ("/api/v1/people/k1_CANARY/risk?x=k1_CANARY", "/k1_CANARY"):
        client.get(path, headers={"X-API-Key": "k1_CANARY"})
        client.post(path, content=b"k1_CANARY" * 9)
    answers = [client.get("/k1_CANARY").status_code for _ in range(5)]
    assert 429 in answers
    lines = [json.dumps(getattr(record, "fields", {})) + record.getMessage() for record in caplog.records]
    assert len(lines) >= 9
    assert "k1_CANARY" not in "".join(line for line in lines if "HTTP Request" not in line)  # the client's own lines


def test_no_docs_page_is_shipped(own_site: ServiceSite) -> None:
    (own_site.site.path / "serving" / "service.toml").unlink()
    client = own_site.client()
    assert [client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [404] * 3
    assert Path("serving/service.toml").read_text(encoding="utf-8").count("docs_page = false") == 1
