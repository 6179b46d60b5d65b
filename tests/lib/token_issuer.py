"""A real issuer of tokens on loopback: it signs with its keys, publishes them as a JWKS, and signs people in."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from time import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "crisisrisk"
CLIENT, CLIENT_SECRET = "pages of crisisrisk", "s3cret:of+the/pages"
BASIC = base64.b64encode(b"pages+of+crisisrisk:s3cret%3Aof%2Bthe%2Fpages").decode()
"""As RFC 6749 has it: both parts are encoded as in a form before they are joined."""


@dataclass
class Issuer:
    """Its address, its private keys by id, and what it publishes. `asked`: how often its keys were fetched."""

    address: str
    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)
    published: dict[str, Any] = field(default_factory=dict)
    asked: int = 0
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    """By code what it was asked for with, and its ID token."""
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    """What it does instead of giving a token."""
    sent: list[dict[str, str]] = field(default_factory=list)
    """What came to where it gives tokens."""

    @property
    def jwks(self) -> str:
        """Where its keys are."""
        return f"{self.address}/keys"

    def add_key(self, kid: str, algorithm: str, private: Any) -> None:
        """Sign with a key from now on, and publish its public half."""
        kind = RSAAlgorithm if algorithm.startswith(("RS", "PS")) else ECAlgorithm
        public = kind.to_jwk(private.public_key(), as_dict=True)
        self.keys[kid] = (algorithm, private)
        self.published.setdefault("keys", []).append({**public, "kid": kid, "use": "sig", "alg": algorithm})

    def withdraw(self, kid: str) -> None:
        """Publish a key no longer."""
        self.published["keys"] = [key for key in self.published["keys"] if key["kid"] != kid]

    def claims(self, role: Any = "crisis_team", team: Any = None, **changes: Any) -> dict[str, Any]:
        """What a good token says; a change to None takes a claim out."""
        now = int(time())
        said = {"iss": self.address, "aud": AUDIENCE, "sub": "someone", "iat": now, "nbf": now, "exp": now + 300,
                "crisisrisk_role": role, "crisisrisk_team": team, **changes}  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def token(self, *, kid: str = "first", headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token that this issuer signs."""
        algorithm, private = self.keys[kid]
        return jwt.encode(self.claims(**claims), private, algorithm, {"kid": kid, **(headers or {})})

    def signs_in(self, location: str, *, token: str | None = None, **claims: Any) -> str:
        """Somebody went to the address of the sign-in, and is who they say. Returns where the browser goes then.

        `claims` change what the ID token says; `token` is given in its place.
        """
        asked = dict(parse_qsl(urlsplit(location).query))
        assert location.startswith(f"{self.address}/authorize?"), location
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        code = f"code-{token_hex(8)}"
        made = self.token(**{"aud": CLIENT, "nonce": asked["nonce"], **claims}) if token is None else token
        self.codes[code] = {**asked, "id_token": made}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.address})}"

    def given(self, form: dict[str, str], authorization: str) -> dict[str, str] | None:
        """What it answers to a code: once, to the client that asked, with the proof that it is the same one."""
        self.sent.append(form)
        asked = self.codes.pop(form.get("code", ""), None)
        proof = part(sha256(form.get("code_verifier", "").encode()).digest())
        good = asked is not None and form.get("grant_type") == "authorization_code"
        if not good or authorization != f"Basic {BASIC}" or proof != asked["code_challenge"]:
            return None
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return None
        return {"access_token": "opens-nothing", "token_type": "Bearer", "id_token": asked["id_token"]}

    def signed(self, header: str, payload: str, *, kid: str = "first") -> str:
        """The issuer's signature over any two texts, well formed or not."""
        algorithm, private = self.keys[kid]
        text = f"{part(header)}.{part(payload)}"
        signature = jwt.get_algorithm_by_name(algorithm).sign(text.encode(), private)
        return f"{text}.{part(signature)}"


def part(content: str | bytes) -> str:
    """A part of a token."""
    given = content.encode() if isinstance(content, str) else content
    return base64.urlsafe_b64encode(given).rstrip(b"=").decode()


def send(to: BaseHTTPRequestHandler, status: int, content: bytes, **headers: str) -> None:
    """An answer of a server."""
    to.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(content))}.items():
        to.send_header(name, value)
    to.end_headers()
    to.wfile.write(content)


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer with two keys, `first` (RS256) and `second` (ES256), that answers while the context lasts."""

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked += 1
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", issuer.jwks)
                self.end_headers()
                return
            content = json.dumps(issuer.published).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            if issuer.answer is not None:
                issuer.answer(self)
                return
            given = issuer.given(form, self.headers.get("Authorization", ""))
            send(self, 400 if given is None else 200, json.dumps(given or {"error": "invalid_grant"}).encode())

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    issuer = Issuer(f"http://127.0.0.1:{server.server_port}")
    issuer.add_key("first", "RS256", rsa.generate_private_key(65_537, 2_048))
    issuer.add_key("second", "ES256", ec.generate_private_key(ec.SECP256R1()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
