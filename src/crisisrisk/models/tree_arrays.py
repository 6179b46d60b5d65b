"""The trees of a checked text as plain numbers, for what is computed of them without LightGBM."""

from collections.abc import Iterator
from dataclasses import dataclass

from crisisrisk.errors import ModelError

MISSING_NONE, MISSING_ZERO, MISSING_NAN = range(3)
"""What a split takes for missing: nothing (NaN is read as 0), 0 and NaN, or NaN."""


@dataclass(frozen=True)
class Tree:
    """One tree. Splits are 0, 1, … from the root; a child below 0 is leaf `-1 - child`."""

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    """A value goes left when it is at most this."""
    missing: tuple[int, ...]
    missing_left: tuple[bool, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    leaf_value: tuple[float, ...]
    split_rows: tuple[int, ...]
    """Training rows that came by each split."""
    leaf_rows: tuple[int, ...]

    def rows_at(self, node: int) -> int:
        """Training rows at a split or, below 0, at a leaf."""
        return self.split_rows[node] if node >= 0 else self.leaf_rows[-1 - node]


def read_trees(text: str) -> list[Tree]:
    """The trees of LightGBM's text, in order. Raises ModelError for a kind of split that is not used here."""
    return [_tree(lines) for lines in _blocks(text)]


def _blocks(text: str) -> Iterator[dict[str, str]]:
    body = text.partition("end of trees\n")[0]
    for block in body.split("\n\n")[1:]:
        pairs = (line.partition("=") for line in block.strip().split("\n"))
        fields = {name: value for name, _, value in pairs}
        if "num_leaves" in fields:
            yield fields


def _tree(fields: dict[str, str]) -> Tree:
    kinds = _whole(fields["decision_type"])
    if fields["num_cat"] != "0" or fields.get("is_linear", "0") != "0" or any(kind & 1 or kind > 11 for kind in kinds):
        raise ModelError(
            "CR-MODEL-002", "a tree is of a kind that cannot be explained", where="model.txt",
            wanted="splits of numbers and constant leaves",
        )  # fmt: skip
    leaf_value = _numbers(fields["leaf_value"])
    return Tree(
        feature=_whole(fields["split_feature"]),
        threshold=_numbers(fields["threshold"]),
        missing=tuple(kind >> 2 & 3 for kind in kinds),
        missing_left=tuple(bool(kind & 2) for kind in kinds),
        left=_whole(fields["left_child"]),
        right=_whole(fields["right_child"]),
        leaf_value=leaf_value,
        split_rows=_whole(fields["internal_count"]),
        leaf_rows=_whole(fields["leaf_count"]) if len(leaf_value) > 1 else (1,),
    )


def _whole(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split()))
