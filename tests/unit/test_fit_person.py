"""A model of people from rows: who fits it, who stops it, who calibrates it, and what is refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.lib.invented_people import FEATURES, InventedPeople, invented_people, recipe

from crisisrisk.errors import DataError
from crisisrisk.evaluation.splits import TEST, TRAIN, VALIDATION
from crisisrisk.shipped import shipped
from crisisrisk.timeline import MICROSECONDS_PER_DAY
from crisisrisk.training.baseline_recipe import read_baselines
from crisisrisk.training.fitting import Block, fit_trees
from crisisrisk.training.person import fit_person, fitted_person, split_of
from crisisrisk.training.person_data import PersonData
from crisisrisk.training.progress import Progress
from crisisrisk.training.sampling import sample_negatives
from crisisrisk.training.validation import cut_validation


@pytest.fixture(scope="module")
def invented() -> InventedPeople:
    return invented_people()


@pytest.fixture(scope="module")
def data(invented: InventedPeople) -> PersonData:
    return invented.data


def test_the_same_rows_and_seed_give_the_same_model_to_the_byte(data: PersonData) -> None:
    asked = recipe(model={"negatives_per_positive": 3, "calibration": "best"})
    parts = split_of(asked, data)
    models = [fit_person(asked, FEATURES, data, parts) for _ in range(5)]
    assert len({model.scorer.text for model in models}) == 1
    assert len({model.calibration.to_json() for model in models}) == 1
    two = fit_person(replace(asked, model=replace(asked.model, threads=2)), FEATURES, data, parts)
    assert trees_alone(two.scorer.text) == trees_alone(models[0].scorer.text)


def trees_alone(text: str) -> str:
    """Without the parameters that follow them, which name the threads."""
    return text.partition("end of trees")[0]


def test_drawn_rows_give_the_trees_of_the_matrix_to_the_byte(data: PersonData) -> None:
    """A validation set without weights, streamed beside drawn rows that have them, must count every row once."""
    asked = recipe(model={"negatives_per_positive": 3})
    parts = split_of(asked, data)
    train, stop = (np.flatnonzero(parts == part) for part in (TRAIN, VALIDATION))
    sample = sample_negatives(train, data.happened[train], per_positive=3, seed=asked.model.seed)
    texts = []
    for features in (data.features.rows, data.features.__getitem__):
        fitted_on = Block(features(sample.rows), sample.happened, weights=sample.weights)
        trees = fit_trees("person", FEATURES.names, fitted_on, Block(features(stop), data.happened[stop]), asked.model)
        texts.append(trees.text)
        assert trees.count > 3
    assert texts[0] == texts[1]


def test_a_fit_goes_on_from_kept_bins_and_from_damaged_ones_begins_anew(data: PersonData, tmp_path: Path) -> None:
    asked = recipe(model={"negatives_per_positive": 3})
    parts = split_of(asked, data)
    whole = fit_person(asked, FEATURES, data, parts).scorer.text
    sound: dict[str, bytes] = {}

    class Stopping(Progress):
        """Gives up once there are trees, and leaves the bins there."""

        def drop(self, *names: str) -> None:
            sound.update({name: (tmp_path / name).read_bytes() for name in names})

    assert fitted_person(asked, FEATURES, data, parts, progress=Stopping(tmp_path)).model.scorer.text == whole
    assert set(sound) == {"train.bins", "stop.bins"}
    for content in (sound, {name: one[: len(one) // 2] for name, one in sound.items()}):
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        for name, one in content.items():
            (tmp_path / name).write_bytes(one)
        assert fitted_person(asked, FEATURES, data, parts, progress=Progress(tmp_path)).model.scorer.text == whole
        assert sorted(path.name for path in tmp_path.iterdir()) == ["calibrated_on.npz", "trees.npz"]


def test_only_the_drawn_rows_are_computed_for_fitting(data: PersonData, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = recipe(model={"negatives_per_positive": 2})
    parts = split_of(asked, data)
    streamed: list[np.ndarray] = []
    whole = type(data.features).rows
    monkeypatch.setattr(type(data.features), "rows", lambda self, rows: (streamed.append(rows), whole(self, rows))[1])
    fit_person(asked, FEATURES, data, parts)
    train = np.flatnonzero(parts == TRAIN)
    positives = int(data.happened[train].sum())
    assert len(streamed[0]) == 3 * positives < len(train)
    assert set(np.concatenate(streamed[1:])) <= set(np.flatnonzero(parts == VALIDATION))


def test_sampling_moves_neither_the_level_nor_the_rows_that_judge(data: PersonData) -> None:
    parts = split_of(recipe(), data)
    test = np.flatnonzero(parts == TEST)
    means = []
    for drawn in ({}, {"negatives_per_positive": 3}):
        asked = recipe(model=drawn)
        assert (split_of(asked, data) == parts).all()
        model = fit_person(asked, FEATURES, data, parts)
        means.append(model.probability(data.features[test], FEATURES.names).mean())
    assert means[1] == pytest.approx(means[0], rel=0.15)


def test_the_validation_block_is_cut_with_a_horizon_between(data: PersonData) -> None:
    asked = recipe()
    rows = np.flatnonzero(split_of(asked, data) == VALIDATION)
    stop, calibrate, note = cut_validation(asked, data, rows)
    assert note is None
    assert set(stop) | set(calibrate) < set(rows)
    reach = 28 * MICROSECONDS_PER_DAY
    assert data.as_of[stop].max() + reach <= data.as_of[calibrate].min()
    kept = [len(np.unique(data.as_of[part])) for part in (stop, calibrate)]
    assert kept == [4, 5]  # of twelve moments three or four lie between


def test_a_longer_gap_is_left_free_too(data: PersonData) -> None:
    asked = recipe(split={"gap_days": 7})
    rows = np.flatnonzero(split_of(asked, data) == VALIDATION)
    stop, calibrate, _ = cut_validation(asked, data, rows)
    assert data.as_of[stop].max() + 35 * MICROSECONDS_PER_DAY <= data.as_of[calibrate].min()


def test_without_dates_the_people_of_the_validation_block_are_halved(data: PersonData) -> None:
    asked = recipe(split={"kind": "person"})
    rows = np.flatnonzero(split_of(asked, data) == VALIDATION)
    stop, calibrate, note = cut_validation(asked, data, rows)
    assert note is None
    assert sorted([*stop, *calibrate]) == rows.tolist()
    assert not set(data.person[stop]) & set(data.person[calibrate])


def test_too_few_to_cut_in_two_is_said(data: PersonData) -> None:
    asked = recipe(split={"validation_days": 14})
    fitted = fitted_person(asked, FEATURES, data, split_of(asked, data))
    (note,) = [one for one in fitted.account["calibration"]["notes"] if "validation block" in one]
    assert note.startswith("the validation block is too short to be cut in two with 10 outcomes in each part")


def test_the_account_says_how_the_model_was_come_by(data: PersonData) -> None:
    asked = recipe(model={"calibration": "best", "negatives_per_positive": 3})
    account = fitted_person(asked, FEATURES, data, split_of(asked, data)).account
    calibration = account["calibration"]
    assert "rows with the outcome and" in account["fitted_on"]
    assert calibration["kind"] == min(calibration["log_loss"], key=calibration["log_loss"].get)
    assert calibration["rows"] == 5 * 150
    assert set(calibration) >= {"asked", "outcomes", "people", "thin_rows", "interval_level", "wander", "notes"}


@pytest.mark.parametrize("everybody", [True, False])
def test_one_class_only_is_refused(data: PersonData, everybody: bool) -> None:
    one_class = replace(data, happened=np.full(len(data), everybody))
    with pytest.raises(DataError, match="there is nothing to tell apart") as caught:
        fit_person(recipe(), FEATURES, one_class, split_of(recipe(), data))
    assert (caught.value.code, caught.value.where) == ("CR-TRAIN-002", "the training rows")


def test_no_outcome_in_the_validation_block_is_refused(data: PersonData) -> None:
    parts = split_of(recipe(), data)
    without = replace(data, happened=data.happened & (parts != VALIDATION))
    with pytest.raises(DataError, match="there is nothing to tell apart") as caught:
        fit_person(recipe(), FEATURES, without, parts)
    assert (caught.value.where, caught.value.found) == ("the validation rows", "none of 1,800 rows has it")


def test_a_single_person_is_refused() -> None:
    alone, rules = invented_people(people=1).data, read_baselines(shipped("training") / "baselines.toml").rules
    for baseline in (None, rules["days_since_last"]):
        with pytest.raises(DataError) as caught:
            fit_person(recipe(), FEATURES, alone, split_of(recipe(), alone), baseline)
        assert (caught.value.code, caught.value.problem, caught.value.found) == (
            "CR-TRAIN-002", "there are too few people to learn from", "18 rows of 1",
        )  # fmt: skip
    with pytest.raises(DataError, match="the people are too few to split"):
        split_of(recipe(split={"kind": "person"}), alone)


def test_a_horizon_longer_than_the_data_is_refused(data: PersonData) -> None:
    with pytest.raises(DataError, match="the dates are too few for a temporal split") as caught:
        split_of(recipe(outcome={"horizon_days": 300}), data)
    assert caught.value.code == "CR-EVAL-002"
