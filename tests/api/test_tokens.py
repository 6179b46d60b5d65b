"""Tokens of an issuer: good ones are a role and a team, forged ones are nobody at any route."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from time import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from jwt.algorithms import RSAAlgorithm
from tests.lib.operational import copied
from tests.lib.service_site import SERVICE, ServiceSite, opened
from tests.lib.token_issuer import AUDIENCE, Issuer, issuing, part

from crisisrisk.errors import RecipeError
from crisisrisk.serving.app import ROUTERS
from crisisrisk.serving.issuer_keys import FRESH_SECONDS, OLD_SECONDS, RETRY_SECONDS, IssuerKeys
from crisisrisk.serving.pages.assets import ASSETS
from crisisrisk.serving.settings import read_settings

VERSION = "/api/v1/version"
OPEN = {"/healthz", "/readyz", "/metrics", "/sign-in", "/sign-in/callback", "/sign-out"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """An issuer that runs while the tests do."""
    with issuing() as started:
        yield started


@pytest.fixture(scope="module")
def site(pristine: Path, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> ServiceSite:
    """A site that accepts that issuer's tokens, and lets anybody ask often."""
    made = opened(copied(pristine, tmp_path_factory.mktemp("tokens") / "site"))
    made.declare("service.toml", SERVICE + "[limits]\nrequests_a_second = 1e6\nburst = 1000000\n" + declared(issuer))
    return made


@pytest.fixture(scope="module")
def client(site: ServiceSite) -> TestClient:
    """A client without any key."""
    return site.client()


def declared(by: Issuer, **changes: Any) -> str:
    """The table of service.toml."""
    said = {"issuer": by.address, "audience": AUDIENCE, "jwks": by.jwks, "algorithms": ["RS256", "ES256"]}
    lines = (f"{name} = {json.dumps(value)}" for name, value in {**said, **changes}.items())
    return "[sign_in.oidc]\n" + "\n".join(lines) + "\n"


def asked(client: TestClient, token: str, path: str = VERSION, method: str = "GET") -> int:
    return client.request(method, path, headers={"Authorization": f"Bearer {token}"}).status_code


# Good ones


def test_a_token_is_a_role_and_a_team_and_no_more(client: TestClient, issuer: Issuer, site: ServiceSite) -> None:
    care = issuer.token(role="care", team="north")
    assert asked(client, care, "/api/v1/caseloads/north") == 200
    assert asked(client, care, "/api/v1/caseloads/south") == 404
    assert asked(client, care, "/api/v1/shifts") == 403
    assert asked(client, issuer.token(kid="second", role=["crisis_team", "staff"], aud=["x", AUDIENCE])) == 200
    crisis = issuer.token(role="crisis_team", team="north")
    assert asked(client, crisis, "/api/v1/shifts") == 200
    assert asked(client, crisis, "/api/v1/caseloads/north") == 403
    assert asked(client, site.key("data")) == 200  # keys go on working beside them


def test_the_trail_names_the_user_by_an_id_that_says_neither_name_nor_issuer(
    client: TestClient, issuer: Issuer, site: ServiceSite
) -> None:
    assert asked(client, issuer.token(role="care", team="south", sub="s.body@trust"), "/api/v1/caseloads/south") == 200
    looks = client.get("/api/v1/audit?limit=1", headers={"X-API-Key": site.key("audit")}).json()
    user = looks["looks"][0]["key_id"]
    assert re.fullmatch(r"u[0-9a-f]{16}", user)
    # which is what the officer finds their looks by, as an alert says it
    for path in (f"/api/v1/audit?key_id={user}", f"/audit?key_id={user}"):
        found = client.get(path, headers={"X-API-Key": site.key("audit")})
        assert (found.status_code, found.text.count(user) > 0) == (200, True)
    assert "s.body" not in json.dumps(looks)


# Forged ones


