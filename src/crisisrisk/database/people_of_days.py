"""How many people one user looked at on a day: counted in the commit of the looks, so that none is missed."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crisisrisk.database.alerts import PEOPLE_A_DAY, raise_once_a_day
from crisisrisk.database.schema import Alert, AlertOfDay, PersonOfDay

# Made once: at every first look at somebody they would take longer to make than to carry out.
_ADD: Mapping[str, Any] = {
    "sqlite": sqlite.insert(PersonOfDay).on_conflict_do_nothing().returning(PersonOfDay.person_id),
    "postgresql": postgresql.insert(PersonOfDay).on_conflict_do_nothing().returning(PersonOfDay.person_id),
}
_COUNTS = (
    select(PersonOfDay.purpose, func.count().label("people"))
    .where(PersonOfDay.day == bindparam("day"), PersonOfDay.made_by == bindparam("made_by"))
    .group_by(PersonOfDay.purpose)
)
_RAISED = (
    select(Alert.id, Alert.by_purpose)
    .join(AlertOfDay, AlertOfDay.alert_id == Alert.id)
    .where(
        AlertOfDay.kind == PEOPLE_A_DAY, AlertOfDay.made_by == bindparam("made_by"), AlertOfDay.day == bindparam("day")
    )
)
_GOES_ON = (
    update(Alert)
    .where(Alert.id == bindparam("alert"))
    .values(people=bindparam("people"), by_purpose=bindparam("by_purpose"))
)


@dataclass(frozen=True, kw_only=True)
class PeopleLookedAt:
    """Whom one answer is about: who asked, on which day by the clock on the wall (`2026-11-22`), and for what."""

    made_by: str
    day: str
    at: datetime
    purpose: str
    request_id: str
    people: Collection[str]


def count_people(connection: Connection, look: PeopleLookedAt, *, budget: int) -> None:
    """Count those who were not looked at before on the day, and alert beyond the budget: one alert, kept up to date.

    In a transaction of the audit trail, where no other can be counting. However many a day has, it takes the same time:
    up to the budget they are few, and beyond it the alert has their number.
    """
    of_day = {"day": look.day, "made_by": look.made_by}
    add, row = _ADD[connection.dialect.name], {**of_day, "purpose": look.purpose}
    added = [connection.execute(add, {**row, "person_id": one}).one_or_none() for one in sorted(set(look.people))]
    fresh = sum(one is not None for one in added)
    if not fresh:
        return
    raised = connection.execute(_RAISED, of_day).one_or_none()
    if raised is not None:
        counts = Counter(raised.by_purpose) + Counter({look.purpose: fresh})
        connection.execute(_GOES_ON, {"alert": raised.id, **_told(counts)})
        return
    counts = Counter({one.purpose: one.people for one in connection.execute(_COUNTS, of_day).all()})
    if counts.total() == fresh:
        _forget(connection, look.day)
    if counts.total() > budget:
        about = {"key_id": look.made_by, "day": look.day, "budget": budget, **_told(counts)}
        raise_once_a_day(connection, PEOPLE_A_DAY, raised_at=look.at, request_id=look.request_id, about=about, **of_day)


def _told(counts: Counter[str]) -> dict[str, Any]:
    return {"people": counts.total(), "by_purpose": dict(sorted(counts.items()))}


def _forget(connection: Connection, day: str) -> None:
    """What is older than the day before: a look of late in the evening may be counted after midnight."""
    before = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    connection.execute(delete(PersonOfDay).where(PersonOfDay.day < before))
