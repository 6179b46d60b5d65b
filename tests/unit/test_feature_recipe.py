"""Features recipes: what a group becomes, and how a wrong one is refused."""

from dataclasses import replace
from math import isnan, nan
from pathlib import Path

import pytest

from crisisrisk.errors import RecipeError
from crisisrisk.features.aggregations import AGGREGATIONS
from crisisrisk.features.dictionary import dictionary_page
from crisisrisk.features.recipe import read_feature_recipe, select_features
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec, Phrases, meaning_in_words
from crisisrisk.models.wording import words_of

SOURCES = ("crisis_line", "mh_contact", "mh_missed", "s136")
SHIPPED = Path(__file__).parents[2] / "features" / "person.toml"
SHIPPED_SOURCES = (
    "police_999", "police_101", "ambulance_999", "nhs_111", "nhs_111_mh", "ed_attendance", "s136", "s135",
    "street_triage", "triage_advice", "crisis_line", "crisis_house", "mh_contact", "mh_missed", "mh_admission",
    "mh_discharge", "liaison_diversion", "welfare_check_request", "fire_safe_and_well_visit", "btp",
    "amhp_assessment", "missing_person", "fire", "housing", "social_care", "gp",
)  # fmt: skip


def recipe_of(groups: str, *, subject: str = "person") -> FeatureRecipe:
    return read_feature_recipe(f'[recipe]\nname = "small"\nsubject = "{subject}"\n{groups}', sources=SOURCES)


def spec_of(group: str, *, subject: str = "person") -> FeatureSpec:
    (spec,) = recipe_of(f"[[group]]\n{group}", subject=subject).specs
    return spec


def refusal(groups: str) -> RecipeError:
    with pytest.raises(RecipeError) as refused:
        recipe_of(groups)
    return refused.value


# What a group becomes


def test_one_column_for_each_lookback_and_aggregation() -> None:
    recipe = recipe_of("""[[group]]
        name = "missed"
        sources = ["mh_missed"]
        aggregations = ["count", "days_since_last", "trend", "distinct_days"]
        lookback_days = [7, 28, "ever"]
        short_days = 7""")
    assert recipe.names == (
        "missed_count_in_7_days",
        "missed_count_in_28_days",
        "missed_count_ever",
        "missed_days_since_last",
        "missed_trend_7_against_28_days",
        "missed_distinct_days_in_7_days",
        "missed_distinct_days_in_28_days",
        "missed_distinct_days_ever",
    )


def test_one_set_of_columns_for_each_source() -> None:
    group = 'name = "x"\nsources = ["s136", "crisis_line"]\neach = true\naggregations = ["count"]\nlookback_days = [28]'
    recipe = recipe_of(
        f'[[group]]\n{group}\n[[group]]\n{group}\ncolumn = "{{source}}_missed"\nwhere.outcome = "missed"'
    )
    assert recipe.names == (
        "s136_count_in_28_days",
        "crisis_line_count_in_28_days",
        "s136_missed_count_in_28_days",
        "crisis_line_missed_count_in_28_days",
    )
    assert [spec.sources for spec in recipe.specs] == [("s136",), ("crisis_line",)] * 2
    assert recipe.specs[2].where == (("outcome", ("missed",)),)
    assert [spec.group for spec in recipe.specs[:2]] == ["s136", "crisis_line"]


def test_all_sources_may_leave_some_out_that_the_site_need_not_have() -> None:
    group = 'name = "any"\nsources = "all"\naggregations = ["days_since_last"]\nexcept = ["mh_missed", "mh_section"]'
    assert spec_of(group).sources == ("crisis_line", "mh_contact", "s136")


def test_an_optional_group_has_the_sources_that_the_site_has_and_is_not_there_without_any() -> None:
    group = 'sources = ["mh_section", "s136"]\noptional = true\naggregations = ["count"]\nlookback_days = [7]'
    other = group.replace('"mh_section", "s136"', '"mh_section", "custody"')
    recipe = recipe_of(f'[[group]]\nname = "some"\n{group}\n[[group]]\nname = "none"\n{other}')
    assert [(spec.name, spec.sources) for spec in recipe.specs] == [("some_count_in_7_days", ("s136",))]


def test_all_sources_are_those_of_the_site() -> None:
    spec = spec_of('name = "any"\nsources = "all"\naggregations = ["days_since_last"]')
    assert spec.sources == SOURCES


