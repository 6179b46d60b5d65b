"""A recipe that asks for every registered aggregation in several shapes, and what the engine makes of a history."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crisisrisk.features.aggregations import PERSON
from crisisrisk.features.person import person_features
from crisisrisk.features.recipe import read_feature_recipe
from tests.lib.histories import SOURCES, EventVersion, History, event_table
from tests.lib.reference_person_features import reference_features

LONDON = ZoneInfo("Europe/London")
OF_FACTS = [name for name, one in PERSON.items() if one.fact]
OF_WEEKS = [name for name, one in PERSON.items() if one.lookback == "weeks"]
OF_EVENTS = [name for name in PERSON if name not in (*OF_FACTS, *OF_WEEKS)]
RECIPE = read_feature_recipe(
    f"""
[recipe]
name = "every_aggregation"
subject = "person"
[[group]]
name = "each"
sources = "all"
each = true
aggregations = ["count", "days_since_last", "distinct_days", "share_out_of_hours", "trend"]
lookback_days = [1, 8, 28, "ever"]
short_days = 8
[[group]]
name = "together"
sources = ["crisis_line", "s136", "ed_attendance"]
aggregations = {OF_EVENTS}
lookback_days = [1, 8, 28, "ever"]
short_days = 1
gap_days = 7
other_sources = ["mh_contact"]
if_none = {{ count = "not known", distinct_sources = -1, trend = 0.5, share_out_of_hours = 2, mean_gap = -7 }}
[[group]]
name = "some"
sources = "all"
where = {{ outcome = ["missed", "attended"], is_crisis = [true] }}
aggregations = {OF_EVENTS}
lookback_days = [2, 28]
short_days = 1
gap_days = 2
other_sources = ["s136", "crisis_line"]
if_none = 9
[[group]]
name = "stays"
sources = ["ed_attendance", "s136"]
aggregations = {[name for name in OF_EVENTS if PERSON[name].takes_gap_days and not PERSON[name].takes_other]}
lookback_days = [8, "ever"]
gap_days = 20
[[group]]
name = "by_week"
sources = "all"
aggregations = {OF_WEEKS}
lookback_days = [14, 28, 56]
[[group]]
name = "last_week"
sources = "all"
aggregations = ["count_in_week"]
lookback_days = [7]
[[group]]
name = "person"
aggregations = {OF_FACTS}
lookback_days = [20, "ever"]
if_none = {{ age = -1, deprivation_decile = 99, months_known = -3, on_caseload = 5 }}
""",
    sources=SOURCES,
)


def features(history: History, *, events: Sequence[EventVersion] | None = None) -> NDArray[np.float32]:
    table = history.event_table if events is None else event_table(events)
    return person_features(
        RECIPE, table, history.people_table, history.rows, zone=LONDON, caseloads=history.caseload_table
    )


def assert_equal(found: NDArray[np.float32], history: History) -> None:
    """Cell by cell to the bit, and the columns named that are not."""
    wanted = reference_features(RECIPE, history, zone=LONDON)
    same = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    wrong = [(RECIPE.names[column], found[row, column], wanted[row, column]) for row, column in np.argwhere(~same)]
    assert wrong == []
