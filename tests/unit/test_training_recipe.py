"""Training recipes: what they may say, and what they are told when they say something else."""

import tomllib
from datetime import date

import pytest

from crisisrisk.errors import RecipeError
from crisisrisk.shipped import repository, shipped
from crisisrisk.training.recipe import SECTIONS, TrainingRecipe, parse_training_recipe, read_training_recipe
from crisisrisk.training.reference import recipes_page

SOURCES = (
    "s136", "s135", "street_triage", "mh_admission", "crisis_line", "ed_attendance", "crisis_house", "police_999",
    "police_101", "btp", "ambulance_999", "nhs_111", "nhs_111_mh",
)  # fmt: skip
PERSON = """
name = "person_test"
subject = "person"
features = "person.toml"
[outcome]
sources = ["s136"]
"""


def parsed(extra: str = "", base: str = PERSON) -> TrainingRecipe:
    return parse_training_recipe(tomllib.loads(base + extra), sources=SOURCES, where="test.toml")


def refused(extra: str = "", base: str = PERSON) -> RecipeError:
    with pytest.raises(RecipeError) as caught:
        parsed(extra, base)
    return caught.value


@pytest.mark.parametrize("name", ["person_crisis_28d", "person_repeat_s136", "place_crisis_shift"])
def test_the_shipped_recipes_are_read_and_survive_json(name):
    recipe = read_training_recipe(shipped("training") / f"{name}.toml", sources=SOURCES)
    again = TrainingRecipe.from_json(recipe.to_json())
    assert (recipe.name, again, again.fingerprint) == (name, recipe, recipe.fingerprint)


MODE_RECIPES = ("place_attendance", "place_telephone_advice", "place_s136", "place_amhp_assessment")


def test_outcomes_by_mode_are_shipped_one_recipe_each():
    sources = (*SOURCES, "triage_advice", "amhp_assessment")
    recipes = [read_training_recipe(shipped("training") / f"{name}.toml", sources=sources) for name in MODE_RECIPES]
    assert [recipe.outcome.modes for recipe in recipes] == [
        ("attendance",), ("telephone_advice",), ("s136",), ("amhp_assessment",),
    ]  # fmt: skip
    assert [recipe.name for recipe in recipes] == list(MODE_RECIPES)
    assert all(TrainingRecipe.from_json(recipe.to_json()) == recipe for recipe in recipes)


def test_a_mode_that_there_is_none_of_is_refused():
    with pytest.raises(RecipeError) as caught:
        parse_training_recipe(
            {"name": "x", "subject": "place", "features": "place.toml",
             "outcome": {"crisis_flag": True, "modes": ["attendence"]}},
            sources=(), where="test",
        )  # fmt: skip
    assert caught.value.problem == 'outcome.modes: unknown mode "attendence"'


def test_dates_and_code_lists_survive_json():
    recipe = parsed(
        'codes = { ed_attendance = ["F99", "X1"] }\n[grid]\nfirst_day = 2024-01-01\nlast_day = 2025-12-01\n'
    )
    assert recipe.outcome.codes == (("ed_attendance", ("F99", "X1")),)
    assert recipe.grid.first_day == date(2024, 1, 1)
    assert TrainingRecipe.from_json(recipe.to_json()) == recipe


def test_another_number_is_another_fingerprint():
    assert parsed().fingerprint == parsed("horizon_days = 28\n").fingerprint
    assert parsed().fingerprint != parsed("horizon_days = 27\n").fingerprint


def test_a_negative_horizon_is_refused():
    problem = refused("horizon_days = -28\n")
    assert problem.rendered() == (
        "error[CR-TRAIN-001]: outcome.horizon_days: is -28\n"
        "  where   test.toml\n"
        "  wanted  above 0\n"
        "  found   -28\n"
        "  hint    see docs/reference/errors.md#cr-train-001"
    )


def test_an_unknown_source_is_refused_with_the_nearest_one():
    problem = refused(base=PERSON.replace("s136", "street_triag"))
    assert problem.problem == 'outcome: unknown source "street_triag"'
    assert problem.hint == 'did you mean "street_triage"?'


def test_an_unknown_key_is_refused_with_the_nearest_one():
    problem = refused("[cohort]\nseen_witin_days = 28\n")
    assert (problem.problem, problem.hint) == (
        "cohort.seen_witin_days: unknown key",
        'did you mean "seen_within_days"?',
    )


