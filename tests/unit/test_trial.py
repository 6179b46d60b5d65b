"""The trial of a model in a process of its own, and our own reading of trees."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from tests.lib.tiny_models import NAMES, PARAMETERS, person_trees, place_trees

from crisisrisk.errors import ModelError
from crisisrisk.models.calibration import Calibration
from crisisrisk.models.lightgbm_import import lightgbm as imported
from crisisrisk.models.model_text import check_model_text
from crisisrisk.models.risk_model import RiskModel
from crisisrisk.models.trees import NO_TREES, Trees, trees_of
from crisisrisk.models.trial import probe_rows, require_trial, said_in_a_child

ROUNDS = 12


@pytest.fixture(scope="module")
def trees() -> Trees:
    return person_trees(ROUNDS)


def model_of(trees: Trees) -> RiskModel:
    return RiskModel(trees, Calibration(kind="platt", slope=0.9, intercept=0.1))


def failed(tmp_path, trees: Trees, **changes) -> str:
    with pytest.raises(ModelError) as caught:
        require_trial(tmp_path / "models", model_of(trees), "digest", **changes)
    assert caught.value.code == "CR-MODEL-007"
    return caught.value.problem.removeprefix("the model failed its trial: ")


# Our own reading


def varied(seed: int, **parameters) -> Trees:
    """Trees of columns with gaps, zeros and infinities."""
    random = np.random.default_rng(seed)
    columns = random.normal(size=(3000, 5))
    columns[random.random(columns.shape) < 0.2] = np.nan
    columns[:, 1] = np.where(random.random(3000) < 0.5, 0, columns[:, 1])
    columns[:, 3] = np.where(random.random(3000) < 0.2, 1e30, columns[:, 3])
    happened = np.nan_to_num(columns[:, 0]) + (columns[:, 1] == 0) + random.normal(size=3000) > 0
    data = lightgbm.Dataset(columns, happened.astype(int), feature_name=list("abcde"))
    made = lightgbm.train({**PARAMETERS, "objective": "binary", "num_leaves": 31, **parameters}, data, 30)
    return trees_of(made, 30)


@pytest.mark.parametrize("parameters", [{}, {"zero_as_missing": True}, {"use_missing": False}, {"max_depth": 1}])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_our_own_reading_is_lightgbms_to_the_bit(seed: int, parameters) -> None:
    made = varied(seed, **parameters)
    check_model_text(made.text, feature_names=made.feature_names, trees=30, subject="person")
    random = np.random.default_rng(seed)
    beyond = random.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-35, -1e-36, 1e308], (200, 5))
    for rows in (probe_rows(made.walker, 5, seed=str(seed)), random.normal(size=(300, 5)), beyond):
        assert made.walker.raw_score(rows).tobytes() == made.raw_score(rows, tuple("abcde")).tobytes()


def test_models_of_places_and_trees_of_one_leaf_are_read_too() -> None:
    trees, _ = place_trees(ROUNDS)
    rows = probe_rows(trees.walker, len(NAMES), seed="x")
    assert trees.walker.raw_score(rows).tobytes() == trees.raw_score(rows, NAMES).tobytes()
    stump = varied(1, min_data_in_leaf=3000)
    rows = probe_rows(stump.walker, 5, seed="x")
    assert "num_leaves=1\n" in stump.text
    assert stump.walker.raw_score(rows).tobytes() == stump.raw_score(rows, tuple("abcde")).tobytes()


def test_probe_rows_stand_at_the_models_own_thresholds(trees: Trees) -> None:
    rows = probe_rows(trees.walker, len(NAMES), seed="x")
    thresholds = set(trees.walker.threshold[trees.walker.feature == 2].tolist())
    assert len(thresholds & set(rows[:, 2].tolist())) > 5
    assert np.isnan(rows).any()
    assert (rows == probe_rows(trees.walker, len(NAMES), seed="x")).sum() == (~np.isnan(rows)).sum()
    assert len(set(trees.walker.raw_score(rows).tolist())) > 20  # they tell models apart


# The process


def test_a_model_passes_once_and_is_remembered(tmp_path, trees: Trees) -> None:
    (tmp_path / "models").mkdir()
    require_trial(tmp_path / "models", model_of(trees), "digest")
    require_trial(tmp_path / "models", model_of(trees), "digest", seconds=0)  # no process is started for it again
    assert failed(tmp_path, trees_of(trees.booster, ROUNDS - 1), seconds=0) == "it was not loaded within 0 seconds"


def test_a_model_of_no_trees_needs_no_trial(tmp_path) -> None:
    require_trial(tmp_path / "models", model_of(Trees(NO_TREES, NAMES, 0)), "digest", seconds=0)
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_kills_lightgbm_kills_the_child(tmp_path, trees: Trees) -> None:
    broken = Trees(trees.text.replace("left_child=", "left_child=100000 ", 1), NAMES, ROUNDS)
    broken.__dict__["walker"] = trees.walker  # as if the check had let it through
    assert "the process that loaded it ended with" in failed(tmp_path, broken)


def test_lightgbm_must_say_what_was_checked(tmp_path, trees: Trees) -> None:
    other = Trees(trees.text, NAMES, ROUNDS)
    other.__dict__["walker"] = person_trees(ROUNDS - 1).walker
    assert failed(tmp_path, other) == "LightGBM reads it otherwise than it was checked"


def test_sums_that_are_no_numbers_are_refused(tmp_path, trees: Trees) -> None:
    lines = trees.text.split("\n")
    large = [" ".join(["1.7e+308"] * len(line.split(" "))) for line in lines if line.startswith("leaf_value=")]
    values = iter(large)
    text = "\n".join(f"leaf_value={next(values)}" if line.startswith("leaf_value=") else line for line in lines)
    assert failed(tmp_path, Trees(text, NAMES, ROUNDS)) == "it says something that is not a finite number"


def test_what_the_child_refuses_is_refused(trees: Trees) -> None:
    with pytest.raises(ModelError) as caught:
        said_in_a_child(trees, np.zeros((1, 2)), seconds=60)  # rows of another width
    assert caught.value.problem.endswith("the process that loaded it ended with 1")


def test_the_child_imports_nothing_from_the_folder_that_it_is_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trees: Trees
) -> None:
    (tmp_path / "numpy.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    rows = probe_rows(trees.walker, len(NAMES), seed="x")
    assert said_in_a_child(trees, rows, seconds=60).tobytes() == trees.walker.raw_score(rows).tobytes()
    assert not (tmp_path / "ran").exists()


def test_the_child_is_limited_in_memory_and_writes_no_file(tmp_path) -> None:
    code = (
        "from crisisrisk.models.trial_child import MEMORY_BYTES, limit; limit()\n"
        "try:\n    bytearray(MEMORY_BYTES)\nexcept MemoryError:\n    print('no memory')\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try:\n    file = open('file', 'wb', buffering=0); file.write(b'x')\nexcept OSError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines() == ["no memory", "[Errno 27] File too large"]


def test_lightgbm_is_imported_without_what_loads_pickles() -> None:
    code = (
        "from crisisrisk.models.lightgbm_import import lightgbm; import sys; lightgbm();"
        "print(sorted({'sklearn', 'joblib', 'dask'} & set(sys.modules)));"
        "import sklearn; print(sklearn.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "sklearn"]
    assert imported().__name__ == "lightgbm"


# Texts that were changed, where every digest was made to fit

MUTATIONS = 150


def test_one_changed_byte_is_refused_or_read_in_one_way(trees: Trees) -> None:
    """Of 150 such texts LightGBM alone refuses none, and 20 kill or hang it. What passes here it reads as we do."""
    random, content = np.random.default_rng(7), trees.text.encode()
    passed = []
    for _ in range(MUTATIONS):
        place, byte = int(random.integers(len(content))), int(random.integers(256))
        text = (content[:place] + bytes([byte]) + content[place + 1 :]).decode("utf-8", errors="surrogateescape")
        with suppress(ModelError):
            check_model_text(text, feature_names=NAMES, trees=ROUNDS, subject="person")
            passed.append(Trees(text, NAMES, ROUNDS))
    assert 0 < len(passed) < MUTATIONS
    read = 0
    for changed in passed[::2]:
        rows = probe_rows(changed.walker, len(NAMES), seed="x")
        with suppress(ModelError):  # LightGBM may refuse it too: a parameter that it does not know
            assert said_in_a_child(changed, rows, seconds=60).tobytes() == changed.walker.raw_score(rows).tobytes()
            read += 1
    assert read > 0


@pytest.mark.parametrize(
    ("old", "new"),
    [("leaf_value=-1.", "leaf_value=-1_0."), ("leaf_count=", "leaf_count=-"), ("internal_count=3", "internal_count=3e"),
     ("[boosting: gbdt]", "[boosting: gbdt\x07]"), ("\nparameters:", "\nparameters:\n[x"), ("[0:6]", "[0:x]"),
     ("feature_importances:\n", "feature_importances:\nx=-1\n"), ("threshold=2", "threshold=\u0662")],
)  # fmt: skip
def test_what_python_and_lightgbm_read_differently_is_refused(trees: Trees, old: str, new: str) -> None:
    assert old in trees.text
    text = trees.text.replace(old, new, 1)
    lines = text.split("\n")
    sizes = next(number for number, line in enumerate(lines) if line.startswith("tree_sizes="))
    first, *rest = lines[sizes].removeprefix("tree_sizes=").split(" ")
    grown = len(text.encode()) - len(trees.text.encode()) if old.endswith(("=", "=3", "1.", "=2")) else 0
    lines[sizes] = "tree_sizes=" + " ".join([str(int(first) + grown), *rest])
    with pytest.raises(ModelError) as caught:
        check_model_text("\n".join(lines), feature_names=NAMES, trees=ROUNDS, subject="person")
    assert "sizes" not in caught.value.problem
