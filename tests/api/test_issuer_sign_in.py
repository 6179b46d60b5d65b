"""Signing in to pages with an account of an issuer: over real HTTP, and every way in which it must come to nothing."""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from tests.lib.harmed_database import stored_bytes
from tests.lib.operational import copied
from tests.lib.running_service import running_service
from tests.lib.service_site import SERVICE, ServiceSite, opened
from tests.lib.token_issuer import AUDIENCE, CLIENT, CLIENT_SECRET, Issuer, issuing, part, send

from crisisrisk.commands.keys import revoke_key
from crisisrisk.database.engine import writing
from crisisrisk.database.keys import all_keys
from crisisrisk.database.schema import SignInAttempt
from crisisrisk.errors import RecipeError, ServiceError
from crisisrisk.serving.app import create_app
from crisisrisk.serving.demo_issuer import with_demo_issuer
from crisisrisk.serving.issuer_sign_in import AT_ONCE
from crisisrisk.serving.sessions import COOKIE
from crisisrisk.serving.settings import read_settings
from crisisrisk.simulation.declarations import KEY_OF_NOBODY

VERSION, ATTEMPT = "/api/v1/version", "crisisrisk_sign_in"
SECRET_FILE = "keys/client.secret"
CHANGED: dict[str, dict[str, Any]] = {
    "another nonce": {"nonce": "x" * 43}, "no nonce": {"nonce": None}, "a list as nonce": {"nonce": ["x"]},
    "another issuer": {"iss": "https://elsewhere.example"}, "the API's audience": {"aud": AUDIENCE},
    "another client": {"aud": "x"}, "two clients": {"aud": [CLIENT, "x"]}, "for another": {"azp": "x"},
    "two clients, for another": {"aud": [CLIENT, "x"], "azp": "x"}, "no audience": {"aud": None},
    "no subject": {"sub": None}, "an access token": {"headers": {"typ": "at+jwt"}},
    "expired": {"iat": 1_000_000_000, "nbf": 1_000_000_000, "exp": 1_000_000_300},
    "works for years": {"exp": 4_000_000_000},
}  # fmt: skip


