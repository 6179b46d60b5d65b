"""The dated contacts of some people, as they are known at a moment, and as they may be shown."""

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crisisrisk.database.latest import Reasons
from crisisrisk.purposes import Reach
from crisisrisk.serving.care_answers import ContactShown
from crisisrisk.tables.days_alone import RecordedDays
from crisisrisk.tables.store import Snapshot, bucket_of
from crisisrisk.timeline import microseconds

COLUMNS = ("event_id", "person_id", "occurred_at", "known_at", "superseded_at", "source", "code", "outcome", "origin",
           "ended_at")  # fmt: skip
PLAN, PLAN_CODE = "mh_plan", "CRISIS"
"""What a crisis plan that was made or reviewed is among contacts."""
VISIT, MISSED = "mh_contact", "mh_missed"
"""What it is that a mental-health team saw somebody, and that somebody missed an appointment with one."""
SENSITIVE = frozenset({"s136", "s135"})
"""Sources of detentions by police: named to nobody whose role does not hold them."""
URGENT_CONTACT = "urgent_contact"
IN_WORDS = {
    "up": "recent urgent contact",
    "down": "how long ago urgent contacts were",
    "not_known": "urgent contacts: the feed is late, or it is not recorded",
}
"""What is said, by direction, in place of every reason that names them."""
_NAMED = re.compile(r"\bs(ection)?s?\.? ?13[56]\b|\bdetention", re.IGNORECASE)
DETENTIONS: Reach = "detentions"
"""What a role reaches that may see that a contact was such a detention."""


@dataclass(frozen=True, kw_only=True)
class Contact:
    """One contact, in the version that counts at the moment asked for."""

    event_id: str
    person_id: str
    occurred_at: datetime
    occurred_on: date | None
    """The day, where the record says no time of day: `occurred_at` is then a midnight at which nothing was."""
    known_at: datetime
    source: str
    code: str | None
    outcome: str | None
    origin: str | None
    ended_at: datetime | None


def contacts_of(snapshot: Snapshot, people: Collection[str], now: datetime) -> Mapping[str, Sequence[Contact]]:
    """By person what is known of them before a moment, the latest first; nobody is left out."""
    return latest_first(events_of(snapshot, people), people, now, days=snapshot.days_alone)


def events_of(snapshot: Snapshot, people: Collection[str]) -> pa.Table:
    """Every version of the contacts of some people; `person_id` as plain text."""
    ids = pa.array(sorted(people), pa.string())
    buckets = sorted(set(bucket_of(ids, snapshot.buckets).tolist())) if len(ids) else []
    found = []
    for bucket in buckets:
        events = snapshot.person_events(bucket, COLUMNS)
        person = events["person_id"].cast(pa.string())
        place = events.schema.get_field_index("person_id")
        found.append(events.set_column(place, "person_id", person).filter(pc.is_in(person, value_set=ids)))
    return pa.concat_tables(found).unify_dictionaries() if found else snapshot.person_events(0, COLUMNS).slice(0, 0)


def latest_first(
    events: pa.Table, people: Collection[str], now: datetime, *, days: RecordedDays
) -> Mapping[str, Sequence[Contact]]:
    """The versions that count at a moment, by person."""
    by_person: dict[str, list[Contact]] = defaultdict(list)
    for one in contacts_in(live_at(events, now), now, days=days):
        by_person[one.person_id].append(one)
    return {person: by_person.get(person, []) for person in people}


def live_at(events: pa.Table, now: datetime) -> pa.Table:
    """The versions that count at a moment."""
    at = _instant(events, now)
    stands = pc.greater_equal(events["superseded_at"], at).fill_null(True)
    return events.filter(pc.and_(pc.less(events["known_at"], at), stands))


def happened(events: pa.Table, now: datetime) -> pa.Table:
    """Of these versions those of contacts that have happened by then, and are not only to come."""
    known = live_at(events, now)
    return known.filter(pc.less(known["occurred_at"], _instant(events, now)))


def contacts_in(live: pa.Table, now: datetime, *, days: RecordedDays) -> Sequence[Contact]:
    """Rows that count as contacts, the latest first."""
    rows = live.drop_columns(["superseded_at"]).sort_by([("occurred_at", "descending"), ("event_id", "ascending")])
    return [_contact(row, now, days) for row in rows.to_pylist()]


def _contact(row: dict[str, Any], now: datetime, days: RecordedDays) -> Contact:
    """The end of a stay is never known before itself."""
    ended, day = row["ended_at"], days.of(row["source"], row["occurred_at"])
    return Contact(**{**row, "occurred_on": day, "ended_at": ended if ended is not None and ended <= now else None})


def _instant(events: pa.Table, moment: datetime) -> pa.Scalar:
    return pa.scalar(microseconds(moment), pa.int64()).cast(events.schema.field("known_at").type)


def newest_plan(contacts: Sequence[Contact], now: datetime) -> Contact | None:
    """The making or review of somebody's crisis plan that was the last, of their contacts with the latest first."""
    plans = (one for one in contacts if one.source == PLAN and one.code == PLAN_CODE)
    return next((one for one in plans if one.occurred_at < now), None)


def kind_shown(source: str, *, detentions: bool) -> str:
    """Which kind of record it is, unless it is one that the role does not hold."""
    return URGENT_CONTACT if source in SENSITIVE and not detentions else source


def shown(contact: Contact, *, detentions: bool) -> ContactShown:
    """A contact as it may be shown: which kind, unless it is one that the role does not hold."""
    hidden = contact.source in SENSITIVE and not detentions
    return ContactShown(
        event_id=contact.event_id, occurred_at=contact.occurred_at, occurred_on=contact.occurred_on,
        known_at=contact.known_at, source=kind_shown(contact.source, detentions=detentions),
        code=None if hidden else contact.code,
        outcome=None if hidden else contact.outcome, ended_at=None if hidden else contact.ended_at,
    )  # fmt: skip


def reasons_for_role(reasons: Reasons, *, detentions: bool) -> Reasons:
    """Reasons as they may be read: those that name such a detention are told together, by one neutral word."""
    if detentions:
        return reasons
    told: dict[tuple[str, str], dict[str, Any]] = {}
    for reason in reasons:
        direction, text = str(reason["direction"]), str(reason["text"])
        said = IN_WORDS[direction] if _NAMED.search(text) else text
        if (before := told.get((direction, said))) is None:
            told[direction, said] = {**reason, "text": said}
        else:
            share = (before.get("share") or 0.0) + (reason.get("share") or 0.0)
            events = dict.fromkeys([*before.get("events", []), *reason.get("events", [])])
            told[direction, said] = {**before, "share": share, "events": list(events)}
    return tuple(told.values())
