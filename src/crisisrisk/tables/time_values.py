"""Cells of a file as instants: formats, zones, the hour that happens twice and the one that does not exist."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.tables.cell_values import Mask, numbers, texts_of
from crisisrisk.tables.clock_texts import NO_OFFSET, ClockTexts, has_hours, read_clock_texts
from crisisrisk.tables.mapping import WHOLE_FORMATS, TimeFrom
from crisisrisk.tables.schema import INSTANT
from crisisrisk.timeline import (
    EARLIEST,
    FOREVER_US,
    LATEST,
    MICROSECONDS_PER_DAY,
    MICROSECONDS_PER_HOUR,
    MICROSECONDS_PER_SECOND,
    Instants,
    microseconds,
    read_local_times,
)

# Far enough from both ends that no zone moves an instant over them while it is read.
_READABLE_FROM, _READABLE_TO = (
    microseconds(EARLIEST) - MICROSECONDS_PER_DAY,
    microseconds(LATEST) + MICROSECONDS_PER_DAY,
)
_BEYOND_ALL_YEARS = FOREVER_US
_ISO_DAY = len("2026-11-22")

SKIPPED_HOUR = "a local time that exists (the clocks went forward over it)"
DOUBLE_HOUR = "a local time that happened once (the clocks went back over it)"


@dataclass(frozen=True)
class ReadTimes:
    """Instants. `unreadable`: cells of another form; `skipped`, `double`: in an hour of a clock change that the mapping
    sends to quarantine. Shapes (rows,)."""

    values: pa.Array
    unreadable: Mask
    skipped: Mask
    double: Mask


def times(rule: TimeFrom, columns: dict[str, pa.Array], site_zone: ZoneInfo) -> ReadTimes:
    """Instants of a rule's columns. Times outside the readable years come out at their nearest end, to be refused."""
    wall, offset, given, readable = _wall_times(rule, columns)
    years = np.clip(wall, _READABLE_FROM, _READABLE_TO)
    local = readable & (offset == NO_OFFSET)
    instants = np.where(offset == NO_OFFSET, 0, years - offset.astype(np.int64) * MICROSECONDS_PER_SECOND)
    skipped = double = np.zeros(len(wall), dtype=np.bool_)
    if local.any():
        placed, skipped, double = _placed(years, local, rule, rule.zone or site_zone)
        instants = np.where(local, placed, instants)
    missing = ~readable | skipped | double
    values = pa.array(instants, mask=missing).cast(INSTANT)
    return ReadTimes(values, given & ~readable, skipped, double)


def without_time_of_day(rule: TimeFrom, columns: dict[str, pa.Array]) -> Mask:
    """Which cells of a rule's columns hold a day and no time of day, by how they are written. Shape (rows,)."""
    first = columns[rule.column]
    every = np.ones(len(first), dtype=np.bool_)
    if rule.hour_column or pa.types.is_timestamp(first.type):
        return ~every
    if pa.types.is_date(first.type) or rule.format == "days":
        return every
    if rule.format == "iso" and not rule.time_column:
        return np.asarray(pc.equal(pc.binary_length(pc.ascii_trim(texts_of(first), " ")), _ISO_DAY).fill_null(False))
    return every if rule.format not in WHOLE_FORMATS and not has_hours(rule.format) else ~every


def wanted_form(rule: TimeFrom) -> str:
    """What a readable cell looks like, for the rule of a refused row."""
    return {"iso": "an ISO time such as 2026-11-22 18:30", "days": "whole days"}.get(
        rule.format, f"a time like {rule.format}"
    )


