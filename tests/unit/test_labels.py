from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from tests.lib.histories import BASE, EventVersion, event_table
from tests.lib.reference_labels import PersonState, state_table

from crisisrisk.cohorts import CohortRule, person_cohort
from crisisrisk.episodes import EpisodeRule
from crisisrisk.errors import DataError, RecipeError, TimeError
from crisisrisk.labels import DoorCount, Labels, doors_added, onset_labels
from crisisrisk.timeline import microseconds

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
RULE = EpisodeRule(sources=("crisis_line",))
FAR = BASE + 400 * DAY
SEEN = EventVersion(event_id="seen", occurred_at=BASE - 90 * DAY, known_at=BASE - 89 * DAY, source="mh_contact")


def _labels(
    events: Sequence[EventVersion],
    people: Sequence[PersonState] = (),
    *,
    as_of: datetime = BASE,
    complete_to: datetime = FAR,
    cut_off: datetime = FAR,
    rule: EpisodeRule = RULE,
    **settings: object,
) -> Labels:
    table, states = event_table([SEEN, *events]), state_table(people)
    rows = person_cohort(CohortRule(unknown_age="keep"), rule, table, states, [as_of]).rows
    return onset_labels(
        rule, table, states, rows, **{"horizon_days": 28, **settings},
        complete_to_us={"crisis_line": microseconds(complete_to)}, cut_off_us=microseconds(cut_off),
    )  # fmt: skip


def _crisis(at: datetime, *, known_at: datetime | None = None, event_id: str = "e") -> EventVersion:
    return EventVersion(event_id=event_id, occurred_at=at, known_at=known_at or at + TICK)


@pytest.mark.parametrize(
    ("at", "happened"),
    [(BASE - TICK, 0), (BASE, 1), (BASE + 28 * DAY - TICK, 1), (BASE + 28 * DAY, 0)],
)
def test_the_window_has_its_start_and_not_its_end(at: datetime, happened: int) -> None:
    # A crisis just before the date that became known only after it leaves the row in the cohort.
    assert _labels([_crisis(at, known_at=at + DAY)]).happened.tolist() == [happened]


def test_a_gap_moves_the_window() -> None:
    assert _labels([_crisis(BASE + 2 * DAY)], gap_days=3).happened.tolist() == [0]
    assert _labels([_crisis(BASE + 30 * DAY)], gap_days=3).happened.tolist() == [1]


def test_more_of_an_episode_that_was_not_known_in_time_is_no_onset() -> None:
    before = _crisis(BASE - 2 * DAY, known_at=BASE + 5 * DAY, event_id="before")
    assert _labels([before, _crisis(BASE + 3 * DAY)]).happened.tolist() == [0]
    assert _labels([before, _crisis(BASE + 5 * DAY)]).happened.tolist() == [1]


def test_the_final_version_known_before_the_cut_off_counts() -> None:
    moved = EventVersion(event_id="e", occurred_at=BASE + 60 * DAY, known_at=BASE + 90 * DAY)
    versions = [_crisis(BASE + 3 * DAY), moved]
    assert _labels(versions).happened.tolist() == [0]
    assert _labels(versions, cut_off=BASE + 90 * DAY).happened.tolist() == [1]


@pytest.mark.parametrize(("days", "observed"), [(28, True), (27.9, False)])
def test_a_horizon_that_passes_the_data_has_no_label(days: float, observed: bool) -> None:
    for labels in (
        _labels([_crisis(BASE + DAY)], complete_to=BASE + days * DAY),
        _labels([_crisis(BASE + DAY)], cut_off=BASE + days * DAY),
    ):
        assert labels.observed.tolist() == [observed]
        assert labels.happened.tolist() == [1 if observed else -1]
        assert labels.attrition.steps[0].rows == (0 if observed else 1)


def _person(**state: object) -> PersonState:
    return PersonState(**{"person_id": "a", "valid_from": BASE - 90 * DAY, "known_at": BASE - 90 * DAY, **state})


@pytest.mark.parametrize(("days", "observed"), [(28, True), (27, False)])
def test_observation_that_ends_inside_the_horizon_has_no_label(days: int, observed: bool) -> None:
    left = _person(known_at=BASE + 100 * DAY, valid_to=BASE + days * DAY)
    assert _labels([_crisis(BASE + DAY)], [left]).observed.tolist() == [observed]


