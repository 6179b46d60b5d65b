"""What the declaration of an aggregation holds: its words, how it is computed, its slow definition, its examples.

The blanks of `meaning` and `reason` are `{singular}` and `{plural}` (the phrases of the group or of its source),
`{days}`, `{window}`, `{short_days}`, `{weeks}`, `{days_before}`, `{gap_days}`, `{other}` and, in a reason alone,
`{count}`: the feature's own value, as a whole number.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

from crisisrisk.features.specs import NOT_KNOWN, FeatureSpec, Where

Lookback = Literal["needed", "or_ever", "weeks", "none"]
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Aggregation:
    """How events become one number. `if_none` is its value where nothing was seen, unless a recipe says otherwise."""

    name: str
    column: str
    meaning: str
    reason: str
    if_none: float
    lookback: Lookback = "or_ever"
    names_window: bool = True
    """Whether the window is put after `column` in the name."""
    takes_events: bool = True
    needs: str = ""
    """What a site must declare, or the column is not known: `school_holidays`, `happenings`, `points`, …"""
    takes_kinds: bool = False
    """Whether `where` names kinds of what is declared, such as `station`."""
    takes_short_days: bool = False
    takes_gap_days: bool = False
    takes_other: bool = False
    unit: str = ""


# What is counted, and what is made of it


@dataclass(frozen=True)
class Counted:
    """Events, or distinct days, sources, … of them, in a lookback (None: ever)."""

    kind: str
    sources: tuple[str, ...]
    where: Where
    lookback_days: int | None


@dataclass(frozen=True, kw_only=True)
class Formula:
    """(constant + sum of weight x count) / the same below; not a number where the counts of `guard` are all 0."""

    above: tuple[tuple[int, Counted], ...] = ()
    above_constant: int = 0
    below: tuple[tuple[int, Counted], ...] = ()
    below_constant: int = 0
    guard: tuple[Counted, ...]


def counted(spec: FeatureSpec, *, days: int | None = None, where: Where = (), kind: str = "count") -> Counted:
    """The events of a spec in its own lookback, or in one of `days`, narrowed further by `where`."""
    return Counted(kind, spec.sources, spec.where + where, spec.lookback_days if days is None else days)


LAST, FIRST, HEARD = 0, 1, 2
"""What a mark keeps of a choice of events: the last occurrence, the first, the last that became known."""


# What a slow definition sees


class SeenEvent(Protocol):
    """One event as it was known."""

    occurred_at: datetime
    known_at: datetime
    source: str
    is_crisis: bool | None
    premises: str | None
    value: float | None
    ended_at: datetime | None
    place_id: str | None
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, kw_only=True)
class SeenPerson:
    """The state of the person known then."""

    birth_year: int | None = None
    deprivation_decile: int | None = None
    sex: str | None = None


@dataclass(frozen=True, kw_only=True)
class SeenCaseload:
    """One caseload as it was known."""

    team_id: str
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was known of one person just before `as_of`. Events had occurred, and are in order of occurrence."""

    events: Sequence[SeenEvent]
    """Those that the spec is about, however old."""
    other: Sequence[SeenEvent]
    as_of: datetime
    zone: ZoneInfo
    person: SeenPerson | None = None
    first_known: datetime | None = None
    caseloads: Sequence[SeenCaseload] | None = None

    def within(self, days: int | None, events: Sequence[Any] | None = None) -> list[Any]:
        """The events that occurred in `[as_of - days, as_of)`."""
        chosen = self.events if events is None else events
        return [one for one in chosen if days is None or one.occurred_at >= self.as_of - days * DAY]

    def local(self, moment: datetime) -> datetime:
        """By the local clock."""
        return moment.astimezone(self.zone)


@dataclass(frozen=True, kw_only=True)
class Example:
    """A history in, a number out: a paragraph of the aggregation's page, and a test.

    `group`: the lines of a recipe's group. `table`: the events, as `features/examples.py` reads them.
    `people`: keys of the one version of the person that is known.
    """

    says: str
    group: str
    table: str
    as_of: str
    value: float
    people: Mapping[str, Any] = field(default_factory=dict)


Definition = Callable[[FeatureSpec, Seen], float | None]


@dataclass(frozen=True, kw_only=True)
class PersonAggregation(Aggregation):
    """An aggregation of a person's events. Exactly one of `formula`, `mark`, `scan` and `fact` computes it.

    `formula`: a ratio of counts. `mark`: a moment, as days before the as-of moment. `scan`: a compiled walk over the
    events in order, which is given `kind`. `fact`: something known of the person apart from events.
    """

    definition: str = ""
    """What exactly is computed, for its page; the meaning stands before it."""
    define: Definition
    examples: tuple[Example, ...]
    formula: Callable[[FeatureSpec], Formula] | None = None
    mark: int | None = None
    scan: Callable[..., None] | None = None
    kind: int = 0
    fact: Callable[[FeatureSpec, Any], Any] | None = None
    local: Mapping[str, Callable[[int, int], str | bool]] = field(default_factory=dict)
    """Columns of `where` made of the local weekday (0 is Monday) and hour."""
    reads: tuple[str, ...] = ()
    """Columns of the events table beyond instants, source and `where`."""


def not_known() -> float:
    """The one NaN of every recipe."""
    return NOT_KNOWN
