"""The models: columns by name, the offset added again, a model of no trees."""

import lightgbm
import numpy as np
import pytest
from tests.lib.tiny_models import NAMES, PARAMETERS, person_trees, place_trees, sample

from crisisrisk.errors import ModelError
from crisisrisk.models.calibration import Calibration
from crisisrisk.models.risk_model import PlaceModel, RiskModel
from crisisrisk.models.trees import Trees, trees_of

PLATT = Calibration(kind="platt", slope=1.0, intercept=0.0)


@pytest.fixture(scope="module")
def model() -> RiskModel:
    return RiskModel(person_trees(), PLATT)


def test_columns_are_found_by_name_whatever_their_order_and_company(model):
    features, _ = sample()
    shuffled = np.column_stack([features[:, 2], np.full(len(features), 9.0), features[:, 0], features[:, 1]])
    names = (NAMES[2], "something_else", NAMES[0], NAMES[1])
    assert (model.probability(shuffled, names) == model.probability(features, NAMES)).all()
    # LightGBM itself takes columns by place: the same matrix, reordered, gives other numbers and no error.
    assert (model.scorer.booster.predict(features[:, ::-1]) != model.scorer.booster.predict(features)).any()


def test_missing_columns_are_named(model):
    features, _ = sample()
    with pytest.raises(ModelError) as caught:
        model.probability(features[:, :2], (NAMES[0], "age_in_years"))
    assert caught.value.rendered() == (
        "error[CR-MODEL-003]: 2 columns that the model reads are missing\n"
        "  wanted  crisis_line_count_in_91_days, age\n"
        "  found   age_in_years\n"
        "  hint    score with the feature recipe inside the model's own bundle"
        " · see docs/reference/errors.md#cr-model-003"
    )


def test_a_column_given_twice_is_refused(model):
    features, _ = sample()
    with pytest.raises(ModelError, match="CR-MODEL-003") as caught:
        model.probability(features[:, [0, 1, 2, 2]], (*NAMES, NAMES[2]))
    assert (caught.value.problem, caught.value.found) == ("columns are given twice", "age")


def test_a_matrix_without_a_name_for_each_column_is_refused(model):
    with pytest.raises(ModelError) as caught:
        model.probability(sample()[0], NAMES[:2])
    assert caught.value.problem == "a feature matrix without a name for each column"


def test_contributions_add_up_to_the_log_odds(model):
    features, _ = sample()
    contributions = model.contributions(features, NAMES)
    assert contributions.shape == (len(features), len(NAMES) + 1)
    assert contributions.sum(axis=1) == pytest.approx(model.log_odds(features, NAMES), abs=1e-9)


def test_the_offset_is_added_again():
    trees, offset = place_trees()
    features, _ = sample()
    lifted = PlaceModel(trees).expected(features, NAMES, offset=offset)
    raw = trees.booster.predict(features, raw_score=True)
    assert lifted == pytest.approx(np.exp(raw + offset))
    assert PlaceModel(trees).expected(features, NAMES, offset=offset + np.log(2)) == pytest.approx(2 * lifted)
    # What LightGBM gives by itself leaves the offset out: it is off by exp(offset), not by a little.
    assert np.median(trees.booster.predict(features) / lifted) == pytest.approx(np.exp(1.5))


def test_contributions_of_a_place_leave_the_offset_out():
    trees, offset = place_trees()
    features, _ = sample()
    model = PlaceModel(trees)
    lift = np.log(model.expected(features, NAMES, offset=offset)) - offset
    assert model.contributions(features, NAMES).sum(axis=1) == pytest.approx(lift, abs=1e-9)


def test_a_model_of_no_trees_is_exactly_its_offset():
    features, _ = sample()
    offset = np.linspace(-4, 1, len(features))
    booster = lightgbm.train(
        {**PARAMETERS, "objective": "poisson"},
        lightgbm.Dataset(features, sample()[1].astype(int), feature_name=list(NAMES), init_score=offset), 5,
    )  # fmt: skip
    # The trap: LightGBM takes num_iteration = 0 for all trees.
    assert (booster.predict(features, raw_score=True, num_iteration=0) != 0).any()
    none = PlaceModel(trees_of(booster, 0))
    assert (none.expected(features, NAMES, offset=offset) == np.exp(offset)).all()
    assert (none.contributions(features, NAMES) == 0).all()
    assert none.trees.text == "no trees\n"


def test_only_the_trees_asked_for_are_kept():
    features, happened = sample()
    data = lightgbm.Dataset(features, happened.astype(int), feature_name=list(NAMES))
    booster = lightgbm.train({**PARAMETERS, "objective": "binary"}, data, 9)
    kept = trees_of(booster, 4)
    assert kept.text.count("\nTree=") == 4
    assert kept.raw_score(features, NAMES) == pytest.approx(
        booster.predict(features, raw_score=True, num_iteration=4), abs=1e-12
    )


def test_an_offset_of_another_shape_is_refused():
    trees, offset = place_trees()
    with pytest.raises(ModelError) as caught:
        PlaceModel(trees).expected(sample()[0], NAMES, offset=offset[:5])
    assert (caught.value.wanted, caught.value.found) == ("shape (3000,)", "shape (5,)")


def test_a_person_model_of_no_trees_says_the_calibrated_average():
    model = RiskModel(Trees("no trees\n", NAMES, 0), Calibration(kind="platt", slope=1.0, intercept=-2.0))
    assert model.probability(sample()[0][:3], NAMES) == pytest.approx([1 / (1 + np.exp(2))] * 3)