def test_a_new_address_does_not_end_observation_but_a_stay_elsewhere_does() -> None:
    moved = _person(known_at=BASE + 5 * DAY, valid_to=BASE + 5 * DAY)
    at_once = _person(valid_from=BASE + 5 * DAY, known_at=BASE + 5 * DAY)
    back = _person(valid_from=BASE + 9 * DAY, known_at=BASE + 9 * DAY)
    assert _labels([], [_person(), moved, at_once]).observed.tolist() == [True]
    assert _labels([], [_person(), moved, back]).observed.tolist() == [False]
    assert _labels([], [_person(), moved, back], as_of=BASE + 10 * DAY).observed.tolist() == [True]


def test_someone_elses_state_does_not_continue_ones_own() -> None:
    left = _person(known_at=BASE + 5 * DAY, valid_to=BASE + 5 * DAY)
    other = EventVersion(event_id="b", person_id="b", occurred_at=BASE - 80 * DAY, known_at=BASE - 79 * DAY)
    labels = _labels([other], [_person(), left, _person(person_id="b")])
    assert labels.observed.tolist() == [False, True]


def test_a_correction_counts_from_just_after_it_became_known() -> None:
    corrected = EventVersion(event_id="e", occurred_at=BASE - DAY, known_at=BASE, source="mh_contact")
    versions = [_crisis(BASE - DAY, known_at=BASE - TICK), corrected]
    assert len(_labels(versions, as_of=BASE).happened) == 0  # in an episode, as far as was known
    assert len(_labels(versions, as_of=BASE + TICK).happened) == 1


@pytest.mark.parametrize(
    ("death", "died", "crisis", "happened"),
    [
        ("censor", 10, None, -1),
        ("censor", 10, 5, -1),
        ("censor", 28, None, 0),
        ("composite", 10, None, 1),
        ("composite", 2, None, -1),  # before the label window, which starts after a gap of 3 days
        ("composite", 31, None, 0),
        ("negative", 10, None, 0),
        ("negative", 10, 5, 1),
    ],
)
def test_death_inside_the_horizon(death: str, died: int, crisis: int | None, happened: int) -> None:
    events = [] if crisis is None else [_crisis(BASE + crisis * DAY)]
    gap = 3 if death == "composite" else 0
    dead = _person(known_at=BASE + 60 * DAY, died_at=BASE + died * DAY)
    labels = _labels(events, [_person(), dead], death=death, gap_days=gap)
    assert labels.happened.tolist() == [happened]
    assert labels.observed.tolist() == [happened != -1]


def test_prevalence_is_of_observed_rows() -> None:
    assert _labels([_crisis(BASE + DAY)]).prevalence == 1.0
    assert str(_labels([], complete_to=BASE).prevalence) == "nan"


def test_a_source_without_data_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        _labels([], rule=EpisodeRule(sources=("crisis_line", "s136")))
    assert caught.value.rendered() == (
        'error[CR-COHORT-003]: the outcome names source "s136", of which no data are loaded\n'
        "  where   the outcome of the training recipe\n"
        "  found   crisis_line\n"
        "  hint    load its files, or take it out of the outcome · see docs/reference/errors.md#cr-cohort-003"
    )


def test_impossible_horizons_and_deaths_are_refused() -> None:
    with pytest.raises(TimeError, match="CR-TIME-003"):
        _labels([], horizon_days=-28)
    with pytest.raises(TimeError, match="CR-TIME-003"):
        _labels([], gap_days=-1)
    with pytest.raises(RecipeError) as caught:
        _labels([], death="ignore")
    assert caught.value.problem == 'death is "ignore"'


MOVED = PersonState(person_id="a", valid_from=BASE - 90 * DAY, known_at=BASE - 90 * DAY, valid_to=BASE + 9 * DAY)


@pytest.mark.parametrize(("moved", "label"), [("censor", -1), ("negative", 0)])
def test_moving_away_drops_the_row_or_is_no_outcome_and_is_counted(moved: str, label: int) -> None:
    labels = _labels([], [MOVED], moved=moved)
    assert labels.happened.tolist() == [label]
    notes = {note.name: note for note in labels.attrition.notes}
    assert (notes["moved_in_horizon"].people, notes["moved_in_horizon"].rows) == (1, 1)
    assert notes["died_in_horizon"].rows == 0


