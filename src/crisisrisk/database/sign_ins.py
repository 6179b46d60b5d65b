"""Who is signed in to the pages: begun by a key that works, ended by signing out, by time, or with the key."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select, update

from crisisrisk.database.engine import writing
from crisisrisk.database.keys import KeyRecord, record_of
from crisisrisk.database.schema import ApiKey, SignInState

MARKED_EVERY = timedelta(minutes=1)
"""How exactly it is kept when a session was last used: a page is no reason to write at every look."""
KEPT = timedelta(days=7)
"""How long a session that is over stays in the table."""


def start_sign_in(engine: Engine, token: str, key: KeyRecord, *, now: datetime, longest: timedelta) -> None:
    """Begin a session of a key; it lasts no longer than the key does. What ended long ago is cleared away."""
    ends_at = min(now + longest, key.expires_at)
    values = {"key_id": key.key_id, "started_at": now, "used_at": now, "ends_at": ends_at}
    with writing(engine) as connection:
        connection.execute(delete(SignInState).where(SignInState.ends_at < now - KEPT))
        connection.execute(insert(SignInState).values(sha256=_digest(token), **values))


def signed_in_key(engine: Engine, token: str, *, now: datetime, idle: timedelta) -> tuple[KeyRecord, datetime] | None:
    """The key of a session that goes on, and when the session was last used; None where it is over or unknown."""
    columns = (*ApiKey.__table__.columns, SignInState.used_at)
    query = select(*columns).join(SignInState, SignInState.key_id == ApiKey.id)
    goes_on = (
        SignInState.sha256 == _digest(token), SignInState.ended_at.is_(None), SignInState.ends_at > now,
        SignInState.used_at > now - idle,
    )  # fmt: skip
    with engine.connect() as connection:
        row = connection.execute(query.where(*goes_on)).one_or_none()
    record = None if row is None else record_of(row)
    return None if row is None or record is None or not record.works_at(now) else (record, row.used_at)


def mark_sign_in(engine: Engine, token: str, *, now: datetime) -> None:
    """Say that a session was used now."""
    with writing(engine) as connection:
        connection.execute(update(SignInState).where(SignInState.sha256 == _digest(token)).values(used_at=now))


def end_sign_in(engine: Engine, token: str, *, now: datetime) -> None:
    """Sign out. What is over already stays so."""
    ended = update(SignInState).where(SignInState.sha256 == _digest(token), SignInState.ended_at.is_(None))
    with writing(engine) as connection:
        connection.execute(ended.values(ended_at=now))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("ascii")).hexdigest()
