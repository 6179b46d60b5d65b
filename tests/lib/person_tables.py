"""A history as a small table of text, and the value that one group of a recipe gives it.

    occurred          known             source       outcome
    2025-03-03 09:00  2025-03-04 12:00  crisis_line  -

All times are UTC; a known time of `=` is that of occurrence, `-` is an absent value. Rows with the same `id` are
versions of one event.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from crisisrisk.features.person import person_features
from crisisrisk.features.recipe import read_feature_recipe
from tests.lib.histories import (
    EventVersion,
    PersonVersion,
    event_table,
    people_table,
    rows_of,
)

SOURCES = ("ambulance_999", "crisis_line", "ed_attendance", "mh_contact", "mh_missed", "s136")
LONDON = ZoneInfo("Europe/London")


def moment(text: str) -> datetime:
    """`2025-03-03` or `2025-03-03 09:00`, with seconds and their fraction where they matter; UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def events_in(table: str) -> list[EventVersion]:
    """The versions of events that a table of text shows."""
    heads, *lines = [line.split("  ") for line in table.strip().splitlines()]
    names = [head.strip() for head in heads if head.strip()]
    return [_event(number, names, [cell.strip() for cell in line if cell.strip()]) for number, line in enumerate(lines)]


def _event(number: int, names: list[str], cells: list[str]) -> EventVersion:
    cell = dict(zip(names, cells, strict=True))
    occurred = moment(cell["occurred"])
    known = cell.get("known", "=")
    outcome = cell.get("outcome", "-")
    return EventVersion(
        event_id=cell.get("id", f"row {number}"),
        occurred_at=occurred,
        known_at=occurred if known == "=" else moment(known),
        source=cell.get("source", "crisis_line"),
        outcome=None if outcome == "-" else outcome,
        is_crisis=cell.get("crisis", "yes") == "yes",
    )


def feature(
    group: str, table: str, as_of: str, *, people: tuple[PersonVersion, ...] = (), zone: ZoneInfo = LONDON
) -> float:
    """The one feature of a group, for the person that the table is about."""
    text = f'[recipe]\nname = "one"\nsubject = "person"\n[[group]]\nname = "x"\n{group}'
    recipe = read_feature_recipe(text, sources=SOURCES)
    rows = rows_of({"a": [moment(as_of)]})
    matrix = person_features(recipe, event_table(events_in(table)), people_table(people), rows, zone=zone)
    assert matrix.shape == (1, 1)
    return float(matrix[0, 0])
