"""When a mental-health team last saw people, and how many appointments they missed since, as known at a moment."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from crisisrisk.serving.care_answers import Reached
from crisisrisk.serving.contacts import MISSED, VISIT
from crisisrisk.tables.days_alone import RecordedDays


def reached_in(happened: pa.Table, people: Collection[str], *, days: RecordedDays) -> Mapping[str, Reached]:
    """Of each of some people, from their contacts that have happened (`contacts.happened`)."""
    wanted = pc.is_in(happened["person_id"], value_set=pa.array(list(people), pa.string()))
    theirs = happened.select(["person_id", "source", "occurred_at"]).filter(wanted)
    seen = _of(theirs, VISIT).group_by("person_id").aggregate([("occurred_at", "max")])
    missed = _of(theirs, MISSED)
    before = seen["occurred_at_max"].take(pc.index_in(missed["person_id"], value_set=seen["person_id"]))
    since = missed.filter(pc.greater(missed["occurred_at"], before).fill_null(True))  # null: was never seen
    counted = since.group_by("person_id").aggregate([("occurred_at", "count")])
    last: dict[str, datetime] = _by_person(seen, "occurred_at_max")
    times: dict[str, int] = _by_person(counted, "occurred_at_count")
    return {one: _told(last.get(one), times.get(one, 0), days) for one in people}


def _told(seen_at: datetime | None, missed: int, days: RecordedDays) -> Reached:
    seen_on = None if seen_at is None else days.of(VISIT, seen_at)
    return Reached(seen_at=seen_at, seen_on=seen_on, missed_since=missed)


def _of(contacts: pa.Table, source: str) -> pa.Table:
    return contacts.filter(pc.equal(contacts["source"], source))


def _by_person(grouped: pa.Table, value: str) -> dict[str, Any]:
    return dict(zip(grouped["person_id"].to_pylist(), grouped[value].to_pylist(), strict=True))
