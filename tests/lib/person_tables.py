"""A history as a small table of text, and the value that one group of a recipe gives it; see features/examples.py."""

from zoneinfo import ZoneInfo

from crisisrisk.features.examples import LONDON, SOURCES, events_in, moment, recipe_of, stored_events
from crisisrisk.features.person import person_features
from tests.lib.histories import PersonVersion, people_table, rows_of

__all__ = ["LONDON", "SOURCES", "events_in", "feature", "moment"]


def feature(
    group: str, table: str, as_of: str, *, people: tuple[PersonVersion, ...] = (), zone: ZoneInfo = LONDON
) -> float:
    """The one feature of a group, for the person that the table is about."""
    rows = rows_of({"a": [moment(as_of)]})
    matrix = person_features(recipe_of(group), stored_events(events_in(table)), people_table(people), rows, zone=zone)
    assert matrix.shape == (1, 1)
    return float(matrix[0, 0])
