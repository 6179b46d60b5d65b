"""Bundles: whole or refused. One changed byte anywhere, one missing byte anywhere, and nothing is loaded."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from tests.lib.tiny_models import NAMES, bundle, feature_recipe, person_trees, sample, spec

from crisisrisk.errors import ModelError
from crisisrisk.models.bundle import Promotion, load_bundle, write_bundle
from crisisrisk.models.model_text import check_model_text
from crisisrisk.models.trees import Trees


@pytest.fixture(scope="module", params=["person", "place"])
def folder(request, tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("models") / request.param, bundle(request.param))


def test_a_bundle_comes_back_as_it_was_written(folder):
    written, read = bundle(folder.name), load_bundle(folder)
    assert read == written
    features, _ = sample()
    assert (read.model.contributions(features, NAMES) == written.model.contributions(features, NAMES)).all()


def test_a_bundle_holds_text_only(folder):
    names = {path.name for path in folder.iterdir()}
    assert names == {*bundle(folder.name).manifest.contents, "manifest.json", "manifest.sha256"}
    for path in folder.iterdir():
        path.read_bytes().decode("utf-8")


def refuses(folder) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load_bundle(folder)
    return caught.value


def test_any_one_changed_byte_is_refused(folder):
    random = np.random.default_rng(5)
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        places = {0, len(content) - 1, *random.integers(0, len(content), 40).tolist()}
        for place in places:
            changed = bytearray(content)
            changed[place] ^= 1 << int(random.integers(0, 8))
            path.write_bytes(bytes(changed))
            assert refuses(folder).code == "CR-MODEL-001", (path.name, place)
        path.write_bytes(content)
    load_bundle(folder)


def test_any_cut_is_refused(folder):
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for length in (0, 1, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:length])
            assert refuses(folder).code == "CR-MODEL-001", (path.name, length)
        path.write_bytes(content)
    load_bundle(folder)


def test_a_missing_or_additional_file_is_refused(folder):
    added = folder / "model.pkl"
    added.write_bytes(b"")
    assert refuses(folder).problem == "model.pkl: the manifest does not name it"
    added.unlink()
    hidden = folder / "features.json"
    content = hidden.read_bytes()
    hidden.unlink()
    assert refuses(folder).problem == "features.json: it is missing or cannot be read"
    hidden.write_bytes(content)


def test_the_error_says_what_to_do(tmp_path):
    made = write_bundle(tmp_path / "v1", bundle())
    (made / "model.txt").write_bytes((made / "model.txt").read_bytes() + b" ")
    assert refuses(made).rendered() == (
        "error[CR-MODEL-001]: model.txt: its digest differs\n"
        f"  where   {made}\n"
        "  hint    promote the run again; nothing of this bundle was loaded"
        " · see docs/reference/errors.md#cr-model-001"
    )


def test_a_bundle_is_never_written_over(tmp_path):
    write_bundle(tmp_path / "v1", bundle())
    with pytest.raises(ModelError) as caught:
        write_bundle(tmp_path / "v1", bundle())
    assert caught.value.problem == "a bundle is never written over"
    assert [path.name for path in tmp_path.iterdir()] == ["v1"]


def test_a_promotion_is_part_of_what_the_digests_cover(tmp_path):
    promotion = Promotion(by="a.person", at="2026-02-01T00:00:00+00:00", reason="agreed", checks=("auprc 0.2 to 0.1",))
    made = write_bundle(tmp_path / "v7", bundle().promoted(version=7, promotion=promotion))
    read = load_bundle(made)
    assert (read.manifest.version, read.manifest.promotion) == (7, promotion)
    manifest = made / "manifest.json"
    manifest.write_text(manifest.read_text().replace("agreed", "decided"))
    assert refuses(made).problem == "manifest.json: its digest differs"


def forged(folder, change) -> None:
    """Rewrite files and every digest, as someone with write access and a careless script would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    for name in manifest["files"]:
        content = (folder / name).read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    text = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(text)
    (folder / "manifest.sha256").write_text(f"{hashlib.sha256(text).hexdigest()}  manifest.json\n")


def test_a_recipe_that_does_not_make_the_models_columns_is_refused_by_name(tmp_path):
    made = write_bundle(tmp_path / "v1", bundle())
    other = replace(feature_recipe(), specs=(spec("gp_count_in_28_days", "gp"), *feature_recipe().specs[1:]))
    (made / "features.json").write_text(other.to_json())
    forged(made, lambda manifest: None)
    problem = refuses(made)
    assert (problem.code, problem.wanted, problem.found) == ("CR-MODEL-003", NAMES[0], "gp_count_in_28_days")


def test_columns_in_another_order_are_refused(tmp_path):
    made = write_bundle(tmp_path / "v1", bundle())
    forged(made, lambda manifest: manifest.update(feature_names=[NAMES[1], NAMES[0], NAMES[2]]))
    assert refuses(made).found == "another order"


# The structure of the model text, where digests were made to fit


@pytest.fixture(scope="module")
def text() -> str:
    return person_trees(4).text


def checked(text: str) -> None:
    check_model_text(text, feature_names=NAMES, trees=4, subject="person")


def test_the_text_that_lightgbm_writes_is_accepted(text):
    checked(text)


