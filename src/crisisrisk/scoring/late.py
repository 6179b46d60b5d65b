"""Which feeds are late for a forecast of places, by their own rhythm, and how much of the outcome each brings."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from crisisrisk.features.person_events import one_chunk
from crisisrisk.features.place import PlaceHistory
from crisisrisk.models.bundle import Bundle
from crisisrisk.models.late_feeds import NOT_MEASURED, LateFeed, LateFeeds
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import MICROSECONDS_PER_DAY, microseconds

SHARE_DAYS = 365
NEVER_LATE = timedelta(hours=1)
"""No source is late that was heard of so lately (`crisisrisk.tables.silence`)."""


def measured(model: Bundle) -> LateFeeds:
    """What late feeds add, as training found it; for models of before what was found elsewhere, and more."""
    return model.task.late_feeds or NOT_MEASURED


def late_feeds(
    model: Bundle, snapshot: Snapshot, site: Site, history: PlaceHistory, events: pa.Table, *, issued_at: datetime,
    complete_to: Mapping[str, datetime],
) -> tuple[LateFeed, ...]:  # fmt: skip
    """The sources that the model reads or counts and that were late when a forecast was issued, by name.

    `history`: the outcome's events among `events`. `complete_to`: of each source, as the run says it.
    """
    settles = {name: timedelta(hours=source.settled_after_hours or 0.0) for name, source in site.sources.items()}
    heard = {name: moment + settles.get(name, timedelta()) for name, moment in complete_to.items()}
    shares = shares_of(history, events, issued_at)
    asked = {
        name for name, moment in heard.items()
        if issued_at - moment > NEVER_LATE and (name in shares or name in model.features.sources)
    }  # fmt: skip
    late = snapshot.late(issued_at, among=asked) if asked else {}
    return tuple(
        LateFeed(
            source=name, silent_days=(issued_at - heard[name]) / timedelta(days=1), share=shares.get(name, 0.0)
        )
        for name in sorted(late) if late[name]
    )  # fmt: skip


def shares_of(history: PlaceHistory, events: pa.Table, issued_at: datetime) -> dict[str, float]:
    """Of each source that carries the outcome its share of the contacts of the last year that were known then."""
    now = microseconds(issued_at)
    live = (history.known_at < now) & (now <= history.superseded_at)
    live &= (history.occurred_at < now) & (history.occurred_at >= now - SHARE_DAYS * MICROSECONDS_PER_DAY)
    sources = one_chunk(events["source"])
    counts = np.bincount(np.asarray(sources.indices)[history.row[live]], minlength=len(sources.dictionary))
    named = zip(sources.dictionary.to_pylist(), counts.tolist(), strict=True)
    return {name: count / max(int(counts.sum()), 1) for name, count in named if count}
