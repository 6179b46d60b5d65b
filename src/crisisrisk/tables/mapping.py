"""Mapping files: what an incoming file's columns mean, as frozen values. See docs/reference/mapping-files.md."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from crisisrisk.tables.schema import Table

UNKNOWN_CHOICES = ("keep", "drop", "quarantine", "empty")
CLOCK_CHOICES = ("first", "second", "quarantine")
INVALID_CHOICES = ("quarantine", "empty")
PERSON_KINDS = ("nhs_number", "study_id", "agency_key", "pseudonym")
COORDINATE_SYSTEMS = ("degrees", "british_national_grid")
WHOLE_FORMATS = ("iso", "days", "unix_seconds", "unix_milliseconds")


@dataclass(frozen=True)
class Constant:
    """The same value in every row."""

    value: str | int | float | bool


@dataclass(frozen=True)
class HashOf:
    """An id made from the texts of several columns."""

    columns: tuple[str, ...]


@dataclass(frozen=True)
class FromColumn:
    """A column as it is, or with its values replaced; `unknown` says what an unlisted value means."""

    column: str
    values: tuple[tuple[str, str], ...] | None = None
    unknown: str = "quarantine"


@dataclass(frozen=True)
class TrueFor:
    """True for the listed texts, false for any other and for empty cells."""

    column: str
    true_values: tuple[str, ...]


@dataclass(frozen=True)
class PersonFrom:
    """A pseudonym made from an identifying column."""

    column: str
    kind: str
    invalid: str = "quarantine"


@dataclass(frozen=True)
class TimeFrom:
    """A time read from a column, or from a date column and a second one. `zone` None is the site's."""

    column: str
    format: str = "iso"
    zone: ZoneInfo | None = None
    ambiguous: str = "quarantine"
    missing: str = "quarantine"
    time_column: str | None = None
    hour_column: str | None = None
    epoch: date | None = None
    day: str = "start"
    """Which midnight a date alone means: the one it starts with, or the one it ends with."""


@dataclass(frozen=True)
class Delay:
    """A time that lies a stated while after another time of the row."""

    hours: float
    after: str


Rule = Constant | HashOf | FromColumn | TrueFor | PersonFrom | TimeFrom | Delay


@dataclass(frozen=True)
class Coordinates:
    """Two columns that say where it was: (latitude, longitude) or (easting, northing)."""

    system: str
    columns: tuple[str, str]
    invalid: str = "quarantine"


@dataclass(frozen=True)
class KeepValues:
    """Keep the rows whose text is listed, or with `listed` False those whose text is not."""

    column: str
    values: tuple[str, ...]
    listed: bool


@dataclass(frozen=True)
class KeepTimes:
    """Keep the rows whose time lies between two local dates of the site, `before` excluded."""

    time: str
    start: date | None
    before: date | None


@dataclass(frozen=True, kw_only=True)
class FileMapping:
    """One mapping file. `digest` is the SHA-256 of its text: the same file under another mapping is another load."""

    path: Path
    digest: str
    table: Table
    columns: Dictionary[str, Rule]
    coordinates: Coordinates | None = None
    keep: tuple[KeepValues | KeepTimes, ...] = ()
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None
    empty_values: tuple[str, ...] = ("",)

    @property
    def name(self) -> str:
        """The mapping's file name without its ending."""
        return self.path.stem

    @property
    def file_columns(self) -> tuple[str, ...]:
        """Every column that the file must have, in order of first mention."""
        named = [name for rule in self.columns.values() for name in columns_of(rule)]
        if self.coordinates:
            named.extend(self.coordinates.columns)
        named.extend(keep.column for keep in self.keep if isinstance(keep, KeepValues))
        return tuple(dict.fromkeys(named))

    @property
    def long_columns(self) -> frozenset[str]:
        """The columns whose texts seldom repeat: read as they are, where the others are read as dictionaries."""
        rules = [
            rule
            for target, rule in self.columns.items()
            if isinstance(rule, HashOf | TimeFrom) or not self.table.column(target).kind.repeats
        ]
        named = {name for rule in rules for name in columns_of(rule)}
        return frozenset(named | set(self.coordinates.columns if self.coordinates else ()))

    @property
    def needs_key(self) -> bool:
        """Whether the site's pseudonym key is used for persons."""
        return any(isinstance(rule, PersonFrom) and rule.kind != "pseudonym" for rule in self.columns.values())

    @property
    def takes_pseudonyms(self) -> bool:
        """Whether the file comes with pseudonyms, which may be of a key that was replaced since."""
        return any(isinstance(rule, PersonFrom) and rule.kind == "pseudonym" for rule in self.columns.values())


def columns_of(rule: Rule) -> tuple[str, ...]:
    """The file's columns that a rule reads."""
    if isinstance(rule, HashOf):
        return rule.columns
    if isinstance(rule, TimeFrom):
        return tuple(name for name in (rule.column, rule.time_column, rule.hour_column) if name)
    return (rule.column,) if isinstance(rule, FromColumn | TrueFor | PersonFrom) else ()