def test_every_problem_is_collected_before_raising():
    problem = refused("horizon_days = 0\n[grid]\nwarm_up_day = 7\n[model]\nrounds = true\ncalibration = 'magic'\n")
    assert problem.problem == "4 things in this recipe cannot be used"
    assert problem.found == (
        "1. outcome.horizon_days: is 0 · "
        '2. grid.warm_up_day: unknown key (did you mean "warm_up_days"?) · '
        "3. model.rounds: is True · "
        "4. model.calibration: is 'magic'"
    )


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("[split]\nkind = 'person'\ntest_share = 0.5\nvalidation_share = 0.4\n", "split: validation_share and"),
        ("[grid]\nfirst_day = 2025-01-01\nlast_day = 2025-06-01\n", "split: nothing is left to train on"),
        ("[grid]\nfirst_day = 2025-06-01\nlast_day = 2025-01-01\n", "grid.last_day: is before first_day"),
        ("[split]\ntest_days = 0\n", "split.test_days: is 0"),
        ("[offset]\nlookback_days = 365\n", 'offset: does not exist for subject "person"'),
    ],
)
def test_impossible_splits_are_refused(extra, words):
    assert refused(extra).problem.startswith(words)


def test_places_cannot_be_split_by_person_and_have_no_horizon():
    place = PERSON.replace('"person"', '"place"')
    assert refused("[split]\nkind = 'person'\n", place).problem == 'split.kind: is "person"'
    assert refused("horizon_days = 28\n", place).problem == "outcome.horizon_days: unknown key"


def test_an_outcome_that_names_nothing_is_refused():
    assert refused(base=PERSON.replace('["s136"]', "[]")).problem == "outcome: names no event that could happen"
    assert parsed(base=PERSON.replace('sources = ["s136"]', "crisis_flag = true")).outcome.crisis_flag


def test_a_file_that_is_missing_or_not_toml_is_refused(tmp_path):
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    for path, words in (
        (tmp_path / "none.toml", "there is no such training recipe"),
        (broken, "the file is not valid"),
    ):
        with pytest.raises(RecipeError) as caught:
            read_training_recipe(path, sources=SOURCES)
        assert caught.value.problem.startswith(words)


def test_the_reference_page_is_fresh_and_names_every_key():
    root = repository()
    page = recipes_page()
    assert root is not None
    assert (root / "docs/reference/recipes.md").read_text(encoding="utf-8") == page
    assert all(f"`{key}`" in page for kind, _ in SECTIONS.values() for key in kind.__dataclass_fields__)


def test_directions_of_columns_are_read_and_survive_json():
    recipe = parsed('[model]\nnegatives_per_positive = 10\nmonotone = { increasing = ["any_*"], decreasing = [] }\n')
    assert recipe.model.monotone == (("decreasing", ()), ("increasing", ("any_*",)))
    assert recipe.model.negatives_per_positive == 10
    assert TrainingRecipe.from_json(recipe.to_json()) == recipe


def test_a_direction_that_does_not_exist_is_refused():
    problem = refused('[model]\nmonotone = { increasin = ["a"] }\n')
    assert (problem.problem, problem.hint) == (
        "model.monotone.increasin: unknown key",
        'did you mean "increasing"?',
    )


def test_doors_stays_and_moves_survive_json():
    recipe = parsed(
        'moved = "negative"\ndoors = { police = ["s136", "ed_attendance:brought"] }\nonly_doors = ["police"]\n'
        '[cohort]\noutcome_within_days = 365\n[[cohort.excluded_while]]\nname = "detained"\nsources = ["s135"]\n'
        'ended_by = ["s136"]\n[grid]\nevery = "1 month"\nat = "06:00"\n'
    )
    assert recipe.cohort.excluded_while[0].ended_by == ("s136",)
    assert TrainingRecipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ('doors = { police = ["s163"] }\n', 'outcome.doors: unknown source "s163"'),
        ('doors = { a = ["s136"], b = ["s136"] }\n', 'outcome.doors: "s136" stands in two doors'),
        ('doors = { police = ["s136"] }\nonly_doors = ["polise"]\n', 'outcome.only_doors: unknown door "polise"'),
        ('only_doors = ["police"]\n', 'outcome.only_doors: unknown door "police"'),
        ('moved = "ignore"\n', "outcome.moved: is 'ignore'"),
        ('[grid]\nevery = "1 fortnight"\n', "grid.every: not a rhythm"),
        ('[grid]\nat = "25:00"\n', "grid.at: not a time of day"),
        ('[grid]\nweekday = "monday"\n', "grid.weekday: is 'monday'"),
        ("[cohort]\nexcluded_while = 3\n", "cohort.excluded_while: is 3"),
        ('[cohort]\nhospital_sources = ["ward"]\n', 'cohort.hospital_sources: unknown source "ward"'),
        (
            '[[cohort.excluded_while]]\nname = "away"\nsource = ["s135"]\n',
            "2 things in this recipe cannot be used",
        ),
        (
            '[[cohort.excluded_while]]\nname = "away"\nsources = ["custody"]\n',
            'cohort.excluded_while[1]: unknown source "custody"',
        ),
        (
            '[[cohort.excluded_while]]\nname = "far away"\nsources = ["s135"]\n',
            "cohort.excluded_while[1].name: is 'far away'",
        ),
    ],
)
def test_what_cohorts_doors_and_grids_cannot_be(extra, words):
    assert refused(extra).problem.startswith(words)
