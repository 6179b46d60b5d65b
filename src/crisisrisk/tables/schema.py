"""What a table declares about itself: columns with type, meaning, unit and constraints.

Checks, data dictionary, CSV templates and stored types all derive from these declarations. Checks
of one column are carried by pandera; those between columns are the `Between…` siblings below it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from unicodedata import category

import pyarrow as pa

from crisisrisk.timeline import EARLIEST, LATEST

if TYPE_CHECKING:
    import pandera.pandas as pandera

INSTANT = pa.timestamp("us", tz="UTC")
CATEGORY = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class Kind:
    """The type of a column: what it is called in the dictionary, how it is stored, and whether its texts repeat."""

    name: str
    stored: pa.DataType
    repeats: bool = False


IDENTIFIER = Kind("identifier", pa.string())
CATEGORIES = Kind("text", CATEGORY, repeats=True)
TIME = Kind("time (UTC)", INSTANT)
NUMBER = Kind("number", pa.float64())
WHOLE = Kind("whole number", pa.int32())
FLAG = Kind("true or false", pa.bool_(), repeats=True)


@dataclass(frozen=True)
class InRange:
    """A number (or an instant) from `low` to `high`; `high` itself belongs to it unless `open_end`."""

    low: float | datetime
    high: float | datetime
    open_end: bool = False

    def __str__(self) -> str:
        if isinstance(self.low, datetime) and isinstance(self.high, datetime):
            return f"from {self.low.year}, before {self.high.year}"
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class AboveZero:
    """A number above zero."""

    def __str__(self) -> str:
        return "above 0"


@dataclass(frozen=True)
class OneOf:
    """One of a closed list of texts."""

    values: tuple[str, ...]

    def __str__(self) -> str:
        return "one of " + ", ".join(self.values)


@dataclass(frozen=True)
class NotBefore:
    """Not earlier than another column of the row. pandera has no check between nullable columns."""

    other: str

    def __str__(self) -> str:
        return f"not before {self.other}"


@dataclass(frozen=True)
class TogetherWith:
    """Filled exactly where another column of the row is filled."""

    other: str

    def __str__(self) -> str:
        return f"together with {self.other}"


@dataclass(frozen=True)
class OneLine:
    """A short text that is read on pages and paper: at most so many characters, and none that cannot be seen."""

    most: int

    def __str__(self) -> str:
        return f"at most {self.most} characters, no control characters"

    def holds(self, text: str) -> bool:
        """Whether a text is one."""
        return len(text) <= self.most and all(category(letter) not in _UNSEEN for letter in text)


Constraint = InRange | AboveZero | OneOf | NotBefore | TogetherWith | OneLine

NOT_EMPTY = "not empty"
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Unicode's categories of what steers a page and is not seen on it: line ends, and marks that turn texts round."""
ANY_YEAR = InRange(EARLIEST, LATEST, open_end=True)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column. `default` fills empty cells; `identifying` values never reach a file that people read."""

    name: str
    kind: Kind
    meaning: str
    unit: str | None = None
    required: bool = False
    default: bool | None = None
    constraints: tuple[Constraint, ...] = ()
    identifying: bool = False

    @property
    def rules(self) -> tuple[Constraint, ...]:
        """The column's constraints, with the years that every instant must lie in."""
        return (ANY_YEAR, *self.constraints) if self.kind is TIME else self.constraints


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table. `key` names one thing; `history` tables keep every dated state of it, others the newest."""

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    sort: tuple[str, ...]
    history: bool = True
    start: str | None = None
    """The column that says when the row's state began, from which a stated delay counts."""
    operational_only: bool = False
    """Encrypted in the operational database; never in a file."""

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError for an unknown one."""
        return {column.name: column for column in self.columns}[name]

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, required ones first."""
        return tuple(column.name for column in self.columns)

    @property
    def arrow_schema(self) -> pa.Schema:
        """The stored types, without the columns that the store derives."""
        return pa.schema([pa.field(column.name, column.kind.stored) for column in self.columns])


def pandera_schema(table: Table, names: tuple[str, ...]) -> "pandera.DataFrameSchema":
    """The checks of single columns as a pandera schema over those of `names` that have any."""
    import pandera.pandas as pandera

    columns = {
        column.name: pandera.Column(
            checks=[check for rule in column.rules if (check := _pandera_check(rule)) is not None],
            nullable=not column.required,
        )
        for column in table.columns
        if column.name in names and column_is_checked(column)
    }
    return pandera.DataFrameSchema(columns)


def column_is_checked(column: Column) -> bool:
    """Whether pandera has anything to check in a column."""
    return column.required or any(not isinstance(rule, NotBefore | TogetherWith) for rule in column.rules)


def _pandera_check(rule: Constraint) -> "pandera.Check | None":
    import pandera.pandas as pandera

    if isinstance(rule, InRange):
        return pandera.Check.in_range(
            rule.low, rule.high, include_max=not rule.open_end, name=str(rule), error=str(rule)
        )
    if isinstance(rule, AboveZero):
        return pandera.Check.gt(0, name=str(rule), error=str(rule))
    if isinstance(rule, OneOf):
        return pandera.Check.isin(rule.values, name=str(rule), error=str(rule))
    if isinstance(rule, OneLine):
        return pandera.Check(lambda texts: texts.map(rule.holds).astype(bool), name=str(rule), error=str(rule))
    return None
