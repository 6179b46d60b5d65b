"""What counts as demand: the engine beside its slow definition, and nothing known later changes what counted."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.histories import BASE, EventVersion, event_table
from tests.lib.reference_place_demand import counted_at
from tests.lib.reference_place_features import FAR, MIDDLE, NEIGHBOUR, SECOND, hexagons, site_of

from crisisrisk.episodes import EpisodeRule, instants_of
from crisisrisk.features.counting import CountingRule
from crisisrisk.features.place_demand import demand_of
from crisisrisk.timeline import FOREVER_US, microseconds

SITE = site_of()
CELLS = hexagons(MIDDLE, NEIGHBOUR, SECOND, FAR)
CELLS = replace(CELLS, population=np.array([{MIDDLE: 900.0, SECOND: 499.0}.get(cell, np.nan) for cell in CELLS.ids]))
OUTCOME = EpisodeRule(sources=("crisis_line", "s136"))
SOURCES = ("crisis_line", "s136", "mh_contact")


def _version(event: int) -> st.SearchStrategy[EventVersion]:
    """Few people, places and minutes, so that contacts meet."""
    return st.builds(
        lambda minutes, late, **content: EventVersion(
            event_id=f"event {event}",
            occurred_at=BASE + timedelta(minutes=minutes),
            known_at=BASE + timedelta(minutes=minutes + late),
            source=SOURCES[event % 3],
            **content,
        ),
        minutes=st.sampled_from([0, 5, 10, 14, 15, 25, 1440, 1441, 2880, 4320]),
        late=st.sampled_from([0, 0, 1, 30, 3000]),
        person_id=st.sampled_from(["a", "a", "b", None]),
        place_id=st.sampled_from([MIDDLE, MIDDLE, NEIGHBOUR, SECOND, FAR, "nowhere"]),
        premises=st.sampled_from([None, "public", "private"]),
        origin=st.sampled_from([None, "public", "public", "team_initiated"]),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[EventVersion]:
    versions = []
    for event in range(draw(st.integers(1, 9))):
        first = draw(_version(event))
        versions.append(first)
        for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
            after = versions[-1].known_at + timedelta(minutes=draw(st.sampled_from([1, 20, 2000])))
            versions.append(replace(draw(_version(event)), known_at=after))
    return versions


RULES = st.builds(
    CountingRule,
    most_per_person=st.sampled_from([0, 1, 2]),
    per_days=st.sampled_from([1, 3]),
    duplicate_minutes=st.sampled_from([0, 10, 15]),
    duplicates=st.sampled_from(["every", "one_each"]),
)


def counted(table: pa.Table, counting: CountingRule, moment: datetime) -> list[tuple[int, str, str]]:
    """When, of which source and in which cell: of all that counts at a moment."""
    events = demand_of(table, CELLS, SITE, outcome=OUTCOME, counting=counting).events
    at = microseconds(moment)
    known, superseded = (instants_of(events, name, missing=FOREVER_US) for name in ("known_at", "superseded_at"))
    live = events.filter(pa.array((known < at) & (at <= superseded)))
    columns = (
        instants_of(live, "occurred_at", missing=0).tolist(),
        *(live[one].to_pylist() for one in ("source", "place_id")),
    )
    return sorted(zip(*columns, strict=True))


def defined(versions: list[EventVersion], counting: CountingRule, moment: datetime) -> list[tuple[int, str, str]]:
    found = counted_at(versions, moment, cells=CELLS, counting=counting, outcome={"crisis_line", "s136"})
    return sorted((microseconds(one.version.occurred_at), one.version.source, one.cell) for one in found)


MOMENTS = st.sampled_from([1, 6, 11, 16, 26, 35, 1445, 2000, 2900, 4321, 9000])


@settings(max_examples=150, deadline=None)
@given(versions=histories(), counting=RULES, minutes=MOMENTS)
def test_what_counts_is_what_the_definition_says(
    versions: list[EventVersion], counting: CountingRule, minutes: int
) -> None:
    moment = BASE + timedelta(minutes=minutes)
    assert counted(event_table(versions), counting, moment) == defined(versions, counting, moment)


@settings(max_examples=75, deadline=None)
@given(versions=histories(), others=histories(), counting=RULES, minutes=MOMENTS)
def test_what_counts_at_a_moment_is_not_changed_by_what_is_known_later(
    versions: list[EventVersion], others: list[EventVersion], counting: CountingRule, minutes: int
) -> None:
    moment = BASE + timedelta(minutes=minutes)
    later = [
        replace(one, event_id=f"later {one.event_id}", known_at=max(one.known_at, moment + timedelta(minutes=number)))
        for number, one in enumerate(others)
    ]
    before = [one for one in versions if one.known_at < moment]
    table = event_table([*versions, *later])
    assert counted(table, counting, moment) == (counted(event_table(before), counting, moment) if before else [])


@settings(max_examples=40, deadline=None)
@given(versions=histories(), counting=RULES, seed=st.integers(0, 2**32 - 1))
def test_the_order_of_the_table_does_not_matter(
    versions: list[EventVersion], counting: CountingRule, seed: int
) -> None:
    table = event_table(versions)
    mixed = table.take(pa.array(np.random.default_rng(seed).permutation(len(table))))
    moment = BASE + timedelta(days=10)
    assert counted(mixed, counting, moment) == counted(table, counting, moment)
