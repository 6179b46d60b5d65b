"""Train and judge a model of people: who is likely to have the outcome within the horizon."""

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from crisisrisk.errors import DataError
from crisisrisk.evaluation.baselines import fit_five_factors, person_baselines
from crisisrisk.evaluation.judged import person_numbers
from crisisrisk.evaluation.person_report import PersonReport, person_report
from crisisrisk.evaluation.slices import JudgedRows
from crisisrisk.evaluation.splits import TEST, TRAIN, VALIDATION, TemporalSplit, person_split, temporal_split
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.calibration import fit_calibration
from crisisrisk.models.risk_model import RiskModel
from crisisrisk.models.scorer import Scorer
from crisisrisk.models.trees import Numbers, Trees
from crisisrisk.timeline import instant
from crisisrisk.training.baseline_recipe import BaselineRecipe
from crisisrisk.training.fitting import Block, fit_trees, scores
from crisisrisk.training.formula_fitting import fit_formula
from crisisrisk.training.person_data import PersonData
from crisisrisk.training.recipe import TrainingRecipe
from crisisrisk.training.sampling import sample_negatives

Part = NDArray[np.int8]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class FittedPerson:
    """A model of people, and the rows that made it: 0 train, 1 validation, 2 test, -1 none."""

    model: RiskModel
    parts: Part


def fit_person(
    recipe: TrainingRecipe,
    features: FeatureRecipe,
    data: PersonData,
    parts: Part,
    baseline: BaselineRecipe | None = None,
) -> RiskModel:
    """Trees, or the simple rule asked for, from the training rows; the calibration from the validation rows."""
    train, validation = np.flatnonzero(parts == TRAIN), np.flatnonzero(parts == VALIDATION)
    _require_both(data.happened[train], "the training rows")
    if baseline is None:
        scorer: Scorer = _trees(recipe, features, data, train, validation)
    else:
        scorer = fit_formula(baseline, data.features[train], features.names, data.happened[train])
    log_odds = scores(data.features.rows(validation), lambda matrix: scorer.raw_score(matrix, features.names))
    return RiskModel(scorer, fit_calibration(recipe.model.calibration, log_odds, data.happened[validation]))


def _trees(recipe: TrainingRecipe, features: FeatureRecipe, data: PersonData, train: Rows, validation: Rows) -> Trees:
    """Trees from the training rows, as many as do best on the validation rows."""
    settings = recipe.model
    sample = sample_negatives(
        train, data.happened[train], per_positive=settings.negatives_per_positive, seed=settings.seed
    )
    return fit_trees(
        "person",
        features.names,
        Block(data.features.rows(sample.rows), sample.happened, weights=sample.weights),
        Block(data.features.rows(validation), data.happened[validation]),
        recipe.model,
    )


def _require_both(happened: NDArray[np.bool_], where: str) -> None:
    """There are rows with the outcome, and rows without."""
    if happened.all() or not happened.any():
        found = "every row has it" if happened.any() else f"none of {len(happened):,} rows has it"
        raise DataError(
            "CR-TRAIN-002", "there is nothing to tell apart", where=where,
            wanted="rows with the outcome, and rows without", found=found,
            hint="check [outcome] and [grid] of the training recipe, or load more data",
        )  # fmt: skip


def risk_of(model: RiskModel, features: FeatureRecipe, data: PersonData, rows: Rows) -> Numbers:
    """The probability of some rows, ascending, block by block. Shape (len(rows),)."""
    return scores(data.features.rows(rows), lambda matrix: model.probability(matrix, features.names))


def split_of(recipe: TrainingRecipe, data: PersonData) -> Part:
    """For each row its part, by time or by person as the recipe says. Shape (rows,)."""
    split = recipe.split
    if split.kind == "person":
        of_person = person_split(
            data.person_ids,
            seed=recipe.model.seed,
            validation_share=split.validation_share,
            test_share=split.test_share,
        )
        return of_person[data.person].astype(np.int8)
    return time_split(recipe, data).part_of(data.as_of)


def time_split(recipe: TrainingRecipe, data: PersonData) -> TemporalSplit:
    """The blocks of a split by time."""
    return temporal_split(
        [instant(moment) for moment in np.unique(data.as_of)],
        horizon_days=recipe.outcome.horizon_days,
        gap_days=recipe.outcome.gap_days + recipe.split.gap_days,
        validation_days=recipe.split.validation_days,
        test_days=recipe.split.test_days,
    )


def judge_person(
    recipe: TrainingRecipe, data: PersonData, rows: Rows, risk: Numbers, baselines: dict[str, Numbers]
) -> PersonReport:
    """The report on some rows. `risk` and every baseline: shape (len(rows),).

    Data without calendar dates have no weekly lists: all their rows are one slice.
    """
    as_of = data.as_of[rows] if recipe.split.kind == "time" else np.zeros(len(rows), dtype=np.int64)
    judged = JudgedRows(
        happened=data.happened[rows],
        as_of=as_of,
        person=person_numbers(data.person_ids)[data.person[rows]],
        team=None if data.team is None else data.team[rows],
    )
    return person_report(
        risk,
        judged,
        baselines=baselines,
        list_length=recipe.report.list_length,
        seed=recipe.model.seed,
        resamples=recipe.report.bootstrap_samples,
    )


def baselines_for(data: PersonData, train: Rows, rows: Rows) -> dict[str, Numbers]:
    """The risk of some rows by every baseline; the five factors are fitted on the training rows."""
    five_factors = fit_five_factors(data.history.where(train), data.happened[train])
    return dict(person_baselines(data.history.where(rows), data.attendance[rows], five_factors))


@dataclass(frozen=True)
class JudgedPerson:
    """A fitted model of people, and what it and the baselines said of the test rows."""

    model: RiskModel
    test: Rows
    risk: Numbers
    """Of the test rows. Shape (len(test),)."""
    baselines: dict[str, Numbers]
    judged_on: str


def train_and_judge(
    recipe: TrainingRecipe,
    features: FeatureRecipe,
    data: PersonData,
    *,
    zone: ZoneInfo,
    tell: Callable[[str], None],
    baseline: BaselineRecipe | None = None,
) -> JudgedPerson:
    """Fit on train and validation, open the test rows once. Dates are told on the clock of `zone`."""
    parts = split_of(recipe, data)
    train, test = np.flatnonzero(parts == TRAIN), np.flatnonzero(parts == TEST)
    tell(f"fitting on {len(train):,} rows, {len(features.names)} features …")
    model = fit_person(recipe, features, data, parts, baseline)
    tell(f"judging on {len(test):,} rows beside the baselines …")
    risk = risk_of(model, features, data, test)
    baselines = baselines_for(data, train, test)
    return JudgedPerson(model, test, risk, baselines, _judged_on(recipe, data, train, test, zone))


def _judged_on(recipe: TrainingRecipe, data: PersonData, train: Rows, test: Rows, zone: ZoneInfo) -> str:
    people = len(np.unique(data.person[test]))
    if recipe.split.kind == "person":
        return f"trained on {len(train):,} rows, judged on {len(test):,} rows of {people:,} other people"
    ends = (data.as_of[train].max(), data.as_of[test].min(), data.as_of[test].max())
    trained_to, first, last = (instant(moment).astimezone(zone) for moment in ends)
    lists = len(np.unique(data.as_of[test]))
    return (
        f"trained on {len(train):,} person-weeks to {trained_to:%-d %b %Y}, "
        f"judged on {lists} weekly lists, {first:%-d %b %Y} to {last:%-d %b %Y}"
    )
