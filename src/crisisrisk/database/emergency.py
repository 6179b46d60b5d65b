"""Emergency access: one person opened to one user for a while, each with its alert, and no more than so many a week."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, Select, select

from crisisrisk.database.alerts import (
    EMERGENCY_ACCESS,
    EMERGENCY_BLOCKED,
    raise_alert,
    raise_once_a_day,
    wait_for_others,
)
from crisisrisk.database.engine import writing
from crisisrisk.database.rows import Author, add, everything, read
from crisisrisk.database.schema import Alert, EmergencyAccess

WEEK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """One access, and until when it is open."""

    number: int
    person_id: str
    team_id: str
    made_by: str
    role: str
    opened_at: datetime
    ends_at: datetime
    alert_id: int | None


@dataclass(frozen=True)
class Blocked:
    """There were too many that nobody has looked at. `until`: when the oldest of them counts no more."""

    until: datetime


def open_person(
    engine: Engine, author: Author, person_id: str, *, now: datetime, ends_at: datetime, most: int, request_id: str,
    day: str,
) -> Opened | Blocked:  # fmt: skip
    """Open a person to a user and alert the privacy officer, in one commit. One that is open is answered as it is.

    `most`: how many of a user's within seven days may have an alert that is not closed. The first that is blocked on a
    `day` is alerted too.
    """
    with writing(engine) as connection:
        wait_for_others(connection)
        found = read(connection, Opened, _open(person_id, author.made_by, now))
        if found:
            return found[-1]
        unseen = (
            select(EmergencyAccess.opened_at).join(Alert, Alert.id == EmergencyAccess.alert_id)
            .where(EmergencyAccess.made_by == author.made_by, EmergencyAccess.opened_at > now - WEEK,
                   Alert.closed_at.is_(None)).order_by(EmergencyAccess.opened_at)
        )  # fmt: skip
        counted = connection.execute(unseen).scalars().all()
        if len(counted) >= most:
            raise_once_a_day(
                connection, EMERGENCY_BLOCKED, raised_at=now, request_id=request_id, made_by=author.made_by, day=day
            )
            return Blocked(counted[len(counted) - most] + WEEK)
        alert = raise_alert(connection, EMERGENCY_ACCESS, raised_at=now, request_id=request_id)
        said = {**asdict(author), "person_id": person_id, "opened_at": now, "ends_at": ends_at, "alert_id": alert}
        return add(connection, EmergencyAccess, Opened, said)


def open_until(engine: Engine, person_id: str, *, made_by: str, now: datetime) -> datetime | None:
    """Until when a person is open to a user; None where they are not."""
    with engine.connect() as connection:
        found = read(connection, Opened, _open(person_id, made_by, now))
    return max((one.ends_at for one in found), default=None)


def _open(person_id: str, made_by: str, now: datetime) -> Select[Any]:
    return (
        everything(EmergencyAccess)
        .where(
            EmergencyAccess.made_by == made_by, EmergencyAccess.person_id == person_id, EmergencyAccess.ends_at > now,
        )
        .order_by(EmergencyAccess.id)
    )  # fmt: skip
