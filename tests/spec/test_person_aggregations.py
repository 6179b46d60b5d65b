"""Every example of every aggregation: the engine and the slow definition both give the value that its page shows."""

from dataclasses import replace

import numpy as np
import pytest
from tests.lib.histories import History, PersonVersion
from tests.lib.reference_person_features import reference_features

from crisisrisk.features.aggregations import PERSON
from crisisrisk.features.aggregations.declared import Example
from crisisrisk.features.dictionary import aggregations_page
from crisisrisk.features.examples import LONDON, events_in, moment, recipe_of, value_in
from crisisrisk.features.explain import drawn
from crisisrisk.features.specs import FeatureSpec

EXAMPLES = [(name, example) for name, one in PERSON.items() for example in one.examples]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{name}: {one.says}" for name, one in EXAMPLES])
def test_the_engine_gives_the_value_shown(name: str, example: Example) -> None:
    np.testing.assert_array_equal(np.float32(value_in(example)), np.float32(example.value))


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{name}: {one.says}" for name, one in EXAMPLES])
def test_the_slow_definition_gives_the_value_shown(name: str, example: Example) -> None:
    people = [PersonVersion(person_id="a", known_at=moment("2025-01-01"), **example.people)] if example.people else []
    history = History(tuple(events_in(example.table)), tuple(people), {"a": [moment(example.as_of)]})
    recipe = recipe_of(example.group)
    if PERSON[name].fact and "caseload" in name:
        assert np.isnan(example.value), "an example holds no caseloads"
        return
    np.testing.assert_array_equal(reference_features(recipe, history, zone=LONDON), [[np.float32(example.value)]])


@pytest.mark.parametrize("name", PERSON)
def test_every_aggregation_is_complete(name: str) -> None:
    one = PERSON[name]
    computed_by = [one.formula, one.scan, one.fact, None if one.mark is None else one]
    assert sum(way is not None for way in computed_by) == 1
    assert one.examples
    assert one.definition.endswith(".")
    assert one.unit
    assert {column.name for column in recipe_of(one.examples[0].group).specs}


def test_the_page_shows_every_aggregation_and_example() -> None:
    page = aggregations_page()
    assert all(f"## {name}\n" in page for name in PERSON)
    assert all(example.says in page for _, example in EXAMPLES)


def spec_of(group: str) -> FeatureSpec:
    (spec,) = recipe_of(group).specs
    return spec


def test_a_column_is_drawn_on_a_history_that_it_reads() -> None:
    group = 'sources = ["crisis_line"]\naggregations = ["count"]\nlookback_days = [28]'
    shown = drawn(spec_of(group), zone=LONDON)
    assert shown is not None
    assert shown.value == 5
    text = shown.as_text(spec_of(group))
    assert "28 Mar 2025" not in text
    assert text.count("●") == 6
    assert text.count("○") == 1
    assert text.splitlines()[0].endswith("as of 31 Mar 2025")
    assert text.endswith("value  5")


def test_a_drawing_marks_what_the_events_are_held_against() -> None:
    group = 'sources = ["mh_missed"]\nother_sources = ["mh_contact"]\naggregations = ["not_followed_up"]'
    spec = spec_of(group + "\nlookback_days = [364]")
    shown = drawn(spec, zone=LONDON)
    assert shown is not None
    assert shown.as_text(spec).count("◆") == 1
    assert shown.value == 2


def test_a_column_of_places_is_not_drawn() -> None:
    group = 'sources = ["crisis_line"]\naggregations = ["count"]\nlookback_days = [28]'
    assert drawn(replace(spec_of(group), aggregation="neighbours_1_count"), zone=LONDON) is None
