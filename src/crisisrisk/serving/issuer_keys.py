"""The published keys of an issuer of tokens (a JWKS), read from a file or an address and kept for a while."""

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from crisisrisk.serving.issuer_requests import MOST_BYTES, answer_of
from crisisrisk.serving.logs import log
from crisisrisk.serving.oidc_declaration import KEY_TYPES

MOST_KEYS = 100
FEWEST_BITS = 2_048
FRESH_SECONDS, RETRY_SECONDS = 600.0, 30.0
"""How long keys are used without a look whether they are still published; and how often one may be looked for that is
not there: tokens can name any key, and must not make us ask each time."""
OLD_SECONDS = 86_400.0
"""How long the last keys are used while the issuer does not answer."""


@dataclass(frozen=True)
class _Published:
    """The keys by id and when they were read."""

    keys: Mapping[str, Mapping[str, Any]]
    read_at: float


class IssuerKeys:
    """The keys that an issuer publishes. Safe to use from several threads."""

    def __init__(self, source: str | Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.source = source
        self.clock = clock
        self._published: _Published | None = None
        self._tried_at: float | None = None
        self._lock = threading.Lock()

    def key(self, kid: str, algorithm: str) -> PyJWK | None:
        """The key of this id for this algorithm; None where none is published that is fit for it."""
        self._refresh(kid)
        published = self._published
        if published is None or self.clock() - published.read_at > OLD_SECONDS:
            return None
        found = published.keys.get(kid)
        return None if found is None else _fit_key(found, algorithm)

    def _refresh(self, kid: str) -> None:
        with self._lock:
            now, held = self.clock(), self._published
            known = held is not None and kid in held.keys
            if held is not None and known and now - held.read_at < FRESH_SECONDS:
                return
            if self._tried_at is not None and now - self._tried_at < RETRY_SECONDS:
                return
            self._tried_at = now
            try:
                self._published = _Published(_keys(self._read()), now)
            except (OSError, ValueError, HTTPException) as failure:
                log(logging.ERROR, "the keys of the issuer cannot be read", problem=type(failure).__name__)

    def _read(self) -> bytes:
        if isinstance(self.source, Path):
            with self.source.open("rb") as file:
                return file.read(MOST_BYTES + 1)
        return answer_of(self.source)


def _keys(content: bytes) -> Mapping[str, Mapping[str, Any]]:
    """The keys by id; an id that stands there twice is nobody's. Raises ValueError for what is no set of keys."""
    if len(content) > MOST_BYTES:
        raise ValueError("too large")
    said = json.loads(content)
    keys = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(keys, list) or len(keys) > MOST_KEYS:
        raise ValueError("no set of keys")
    named = [key for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str)]
    counted = Counter(key["kid"] for key in named)
    return {key["kid"]: key for key in named if counted[key["kid"]] == 1}


def _fit_key(published: Mapping[str, Any], algorithm: str) -> PyJWK | None:
    if published.get("kty") != KEY_TYPES[algorithm] or published.get("use", "sig") != "sig":
        return None
    if published.get("alg", algorithm) != algorithm:
        return None
    public = {name: value for name, value in published.items() if name in ("kty", "kid", "n", "e", "crv", "x", "y")}
    try:
        key = PyJWK.from_dict(public, algorithm)
    except (PyJWTError, ValueError, TypeError):
        return None
    return None if isinstance(key.key, RSAPublicKey) and key.key.key_size < FEWEST_BITS else key
