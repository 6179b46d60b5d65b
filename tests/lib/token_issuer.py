"""A real issuer of tokens on loopback: it signs with its keys, and publishes them as a JWKS."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "crisisrisk"


@dataclass
class Issuer:
    """Its address, its private keys by id, and what it publishes. `asked`: how often its keys were fetched."""

    address: str
    keys: dict[str, tuple[str, Any]] = field(default_factory=dict)
    published: dict[str, Any] = field(default_factory=dict)
    asked: int = 0

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
