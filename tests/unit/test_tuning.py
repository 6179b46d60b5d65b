"""The search for settings: it never sees the test block, is resumed after a kill, and ends when it should."""

import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from tests.lib.invented_people import FEATURES, invented_people, recipe
from tests.lib.places_in_memory import PLACE, invented_places
from tests.lib.tuning_search import RECIPE, RECIPE_SPLIT, TRIALS, folds, searched

from crisisrisk.errors import DataError
from crisisrisk.evaluation.splits import TEST, TRAIN, VALIDATION
from crisisrisk.timeline import MICROSECONDS_PER_DAY, microseconds
from crisisrisk.training.exposures import Exposed
from crisisrisk.training.inner_folds import inner_parts_by_time, inner_shifts, person_folds, place_folds
from crisisrisk.training.person import split_of, time_split
from crisisrisk.training.person_data import PersonData
from crisisrisk.training.place import last_split
from crisisrisk.training.row_stream import FeatureStream
from crisisrisk.training.toml_text import toml_text
from crisisrisk.training.tuning import SPACE, BinnedFold, Budget, binned_folds, search, study_file

ROOT = Path(__file__).parents[2]


class Watched(FeatureStream):
    """A stream that remembers which rows anybody asked for."""

    asked: set[int]

    def block(self, number: int, rows: np.ndarray) -> np.ndarray:
        self.asked.update(rows.tolist())
        return super().block(number, rows)


@pytest.fixture(scope="module")
def data() -> PersonData:
    return invented_people(people=80, weeks=44).data


@pytest.fixture(scope="module")
def binned() -> tuple[BinnedFold, ...]:
    return folds()


# The test block stays closed


def test_no_row_of_the_test_block_and_no_label_that_reaches_into_it_is_in_a_fold(data: PersonData) -> None:
    opens = microseconds(time_split(RECIPE, data).test[0])
    for _, parts in inner_parts_by_time(RECIPE, data):
        used = data.as_of[parts >= 0]
        assert (used + 28 * MICROSECONDS_PER_DAY).max() <= opens
        assert (split_of(RECIPE, data)[parts >= 0] != TEST).all()


def test_each_fold_trains_earlier_and_judges_later_with_a_horizon_between(data: PersonData) -> None:
    found = list(inner_parts_by_time(RECIPE, data))
    assert len(found) == 2
    for _, parts in found:
        ends = [
            (data.as_of[parts == part].min(), data.as_of[parts == part].max()) for part in (TRAIN, VALIDATION, TEST)
        ]
        for (_, last), (first, _) in pairwise(ends):
            assert last + 28 * MICROSECONDS_PER_DAY <= first
    judged = [set(data.as_of[parts == TEST].tolist()) for _, parts in found]
    assert not judged[0] & judged[1]


def test_a_whole_search_reads_no_feature_of_a_test_row(data: PersonData, tmp_path: Path) -> None:
    stream = data.features
    watched = Watched(stream.recipe, data.buckets, stream._read, zone=stream._zone, kept_bytes=0)
    watched.asked = set()
    seen = replace(data, features=watched)
    bins = tuple(BinnedFold("person", FEATURES.names, fold, RECIPE.model) for fold in person_folds(RECIPE, seen))
    searched(tmp_path / "study.db", bins, trials=2)
    assert watched.asked
    assert not watched.asked & set(np.flatnonzero(split_of(RECIPE, data) == TEST).tolist())


def test_other_outcomes_in_the_test_block_change_nothing(data: PersonData) -> None:
    """Not even in the label windows that lie wholly in it."""
    test = split_of(RECIPE, data) == TEST
    other = replace(data, happened=data.happened ^ test)
    for one, another in zip(person_folds(RECIPE, data), person_folds(RECIPE, other), strict=True):
        assert one.name == another.name
        for block in ("train", "stop", "judged"):
            assert (getattr(one, block).labels == getattr(another, block).labels).all()


@pytest.mark.parametrize("kind", ["time", "person"])
def test_rows_that_help_has_changed_are_in_no_fold_unless_the_recipe_keeps_them(data: PersonData, kind: str) -> None:
    helped = np.random.default_rng(1).random(len(data)) < 0.3
    exposed = replace(data, exposed=Exposed(shown=helped, helped=helped, first_us=int(data.as_of.min())))
    asked = {"split": {**RECIPE_SPLIT, "kind": kind}}

    def rows_in(**updating: object) -> list[np.ndarray]:
        found = person_folds(recipe(**asked, updating=updating), exposed)
        return [block.features.numbers for fold in found for block in (fold.train, fold.stop, fold.judged)]

    dropped, kept = rows_in(helped_rows="drop"), rows_in(helped_rows="keep")
    for without, with_all in zip(dropped, kept, strict=True):
        assert helped[with_all].any()
        np.testing.assert_array_equal(without, with_all[~helped[with_all]])


def test_people_without_a_calendar_are_folded_by_person_and_test_people_are_in_no_fold(data: PersonData) -> None:
    by_person = recipe(split={"kind": "person"})
    held_out = set(data.person[split_of(by_person, data) == TEST].tolist())
    found = list(person_folds(by_person, data))
    assert len(found) == 3
    for fold in found:
        blocks = [set(data.person[block.features.numbers].tolist()) for block in (fold.train, fold.stop, fold.judged)]
        assert not held_out & set.union(*blocks)
        assert sum(map(len, blocks)) == len(set.union(*blocks))


