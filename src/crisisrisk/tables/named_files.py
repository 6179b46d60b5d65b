"""Reads the files that `crisisrisk.toml` names, by the declarations of their tables. Every problem is said at once."""

import csv
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.errors import DataError, TimeError, did_you_mean
from crisisrisk.tables.named_tables import DAY
from crisisrisk.tables.schema import NUMBER, TIME, AboveZero, Column, InRange, NotBefore, Table, TogetherWith
from crisisrisk.timeline import utc_from_local

Row = Mapping[str, Any]

SHOWN = 10
STARTS = ("starts",)
"""Times of which a date alone is the beginning of the day; of every other it is the end."""


def read_named_file(path: Path, table: Table, zone: ZoneInfo) -> tuple[Row, ...]:
    """The rows of a CSV file: times as aware datetimes (without an offset they are local), absent values as None.

    Raises DataError that names the lines at fault.
    """
    try:
        facts = path.stat()
    except OSError as problem:
        raise _unusable(path, table, found=problem.strerror or type(problem).__name__) from None
    return _rows(path, table.name, facts.st_mtime_ns, facts.st_size, zone, table)


@lru_cache(maxsize=16)
def _rows(path: Path, name: str, changed: int, size: int, zone: ZoneInfo, table: Table) -> tuple[Row, ...]:
    """As `read_named_file`; read again only when the file has changed."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head, *lines = [line for line in csv.reader(file) if line] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise _unusable(path, table, found=type(problem).__name__) from None
    _check_head(path, table, head)
    rows, problems = [], []
    for number, line in enumerate(lines, 2):
        row, wrong = _row(table, dict(zip(head, line, strict=False)), zone)
        rows.append(row)
        problems += [f"row {number}: {problem}" for problem in wrong]
        if len(line) > len(head):
            problems.append(f"row {number}: more values than columns")
    if problems:
        more = [f"… and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise _unusable(path, table, found="\n          ".join([*problems[:SHOWN], *more]))
    return tuple(rows)


def _unusable(path: Path, table: Table, *, found: str, hint: str | None = None) -> DataError:
    return DataError(
        "CR-SITE-004", f"the file of {table.name.replace('_', ' ')} cannot be used", where=str(path), found=found,
        wanted=f"a CSV file with the columns {', '.join(column.name for column in table.columns if column.required)}"
        " at least: see docs/reference/tables.md", hint=hint,
    )  # fmt: skip


def _check_head(path: Path, table: Table, head: list[str]) -> None:
    for name in head:
        if name not in table.names:
            raise _unusable(path, table, found=f'a column "{name}"', hint=did_you_mean(name, table.names))
    missing = [column.name for column in table.columns if column.required and column.name not in head]
    if missing:
        raise _unusable(path, table, found=f"no column {', '.join(missing)}")


def _row(table: Table, texts: Mapping[str, str], zone: ZoneInfo) -> tuple[Row, list[str]]:
    values: dict[str, Any] = {}
    problems = []
    for column in table.columns:
        text = texts.get(column.name, "").strip()
        try:
            values[column.name] = _value(column, text, zone) if text else None
        except (ValueError, TimeError):
            values[column.name] = None
            problems.append(f'{column.name} is "{text}", not a {column.kind.name.removesuffix(" (UTC)")}')
            continue
        if column.required and not text:
            problems.append(f"{column.name} is empty")
    return values, problems or [wrong for column in table.columns for wrong in _broken(column, values)]


def _value(column: Column, text: str, zone: ZoneInfo) -> Any:
    if column.kind is DAY:
        return date.fromisoformat(text)
    if column.kind is NUMBER:
        return float(text)
    return _moment(text, zone, of_day_end=column.name not in STARTS) if column.kind is TIME else text


def _moment(text: str, zone: ZoneInfo, *, of_day_end: bool) -> datetime:
    if len(text) == len("2026-08-15"):
        day = date.fromisoformat(text) + timedelta(days=1 if of_day_end else 0)
        return utc_from_local(datetime.combine(day, time()), zone, ambiguous="first")
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else utc_from_local(moment, zone, ambiguous="first")


def _broken(column: Column, values: Row) -> Iterator[str]:
    """The rules that a row breaks by one column, in words."""
    value = values[column.name]
    for rule in column.rules:
        if isinstance(rule, TogetherWith):
            if (value is None) != (values[rule.other] is None):
                yield f"{column.name} stands without {rule.other}"
        elif value is None:
            continue
        elif isinstance(rule, NotBefore):
            if values[rule.other] is not None and value < values[rule.other]:
                yield f"{column.name} is before {rule.other}"
        elif isinstance(rule, InRange):
            inside = rule.low <= value < rule.high if rule.open_end else rule.low <= value <= rule.high
            if not inside:
                yield f"{column.name} is not {rule}"
        elif isinstance(rule, AboveZero) and not value > 0:
            yield f"{column.name} is not {rule}"