def test_0_and_not_known_differ() -> None:
    base = 'name = "x"\nsources = ["s136"]\nlookback_days = [7]\naggregations = '
    assert spec_of(base + '["count"]').if_none == 0
    assert isnan(spec_of(base + '["days_since_last"]').if_none)
    assert isnan(spec_of(base + '["count"]\nif_none = "not known"').if_none)
    assert spec_of(base + '["days_since_last"]\nif_none = 3650').if_none == 3650
    assert isnan(spec_of(base + '["count"]\nif_none = nan').if_none)
    assert spec_of(base + '["count"]\nif_none = { distinct_days = 5 }').if_none == 0


def test_a_reason_carries_the_count_and_says_one_in_the_singular() -> None:
    spec = spec_of(
        'name = "x"\nsources = ["mh_missed"]\naggregations = ["count"]\nlookback_days = [28]\n'
        'singular = "missed appointment"\nplural = "missed appointments"'
    )
    assert words_of(spec, 3.0, {}) == "3 missed appointments in the last 28 days"
    assert words_of(spec, 1.0, {}) == "1 missed appointment in the last 28 days"
    nearby = replace(spec, aggregation="neighbours_2_count", reason="{count} {plural} nearby")
    assert words_of(nearby, 1.0, {}) == "1 missed appointment nearby"
    assert meaning_in_words(spec, {}) == "How many missed appointments occurred in the last 28 days."


def test_a_group_may_word_its_own_reason() -> None:
    spec = spec_of(
        'name = "x"\nsources = ["mh_missed"]\naggregations = ["count"]\nlookback_days = [28]\n'
        'reason.count = "{count} missed in {days} days"\nmeaning = "Missed {window}."'
    )
    assert words_of(spec, 2.0, {}) == "2 missed in 28 days"
    assert spec.meaning == "Missed in the last 28 days."


def test_the_site_words_a_single_source_and_its_name_stands_in() -> None:
    spec = spec_of('name = "s136"\nsources = ["s136"]\naggregations = ["count", ]\nlookback_days = [365]')
    phrases = {"s136": Phrases("detention under section 136", "detentions under section 136")}
    assert words_of(spec, 2.0, phrases) == "2 detentions under section 136 in the last 365 days"
    assert words_of(spec, 2.0, {}) == "2 s136 contacts in the last 365 days"
    assert words_of(spec, nan, phrases) == "detentions under section 136 in the last 365 days: not known"


def test_out_of_hours_is_defined_where_it_is_read() -> None:
    spec = spec_of('name = "x"\nsources = ["s136"]\naggregations = ["share_out_of_hours"]\nlookback_days = [28]')
    assert "from 18:00 to 08:00, or at a weekend, by the local clock" in spec.meaning


def test_a_recipe_of_places_has_aggregations_of_its_own() -> None:
    spec = spec_of(
        'name = "x"\nsources = ["s136"]\naggregations = ["neighbours_1_count"]\nlookback_days = [28]', subject="place"
    )
    assert spec.name == "x_neighbours_1_count_in_28_days"


@pytest.mark.parametrize("origin", ["team_initiated", "follow_up"])
def test_a_recipe_of_places_cannot_ask_where_teams_went(origin: str) -> None:
    counted = 'name = "x"\nsources = ["s136"]\naggregations = ["count"]\nlookback_days = [28]'
    group = f'{counted}\nwhere = {{ origin = ["{origin}"] }}'
    with pytest.raises(RecipeError) as caught:
        spec_of(group, subject="place")
    assert f'"{origin}" is recorded, but is no demand of a place' in caught.value.rendered()
    assert spec_of(group).where == (("origin", (origin,)),)


# The recipe as a value


def test_a_recipe_is_equal_and_has_the_same_fingerprint_after_json() -> None:
    recipe = read_feature_recipe(SHIPPED, sources=SHIPPED_SOURCES)
    again = FeatureRecipe.from_json(recipe.to_json())
    assert again == recipe
    assert again.fingerprint == recipe.fingerprint
    assert len(recipe.fingerprint) == 64


def test_anything_that_changes_a_column_changes_the_fingerprint() -> None:
    recipe = read_feature_recipe(SHIPPED, sources=SHIPPED_SOURCES)
    first, rest = recipe.specs[0], recipe.specs[1:]
    changes = [
        replace(first, if_none=1.0),
        replace(first, lookback_days=29),
        replace(first, sources=first.sources[1:]),
        replace(first, reason="other"),
    ]
    prints = {replace(recipe, specs=(changed, *rest)).fingerprint for changed in changes}
    assert len(prints | {recipe.fingerprint, replace(recipe, specs=(*rest, first)).fingerprint}) == len(changes) + 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": "x", "subject": "person", "specs": [{"colour": 1}]}'])
