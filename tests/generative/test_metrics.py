"""Metrics equal their definitions, tried out one by one."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crisisrisk.evaluation import metrics, place_ranking

ROWS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0]), st.integers(0, 1)), min_size=1, max_size=6)


@given(rows=ROWS)
def test_auroc_compares_every_pair(rows: list[tuple[float, int]]) -> None:
    with_outcome = [risk for risk, happened in rows if happened]
    without = [risk for risk, happened in rows if not happened]
    found = metrics.auroc(*zip(*rows, strict=True))
    if not with_outcome or not without:
        assert np.isnan(found)
        return
    wins = [(a > b) + 0.5 * (a == b) for a in with_outcome for b in without]
    assert found == pytest.approx(sum(wins) / len(wins))


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, k=st.integers(1, 7))
def test_a_list_is_the_worst_of_all_orders_that_respect_the_risk(rows: list[tuple[float, int]], k: int) -> None:
    orders = [order for order in permutations(rows) if all(a[0] >= b[0] for a, b in pairwise(order))]
    worst = min(sum(happened for _, happened in order[:k]) for order in orders)
    assert metrics.precision_at_k(*zip(*rows, strict=True), k=k) == pytest.approx(worst / min(k, len(rows)))


@given(rows=ROWS, k=st.integers(1, 4), names=st.data())
def test_lists_pool_what_each_holds(rows: list[tuple[float, int]], k: int, names: st.DataObject) -> None:
    lists = names.draw(st.lists(st.sampled_from("xyz"), min_size=len(rows), max_size=len(rows)))
    risk, happened = (np.array(values) for values in zip(*rows, strict=True))
    hits = places = 0.0
    for name in set(lists):
        mine = np.array(lists) == name
        length = min(k, int(mine.sum()))
        hits += metrics.precision_at_k(risk[mine], happened[mine], k=k) * length
        places += length
    assert metrics.precision_at_k(risk, happened, k=k, lists=lists) == pytest.approx(hits / places)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1000), chosen=st.integers(1, 6))
def test_hotspots_take_cells_one_by_one(seed: int, chosen: int) -> None:
    random = np.random.default_rng(seed)
    expected, counts = random.integers(0, 3, (4, 6)) / 2.0, random.poisson(0.7, (4, 6))
    caught = best = 0
    for forecast, events in zip(expected, counts, strict=True):
        order = sorted(range(6), key=lambda cell: (-forecast[cell], events[cell]))
        caught += sum(events[order[:chosen]])
        best += sum(sorted(events, reverse=True)[:chosen])
    found = place_ranking.hotspot(expected, counts, coverage=chosen / 6)
    assert (found.caught, found.best, found.area) == (caught, pytest.approx(best), 4 * chosen)
