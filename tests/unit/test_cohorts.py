from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.lib.histories import BASE, EventVersion, event_table
from tests.lib.reference_labels import PersonState, state_table

from crisisrisk.cohorts import Attrition, AttritionStep, CohortRule, PersonCohort, Stay, person_cohort
from crisisrisk.episodes import EpisodeRule
from crisisrisk.errors import RecipeError, TimeError
from crisisrisk.timeline import microseconds

DAY = timedelta(days=1)
RULE = EpisodeRule(sources=("crisis_line",))
MONDAYS = [BASE + 7 * week * DAY for week in range(3)]


def _event(
    person: str, days: float, *, late: float = 0.01, source: str = "mh_contact", **content: object
) -> EventVersion:
    at = BASE + days * DAY
    number = f"{person}{days}{source}"
    return EventVersion(
        event_id=number, person_id=person, occurred_at=at, known_at=at + late * DAY, source=source, **content
    )


def _cohort(
    events: Sequence[EventVersion],
    people: Sequence[PersonState] = (),
    as_of: Sequence[datetime] = MONDAYS,
    opted_out: Sequence[str] = (),
    **rule: object,
) -> PersonCohort:
    rule = {"unknown_age": "keep", **rule}
    return person_cohort(CohortRule(**rule), RULE, event_table(events), state_table(people), as_of, opted_out=opted_out)


def _state(cohort: PersonCohort, person: str) -> str:
    return dict(zip(cohort.states.person_id, cohort.states.state, strict=True))[person]


def test_rows_are_people_in_order_with_ascending_moments() -> None:
    rows = _cohort([_event("b", -9), _event("a", 8)], as_of=MONDAYS[::-1]).rows
    assert rows.person_id.tolist() == ["a", "b"]
    assert rows.offsets.tolist() == [0, 1, 4]
    assert rows.as_of.tolist() == [microseconds(at) for at in (MONDAYS[2], *MONDAYS)]


def test_someone_is_known_once_an_event_is_not_when_it_occurred() -> None:
    assert len(_cohort([_event("a", -30, late=40)]).rows) == 1
    assert len(_cohort([_event("a", 30, late=-60)]).rows) == 0  # a booking is not a contact yet


@pytest.mark.parametrize(
    ("person", "state"),
    [
        (PersonState(person_id="a", valid_from=BASE, known_at=BASE, died_at=BASE + 14 * DAY), "out_of_scope"),
        (PersonState(person_id="a", valid_from=BASE, known_at=BASE, died_at=BASE + 15 * DAY), "scored"),
        (PersonState(person_id="a", valid_from=BASE, known_at=BASE + 14 * DAY, died_at=BASE + 3 * DAY), "scored"),
        (PersonState(person_id="a", valid_from=BASE, known_at=BASE, valid_to=BASE + 9 * DAY), "out_of_scope"),
        (PersonState(person_id="a", valid_from=BASE, known_at=BASE, birth_year=2006), "scored"),
        (PersonState(person_id="a", valid_from=BASE, known_at=BASE, birth_year=2007), "under_18"),
        (PersonState(person_id="a", valid_from=BASE, known_at=BASE), "scored"),
    ],
)
def test_states_of_people(person: PersonState, state: str) -> None:
    assert _state(_cohort([_event("a", -9)], [person]), "a") == state


def test_only_a_person_row_is_no_data() -> None:
    cohort = _cohort([], [PersonState(person_id="a", valid_from=BASE, known_at=BASE - DAY)])
    assert _state(cohort, "a") == "no_data"
    assert len(cohort.rows) == 0


def test_a_short_history_is_no_data_and_an_old_one_out_of_scope() -> None:
    events = [_event("new", 0), _event("old", -300), _event("seen", -300), _event("seen", 10)]
    cohort = _cohort(events, minimum_history_days=28, seen_within_days=91)
    assert [_state(cohort, person) for person in ("new", "old", "seen")] == ["no_data", "out_of_scope", "scored"]


def test_a_crisis_in_the_last_week_is_pinned_even_with_a_short_history() -> None:
    cohort = _cohort([_event("a", 12, source="crisis_line")], minimum_history_days=91)
    assert _state(cohort, "a") == "in_crisis_episode"


