"""Whose history is thin: known for a short while, or by very few contacts."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.cohorts import PersonRows
from crisisrisk.episodes import event_times, instants_of, live_counts, person_index
from crisisrisk.models.task import Task
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class ThinHistory:
    """Someone has a thin history who has been known for fewer days than this, or has fewer contacts."""

    days: int = 182
    contacts: int = 3

    def short(self, events: pa.Table, people: pa.Table, rows: PersonRows) -> Mask:
        """For which rows the person had been known, by a contact or a register, for too few days. Shape (rows,)."""
        since = _known_since(events, people, rows.person_id)[rows.row_person()]
        return rows.as_of - since < self.days * MICROSECONDS_PER_DAY

    def few(self, events: pa.Table, rows: PersonRows) -> Mask:
        """For which rows too few contacts were known. Shape (rows,)."""
        moments, rank = np.unique(rows.as_of, return_inverse=True)
        times = event_times(events, rows.person_id)
        counts = live_counts(times, len(rows.person_id), moments, lookback_us=None)
        return counts[rows.row_person(), rank] < self.contacts

    def of(self, events: pa.Table, people: pa.Table, rows: PersonRows) -> Mask:
        """For which rows the history is thin. Shape (rows,). Only what was known before each row's `as_of` counts."""
        return self.short(events, people, rows) | self.few(events, rows)


def thin_rule(task: Task) -> ThinHistory:
    """The rule that a model was trained with."""
    return ThinHistory(days=task.thin_history_days, contacts=task.thin_history_contacts)


def _known_since(events: pa.Table, people: pa.Table, ids: NDArray[np.object_]) -> NDArray[np.int64]:
    """When each person first became known: a contact that had happened, or a row of a register. Shape (people,)."""
    times = event_times(events, ids)
    since = np.full(len(ids), FOREVER_US)
    np.minimum.at(since, times.person, np.maximum(times.known_at, times.occurred_at))
    person = person_index(people, ids)
    known_at = instants_of(people, "known_at", missing=FOREVER_US)
    np.minimum.at(since, person[person >= 0], known_at[person >= 0])
    return since