def forged(issuer: Issuer) -> dict[str, str]:
    """Tokens that look good, each wrong in one way."""
    now, good = int(time()), issuer.token()
    head, body, signature = good.split(".")
    stranger = rsa.generate_private_key(65_537, 2_048)
    own = {**RSAAlgorithm.to_jwk(stranger.public_key(), as_dict=True), "kid": "first"}
    private = issuer.keys["first"][1]
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    said = json.dumps(issuer.claims())

    def unsigned(algorithm: str, signature: str = "") -> str:
        return f"{part(json.dumps({'alg': algorithm, 'kid': 'first'}))}.{body}.{signature}"

    def by_stranger(**headers: Any) -> str:
        return jwt.encode(issuer.claims(), stranger, "RS256", {"kid": "first", **headers})

    def header(**headers: Any) -> str:
        return issuer.signed(json.dumps({"alg": "RS256", "kid": "first", **headers}), said)

    def claims(**changes: Any) -> str:
        return issuer.token(**changes)

    hmac_head = part(json.dumps({"alg": "HS256", "kid": "first"}))
    confused = part(jwt.get_algorithm_by_name("HS256").sign(f"{hmac_head}.{body}".encode(), pem))
    other = jwt.encode(issuer.claims(role="audit"), stranger, "RS256").split(".")[1]
    return {
        "none": unsigned("none"), "None": unsigned("None"), "nOnE": unsigned("nOnE"), "NONE": unsigned("NONE"),
        "none with a signature": unsigned("none", signature), "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}", "four parts": f"{good}.{signature}", "five parts": f"{good}.{body}.{head}",
        "another's claims": f"{head}.{other}.{signature}", "cut": f"{head}.{body}.{signature[:-8]}",
        "a changed signature": f"{head}.{body}.{('A' if signature[0] != 'A' else 'B') + signature[1:]}",
        "RS to HS": f"{hmac_head}.{body}.{confused}",
        "another algorithm": jwt.encode(issuer.claims(), private, "RS512", {"kid": "first"}),
        "PSS": jwt.encode(issuer.claims(), private, "PS256", {"kid": "first"}),
        "the key of another algorithm": issuer.signed(json.dumps({"alg": "ES256", "kid": "first"}), said),
        "a stranger": by_stranger(), "its own jwk": by_stranger(jwk=own), "its own jku": by_stranger(jku=issuer.jwks),
        "its own x5u": by_stranger(x5u=issuer.jwks), "its own x5c": by_stranger(x5c=["AAAA"]),
        "jwk": header(jwk=own), "jku": header(jku=issuer.jwks), "crit": header(crit=["exp"]),
        "b64": header(b64=False, crit=["b64"]), "zip": header(zip="DEF"), "a wrong type": header(typ="JWE"),
        "no kid": issuer.signed(json.dumps({"alg": "RS256"}), said), "an unknown kid": header(kid="third"),
        "a path as kid": header(kid="../../etc/passwd"), "SQL as kid": header(kid="first' OR '1'='1"),
        "NUL in kid": header(kid="first\x00"), "an address as kid": header(kid="http://127.0.0.1/x"),
        "a number as kid": header(kid=1), "a list as kid": header(kid=["first"]), "a long kid": header(kid="x" * 999),
        "a list as alg": header(alg=["RS256"]), "the other's kid": header(kid="second"),
        "alg twice": issuer.signed('{"alg":"none","alg":"RS256","kid":"first"}', said),
        "a claim twice": issuer.signed(json.dumps({"alg": "RS256", "kid": "first"}),
                                       said[:-1] + ',"crisisrisk_role":"audit"}'),
        "no object": issuer.signed(json.dumps({"alg": "RS256", "kid": "first"}), '["crisis_team"]'),
        "no JSON": issuer.signed(json.dumps({"alg": "RS256", "kid": "first"}), "{"),
        "nested": issuer.signed(json.dumps({"alg": "RS256", "kid": "first"}), "[" * 3_000 + "]" * 3_000),
        "a token in a token": issuer.signed(json.dumps({"alg": "RS256", "kid": "first", "cty": "JWT"}), good),
        "huge": claims(more="x" * 9_000), "expired": claims(exp=now - 60, iat=now - 600, nbf=now - 600),
        "no exp": claims(exp=None), "a text as exp": claims(exp=str(now + 300)),
        "exp for years": claims(exp=now + 10**8),
        "exp that is no number": issuer.signed(json.dumps({"alg": "RS256", "kid": "first"}),
                                               said.replace(f'"exp": {issuer.claims()["exp"]}', '"exp": NaN')),
        "not yet": claims(nbf=now + 120), "issued tomorrow": claims(iat=now + 86_400, exp=now + 86_700),
        "no iat": claims(iat=None), "another issuer": claims(iss=f"{issuer.address}/"), "no issuer": claims(iss=None),
        "another audience": claims(aud="crisisrisk2"), "no audience": claims(aud=None), "audiences": claims(aud=["x"]),
        "no subject": claims(sub=None), "an empty subject": claims(sub=""), "no role": claims(role="nothing"),
        "police": claims(role="police"), "two roles": claims(role=["crisis_team", "audit"]),
        "a role in an object": claims(role={"crisis_team": True}), "care without a team": claims(role="care"),
        "an unknown team": claims(role="care", team="nowhere"),
        "two teams": claims(role="care", team=["north", "south"]),
    }  # fmt: skip


