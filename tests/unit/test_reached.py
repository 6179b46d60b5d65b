"""When a mental-health team last saw somebody, and what was missed since: what is known of it at a moment."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from crisisrisk.serving.contacts import happened
from crisisrisk.serving.reached import reached_in
from crisisrisk.tables.days_alone import DaysAlone, RecordedDays

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
NO_DAYS = RecordedDays(())
Row = tuple[str, str, float, float, float | None]
"""Whose, which kind, and how many days before now it was, became known, and was corrected."""


def contacts(*rows: Row) -> pa.Table:
    instant = pa.timestamp("us", "UTC")
    people, sources, at, known, corrected = zip(*rows, strict=True)

    def moments(days: tuple[float | None, ...]) -> pa.Array:
        return pa.array([None if one is None else NOW - timedelta(days=one) for one in days], instant)

    return pa.table({
        "person_id": pa.array(people), "source": pa.array(sources).dictionary_encode(), "occurred_at": moments(at),
        "known_at": moments(known), "superseded_at": moments(corrected),
    })  # fmt: skip


SEEN: Row = ("ann", "mh_contact", 20, 19, None)
MISSED: Row = ("ann", "mh_missed", 6, 5, None)


@pytest.mark.parametrize(
    ("rows", "days_ago", "missed"),
    [
        ([SEEN], 20, 0),
        ([SEEN, MISSED, ("ann", "mh_missed", 3, 2, None)], 20, 2),
        ([SEEN, ("ann", "mh_missed", 25, 24, None)], 20, 0),
        ([SEEN, MISSED, ("ann", "mh_contact", 4, 3, None)], 4, 0),
        ([MISSED], None, 1),
        ([("ann", "crisis_line", 2, 1, None)], None, 0),
        ([SEEN, ("ben", "mh_contact", 2, 1, None), ("ben", "mh_missed", 1, 0.5, None)], 20, 0),
        ([SEEN, MISSED, ("ann", "mh_contact", 4, 3, 1)], 20, 1),
        ([SEEN, MISSED, ("ann", "mh_contact", 4, 0, None)], 20, 1),
        ([SEEN, MISSED, ("ann", "mh_contact", -2, 3, None), ("ann", "mh_missed", -1, 3, None)], 20, 1),
    ],
    ids=[
        "seen", "missed since", "missed before", "seen after it was missed", "never seen", "neither", "somebody else",
        "corrected away", "known at the moment itself", "still to come",
    ],
)  # fmt: skip
def test_what_came_of_appointments_is_told_as_it_was_known(
    rows: list[Row], days_ago: float | None, missed: int
) -> None:
    told = reached_in(happened(contacts(*rows), NOW), ["ann"], days=NO_DAYS)["ann"]
    assert told.seen_at == (None if days_ago is None else NOW - timedelta(days=days_ago))
    assert told.missed_since == missed


def test_what_becomes_known_later_changes_nothing_for_anybody() -> None:
    before = contacts(SEEN, MISSED, ("ben", "mh_missed", 9, 8, None))
    later = contacts(
        ("ann", "mh_contact", 1, 0, None), ("ben", "mh_contact", 2, -1, None), ("cat", "mh_missed", 1, -3, None)
    )
    people = ["ann", "ben", "cat"]
    both = reached_in(happened(pa.concat_tables([before, later]).unify_dictionaries(), NOW), people, days=NO_DAYS)
    assert both == reached_in(happened(before, NOW), people, days=NO_DAYS)


def test_of_a_visit_that_has_a_day_alone_the_day_is_told() -> None:
    days = RecordedDays([DaysAlone(source="mh_contact", rows=1, zone="Europe/London", ends=False)])
    visits = contacts(("ann", "mh_contact", 2.25, 1, None), ("ben", "mh_contact", 2, 1, None))
    told = reached_in(happened(visits, NOW), ["ann", "ben"], days=days)
    assert {one: told[one].seen_on for one in told} == {"ann": date(2026, 11, 20), "ben": None}
