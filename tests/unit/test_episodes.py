from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.lib.histories import BASE, EventVersion, event_table

from crisisrisk.episodes import (
    EpisodeRule,
    crisis_mask,
    doors_of,
    event_times,
    in_episode,
    live_counts,
    onsets,
    outcome_sources,
    people_of,
)
from crisisrisk.errors import DataError, RecipeError
from crisisrisk.timeline import microseconds

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
RULE = EpisodeRule(sources=("crisis_line",))


def _event(occurred_at: datetime, *, number: int = 1, late: timedelta = TICK, **content: object) -> EventVersion:
    return EventVersion(event_id=f"e{number}", occurred_at=occurred_at, known_at=occurred_at + late, **content)


@pytest.mark.parametrize(
    ("days", "starts"),
    [
        ([0], [True]),
        ([0, 7], [True, True]),
        ([0, 6.999999], [True, False]),
        ([0, 5, 10, 17], [True, False, False, True]),
        ([3, 3], [True, False]),
    ],
)
def test_an_episode_starts_after_a_whole_gap(days: list[float], starts: list[bool]) -> None:
    occurred_at = np.array([microseconds(BASE + day * DAY) for day in days])
    found = onsets(np.array([0, len(days)]), occurred_at, stable_gap_us=RULE.stable_gap_us)
    assert found.tolist() == starts


def test_each_person_has_their_own_episodes() -> None:
    occurred_at = np.array([microseconds(BASE + day * DAY) for day in (0, 1, 2, 3)])
    # The second of four people has no crisis event.
    found = onsets(np.array([0, 2, 2, 3, 4]), occurred_at, stable_gap_us=RULE.stable_gap_us)
    assert found.tolist() == [True, False, True, True]
    assert onsets(np.array([0, 0]), occurred_at[:0], stable_gap_us=RULE.stable_gap_us).tolist() == []


@pytest.mark.parametrize(
    ("as_of", "inside"),
    [
        (BASE, False),  # what occurs at as_of lies in the label window
        (BASE + TICK, False),  # not known yet
        (BASE + 2 * TICK, True),
        (BASE + 7 * DAY - TICK, True),
        (BASE + 7 * DAY, False),  # a crisis event now would start a new episode
    ],
)
def test_in_an_episode_as_known(as_of: datetime, inside: bool) -> None:
    times = event_times(event_table([_event(BASE)]), np.array(["a"], dtype=object))
    assert in_episode(RULE, times, 1, np.array([microseconds(as_of)])).tolist() == [[inside]]


def test_a_crisis_known_late_and_then_withdrawn() -> None:
    first = _event(BASE, late=2 * DAY)
    moved = EventVersion(event_id="e1", occurred_at=BASE - 30 * DAY, known_at=BASE + 4 * DAY)
    times = event_times(event_table([first, moved]), np.array(["a"], dtype=object))
    moments = np.array([microseconds(BASE + day * DAY) for day in range(6)])
    assert in_episode(RULE, times, 1, moments)[0].tolist() == [False, False, False, True, True, False]


def test_live_counts_at_the_edges_of_a_lookback() -> None:
    table = event_table([_event(BASE, number=1), _event(BASE + DAY, number=2, late=-DAY), _event(BASE, number=3)])
    times = event_times(table, people_of(table))
    moments = np.array([microseconds(BASE + after) for after in (TICK, 2 * TICK, DAY, DAY + TICK, 2 * DAY, 3 * DAY)])
    week = live_counts(times, 1, moments, lookback_us=86_400_000_000)
    assert week.tolist() == [[0, 2, 2, 1, 1, 0]]
    assert live_counts(times, 1, moments, lookback_us=None).tolist() == [[0, 2, 2, 3, 3, 3]]


@pytest.mark.parametrize(
    ("rule", "counted"),
    [
        (EpisodeRule(sources=("s136",)), [True, False, False, False, False]),
        (EpisodeRule(codes=(("crisis_line", ("call",)),)), [False, True, False, True, False]),
        (EpisodeRule(outcomes=(("crisis_line", ("attended",)),)), [False, True, True, False, False]),
        (
            EpisodeRule(codes=(("crisis_line", ("call",)),), outcomes=(("crisis_line", ("attended",)),)),
            [False, True, False, False, False],
        ),
        (EpisodeRule(crisis_flag=True), [False, False, False, False, True]),
        (EpisodeRule(sources=("s136", "crisis_line"), origins=("public",)), [True, False, False, False, False]),
        (EpisodeRule(sources=("s136", "mh_contact"), modes=("attendance",)), [False, False, False, False, True]),
        (EpisodeRule(crisis_flag=True, modes=("s136", "attendance")), [False, False, False, False, True]),
    ],
)
def test_what_counts_as_a_crisis(rule: EpisodeRule, counted: list[bool]) -> None:
    kinds = [
        {"source": "s136", "origin": "public", "is_crisis": None},
        {"code": "call", "outcome": "attended", "is_crisis": False},
        {"code": "text", "outcome": "attended", "is_crisis": False},
        {"code": "call", "outcome": None, "is_crisis": None},
        {"source": "mh_contact", "is_crisis": True, "mode": "attendance"},
    ]
    table = event_table([_event(BASE + n * DAY, number=n, **kind) for n, kind in enumerate(kinds)])
    assert crisis_mask(rule, table).tolist() == counted


