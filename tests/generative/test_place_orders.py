"""Quick ways to put events of places in order, each beside the plain one, on many small and clumsy inputs."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crisisrisk.features.calendar import EarlierShifts
from crisisrisk.features.place import PlaceHistory, _by_cell_latest_first, in_shifts
from crisisrisk.features.place_offset import in_one_cell
from crisisrisk.features.place_persons import _of_more_than
from crisisrisk.features.place_spans import Spans, joined
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_HOUR, local_clock

SEEDS = range(40)


@pytest.mark.parametrize("seed", SEEDS)
def test_events_by_cell_are_the_latest_first_and_then_as_they_came(seed: int) -> None:
    random = np.random.default_rng(seed)
    events = int(random.integers(0, 60))
    occurred, cell = random.integers(0, 20, events), random.integers(0, 7, events).astype(np.int32)
    for moments in (occurred, np.sort(occurred)):
        assert _by_cell_latest_first(cell, moments, 7).tolist() == np.lexsort((-moments, cell)).tolist()


def test_more_cells_than_16_bits_are_put_in_order_too() -> None:
    cell = np.array([70_000, 4_464, 70_000], dtype=np.int32)  # the same in their last 16 bits
    assert _by_cell_latest_first(cell, np.arange(3), 70_001).tolist() == [1, 2, 0]


@pytest.mark.parametrize("seed", SEEDS)
def test_spans_are_joined_by_row_and_begin(seed: int) -> None:
    random = np.random.default_rng(seed)
    row = np.repeat(np.arange(30), random.integers(0, 3, 30))
    begin, end = random.integers(0, 4, len(row)), np.arange(len(row))
    apart = random.random(len(row)) < 0.3
    found = joined(*(Spans(row[mine], begin[mine], end[mine]) for mine in (~apart, apart)))
    put = np.concatenate([np.flatnonzero(~apart), np.flatnonzero(apart)])
    order = put[np.lexsort((begin[put], row[put]))]
    assert (found.row.tolist(), found.begin.tolist(), found.end.tolist()) == (
        row[order].tolist(), begin[order].tolist(), end[order].tolist(),
    )  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_contributors_of_many_records_are_found_by_hashing(seed: int) -> None:
    random = np.random.default_rng(seed)
    group = random.integers(-1, 30, 80) * random.choice([1, 10**9 + 7])
    found = _of_more_than(2, group)
    assert found.tolist() == [one >= 0 and int((group == one).sum()) > 2 for one in group.tolist()]


@pytest.mark.parametrize("seed", SEEDS)
def test_events_of_one_cell_are_in_the_shifts_that_any_event_would_be_in(seed: int) -> None:
    random = np.random.default_rng(seed)
    edges = np.sort(random.choice(200, 2 * int(random.integers(0, 8)), replace=False)).astype(np.int64)
    shifts = EarlierShifts(edges[::2], edges[1::2])
    occurred = random.integers(0, 200, 50)
    known, until = occurred + random.integers(0, 9, 50), np.full(50, FOREVER_US)
    apart = PlaceHistory(np.array([0, 20, 50]), np.arange(50), occurred, known, until)
    one = in_shifts(in_one_cell(apart), shifts)
    several = in_shifts(apart, shifts)
    plain, quick = (
        sorted(zip(inside.history.row.tolist(), inside.start.tolist(), inside.end.tolist(), strict=True))
        for inside in (several, one)
    )
    assert quick == plain
    assert (np.diff(one.history.occurred_at) <= 0).all()
    assert one.history.known_at.tolist() == known[one.history.row].tolist()


@pytest.mark.parametrize(
    "zone", ["Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Africa/Monrovia"]
)
def test_a_clock_reads_many_instants_as_it_reads_each(zone: str) -> None:
    """Two years by the minute and a little, over changes of half an hour and at half past."""
    random = np.random.default_rng(3)
    begins = random.choice([2_000, 20_000]) * 24 * MICROSECONDS_PER_HOUR
    instants = begins + random.integers(0, 2 * 366 * 24 * MICROSECONDS_PER_HOUR, 100_000)
    many = local_clock(instants, ZoneInfo(zone))
    some = random.choice(len(instants), 400, replace=False)
    few = local_clock(instants[some], ZoneInfo(zone))
    for name in ("day", "hour", "weekday"):
        assert getattr(many, name)[some].tolist() == getattr(few, name).tolist()
