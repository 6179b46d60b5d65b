"""Train and judge a model of people: who is likely to have the outcome within the horizon."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
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
from crisisrisk.models.risk_model import RiskModel
from crisisrisk.models.scorer import Scorer
from crisisrisk.models.trees import Numbers, Trees
from crisisrisk.timeline import MICROSECONDS_PER_DAY, instant
from crisisrisk.training.baseline_recipe import BaselineRecipe
from crisisrisk.training.calibrating import CalibrationRows, calibrate, level_wander
from crisisrisk.training.exposures import exposure_report, exposures_in_words
from crisisrisk.training.fitting import Block, fit_trees, scores
from crisisrisk.training.formula_fitting import fit_formula
from crisisrisk.training.person_data import PersonData
from crisisrisk.training.progress import NOTHING_KEPT, Progress
from crisisrisk.training.recipe import TrainingRecipe
from crisisrisk.training.sampling import SampledRows, sample_negatives
from crisisrisk.training.validation import Validation, cut_validation

Part = NDArray[np.int8]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class FittedPerson:
    """A model of people, and how it was come by, as plain values for the report."""

    model: RiskModel
    account: dict[str, Any]


def fit_person(
    recipe: TrainingRecipe,
    features: FeatureRecipe,
    data: PersonData,
    parts: Part,
    baseline: BaselineRecipe | None = None,
) -> RiskModel:
    """Trees, or the simple rule asked for, from the training rows; calibration and range from the validation rows."""
    return fitted_person(recipe, features, data, parts, baseline).model


def fitted_person(
    recipe: TrainingRecipe,
    features: FeatureRecipe,
    data: PersonData,
    parts: Part,
    baseline: BaselineRecipe | None = None,
    progress: Progress = NOTHING_KEPT,
) -> FittedPerson:
    """A model of people from the rows of parts TRAIN and VALIDATION, with the account of it.

    Raises DataError where rows with the outcome, or without, are missing or too few.
    """
    parts = np.where(helped_rows(recipe, data) & (parts != TEST), np.int8(-1), parts).astype(np.int8)
    train, held_out = np.flatnonzero(parts == TRAIN), np.flatnonzero(parts == VALIDATION)
    _require_people(data.person[train])
    _require_both(data.happened[train], "the training rows")
    _require_both(data.happened[held_out], "the validation rows")
    if baseline is None:
        cut = cut_validation(recipe, data, held_out)
        sample = _sample(recipe, data, train)
        scorer: Scorer = _trees(recipe, features, data, sample, cut.stop, progress)
        account = {"fitted_on": str(sample), "stopped_on_rows": len(cut.stop)}
    else:
        cut = Validation(held_out, held_out, None)  # nothing is stopped: all of it calibrates
        scorer = fit_formula(baseline, data.features[train], features.names, data.happened[train])
        account = {"fitted_on": f"all {len(train):,} rows"}
    calibrated = calibrate(
        recipe.model.calibration,
        _calibration_rows(data, cut.calibrate, scorer, features, progress),
        level=recipe.model.interval_level,
        wander=_wander(recipe, data, parts),
        seed=recipe.model.seed,
        notes=[cut.note] if cut.note else [],
    )
    return FittedPerson(RiskModel(scorer, calibrated.calibration), {**account, "calibration": calibrated.account})


def _sample(recipe: TrainingRecipe, data: PersonData, train: Rows) -> SampledRows:
    settings = recipe.model
    return sample_negatives(
        train, data.happened[train], per_positive=settings.negatives_per_positive, seed=settings.seed
    )


def _trees(
    recipe: TrainingRecipe,
    features: FeatureRecipe,
    data: PersonData,
    sample: SampledRows,
    stop: Rows,
    progress: Progress,
) -> Trees:
    """Trees from the rows drawn for it, as many as do best on the rows that stop them."""
    return fit_trees(
        "person",
        features.names,
        Block(data.features.rows(sample.rows), sample.happened, weights=sample.weights),
        Block(data.features.rows(stop), data.happened[stop]),
        recipe.model,
        progress,
    )


def _calibration_rows(
    data: PersonData, rows: Rows, scorer: Scorer, features: FeatureRecipe, progress: Progress
) -> CalibrationRows:
    log_odds = _log_odds(scorer, features, data, rows, progress, "calibrated_on")
    return CalibrationRows(log_odds, data.happened[rows], data.person[rows], data.thin[rows])


def _log_odds(
    scorer: Scorer, features: FeatureRecipe, data: PersonData, rows: Rows, progress: Progress, stage: str
) -> Numbers:
    """What a scorer says of ascending rows, block by block. Shape (len(rows),)."""

    def computed() -> dict[str, Numbers]:
        return {"log_odds": scores(data.features.rows(rows), lambda matrix: scorer.raw_score(matrix, features.names))}

    return np.asarray(progress.arrays(stage, computed)["log_odds"], dtype=np.float64)


def _wander(recipe: TrainingRecipe, data: PersonData, parts: Part) -> float:
    """How far the level of the outcome moved from one horizon to the next, among the rows that may be looked at."""
    if recipe.split.kind == "person":
        return 0.0
    seen = np.flatnonzero((parts == TRAIN) | (parts == VALIDATION))
    step_us = recipe.outcome.horizon_days * MICROSECONDS_PER_DAY
    return level_wander(data.as_of[seen], data.happened[seen], step_us=step_us)


def _require_people(person: Rows) -> None:
    """More than one person: what is learned of one says nothing of others."""
    if len(np.unique(person)) < 2:
        raise DataError(
            "CR-TRAIN-002", "there are too few people to learn from", where="the training rows",
            wanted="rows of two people or more", found=f"{len(person):,} rows of {len(np.unique(person))}",
            hint="widen [cohort] of the training recipe, or load more data",
        )  # fmt: skip


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
    ends: tuple[Numbers, Numbers]
    """The lower and upper end of each row's range."""
    baselines: dict[str, Numbers]
    judged_on: str
    account: dict[str, Any]
    """How the model was come by: rows, calibration, notes."""


