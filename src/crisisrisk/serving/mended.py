"""What became of a record that a team said is wrong: whether it stands here as it did then, or was changed since."""

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from crisisrisk.database.data_queries import KeptQuery
from crisisrisk.serving.care_answers import RecordState
from crisisrisk.serving.contacts import live_at


@dataclass(frozen=True)
class RecordNow:
    """How a record stands. `changed_at`: when that became known, where that was after it was said to be wrong."""

    state: RecordState
    changed_at: datetime | None = None


def record_now(versions: pa.Table, query: KeptQuery, now: datetime) -> RecordNow:
    """From every version of a person's contacts, as they are known at a moment.

    A correction that an agency knew of before the team said so, but sent later, is seen by its time alone.
    """
    named = pc.and_(pc.equal(versions["source"], query.source), pc.equal(versions["event_id"], query.event_id))
    of_it = versions.filter(named)
    moments = [*of_it["known_at"].to_pylist(), *of_it["superseded_at"].to_pylist()]
    changed_at = max((one for one in moments if one is not None and query.made_at <= one < now), default=None)
    standing = live_at(of_it, now)["occurred_at"].to_pylist()
    if not standing:
        return RecordNow("gone", changed_at)
    same = changed_at is None and standing[0] == query.occurred_at
    return RecordNow("as_it_was" if same else "changed", changed_at)
