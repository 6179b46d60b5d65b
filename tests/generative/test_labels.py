"""The vectorised cohort and labels equal the slow, obvious ones on invented histories."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.lib.histories import BASE, EventVersion, event_table, events, moments
from tests.lib.reference_labels import DAY, PersonState, Reference, state_table

from crisisrisk.cohorts import CohortRule, Stay, person_cohort
from crisisrisk.episodes import EpisodeRule
from crisisrisk.evaluation.baselines import NEVER_DAYS, crisis_history
from crisisrisk.labels import onset_labels
from crisisrisk.timeline import instant, microseconds

PEOPLE = ("a", "b", "c", "stranger")


@dataclass(frozen=True)
class Case:
    """A small world, what is asked of it, and when."""

    reference: Reference
    cohort: CohortRule
    as_of: Sequence[datetime]
    opted_out: frozenset[str]


RULES = st.builds(
    EpisodeRule,
    sources=st.sampled_from([(), ("s136",)]),
    codes=st.sampled_from([(), (("crisis_line", ("call",)),)]),
    outcomes=st.sampled_from([(), (("crisis_line", ("missed",)), ("mh_contact", ("missed",)))]),
    crisis_flag=st.just(True),
    doors=st.just((("calls", ("crisis_line", "ed_attendance:call")), ("police", ("s136",)))),
    only_doors=st.sampled_from([(), (), ("calls",)]),
    stable_gap_days=st.sampled_from([0, 1, 7]),
)
STAY = Stay(name="away", sources=("s136",), codes=("call",), ended_by=("crisis_line",), longest_open_days=10)
COHORTS = st.builds(
    CohortRule,
    minimum_history_days=st.sampled_from([0, 1, 20]),
    seen_within_days=st.sampled_from([None, 1, 28]),
    outcome_within_days=st.sampled_from([None, None, 20]),
    minimum_age=st.sampled_from([0, 18]),
    unknown_age=st.sampled_from(["leave_out", "keep"]),
    excluded_while=st.sampled_from([(), (STAY,)]),
    hospital_sources=st.just(("ed_attendance",)),
    discharge_sources=st.just(("mh_contact",)),
    longest_open_stay_days=st.sampled_from([5, 100]),
)


@st.composite
def people_states(draw: st.DrawFn) -> list[PersonState]:
    states = []
    for number in range(draw(st.integers(0, 5))):
        valid_from = draw(moments())
        length = draw(st.sampled_from([None, None, 0, 10, 30]))
        valid_to = None if length is None else valid_from + length * DAY
        states.append(
            PersonState(
                person_id=draw(st.sampled_from(PEOPLE[:2])),
                valid_from=valid_from,
                # Each version becomes known at its own moment.
                known_at=draw(moments()) + timedelta(seconds=number + 1),
                birth_year=draw(st.sampled_from([None, 1950, 2007, 2010])),
                valid_to=valid_to,
                died_at=draw(st.sampled_from([None, None, None, BASE, BASE + 9 * DAY])),
            )
        )
        if valid_to is not None and draw(st.booleans()):  # the next state takes over where this one ends
            known_at = valid_to + number * DAY
            states.append(PersonState(person_id=states[-1].person_id, valid_from=valid_to, known_at=known_at))
    return states


@st.composite
def cases(draw: st.DrawFn) -> Case:
    versions: list[EventVersion] = []
    stays = st.sampled_from([None, None, timedelta(), DAY, 7 * DAY, 30 * DAY])
    for number in range(draw(st.integers(0, 10))):
        stay = draw(stays)
        for version in draw(events(f"e{number}")):
            versions.append(version if stay is None else replace(version, ended_at=version.occurred_at + stay))
    as_of = draw(st.lists(moments(-20, 45), min_size=1, max_size=5, unique=True))
    # Times that stand exactly a gap or a horizon apart from events are the ones that go wrong.
    as_of += [version.occurred_at + 7 * DAY for version in versions[:2]]
    as_of += [version.known_at for version in versions[-2:]]
    opted_out = frozenset(draw(st.sampled_from([(), (), ("a",)])))
    return Case(Reference(draw(RULES), versions, draw(people_states())), draw(COHORTS), as_of, opted_out)


SETTINGS = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SETTINGS
@given(case=cases())
def test_cohort_equals_the_reference(case: Case) -> None:
    reference = case.reference
    rows, attrition, states = person_cohort(
        case.cohort, reference.rule, event_table(reference.events), state_table(reference.people), case.as_of,
        opted_out=case.opted_out,
    )  # fmt: skip
    found = {
        (rows.person_id[person], instant(as_of))
        for person, as_of in zip(rows.row_person(), rows.as_of.tolist(), strict=True)
    }
    why = {
        (person, as_of): reference.why_not(person, as_of, case.cohort, case.opted_out)
        for person in PEOPLE
        for as_of in case.as_of
    }
    assert found == {key for key, state in why.items() if state == "scored"}
    last = max(case.as_of)
    expected_states = {person: why[person, last] for person in PEOPLE if why[person, last] is not None}
    assert dict(zip(states.person_id, states.state, strict=True)) == expected_states
    assert attrition.rows == sum(state is not None for state in why.values())
    assert attrition.as_rows()[-1]["rows_left"] == len(rows)
    assert attrition.as_rows()[-1]["people_left"] == len(rows.person_id)


@SETTINGS
@given(
    case=cases(),
    horizon=st.sampled_from([1, 7, 28]),
    gap=st.sampled_from([0, 0, 3]),
    complete_to=moments(0, 80),
    cut_off=moments(0, 80),
    death=st.sampled_from(["censor", "composite", "negative"]),
    moved=st.sampled_from(["censor", "negative"]),
)
def test_labels_equal_the_reference(
    case: Case, horizon: int, gap: int, complete_to: datetime, cut_off: datetime, death: str, moved: str
) -> None:
    reference = case.reference
    table, people = event_table(reference.events), state_table(reference.people)
    everyone = CohortRule(minimum_age=0, hospital_sources=(), discharge_sources=())
    rows = person_cohort(everyone, reference.rule, table, people, case.as_of).rows
    sources = ("s136", "crisis_line", "mh_contact", "ed_attendance")
    labels = onset_labels(
        reference.rule, table, people, rows, horizon_days=horizon, gap_days=gap, death=death, moved=moved,
        complete_to_us={source: microseconds(complete_to) for source in sources}, cut_off_us=microseconds(cut_off),
    )  # fmt: skip
    for row, (person, as_of) in enumerate(zip(rows.row_person(), rows.as_of.tolist(), strict=True)):
        expected = reference.label(
            rows.person_id[person], instant(as_of), horizon=horizon, gap=gap, complete_to=complete_to, cut_off=cut_off,
            death=death, moved=moved,
        )  # fmt: skip
        assert labels.observed[row] == (expected is not None)
        assert labels.happened[row] == (-1 if expected is None else expected)
    assert labels.attrition.as_rows()[-1]["rows_left"] == labels.observed.sum()
    assert sum(count.rows for count in labels.doors) == (labels.happened == 1).sum()


@SETTINGS
@given(case=cases())
def test_crisis_history_equals_the_reference(case: Case) -> None:
    reference = case.reference
    table, people = event_table(reference.events), state_table(reference.people)
    everyone = CohortRule(minimum_age=0, hospital_sources=(), discharge_sources=())
    rows = person_cohort(everyone, reference.rule, table, people, case.as_of).rows
    history = crisis_history(reference.rule, table, people, rows)
    for row, (number, as_of_us) in enumerate(zip(rows.row_person(), rows.as_of.tolist(), strict=True)):
        person, as_of = rows.person_id[number], instant(as_of_us)
        times = sorted(one.occurred_at for one in reference.seen(person, as_of) if reference.is_crisis(one))
        starts = [time for place, time in enumerate(times) if place == 0 or time - times[place - 1] >= reference.gap]
        assert history.crises_in_365_days[row] == sum(as_of - time <= 365 * DAY for time in times)
        assert history.crises_in_28_days[row] == sum(as_of - time <= 28 * DAY for time in times)
        assert history.days_since_last_crisis[row] == ((as_of - times[-1]) / DAY if times else NEVER_DAYS)
        assert history.episodes_ever[row] == len(starts)


@SETTINGS
@given(case=cases(), later=st.lists(events("later"), max_size=2))
def test_nothing_known_later_changes_the_cohort(case: Case, later: list[list[EventVersion]]) -> None:
    reference, last = case.reference, max(case.as_of)
    added = [
        replace(version, event_id=f"later{number}", known_at=last + number * DAY)
        for versions in later
        for number, version in enumerate(versions)
    ]
    people = state_table(reference.people)
    kept = [one for one in reference.events if one.known_at < last]
    before, after = (
        person_cohort(case.cohort, reference.rule, event_table(known), people, case.as_of)
        for known in (kept, [*kept, *added])
    )
    assert before.rows.person_id.tolist() == after.rows.person_id.tolist()
    assert before.rows.as_of.tolist() == after.rows.as_of.tolist()
    assert before.attrition == after.attrition
