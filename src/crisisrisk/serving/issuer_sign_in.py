"""Signing in to pages with an account of the issuer: the authorization-code flow of OpenID Connect, with PKCE (S256).

What the browser must bring back lies in a cookie that this flow alone has; the database has digests of it. Nothing that
comes back is believed before the issuer's signature says it: where to go afterwards is in that cookie, too.
"""

import base64
import binascii
import hmac
import json
import logging
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote_plus, urlencode

from sqlalchemy import Engine

from crisisrisk.database.sign_in_attempts import keep_attempt, take_attempt
from crisisrisk.errors import DataError
from crisisrisk.serving.client_secrets import read_client_secret
from crisisrisk.serving.code_flow_declaration import CodeFlow
from crisisrisk.serving.issuer_requests import SECONDS, answer_of
from crisisrisk.serving.logs import log
from crisisrisk.serving.problems import local_path
from crisisrisk.serving.tokens import TokenHolder, Tokens

LASTS = timedelta(minutes=10)
"""How long somebody may be at the issuer, second factor and all."""
AT_ONCE = 8
"""How many sign-ins may wait for the issuer. They take nobody's turn, but a thread each."""
_SECRET_BYTES = 32
_LONGEST = 2_048


class RefusedError(Exception):
    """A sign-in that came to nothing. `reason`: for the log. `says`: what happened and what to do, to who is there."""

    def __init__(self, reason: str, status: int, says: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.says = says


@dataclass(frozen=True)
class Begun:
    """Where the browser goes, and the cookie that it comes back with."""

    location: str
    cookie: str


@dataclass(frozen=True)
class Finished:
    """Who signed in, and where in this service they wanted to."""

    holder: TokenHolder
    back: str


class IssuerSignIn:
    """Sign-ins with accounts of one issuer."""

    def __init__(self, engine: Engine, tokens: Tokens, flow: CodeFlow, folder: Path) -> None:
        """`folder`: the site's, which a file with the client secret is beside."""
        self.engine = engine
        self.tokens = tokens
        self.flow = flow
        self.secret_file = None if flow.client_secret_file is None else folder / flow.client_secret_file
        self.seconds = SECONDS
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def check(self) -> None:
        """Raises DataError where the client secret cannot be used."""
        if self.secret_file is not None:
            read_client_secret(self.secret_file)

    def begin(self, callback: str, back: str) -> Begun:
        """Send somebody to the issuer. `callback`: where they come back; `back`: the path that they asked for.

        Raises RefusedError where the client secret cannot be used: nobody is sent away for nothing.
        """
        self._secret()
        state, nonce = (secrets.token_urlsafe(_SECRET_BYTES) for _ in range(2))
        cookie = f"{secrets.token_urlsafe(_SECRET_BYTES)}.{_plain_base64(back.encode('ascii'))}"
        keep_attempt(self.engine, state=state, browser=cookie, nonce=nonce, now=datetime.now(UTC), lasts=LASTS)
        asked = {
            "response_type": "code", "client_id": self.flow.client_id, "redirect_uri": callback,
            "scope": self.flow.scope, "state": state, "nonce": nonce,
            "code_challenge": _plain_base64(sha256(_verifier(cookie).encode("ascii")).digest()),
            "code_challenge_method": "S256",
        }  # fmt: skip
        if self.flow.prompt is not None:
            asked["prompt"] = self.flow.prompt
        return Begun(_with_query(self.flow.authorization_endpoint, asked), cookie)

    def way_out(self, back: str) -> str | None:
        """Where a browser goes that was signed out here, to be so at the issuer too (RP-initiated logout); None where
        the site declares no such address. `back`: where in this service the issuer may send it then.

        The ID token, by which an issuer would know whose session it is without asking, is kept nowhere here: it says
        who somebody is. An issuer asks the browser's own session, or whoever is there.
        """
        if self.flow.end_session_endpoint is None:
            return None
        said = {"client_id": self.flow.client_id, "post_logout_redirect_uri": back}
        return _with_query(self.flow.end_session_endpoint, said)

    def finish(self, query: Sequence[tuple[str, str]], cookie: str, callback: str) -> Finished:
        """Who came back, and is who the issuer says. Raises RefusedError."""
        said = dict(query)
        state, issuer = said.get("state", ""), said.get("iss", self.tokens.declared.issuer)
        short = all(len(text) <= _LONGEST for text in (state, said.get("code", ""), cookie))
        if len(said) != len(query) or not short:
            raise self._not_begun()
        nonce_sha256 = take_attempt(self.engine, state=state, browser=cookie, now=datetime.now(UTC))
        if nonce_sha256 is None:
            raise self._not_begun()
        if issuer != self.tokens.declared.issuer:  # RFC 9207: another issuer's answer is not taken to this one
            raise self._not_believed("issuer")
        if "error" in said or "code" not in said:
            raise RefusedError("not signed in there", 401, f"{self._name} did not sign you in. Begin again.")
        claims = self.tokens.signed_in(
            self._id_token(said["code"], cookie, callback), client_id=self.flow.client_id, nonce_sha256=nonce_sha256
        )
        if claims is None:
            raise self._not_believed("token")
        holder = self.tokens.holder_of(claims)
        if holder is None:
            raise RefusedError(
                "no role", 403, "You signed in, but your account has no role here, or more than one. "
                "Whoever runs this site can say which it should have.",
            )  # fmt: skip
        return Finished(holder, _back(cookie))

    def _id_token(self, code: str, cookie: str, callback: str) -> str:
        """What the issuer gives for the code. It is asked once: a code that was sent is used up."""
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": callback,
            "code_verifier": _verifier(cookie),
        }  # fmt: skip
        headers, secret = {}, self._secret()
        if secret is None:
            form["client_id"] = self.flow.client_id
        else:
            both = f"{quote_plus(self.flow.client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(both.encode('ascii')).decode('ascii')}"
        said = self._asked(form, headers)
        token = said.get("id_token") if isinstance(said, dict) else None
        if not isinstance(token, str):
            raise self._not_believed("answer")
        return token

    def _asked(self, form: dict[str, str], headers: dict[str, str]) -> Any:
        if not self._turns.acquire(blocking=False):
            raise RefusedError("busy", 503, "Too many people are signing in at this moment. Begin again in a minute.")
        try:
            return json.loads(answer_of(self.flow.token_endpoint, form=form, headers=headers, seconds=self.seconds))
        except HTTPError as refused:
            if refused.code < 500:
                raise self._not_believed(f"status {refused.code}") from None
            raise self._no_answer(f"status {refused.code}") from None
        except (ValueError, RecursionError):
            raise self._not_believed("answer") from None
        except (OSError, HTTPException) as failure:
            raise self._no_answer(type(failure).__name__) from None
        finally:
            self._turns.release()

    def _secret(self) -> str | None:
        try:
            return None if self.secret_file is None else read_client_secret(self.secret_file)
        except DataError as problem:
            log(logging.ERROR, "nobody can sign in with the issuer", code=problem.code, problem=problem.problem)
            raise RefusedError(
                "client secret", 503, f"Signing in with {self.flow.name} does not work now. Tell whoever runs this "
                "site; a key of this service works meanwhile.",
            ) from None  # fmt: skip

    @property
    def _name(self) -> str:
        return self.flow.name[:1].upper() + self.flow.name[1:]

    def _not_begun(self) -> RefusedError:
        minutes = LASTS.total_seconds() / 60
        return RefusedError(
            "state", 400, "This sign-in was not begun in this browser, was finished before, or took longer than "
            f"{minutes:.0f} minutes. Begin again.",
        )  # fmt: skip

    def _not_believed(self, reason: str) -> RefusedError:
        return RefusedError(
            reason, 401, f"What {self.flow.name} said about you cannot be used. Begin again; where that does not help, "
            "tell whoever runs this site.",
        )  # fmt: skip

    def _no_answer(self, reason: str) -> RefusedError:
        log(logging.ERROR, "the issuer did not give a token", problem=reason)
        return RefusedError(
            reason, 503, f"{self._name} did not answer. Begin again in a minute; a key of this service works "
            "meanwhile.",
        )  # fmt: skip


def _verifier(cookie: str) -> str:
    """What proves to the issuer that who brings the code is who began. It follows from the cookie, and is not kept."""
    return _plain_base64(hmac.new(cookie.encode("ascii"), b"code_verifier", sha256).digest())


def _back(cookie: str) -> str:
    """The path in a cookie that was found to be ours; were it none, the first page."""
    part = cookie.partition(".")[2]
    try:
        path = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        path = ""
    return local_path(path) or "/"


def _with_query(address: str, said: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(said)}"


def _plain_base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