def changed_line(text: str, name: str, change) -> str:
    """The text with the first line of this name changed, and the header's sizes made to fit."""
    lines = text.split("\n")
    place = next(number for number, line in enumerate(lines) if line.startswith(f"{name}=") and number > 10)
    key, _, value = lines[place].partition("=")
    before = len(lines[place])
    lines[place] = f"{key}={change(value)}"
    sizes = next(number for number, line in enumerate(lines) if line.startswith("tree_sizes="))
    first, *rest = lines[sizes].removeprefix("tree_sizes=").split(" ")
    lines[sizes] = "tree_sizes=" + " ".join([str(int(first) + len(lines[place]) - before), *rest])
    return "\n".join(lines)


def replaced_first(value):
    return lambda text: " ".join([value, *text.split(" ")[1:]])


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("left_child", replaced_first("100000"), "tree 0 has a child that does not exist, or that hangs twice"),
        ("left_child", replaced_first("-100000"), "tree 0 has a child that does not exist, or that hangs twice"),
        ("right_child", replaced_first("0"), "tree 0 has a child that does not exist, or that hangs twice"),
        ("split_feature", replaced_first("99999"), "tree 0 splits on a column that does not exist"),
        ("split_feature", replaced_first("-1"), "tree 0 splits on a column that does not exist"),
        ("split_feature", replaced_first("1.5"), "tree 0 split_feature holds no whole number"),
        ("leaf_value", replaced_first("nan"), "tree 0 leaf_value holds something that is not a finite number"),
        ("leaf_value", replaced_first("inf"), "tree 0 leaf_value holds something that is not a finite number"),
        ("leaf_value", replaced_first("x"), "tree 0 leaf_value holds something that is not a number"),
        ("leaf_value", lambda value: value + " 0.5", "tree 0 leaf_value has the wrong length"),
        ("threshold", lambda value: value.split(" ", 1)[1], "tree 0 threshold has the wrong length"),
        ("threshold", replaced_first("nan"), "tree 0 threshold holds something that is not a finite number"),
        ("decision_type", replaced_first("1"), "tree 0 has a split of a kind that is not used here"),
        ("num_leaves", lambda value: "9999999", "tree 0 has an impossible number of leaves"),
        ("num_leaves", lambda value: "0", "tree 0 has an impossible number of leaves"),
        ("num_cat", lambda value: "1", "tree 0 is of a kind that is not used here"),
    ],
)
def test_impossible_trees_are_refused_before_lightgbm_sees_them(text, name, change, problem):
    with pytest.raises(ModelError) as caught:
        checked(changed_line(text, name, change))
    assert caught.value.problem == problem


def test_a_tree_that_runs_in_a_circle_is_refused(text):
    """Nodes 1 and 2 hang on each other: every child exists and hangs once, and no path ends."""
    looped = text
    lines = {"num_leaves": "4", "left_child": "-1 2 1", "right_child": "-2 -3 -4", "split_feature": "0 0 0"}
    three = ("split_gain", "threshold", "internal_value", "internal_weight", "internal_count")
    lines |= dict.fromkeys(three, "1 1 1") | {"decision_type": "2 2 2"}
    lines |= dict.fromkeys(("leaf_value", "leaf_weight", "leaf_count"), "1 1 1 1")
    for name, value in lines.items():
        looped = changed_line(looped, name, lambda _, value=value: value)
    with pytest.raises(ModelError) as caught:
        checked(looped)
    assert caught.value.problem == "tree 0 runs in a circle"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("num_class=1", "num_class=2", "the header's num_class is not the manifest's"),
        ("objective=binary sigmoid:1", "objective=lambdarank", "the header's objective is not the manifest's"),
        ("max_feature_idx=2", "max_feature_idx=5", "the header's max_feature_idx is not the manifest's"),
        (NAMES[0], "other", "the header's feature_names is not the manifest's"),
        ("version=v4\n", "", "the header does not have the lines it should"),
        ("Tree=1", "Tree=3", "tree 1 is not where it should be"),
        ("end of trees\n", "", "the text is cut short"),
        ("pandas_categorical:null\n", "", "the text is cut short"),
        ("shrinkage=1\n", "shrinkage=1\nextra=1\n", "the trees do not have the sizes that the header gives"),
    ],
)
def test_another_header_or_a_missing_part_is_refused(text, old, new, problem):
    with pytest.raises(ModelError) as caught:
        checked(text.replace(old, new, 1))
    assert caught.value.problem == problem


def test_no_cut_of_the_text_is_accepted(text):
    for length in range(0, len(text), max(1, len(text) // 60)):
        with pytest.raises(ModelError):
            checked(text[:length])


def test_a_model_of_no_trees_travels_too(tmp_path):
    made = write_bundle(tmp_path / "v1", bundle("place", Trees("no trees\n", NAMES, 0)))
    features, _ = sample()
    expected = load_bundle(made).place_model.expected(features, NAMES, offset=np.zeros(len(features)))
    assert (expected == 1).all()


def test_the_wrong_kind_of_model_is_refused():
    with pytest.raises(ModelError) as caught:
        _ = bundle("place").risk_model
    assert (caught.value.wanted, caught.value.found) == ("person", "place")
