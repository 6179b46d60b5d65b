"""Metrics and place baselines equal their definitions, tried out one by one."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crisisrisk.evaluation import metrics, place_metrics
from crisisrisk.evaluation.place_baselines import MINIMUM_EXPECTED, PLACE_BASELINES, PlacePast
from crisisrisk.timeline import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR, microseconds

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
    found = place_metrics.hotspot(expected, counts, coverage=chosen / 6)
    assert (found.caught, found.best, found.area) == (caught, pytest.approx(best), 4 * chosen)


# Place baselines: two kinds of shift of different length over two and a half years, so that every lookback is used


def _past(seed: int, *, issue_hours: int, latency_hours: int) -> PlacePast:
    random = np.random.default_rng(seed)
    monday = microseconds(datetime(2023, 1, 2, 8, tzinfo=UTC))
    days = np.arange(0, 900, 3.5)
    starts = (monday + days * MICROSECONDS_PER_DAY).astype(np.int64)
    hours = np.where(np.arange(len(days)) % 2 == 0, 10, 6)
    return PlacePast(
        counts=random.poisson([0.2, 1.5, 0.0, 0.6], (len(days), 4)),
        starts=starts,
        ends=starts + hours * MICROSECONDS_PER_HOUR,
        slot=np.arange(len(days)) % 2,
        issued_at=starts - issue_hours * MICROSECONDS_PER_HOUR,
        targets=np.sort(random.choice(np.arange(3, len(days)), 12, replace=False)),
        latency_us=latency_hours * MICROSECONDS_PER_HOUR,
    )


PASTS = st.builds(
    _past,
    st.integers(0, 10_000),
    issue_hours=st.sampled_from([1, 24, 168]),
    latency_hours=st.sampled_from([0, 48]),
)


@settings(max_examples=25, deadline=None)
@given(past=PASTS, name=st.sampled_from(sorted(PLACE_BASELINES)), changed=st.integers(0, 1000))
def test_nothing_that_ended_after_the_cut_off_changes_a_forecast(past: PlacePast, name: str, changed: int) -> None:
    forecast = PLACE_BASELINES[name](past)
    random = np.random.default_rng(changed)
    for place in range(len(past.targets)):
        later = past.ends > past.issued_at[past.targets[place]] - past.latency_us
        counts = np.where(later[:, None], random.poisson(9.0, past.counts.shape), past.counts)
        other = PlacePast(
            counts, past.starts, past.ends, past.slot, past.issued_at, past.targets[place : place + 1], past.latency_us
        )
        assert PLACE_BASELINES[name](other)[0] == pytest.approx(forecast[place])


@settings(max_examples=25, deadline=None)
@given(past=PASTS, weeks=st.sampled_from([1, 4, 8, 52]))
def test_baselines_are_their_definitions(past: PlacePast, weeks: int) -> None:
    name = {1: "seasonal_naive"}.get(weeks, f"same_shift_mean_{weeks}_weeks")
    same, medic, trailing, ever = (
        PLACE_BASELINES[one](past) for one in (name, "medic", "trailing_365_days", "all_history_mean")
    )
    for place, target in enumerate(past.targets):
        cut_off = past.issued_at[target] - past.latency_us
        known = np.flatnonzero(past.ends <= cut_off)
        like = known[past.slot[known] == past.slot[target]]
        hours = past.hours[target]
        year = known[past.ends[known] > cut_off - 365 * MICROSECONDS_PER_DAY]
        lags = {364 * before + 7 * week for before in range(5) for week in range(1, 5)}
        ago = (past.starts[target] - past.starts[like]) / MICROSECONDS_PER_DAY
        recalled = like[np.isin(ago, list(lags))]
        definitions = (
            (ever, past.counts[known].sum(axis=0) / past.hours[known].sum() * hours),
            (trailing, past.counts[year].sum(axis=0) / past.hours[year].sum() * hours),
            (same, past.counts[like[-weeks:]].mean(axis=0) if len(like) else ever[place]),
            (medic, past.counts[recalled].mean(axis=0) if len(recalled) else ever[place]),
        )
        for forecast, definition in definitions:
            assert forecast[place] == pytest.approx(np.maximum(definition, MINIMUM_EXPECTED), nan_ok=True)


def test_a_shift_that_ends_at_the_cut_off_is_known() -> None:
    past = _past(1, issue_hours=24, latency_hours=0)
    moved = PlacePast(
        past.counts, past.starts, past.ends, past.slot,
        np.full_like(past.issued_at, past.ends[4]), np.array([9]), latency_us=0,
    )  # fmt: skip
    assert moved.known.tolist() == [5]
    earlier = PlacePast(
        past.counts, past.starts, past.ends, past.slot,
        np.full_like(past.issued_at, past.ends[4] - timedelta(hours=1) // timedelta(microseconds=1)),
        np.array([9]), latency_us=0,
    )  # fmt: skip
    assert earlier.known.tolist() == [4]
