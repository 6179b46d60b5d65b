"""Fitting LightGBM: the same data and recipe give the same trees to the byte."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.models.lightgbm_import import lightgbm
from crisisrisk.models.trees import NO_TREES, Numbers, Trees, trees_in, trees_of
from crisisrisk.training.progress import NOTHING_KEPT, Progress
from crisisrisk.training.recipe import ModelSettings, monotone_constraints
from crisisrisk.training.row_stream import RowSequence, StreamedRows

OBJECTIVES = {"person": "binary", "place": "poisson"}
METRICS = {"person": "binary_logloss", "place": "poisson"}

TRAIN_BINS, STOP_BINS = "train.bins", "stop.bins"

SAMPLED_ROWS = 200_000
"""How many rows bins are found from, drawn at random where there are more."""


@dataclass(frozen=True)
class Block:
    """Rows to fit or to stop on. `features`: shape (rows, features), whole or as a stream; others: shape (rows,)."""

    features: NDArray[np.float32] | StreamedRows
    labels: NDArray[Any]
    offset: Numbers | None = None
    weights: Numbers | None = None
    """How many rows each one stands for; None: for itself."""


def fit_trees(
    subject: str,
    names: tuple[str, ...],
    train: Block,
    validation: Block,
    settings: ModelSettings,
    progress: Progress = NOTHING_KEPT,
) -> Trees:
    """Trees fitted on one block, as many as do best on the other; of places none, when no tree does better than none.

    What `progress` has of an earlier, interrupted fit is not made again: the trees are the same to the byte. Raises
    DataError when no tree of people finds anything to split on, or a weight is not above 0.
    """
    _require_weights(train)
    if subject == "place" and len(train.labels) < 2 * settings.min_data_in_leaf:
        return Trees(NO_TREES, names, 0)  # no tree could split; of a row or two LightGBM makes an error
    text = progress.text("trees", lambda: _fitted(subject, names, train, validation, settings, progress).text)
    progress.drop(TRAIN_BINS, STOP_BINS)
    return Trees(text, names, trees_in(text), settings.threads)


def _fitted(
    subject: str, names: tuple[str, ...], train: Block, validation: Block, settings: ModelSettings, progress: Progress
) -> Trees:
    data = _kept_bins(train, names, settings, progress.path(TRAIN_BINS))
    grown: list[int] = []  # trees after each round: LightGBM counts a round that could not split, and drops its tree
    booster = lightgbm().train(
        parameters(subject, settings, names),
        data,
        num_boost_round=settings.rounds,
        valid_sets=[_kept_bins(validation, names, settings, progress.path(STOP_BINS), reference=data)],
        valid_names=["validation"],
        callbacks=[
            lambda round_: grown.append(round_.model.num_trees()),
            lightgbm().early_stopping(settings.early_stopping_rounds, verbose=False),
            lightgbm().log_evaluation(0),
        ],
    )
    best = grown[booster.best_iteration - 1]
    if subject == "place" and not booster.best_score["validation"][METRICS[subject]] < _loss_without(validation):
        return trees_of(booster, 0)
    if subject == "person" and not booster.feature_importance(iteration=best).any():
        raise _nothing_to_split_on(names, settings)
    return trees_of(booster, best)


def _kept_bins(
    block: Block, names: tuple[str, ...], settings: ModelSettings, path: Path | None, reference: Any = None
) -> Any:
    """Rows as bins. Of streamed rows, whose features take longest, they are kept, and read where they were kept."""
    if path is None or not isinstance(block.features, StreamedRows):
        return binned(block, names, settings, reference)
    if path.is_file():
        with suppress(lightgbm().basic.LightGBMError):  # damaged: made again
            return lightgbm().Dataset(str(path), reference=reference, params=_binning(settings)).construct()
    data = binned(block, names, settings, reference).construct()
    with suppress(OSError, lightgbm().basic.LightGBMError):  # a fit that cannot be kept is a fit all the same
        _keep_bins(data, path)
    return data


def _keep_bins(data: Any, path: Path) -> None:
    staged = path.with_suffix(".part")
    staged.unlink(missing_ok=True)  # LightGBM writes over nothing
    data.save_binary(str(staged))
    with staged.open("rb") as file:
        os.fsync(file.fileno())
    staged.replace(path)


def _require_weights(block: Block) -> None:
    if block.weights is not None and not (np.isfinite(block.weights) & (block.weights > 0)).all():
        raise DataError(
            "CR-TRAIN-002", "a row to fit on counts for nothing", where="the weights of the training rows",
            wanted="finite numbers above 0", hint="leave the row out instead",
        )  # fmt: skip


def _nothing_to_split_on(names: tuple[str, ...], settings: ModelSettings) -> DataError:
    return DataError(
        "CR-TRAIN-002", "no feature tells one person from another: no tree could split",
        where="the training rows", found=f"{len(names)} columns that say nothing in leaves of "
        f"{settings.min_data_in_leaf} rows", wanted="a column that differs, and leaves that the rows can fill",
        hint="see `crisisrisk features list`; lower model.min_data_in_leaf, or load more data",
    )  # fmt: skip


def binned(block: Block, names: tuple[str, ...], settings: ModelSettings, reference: Any = None) -> Any:
    """Rows as LightGBM holds them: as bins, those of `reference` where one is given."""
    made = lightgbm().Dataset(
        _readable(block.features),
        np.asarray(block.labels, dtype=np.float64),
        weight=block.weights,
        init_score=block.offset,
        feature_name=list(names),
        reference=reference,
        params=_binning(settings),
        free_raw_data=True,
    )
    if reference is not None and block.weights is None:
        # A stream takes over whether its reference has weights, and then has weights of 0: nothing would be counted.
        made.construct().set_field("weight", None)
    return made


def _binning(settings: ModelSettings) -> dict[str, Any]:
    """Everything that bins depend on, said outright.

    What LightGBM derives it derives from a matrix alone: a stream hears neither of `seed` nor of `min_data_in_leaf`.
    """
    return {
        "max_bin": settings.max_bin,
        "bin_construct_sample_cnt": SAMPLED_ROWS,
        "data_random_seed": settings.seed,
        "feature_pre_filter": False,
        "num_threads": settings.threads,
        "verbose": -1,
    }


def _readable(features: NDArray[np.float32] | StreamedRows) -> Any:
    """As LightGBM takes features: a stream is read twice, for bins and then for rows, and held as bins alone.

    From the same rows both ways give the same bins, and so the same trees to the bit.
    """
    if not isinstance(features, StreamedRows):
        return features
    lightgbm().Sequence.register(RowSequence)
    return features.sequences()


def scores(features: NDArray[np.float32] | StreamedRows, score: Callable[[NDArray[np.float32]], Numbers]) -> Numbers:
    """What `score` makes of each row, block by block where features are streamed. Shape (rows,)."""
    if not isinstance(features, StreamedRows):
        return score(features)
    found = np.empty(len(features))
    for place, matrix in features.blocks():
        found[place] = score(matrix)
    return found


def parameters(subject: str, settings: ModelSettings, names: tuple[str, ...]) -> dict[str, Any]:
    """What LightGBM is told to fit, everything that a fit depends on said outright."""
    constraints = monotone_constraints(settings, names)
    return {
        "objective": OBJECTIVES[subject],
        "metric": METRICS[subject],
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.num_leaves,
        "min_data_in_leaf": settings.min_data_in_leaf,
        "feature_fraction": settings.feature_fraction,
        "bagging_fraction": settings.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": settings.lambda_l2,
        "seed": settings.seed,
        "deterministic": True,
        "force_col_wise": True,
        **({"monotone_constraints": list(constraints)} if constraints else {}),
        **_binning(settings),
    }


def _loss_without(validation: Block) -> float:
    """The Poisson loss of the offset alone, as LightGBM's metric has it."""
    offset = np.zeros(len(validation.labels)) if validation.offset is None else validation.offset
    return float(np.mean(np.exp(offset) - validation.labels * offset))
