"""How many people one user looked at on a day: counted in the commit of the looks, so that none is missed."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from crisisrisk.database.alerts import PEOPLE_A_DAY, alert_of_day, raise_once_a_day
from crisisrisk.database.runs import IDS_AT_ONCE
from crisisrisk.database.schema import PersonOfDay


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
    fresh = _not_counted(connection, look)
    if not fresh:
        return
    said = {"day": look.day, "made_by": look.made_by, "purpose": look.purpose}
    connection.execute(insert(PersonOfDay), [{**said, "person_id": person} for person in fresh])
    alert = alert_of_day(connection, PEOPLE_A_DAY, made_by=look.made_by, day=look.day)
    if alert is None:
        counts = _counts(connection, look)
        if counts.total() == len(fresh):
            _forget(connection, look.day)
    else:
        counts = Counter(alert.by_purpose) + Counter({look.purpose: len(fresh)})
        budget = alert.budget or budget
    if counts.total() > budget:
        raise_once_a_day(
            connection, PEOPLE_A_DAY, raised_at=look.at, request_id=look.request_id, made_by=look.made_by,
            day=look.day, about={"key_id": look.made_by, "day": look.day, "people": counts.total(), "budget": budget,
                                 "by_purpose": dict(sorted(counts.items()))},
        )  # fmt: skip


def _not_counted(connection: Connection, look: PeopleLookedAt) -> list[str]:
    people, counted = sorted(set(look.people)), set[str]()
    own = select(PersonOfDay.person_id).where(PersonOfDay.day == look.day, PersonOfDay.made_by == look.made_by)
    for start in range(0, len(people), IDS_AT_ONCE):
        some = people[start : start + IDS_AT_ONCE]
        counted.update(connection.execute(own.where(PersonOfDay.person_id.in_(some))).scalars())
    return [person for person in people if person not in counted]


def _counts(connection: Connection, look: PeopleLookedAt) -> Counter[str]:
    """By purpose how many were looked at first for it."""
    of_day = (
        select(PersonOfDay.purpose, func.count().label("people"))
        .where(PersonOfDay.day == look.day, PersonOfDay.made_by == look.made_by).group_by(PersonOfDay.purpose)
    )  # fmt: skip
    return Counter({row.purpose: row.people for row in connection.execute(of_day).all()})


def _forget(connection: Connection, day: str) -> None:
    """What is older than the day before: a look of late in the evening may be counted after midnight."""
    before = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    connection.execute(delete(PersonOfDay).where(PersonOfDay.day < before))
