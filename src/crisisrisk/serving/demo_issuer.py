"""The demo's identity page: a small issuer on this machine, so that a newcomer signs in as people elsewhere do.

It has no passwords: who asks chooses who to be. So it runs at an invented site alone, on loopback alone, and with keys
that end with the process.
"""

import base64
import hmac
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from time import monotonic, time
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from jwt.algorithms import ECAlgorithm
from starlette.middleware.trustedhost import TrustedHostMiddleware

from crisisrisk.serving.bodies import BodyError, body_of, fields_of
from crisisrisk.serving.code_flow_declaration import CALLBACK, CodeFlow
from crisisrisk.serving.default_secrets import refuse_demo_page_beyond
from crisisrisk.serving.demo_people import DemoPerson, demo_people
from crisisrisk.serving.headers import ALWAYS
from crisisrisk.serving.oidc_declaration import Oidc
from crisisrisk.serving.pages.page import POLICY, page
from crisisrisk.serving.problems import SIGN_IN, handle_problems
from crisisrisk.serving.routes.assets import asset_files
from crisisrisk.serving.settings import Settings

ISSUER = "https://identity.crisisrisk.invalid"
"""A name alone, the same wherever it listens: who somebody is follows from it."""
CLIENT, AUDIENCE, ALGORITHM, KID = "crisisrisk-demo", "crisisrisk", "ES256", "demo"
NAME = "the demo's identity page"
CODE_SECONDS, TOKEN_SECONDS = 60.0, 300
MOST_BYTES, BODY_SECONDS = 16_384, 5.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the service asks for in the address of the page."""

    redirect_uri: str
    state: str
    nonce: str
    challenge: str


@dataclass(frozen=True, kw_only=True)
class _Given:
    """What a code stands for, once, until `ends_at`."""

    asked: Asked
    person: DemoPerson
    ends_at: float


@dataclass
class DemoIssuer:
    """Its key, who can sign in, and the codes that it gave."""

    settings: Settings
    callback_port: int
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    _codes: dict[str, _Given] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def asked(self, query: Mapping[str, str]) -> Asked | None:
        """What the service asks for; None for anything else than its own sign-in with a nonce and PKCE (S256)."""
        wanted = {"response_type": "code", "client_id": CLIENT, "code_challenge_method": "S256"}
        if any(query.get(name) != value for name, value in wanted.items()):
            return None
        rest = [query.get(name, "") for name in ("redirect_uri", "state", "nonce", "code_challenge")]
        if not all(rest) or "openid" not in query.get("scope", "").split() or not self._is_ours(rest[0]):
            return None
        return Asked(redirect_uri=rest[0], state=rest[1], nonce=rest[2], challenge=rest[3])

    def code(self, asked: Asked, person: DemoPerson) -> str:
        """A code for who chose to be this person."""
        code, now = secrets.token_urlsafe(32), monotonic()
        with self._lock:
            self._codes = {name: given for name, given in self._codes.items() if given.ends_at > now}
            self._codes[code] = _Given(asked=asked, person=person, ends_at=now + CODE_SECONDS)
        return code

    def id_token(self, form: Mapping[str, str]) -> str | None:
        """The ID token for a code that was not used, from who proves to be the one that asked."""
        with self._lock:
            given = self._codes.pop(form.get("code", ""), None)
        if given is None or given.ends_at <= monotonic() or form.get("grant_type") != "authorization_code":
            return None
        proof = base64.urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        proven = hmac.compare_digest(proof.encode(), given.asked.challenge.encode())
        if not proven or form.get("redirect_uri") != given.asked.redirect_uri or form.get("client_id") != CLIENT:
            return None
        now = int(time())
        said = {"iss": ISSUER, "aud": CLIENT, "iat": now, "exp": now + TOKEN_SECONDS, "nonce": given.asked.nonce}
        return jwt.encode({**said, **given.person.claims}, self.key, ALGORITHM, {"kid": KID})

    @property
    def jwks(self) -> Mapping[str, Any]:
        """The public half of its key."""
        public = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": KID, "use": "sig", "alg": ALGORITHM}]}

    def declared(self, port: int) -> Oidc:
        """What service.toml would say of it."""
        start = f"http://127.0.0.1:{port}"
        return Oidc(
            issuer=ISSUER, audience=AUDIENCE, jwks=f"{start}/keys", algorithms=(ALGORITHM,),
            pages=CodeFlow(
                name=NAME, client_id=CLIENT, authorization_endpoint=f"{start}/authorize",
                token_endpoint=f"{start}/token", end_session_endpoint=f"{start}/end-session",
            ),
        )  # fmt: skip

    def way_back(self, query: Mapping[str, str]) -> str | None:
        """Where somebody goes who signed out of the service; None for who did not come from there."""
        address = query.get("post_logout_redirect_uri", "")
        return address if query.get("client_id") == CLIENT and self._is_ours(address, SIGN_IN) else None

    def _is_ours(self, address: str, path: str = CALLBACK) -> bool:
        hosts = {f"{name}{port}" for name in ("127.0.0.1", "localhost", "[::1]") for port in self._ports}
        return address in {f"http://{host}{path}" for host in hosts}

    @property
    def _ports(self) -> tuple[str, ...]:
        return (f":{self.callback_port}", *([""] if self.callback_port == 80 else []))


@contextmanager
def with_demo_issuer(settings: Settings, *, host: str, port: int) -> Iterator[Settings]:
    """The settings as they are; of a site with the demo's page, with the issuer that runs while the context lasts.

    `host` and `port`: where the service will be. Raises ServiceError where others than this machine may reach it.
    """
    refuse_demo_page_beyond(host, settings.service)
    if not settings.service.sign_in.demo_page:
        yield settings
        return
    issuer = DemoIssuer(settings, port)
    with _beside(port) as listening:
        server = uvicorn.Server(uvicorn.Config(_application(issuer), log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="demo issuer", daemon=True)
        thread.start()
        sign_in = replace(settings.service.sign_in, oidc=issuer.declared(listening.getsockname()[1]))
        try:
            yield replace(settings, service=replace(settings.service, sign_in=sign_in))
        finally:
            server.should_exit = True
            thread.join(2)


def _beside(port: int) -> socket.socket:
    """The next port, or any that is free."""
    try:
        return socket.create_server(("127.0.0.1", port + 1))
    except (OSError, OverflowError):
        return socket.create_server(("127.0.0.1", 0))


def _application(issuer: DemoIssuer) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    app.include_router(asset_files)
    handle_problems(app)
    app.add_exception_handler(BodyError, _refused_body)
    site = issuer.settings.site

    @app.get("/authorize")
    def choose(request: Request) -> Response:
        """A button for everybody."""
        asked = issuer.asked(request.query_params)
        if asked is None:
            return Response("not a sign-in of this service", 400, ALWAYS, "text/plain")
        told = {"site": site.name, "roles": demo_people(issuer.settings)}
        # The choice is answered with a redirect, which browsers hold to where a form may lead.
        parts = urlsplit(asked.redirect_uri)
        policy = POLICY.replace("form-action 'self'", f"form-action 'self' {parts.scheme}://{parts.netloc}")
        headers = {**ALWAYS, "Content-Security-Policy": policy}
        return page("demo_identity.jinja", told, zone=site.time_zone, headers=headers)

    @app.post("/authorize")
    async def chosen(request: Request) -> Response:
        """Back to the service with a code."""
        asked = issuer.asked(request.query_params)
        form = await _form(request)
        everybody = {one.subject: one for role in demo_people(issuer.settings) for one in role.people}
        person = everybody.get(form.get("person", ""))
        if asked is None or person is None:
            return Response("not a sign-in of this service", 400, ALWAYS, "text/plain")
        back = {"code": issuer.code(asked, person), "state": asked.state, "iss": ISSUER}
        return RedirectResponse(f"{asked.redirect_uri}?{urlencode(back)}", 303, ALWAYS)

    @app.post("/token")
    async def token(request: Request) -> Response:
        """The ID token for a code. There is nothing that the access token beside it opens."""
        made = issuer.id_token(await _form(request))
        if made is None:
            return JSONResponse({"error": "invalid_grant"}, 400, ALWAYS)
        said = {"access_token": secrets.token_urlsafe(32), "token_type": "Bearer", "expires_in": TOKEN_SECONDS}
        return JSONResponse({**said, "id_token": made}, headers=ALWAYS)

    @app.get("/end-session")
    def end_session(request: Request) -> Response:
        """Back to where one signs in: the page asks each time who to be, so there is nothing to end."""
        back = issuer.way_back(request.query_params)
        if back is None:
            return Response("not a sign-out of this service", 400, ALWAYS, "text/plain")
        return RedirectResponse(back, 303, ALWAYS)

    @app.get("/keys")
    def keys() -> Response:
        """The keys that it signs with."""
        return JSONResponse(dict(issuer.jwks), headers=ALWAYS)

    return app


def _refused_body(_request: Request, error: Exception) -> Response:
    assert isinstance(error, BodyError)
    return Response("not a sign-in of this service", error.status, ALWAYS, "text/plain")


async def _form(request: Request) -> Mapping[str, str]:
    read = await body_of(request.headers, request.receive, most=MOST_BYTES, seconds=BODY_SECONDS)
    return fields_of(b"".join(message.get("body", b"") for message in read))
