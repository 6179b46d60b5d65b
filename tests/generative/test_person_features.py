"""The compiled scan against the slow and obvious one, on invented histories; and what must never change a feature."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.lib.every_aggregation import LONDON, RECIPE, assert_equal, features
from tests.lib.histories import (
    BASE,
    SOURCES,
    CaseloadVersion,
    EventVersion,
    History,
    PersonVersion,
    event_table,
    histories,
    moments,
    people_table,
    rows_of,
)
from tests.lib.many_histories import HistoryMaker
from tests.lib.reference_person_features import reference_features

from crisisrisk.features.person import PersonHistories, person_event_columns, person_features
from crisisrisk.features.person_scan import scan_people
from crisisrisk.timeline import microseconds

HISTORIES = histories()


@settings(max_examples=120, deadline=None)
@given(HISTORIES)
def test_the_scan_equals_the_definition_to_the_bit(history: History) -> None:
    assert_equal(features(history), history)


@settings(max_examples=40, deadline=None)
@given(HISTORIES)
def test_one_person_and_one_moment_alone_are_the_batch_to_the_bit(history: History) -> None:
    whole, row = features(history), 0
    for person in sorted(history.as_of):
        for as_of in sorted(history.as_of[person]):
            alone = features(replace(history, as_of={person: (as_of,)}))
            assert alone.tobytes() == whole[row : row + 1].tobytes()
            row += 1


@settings(max_examples=40, deadline=None)
@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_events_and_the_number_of_threads_do_not_matter(history: History, random: st.DataObject) -> None:
    order = list(range(len(history.event_table)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = history.event_table.take(pa.array(order, type=pa.int64()))
    mixed = person_features(
        RECIPE, shuffled, history.people_table, history.rows, zone=LONDON, threads=3, caseloads=history.caseload_table
    )
    assert mixed.tobytes() == features(history).tobytes()


@settings(max_examples=60, deadline=None)
@given(HISTORIES, st.data())
def test_nothing_known_at_or_after_the_as_of_moment_changes_a_feature(history: History, data: st.DataObject) -> None:
    as_of = history.latest_as_of
    before = features(history)
    known = [version for version in history.events if version.known_at < as_of]
    later = [version for version in history.events if version.known_at >= as_of]
    kept = [_changed(version, data) for version in later if data.draw(st.booleans())]
    inserted = [
        EventVersion(event_id=f"new{number}", occurred_at=data.draw(moments()), known_at=as_of + delay)
        for number, delay in enumerate(
            data.draw(st.lists(st.sampled_from([timedelta(), timedelta(days=3)]), max_size=3))
        )
    ]
    corrected = [replace(version, known_at=as_of, source="s136") for version in known if data.draw(st.booleans())]
    people = [one if one.known_at < as_of else replace(one, birth_year=1901) for one in history.people]
    new_person = [PersonVersion(person_id=person, known_at=as_of, birth_year=1900) for person in history.as_of]
    teams = [one for one in history.caseloads if one.known_at < as_of]
    new_team = [
        CaseloadVersion(person_id=person, team_id="north", valid_from=BASE, known_at=as_of) for person in history.as_of
    ]
    rewritten = History(
        (*known, *kept, *inserted, *corrected), (*people, *new_person), history.as_of, (*teams, *new_team)
    )
    assert features(rewritten).tobytes() == before.tobytes()


def _changed(version: EventVersion, data: st.DataObject) -> EventVersion:
    """Another time of occurrence, source and person; still known when it was."""
    return replace(version, occurred_at=data.draw(moments()), source="s136", person_id="b")


@settings(max_examples=60, deadline=None)
@given(HISTORIES, st.sampled_from(SOURCES))
def test_an_event_known_a_microsecond_before_the_as_of_moment_does_change_features(
    history: History, source: str
) -> None:
    as_of = max(history.as_of["a"])
    occurred = as_of - timedelta(days=1)
    seen = EventVersion(
        event_id="seen", occurred_at=occurred, known_at=as_of - timedelta(microseconds=1), source=source
    )
    unseen = replace(seen, known_at=as_of)
    before = features(history)
    assert features(history, events=(*history.events, unseen))[_rows_until(history, as_of)].tobytes() == (
        before[_rows_until(history, as_of)].tobytes()
    )
    after = features(history, events=(*history.events, seen))
    column = RECIPE.names.index(f"{source}_count_in_1_days")
    row = len(history.as_of["a"]) - 1
    assert after[row, column] == before[row, column] + 1


def _rows_until(history: History, as_of: datetime) -> NDArray[np.bool_]:
    return history.rows.as_of <= microseconds(as_of)


@settings(max_examples=40, deadline=None)
@given(HISTORIES)
def test_the_columns_named_are_all_that_is_read(history: History) -> None:
    narrow = history.event_table.select(person_event_columns(RECIPE))
    found = person_features(
        RECIPE, narrow, history.people_table, history.rows, zone=LONDON, caseloads=history.caseload_table
    )
    assert found.tobytes() == features(history).tobytes()


# When it became known, not when it occurred


def late_history(share_late: float) -> History:
    """Thirty people with half a year of contacts, some of them known between two days and ten weeks late."""
    generator = np.random.default_rng(20)
    versions, as_of = [], {}
    for number in range(30):
        person = f"p{number:03}"
        as_of[person] = [BASE + timedelta(days=7 * week) for week in range(8)]
        for event in range(20):
            occurred = BASE + timedelta(days=float(generator.uniform(-120, 80)))
            late = generator.random() < share_late
            delay = timedelta(days=float(generator.uniform(2, 70))) if late else timedelta(hours=1)
            source = SOURCES[generator.integers(len(SOURCES))]
            versions.append(
                EventVersion(
                    event_id=f"{person}-{event}",
                    person_id=person,
                    occurred_at=occurred,
                    known_at=occurred + delay,
                    source=source,
                )
            )
    return History(tuple(versions), (), as_of)


def test_using_occurred_at_in_place_of_known_at_would_be_noticed() -> None:
    history = late_history(0.12)
    late = [version.known_at - version.occurred_at > timedelta(days=1) for version in history.events]
    assert np.mean(late) >= 0.10
    wanted = reference_features(RECIPE, history, zone=LONDON)
    assert_equal(features(history), history)

    as_if_known_at_once = [replace(version, known_at=version.occurred_at) for version in history.events]
    wrong = features(history, events=as_if_known_at_once)
    differing = np.mean(np.any(~np.isclose(wrong, wanted, equal_nan=True), axis=1))
    assert differing > 0.3, "an engine that reads occurred_at for known_at would pass for the right one"


# Sizes that invented histories do not reach


@pytest.mark.parametrize("people", [1, 40])
def test_many_events_of_one_person_in_many_rows(people: int) -> None:
    """Long histories out of order, most of them corrected: the sort gives up on nearness, the grid is uneven."""
    generator = np.random.default_rng(3)
    versions = []
    for number in range(600):
        occurred = BASE + timedelta(days=float(generator.uniform(-60, 60)))
        version = EventVersion(
            event_id=f"e{number}",
            person_id=f"p{generator.integers(people):03}",
            occurred_at=occurred,
            known_at=occurred + timedelta(days=float(generator.uniform(-30, 60))),
            source=SOURCES[generator.integers(len(SOURCES))],
        )
        versions += [version, replace(version, known_at=version.known_at + timedelta(days=9), source="s136")]
    as_of = {
        f"p{person:03}": [
            BASE + timedelta(days=float(day)) for day in generator.uniform(-30, 90, 30 // people + 1) ** 1
        ]
        for person in range(people)
    }
    history = History(tuple(versions), (), as_of)
    assert_equal(features(history), history)


def test_nobody_and_nothing() -> None:
    assert person_features(RECIPE, event_table(()), people_table(()), rows_of({}), zone=LONDON).shape == (
        0,
        len(RECIPE.specs),
    )
    alone = person_features(RECIPE, event_table(()), people_table(()), rows_of({"a": [BASE]}), zone=LONDON)
    of_calendar = {column for column, spec in enumerate(RECIPE.specs) if spec.aggregation.startswith("season")}
    for column in set(range(len(RECIPE.specs))) - of_calendar:
        np.testing.assert_array_equal(alone[0, column], np.float32(RECIPE.specs[column].if_none))


def test_the_scan_is_compiled_once_whatever_it_is_given() -> None:
    """A second compilation would hold up the first question that a service is asked by seconds."""
    history = late_history(0.1)
    features(history)
    features(replace(history, as_of={"p001": (BASE,)}))
    features(History((), (), {}))
    shuffled = history.event_table.take(pa.array(np.random.default_rng(1).permutation(len(history.events))))
    person_features(RECIPE, shuffled, history.people_table, history.rows, zone=LONDON)
    halves = pa.concat_tables([history.event_table.slice(0, 100), history.event_table.slice(100)])
    person_features(RECIPE, halves, history.people_table, history.rows, zone=LONDON)
    assert len(scan_people.signatures) == 1


# By the thousand


@pytest.mark.parametrize("seed", range(20))
def test_two_thousand_histories_equal_the_definition_to_the_bit(seed: int) -> None:
    """A longer run: `make equality HISTORIES=100000`."""
    history = HistoryMaker(seed).batch(100)
    assert_equal(features(history), history)


def test_a_person_asked_alone_at_one_moment_is_the_batch_to_the_bit() -> None:
    history = HistoryMaker(99).batch(60)
    whole = features(history)
    ready = PersonHistories(
        RECIPE, history.event_table, history.people_table, history.rows.person_id, zone=LONDON,
        caseloads=history.caseload_table,
    )  # fmt: skip
    rows = history.rows
    for person in range(len(rows.person_id)):
        for row in range(rows.offsets[person], rows.offsets[person + 1]):
            alone = ready.features_of(person, rows.as_of[row : row + 1])
            assert alone.tobytes() == whole[row : row + 1].tobytes()
        all_rows = slice(rows.offsets[person], rows.offsets[person + 1])
        assert ready.features_of(person, rows.as_of[all_rows]).tobytes() == whole[all_rows].tobytes()
