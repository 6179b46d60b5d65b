"""Invented histories: the versions of events as tables, and hypothesis strategies that invent them.

Times are drawn close to whole days from one another, so that windows' edges, ties and the nights on which
the clocks change come up again and again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from crisisrisk.cohorts import PersonRows
from crisisrisk.timeline import FOREVER, microseconds

BASE = datetime(2025, 10, 20, tzinfo=UTC)
"""Six days before British clocks go back."""

SOURCES = ("crisis_line", "ed_attendance", "mh_contact", "s136")
_INSTANT = pa.timestamp("us", tz="UTC")
_WORD = pa.dictionary(pa.int32(), pa.string())

EVENTS = pa.schema(
    [
        ("event_id", pa.string()),
        ("person_id", _WORD),
        *((name, _INSTANT) for name in ("occurred_at", "known_at", "superseded_at")),
        *((name, _WORD) for name in ("source", "code", "outcome", "origin", "mode")),
        ("is_crisis", pa.bool_()),
        ("premises", _WORD),
        ("value", pa.float64()),
        ("ended_at", _INSTANT),
        ("place_id", _WORD),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("team_id", _WORD),
        *((name, _INSTANT) for name in ("dispatched_at", "arrived_at", "cleared_at")),
    ]
)
PEOPLE = pa.schema(
    [
        ("person_id", _WORD),
        ("valid_from", _INSTANT),
        ("known_at", _INSTANT),
        ("birth_year", pa.int32()),
        ("sex", _WORD),
        ("ethnicity", _WORD),
        ("home_place_id", _WORD),
        ("deprivation_decile", pa.int32()),
        ("valid_to", _INSTANT),
        ("died_at", _INSTANT),
    ]
)
CASELOADS = pa.schema(
    [
        ("person_id", _WORD),
        ("team_id", _WORD),
        *((name, _INSTANT) for name in ("valid_from", "known_at", "valid_to")),
    ]
)


@dataclass(frozen=True, kw_only=True)
class EventVersion:
    """What an agency said of one contact, and when that became known."""

    event_id: str
    occurred_at: datetime
    known_at: datetime
    person_id: str | None = "a"
    source: str = "crisis_line"
    code: str = "call"
    outcome: str | None = None
    origin: str | None = None
    mode: str | None = None
    is_crisis: bool | None = True
    ended_at: datetime | None = None
    premises: str | None = None
    place_id: str | None = None
    value: float | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, kw_only=True)
class PersonVersion:
    """What was known of one person, from when."""

    person_id: str
    known_at: datetime
    valid_from: datetime | None = None
    """When that began; when it became known, if that is not said."""
    birth_year: int | None = None
    deprivation_decile: int | None = None
    sex: str | None = None


@dataclass(frozen=True, kw_only=True)
class CaseloadVersion:
    """What was known of one caseload, from when. The same person, team and beginning again is a correction."""

    person_id: str
    team_id: str
    valid_from: datetime
    known_at: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True)
class History:
    """Everything the service will ever know, and the as-of moments of each person that is asked about."""

    events: tuple[EventVersion, ...]
    people: tuple[PersonVersion, ...]
    as_of: Mapping[str, Sequence[datetime]]
    caseloads: tuple[CaseloadVersion, ...] = ()

    @property
    def event_table(self) -> pa.Table:
        """As the store gives it."""
        return event_table(self.events)

    @property
    def people_table(self) -> pa.Table:
        """As the store gives it."""
        return people_table(self.people)

    @property
    def caseload_table(self) -> pa.Table:
        """As the store gives it."""
        return _table([vars(version) for version in self.caseloads], CASELOADS)

    @property
    def rows(self) -> PersonRows:
        """The rows of the feature matrix."""
        return rows_of(self.as_of)

    @property
    def latest_as_of(self) -> datetime:
        """The last moment that anyone is asked about."""
        return max(moment for moments in self.as_of.values() for moment in moments)


def event_table(versions: Iterable[EventVersion]) -> pa.Table:
    """Versions of events as the store gives them: each superseded by the next of its event, sorted by person."""
    by_event: dict[str, list[EventVersion]] = {}
    for version in versions:
        by_event.setdefault(version.event_id, []).append(version)
    rows = []
    for of_event in by_event.values():
        ordered = sorted(of_event, key=lambda version: version.known_at)
        for version, later in [*pairwise(ordered), (ordered[-1], None)]:
            rows.append({**vars(version), "superseded_at": later.known_at if later else FOREVER})
    rows.sort(key=lambda row: (row["person_id"] or "", row["known_at"], row["occurred_at"], row["event_id"]))
    return _table(rows, EVENTS)


def people_table(versions: Iterable[PersonVersion]) -> pa.Table:
    """Versions of people as the store gives them."""
    return _table(
        [{**vars(version), "valid_from": version.valid_from or version.known_at} for version in versions], PEOPLE
    )


def _table(rows: Sequence[Mapping[str, object]], schema: pa.Schema) -> pa.Table:
    return pa.table({field.name: _column([row.get(field.name) for row in rows], field.type) for field in schema})


def _column(values: list[object], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, type=pa.string()).dictionary_encode().cast(kind)
    return pa.array(values, type=kind)


def rows_of(as_of: Mapping[str, Sequence[datetime]]) -> PersonRows:
    """Rows for people and their moments."""
    people = sorted(as_of)
    moments = [sorted(microseconds(moment) for moment in as_of[person]) for person in people]
    return PersonRows(
        person_id=np.array(people, dtype=object),
        offsets=np.cumsum([0, *map(len, moments)]).astype(np.int64),
        as_of=np.array([moment for of_person in moments for moment in of_person], dtype=np.int64),
    )


# Strategies

_NUDGES = [timedelta(), timedelta(), timedelta(microseconds=1), timedelta(microseconds=-1)]
_HOURS = [timedelta(hours=hours) for hours in (-1, 1, 7.5, 17, 18, 23, 23.5)]
_DELAYS = [timedelta(days=days) for days in (0, 0, 0, 1, 2, 8, 40)] + [timedelta(microseconds=1), timedelta(days=-9)]
_PEOPLE = ("a", "b", "c")


def moments(first_day: int = -60, last_day: int = 40) -> st.SearchStrategy[datetime]:
    """Instants at or near whole days."""
    days = st.integers(first_day, last_day).map(lambda day: BASE + timedelta(days=day))
    return st.builds(lambda day, nudge: day + nudge, days, st.sampled_from(_NUDGES + _HOURS))


@st.composite
def events(draw: st.DrawFn, event_id: str, *, placed: bool = False) -> list[EventVersion]:
    """All versions of one event: known at once, late or beforehand; corrected up to twice, in any of its content.

    They are nowhere unless `placed`.
    """
    first = draw(_first_versions(event_id, placed))
    versions = [first]
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        later = versions[-1].known_at + draw(st.sampled_from(_DELAYS[3:8]))
        versions.append(
            replace(draw(st.one_of(st.just(versions[-1]), _first_versions(event_id, placed))), known_at=later)
        )
    return versions


def _first_versions(event_id: str, placed: bool) -> st.SearchStrategy[EventVersion]:
    return st.builds(
        lambda occurred_at, delay, lasts, **content: EventVersion(
            event_id=event_id,
            occurred_at=occurred_at,
            known_at=occurred_at + delay,
            ended_at=None if lasts is None else occurred_at + lasts,
            **content,
        ),
        lasts=st.sampled_from([None, None, timedelta(), timedelta(hours=30), timedelta(days=7), timedelta(days=60)]),
        occurred_at=moments(),
        delay=st.sampled_from(_DELAYS),
        person_id=st.sampled_from([*_PEOPLE, "a", "stranger", None]),
        source=st.sampled_from([*SOURCES, "unheard_of"]),
        code=st.sampled_from(["call", "visit"]),
        outcome=st.sampled_from([None, "missed", "attended"]),
        is_crisis=st.sampled_from([True, False, None]),
        premises=st.sampled_from([None, "public", "private"]),
        place_id=st.sampled_from([None, None, "here"] if placed else [None]),
        value=st.sampled_from([None, 0.0, 2.5, -1.0005, 1e9]),
        latitude=st.sampled_from([None, 52.48, 52.4899, -0.0001] if placed else [None]),
        longitude=st.sampled_from([None, -1.89, -1.8901] if placed else [None]),
    )


def people_versions() -> st.SearchStrategy[list[PersonVersion]]:
    """Some versions of some people, each moment of knowledge once for a person."""
    one = st.builds(
        PersonVersion,
        person_id=st.sampled_from([*_PEOPLE, "stranger"]),
        known_at=moments(),
        birth_year=st.sampled_from([None, 1950, 1999]),
        deprivation_decile=st.sampled_from([None, 1, 10]),
        sex=st.sampled_from([None, "female", "male", "other", "unknown"]),
    )
    return st.lists(one, max_size=6, unique_by=lambda version: (version.person_id, version.known_at))


def caseload_versions() -> st.SearchStrategy[list[CaseloadVersion]]:
    """Some caseloads, some of them said twice."""
    one = st.builds(
        lambda lasts, valid_from, **content: CaseloadVersion(
            valid_from=valid_from, valid_to=None if lasts is None else valid_from + lasts, **content
        ),
        lasts=st.sampled_from([None, timedelta(days=1), timedelta(days=20)]),
        person_id=st.sampled_from([*_PEOPLE, "stranger"]),
        team_id=st.sampled_from(["north", "south"]),
        valid_from=st.sampled_from([BASE + timedelta(days=days) for days in (-40, -8, 0, 3)]),
        known_at=moments(),
    )
    return st.lists(one, max_size=6, unique_by=lambda version: (version.person_id, version.known_at))


@st.composite
def histories(draw: st.DrawFn, *, most_events: int = 12) -> History:
    """A small history of a few people, some of them without any event, and moments to ask about, not all even."""
    count = draw(st.integers(0, most_events))
    versions = [version for number in range(count) for version in draw(events(f"e{number}", placed=True))]
    asked = st.lists(moments(-20, 45), min_size=0, max_size=6)
    as_of = {person: tuple(draw(asked)) for person in (*_PEOPLE, "nobody")}
    as_of["a"] = (*as_of["a"], BASE)
    return History(
        events=tuple(versions),
        people=tuple(draw(people_versions())),
        as_of=as_of,
        caseloads=tuple(draw(caseload_versions())),
    )
