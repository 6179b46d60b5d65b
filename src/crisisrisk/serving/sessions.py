"""Sessions of pages: a signed cookie beside a row, so that signing out and ending a key end them at once."""

import hmac
import logging
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from crisisrisk.database.keys import KeyRecord
from crisisrisk.database.sign_ins import MARKED_EVERY, end_sign_in, mark_sign_in, signed_in_key, start_sign_in
from crisisrisk.secret_files import create_secret, read_secrets
from crisisrisk.serving.code_flow_declaration import LOOPBACK
from crisisrisk.serving.declarations import SignIn
from crisisrisk.serving.logs import log

COOKIE = "crisisrisk_session"
TOKEN_BYTES = 32
_COOKIE = re.compile(r"([0-9a-f]{64})\.([0-9a-f]{64})")
_HINT = "the next sign-in makes a new one; whoever was signed in signs in again"


@dataclass(frozen=True)
class Session:
    """One signed-in browser. Neither text is kept anywhere, nor shown in a log."""

    token: str
    form_token: str
    """What every form of its pages carries: a foreign page can make a browser send a cookie, but not read this."""

    def __repr__(self) -> str:
        return "Session(…)"


class Sessions:
    """The sessions of one service. Their times are real time, as those of keys are."""

    def __init__(self, engine: Engine, declared: SignIn, folder: Path) -> None:
        """`folder`: the site's, which a key file's path is beside."""
        self.engine = engine
        self.declared = declared
        self.key_file = folder / declared.key_file

    def start(self, key: KeyRecord) -> str:
        """Begin one for a key that works. Returns the cookie's value. Raises DataError where it cannot be signed."""
        if not self.key_file.exists():
            self._make_key()
        token = secrets.token_hex(TOKEN_BYTES)
        value = f"{token}.{self._sign('cookie', token)}"
        start_sign_in(self.engine, token, key, now=datetime.now(UTC), longest=self.declared.longest)
        return value

    def session(self, request: Request) -> Session | None:
        """What the request's cookie says, if this service signed it; whether it still goes on is not looked up."""
        match = _COOKIE.fullmatch(request.cookies.get(COOKIE, ""))
        if match is None or not self.key_file.exists():
            return None
        if not hmac.compare_digest(self._sign("cookie", match[1]), match[2]):
            return None
        return Session(match[1], self._sign("form", match[1]))

    def key_of(self, session: Session) -> KeyRecord | None:
        """The key of a session that goes on; it counts as used now."""
        now = datetime.now(UTC)
        found = signed_in_key(self.engine, session.token, now=now, idle=self.declared.idle)
        if found is None:
            return None
        record, used_at = found
        if now - used_at > MARKED_EVERY:
            self._mark(session, now)
        return record

    def end(self, session: Session) -> None:
        """Sign out."""
        end_sign_in(self.engine, session.token, now=datetime.now(UTC))

    def set_cookie(self, response: Response, value: str, request: Request) -> None:
        """The cookie is sent to this site alone, by no link from elsewhere, and read by no script."""
        response.set_cookie(
            COOKIE, value, max_age=int(self.declared.longest.total_seconds()), path="/", httponly=True,
            samesite="strict", secure=not on_loopback(request),
        )  # fmt: skip

    def clear_cookie(self, response: Response, request: Request) -> None:
        """Let the browser forget it."""
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=not on_loopback(request))

    def _mark(self, session: Session, now: datetime) -> None:
        try:
            mark_sign_in(self.engine, session.token, now=now)
        except SQLAlchemyError as failure:  # a look needs no write: at worst the session ends sooner
            log(logging.WARNING, "a session's use was not kept", problem=type(failure).__name__)

    def _make_key(self) -> None:
        try:
            create_secret(self.key_file, "s1")
        except FileExistsError:
            return  # another process of this service made it in this very moment

    def _sign(self, use: str, token: str) -> str:
        found = read_secrets(self.key_file, "s", code="CR-ACCESS-003", whose="sessions", hint=_HINT)
        return hmac.new(list(found.values())[-1], f"{use} {token}".encode("ascii"), sha256).hexdigest()


def on_loopback(request: Request) -> bool:
    """Whether browser and service are on one machine: nothing can listen between them, and there is no TLS."""
    client = request.client.host if request.client else ""
    return request.url.scheme == "http" and request.url.hostname in LOOPBACK and client in LOOPBACK


def same_site(request: Request) -> bool:
    """Whether a form was sent by one of our own pages, as far as the browser says; old ones do not."""
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")
