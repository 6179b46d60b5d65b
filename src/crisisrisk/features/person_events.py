"""From stored tables to the arrays of the compiled scan: people matched, sources and `where` turned into signatures."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.cohorts import PersonRows
from crisisrisk.errors import DataError
from crisisrisk.features.person_kernels import EventArrays, RowArrays, runs_of_people
from crisisrisk.features.person_plan import OUT_OF_HOURS, PersonPlan, Signature
from crisisrisk.timeline import Instants, local_clock

INSTANTS = ("occurred_at", "known_at", "superseded_at")
_SATURDAY, _MORNING, _EVENING = 5, 8, 18

Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]


def event_columns(plan: PersonPlan) -> tuple[str, ...]:
    """The columns of the events table that a plan reads."""
    named = {column for column, _ in plan.pairs} - {OUT_OF_HOURS[0][0]}
    return ("person_id", *INSTANTS, "source", *sorted(named))


def event_arrays(
    plan: PersonPlan, events: pa.Table, person_id: NDArray[np.object_], zone: ZoneInfo
) -> tuple[EventArrays, list[Signature]]:
    """The events of the people in `person_id`, and what their signatures mean.

    Raises DataError when a column is missing or an instant is absent.
    """
    require_columns(events, event_columns(plan), "the events")
    person = index_of_people(events["person_id"], person_id)
    starts, ends, in_runs = runs_of_people(person, len(person_id))
    if not in_runs:
        # A stored bucket is sorted by person already; a table put together by hand may not be.
        order = np.argsort(person, kind="stable")
        events = events.take(pa.array(order))
        starts, ends, _ = runs_of_people(person[order], len(person_id))
    occurred = instants_of(events, "occurred_at")
    day, out_of_hours = _local(plan, occurred, zone)
    source, names = codes_of(events["source"], plan.sources)
    signature, meanings = _signatures(plan, events, source, names, out_of_hours)
    known, superseded = instants_of(events, "known_at"), instants_of(events, "superseded_at")
    arrays = (starts, ends, occurred, known, superseded, signature, day, source)
    return EventArrays(*map(settled, arrays)), meanings


def settled(values: NDArray[Any]) -> NDArray[Any]:
    """A read-only view, contiguous: the compiled scan exists once, for arrays of this one kind."""
    view = np.ascontiguousarray(values).view()
    view.flags.writeable = False
    return view


def row_arrays(rows: PersonRows) -> RowArrays:
    """The rows as the compiled scan takes them."""
    offsets, as_of = rows.offsets.astype(np.int64, copy=False), rows.as_of.astype(np.int64, copy=False)
    return RowArrays(offsets=settled(offsets), as_of=settled(as_of))


def require_columns(table: pa.Table, wanted: Sequence[str], what: str) -> None:
    """Raises DataError when a table lacks a column."""
    if missing := [column for column in wanted if column not in table.column_names]:
        raise DataError(
            "CR-FEAT-004",
            f"{what} have no column {missing[0]!r}",
            wanted=", ".join(wanted),
            found=", ".join(table.column_names),
        )


def instants_of(table: pa.Table, column: str) -> Instants:
    """A column of instants as microseconds. Raises DataError when one is absent."""
    values = one_chunk(table[column])
    if values.null_count:
        raise DataError("CR-FEAT-004", f"{values.null_count} rows have no {column}", wanted="an instant in every row")
    if not pa.types.is_timestamp(values.type) or values.type.unit != "us":
        values = values.cast(pa.timestamp("us", tz="UTC"))
    return _readable(values.cast(pa.int64()))


def one_chunk(column: pa.ChunkedArray) -> Any:
    """A column in one piece, its dictionary unified."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.combine_chunks() if column.num_chunks else pa.array([], type=column.type)


def _readable(values: Any) -> NDArray[Any]:
    """As a NumPy array in this machine's own layout; Arrow's memory is used as it is where that is allowed."""
    return np.ascontiguousarray(values.to_numpy(zero_copy_only=False))


def index_of_people(column: pa.ChunkedArray, person_id: NDArray[np.object_]) -> Codes:
    """For each row of a table the index of its person in `person_id`, or -1. Shape (rows of the table,)."""
    return codes_of(column, [str(one) for one in person_id])[0]


def codes_of(column: pa.ChunkedArray, known: Sequence[str]) -> tuple[Codes, tuple[str, ...]]:
    """Each value as its index in `known`, or -1 when it is absent or not there; and `known` itself."""
    values = one_chunk(column)
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    places = pc.index_in(values.dictionary.cast(pa.string()), value_set=pa.array(known, type=pa.string()))
    table = np.append(_readable(places.fill_null(-1)), -1).astype(np.int32)
    indices = _readable(values.indices.fill_null(len(table) - 1)) if values.null_count else _readable(values.indices)
    return table[indices], tuple(known)


def _local(plan: PersonPlan, occurred: Instants, zone: ZoneInfo) -> tuple[Codes, Mask | None]:
    """Local days, and which events were out of hours; each only when a feature asks for it."""
    asks_hours = OUT_OF_HOURS[0] in plan.pairs
    if not (asks_hours or plan.needs_local_days):
        return np.empty(0, dtype=np.int32), None
    clock = local_clock(occurred, zone)
    closed = (clock.weekday >= _SATURDAY) | (clock.hour < _MORNING) | (clock.hour >= _EVENING)
    return clock.day, closed if asks_hours else None


def _signatures(
    plan: PersonPlan, events: pa.Table, source: Codes, names: tuple[str, ...], out_of_hours: Mask | None
) -> tuple[Codes, list[Signature]]:
    """A signature for each event. Folded in one pair at a time, so only the ones that occur are kept."""
    code = source + np.int32(1)
    meanings = [Signature(name, frozenset()) for name in (None, *names)]
    code, meanings = _only_those_present(code, meanings)
    for column, accepted in plan.pairs:
        pair = (column, accepted)
        mask = out_of_hours if pair == OUT_OF_HOURS[0] else _accepted(events[column], accepted)
        both = [Signature(one.source, one.holds | held) for one in meanings for held in (set(), {pair})]
        code, meanings = _only_those_present(code * np.int32(2) + np.asarray(mask, dtype=np.int32), both)
    return code, meanings


def _only_those_present(code: Codes, meanings: list[Signature]) -> tuple[Codes, list[Signature]]:
    present = np.bincount(code, minlength=len(meanings)) > 0
    table = (np.cumsum(present) - 1).astype(np.int32)
    return table[code], [meaning for meaning, seen in zip(meanings, present, strict=True) if seen]


def _accepted(column: pa.ChunkedArray, accepted: tuple[str | bool, ...]) -> Mask:
    """Which rows have one of the values listed; an absent value is none of them."""
    values = one_chunk(column)
    if pa.types.is_boolean(values.type):
        wanted = pc.is_in(values, value_set=pa.array(accepted, type=pa.bool_()))
        return np.asarray(_readable(wanted), dtype=bool)
    return codes_of(column, [str(one) for one in accepted])[0] >= 0