class Browser:
    """Somebody's browser, with its cookies, on the machine of the service."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def begin(self, after: str | None = None) -> str:
        """Press the button. Returns where the browser is sent."""
        answer = self.client.post("/sign-in", params={} if after is None else {"next": after}, data={"issuer": "1"})
        assert answer.status_code == 200, answer.text
        return refreshed(answer)

    def come_back(self, location: str) -> httpx.Response:
        parts = urlsplit(location)
        return self.client.get(f"{parts.path}?{parts.query}")

    def status(self, path: str = VERSION) -> int:
        return self.client.get(path).status_code


def refreshed(answer: httpx.Response) -> str:
    """Where a page goes on to by itself, which its link says too."""
    found = re.fullmatch(r"0; url=(\S+)", answer.headers["refresh"])
    assert found is not None
    assert f'<a href="{found[1].replace("&", "&amp;")}">' in answer.text
    return found[1]


def changed(location: str, **changes: str | None) -> str:
    parts = urlsplit(location)
    said = {**dict(parse_qsl(parts.query)), **changes}
    return f"{parts.path}?{urlencode({name: value for name, value in said.items() if value is not None})}"


def declared(issuer: Issuer, **changes: Any) -> str:
    """The tables of service.toml."""
    pages = {
        "name": "the trust's account", "client_id": CLIENT, "client_secret_file": SECRET_FILE,
        "authorization_endpoint": f"{issuer.address}/authorize", "token_endpoint": f"{issuer.address}/token",
        "callback": "http://127.0.0.1/sign-in/callback", "scope": "openid profile",
        "prompt": "login", **changes,
    }  # fmt: skip
    of_issuer = {"issuer": issuer.address, "audience": AUDIENCE, "jwks": issuer.jwks, "algorithms": ["RS256", "ES256"]}
    tables = {"sign_in.oidc": of_issuer, "sign_in.oidc.pages": pages}
    return "".join(
        f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items() if value is not None)
        for name, table in tables.items()
    )


def with_issuer(site: ServiceSite, issuer: Issuer, **changes: Any) -> FastAPI:
    """The service of a site that offers accounts of the issuer."""
    secret = site.site.path / SECRET_FILE
    secret.write_text(f"{CLIENT_SECRET}\n")
    secret.chmod(0o600)
    site.declare("service.toml", SERVICE + declared(issuer, **changes))
    return create_app(read_settings(site.site, {}))


def opened_at(app: FastAPI, host: str = "http://127.0.0.1", client: str = "127.0.0.1") -> Browser:
    return Browser(TestClient(app, base_url=host, client=(client, 50_000), follow_redirects=False))


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """An issuer that runs while the tests do."""
    with issuing() as started:
        yield started


@pytest.fixture(autouse=True)
def answers_again(issuer: Issuer) -> Iterator[None]:
    """What a test makes the issuer do ends with it."""
    yield
    issuer.answer = None


@pytest.fixture(scope="module")
def app(pristine: Path, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """The service of a site that offers accounts of that issuer."""
    return with_issuer(opened(copied(pristine, tmp_path_factory.mktemp("flow") / "site")), issuer)


@pytest.fixture
def browser(app: FastAPI) -> Browser:
    """A browser with no cookies."""
    return opened_at(app)


def refused(answer: httpx.Response, status: int, says: str) -> None:
    """A page that says what happened and how to begin again, and opens nothing."""
    assert answer.status_code == status, answer.text
    assert says in answer.text
    assert 'action="/sign-in"' in answer.text
    assert "Error: Sign in" in answer.text
    assert not any(said.startswith(f"{COOKIE}=") for said in answer.headers.get_list("set-cookie"))


# The way in


@pytest.mark.both_databases
def test_an_account_of_the_issuer_opens_the_same_session_as_a_key(own_site: ServiceSite, issuer: Issuer) -> None:
    app = with_issuer(own_site, issuer)
    browser = opened_at(app)
    assert "Sign in with the trust&#39;s account" in browser.client.get("/sign-in").text
    location = browser.begin("/caseload?show=all")
    asked = dict(parse_qsl(urlsplit(location).query))
    assert (asked["redirect_uri"], asked["scope"]) == ("http://127.0.0.1/sign-in/callback", "openid profile")
    assert asked["prompt"] == "login"
    assert all(len(asked[name]) == 43 for name in ("state", "nonce", "code_challenge"))
    back = issuer.signs_in(location, role="care", team="north", sub="s.body@trust", crisisrisk_worker="N2")
    answer = browser.come_back(back)
    assert (answer.status_code, refreshed(answer)) == (200, "/caseload?show=all")
    session = next(said for said in answer.headers.get_list("set-cookie") if said.startswith(COOKIE))
    assert "HttpOnly" in session
    assert "SameSite=strict" in session
    assert ATTEMPT not in browser.client.cookies
    assert browser.status("/api/v1/caseloads/north") == 200
    assert browser.status("/api/v1/caseloads/south") == 404
    assert browser.status("/api/v1/shifts") == 403
    # whose it is, among the keys: by an id that says neither name nor issuer, as for tokens of the same person
    user = next(key for key in all_keys(own_site.engine) if key.role == "care")
    assert re.fullmatch(r"u[0-9a-f]{16}", user.key_id)
    token = issuer.token(role="care", team="north", sub="s.body@trust")
    assert app.state.service.tokens.holder(token).user_id == user.key_id
    # nothing is left of the attempt, and it cannot be made twice
    with own_site.engine.connect() as connection:
        assert connection.execute(select(SignInAttempt.state_sha256)).all() == []
    browser.client.cookies.clear()
    refused(browser.come_back(back), 400, "was not begun in this browser, was finished before")
    # signing out ends it
    browser.come_back(issuer.signs_in(browser.begin(), role="care", team="north", sub="s.body@trust"))
    page = browser.client.get("/caseload").text
    form_token = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    assert form_token is not None
    assert browser.client.post("/sign-out", data={"form_token": form_token[1]}).headers["location"] == "/sign-in"
    assert browser.status() == 401


def signed_out(browser: Browser, **where: Any) -> httpx.Response:
    """Press "Sign out" on a page."""
    form_token = re.search(r'name="form_token" value="([0-9a-f]+)"', browser.client.get("/safety-concern").text)
    assert form_token is not None
    return browser.client.post("/sign-out", data={"form_token": form_token[1]}, **where)


def test_signing_out_goes_on_at_the_issuer_for_who_came_from_there(own_site: ServiceSite, issuer: Issuer) -> None:
    ends = f"{issuer.address}/logout?realm=trust"
    app = with_issuer(own_site, issuer, end_session_endpoint=ends)
    browser = opened_at(app)
    back = issuer.signs_in(browser.begin(), role="audit", sub="s.body@trust")
    assert browser.come_back(back).status_code == 200
    cookie = browser.client.cookies[COOKIE]
    answer = signed_out(browser)
    to = refreshed(answer)
    assert (answer.status_code, to.split("&")[0]) == (200, ends)
    assert dict(parse_qsl(urlsplit(to).query)) == {
        "realm": "trust", "client_id": CLIENT, "post_logout_redirect_uri": "http://127.0.0.1/sign-in",
    }  # fmt: skip
    assert "You are signed out here" in answer.text
    assert COOKIE not in browser.client.cookies
    browser.client.cookies.set(COOKIE, cookie, domain="127.0.0.1", path="/")  # whatever becomes of the way there
    assert browser.status() == 401
    # who came with a key has no session there
    by_key = opened_at(app)
    assert by_key.client.post("/sign-in", data={"key": own_site.key("audit")}).status_code == 303
    answer = signed_out(by_key)
    assert (answer.status_code, answer.headers["location"], "refresh" in answer.headers) == (303, "/sign-in", False)


@pytest.mark.both_databases
def test_a_state_works_once_for_a_while_and_in_its_own_browser(own_site: ServiceSite, issuer: Issuer) -> None:
    app = with_issuer(own_site, issuer)
    mine, other = opened_at(app), opened_at(app)
    back = issuer.signs_in(mine.begin())
    refused(other.come_back(back), 400, "not begun in this browser")  # without any cookie
    other.begin()
    refused(other.come_back(back), 400, "not begun in this browser")  # with that of a sign-in of its own
    kept = mine.client.cookies[ATTEMPT]
    with ThreadPoolExecutor(4) as pool:  # at once, as a proxy that sends again does
        answers = list(pool.map(lambda _: opened_with(app, kept).come_back(back), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    back = issuer.signs_in(mine.begin())
    with writing(own_site.engine) as connection:
        connection.execute(update(SignInAttempt).values(ends_at=datetime.now(UTC) - timedelta(seconds=1)))
    refused(mine.come_back(back), 400, "took longer than 10 minutes")


def opened_with(app: FastAPI, cookie: str) -> Browser:
    browser = opened_at(app)
    browser.client.cookies.set(ATTEMPT, cookie, domain="127.0.0.1", path="/sign-in")
    return browser


@pytest.mark.both_databases
def test_revoking_a_user_ends_all_their_sessions_for_good(own_site: ServiceSite, issuer: Issuer) -> None:
    app = with_issuer(own_site, issuer)
    first, second = opened_at(app), opened_at(app)
    first.come_back(issuer.signs_in(first.begin(), sub="one"))
    assert first.status() == 200
    revoke_key(own_site.site, all_keys(own_site.engine)[0].key_id)
    assert first.status() == 401
    second.come_back(issuer.signs_in(second.begin(), sub="one", role="data"))  # the issuer goes on vouching for them
    assert (second.status(), first.status()) == (200, 401)
    assert [(key.role, key.revoked_at) for key in all_keys(own_site.engine)] == [("data", None)]
    # and a role that the issuer changes changes everywhere
    third = opened_at(app)
    third.come_back(issuer.signs_in(third.begin(), sub="one", role="audit"))
    assert [one.status("/api/v1/audit?limit=1") for one in (second, third)] == [200, 200]


def test_the_whole_way_over_real_http(app: FastAPI, issuer: Issuer, pristine: Path, tmp_path: Path) -> None:
    from tests.lib.browsing import served

    site = opened(copied(pristine, tmp_path / "site"))
    with_issuer(site, issuer)
    with served(site) as address, httpx.Client(base_url=address) as client:
        browser = Browser(client)
        location = browser.begin("/shifts/next")
        answer = browser.come_back(issuer.signs_in(location))
        assert (answer.status_code, refreshed(answer)) == (200, "/shifts/next")
        assert browser.status() == 200


@pytest.mark.parametrize(
    "where", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "/\t/elsewhere.example",
              "javascript:alert(1)", "/x\r\nRefresh: 0; url=https://elsewhere.example", "", "/é"],
)  # fmt: skip
def test_the_way_back_leads_nowhere_else(browser: Browser, issuer: Issuer, where: str) -> None:
    assert refreshed(browser.come_back(issuer.signs_in(browser.begin(where)))) == "/"


def test_what_the_cookie_says_of_the_way_back_is_ours_or_nothing(
    app: FastAPI, browser: Browser, issuer: Issuer
) -> None:
    back = issuer.signs_in(browser.begin())
    kept = browser.client.cookies[ATTEMPT].partition(".")[0]
    elsewhere = opened_with(app, f"{kept}.{part('https://elsewhere.example/')}")
    refused(elsewhere.come_back(back), 400, "not begun in this browser")


def test_the_database_and_the_log_hold_nothing_that_finishes_a_sign_in(
    own_site: ServiceSite, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    browser = opened_at(with_issuer(own_site, issuer))
    with caplog.at_level(logging.DEBUG):
        location = browser.begin("/people/k1_0000000000000000")
        cookie, asked = browser.client.cookies[ATTEMPT], dict(parse_qsl(urlsplit(location).query))
        file = stored_bytes(own_site.engine).decode("latin-1")
        back = issuer.signs_in(location, nonce="another")
        refused(browser.come_back(back), 401, "cannot be used")
        browser.come_back(issuer.signs_in(browser.begin()))
    verifier = issuer.sent[-1]["code_verifier"]
    ours = [record for record in caplog.records if record.name != "httpx"]  # which is the browser here
    said = "\n".join(f"{record.getMessage()} {record.__dict__.get('fields')}" for record in ours)
    assert "signed in" in said
    assert "a sign-in with the issuer was refused" in said
    for secret in (asked["state"], asked["nonce"], cookie, cookie.partition(".")[0], "k1_0000000000000000", verifier):
        assert secret not in file
        assert secret not in said
    assert "code-" not in said
    assert "eyJ" not in said


def test_beyond_loopback_both_cookies_go_by_tls_alone(app: FastAPI, issuer: Issuer) -> None:
    browser = opened_at(app, "https://risk.example", "10.0.0.7")
    answer = browser.client.post("/sign-in", data={"issuer": "1"})
    back = issuer.signs_in(refreshed(answer))
    came = browser.come_back(back)
    said = [*answer.headers.get_list("set-cookie"), *came.headers.get_list("set-cookie")]
    assert len(said) == 3
    assert all("Secure" in one and "HttpOnly" in one for one in said)
    assert "SameSite=lax" in said[0]
    assert "Path=/sign-in" in said[0]


def test_another_site_cannot_begin_it(browser: Browser) -> None:
    answer = browser.client.post("/sign-in", data={"issuer": "1"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


# What comes back and is not believed


def test_a_state_that_is_made_up_left_out_or_said_twice_opens_nothing(browser: Browser, issuer: Issuer) -> None:
    back = issuer.signs_in(browser.begin())
    state = dict(parse_qsl(urlsplit(back).query))["state"]
    sent = len(issuer.sent)
    for forged in ("", "x", state[:-1], f"{state}x", state.swapcase(), "x" * 5_000, "\x00", "é"):
        refused(browser.come_back(changed(back, state=forged)), 400, "not begun")
    refused(browser.come_back(changed(back, state=None)), 400, "not begun")
    refused(browser.come_back(f"{back}&state={state}"), 400, "not begun")
    refused(browser.come_back(f"{back}&code=other"), 400, "not begun")
    assert len(issuer.sent) == sent  # nobody's code is sent anywhere before the state is found to be ours


def test_an_answer_of_another_issuer_is_not_taken_to_this_one(browser: Browser, issuer: Issuer) -> None:
    sent = len(issuer.sent)
    back = issuer.signs_in(browser.begin())
    refused(browser.come_back(changed(back, iss="https://elsewhere.example")), 401, "cannot be used")
    assert len(issuer.sent) == sent


def test_an_issuer_that_signs_nobody_in_says_so_in_our_words(browser: Browser, issuer: Issuer) -> None:
    for said in (
        {"error": "access_denied", "error_description": "<b>their words</b>"},
        {},
        {"error": "x", "code": "y"},
    ):
        back = issuer.signs_in(browser.begin())
        answer = browser.come_back(changed(back, **{"code": None, **said}))
        refused(answer, 401, "The trust&#39;s account did not sign you in")
        assert "their words" not in answer.text


def test_a_code_works_once_and_by_its_own_sign_in_alone(browser: Browser, issuer: Issuer) -> None:
    used = issuer.signs_in(browser.begin())
    assert browser.come_back(used).status_code == 200
    code = dict(parse_qsl(urlsplit(used).query))["code"]
    refused(browser.come_back(changed(issuer.signs_in(browser.begin()), code=code)), 401, "cannot be used")
    stolen = dict(parse_qsl(urlsplit(issuer.signs_in(browser.begin())).query))[
        "code"
    ]  # never brought back by its owner
    thief = issuer.signs_in(browser.begin())
    refused(browser.come_back(changed(thief, code=stolen)), 401, "cannot be used")  # PKCE: not who asked for it


@pytest.mark.parametrize("claims", CHANGED.values(), ids=CHANGED.keys())
def test_an_id_token_that_was_not_made_for_this_sign_in_opens_nothing(
    browser: Browser, issuer: Issuer, claims: dict[str, Any]
) -> None:
    refused(browser.come_back(issuer.signs_in(browser.begin(), **claims)), 401, "cannot be used")
    assert browser.status() == 401


def test_an_id_token_that_the_issuer_did_not_sign_opens_nothing(browser: Browser, issuer: Issuer) -> None:
    stranger = rsa.generate_private_key(65_537, 2_048)
    public = issuer.keys["first"][1].public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def forged(asked: str) -> list[str]:
        said = issuer.claims(aud=CLIENT, nonce=dict(parse_qsl(urlsplit(asked).query))["nonce"])
        head, body, _ = jwt.encode(said, stranger, "RS256", {"kid": "first"}).split(".")
        none = part(json.dumps({"alg": "none", "kid": "first"}))
        hmac = part(json.dumps({"alg": "HS256", "kid": "first"}))
        confused = jwt.get_algorithm_by_name("HS256").sign(f"{hmac}.{body}".encode(), pem)
        return [
            f"{none}.{body}.", f"{none}.{body}.{part('x')}", f"{head}.{body}.",
            jwt.encode(said, "x" * 64, "HS256", {"kid": "first"}),
f"{hmac}.{body}.{part(confused)}",
            jwt.encode(said, stranger, "RS256", {"kid": "first"}), "", "x", "x" * 9_000,
        ]  # fmt: skip

    for number in range(9):
        location = browser.begin()
        back = issuer.signs_in(location, token=forged(location)[number])
        refused(browser.come_back(back), 401, "cannot be used")
    assert browser.status() == 401


def test_an_account_without_exactly_one_role_is_told_so(browser: Browser, issuer: Issuer) -> None:
    for claims in ({"role": None}, {"role": "police"}, {"role": ["care", "audit"]}, {"role": "care"}):
        refused(browser.come_back(issuer.signs_in(browser.begin(), **claims)), 403, "your account has no role here")


def test_an_id_token_opens_no_address_of_the_api(app: FastAPI, issuer: Issuer) -> None:
    token = issuer.token(aud=CLIENT, nonce="x")
    assert TestClient(app).get(VERSION, headers={"Authorization": f"Bearer {token}"}).status_code == 401


# A token endpoint that fails


def drips(to: BaseHTTPRequestHandler) -> None:
    to.send_response(200)
    to.end_headers()
    for _ in range(20):
        to.wfile.write(b" ")
        to.wfile.flush()
        time.sleep(0.05)


FAILS: dict[str, tuple[Callable[[BaseHTTPRequestHandler], None], int]] = {
    "nothing": (lambda to: None, 503), "drips": (drips, 503), "500": (lambda to: send(to, 500, b"{}"), 503),
    "400": (lambda to: send(to, 400, b"{}"), 401), "no JSON": (lambda to: send(to, 200, b"<html>"), 401),
    "no object": (lambda to: send(to, 200, b"[1]"), 401), "no token": (lambda to: send(to, 200, b"{}"), 401),
    "a number": (lambda to: send(to, 200, b'{"id_token": 1}'), 401),
    "no UTF-8": (lambda to: send(to, 200, b"\xff"), 401),
    "nested": (lambda to: send(to, 200, b"[" * 60_000), 401), "huge": (lambda to: send(to, 200, b" " * 200_000), 401),
    "no HTTP": (lambda to: to.wfile.write(b"SSH-2.0\r\n"), 503),
    "elsewhere": (lambda to: send(to, 302, b"", Location="/keys"), 401),
}  # fmt: skip


@pytest.mark.parametrize(("how", "status"), FAILS.values(), ids=FAILS.keys())
def test_a_token_endpoint_that_fails_holds_nobody_up(
    app: FastAPI, browser: Browser, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, how: Any, status: int
) -> None:
    monkeypatch.setattr(app.state.service.issuer, "seconds", 0.4)
    back = issuer.signs_in(browser.begin())
    issuer.answer, asked = how, issuer.asked
    started = time.monotonic()
    refused(browser.come_back(back), status, "did not answer" if status == 503 else "cannot be used")
    assert time.monotonic() - started < 5
    assert issuer.asked == asked  # no redirect was followed


def test_too_many_at_once_are_told_so_and_take_nobodys_turn(app: FastAPI, browser: Browser, issuer: Issuer) -> None:
    turns = app.state.service.issuer._turns
    back = issuer.signs_in(browser.begin())
    for _ in range(AT_ONCE):
        turns.acquire()
    try:
        refused(browser.come_back(back), 503, "Too many people are signing in")
    finally:
        for _ in range(AT_ONCE):
            turns.release()


def test_an_issuer_that_is_down_leaves_keys_to_sign_in_with(own_site: ServiceSite) -> None:
    with issuing() as gone:
        browser = opened_at(with_issuer(own_site, gone))
        back = gone.signs_in(browser.begin())
    refused(browser.come_back(back), 503, "a key of this service works meanwhile")
    assert browser.client.post("/sign-in", data={"key": own_site.key("crisis_team")}).status_code == 303


# The declaration and its secret


@pytest.mark.parametrize("spoil", ["missing", "readable", "empty", "two lines"])
def test_a_client_secret_that_cannot_be_used_is_said_and_keys_go_on(
    own_site: ServiceSite, issuer: Issuer, spoil: str
) -> None:
    browser = opened_at(with_issuer(own_site, issuer))
    file = own_site.site.path / SECRET_FILE
    if spoil == "missing":
        file.unlink()
    elif spoil == "readable":
        file.chmod(0o644)
    else:
        file.write_text("" if spoil == "empty" else "a secret\nand another")
    refused(browser.client.post("/sign-in", data={"issuer": "1"}), 503, "a key of this service works meanwhile")
    ready = browser.client.get("/readyz").json()
    assert "degraded: CR-ACCESS-007" in json.dumps(ready)
    assert str(file) not in json.dumps(ready)
    assert browser.client.post("/sign-in", data={"key": own_site.key("crisis_team")}).status_code == 303


def test_a_client_secret_that_is_a_default_keeps_the_service_from_starting(
    own_site: ServiceSite, issuer: Issuer
) -> None:
    with_issuer(own_site, issuer)
    (own_site.site.path / SECRET_FILE).write_text("changeme")
    with pytest.raises(ServiceError) as raised:
        read_settings(own_site.site, {})
    assert (raised.value.code, raised.value.where) == ("CR-SERVE-003", "the client secret of the issuer")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"token_endpoint": "http://login.example/token"}, "token_endpoint is an address without TLS"),
     ({"authorization_endpoint": "https://user@login.example/"}, "authorization_endpoint"),
     ({"authorization_endpoint": "https://login.example/#x"}, "authorization_endpoint"),
     ({"authorization_endpoint": "https://login.example/; url=x y"}, "authorization_endpoint"),
     ({"callback": "https://risk.example/elsewhere"}, "does not lead to this service"), ({"callback": None}, "missing"),
     ({"scope": "profile"}, "openid"),
     ({"prompt": "none"}, "wanted login or select_account"),
     ({"end_session_endpoint": "http://login.example/logout"}, "end_session_endpoint is an address without TLS"),
     ({"end_session_endpoint": 3}, "wanted a text"), ({"client_secret": "x"}, "unknown key"),
     ({"name": ""}, "name"),
     ({"client_id": 1}, "client_id")],
)  # fmt: skip
def test_a_wrong_declaration_is_refused(
    own_site: ServiceSite, issuer: Issuer, changes: dict[str, Any], problem: str
) -> None:
    own_site.declare("service.toml", SERVICE + declared(issuer, **changes))
    with pytest.raises(RecipeError, match=problem):
        read_settings(own_site.site, {})


def test_without_a_declared_issuer_there_is_no_way_back_from_one(shared_site: ServiceSite) -> None:
    browser = Browser(shared_site.client())
    assert "Sign in with" not in browser.client.get("/sign-in").text
    assert browser.client.post("/sign-in", data={"issuer": "1"}).status_code == 401
    assert browser.client.get("/sign-in/callback?code=x&state=y").status_code == 404


# The demo's identity page


@pytest.fixture
def invented(own_site: ServiceSite) -> ServiceSite:
    """A site that may have the demo's page."""
    own_site.declare("service.toml", SERVICE + "[sign_in]\ndemo_page = true\n")
    (own_site.site.path / "keys" / "pseudonym.key").write_text(f"k1 {KEY_OF_NOBODY}\n")
    return own_site


