"""People who have had a crisis lately and are with no team: found from their contacts, never ordered by a score."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crisisrisk.episodes import EpisodeRule, crisis_mask
from crisisrisk.serving.caseloads import Caseloads
from crisisrisk.serving.contacts import COLUMNS, Contact, contacts_in, live_at
from crisisrisk.tables.days_alone import RecordedDays
from crisisrisk.tables.store import Snapshot

LATELY = timedelta(days=91)
MONTH = timedelta(days=28)


@dataclass(frozen=True, kw_only=True)
class WithNoTeam:
    """Somebody with no team, and their crisis contacts of the last 91 days, the latest first."""

    person_id: str
    contacts: Sequence[Contact]

    def in_28_days(self, now: datetime) -> int:
        """How many of them are of the last four weeks."""
        return sum(one.occurred_at >= now - MONTH for one in self.contacts)


def crisis_records(snapshot: Snapshot, rule: EpisodeRule, since: datetime) -> pa.Table:
    """Every version of everybody's crisis contacts that occurred since a moment: what any later moment chooses from."""
    found = []
    for bucket in range(snapshot.buckets):
        events = snapshot.person_events(bucket, (*COLUMNS, "mode", "is_crisis"))
        moment = pa.scalar(since).cast(events.schema.field("occurred_at").type)
        lately = events.filter(pc.greater_equal(events["occurred_at"], moment))
        found.append(lately.filter(pa.array(np.asarray(crisis_mask(rule, lately)))).select([*COLUMNS]))
    return pa.concat_tables(found).unify_dictionaries()


def crises_lately(records: pa.Table, now: datetime, *, days: RecordedDays) -> Mapping[str, Sequence[Contact]]:
    """By person the crisis contacts of the last 91 days, as known before a moment, the latest first."""
    kind = records.schema.field("occurred_at").type
    since, until = (pa.scalar(moment).cast(kind) for moment in (now - LATELY, now))
    inside = pc.and_(pc.greater_equal(records["occurred_at"], since), pc.less(records["occurred_at"], until))
    found: dict[str, list[Contact]] = defaultdict(list)
    for one in contacts_in(live_at(records.filter(inside), now), now, days=days):
        found[one.person_id].append(one)
    return found


def with_no_team(crises: Mapping[str, Sequence[Contact]], caseloads: Caseloads, now: datetime) -> list[WithNoTeam]:
    """Those of them who are on no caseload now: the most contacts in four weeks first, then the latest."""
    people = [WithNoTeam(person_id=person, contacts=crises[person]) for person in caseloads.without_team(crises, now)]
    return sorted(
        people, key=lambda one: (-one.in_28_days(now), -one.contacts[0].occurred_at.timestamp(), one.person_id)
    )  # fmt: skip


def no_longer_here(snapshot: Snapshot, people: Collection[str], now: datetime) -> frozenset[str]:
    """Those of some people who died or moved away before a moment, as known then."""
    wanted = pa.array(sorted(people), pa.string())
    table = snapshot.table("people")
    rows = table.filter(pc.is_in(table["person_id"].cast(pa.string()), value_set=wanted)).to_pylist()
    newest: dict[str, dict[str, object]] = {}
    for row in sorted(rows, key=lambda one: (one["known_at"], one["valid_from"])):
        if row["known_at"] < now:
            newest[row["person_id"]] = row
    over = {person for person, row in newest.items() if any(_before(row[end], now) for end in ("died_at", "valid_to"))}
    return frozenset(over)


def _before(moment: object, now: datetime) -> bool:
    return isinstance(moment, datetime) and moment <= now
