"""Reasons: exact contributions, summed per group, never more than they are."""

import numpy as np
import pytest
from tests.lib.tiny_models import NAMES, feature_recipe, person_trees, sample, spec

from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.calibration import Calibration
from crisisrisk.models.reasons import feature_groups, group_contributions, reasons_for
from crisisrisk.models.risk_model import RiskModel

NAN = float("nan")


def recipe_of(*specs) -> FeatureRecipe:
    return FeatureRecipe(name="r", subject="person", specs=specs)


GROUPED = recipe_of(
    spec("missed_count_in_28_days", "missed", sources=("mh_missed",), lookback_days=28),
    spec("missed_count_in_91_days", "missed", sources=("mh_missed",), lookback_days=91),
    spec("calls_count_in_28_days", "calls", sources=("crisis_line",), lookback_days=28),
    spec("age", "age", "age"),
)


def test_group_sums_add_up_to_the_prediction():
    features, _ = sample()
    model = RiskModel(person_trees(), Calibration(kind="platt"))
    contributions = model.contributions(features, NAMES)
    summed = group_contributions(contributions, feature_groups(feature_recipe()))
    assert summed.shape == (len(features), 3)
    assert summed.sum(axis=1) + contributions[:, -1] == pytest.approx(model.log_odds(features, NAMES), abs=1e-9)


def reasons_of(contributions, values=(2.0, 5.0, 1.0, 40.0), **most):
    row = np.array([[*contributions, -3.0]])
    return reasons_for(GROUPED, row, np.array([values]), **most)[0]


def test_features_of_a_group_are_one_reason_told_by_the_one_that_pushed_hardest():
    found = reasons_of((0.2, 0.6, -0.1, 0.1))
    assert [(one.direction, one.share, GROUPED.names[one.feature], one.value) for one in found] == [
        ("up", 0.8, "missed_count_in_91_days", 5.0),
        ("up", 0.1, "age", 40.0),
        ("down", 0.1, "calls_count_in_28_days", 1.0),
    ]


def test_a_feature_that_pulls_against_its_group_is_never_its_words():
    found = reasons_of((-0.5, 0.6, 0.0, 0.0))
    assert [(one.direction, GROUPED.names[one.feature]) for one in found] == [("up", "missed_count_in_91_days")]


def test_small_movements_are_not_told_and_lists_are_short():
    assert len(reasons_of((0.0, 1.0, 0.001, 0.0))) == 1
    found = reasons_of((0.0, 1.0, 0.8, 0.6), most_up=2)
    assert [one.direction for one in found] == ["up", "up"]


def test_no_movement_is_no_reason():
    assert reasons_of((0.0, 0.0, 0.0, 0.0)) == []


def test_the_expected_value_is_never_a_reason():
    assert all(one.feature < len(GROUPED.specs) for one in reasons_of((0.1, 0.1, 0.1, 0.1)))