def test_no_forged_token_is_accepted_at_any_route(client: TestClient, issuer: Issuer) -> None:
    tokens = forged(issuer)
    assert len(tokens) >= 60
    routes = [
        (method, re.sub(r"\{\w+\}", "1", route.path))
        for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)
        for method in sorted(route.methods) if route.path not in OPEN and not route.path.startswith(ASSETS)
    ]  # fmt: skip
    assert len(routes) > 40
    assert asked(client, issuer.token()) == 200
    answers = {
        (name, method, path): client.request(
            method, path, headers={"Authorization": f"Bearer {token}"}, follow_redirects=False
        )
        for name, token in tokens.items() for method, path in routes
    }  # fmt: skip
    led = {asked: answer for asked, answer in answers.items() if answer.status_code == 303}  # at a page, to sign in
    assert all(not path.startswith(("/api", "/fhir")) and method == "GET" for _, method, path in led)
    assert all(answer.headers["location"].startswith("/sign-in") and not answer.content for answer in led.values())
    refused = {asked: answer for asked, answer in answers.items() if asked not in led}
    assert {answer.status_code for answer in refused.values()} == {401}
    for of_fhir in (False, True):  # which has a shape of its own
        said = {answer.content for (*_, path), answer in refused.items() if path.startswith("/fhir") == of_fhir}
        assert len(said) == 1


def test_a_token_is_no_key_of_the_service_and_opens_no_page_as_one(client: TestClient, issuer: Issuer) -> None:
    assert client.get(VERSION, headers={"X-API-Key": issuer.token()}).status_code == 401
    assert client.get(VERSION, headers={"Cookie": f"crisisrisk_session={issuer.token()}"}).status_code == 401
    assert client.post("/sign-in", data={"key": issuer.token()}).status_code == 401
    assert client.get(f"{VERSION}?access_token={issuer.token()}").status_code == 401


def test_without_a_declared_issuer_no_token_is_accepted(shared_site: ServiceSite, issuer: Issuer) -> None:
    assert asked(shared_site.client(), issuer.token()) == 401


# The issuer's keys


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_keys_are_fetched_seldom_rotated_and_kept_while_the_issuer_is_away() -> None:
    clock = Clock()
    with issuing() as issuer:
        keys = IssuerKeys(issuer.jwks, clock=clock)
        assert all(keys.key("first", "RS256") for _ in range(5))
        assert [keys.key(f"made up {number}", "RS256") for number in range(50)] == [None] * 50
        assert issuer.asked == 1
        issuer.add_key("third", "RS256", rsa.generate_private_key(65_537, 2_048))
        issuer.withdraw("first")
        assert keys.key("third", "RS256") is None
        clock.now = RETRY_SECONDS
        assert keys.key("third", "RS256") is not None
        assert keys.key("first", "RS256") is None  # rotated out
        issuer.published = {"keys": "gone wrong"}
        clock.now += FRESH_SECONDS
        assert keys.key("third", "RS256") is not None
    clock.now += FRESH_SECONDS  # and now it does not answer at all
    assert keys.key("third", "RS256") is not None
    clock.now += OLD_SECONDS
    assert keys.key("third", "RS256") is None


def test_only_keys_that_are_fit_are_used(issuer: Issuer, tmp_path: Path) -> None:
    good = issuer.published["keys"][0]
    weak = RSAAlgorithm.to_jwk(rsa.generate_private_key(65_537, 1_024).public_key(), as_dict=True)
    published = {
        "good": good, "for secrecy": {**good, "use": "enc"}, "of another algorithm": {**good, "alg": "PS256"},
        "shared": {"kty": "oct", "k": "AAAA"}, "weak": weak, "broken": {"kty": "RSA", "n": "!", "e": "AQAB"},
    }  # fmt: skip
    file = tmp_path / "keys.json"
    said = [{**key, "kid": kid} for kid, key in published.items()] + [{**good, "kid": "twice"}] * 2 + ["x", {}]
    file.write_text(json.dumps({"keys": said}))
    keys = IssuerKeys(file)
    assert {kid for kid in (*published, "twice") if keys.key(kid, "RS256") is not None} == {"good"}


@pytest.mark.parametrize("content", ["", "[]", '{"keys": {}}', "x" * 200_000, '{"keys": [' + "{}," * 200 + "{}]}"])
def test_what_is_no_set_of_keys_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)
    assert IssuerKeys(file).key("first", "RS256") is None


def test_an_address_that_leads_on_is_not_followed(issuer: Issuer) -> None:
    assert IssuerKeys(f"{issuer.address}/moved").key("first", "RS256") is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"algorithms": ["none"]}, "algorithms"), ({"algorithms": ["HS256"]}, "algorithms"), ({"algorithms": []}, "algor"),
     ({"jwks": "http://login.example/keys"}, "TLS"), ({"jwks": "ftp://127.0.0.1/keys"}, "TLS"),
     ({"issuer": ""}, "issuer"), ({"audience": 1}, "audience"), ({"secret": "x"}, "unknown key")],
)  # fmt: skip
def test_a_wrong_declaration_is_refused(
    own_site: ServiceSite, issuer: Issuer, changes: dict[str, Any], problem: str
) -> None:
    own_site.declare("service.toml", SERVICE + declared(issuer, **changes))
    with pytest.raises(RecipeError, match=problem):
        read_settings(own_site.site, {})