def test_json_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(RecipeError) as refused:
        FeatureRecipe.from_json(text)
    assert refused.value.code == "CR-FEAT-001"


def test_columns_are_selected_by_name_in_the_order_asked() -> None:
    recipe = read_feature_recipe(SHIPPED, sources=SHIPPED_SOURCES)
    assert select_features(recipe, ["s136_count_in_28_days", "age"]).names == ("s136_count_in_28_days", "age")
    with pytest.raises(RecipeError) as refused:
        select_features(recipe, ["s136_count_in_2_days"])
    assert str(refused.value) == (
        "error[CR-FEAT-003]: the recipe person lacks 1 of the 1 columns asked for\n"
        "  found   s136_count_in_2_days\n"
        '  hint    did you mean "s136_count_in_28_days"? · see docs/reference/errors.md#cr-feat-003'
    )


# The shipped recipe


def test_the_shipped_recipe_is_the_fullest_set() -> None:
    recipe = read_feature_recipe(SHIPPED, sources=SHIPPED_SOURCES)
    assert len(recipe.names) >= 450
    assert set(recipe.sources) == set(SHIPPED_SOURCES)


def test_every_feature_of_it_has_a_meaning_and_a_reason_without_blanks() -> None:
    for spec in read_feature_recipe(SHIPPED, sources=SHIPPED_SOURCES).specs:
        for words in (meaning_in_words(spec, {}), words_of(spec, 2.0, {})):
            assert words
            assert "{" not in words


def test_the_dictionary_has_a_line_for_every_feature() -> None:
    recipe = read_feature_recipe(SHIPPED, sources=SHIPPED_SOURCES)
    page = dictionary_page([recipe], {"s136": Phrases("detention", "detentions")})
    line = "| `s136_count_in_28_days` | How many detentions occurred in the last 28 days. | 28 days | contacts | 0 |"
    assert line in page
    assert all(f"| `{name}` |" in page for name in recipe.names)


def test_every_aggregation_is_worded() -> None:
    for known in AGGREGATIONS.values():
        for name, aggregation in known.items():
            assert aggregation.name == name
            assert aggregation.meaning.endswith(".")
            assert aggregation.reason


# Refusals


GOOD = '[[group]]\nname = "x"\nsources = ["s136"]\naggregations = ["count"]\nlookback_days = [28]\n'


