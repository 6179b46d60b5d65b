"""A new outcome is a new file: the shipped recipe for repeat detentions, on three invented people."""

from datetime import timedelta

from tests.lib.histories import BASE, EventVersion, event_table
from tests.lib.reference_labels import PersonState, state_table

from crisisrisk.cohorts import person_cohort
from crisisrisk.labels import onset_labels
from crisisrisk.shipped import shipped
from crisisrisk.timeline import microseconds
from crisisrisk.training.person_data import cohort_rule, crisis_rule
from crisisrisk.training.recipe import read_training_recipe

DAY = timedelta(days=1)
DETAINED = {"again": (-200, 80), "once": (-100,), "long ago": (-400, 10), "first": (20,)}


def _events() -> list[EventVersion]:
    events = []
    for person, days in DETAINED.items():
        for source, when in (("mh_contact", (-500,)), ("s136", days)):
            for day in when:
                at = BASE + day * DAY
                number = f"{person}{len(events)}"
                events.append(
                    EventVersion(
                        event_id=number, person_id=person, occurred_at=at, known_at=at + DAY / 24, source=source
                    )
                )
    return events


def test_only_people_detained_in_the_last_year_are_asked_about_and_a_repeat_is_the_outcome() -> None:
    recipe = read_training_recipe(shipped("training") / "person_repeat_s136.toml", sources={"s136", "mh_contact"})
    born = {"valid_from": BASE, "known_at": BASE - 600 * DAY, "birth_year": 1980}
    events = event_table(_events())
    people = state_table([PersonState(person_id=person, **born) for person in DETAINED])
    cohort = person_cohort(cohort_rule(recipe), crisis_rule(recipe), events, people, [BASE])
    assert cohort.rows.person_id.tolist() == ["again", "once"]
    assert {row["step"]: row["people"] for row in cohort.attrition.as_rows()}["no_recent_outcome"] == 2
    later = microseconds(BASE + 200 * DAY)
    labels = onset_labels(
        crisis_rule(recipe), events, people, cohort.rows, horizon_days=recipe.outcome.horizon_days,
        complete_to_us={"s136": later}, cut_off_us=later,
    )  # fmt: skip
    assert labels.happened.tolist() == [1, 0]
