"""The structure of LightGBM's text, checked in plain Python before any byte of it reaches LightGBM.

LightGBM does not check: changed indices or a cut file write out of bounds or kill the process. What is not
written exactly as LightGBM writes it for our models is refused.
"""

import math
import re
from collections.abc import Sequence

from crisisrisk.errors import ModelError
from crisisrisk.models.trees import NO_TREES

OBJECTIVES = {"person": "binary sigmoid:1", "place": "poisson"}

_HEADER = (
    "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx",
    "objective", "feature_names", "feature_infos", "tree_sizes",
)  # fmt: skip
_CONSTRAINTS = "monotone_constraints"
"""A line after `feature_names`, where the recipe asks for any."""
_PER_SPLIT = ("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
              "internal_value", "internal_weight", "internal_count")  # fmt: skip
_PER_LEAF = ("leaf_value", "leaf_weight", "leaf_count")
_TREE = ("num_leaves", "num_cat", "split_feature", "split_gain", "threshold", "decision_type", "left_child",
         "right_child", "leaf_value", "leaf_weight", "leaf_count", "internal_value", "internal_weight",
         "internal_count", "is_linear", "shrinkage")  # fmt: skip
_COUNTS = ("leaf_count", "internal_count")
_END = "end of trees"
_MOST_LEAVES = 65_536
_MOST_COUNT = 2**31 - 1
_NUMBER_TEXT = r"-?(?:\d+(?:\.\d+)?(?:e[+-]\d{1,3})?|inf|nan)"
# Python reads more as a number than LightGBM does: 1_000, digits of other scripts, blanks around it.
_NUMBER = re.compile(_NUMBER_TEXT, re.ASCII)
_WHOLE = re.compile(r"-?\d{1,10}", re.ASCII)
_RANGE = re.compile(rf"none|\[{_NUMBER_TEXT}:{_NUMBER_TEXT}\]", re.ASCII)
_AFTER_THE_TREES = re.compile(
    r"\nfeature_importances:\n((?:[^\s=]+=\d+\n)*)\nparameters:\n(?:\[\w+: [ -~]*\]\n)*"
    r"\nend of parameters\n\npandas_categorical:null\n"
)


def check_model_text(text: str, *, feature_names: Sequence[str], trees: int, subject: str) -> None:
    """Raise ModelError unless the text is a whole model of these columns and this many trees."""
    if trees == 0:
        _require(text == NO_TREES, "a model of no trees has another text", wanted=NO_TREES.strip())
        return
    head, _, rest = text.partition("\n\n")
    sizes = _check_header(head, feature_names, trees, subject)
    trees_text, end, after = rest.partition(f"{_END}\n")
    _require(bool(end), "the text is cut short", wanted=f'a line "{_END}"')
    _require(text.endswith("end of parameters\n\npandas_categorical:null\n"), "the text is cut short",
             wanted='"end of parameters" and "pandas_categorical:null" as its end')  # fmt: skip
    _check_after_the_trees(after, feature_names)
    _require(trees_text.isascii(), "the trees hold something that is not ASCII")
    _require(len(trees_text) == sum(sizes), "the trees do not have the sizes that the header gives",
             wanted=f"{sum(sizes)} bytes", found=f"{len(trees_text)}")  # fmt: skip
    start = 0
    for number, size in enumerate(sizes):
        _check_tree(trees_text[start : start + size], number, len(feature_names))
        start += size


def _check_after_the_trees(text: str, feature_names: Sequence[str]) -> None:
    found = _AFTER_THE_TREES.fullmatch(text)
    named = {line.partition("=")[0] for line in (found[1] if found else "=").splitlines()}
    _require(named <= set(feature_names), "what comes after the trees is not what LightGBM writes",
             wanted="feature importances, parameters, and nothing else")  # fmt: skip


def _require(holds: bool, problem: str, *, wanted: str | None = None, found: str | None = None) -> None:
    if not holds:
        raise ModelError(
            "CR-MODEL-002", problem, where="model.txt", wanted=wanted, found=found,
            hint="promote the run again; the model was not loaded",
        )  # fmt: skip


def _fields(lines: Sequence[str], wanted: Sequence[str], what: str) -> dict[str, str]:
    pairs = [line.partition("=") for line in lines]
    names = tuple(name for name, _, _ in pairs)
    _require(names == tuple(wanted), f"{what} does not have the lines it should", wanted=", ".join(wanted))
    return {name: value for name, _, value in pairs}


