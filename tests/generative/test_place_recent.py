"""The regression of recent counts below the trees: its slow definition, its parts add up, and its numbers come back."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.lib.reference_place_recent import reference_term
from tests.lib.reference_place_rules import InventedPast

from crisisrisk.errors import ModelError
from crisisrisk.features.place_recent import MAP, RecentLevel, term_values, terms_of
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.tables.cells import Cells
from crisisrisk.training.place_recent import fit_recent

FEATURES = """[recipe]
name = "place"
subject = "place"
[[group]]
name = "crisis_fading"
column = "crisis"
sources = "all"
where = { is_crisis = [true], origin = ["public"] }
aggregations = ["decayed_count"]
lookback_days = [7, 28, 180]
[[group]]
name = "around"
column = "around"
sources = "all"
where = { is_crisis = [true] }
aggregations = ["neighbours_1_count", "neighbours_2_count", "area_count"]
lookback_days = [7, 28, 365]
[[group]]
name = "any"
column = "any"
sources = "all"
aggregations = ["decayed_count"]
lookback_days = [7]
[[group]]
name = "happening"
aggregations = ["happenings_here"]
singular = "match"
plural = "matches"
[[group]]
name = "days"
aggregations = ["days_since_payday"]
[[group]]
name = "caseload"
aggregations = ["caseload_expected"]
"""
CELLS: Cells = InventedPast(seed=1, issue_hours=24, latency_hours=0, days=30, events=10).rows.cells


@pytest.fixture(scope="module")
def features() -> FeatureRecipe:
    return read_feature_recipe(FEATURES, sources=(), declared=None)


def drawn(features: FeatureRecipe, seed: int, shifts: int = 7) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """A matrix of small counts, a tenth of it NaN, and a map."""
    random = np.random.default_rng(seed)
    matrix = random.poisson(2.0, (shifts, len(CELLS), len(features.specs))).astype(np.float32)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    return matrix, random.gamma(0.5, 0.2, (shifts, len(CELLS)))


def level_of(features: FeatureRecipe) -> RecentLevel:
    names = tuple(one.name for one in terms_of(features))
    random = np.random.default_rng(3)
    return RecentLevel(
        names=names, weights=tuple(random.normal(0, 0.5, len(names)).tolist()), level=-0.2, known_share=0.3
    )


def test_terms_are_of_crises_of_late_and_of_what_the_site_declares(features: FeatureRecipe) -> None:
    names = [one.name for one in terms_of(features)]
    assert names[0] == MAP
    assert len(names) == 1 + 3 + 6 + 3  # none of contacts of any sort, none that looks back a year


@pytest.mark.parametrize("seed", range(4))
def test_every_term_is_its_definition(features: FeatureRecipe, seed: int) -> None:
    matrix, a_day = drawn(features, seed)
    a_day[0, 0] = 0.0
    terms = terms_of(features)
    found = term_values(terms, matrix, a_day, CELLS, known_share=0.3)
    wanted = [
        [
            [reference_term(one, matrix[row], a_day[row], CELLS, cell, known_share=0.3) for one in terms]
            for cell in range(len(CELLS))
        ]
        for row in range(len(matrix))
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-12)


def test_parts_by_column_add_up_to_what_is_added(features: FeatureRecipe) -> None:
    matrix, a_day = drawn(features, 5, shifts=300)
    numbers = level_of(features)
    columns, rest = numbers.by_column(features, matrix, a_day, CELLS)
    whole = numbers.moved(features, matrix, a_day, CELLS)
    np.testing.assert_allclose(columns.sum(axis=2) + rest, whole, rtol=1e-9, atol=1e-9)
    named = {one.column for one in terms_of(features)} - {-1}
    assert set(np.flatnonzero(np.abs(columns).sum(axis=(0, 1)) > 0).tolist()) == named
    alone = numbers.moved(features, matrix[:1], a_day[:1], CELLS)
    assert alone[0].tobytes() == whole[0].tobytes()


def test_more_than_the_map_expects_raises_and_as_many_moves_nothing(features: FeatureRecipe) -> None:
    term = next(one for one in terms_of(features) if one.name == "crisis_decayed_count_in_28_days")
    a_day = np.full((1, len(CELLS)), 0.1)
    matrix = np.zeros((1, len(CELLS), len(features.specs)), dtype=np.float32)
    matrix[0, 0, term.column], matrix[0, 1, term.column] = 0.1 * term.days, 9.0
    found = term_values([term], matrix, a_day, CELLS, known_share=0.0)[0, :, 0]
    assert found[0] == pytest.approx(0.0, abs=1e-6)
    assert found[1] > 0 > found[2]


def test_its_numbers_are_found_again(features: FeatureRecipe) -> None:
    matrix, a_day = drawn(features, 11, shifts=600)
    truth, random = level_of(features), np.random.default_rng(4)
    truth = replace(truth, weights=tuple(0.3 * one for one in truth.weights), known_share=0.0)
    offset = np.log(a_day + 0.05)
    counts = random.poisson(np.exp(offset + truth.moved(features, matrix, a_day, CELLS))).astype(np.int32)
    found = fit_recent(features, matrix, offset, a_day, counts, CELLS, seed=1)
    assert found is not None
    made = np.exp(offset + found.moved(features, matrix, a_day, CELLS))
    assert made.sum() == pytest.approx(counts.sum(), rel=0.01)
    wanted = np.exp(offset + truth.moved(features, matrix, a_day, CELLS))
    assert np.corrcoef(np.log(made).reshape(-1), np.log(wanted).reshape(-1))[0, 1] > 0.95
    assert fit_recent(features, matrix, offset, a_day, counts * 0, CELLS, seed=1) is None
    assert fit_recent(features, matrix, offset, a_day, counts, CELLS, seed=1) == found


def test_damaged_numbers_and_columns_that_are_gone_are_refused(features: FeatureRecipe) -> None:
    good = level_of(features)
    for bad in ({"names": good.names[1:]}, {"level": float("nan")}, {"known_share": -1.0}):
        with pytest.raises(ModelError):
            replace(good, **bad)
    with pytest.raises(ModelError, match="missing"):
        replace(good, names=("gone", *good.names[1:])).terms(features)