def test_an_outcome_before_the_move_counts_only_where_moves_are_kept() -> None:
    crisis = _crisis(BASE + 3 * DAY)
    assert _labels([crisis], [MOVED]).happened.tolist() == [-1]
    assert _labels([crisis], [MOVED], moved="negative").happened.tolist() == [1]


@pytest.mark.parametrize(
    ("death", "words"), [("censor", "dropped"), ("composite", "an outcome"), ("negative", "no outcome")]
)
def test_deaths_are_counted_whatever_becomes_of_them(death: str, words: str) -> None:
    dies = PersonState(person_id="a", valid_from=BASE, known_at=BASE - DAY, died_at=BASE + 9 * DAY)
    notes = {note.name: note for note in _labels([], [dies], death=death).attrition.notes}
    assert (notes["died_in_horizon"].rows, notes["died_in_horizon"].meaning) == (1, f"died inside the horizon: {words}")


@pytest.mark.parametrize(("death", "words"), [("censor", "dropped"), ("composite", "kept"), ("negative", "kept")])
def test_outcomes_before_a_death_are_counted_and_it_is_said_what_became_of_them(death: str, words: str) -> None:
    dies = PersonState(person_id="a", valid_from=BASE, known_at=BASE - DAY, died_at=BASE + 9 * DAY)
    labels = _labels([_crisis(BASE + 3 * DAY)], [dies], death=death)
    notes = {note.name: note for note in labels.attrition.notes}
    assert (notes["died_in_horizon"].rows, notes["died_after_outcome"].rows) == (1, 1)
    assert notes["died_after_outcome"].meaning == f"of them, after an outcome inside it: {words}"
    assert labels.observed.tolist() == [words == "kept"]
    none = {note.name: note for note in _labels([], [dies], death=death).attrition.notes}
    assert (none["died_in_horizon"].rows, none["died_after_outcome"].rows) == (1, 0)


def test_censoring_by_death_takes_as_large_a_part_of_those_with_the_outcome_as_without() -> None:
    # Of 20 people 10 have the outcome, and of either ten 4 die inside the horizon; one more was only seen.
    events = [
        EventVersion(event_id=f"{who}{day}", person_id=f"p{who}", occurred_at=at, known_at=at + DAY)
        for who in range(20)
        for day, at in ((-80, BASE - 80 * DAY), *(((5, BASE + 5 * DAY),) if who < 10 else ()))
    ]
    dead = [
        PersonState(person_id=f"p{who}", valid_from=BASE - 90 * DAY, known_at=BASE - 90 * DAY, died_at=BASE + 9 * DAY)
        for who in (0, 1, 2, 3, 10, 11, 12, 13)
    ]
    labels = _labels(events, dead)
    kept = labels.happened[labels.observed].tolist()
    assert (kept.count(1), kept.count(0)) == (6, 6 + 1)


def test_outcomes_are_split_by_the_door_of_the_first_onset() -> None:
    rule = EpisodeRule(sources=("crisis_line",), doors=(("phone", ("crisis_line",)), ("visit", ("crisis_line:visit",))))
    first = EventVersion(event_id="one", occurred_at=BASE + 2 * DAY, known_at=BASE + 3 * DAY, code="visit")
    labels = _labels([first, _crisis(BASE + 20 * DAY)], rule=rule)
    assert labels.doors == (DoorCount("visit", rows=1, people=1, episodes=1),)
    dies = PersonState(person_id="a", valid_from=BASE, known_at=BASE - DAY, died_at=BASE + 9 * DAY)
    assert _labels([], [dies], death="composite").doors == (DoorCount("death", rows=1, people=1, episodes=1),)


def test_doors_of_two_buckets_add_up() -> None:
    first, second = (DoorCount("phone", 3, 2, 2), DoorCount("police", 9, 4, 5)), (DoorCount("phone", 1, 1, 1),)
    assert doors_added([first, second, ()]) == (DoorCount("police", 9, 4, 5), DoorCount("phone", 4, 3, 3))


def test_another_word_for_moving_away_is_refused() -> None:
    with pytest.raises(RecipeError, match='moved is "ignore"'):
        _labels([], moved="ignore")
