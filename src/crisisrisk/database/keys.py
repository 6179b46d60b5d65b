"""Keys of the service: made, shown once, kept as hashes."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, bindparam, insert, select, update

from crisisrisk.database.engine import writing
from crisisrisk.database.schema import ApiKey
from crisisrisk.errors import UsageError

PREFIX = "crisisrisk"
SECRET_BYTES = 32
_KEPT = ("role", "team", "worker_id", "created_at", "expires_at", "revoked_at")

_BY_ID = select(ApiKey.__table__).where(ApiKey.id == bindparam("key_id"))  # asked at every request: made once


@dataclass(frozen=True, kw_only=True)
class KeyRecord:
    """What is kept of a key. The key itself is not."""

    key_id: str
    role: str
    team: str | None
    worker_id: str | None = None
    """The care coordinator whose key it is, as the caseloads name workers; None for a key of nobody in it."""
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None

    def works_at(self, moment: datetime) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoked_at is None and moment < self.expires_at


@dataclass(frozen=True)
class NewKey:
    """A key that was just made; `secret` is what its holder sends, and exists nowhere else."""

    record: KeyRecord
    secret: str


def make_key(
    engine: Engine, *, role: str, team: str | None, valid_for: timedelta, worker_id: str | None = None
) -> NewKey:
    """Make a key of 256 random bits. Its times are real time, whatever clock the site has."""
    now = datetime.now(UTC)
    key_id = secrets.token_hex(4)
    secret = f"{PREFIX}_{key_id}_{secrets.token_hex(SECRET_BYTES)}"
    values: dict[str, Any] = {
        "role": role,
        "team": team,
        "worker_id": worker_id,
        "created_at": now,
        "expires_at": now + valid_for,
    }
    record = KeyRecord(key_id=key_id, **values, revoked_at=None)
    with writing(engine) as connection:
        connection.execute(insert(ApiKey).values(id=key_id, sha256=_digest(secret), **values))
    return NewKey(record, secret)


def all_keys(engine: Engine) -> Sequence[KeyRecord]:
    """Every key there is, oldest first."""
    with engine.connect() as connection:
        rows = connection.execute(select(ApiKey.__table__).order_by(ApiKey.created_at)).all()
    return [record_of(row) for row in rows]


def end_key(engine: Engine, key_id: str) -> KeyRecord:
    """Revoke a key; one that is revoked already stays as it is. Raises UsageError for an unknown one."""
    with writing(engine) as connection:
        ended = update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None))
        connection.execute(ended.values(revoked_at=datetime.now(UTC)))
        row = connection.execute(select(ApiKey.__table__).where(ApiKey.id == key_id)).one_or_none()
    if row is None:
        raise UsageError(
            "CR-ACCESS-002", "no key has this id", found=key_id, hint="see them with: crisisrisk keys list"
        )
    return record_of(row)


def key_of(engine: Engine, secret: str) -> KeyRecord | None:
    """The record of a key that works now, or None. Takes the same steps for a wrong key as for an unknown one."""
    parts = secret.split("_")
    if len(parts) != 3 or parts[0] != PREFIX:
        return None
    with engine.connect() as connection:
        row = connection.execute(_BY_ID, {"key_id": parts[1]}).one_or_none()
    known = row.sha256 if row is not None else "0" * 64
    if not secrets.compare_digest(_digest(secret), known) or row is None:
        return None
    record = record_of(row)
    return record if record.works_at(datetime.now(UTC)) else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def record_of(row: object) -> KeyRecord:
    """What a row of the table says of its key."""
    fields = {name: getattr(row, name) for name in _KEPT}
    return KeyRecord(key_id=getattr(row, "id"), **fields)  # noqa: B009 -- a Row's columns are known at run time only
