"""Rows are stored in the order of all their keys, however far apart the values of a key are."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from crisisrisk.tables.ordering import canonical_order

minutes = st.integers(-40_000_000, 40_000_000).map(lambda minute: minute * 60_000_000)
values = st.one_of(
    st.integers(-1, 3),
    minutes,
    st.integers(0, 10**9).map(lambda second: second * 1_000_000 + 7),
    st.sampled_from([-(2**63), 2**63 - 1, 0, 2**62]),
)
rows = st.tuples(values, values, values, st.sampled_from("abc"), st.integers(0, 2))


@given(st.lists(rows, max_size=12))
def test_rows_come_in_the_order_of_keys_then_ids_then_content(found: list[tuple[int, int, int, str, int]]) -> None:
    keys = [np.array([row[place] for row in found], dtype=np.int64) for place in range(3)]
    content = np.array([row[4] for row in found], dtype=np.uint64)
    order = canonical_order(
        keys, pa.array([row[3] for row in found], pa.string()), lambda tied: content[np.asarray(tied)]
    )
    assert [found[row] for row in order.tolist()] == sorted(found)


@given(st.lists(st.tuples(minutes, minutes), min_size=1, max_size=60))
def test_two_clocks_in_minutes_order_rows_as_numbers_do(found: list[tuple[int, int]]) -> None:
    keys = [np.array([row[place] for row in found], dtype=np.int64) for place in range(2)]
    order = canonical_order(keys, None, lambda tied: np.zeros(len(tied), dtype=np.uint64))
    assert [found[row] for row in order.tolist()] == sorted(found)