def test_the_folds_of_places_end_before_the_test_block_and_search_like_those_of_people(tmp_path: Path) -> None:
    data = invented_places(days=300)
    site = SimpleNamespace(time_zone=ZoneInfo("Europe/London"))
    opens = data.shifts[last_split(PLACE, data, site).test[0]].start
    splits = list(inner_shifts(PLACE, data, site))
    assert len(splits) == 3
    assert all(data.shifts[split.test[-1]].end < opens for split in splits)
    assert all(split.train[-1] < split.validation[0] < split.validation[-1] < split.test[0] for split in splits)
    bins = binned_folds("place", ("x",), place_folds(PLACE, data, site), PLACE.model)
    found = search(tmp_path / "s.db", "s", bins, PLACE.model, Budget(trials=2), ended=lambda one: None)
    assert found.trials == 2
    assert np.isfinite(found.own_loss)


# Stopped and taken up again


def _trials(file: Path) -> list[tuple[object, ...]]:
    """The trials that ended, in order: state and losses as stored."""
    with sqlite3.connect(file) as database:
        return database.execute(
            "select t.state, group_concat(p.param_name || p.param_value), v.value from trials t "
            "join (select * from trial_params order by param_name) p on p.trial_id = t.trial_id "
            "left join trial_values v on v.trial_id = t.trial_id "
            "where t.state in ('COMPLETE', 'PRUNED') group by t.trial_id order by t.number"
        ).fetchall()


@pytest.mark.slow
def test_a_killed_search_goes_on_as_if_it_had_never_stopped(binned: tuple[BinnedFold, ...], tmp_path: Path) -> None:
    whole = searched(tmp_path / "whole.db", binned)
    killed = tmp_path / "killed.db"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.lib.tuning_search", str(killed)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("trial 4"):
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    resumed = searched(killed, binned)
    assert 4 <= resumed.resumed < TRIALS
    assert _trials(killed) == _trials(tmp_path / "whole.db")
    assert replace(resumed, resumed=0) == whole


def test_a_study_that_has_its_trials_is_only_told_again(binned: tuple[BinnedFold, ...], tmp_path: Path) -> None:
    first = searched(tmp_path / "study.db", binned, trials=3)
    again = searched(tmp_path / "study.db", binned, trials=3)
    assert (again.trials, again.resumed) == (3, 3)
    assert (again.loss, again.settings) == (first.loss, first.settings)
    assert searched(tmp_path / "study.db", binned, trials=1, name="of other data").resumed == 0


def test_the_best_is_never_worse_than_the_recipe_as_it_is(binned: tuple[BinnedFold, ...], tmp_path: Path) -> None:
    found = searched(tmp_path / "study.db", binned, trials=4)
    assert found.loss <= found.own_loss
    # Ten times the learning rate of a recipe that had too little time to learn is easily better.
    assert set(found.changed) == {knob.name for knob in SPACE}
    assert replace(RECIPE.model, **found.changed) == found.settings


def test_trials_stay_inside_the_space(binned: tuple[BinnedFold, ...], tmp_path: Path) -> None:
    found = searched(tmp_path / "study.db", binned, trials=3)
    for knob in SPACE:
        assert knob.low <= found.changed[knob.name] <= knob.high
        assert isinstance(found.changed[knob.name], int) is knob.whole


def test_no_time_left_keeps_what_was_found(binned: tuple[BinnedFold, ...], tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    before = searched(file, binned, trials=2)
    spent = Budget(trials=50, until=time.monotonic() - 1)
    found = search(file, "study", binned, RECIPE.model, spent, ended=lambda one: None)
    assert (found.trials, found.loss) == (2, before.loss)


def test_two_searches_of_one_recipe_do_not_run_at_once(tmp_path: Path) -> None:
    file = tmp_path / "tuning" / "one.db"
    with study_file(file), pytest.raises(DataError) as caught, study_file(file):
        pass
    assert caught.value.code == "CR-TRAIN-004"
    with study_file(file):
        pass


# Bad input


def test_data_too_short_for_one_fold_are_refused(data: PersonData) -> None:
    with pytest.raises(DataError) as caught:
        list(person_folds(recipe(split={"validation_days": 84, "test_days": 42}), data))
    assert caught.value.problem == "the data are too short to search for settings without the test block"


def test_a_fold_without_outcomes_is_named(data: PersonData) -> None:
    none = replace(data, happened=np.zeros_like(data.happened))
    with pytest.raises(DataError) as caught:
        list(person_folds(RECIPE, none))
    assert caught.value.rendered().startswith("error[CR-TRAIN-002]: there is nothing to tell apart\n  where   the rows")


# The tuned copy


def test_what_is_written_as_toml_is_read_back() -> None:
    content = {
        "name": "a", "flag": True, "day": date(2026, 1, 5), "quoted": 'line\n"two"\\ é',
        "model": {"rate": 0.05, "tiny": 1e-9, "leaves": 15, "monotone": {"increasing": ["a*", "b"]}},
        "cohort": {"excluded_while": [{"name": "in_prison", "sources": ["prison"]}], "codes": {"F 9": ["1.2"]}},
    }  # fmt: skip
    assert tomllib.loads(toml_text(content)) == content


def test_the_documentation_names_the_space_that_is_searched() -> None:
    page = (ROOT / "docs/how-to/tune.md").read_text(encoding="utf-8")
    for knob in SPACE:
        drawn = "by factors" if knob.by_factors else "evenly"
        assert f"| `{knob.name}` | {knob.low:g} | {knob.high:g} | {drawn} |" in page
