"""Whether a record that a team said is wrong stands as it did then, was changed since, or is gone from a person."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from crisisrisk.database.data_queries import KeptQuery
from crisisrisk.serving.mended import RecordNow, record_now

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
Row = tuple[str, float, float, float | None]
"""Which kind of record, and how many days before now it was, became known, and was corrected."""


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def versions(*rows: Row) -> pa.Table:
    instant = pa.timestamp("us", "UTC")
    sources, at, known, corrected = zip(*rows, strict=True)
    return pa.table({
        "event_id": ["e1"] * len(rows), "source": pa.array(sources).dictionary_encode(),
        "occurred_at": pa.array(map(days_ago, at), instant), "known_at": pa.array(map(days_ago, known), instant),
        "superseded_at": pa.array([None if one is None else days_ago(one) for one in corrected], instant),
    })  # fmt: skip


QUERY = KeptQuery(
    number=1, team_id="north", made_at=days_ago(10), made_by="key", role="care", person_id="k1_ANN", event_id="e1",
    source="police_999", occurred_at=days_ago(20), problem="wrong_time", words=None, answered_at=None,
    answered_by=None, outcome=None, answer=None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "now"),
    [
        ([("police_999", 20, 19, None)], RecordNow("as_it_was")),
        ([("police_999", 20, 19, 12), ("police_999", 20, 12, None)], RecordNow("as_it_was")),
        ([("police_999", 20, 19, 4), ("police_999", 21, 4, None)], RecordNow("changed", days_ago(4))),
        ([("police_999", 20, 19, 4), ("police_999", 20, 4, None)], RecordNow("changed", days_ago(4))),
        ([("police_999", 20, 19, 4)], RecordNow("gone", days_ago(4))),
        ([("police_999", 20, 19, 12), ("police_999", 21, 12, None)], RecordNow("changed")),
        ([("police_999", 20, 19, 12)], RecordNow("gone")),
        ([("police_999", 20, 19, 0), ("police_999", 21, 0, None)], RecordNow("as_it_was")),
        ([("police_999", 20, 19, None), ("ambulance_999", 20, 4, None)], RecordNow("as_it_was")),
    ],
    ids=[
        "never corrected", "corrected before it was said", "another time", "something else about it", "another person",
        "known before it was said but sent later", "the same of another person", "known at the moment itself",
        "the same id of another agency",
    ],
)  # fmt: skip
def test_what_became_of_a_record_is_told_as_it_is_known(rows: list[Row], now: RecordNow) -> None:
    assert record_now(versions(*rows), QUERY, NOW) == now
