"""Fewer rows without the outcome to fit on: every outcome kept, weights exact, nobody sampled where it is judged."""

from dataclasses import replace

import numpy as np
import pytest

from crisisrisk.errors import DataError
from crisisrisk.training.fitting import Block, fit_trees
from crisisrisk.training.recipe import ModelSettings
from crisisrisk.training.sampling import sample_down_to, sample_negatives

SETTINGS = ModelSettings(min_data_in_leaf=20, rounds=40, early_stopping_rounds=40, threads=1)
NAMES = ("a", "b")


def invented(rows: int, seed: int, *, intercept: float = -4.0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 2)).astype(np.float32)
    return features, random.random(rows) < 1 / (1 + np.exp(-(features[:, 0] + intercept)))


def test_every_outcome_is_kept_and_the_weights_add_up_to_all_rows():
    rows = np.arange(5, 4005) * 3
    happened = np.random.default_rng(1).random(4000) < 0.02
    sample = sample_negatives(rows, happened, per_positive=7, seed=4)
    assert set(rows[happened]) <= set(sample.rows)
    assert sample.drawn == 7 * happened.sum() == (~sample.happened).sum()
    assert (np.diff(sample.rows) > 0).all()
    assert (happened[np.searchsorted(rows, sample.rows)] == sample.happened).all()
    assert sample.weights.sum() == pytest.approx(4000, rel=1e-12)
    assert (sample.weights[sample.happened] == 1).all()
    assert str(sample) == (
        f"{happened.sum()} rows with the outcome and {sample.drawn} of {sample.drawn_from:,} without, "
        f"each counted {sample.drawn_from / sample.drawn:.4g} times"
    )


def test_the_same_seed_draws_the_same_rows_and_another_seed_others():
    happened = np.arange(1000) % 50 == 0
    drawn = [sample_negatives(np.arange(1000), happened, per_positive=5, seed=seed).rows for seed in (1, 1, 2)]
    assert drawn[0].tolist() == drawn[1].tolist() != drawn[2].tolist()


@pytest.mark.parametrize("per_positive", [None, 49, 1000])
def test_where_nothing_is_left_out_there_are_no_weights(per_positive):
    happened = np.arange(1000) % 50 == 0
    sample = sample_negatives(np.arange(1000), happened, per_positive=per_positive, seed=1)
    assert (len(sample.rows), sample.weights) == (1000, None)


def test_weighted_trees_have_the_level_of_all_rows():
    """Without the weights the log-odds would be higher by the log of the sampling rate: here by about 1.6."""
    features, happened = invented(40_000, seed=1)
    stop = Block(*invented(10_000, seed=2))
    sample = sample_negatives(np.arange(40_000), happened, per_positive=10, seed=3)
    block = Block(features[sample.rows], sample.happened, weights=sample.weights)
    everything, sampled, unweighted = (
        fit_trees("person", NAMES, one, stop, SETTINGS).raw_score(stop.features, NAMES).mean()
        for one in (Block(features, happened), block, replace(block, weights=None))
    )
    assert sampled == pytest.approx(everything, abs=0.15)
    assert unweighted > everything + 1.0


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_row_that_counts_for_nothing_is_refused(bad):
    features, happened = invented(500, seed=1, intercept=-1)
    weights = np.ones(500)
    weights[3] = bad
    with pytest.raises(DataError, match="a row to fit on counts for nothing"):
        fit_trees("person", NAMES, Block(features, happened, weights=weights), Block(features, happened), SETTINGS)


def test_features_that_are_all_constant_are_refused():
    features, happened = invented(500, seed=1, intercept=-1)
    with pytest.raises(DataError) as caught:
        fit_trees("person", NAMES, Block(features * 0, happened), Block(features, happened), SETTINGS)
    assert caught.value.rendered() == (
        "error[CR-TRAIN-002]: no feature tells one person from another: no tree could split\n"
        "  where   the training rows\n"
        "  wanted  a column that differs, and leaves that the rows can fill\n"
        "  found   2 columns that say nothing in leaves of 20 rows\n"
        "  hint    see `crisisrisk features list`; lower model.min_data_in_leaf, or load more data"
        " · see docs/reference/errors.md#cr-train-002"
    )


@pytest.mark.parametrize(
    ("most", "kept", "of_each"), [(None, 4000, 1.0), (9000, 4000, 1.0), (1000, 1000, 3920 / 920), (10, 160, 3920 / 80)]
)
def test_down_to_so_many_rows_every_event_is_kept_and_at_least_as_many_without(most, kept, of_each):
    """4,000 rows, 80 of them with an event; the weights add up to all rows whatever is drawn."""
    happened = np.zeros(4000, dtype=bool)
    happened[::50] = True
    sample = sample_down_to(np.arange(4000), happened, most=most, seed=3)
    assert (len(sample.rows), sample.happened.sum()) == (kept, 80)
    weights = np.ones(len(sample.rows)) if sample.weights is None else sample.weights
    assert weights.sum() == pytest.approx(4000)
    assert weights[~sample.happened] == pytest.approx(of_each)
