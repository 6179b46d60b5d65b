"""Sign-ins with an account of an issuer: kept while somebody is there, taken once, by the browser that began them."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select

from crisisrisk.database.engine import writing
from crisisrisk.database.schema import SignInAttempt


def keep_attempt(engine: Engine, *, state: str, browser: str, nonce: str, now: datetime, lasts: timedelta) -> None:
    """Keep one that begins now. Those that took too long are cleared away."""
    digests = {"state_sha256": digest(state), "browser_sha256": digest(browser), "nonce_sha256": digest(nonce)}
    with writing(engine) as connection:
        connection.execute(delete(SignInAttempt).where(SignInAttempt.ends_at <= now))
        connection.execute(insert(SignInAttempt).values(**digests, ends_at=now + lasts))


def take_attempt(engine: Engine, *, state: str, browser: str, now: datetime) -> str | None:
    """The SHA-256 of the nonce of one that goes on, which ends with this.

    None where there is none of this state and this browser, it took too long, or somebody took it already.
    """
    this = (SignInAttempt.state_sha256 == digest(state), SignInAttempt.browser_sha256 == digest(browser))
    with engine.connect() as connection:  # most of what is made up ends here, and holds up nobody who writes
        found = connection.execute(select(SignInAttempt.nonce_sha256, SignInAttempt.ends_at).where(*this)).one_or_none()
    if found is None:
        return None
    with writing(engine) as connection:
        taken = connection.execute(delete(SignInAttempt).where(*this)).rowcount
    return str(found.nonce_sha256) if taken == 1 and found.ends_at > now else None


def digest(text: str) -> str:
    """The SHA-256 of a text that somebody sent, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