def test_the_demo_signs_in_by_a_button_through_the_whole_flow(invented: ServiceSite) -> None:
    settings = read_settings(invented.site, {})
    with with_demo_issuer(settings, host="127.0.0.1", port=80) as complete:
        app = create_app(complete)
        assert complete.service.sign_in.oidc is not None
        browser = opened_at(app)
        # (person, what they may see, what not)
        for person, may, may_not in (
            ("crisis_team", "/api/v1/shifts", "/api/v1/audit"), ("audit", "/api/v1/audit", "/api/v1/shifts"),
            ("care:south", "/api/v1/caseloads/south", "/api/v1/caseloads/north"),
        ):  # fmt: skip
            browser.client.cookies.clear()
            location = browser.begin("/somewhere")
            page = httpx.get(location)
            assert page.status_code == 200
            assert f'value="{person}"' in page.text
            assert "everybody here is invented" in page.text
            assert re.search(r"form-action 'self' http://127\.0\.0\.1(;|:80;)", page.headers["content-security-policy"])
            style = re.search(r'href="(/assets/\S+pages\.css)"', page.text)
            assert style is not None
            assert httpx.get(location.split("/authorize")[0] + style[1]).status_code == 200
            chosen = httpx.post(location, data={"person": person})
            assert chosen.status_code == 303
            assert refreshed(browser.come_back(chosen.headers["location"])) == "/somewhere"
            assert (browser.status(may), browser.status(may_not)) == (200, 404 if ":" in person else 403)
        assert len({key.key_id for key in all_keys(invented.engine)}) == 3
    with with_demo_issuer(settings, host="127.0.0.1", port=80) as complete:  # with another key, and the same people
        browser = opened_at(create_app(complete))
        chosen = httpx.post(browser.begin(), data={"person": "audit"})
        browser.come_back(chosen.headers["location"])
        assert browser.status("/api/v1/audit") == 200
        assert len(all_keys(invented.engine)) == 3