def _check_header(head: str, feature_names: Sequence[str], trees: int, subject: str) -> list[int]:
    lines = head.split("\n")
    _require(lines[0] == "tree", "the text does not start as a model does", wanted="tree")
    constrained = any(line.startswith(f"{_CONSTRAINTS}=") for line in lines)
    after = _HEADER.index("feature_names") + 1
    wanted_lines = (*_HEADER[:after], _CONSTRAINTS, *_HEADER[after:]) if constrained else _HEADER
    values = _fields(lines[1:], wanted_lines, "the header")
    exact = {
        "version": "v4",
        "num_class": "1",
        "num_tree_per_iteration": "1",
        "label_index": "0",
        "max_feature_idx": str(len(feature_names) - 1),
        "objective": OBJECTIVES[subject],
        "feature_names": " ".join(feature_names),
    }
    for name, wanted in exact.items():
        _require(values[name] == wanted, f"the header's {name} is not the manifest's", wanted=wanted[:200])
    infos = values["feature_infos"].split(" ")
    _require(len(infos) == len(feature_names), "the header's feature_infos are not complete")
    _require(all(map(_RANGE.fullmatch, infos)), "the header's feature_infos are not ranges of numbers")
    signs = values.get(_CONSTRAINTS, " ".join(["0"] * len(feature_names))).split(" ")
    _require(
        len(signs) == len(feature_names) and set(signs) <= {"-1", "0", "1"},
        "the header's monotone_constraints are not one of -1, 0 and 1 for each column",
    )
    sizes = _whole_numbers(values["tree_sizes"], "tree_sizes", trees)
    _require(all(size > 0 for size in sizes), "a tree has no size")
    return sizes


def _check_tree(text: str, number: int, features: int) -> None:
    what = f"tree {number}"
    lines = text.rstrip("\n").split("\n")
    _require(lines[0] == f"Tree={number}", f"{what} is not where it should be", wanted=f"Tree={number}")
    values = _fields(lines[1:], _TREE, what)
    _require(values["num_cat"] == "0" and values["is_linear"] == "0", f"{what} is of a kind that is not used here")
    leaves = _whole_numbers(values["num_leaves"], f"{what} num_leaves", 1)[0]
    _require(1 <= leaves <= _MOST_LEAVES, f"{what} has an impossible number of leaves")
    _check_numbers(values, leaves, what)
    if leaves > 1:
        _check_splits(values, leaves, features, what)


def _check_numbers(values: dict[str, str], leaves: int, what: str) -> None:
    """Every array is as long as it must be and holds finite numbers. A tree of one leaf leaves most of them empty."""
    for name in (*_PER_SPLIT, *_PER_LEAF):
        length = leaves - 1 if name in _PER_SPLIT else leaves
        if leaves == 1 and name == "leaf_weight" and values[name] == "":
            continue
        numbers = _numbers(values[name], f"{what} {name}", length)
        # A threshold of infinity parts what is known from what is missing; nothing else may be infinite.
        fine = all(not math.isnan(one) if name == "threshold" else math.isfinite(one) for one in numbers)
        _require(fine, f"{what} {name} holds something that is not a finite number")
        if name in _COUNTS:
            counts = _whole_numbers(values[name], f"{what} {name}", length)
            _require(all(0 <= one <= _MOST_COUNT for one in counts), f"{what} {name} holds something that is no count")
    _require(math.isfinite(_numbers(values["shrinkage"], f"{what} shrinkage", 1)[0]), f"{what} shrinkage is not finite")


def _check_splits(values: dict[str, str], leaves: int, features: int, what: str) -> None:
    splits = leaves - 1
    used = _whole_numbers(values["split_feature"], f"{what} split_feature", splits)
    _require(all(0 <= one < features for one in used), f"{what} splits on a column that does not exist")
    kinds = _whole_numbers(values["decision_type"], f"{what} decision_type", splits)
    # Bit 0 marks a categorical split, bit 1 the side of missing values, bits 2 and 3 how missing is written.
    _require(all(kind in (0, 2, 4, 6, 8, 10) for kind in kinds), f"{what} has a split of a kind that is not used here")
    children = [
        *_whole_numbers(values["left_child"], f"{what} left_child", splits),
        *_whole_numbers(values["right_child"], f"{what} right_child", splits),
    ]
    # Internal nodes are 0, 1, …, leaves are -1, -2, …; each but the root hangs on exactly one split.
    wanted = [*range(-leaves, 0), *range(1, splits)]
    _require(sorted(children) == wanted, f"{what} has a child that does not exist, or that hangs twice")
    parents = dict(zip(children, [*range(splits), *range(splits)], strict=True))
    # LightGBM numbers a split after the one it hangs on, so no path can run in a circle.
    _require(all(parents[node] < node for node in range(1, splits)), f"{what} runs in a circle")


def _numbers(text: str, what: str, length: int) -> list[float]:
    parts = text.split(" ") if text else []
    _require(len(parts) == length, f"{what} has the wrong length", wanted=str(length), found=str(len(parts)))
    _require(all(map(_NUMBER.fullmatch, parts)), f"{what} holds something that is not a number")
    return [float(part) for part in parts]


def _whole_numbers(text: str, what: str, length: int) -> list[int]:
    parts = text.split(" ") if text else []
    _require(len(parts) == length, f"{what} has the wrong length", wanted=str(length), found=str(len(parts)))
    _require(all(map(_WHOLE.fullmatch, parts)), f"{what} holds no whole number")
    return [int(part) for part in parts]
