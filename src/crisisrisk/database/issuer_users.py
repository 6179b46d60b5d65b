"""Users of an issuer who sign in to the pages: rows among the keys, of keys that nobody has."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from crisisrisk.database.engine import writing
from crisisrisk.database.keys import KeyRecord, record_of
from crisisrisk.database.schema import ApiKey, SignInState


def is_user(key_id: str) -> bool:
    """Whether it is the id of a user of an issuer, and of no key: ids of keys have figures and a to f alone."""
    return key_id.startswith("u")


def user_signs_in(
    engine: Engine, user_id: str, *, role: str, team: str | None, worker_id: str | None, valid_for: timedelta
) -> KeyRecord:
    """The record of a user as the issuer says now, for that long. It is the same row each time, so that what somebody
    did stays theirs, and their sessions have the role that the issuer said last.

    Where the row was revoked, the sessions of before are over for good.
    """
    now = datetime.now(UTC)
    said: dict[str, Any] = {
        "role": role,
        "team": team,
        "worker_id": worker_id,
        "expires_at": now + valid_for,
        "revoked_at": None,
    }
    try:
        return _kept(engine, user_id, said, now)
    except IntegrityError:  # the first time, in two browsers at once
        return _kept(engine, user_id, said, now)


def _kept(engine: Engine, user_id: str, said: dict[str, Any], now: datetime) -> KeyRecord:
    this = ApiKey.id == user_id
    with writing(engine) as connection:
        found = connection.execute(select(ApiKey.revoked_at).where(this).with_for_update()).one_or_none()
        if found is None:
            nobody_has = hashlib.sha256(secrets.token_bytes(32)).hexdigest()
            connection.execute(insert(ApiKey).values(id=user_id, sha256=nobody_has, created_at=now, **said))
        else:
            if found.revoked_at is not None:
                _end_sessions(connection, user_id, now)
            connection.execute(update(ApiKey).where(this).values(**said))
        return record_of(connection.execute(select(ApiKey.__table__).where(this)).one())


def _end_sessions(connection: Connection, user_id: str, now: datetime) -> None:
    ended = update(SignInState).where(SignInState.key_id == user_id, SignInState.ended_at.is_(None))
    connection.execute(ended.values(ended_at=now))
