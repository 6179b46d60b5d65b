"""From stored tables to the arrays of the compiled scans: people matched, values turned into channels."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.cohorts import PersonRows
from crisisrisk.errors import DataError
from crisisrisk.features.aggregations.distinct import KEYS
from crisisrisk.features.person_kernels import (
    NEVER,
    EventArrays,
    RowArrays,
    bit_places,
    by_occurrence,
    channels_of_events,
    runs_of_people,
)
from crisisrisk.features.person_plan import PersonPlan, Values
from crisisrisk.features.person_tally import no_tallies, tallies
from crisisrisk.timeline import FIRST_US, LAST_US, Instants, LocalClock, local_clock

INSTANTS = ("occurred_at", "known_at", "superseded_at")
_THOUSANDTHS = 1000
_BITS = bit_places()

Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]


def event_columns(plan: PersonPlan) -> tuple[str, ...]:
    """The columns of the events table that a plan reads."""
    named = {column for column, _ in plan.conditions} | (plan.reads - {"hour", "source"})
    return ("person_id", *INSTANTS, "source", *sorted(named))


def event_arrays(
    plan: PersonPlan, events: pa.Table, person_id: NDArray[np.object_], zone: ZoneInfo, *, by_time: bool = True
) -> EventArrays:
    """The events of the people in `person_id`. Raises DataError when a column is missing or an instant is absent.

    Without `by_time` those of a person stay in the order of the table.
    """
    require_columns(events, event_columns(plan), "the events")
    person = index_of_people(events["person_id"], person_id)
    starts, ends, in_runs = runs_of_people(person, len(person_id))
    if not in_runs:
        # A stored bucket is sorted by person already; a table put together by hand may not be.
        by_person = np.argsort(person, kind="stable")
        events = events.take(pa.array(by_person))
        starts, ends, _ = runs_of_people(person[by_person], len(person_id))
    occurred = instants_of(events, "occurred_at")
    order: Any = by_occurrence(starts, ends, occurred) if by_time else slice(None)
    clock = _clock(plan, occurred, zone)
    classes = settled(_classes(plan, events, clock)[:, order])
    begins, channels = channels_of_events(classes, plan.masks, _BITS)
    keys = [KEYS[kind](events, clock)[order] for kind in plan.distinct]
    arrays = (
        starts, ends, occurred[order],
        instants_of(events, "known_at")[order], instants_of(events, "superseded_at")[order],
        begins, channels,
        np.stack(keys) if keys else np.empty((0, 0), dtype=np.int32),
        classes[0],
        clock.hour.astype(np.int32)[order] if clock is not None and "hour" in plan.reads else _NO_CODES,
        _or_never(events, "ended_at", _UTC)[order] if "ended_at" in plan.reads else _NO_INSTANTS,
        _thousandths(events)[order] if "value" in plan.reads else _NO_INSTANTS,
    )  # fmt: skip
    summed = (
        tallies(starts, ends, arrays[3], begins, channels, plan.compiled.channels)
        if by_time else no_tallies(len(starts), plan.compiled.channels)
    )  # fmt: skip
    return EventArrays(*map(settled, (*arrays, *summed)))


_UTC = pa.timestamp("us", tz="UTC")
_NO_CODES = np.empty(0, dtype=np.int32)
_NO_INSTANTS = np.empty(0, dtype=np.int64)


def settled(values: NDArray[Any]) -> NDArray[Any]:
    """A read-only view, contiguous: the compiled scan exists once, for arrays of this one kind."""
    view = np.ascontiguousarray(values).view()
    view.flags.writeable = False
    return view


def row_arrays(rows: PersonRows) -> RowArrays:
    """The rows as the compiled scan takes them."""
    offsets, as_of = rows.offsets.astype(np.int64, copy=False), rows.as_of.astype(np.int64, copy=False)
    return RowArrays(offsets=settled(offsets), as_of=settled(as_of))


def moments_in_order(rows: RowArrays, people: int) -> RowArrays:
    """The rows as the scans take them. Raises DataError for what those, which check nothing, would read wrongly."""
    offsets, as_of = settled(rows.offsets), settled(rows.as_of)
    if len(offsets) != people + 1 or offsets[0] != 0 or offsets[-1] != len(as_of) or (np.diff(offsets) < 0).any():
        raise DataError(
            "CR-FEAT-004", "the rows are not those of the people", found=f"{len(offsets)} offsets, {len(as_of)} rows",
            wanted=f"{people + 1} offsets that ascend from 0 to the number of rows",
        )  # fmt: skip
    if len(as_of) > 1 and _any_falls(offsets, as_of):
        raise DataError("CR-FEAT-004", "the as-of moments of a person are out of order", wanted="ascending moments")
    if len(as_of) and (as_of.min() < FIRST_US or as_of.max() > LAST_US):
        raise DataError(
            "CR-FEAT-004", "an as-of moment is outside the calendar", wanted="an instant of the years 1 to 9999"
        )
    return RowArrays(offsets, as_of)


def _any_falls(offsets: NDArray[np.int64], as_of: Instants) -> bool:
    falls = np.diff(as_of) < 0
    begins = offsets[1:-1]
    falls[begins[(begins > 0) & (begins < len(as_of))] - 1] = False
    return bool(falls.any())


def require_columns(table: pa.Table, wanted: Sequence[str], what: str) -> None:
    """Raises DataError when a table lacks a column."""
    present = set(table.column_names)
    if missing := [column for column in wanted if column not in present]:
        raise DataError(
            "CR-FEAT-004",
            f"{what} have no column {missing[0]!r}",
            wanted=", ".join(wanted),
            found=", ".join(table.column_names),
        )


def instants_of(table: pa.Table, column: str) -> Instants:
    """A column of instants as microseconds. Raises DataError when one is absent, or outside the years 1 to 9999."""
    values = one_chunk(table[column])
    if values.null_count:
        raise DataError("CR-FEAT-004", f"{values.null_count} rows have no {column}", wanted="an instant in every row")
    if not pa.types.is_timestamp(values.type) or values.type.unit != "us":
        values = values.cast(pa.timestamp("us", tz="UTC"))
    return _within_the_calendar(_readable(values.cast(pa.int64())), column)


def _within_the_calendar(instants: Instants, column: str) -> Instants:
    # Further out, a difference or a lookback would not fit into 64 bits, and wrap round without a sign of it.
    if len(instants) and (instants.min() < FIRST_US or instants.max() > LAST_US):
        beyond = int(np.count_nonzero((instants < FIRST_US) | (instants > LAST_US)))
        raise DataError(
            "CR-FEAT-004", f"{beyond} rows have a {column} outside the calendar",
            wanted="an instant of the years 1 to 9999",
            hint="load the file again with the right format or epoch for this time in its mapping",
        )  # fmt: skip
    return instants


def _or_never(table: pa.Table, column: str, kind: pa.DataType) -> Instants:
    """A column of instants as microseconds, NEVER where one is absent."""
    values = one_chunk(table[column]).cast(kind).cast(pa.int64())
    if values.null_count == 0:
        return _within_the_calendar(_readable(values), column)
    _within_the_calendar(_readable(values.drop_null()), column)
    return _readable(values.fill_null(int(NEVER)))


def _thousandths(table: pa.Table) -> NDArray[np.int64]:
    """Values as whole thousandths, so that no order of adding changes a sum; NEVER where there is none."""
    values = _readable(one_chunk(table["value"]).cast(pa.float64()).fill_null(np.nan))
    missing = np.isnan(values)
    return np.where(missing, NEVER, np.rint(np.where(missing, 0.0, values) * _THOUSANDTHS).astype(np.int64))


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


def _clock(plan: PersonPlan, occurred: Instants, zone: ZoneInfo) -> LocalClock | None:
    """The local clock of each event, only when a feature asks for it."""
    asked = plan.by_clock or "hour" in plan.reads or "distinct_days" in plan.distinct
    return local_clock(occurred, zone) if asked else None


def _classes(plan: PersonPlan, events: pa.Table, clock: LocalClock | None) -> Codes:
    """Of each condition the class of every event. Shape (conditions, events)."""
    found = [_class_of(events["source"], plan.sources)]
    found += [_class_of(events[column], values) for column, values in plan.conditions]
    if plan.by_clock and clock is not None:
        found.append(clock.weekday.astype(np.int32) * 24 + clock.hour)
    return np.stack(found).astype(np.int32, copy=False)


def _class_of(column: pa.ChunkedArray, values: Values) -> Codes:
    """Each value's place in `values`; their number for any other, and where there is none."""
    array = one_chunk(column)
    if pa.types.is_boolean(array.type):
        flags = _readable(pc.cast(array, pa.int32()).fill_null(2)).astype(np.int32)
        table = [values.index(value) if value in values else len(values) for value in (False, True)]
        return np.array([*table, len(values)], dtype=np.int32)[flags]
    codes = codes_of(column, [str(value) for value in values])[0]
    return np.where(codes < 0, np.int32(len(values)), codes)