@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        (GOOD.replace('"s136"', '"s163"'), 'group "x": unknown source "s163"'),
        (GOOD.replace('"count"', '"cuont"'), 'group "x": unknown aggregation "cuont"'),
        (GOOD + 'wheer = {outcome = "missed"}', 'group "x": unknown key "wheer"'),
        (GOOD + 'where = {colour = "red"}', 'group "x": "where" names an unknown column "colour"'),
        (GOOD + "where = {outcome = [true]}", 'group "x": "where" for "outcome" must list text'),
        (GOOD + 'where = {is_crisis = ["yes"]}', 'group "x": "where" for "is_crisis" must list true or false'),
        (GOOD + 'where = "missed"', 'group "x": "where" must be a table, such as {outcome = ["missed"]}'),
        (GOOD.replace("[28]", "[-28]"), 'group "x": a lookback of -28 days'),
        (GOOD.replace("[28]", "[0]"), 'group "x": a lookback of 0 days'),
        (GOOD.replace("[28]", "[2.5]"), 'group "x": a lookback of 2.5 days'),
        (GOOD.replace("[28]", "[99999999]"), 'group "x": a lookback of 99999999 days'),
        (GOOD.replace("[28]", "[]"), 'group "x": needs a list of "lookback_days"'),
        (GOOD.replace("[28]", "28"), 'group "x": needs a list of "lookback_days"'),
        (GOOD.replace('["s136"]', "[]"), 'group "x": needs a list of "sources", or sources = "all"'),
        (GOOD.replace('["count"]', "[]"), 'group "x": needs a list of "aggregations"'),
        (
            GOOD.replace('"count"', '"trend"') + "short_days = 28",
            'group "x": "trend" needs a lookback in days above short_days',
        ),
        (GOOD.replace('"count"', '"trend"'), 'group "x": "trend" needs "short_days" in whole days, found None'),
        (GOOD + 'if_none = "nothing"', 'group "x": "if_none" must be a number or "not known", found \'nothing\''),
        (GOOD + 'if_none = {cuont = 0}', 'group "x": "if_none" names an unknown aggregation "cuont"'),
        (GOOD + 'reason = "{name} did"', 'group "x": "reason" has a blank that cannot be filled: \'name\''),
        (GOOD + 'meaning = "{count}"', 'group "x": "meaning" has a blank that cannot be filled: \'count\''),
        (
            GOOD + 'reason = "{"',
            "group \"x\": \"reason\" has a blank that cannot be filled: Single '{' encountered in format string",
        ),
        (
            GOOD.replace('"count"', '"slope"').replace("[28]", "[30]"),
            'group "x": "slope" needs whole weeks, from 14 days, found 30 days',
        ),
        (
            GOOD.replace('"count"', '"count_in_week"').replace("[28]", '["ever"]'),
            'group "x": "count_in_week" needs whole weeks, from 7 days, found ever',
        ),
        (GOOD.replace('"count"', '"episodes"'), 'group "x": "episodes" needs "gap_days" in whole days, found None'),
        (
            GOOD.replace('"count"', '"not_followed_up"'),
            'group "x": needs a list of "other_sources", or other_sources = "all"',
        ),
        (
            GOOD.replace('"count"', '"now"') + 'gap_days = 9\nother_sources = ["s163"]',
            'group "x": unknown source "s163"',
        ),
        (GOOD + 'except = ["crisis_line"]', 'group "x": "except" only goes with sources = "all"'),
        (
            GOOD.replace('["s136"]', '"all"') + "except = 7",
            'group "x": "except" must be a list of sources, found 7',
        ),
        (GOOD.replace('["s136"]', '"all"') + 'except = ["s163"]', 'group "x": unknown source "s163"'),
        (GOOD + "optional = 1", 'group "x": "optional" must be true or false, found 1'),
        (GOOD.replace('"s136"', '"s163"') + "optional = true", 'group "x": unknown source "s163"'),
        (GOOD + "each = 1", 'group "x": "each" must be true or false, found 1'),
        (GOOD + 'each = true\ncolumn = "y"', 'group "x": "column" of a group with each = true must contain {source}'),
        (GOOD + "plural = 3", 'group "x": "plural" must be text, found 3'),
        (GOOD + GOOD, 'two columns are called "x_count_in_28_days"'),
        (GOOD.replace('"x"', '"X y"'), 'group "X y": needs a "name" of small letters, digits and _'),
        ("", "the recipe has no [[group]]"),
        (GOOD + "[training]\na = 1", 'the file: unknown key "training"'),
    ],
)  # fmt: skip
def test_one_problem_is_named(groups: str, problem: str) -> None:
    refused = refusal(groups)
    assert refused.code == "CR-FEAT-002"
    assert refused.problem == problem


def test_a_near_name_is_offered() -> None:
    assert str(refusal(GOOD.replace('"s136"', '"s163"'))) == (
        'error[CR-FEAT-002]: group "x": unknown source "s163"\n'
        "  where   the recipe given\n"
        '  hint    did you mean "s136"? · see docs/reference/errors.md#cr-feat-002'
    )


def test_every_problem_is_collected_before_one_refusal() -> None:
    refused = refusal(GOOD.replace('"s136"', '"s163"').replace("[28]", "[0]") + "colour = 1")
    assert str(refused) == (
        "error[CR-FEAT-002]: 3 problems in a features recipe\n"
        "  where   the recipe given\n"
        '  found   group "x": unknown key "colour" — did you mean "column"?\n'
        '          group "x": unknown source "s163" — did you mean "s136"?\n'
        '          group "x": a lookback of 0 days — say whole days from 1 to 36500, or "ever"\n'
        "  hint    nothing was computed · see docs/reference/errors.md#cr-feat-002"
    )


def test_an_unknown_subject_and_no_head_are_refused() -> None:
    with pytest.raises(RecipeError) as refused:
        read_feature_recipe(f'[recipe]\nname = "x"\nsubject = "team"\n{GOOD}', sources=SOURCES)
    assert refused.value.problem == "[recipe]: subject 'team' is unknown"
    with pytest.raises(RecipeError) as refused:
        read_feature_recipe(GOOD, sources=SOURCES)
    assert refused.value.found is not None
    assert 'a [recipe] with a "name" and a "subject" is missing' in refused.value.found


def test_a_file_that_is_not_toml_or_not_there_is_refused(tmp_path: Path) -> None:
    broken, latin = tmp_path / "broken.toml", tmp_path / "latin.toml"
    broken.write_text("[recipe", encoding="utf-8")
    latin.write_bytes("# café".encode("latin-1"))
    for path in (broken, latin, tmp_path / "none.toml"):
        with pytest.raises(RecipeError) as refused:
            read_feature_recipe(path, sources=SOURCES)
        assert refused.value.code == "CR-FEAT-001"
        assert refused.value.where == str(path)
