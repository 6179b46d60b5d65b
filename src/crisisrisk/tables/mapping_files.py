"""Reading a mapping file: every problem is collected, then raised once."""

import codecs
import hashlib
import tomllib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crisisrisk.errors import MappingError, did_you_mean
from crisisrisk.tables.clock_texts import unknown_directives
from crisisrisk.tables.core import TABLES
from crisisrisk.tables.mapping import (
    CLOCK_CHOICES,
    COORDINATE_SYSTEMS,
    INVALID_CHOICES,
    PERSON_KINDS,
    UNKNOWN_CHOICES,
    WHOLE_FORMATS,
    Constant,
    Coordinates,
    Delay,
    FileMapping,
    FromColumn,
    HashOf,
    KeepTimes,
    KeepValues,
    PersonFrom,
    Rule,
    TimeFrom,
    TrueFor,
)
from crisisrisk.tables.schema import CATEGORIES, FLAG, TIME, Column, Table

_TOP = ("table", "encoding", "delimiter", "sheet", "empty_values", "columns", "coordinates", "keep")
_TIME_KEYS = (
    "column",
    "constant",
    "format",
    "zone",
    "ambiguous",
    "missing",
    "time_column",
    "hour_column",
    "epoch",
    "day",
)
_PERSON_KEYS = ("column", "kind", "invalid")
_MANY = 20