def train_and_judge(
    recipe: TrainingRecipe,
    features: FeatureRecipe,
    data: PersonData,
    *,
    zone: ZoneInfo,
    tell: Callable[[str], None],
    baseline: BaselineRecipe | None = None,
    progress: Progress = NOTHING_KEPT,
) -> JudgedPerson:
    """Fit on train and validation, open the test rows once. Dates are told on the clock of `zone`."""
    parts = split_of(recipe, data)
    train, test = np.flatnonzero(parts == TRAIN), np.flatnonzero(parts == TEST)
    tell(f"fitting on {len(train):,} rows, {len(features.names)} features …")
    exposures = _told_exposures(data, train, tell)
    fitted = fitted_person(recipe, features, data, parts, baseline, progress)
    model = fitted.model
    tell(f"judging on {len(test):,} rows beside the baselines …")
    log_odds = _log_odds(model.scorer, features, data, test, progress, "judged_on")
    risk, ends = model.calibration.apply(log_odds), model.calibration.ends(log_odds, data.thin[test])
    baselines = baselines_for(data, train, test)
    judged_on = _judged_on(recipe, data, train, test, zone)
    account = {**fitted.account, "exposures": exposures}
    return JudgedPerson(model, test, risk, ends, baselines, judged_on, account)


def helped_rows(recipe: TrainingRecipe, data: PersonData) -> NDArray[np.bool_]:
    """The rows that help has changed and that the recipe leaves out of what a model is made from. Shape (rows,).

    The test block keeps all of its own: it says how lists do now.
    """
    if data.exposed is None or recipe.updating.helped_rows == "keep":
        return np.zeros(len(data), dtype=bool)
    return data.exposed.helped


def _told_exposures(data: PersonData, train: Rows, tell: Callable[[str], None]) -> dict[str, Any]:
    """What of the training rows followed a score; said at once where any did."""
    if data.exposed is None:
        return {"first_shown": None}
    found = exposure_report(data.exposed, data.as_of, data.happened, train)
    if found.get("training_rows_after"):
        tell(f"warning: {exposures_in_words(found)}")
    return found


def _judged_on(recipe: TrainingRecipe, data: PersonData, train: Rows, test: Rows, zone: ZoneInfo) -> str:
    people = len(np.unique(data.person[test]))
    if recipe.split.kind == "person":
        return f"trained on {len(train):,} rows, judged on {len(test):,} rows of {people:,} other people"
    ends = (data.as_of[train].max(), data.as_of[test].min(), data.as_of[test].max())
    trained_to, first, last = (instant(moment).astimezone(zone) for moment in ends)
    lists = len(np.unique(data.as_of[test]))
    stands, drawn = ("person-weeks", "weekly lists") if recipe.grid.every == "1 week" else ("rows", "lists")
    return (
        f"trained on {len(train):,} {stands} to {trained_to:%-d %b %Y}, "
        f"judged on {lists} {drawn}, {first:%-d %b %Y} to {last:%-d %b %Y}"
    )