@pytest.mark.parametrize(
    ("stay", "state"),
    [
        ([_event("a", -9, source="mh_admission")], "in_hospital"),
        ([_event("a", -9, source="mh_admission", ended_at=BASE + 13.9 * DAY)], "scored"),
        ([_event("a", -9, source="mh_admission", ended_at=BASE + 14 * DAY)], "in_hospital"),
        ([_event("a", -9, source="mh_admission"), _event("a", 3, source="mh_discharge")], "scored"),
        ([_event("a", -9, source="mh_admission"), _event("a", 3, source="mh_discharge", late=30)], "in_hospital"),
        ([_event("a", -12, source="mh_discharge"), _event("a", -9, source="mh_admission")], "in_hospital"),
        ([_event("a", -400, source="mh_admission")], "scored"),
    ],
)
def test_hospital_stays(stay: list[EventVersion], state: str) -> None:
    assert _state(_cohort(stay), "a") == state


CUSTODY = Stay(name="in_custody", sources=("custody",), codes=("remand",), ended_by=("release",), longest_open_days=90)


@pytest.mark.parametrize(
    ("stay", "state"),
    [
        ([_event("a", -9, source="custody", code="remand")], "out_of_scope"),
        ([_event("a", -9, source="custody", code="bail")], "scored"),
        ([_event("a", -9, source="custody", code="remand", ended_at=BASE + 13 * DAY)], "scored"),
        ([_event("a", -9, source="custody", code="remand"), _event("a", 3, source="release")], "scored"),
        ([_event("a", -9, source="custody", code="remand"), _event("a", 3, source="release", late=20)], "out_of_scope"),
        ([_event("a", -200, source="custody", code="remand")], "scored"),
        (
            [_event("a", -9, source="custody", code="remand"), _event("a", 12, source="crisis_line")],
            "in_crisis_episode",  # pinned above the list, wherever the person is
        ),
    ],
)
def test_nobody_is_listed_while_away(stay: list[EventVersion], state: str) -> None:
    cohort = _cohort(stay, excluded_while=(CUSTODY,))
    assert _state(cohort, "a") == state


def test_the_attrition_table_names_who_was_away() -> None:
    stay = _event("a", -9, source="custody", code="remand", ended_at=BASE + 8 * DAY)
    cohort = _cohort([stay, _event("b", -9)], excluded_while=(CUSTODY,))
    step = {row["step"]: row for row in cohort.attrition.as_rows()}["while_in_custody"]
    assert (step["meaning"], step["people"], step["rows"]) == ("in custody", 0, 2)


def test_a_recent_outcome_can_be_asked_for_and_only_a_known_one_counts() -> None:
    events = [
        _event("had", -30, source="crisis_line"), _event("long ago", -300, source="crisis_line"),
        _event("told late", -30, late=60, source="crisis_line"), _event("told late", -90),
        _event("never", -30),
    ]  # fmt: skip
    cohort = _cohort(events, outcome_within_days=91)
    assert cohort.rows.person_id.tolist() == ["had"]
    assert _state(cohort, "told late") == "out_of_scope"
    assert {row["step"]: row["rows"] for row in cohort.attrition.as_rows()}["no_recent_outcome"] == 9


def test_the_rule_survives_plain_values() -> None:
    rule = CohortRule(excluded_while=(CUSTODY,), outcome_within_days=365)
    assert CohortRule.from_plain(asdict(rule)) == rule


def test_who_opted_out_leaves_at_every_moment() -> None:
    cohort = _cohort([_event("a", -9), _event("b", -9)], opted_out=["b", "never heard of"])
    assert cohort.rows.person_id.tolist() == ["a"]
    assert _state(cohort, "b") == "opted_out"


def test_attrition_counts_rows_and_people_who_have_none_left() -> None:
    events = [_event("a", -9), _event("b", -9), _event("b", 6, source="crisis_line"), _event("c", -9)]
    dead = PersonState(person_id="c", valid_from=BASE, known_at=BASE - DAY, died_at=BASE - DAY)
    table = {row["step"]: row for row in _cohort(events, [dead]).attrition.as_rows()}
    assert (table["known"]["people_left"], table["known"]["rows_left"]) == (3, 9)
    assert (table["dead"]["people"], table["dead"]["rows"]) == (1, 3)
    assert (table["in_crisis_episode"]["people"], table["in_crisis_episode"]["rows"]) == (0, 1)
    assert (table["no_event"]["people_left"], table["no_event"]["rows_left"]) == (2, 5)


