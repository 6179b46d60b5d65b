"""Exact contributions, held against LightGBM's own, against shap, and against the definition."""

import lightgbm
import numpy as np
import pytest
from tests.lib.reference_contributions import shapley

from crisisrisk.models import contribution_pieces
from crisisrisk.models.contributions import ROWS_AT_ONCE, explainer_of
from crisisrisk.models.tree_arrays import read_trees

QUIET = {"verbose": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True, "min_data_in_leaf": 5}


def matrix(random: np.random.Generator, rows: int, columns: int, missing: float) -> np.ndarray:
    """Counts, amounts and yes-or-no columns, some of them not known."""
    features = random.normal(size=(rows, columns))
    features[:, ::3] = random.poisson(1.2, (rows, len(range(0, columns, 3))))
    features[:, 1::5] = random.random((rows, len(range(1, columns, 5)))) < 0.3
    features[random.random(features.shape) < missing] = np.nan
    return features.astype(np.float32)


def booster(features: np.ndarray, random: np.random.Generator, *, rounds: int = 20, **parameters: object):
    signal = np.nan_to_num(features) @ random.normal(size=features.shape[1])
    happened = random.random(len(features)) < 1 / (1 + np.exp(1 - signal))
    options = {**QUIET, "objective": "binary", "num_leaves": 15, **parameters}
    return lightgbm.train(options, lightgbm.Dataset(features, happened.astype(int)), rounds)


CASES = {
    "counts and amounts": {},
    "nothing missing": {"missing": 0.0},
    "half missing": {"missing": 0.5},
    "0 means missing": {"zero_as_missing": True},
    "missing is read as 0": {"use_missing": False},
    "counts of a Poisson model": {"objective": "poisson"},
    "two leaves": {"num_leaves": 2},
    "many leaves and thresholds": {"num_leaves": 60, "max_bin": 255},
    "bagged": {"bagging_fraction": 0.5, "bagging_freq": 1, "feature_fraction": 0.5},
    "few columns, so each is split on often": {"columns": 2, "num_leaves": 40},
    "one column": {"columns": 1},
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_contributions_are_those_of_lightgbm(case, seed):
    random = np.random.default_rng(seed)
    options = {"missing": 0.1, "columns": 14, **case}
    missing, columns = options.pop("missing"), options.pop("columns")
    trained = booster(matrix(random, 600, columns, missing), random, **options)
    asked = matrix(random, 300, columns, 0.2) * random.choice([1, 1, 3, 1e30], size=(300, columns)).astype(np.float32)
    found = explainer_of(trained.model_to_string(), columns).contributions(asked)
    assert found == pytest.approx(trained.predict(asked, pred_contrib=True), abs=1e-9)
    assert found.sum(axis=1) == pytest.approx(trained.predict(asked, raw_score=True), abs=1e-9)


@pytest.mark.parametrize("largest", [1, 8, 1 << 20])
def test_contributions_do_not_depend_on_how_trees_are_cut(largest, monkeypatch):
    random = np.random.default_rng(11)
    features = matrix(random, 500, 12, 0.1)
    trained = booster(features, random, num_leaves=12)
    monkeypatch.setattr(contribution_pieces, "LARGEST_TABLE", largest)
    explainer = explainer_of.__wrapped__(trained.model_to_string(), 12)  # the kept one may have been cut otherwise
    assert (len(explainer.tables.piece_entries) == 0) == (largest == 1)
    found = explainer.contributions(features)
    assert found == pytest.approx(trained.predict(features, pred_contrib=True), abs=1e-9)


def test_contributions_of_a_row_do_not_depend_on_the_others_nor_on_threads():
    random = np.random.default_rng(5)
    features = matrix(random, ROWS_AT_ONCE + 300, 9, 0.1)
    explainer = explainer_of(booster(features[:600], random).model_to_string(), 9)
    whole = explainer.contributions(features, threads=3)
    assert (whole == explainer.contributions(features, threads=1)).all()
    assert (whole[-5:] == explainer.contributions(features[-5:])).all()
    # Values that float32 holds exactly are the same asked as float64.
    assert (whole == explainer.contributions(features.astype(np.float64))).all()
    assert explainer.contributions(features[:0]).shape == (0, 10)


@pytest.mark.parametrize("seed", range(4))
def test_contributions_are_shapley_values_by_their_definition(seed):
    random = np.random.default_rng(seed)
    features = matrix(random, 400, 6, 0.2)
    text = booster(features, random, rounds=3, num_leaves=8, zero_as_missing=seed == 3).model_to_string()
    found = explainer_of(text, 6).contributions(features[:15])
    slow = [sum(shapley(tree, row, 6) for tree in read_trees(text)) for row in features[:15].astype(float)]
    assert found == pytest.approx(np.array(slow), abs=1e-12)


def test_contributions_are_those_of_shap():
    shap = pytest.importorskip("shap")
    random = np.random.default_rng(8)
    features = matrix(random, 400, 10, 0.1)
    trained = booster(features, random)
    theirs = shap.TreeExplainer(trained, feature_perturbation="tree_path_dependent")
    found = explainer_of(trained.model_to_string(), 10).contributions(features[:50])
    assert found[:, :-1] == pytest.approx(theirs.shap_values(features[:50]), abs=1e-6)


def test_a_model_of_one_leaf_is_its_expected_value():
    features = np.zeros((200, 2), dtype=np.float32)
    trained = booster(features, np.random.default_rng(2), rounds=1)
    found = explainer_of(trained.model_to_string(), 2).contributions(features[:3])
    assert found == pytest.approx(trained.predict(features[:3], pred_contrib=True), abs=1e-12)
