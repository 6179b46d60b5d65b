"""Histories whose future was rewritten: what is computed for a moment must not change by a single bit.

Nothing that occurred or became known at or after a moment may count for it. So rows of then and later are deleted,
altered and added at random, corrections of earlier rows are added, and whatever is computed is compared byte by byte.
The control rewrites the past in the same manner, and must be noticed: an audit that sees nothing proves nothing.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Instants

Mask = NDArray[np.bool_]
Places = NDArray[np.int64]
Random = np.random.Generator

_LONGEST_DAYS = 400
_MOST_ADDED = 2_000
_ENDS = ("ended_at", "dispatched_at", "arrived_at", "cleared_at")


@dataclass(frozen=True)
class Difference:
    """What of a matrix changed: how many cells, in how many rows, and in which columns (most cells first)."""

    cells: int
    rows: int
    columns: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.cells > 0


def difference(before: NDArray[np.float32], after: NDArray[np.float32], names: tuple[str, ...]) -> Difference:
    """Where two matrices of the same shape differ in their bits. Not known (NaN) equals itself."""
    changed = np.ascontiguousarray(before).view(np.uint32) != np.ascontiguousarray(after).view(np.uint32)
    of_column = changed.sum(axis=0)
    order = np.argsort(-of_column, kind="stable")
    columns = tuple(names[column] for column in order if of_column[column])
    return Difference(int(changed.sum()), int(changed.any(axis=1).sum()), columns)


# The future rewritten


def events_rewritten_after(events: pa.Table, as_of_us: int, random: Random) -> pa.Table:
    """Event versions of a bucket with another future from `as_of` on; whatever had occurred and was known stays.

    Versions known or occurring at or after `as_of` are dropped by a coin; others are put in whose content, person
    included, is that of random rows; some earlier versions are corrected, at or after `as_of`; what lay in the future
    of an earlier version (when it is superseded, when a stay ends) is moved within the future.
    """
    if not events.num_rows:
        return events
    occurred, known = instants(events, "occurred_at"), instants(events, "known_at")
    early = (occurred < as_of_us) & (known < as_of_us)
    kept = early | (random.random(len(early)) < 0.5)
    added = _added_events(events, as_of_us, random)
    corrected = np.flatnonzero(early & (instants(events, "superseded_at") > as_of_us))
    corrected = _some(corrected, random, most=_MOST_ADDED)
    gone = later_than(as_of_us, len(corrected), random)
    superseded = _moved(instants(events, "superseded_at"), as_of_us, random)
    superseded[corrected] = gone
    changed = with_instants(_ends_moved(events, as_of_us, random), "superseded_at", superseded)
    versions = _contents(events, corrected, random)
    versions = with_instants(versions, "known_at", gone)
    versions = with_instants(versions, "superseded_at", np.full(len(corrected), FOREVER_US))
    return _in_order(pa.concat_tables([changed.filter(pa.array(kept)), added, versions]))


def _added_events(events: pa.Table, as_of_us: int, random: Random) -> pa.Table:
    """Rows of random content that are known from `as_of` on, or known before and yet to occur."""
    count = min(_MOST_ADDED, 8 + events.num_rows // 4)
    chosen = random.integers(0, events.num_rows, count)
    rows = _with_persons(events.take(pa.array(chosen)), events, random)
    occurred, known = instants(rows, "occurred_at"), instants(rows, "known_at")
    booked = random.random(count) < 0.2
    later = later_than(as_of_us, count, random)
    occurred = np.where(booked, later, np.where(random.random(count) < 0.5, occurred, later))
    known = np.where(booked, np.minimum(known, as_of_us - 1), later_than(as_of_us, count, random))
    rows = with_instants(with_instants(rows, "occurred_at", occurred), "known_at", known)
    return with_instants(rows, "superseded_at", np.full(count, FOREVER_US))


def history_rewritten_after(
    history: pa.Table, as_of_us: int, random: Random, people: NDArray[np.object_] | None = None
) -> pa.Table:
    """A dated history (people, links, caseloads, objections) with other rows known at or after `as_of`.

    What an earlier row says of the future (when it ends, when someone died) moves within the future. Half of the rows
    put in are about `people`, where these are given: the history may not have known them yet.
    """
    if not history.num_rows:
        return history
    early = instants(history, "known_at") < as_of_us
    kept = early | (random.random(len(early)) < 0.5)
    count = min(_MOST_ADDED, 8 + history.num_rows // 4)
    added = _contents(history, random.integers(0, history.num_rows, count), random)
    added = with_instants(added, "known_at", later_than(as_of_us, count, random))
    if people is not None and len(people):
        own = added["person_id"].cast(pa.string()).to_numpy(zero_copy_only=False)
        persons = np.where(random.random(count) < 0.5, own, random.choice(people, count))
        column = pa.array(persons.tolist(), pa.string()).dictionary_encode().cast(added["person_id"].type)
        added = added.set_column(added.column_names.index("person_id"), added.schema.field("person_id"), column)
    changed = history
    for name in ("valid_to", "died_at"):
        if name in history.column_names:
            changed = with_instants(changed, name, _moved(instants(changed, name), as_of_us + 1, random))
    return pa.concat_tables([changed.filter(pa.array(kept)), added]).unify_dictionaries().combine_chunks()


def _contents(table: pa.Table, rows: Places, random: Random) -> pa.Table:
    """Copies of rows that go on to be about the same thing and person, with everything else of another random row."""
    others = table.take(pa.array(random.integers(0, table.num_rows, len(rows))))
    for name in ("event_id", "source", "source_person_key", "person_id"):
        if name in table.column_names and (name == "event_id" or random.random() < 0.7):
            others = others.set_column(others.column_names.index(name), name, table[name].take(pa.array(rows)))
    return others


def _with_persons(rows: pa.Table, events: pa.Table, random: Random) -> pa.Table:
    persons = events["person_id"].take(pa.array(random.integers(0, events.num_rows, rows.num_rows)))
    return rows.set_column(rows.column_names.index("person_id"), "person_id", persons)


def _ends_moved(events: pa.Table, as_of_us: int, random: Random) -> pa.Table:
    for name in _ENDS:
        if name in events.column_names:
            events = with_instants(events, name, _moved(instants(events, name), as_of_us, random))
    return events


def _moved(moments: Instants, as_of_us: int, random: Random) -> Instants:
    """Moments at or after `as_of` somewhere else at or after it; absent ones, which read as forever, stay absent."""
    future = (moments >= as_of_us) & (moments < FOREVER_US)
    return np.where(future, later_than(as_of_us, len(moments), random), moments)


def later_than(as_of_us: int, count: int, random: Random) -> Instants:
    """Moments from `as_of` on, `as_of` itself and the microsecond after it among them. Shape (count,)."""
    days = random.integers(0, _LONGEST_DAYS * MICROSECONDS_PER_DAY, count)
    return as_of_us + np.where(random.random(count) < 0.4, random.integers(0, 2, count), days)


# The past rewritten


def events_rewritten_before(events: pa.Table, as_of_us: int, random: Random) -> pa.Table:
    """The control: of the versions that were live at `as_of`, half are gone."""
    live = (instants(events, "known_at") < as_of_us) & (instants(events, "occurred_at") < as_of_us)
    live &= instants(events, "superseded_at") >= as_of_us
    return events.filter(pa.array(~live | (random.random(len(live)) < 0.5)))


def history_rewritten_before(history: pa.Table, as_of_us: int, random: Random) -> pa.Table:
    """The control of a dated history: half of the rows known before `as_of` are gone."""
    early = instants(history, "known_at") < as_of_us
    return history.filter(pa.array(~early | (random.random(len(early)) < 0.5)))


# Tables


def instants(table: pa.Table, name: str) -> Instants:
    """A column of moments in microseconds; absent ones, or all of a column that is not there, are forever."""
    if name not in table.column_names:
        return np.full(table.num_rows, FOREVER_US)
    values = table[name].cast(pa.int64()).fill_null(FOREVER_US)
    return np.array(values.to_numpy())


def with_instants(table: pa.Table, name: str, moments: Instants) -> pa.Table:
    """A table with other moments in a column that it has; forever is absent where the column has absent values."""
    if name not in table.column_names:
        return table
    field = table.schema.field(name)
    absent = (moments == FOREVER_US) & (name != "superseded_at")
    values = pa.array(moments, mask=absent).cast(field.type)
    return table.set_column(table.column_names.index(name), field, values)


def _some(places: Places, random: Random, *, most: int) -> Places:
    """About a third of some places, at most so many, ascending."""
    chosen = places[random.random(len(places)) < 0.3]
    return np.sort(random.permutation(chosen)[:most])


def _in_order(events: pa.Table) -> pa.Table:
    """As the store keeps them: dictionaries of one kind, sorted by person and then by when they became known."""
    events = events.unify_dictionaries().combine_chunks()
    persons = events["person_id"].cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False)
    order = np.lexsort((instants(events, "occurred_at"), instants(events, "known_at"), persons))
    return events.take(pa.array(order))
