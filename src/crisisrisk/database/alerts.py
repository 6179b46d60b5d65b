"""What the privacy officer is alerted to: raised, listed, and closed with what was done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, update

from crisisrisk.database.engine import writing
from crisisrisk.database.rows import add, everything, read
from crisisrisk.database.schema import Alert, AlertOfDay

EMERGENCY_ACCESS, EMERGENCY_BLOCKED, PEOPLE_A_DAY = "emergency_access", "emergency_blocked", "people_a_day"

OVERSIGHT_LOCK = 7_249_113_008  # any fixed number: on a PostgreSQL those who look and then write wait for each other


@dataclass(frozen=True, kw_only=True)
class KeptAlert:
    """One alert: what happened and when, and of which look in the audit trail; nobody's identity.

    Of a user's day: `people` of `budget`, and how many of them were looked at first for which purpose.
    """

    number: int
    kind: str
    raised_at: datetime
    request_id: str
    closed_at: datetime | None
    closed_by: str | None
    done: str | None = field(repr=False)
    key_id: str | None
    day: str | None
    people: int | None
    budget: int | None
    by_purpose: Mapping[str, int] | None


def raise_alert(
    connection: Connection, kind: str, *, raised_at: datetime, request_id: str, about: Mapping[str, Any] | None = None
) -> int:
    """Raise an alert in the transaction of what it is about. Returns its number."""
    said = {"kind": kind, "raised_at": raised_at, "request_id": request_id, **(about or {})}
    return add(connection, Alert, KeptAlert, said).number


def raise_once_a_day(
    connection: Connection, kind: str, *, raised_at: datetime, request_id: str, made_by: str, day: str,
    about: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Raise an alert about a user unless there is one of this kind and day. In a transaction that waited for others."""
    said = {"kind": kind, "made_by": made_by, "day": day}
    of_day = select(AlertOfDay.alert_id).where(*(getattr(AlertOfDay, name) == value for name, value in said.items()))
    if connection.execute(of_day).scalar_one_or_none() is None:
        number = raise_alert(connection, kind, raised_at=raised_at, request_id=request_id, about=about)
        connection.execute(insert(AlertOfDay).values(**said, alert_id=number))


def wait_for_others(connection: Connection) -> None:
    """On a PostgreSQL, where the beginning of a transaction that writes keeps nobody waiting."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(OVERSIGHT_LOCK)))


def alerts(engine: Engine, *, open_only: bool, limit: int) -> Sequence[KeptAlert]:
    """The alerts, the one that has waited longest first."""
    chosen = everything(Alert).order_by(Alert.id).limit(limit)
    if open_only:
        chosen = chosen.where(Alert.closed_at.is_(None))
    with engine.connect() as connection:
        return read(connection, KeptAlert, chosen)


def close_alert(engine: Engine, number: int, *, closed_at: datetime, closed_by: str, done: str) -> KeptAlert | None:
    """Say what was done. One that is closed already stays as it is. None where there is none of this number."""
    ended = update(Alert).where(Alert.id == number, Alert.closed_at.is_(None))
    with writing(engine) as connection:
        connection.execute(ended.values(closed_at=closed_at, closed_by=closed_by, done=done))
        found = read(connection, KeptAlert, everything(Alert).where(Alert.id == number))
    return found[0] if found else None
