"""Trees as numbers: read from LightGBM's text; what cannot be explained is refused."""

import pytest
from tests.lib.tiny_models import NAMES, person_trees

from crisisrisk.errors import ModelError
from crisisrisk.models.contributions import explainer_of
from crisisrisk.models.tree_arrays import read_trees


def test_every_tree_is_read_whole():
    trees = read_trees(person_trees().text)
    assert len(trees) == 12
    first = trees[0]
    assert len(first.leaf_value) == len(first.feature) + 1
    assert first.rows_at(0) == 3000 == sum(first.leaf_rows)
    assert all(first.rows_at(node) == first.rows_at(first.left[node]) + first.rows_at(first.right[node])
               for node in range(len(first.feature)))  # fmt: skip


@pytest.mark.parametrize(
    "change", [("num_cat=0", "num_cat=1"), ("is_linear=0", "is_linear=1"), ("decision_type=", "decision_type=1 ")]
)
def test_a_kind_of_tree_that_is_not_used_here_is_refused(change):
    with pytest.raises(ModelError, match="cannot be explained"):
        explainer_of(person_trees().text.replace(*change), len(NAMES))