def test_tables_of_two_buckets_add_up_to_that_of_both() -> None:
    first, second = [_event("a", -9), _event("a", 6, source="crisis_line")], [_event("b", -3), _event("c", 8)]
    born = [PersonState(person_id="c", valid_from=BASE, known_at=BASE, birth_year=1980)]
    together = _cohort([*first, *second], born).attrition
    assert _cohort(first).attrition + _cohort(second, born).attrition == together
    assert [(note.people, note.rows) for note in together.notes] == [(2, 5)]


def test_the_printed_table_is_aligned() -> None:
    start = Attrition(1200, 34_567, (AttritionStep("dead", "died before the date", 3, 120),))
    later = Attrition(1197, 34_447, (AttritionStep("died", "died before the horizon ended", 1, 2),))
    assert start.then(later).as_text() == (
        "                                                people        rows   people left   rows left\n"
        "seen or registered before the date                                         1,200      34,567\n"
        "died before the date                                -3        -120         1,197      34,447\n"
        "died before the horizon ended                       -1          -2         1,196      34,445"
    )


def test_age_counts_the_year_in_which_someone_may_still_be_younger() -> None:
    person = PersonState(person_id="a", valid_from=BASE, known_at=BASE, birth_year=2007)
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    assert _state(_cohort([_event("a", -9)], [person], [new_year - DAY]), "a") == "under_18"
    assert _state(_cohort([_event("a", -9)], [person], [new_year]), "a") == "scored"
    assert _state(_cohort([_event("a", -9)], [person], minimum_age=0), "a") == "scored"


@pytest.mark.parametrize("people", [[], [PersonState(person_id="a", valid_from=BASE, known_at=BASE - 9 * DAY)]])
def test_who_may_be_a_child_is_left_out_unless_the_recipe_keeps_them(people: list[PersonState]) -> None:
    unasked = _cohort([_event("a", -9)], people, unknown_age="leave_out")
    assert (_state(unasked, "a"), len(unasked.rows)) == ("under_18", 0)
    step = {row["step"]: row for row in unasked.attrition.as_rows()}["unknown_age"]
    assert (step["meaning"], step["people"], step["rows"]) == ("year of birth unknown", 1, 3)
    assert [note.rows for note in unasked.attrition.notes] == [0]
    kept = _cohort([_event("a", -9)], people, unknown_age="keep")
    assert (_state(kept, "a"), len(kept.rows)) == ("scored", 3)
    assert [(note.name, note.rows) for note in kept.attrition.notes] == [("unknown_birth_year", 3)]
    assert _state(_cohort([_event("a", -9)], people, unknown_age="leave_out", minimum_age=0), "a") == "scored"
    assert CohortRule().unknown_age == "leave_out"


def test_a_crisis_of_somebody_of_unknown_age_is_still_told() -> None:
    crisis, stay = _event("a", 12, source="crisis_line"), _event("b", 3, source="mh_admission")
    cohort = _cohort([crisis, stay], unknown_age="leave_out")
    assert (_state(cohort, "a"), _state(cohort, "b")) == ("in_crisis_episode", "in_hospital")


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(RecipeError, match='unknown_age is "maybe"'):
        CohortRule(unknown_age="maybe")
    with pytest.raises(TimeError, match="CR-TIME-003"):
        _cohort([_event("a", 1)], as_of=[])
    with pytest.raises(RecipeError) as caught:
        CohortRule(seen_within_days=0)
    assert caught.value.rendered().splitlines()[:4] == [
        "error[CR-COHORT-001]: seen_within_days is 0",
        "  where   the cohort of the training recipe",
        "  wanted  a whole number of 1 or more",
        "  found   0",
    ]


def test_nobody_at_all() -> None:
    cohort = _cohort([])
    assert len(cohort.rows) == 0
    assert cohort.rows.offsets.tolist() == [0]
    assert cohort.attrition.rows == 0
    assert cohort.states.person_id.tolist() == np.array([]).tolist()