def test_sources_that_carry_the_outcome() -> None:
    table = event_table([_event(BASE, source="mh_contact"), _event(BASE, number=2, is_crisis=False)])
    assert outcome_sources(EpisodeRule(crisis_flag=True), table) == ("mh_contact",)
    assert outcome_sources(EpisodeRule(codes=(("s136", ("x",)),), crisis_flag=True), table) == ("mh_contact", "s136")


def test_impossible_rules_are_refused() -> None:
    with pytest.raises(RecipeError) as caught:
        EpisodeRule()
    assert caught.value.rendered() == (
        "error[CR-COHORT-001]: no event could be a crisis event\n"
        "  where   the outcome of the training recipe\n"
        "  wanted  sources, codes, outcomes or crisis_flag = true, and a gap of 0 days or more\n"
        "  found   no sources, codes, outcomes or crisis_flag\n"
        "  hint    see docs/reference/errors.md#cr-cohort-001"
    )
    with pytest.raises(RecipeError, match="CR-COHORT-001"):
        EpisodeRule(crisis_flag=True, stable_gap_days=-1)


def test_a_table_without_the_column_is_named() -> None:
    table = event_table([_event(BASE)]).drop_columns(["source"])
    with pytest.raises(DataError) as caught:
        crisis_mask(RULE, table)
    assert (caught.value.code, caught.value.problem) == ("CR-COHORT-002", 'a table has no column "source"')


def test_tables_of_several_chunks_and_none() -> None:
    import pyarrow as pa

    table = event_table([_event(BASE)])
    other = event_table([_event(BASE, number=2, source="s136", person_id="b")])
    both = pa.concat_tables([table, other])
    ids = people_of(both)
    assert ids.tolist() == ["a", "b"]
    assert event_times(both, ids).person.tolist() == [0, 1]
    assert crisis_mask(EpisodeRule(sources=("s136",)), both).tolist() == [False, True]
    assert len(event_times(table.slice(0, 0), ids)) == 0
    assert people_of(table.slice(0, 0)).tolist() == []


DOORS = (("emergency_department", ("ed_attendance",)), ("police", ("s136", "ed_attendance:brought_by_police")))


def _arrivals() -> pa.Table:
    named = [
        ("s136", "call"),
        ("ed_attendance", "call"),
        ("ed_attendance", "brought_by_police"),
        ("crisis_line", "call"),
    ]
    return event_table(
        EventVersion(event_id=str(number), occurred_at=BASE, known_at=BASE, source=source, code=code)
        for number, (source, code) in enumerate(named)
    )


def test_one_code_of_a_source_goes_before_the_source_and_what_no_door_names_is_other() -> None:
    doors = doors_of(EpisodeRule(crisis_flag=True, doors=DOORS), _arrivals())
    assert [doors.names[number] for number in doors.number] == ["police", "emergency_department", "police", "other"]


def test_without_doors_each_source_is_one() -> None:
    doors = doors_of(EpisodeRule(crisis_flag=True), _arrivals())
    assert [doors.names[number] for number in doors.number] == ["s136", "ed_attendance", "ed_attendance", "crisis_line"]


def test_a_rule_may_look_at_some_doors_only() -> None:
    rule = EpisodeRule(sources=("crisis_line", "s136"), crisis_flag=True, doors=DOORS, only_doors=("police",))
    assert crisis_mask(rule, _arrivals()).tolist() == [True, False, True, False]
    # What comes by other doors need not be complete.
    assert outcome_sources(rule, _arrivals()) == ("ed_attendance", "s136")


def test_a_door_that_nobody_named_is_refused() -> None:
    with pytest.raises(RecipeError, match='no door is named "police"'):
        EpisodeRule(crisis_flag=True, only_doors=("police",))