@dataclass
class _Problems:
    """What is wrong so far: the code, a sentence, and a hint."""

    found: list[tuple[str, str, str | None]] = field(default_factory=list)

    def add(self, code: str, text: str, hint: str | None = None) -> None:
        self.found.append((code, text, hint))

    def raise_if_any(self, path: Path) -> None:
        if not self.found:
            return
        code, text, hint = self.found[0]
        if len(self.found) == 1:
            raise MappingError(code, text, where=str(path), hint=hint)
        lines = [text + (f" ({hint})" if hint else "") for _, text, hint in self.found[:_MANY]]
        raise MappingError(
            code, f"{len(self.found)} problems in this mapping", where=str(path), found="\n          ".join(lines)
        )

    def unknown_keys(self, value: dict[str, Any], known: Collection[str], where: str) -> None:
        for key in value:
            if key not in known:
                self.add("CR-MAP-002", f'{where}: unknown key "{key}"', did_you_mean(key, list(known)))

    def text(self, value: dict[str, Any], key: str, where: str, default: str | None = None) -> str | None:
        found = value.get(key, default)
        if found is not None and (not isinstance(found, str) or not found):
            self.add("CR-MAP-003", f"{where}: {key} must be a text, found {found!r}")
            return default
        return found

    def texts(self, value: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
        found = value.get(key)
        if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
            self.add("CR-MAP-003", f"{where}: {key} must be a list of texts, found {found!r}")
            return ()
        return tuple(found)

    def choice(self, value: dict[str, Any], key: str, known: tuple[str, ...], where: str, default: str) -> str:
        found = value.get(key, default)
        if found not in known:
            hint = did_you_mean(found, known) if isinstance(found, str) else f"known: {', '.join(known)}"
            self.add("CR-MAP-003", f"{where}: {key} cannot be {found!r}", hint)
            return default
        return str(found)


def read_mapping(path: Path) -> FileMapping:
    """Parse a mapping file. Raises MappingError that names all its problems."""
    try:
        content = path.read_bytes()
        return mapping_from(content.decode("utf-8"), path)
    except OSError as problem:
        raise MappingError(
            "CR-MAP-001", "the mapping file cannot be read", where=str(path), found=str(problem.strerror)
        ) from None
    except UnicodeDecodeError:
        raise MappingError("CR-MAP-001", "the mapping file is not UTF-8 text", where=str(path)) from None


def mapping_from(text: str, path: Path) -> FileMapping:
    """Parse the text of a mapping file; `path` is for messages and its name."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise MappingError("CR-MAP-001", f"the mapping file is not valid TOML: {problem}", where=str(path)) from None
    problems = _Problems()
    problems.unknown_keys(content, _TOP, "top")
    table = _table(content, problems)
    if table is None:
        problems.raise_if_any(path)
        raise AssertionError("a mapping without a table has a problem")
    coordinates = _coordinates(content.get("coordinates"), table, problems)
    columns = _columns(content.get("columns"), table, problems)
    _refuse_what_is_missing(table, content.get("columns"), coordinates, problems)
    mapping = FileMapping(
        path=path,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        table=table,
        columns=columns,
        coordinates=coordinates,
        keep=_keeps(content.get("keep", []), table, columns, problems),
        encoding=_encoding(content, problems),
        delimiter=_delimiter(content, problems),
        sheet=problems.text(content, "sheet", "top"),
        empty_values=_empty_values(content, problems),
    )
    problems.raise_if_any(path)
    return mapping


def _table(content: dict[str, Any], problems: _Problems) -> Table | None:
    known = [table.name for table in TABLES.values() if not table.operational_only]
    name = content.get("table")
    if name in known:
        return TABLES[str(name)]
    if isinstance(name, str) and name in TABLES:
        problems.add("CR-MAP-003", f"top: {name} are never loaded into tables; they live encrypted in the database")
    elif isinstance(name, str):
        problems.add("CR-MAP-003", f'top: there is no table "{name}"', did_you_mean(name, known))
    elif name is not None:
        problems.add("CR-MAP-003", f"top: table must be a text, found {name!r}", f"known: {', '.join(known)}")
    else:
        problems.add("CR-MAP-003", "top: table is missing", f"known: {', '.join(known)}")
    return None


def _encoding(content: dict[str, Any], problems: _Problems) -> str:
    name = problems.text(content, "encoding", "top", "utf-8") or "utf-8"
    try:
        found = codecs.lookup(name)
        "".encode(name)  # refuses what is no encoding of text, such as base64
        found.incrementaldecoder().decode(b"")
        return found.name
    except (LookupError, ValueError, TypeError):
        problems.add(
            "CR-MAP-003", f'top: there is no encoding "{repr(name)[1:-1]}"', "known: utf-8, cp1252, latin-1, utf-16, …"
        )
        return "utf-8"


def _delimiter(content: dict[str, Any], problems: _Problems) -> str:
    found = content.get("delimiter", ",")
    if not isinstance(found, str) or len(found) != 1 or not 0 < ord(found) <= 126 or found in '"\r\n':
        problems.add("CR-MAP-003", f"top: delimiter must be one character, found {found!r}")
        return ","
    return found


def _empty_values(content: dict[str, Any], problems: _Problems) -> tuple[str, ...]:
    return problems.texts(content, "empty_values", "top") if "empty_values" in content else ("",)


def _columns(content: Any, table: Table, problems: _Problems) -> dict[str, Rule]:
    if not isinstance(content, dict) or not content:
        problems.add("CR-MAP-003", "[columns] is missing", "one entry per column of the table")
        return {}
    columns: dict[str, Rule] = {}
    for target, value in content.items():
        where = f"[columns] {target}"
        if target not in table.names:
            hint = did_you_mean(target, table.names)
            problems.add("CR-MAP-002", f"{where}: {table.name} has no such column", hint)
            continue
        column = table.column(target)
        entry = {"column": value} if isinstance(value, str) else value
        if not isinstance(entry, dict):
            problems.add("CR-MAP-003", f"{where}: must be a column's name or a table, found {value!r}")
        elif (rule := _rule(column, entry, table, where, problems)) is not None:
            columns[target] = rule
    return columns


def _rule(column: Column, entry: dict[str, Any], table: Table, where: str, problems: _Problems) -> Rule | None:
    if column.name == "event_id" and "hash" in entry:
        problems.unknown_keys(entry, ("hash",), where)
        return HashOf(problems.texts(entry, "hash", where))
    if column.name == "known_at" and ("delay_hours" in entry or "after" in entry):
        return _delay(entry, table, where, problems)
    if column.name in ("person_id", "source_person_key"):
        return _person(column, entry, where, problems)
    known, read = _forms(column)
    problems.unknown_keys(entry, known, where)
    if "constant" in entry and "constant" in known:
        return _constant(column, entry, where, problems)
    if not (name := problems.text(entry, "column", where)):
        if all(key in known for key in entry):
            problems.add("CR-MAP-003", f"{where}: says neither a column nor a constant")
        return None
    return read(name, entry, where, problems)


_Reader = Callable[[str, dict[str, Any], str, _Problems], Rule]


def _forms(column: Column) -> tuple[tuple[str, ...], _Reader]:
    if column.kind is TIME:
        extra = ("delay_hours", "after") if column.name == "known_at" else ()
        return (*_TIME_KEYS, *extra), _time
    if column.kind is FLAG:
        return ("column", "constant", "true_values"), _flag
    if column.name == "event_id":
        return ("column", "hash"), lambda name, entry, where, problems: FromColumn(name)
    return ("column", "constant", "values", "unknown"), _plain


def _plain(name: str, entry: dict[str, Any], where: str, problems: _Problems) -> Rule:
    unknown = problems.choice(entry, "unknown", UNKNOWN_CHOICES, where, "quarantine")
    if "values" not in entry:
        if "unknown" in entry:
            problems.add("CR-MAP-003", f"{where}: unknown is said, but no values")
        return FromColumn(name)
    values = entry["values"]
    if not isinstance(values, dict) or not all(isinstance(one, str | int | float) for one in values.values()):
        problems.add("CR-MAP-003", f"{where}: values must be a table of texts, found {values!r}")
        return FromColumn(name)
    return FromColumn(name, tuple((key, str(one)) for key, one in values.items()), unknown)


def _flag(name: str, entry: dict[str, Any], where: str, problems: _Problems) -> Rule:
    if "true_values" not in entry:
        return FromColumn(name)
    return TrueFor(name, problems.texts(entry, "true_values", where))


def _person(column: Column, entry: dict[str, Any], where: str, problems: _Problems) -> Rule | None:
    problems.unknown_keys(entry, _PERSON_KEYS, where)
    name = problems.text(entry, "column", where)
    wanted = ("agency_key", "pseudonym") if column.name == "source_person_key" else tuple(
        kind for kind in PERSON_KINDS if kind != "agency_key"
    )  # fmt: skip
    if "kind" not in entry:
        problems.add("CR-MAP-003", f"{where}: kind is missing", f"known: {', '.join(wanted)}")
    kind = problems.choice(entry, "kind", wanted, where, wanted[0]) if "kind" in entry else wanted[0]
    invalid = problems.choice(entry, "invalid", INVALID_CHOICES, where, "quarantine")
    if name is None:
        problems.add("CR-MAP-003", f"{where}: column is missing")
        return None
    return PersonFrom(name, kind, invalid)


def _delay(entry: dict[str, Any], table: Table, where: str, problems: _Problems) -> Rule | None:
    problems.unknown_keys(entry, ("delay_hours", "after"), where)
    hours, after = entry.get("delay_hours"), entry.get("after", table.start)
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 <= hours <= 24 * 3660:
        problems.add("CR-MAP-003", f"{where}: delay_hours must be 0 or more hours, found {hours!r}")
        return None
    if after not in table.names or after == "known_at" or table.column(after).kind is not TIME:
        times = [column.name for column in table.columns if column.kind is TIME and column.name != "known_at"]
        problems.add(
            "CR-MAP-003", f"{where}: after must be a time of the table, found {after!r}", f"known: {', '.join(times)}"
        )
        return None
    return Delay(float(hours), after)


def _constant(column: Column, entry: dict[str, Any], where: str, problems: _Problems) -> Rule:
    value = entry["constant"]
    if len(entry) > 1:
        problems.add("CR-MAP-003", f"{where}: a constant takes no other key")
    if isinstance(value, datetime):
        value = value.isoformat()
    fits = {FLAG: isinstance(value, bool), TIME: _is_instant(value), CATEGORIES: isinstance(value, str) and value != ""}
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits.get(column.kind, number):
        problems.add("CR-MAP-003", f"{where}: the constant {value!r} is not a {column.kind.name}")
    return Constant(value)


def _is_instant(value: object) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _time(name: str, entry: dict[str, Any], where: str, problems: _Problems) -> Rule:
    form = problems.text(entry, "format", where, "iso") or "iso"
    if form not in WHOLE_FORMATS and "%" not in form:
        problems.add("CR-MAP-003", f"{where}: format cannot be {form!r}", did_you_mean(form, WHOLE_FORMATS))
    elif bad := unknown_directives(form) if form not in WHOLE_FORMATS else []:
        problems.add(
            "CR-MAP-003",
            f"{where}: format has {bad[0]}, which is not supported",
            "known: %Y %y %m %d %b %B %H %I %M %S %f %p %z",
        )
    epoch = _date(entry.get("epoch"), "epoch", where, problems)
    if (form == "days") != ("epoch" in entry):
        problems.add("CR-MAP-003", f'{where}: format "days" and epoch belong together')
    if "time_column" in entry and "hour_column" in entry:
        problems.add("CR-MAP-003", f"{where}: time_column and hour_column cannot both be said")
    if form.startswith("unix") and ("time_column" in entry or "hour_column" in entry):
        problems.add("CR-MAP-003", f"{where}: a time since 1970 takes no second column")
    if form == "days" and "time_column" in entry:
        problems.add("CR-MAP-003", f"{where}: whole days take an hour_column, not a time_column")
    day = problems.choice(entry, "day", ("start", "end"), where, "start")
    if day == "end" and (form.startswith("unix") or "time_column" in entry or "hour_column" in entry):
        problems.add("CR-MAP-003", f'{where}: day = "end" is for dates alone, without a time of day')
    return TimeFrom(
        column=name,
        format=form,
        zone=_zone(entry, where, problems),
        ambiguous=problems.choice(entry, "ambiguous", CLOCK_CHOICES, where, "quarantine"),
        missing=problems.choice(entry, "missing", CLOCK_CHOICES, where, "quarantine"),
        time_column=problems.text(entry, "time_column", where),
        hour_column=problems.text(entry, "hour_column", where),
        epoch=epoch,
        day=day,
    )


def _zone(entry: dict[str, Any], where: str, problems: _Problems) -> ZoneInfo | None:
    name = problems.text(entry, "zone", where)
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        problems.add("CR-MAP-003", f'{where}: there is no zone "{name}"', "a zone name such as Europe/London")
        return None


def _date(value: Any, key: str, where: str, problems: _Problems) -> date | None:
    if value is None:
        return None
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if not isinstance(found, date) or isinstance(found, datetime) or not 1900 <= found.year < 2200:
        problems.add("CR-MAP-003", f"{where}: {key} must be a date such as 2000-01-01, found {value!r}")
        return None
    return found


def _coordinates(content: Any, table: Table, problems: _Problems) -> Coordinates | None:
    where = "[coordinates]"
    if content is None:
        return None
    if not isinstance(content, dict):
        problems.add("CR-MAP-003", f"{where}: must be a table, found {content!r}")
        return None
    if "latitude" not in table.names:
        problems.add("CR-MAP-003", f"{where}: {table.name} has no coordinates")
    system = problems.choice(content, "system", COORDINATE_SYSTEMS, where, "degrees")
    names = ("latitude", "longitude") if system == "degrees" else ("easting", "northing")
    problems.unknown_keys(content, ("system", "invalid", *names), where)
    columns = [problems.text(content, name, where) for name in names]
    for name, column in zip(names, columns, strict=True):
        if column is None:
            problems.add("CR-MAP-003", f"{where}: {name} is missing")
    invalid = problems.choice(content, "invalid", INVALID_CHOICES, where, "quarantine")
    return Coordinates(system, (columns[0] or "", columns[1] or ""), invalid)


def _keeps(
    content: Any, table: Table, columns: dict[str, Rule], problems: _Problems
) -> tuple[KeepValues | KeepTimes, ...]:
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        problems.add("CR-MAP-003", "keep must be tables, each under [[keep]]")
        return ()
    keeps = [_keep(entry, f"[[keep]] {number}", table, columns, problems) for number, entry in enumerate(content, 1)]
    return tuple(keep for keep in keeps if keep is not None)


def _keep(
    entry: dict[str, Any], where: str, table: Table, columns: dict[str, Rule], problems: _Problems
) -> KeepValues | KeepTimes | None:
    problems.unknown_keys(entry, ("column", "values", "not_values", "time", "from", "before"), where)
    if "time" in entry:
        name = entry["time"]
        if not isinstance(name, str) or name not in columns or table.column(name).kind is not TIME:
            problems.add("CR-MAP-003", f"{where}: time must be a time in [columns], found {name!r}")
            return None
        if not {"from", "before"} & set(entry):
            problems.add("CR-MAP-003", f"{where}: a time needs from, before or both")
        return KeepTimes(
            name,
            _date(entry.get("from"), "from", where, problems),
            _date(entry.get("before"), "before", where, problems),
        )
    column = problems.text(entry, "column", where)
    if column is None or ("values" in entry) == ("not_values" in entry):
        problems.add("CR-MAP-003", f"{where}: needs a column with values or not_values, or a time")
        return None
    key = "values" if "values" in entry else "not_values"
    return KeepValues(column, problems.texts(entry, key, where), listed=key == "values")


def _refuse_what_is_missing(table: Table, columns: Any, coordinates: Coordinates | None, problems: _Problems) -> None:
    given = set(columns if isinstance(columns, dict) else ()) | ({"latitude", "longitude"} if coordinates else set())
    if coordinates and isinstance(columns, dict) and {"latitude", "longitude"} & set(columns):
        problems.add("CR-MAP-003", "[coordinates] and [columns] both say where it was")
    for column in table.columns:
        if not column.required or column.name in given:
            continue
        if column.name == "known_at":
            problems.add(
                "CR-MAP-005", "[columns] known_at: when this became known is not said",
                "name its column, or state the usual delay: known_at = { delay_hours = 24 }",
            )  # fmt: skip
        else:
            problems.add("CR-MAP-003", f"[columns] {column.name}: is required in {table.name}")