def test_serve_runs_the_demos_issuer_beside_the_service(invented: ServiceSite, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        running_service(invented.site.path, log) as service,
        httpx.Client(base_url=f"http://localhost:{service.port}") as client,
    ):
        browser = Browser(client)
        location = browser.begin()
        assert urlsplit(location).hostname == "127.0.0.1"
        chosen = httpx.post(location, data={"person": "audit"})
        assert refreshed(browser.come_back(chosen.headers["location"])) == "/"
        assert browser.status("/api/v1/audit") == 200
        assert service.stop() == 0
    assert not any(secret in log.read_text() for secret in ("code=", "state=", "eyJ"))


def test_the_demos_issuer_gives_nothing_to_who_did_not_ask(invented: ServiceSite) -> None:
    with with_demo_issuer(read_settings(invented.site, {}), host="127.0.0.1", port=80) as complete:
        browser = opened_at(create_app(complete))
        location = browser.begin()
        start = location.split("?")[0]
        wrong: dict[str, str | None] = {
            "redirect_uri": "http://elsewhere.example/sign-in/callback", "client_id": "x", "state": None, "nonce": None,
            "code_challenge": None, "code_challenge_method": "plain", "response_type": "token", "scope": "profile",
        }  # fmt: skip
        for name, value in wrong.items():
            address = start + "?" + changed(location, **{name: value}).split("?")[1]
            assert httpx.get(address).status_code == 400, name
            assert httpx.post(address, data={"person": "audit"}).status_code == 400, name
        assert httpx.post(location, data={"person": "police"}).status_code == 400
        for path in (location, start.replace("authorize", "token")):
            assert httpx.post(path, data={"person": "x" * 20_000}).status_code == 413, "and no failure of its own"
        assert httpx.get(location, headers={"Host": "elsewhere.example"}).status_code == 400
        code = dict(parse_qsl(urlsplit(httpx.post(location, data={"person": "audit"}).headers["location"]).query))[
            "code"
        ]
        ended = {"client_id": "crisisrisk-demo", "post_logout_redirect_uri": "http://127.0.0.1/sign-in"}
        leads = start.replace("authorize", "end-session")
        assert httpx.get(leads, params=ended).headers["location"] == "http://127.0.0.1/sign-in"
        for name, value in (
            ("client_id", "x"), ("post_logout_redirect_uri", "http://elsewhere.example/sign-in"),
            ("post_logout_redirect_uri", "http://127.0.0.1/"), ("post_logout_redirect_uri", "http://127.0.0.1:1/sign-in"),
        ):  # fmt: skip
            assert httpx.get(leads, params={**ended, name: value}).status_code == 400, value
        form = {"grant_type": "authorization_code", "code": code, "client_id": "crisisrisk-demo", "code_verifier": "x",
                "redirect_uri": "http://127.0.0.1/sign-in/callback"}  # fmt: skip
        assert httpx.post(start.replace("authorize", "token"), data=form).status_code == 400


def test_the_demos_page_is_for_the_invented_city_on_this_machine_alone(own_site: ServiceSite, issuer: Issuer) -> None:
    demo = SERVICE + "[sign_in]\ndemo_page = true\n"
    key = own_site.site.path / "keys" / "pseudonym.key"
    real = key.read_text()

    def code(text: str, host: str = "127.0.0.1") -> str | None:
        own_site.declare("service.toml", text)
        try:
            with with_demo_issuer(read_settings(own_site.site, {}), host=host, port=80) as complete:
                assert complete.service.sign_in.oidc is not None
        except ServiceError as refusal:
            return refusal.code
        return None

    key.write_text(f"k1 {KEY_OF_NOBODY}\n")
    assert [code(demo, host) for host in ("127.0.0.1", "localhost", "::1")] == [None] * 3
    assert [code(demo, host) for host in ("0.0.0.0", "::", "10.0.0.7", "risk.example")] == ["CR-SERVE-005"] * 4
    assert code(demo.replace("docs_page = true", "docs_page = false")) == "CR-SERVE-005"
    assert code(demo + declared(issuer)) == "CR-SERVE-005"
    key.write_text(real)
    assert code(demo) == "CR-SERVE-005"
