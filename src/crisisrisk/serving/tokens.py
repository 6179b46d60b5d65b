"""Tokens of an issuer (OpenID Connect): checked against its published keys, and read as role and team."""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
from jwt.exceptions import PyJWTError

from crisisrisk.serving.issuer_keys import IssuerKeys
from crisisrisk.serving.oidc_declaration import Oidc
from crisisrisk.serving.roles import Role

MOST_CHARACTERS = 8_192
MOST_OF_A_NAME = 100
LEEWAY_SECONDS = 30
LONGEST_SECONDS = 86_400
"""A token cannot be taken back, so one that works for longer than a day is none."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# What else may stand in a header says where to find a key, or changes what is signed: none of it is followed.
_HEADER = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
_ID_TYPES = frozenset({"jwt"})
_MOMENTS = ("exp", "iat", "nbf")


@dataclass(frozen=True)
class TokenHolder:
    """Whom a token is about: an id that is made from issuer and subject and says neither, a role, and a team."""

    user_id: str
    role: Role
    team: str | None
    worker: str | None = None


class Tokens:
    """Checks the tokens of the issuer that a site declares."""

    def __init__(self, declared: Oidc, roles: Mapping[str, Role], teams: frozenset[str], folder: Path) -> None:
        """`folder`: the site's, which a file of keys is beside."""
        self.declared = declared
        self.roles = roles
        self.teams = teams
        self.keys = IssuerKeys(declared.source(folder))

    def holder(self, token: str) -> TokenHolder | None:
        """Whom a token is about; None for one that is not signed, not for us, not now, or says no role of the site."""
        claims = self._claims(token, self.declared.audience, _TYPES)
        return None if claims is None else self.holder_of(claims)

    def signed_in(self, token: str, *, client_id: str, nonce_sha256: str) -> Mapping[str, Any] | None:
        """What an ID token says that was made for this client and this very sign-in; None for any other."""
        claims = self._claims(token, client_id, _ID_TYPES)
        if claims is None or claims.get("azp", client_id) != client_id:
            return None
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims:
            return None  # made for others too, and it does not say for whom first
        nonce = claims.get("nonce")
        if not isinstance(nonce, str):
            return None
        digest = sha256(nonce.encode("utf-8", "surrogatepass")).hexdigest()
        return claims if hmac.compare_digest(digest, nonce_sha256) else None

    def _claims(self, token: str, audience: str, types: frozenset[str]) -> Mapping[str, Any] | None:
        if len(token) > MOST_CHARACTERS or not _TOKEN.fullmatch(token):
            return None
        try:
            header, said = (_read_part(part) for part in token.split(".")[:2])
            algorithm = header.get("alg")
            # What is plainly not acceptable is refused before anything is looked up for it.
            if algorithm not in self.declared.algorithms or not _plain(header, types) or not _dated(said):
                return None
            key = self.keys.key(header["kid"], algorithm)
            if key is None:
                return None
            return jwt.decode(
                token, key, algorithms=[algorithm], audience=audience, issuer=self.declared.issuer,
                leeway=LEEWAY_SECONDS, options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )  # fmt: skip
        except (PyJWTError, ValueError, TypeError, RecursionError, binascii.Error):
            return None

    def holder_of(self, claims: Mapping[str, Any]) -> TokenHolder | None:
        """Whom the claims of a token that was checked are about; None where they say no role of the site, or two."""
        roles = [self.roles[name] for name in _texts(claims.get(self.declared.role_claim)) if name in self.roles]
        if len(roles) != 1 or not claims["sub"]:
            return None
        teams = [name for name in _texts(claims.get(self.declared.team_claim)) if name in self.teams]
        if roles[0].needs_team and len(teams) != 1:
            return None
        who = f"{self.declared.issuer}\n{claims['sub']}".encode("utf-8", "surrogatepass")
        workers = _texts(claims.get(self.declared.worker_claim)) if roles[0].needs_team else []
        return TokenHolder(
            f"u{sha256(who).hexdigest()[:16]}", roles[0], teams[0] if roles[0].needs_team else None,
            workers[0] if len(workers) == 1 and _is_name(workers[0]) else None,
        )  # fmt: skip


def is_token(text: str) -> bool:
    """Whether somebody sent a token rather than a key of the service."""
    return "." in text


def _read_part(part: str) -> dict[str, Any]:
    """A part of a token as an object in which no name stands twice. Raises ValueError."""
    content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    said = json.loads(content, object_pairs_hook=_once)
    if not isinstance(said, dict):
        raise ValueError("no object")
    return said


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError("a name stands twice")
    return said


def _plain(header: Mapping[str, Any], types: frozenset[str]) -> bool:
    kid, kind = header.get("kid"), header.get("typ", "JWT")
    named = isinstance(kid, str) and 0 < len(kid) <= 200
    return named and header.keys() <= _HEADER and isinstance(kind, str) and kind.lower() in types


def _dated(said: Mapping[str, Any]) -> bool:
    """Whether the times are numbers, and the token ends in time."""
    if any(type(said[name]) not in (int, float) for name in _MOMENTS if name in said):
        return False
    return "exp" in said and "iat" in said and 0 < said["exp"] - said["iat"] <= LONGEST_SECONDS


def _is_name(text: str) -> bool:
    return len(text) <= MOST_OF_A_NAME and text.isprintable()


def _texts(claim: Any) -> list[str]:
    """One text or several. A claim that says the same twice says it once."""
    given = claim if isinstance(claim, list) else [claim]
    return sorted({one for one in given if isinstance(one, str)})
