"""A history as a small table of text, and the value that one group of a recipe gives it.

    occurred          known             source       outcome
    2025-03-03 09:00  2025-03-04 12:00  crisis_line  -

All times are UTC; a known time of `=` is that of occurrence, `-` is an absent value. Rows with the same `id` are
versions of one event. Columns are two spaces or more apart.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from crisisrisk.cohorts import PersonRows
from crisisrisk.features.aggregations.declared import Example
from crisisrisk.features.person import person_features
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.timeline import FOREVER, microseconds

SOURCES = ("ambulance_999", "crisis_line", "ed_attendance", "mh_admission", "mh_contact", "mh_discharge", "mh_missed",
           "s136")  # fmt: skip
LONDON = ZoneInfo("Europe/London")
SOMEBODY = "a"

_INSTANT = pa.timestamp("us", tz="UTC")
EVENTS = pa.schema(
    [
        ("event_id", pa.string()),
        ("person_id", pa.string()),
        *((name, _INSTANT) for name in ("occurred_at", "known_at", "superseded_at")),
        *((name, pa.string()) for name in ("source", "code", "outcome", "origin", "mode", "premises", "place_id")),
        ("is_crisis", pa.bool_()),
        ("ended_at", _INSTANT),
        *((name, pa.float64()) for name in ("value", "latitude", "longitude")),
    ]
)
PEOPLE = pa.schema(
    [
        ("person_id", pa.string()),
        ("known_at", _INSTANT),
        ("valid_from", _INSTANT),
        ("birth_year", pa.int32()),
        ("deprivation_decile", pa.int32()),
        ("sex", pa.string()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class EventVersion:
    """What an agency said of one contact, and when that became known."""

    event_id: str
    occurred_at: datetime
    known_at: datetime
    person_id: str | None = SOMEBODY
    source: str = "crisis_line"
    code: str = "call"
    outcome: str | None = None
    origin: str | None = None
    mode: str | None = None
    premises: str | None = None
    place_id: str | None = None
    is_crisis: bool | None = True
    ended_at: datetime | None = None
    value: float | None = None
    latitude: float | None = None
    longitude: float | None = None


def moment(text: str) -> datetime:
    """`2025-03-03` or `2025-03-03 09:00`, with seconds and their fraction where they matter; UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def events_in(table: str) -> list[EventVersion]:
    """The versions of events that a table of text shows."""
    heads, *lines = [re.split(r"\s{2,}", line.strip()) for line in table.strip().splitlines()]
    return [_event(number, dict(zip(heads, line, strict=True))) for number, line in enumerate(lines)]


def _event(number: int, cell: Mapping[str, str]) -> EventVersion:
    def said(name: str) -> str | None:
        return None if cell.get(name, "-") == "-" else cell[name]

    def number_of(name: str) -> float | None:
        text = said(name)
        return None if text is None else float(text)

    occurred, ended = moment(cell["occurred"]), said("ended")
    known = cell.get("known", "=")
    return EventVersion(
        event_id=cell.get("id", f"row {number}"),
        occurred_at=occurred,
        known_at=occurred if known == "=" else moment(known),
        source=cell.get("source", "crisis_line"),
        outcome=said("outcome"),
        premises=said("premises"),
        place_id=said("place_id"),
        is_crisis=cell.get("crisis", "yes") == "yes",
        ended_at=None if ended is None else moment(ended),
        value=number_of("value"),
        latitude=number_of("latitude"),
        longitude=number_of("longitude"),
    )


def stored_events(versions: Iterable[EventVersion]) -> pa.Table:
    """As the store gives them: each version superseded by the next of its event, in order of when they were known."""
    by_event: dict[str, list[EventVersion]] = {}
    for version in versions:
        by_event.setdefault(version.event_id, []).append(version)
    rows = []
    for of_event in by_event.values():
        ordered = sorted(of_event, key=lambda version: version.known_at)
        for version, later in [*pairwise(ordered), (ordered[-1], None)]:
            rows.append({**vars(version), "superseded_at": later.known_at if later else FOREVER})
    rows.sort(key=lambda row: (row["person_id"] or "", row["known_at"], row["occurred_at"], row["event_id"]))
    return pa.Table.from_pylist(rows, schema=EVENTS)


def one_row(as_of: datetime) -> PersonRows:
    """Somebody, at one moment."""
    as_of_us = np.array([microseconds(as_of)], dtype=np.int64)
    return PersonRows(np.array([SOMEBODY], dtype=object), np.array([0, 1], dtype=np.int64), as_of_us)


def recipe_of(group: str, *, sources: Sequence[str] = SOURCES) -> FeatureRecipe:
    """A recipe of one group."""
    text = f'[recipe]\nname = "one"\nsubject = "person"\n[[group]]\nname = "x"\n{group}'
    return read_feature_recipe(text, sources=sources)


def value_in(example: Example, *, zone: ZoneInfo = LONDON) -> float:
    """What the engine makes of an example."""
    long_ago = moment("2025-01-01")
    state = {"person_id": SOMEBODY, "known_at": long_ago, "valid_from": long_ago, **example.people}
    people = [state] if example.people else []
    table = pa.Table.from_pylist(people, schema=PEOPLE)
    events, rows = stored_events(events_in(example.table)), one_row(moment(example.as_of))
    return float(person_features(recipe_of(example.group), events, table, rows, zone=zone)[0, 0])