def _wall_times(rule: TimeFrom, columns: dict[str, pa.Array]) -> tuple[Instants, NDArray[np.int32], Mask, Mask]:
    first = columns[rule.column]
    given = np.asarray(first.is_valid())
    read = _stored_times(first) if _is_time(first.type) else _written_times(rule, columns)
    wall, readable = read.wall_us, read.readable
    if rule.hour_column:
        hours = numbers(columns[rule.hour_column])
        hour = np.asarray(hours.values.fill_null(-1.0))
        fits = (hour == np.rint(hour)) & (hour >= 0) & (hour <= 23)
        given = given | np.asarray(columns[rule.hour_column].is_valid())
        readable = readable & fits
        wall = wall + np.where(fits, hour, 0).astype(np.int64) * MICROSECONDS_PER_HOUR
    if rule.day == "end":
        wall = wall + MICROSECONDS_PER_DAY
    return wall, read.offset_seconds, given, readable


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _stored_times(column: pa.Array) -> ClockTexts:
    """Real times of a Parquet or Excel file; those with a zone are instants already."""
    zoned = pa.types.is_timestamp(column.type) and column.type.tz is not None
    plain = pa.timestamp("us", "UTC") if zoned else pa.timestamp("us")
    wall = np.asarray(pc.cast(pc.cast(column, plain, safe=False), pa.int64()).fill_null(0))
    offset = np.full(len(column), 0 if zoned else NO_OFFSET, dtype=np.int32)
    return ClockTexts(wall_us=wall, offset_seconds=offset, readable=np.asarray(column.is_valid()))


def _written_times(rule: TimeFrom, columns: dict[str, pa.Array]) -> ClockTexts:
    first = columns[rule.column]
    if rule.format in ("days", "unix_seconds", "unix_milliseconds"):
        return _counted(rule, first)
    texts = texts_of(first)
    if rule.time_column:
        texts = pc.binary_join_element_wise(texts, texts_of(columns[rule.time_column]), " ")
    return read_clock_texts(texts, rule.format)


def _counted(rule: TimeFrom, column: pa.Array) -> ClockTexts:
    """Times that are numbers: whole days since an epoch (on the local calendar), or seconds since 1970 UTC."""
    read = numbers(column)
    units = {"days": MICROSECONDS_PER_DAY, "unix_seconds": MICROSECONDS_PER_SECOND, "unix_milliseconds": 1000}
    count = np.asarray(read.values.fill_null(0.0))
    readable = np.asarray(read.values.is_valid())
    if rule.format == "days":
        readable = readable & (count == np.rint(count))
    # Beyond 300 years either way is refused later; here it must only not overflow.
    bound = float(_BEYOND_ALL_YEARS // units[rule.format])
    wall = np.rint(np.clip(count, -bound, bound) * units[rule.format]).astype(np.int64)
    if rule.epoch:
        wall = wall + microseconds(datetime(rule.epoch.year, rule.epoch.month, rule.epoch.day, tzinfo=UTC))
    offset = np.full(len(column), NO_OFFSET if rule.format == "days" else 0, dtype=np.int32)
    return ClockTexts(wall_us=wall, offset_seconds=offset, readable=readable)


def _placed(years: Instants, local: Mask, rule: TimeFrom, zone: ZoneInfo) -> tuple[Instants, Mask, Mask]:
    """Instants of local times, and which lie in the skipped and in the double hour and are not to be read."""
    walls = np.where(local, years, 0)
    reading = read_local_times(walls.astype("datetime64[us]"), zone, ambiguous=rule.ambiguous)
    instants, skipped = reading.instants, reading.missing & local
    if rule.missing != "quarantine" and skipped.any():
        instants = instants.copy()
        instants[skipped] = _over_the_gap(walls[skipped], zone, fold=0 if rule.missing == "first" else 1)
        skipped = np.zeros_like(skipped)
    return instants, skipped, reading.ambiguous & local


def _over_the_gap(walls: Instants, zone: ZoneInfo, *, fold: int) -> Instants:
    """Skipped local times, read with the clock before (`fold` 0) or after the change. They are few and repeat."""
    distinct, place = np.unique(walls, return_inverse=True)
    naive = [moment.replace(tzinfo=zone, fold=fold) for moment in distinct.astype("datetime64[us]").tolist()]
    return np.array([microseconds(moment) for moment in naive], dtype=np.int64)[place]
