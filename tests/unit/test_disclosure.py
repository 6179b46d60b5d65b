"""The one rule of release: counts, words, and maps that are counts in other words."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.attack import Attack, recovered
from tests.lib.places_in_memory import PLACE_SITE, invented_places

from crisisrisk.disclosure import ALONE, SMALLEST, released_beside, released_map, told_together
from crisisrisk.features.place import PlaceHistory
from crisisrisk.features.place_past import issued_before, place_past
from crisisrisk.models.place_rules.rules import PLACE_RULES, fitted_rule


def of(counts: list[float], parents: list[int] | None = None) -> list[float]:
    """What is released of the counts of one map, in contacts: the rule is a count."""
    values, one = np.array([counts], dtype=np.float64), np.array([1.0])
    groups = np.zeros(len(counts), dtype=np.int64) if parents is None else np.array(parents)
    return released_map(values, one, values, one, parents=groups).expected[0].tolist()


@pytest.mark.parametrize(
    ("counts", "parents", "released"),
    [
        ([40, 12, 8, 23], None, [40, 10, 10, 25]),
        ([40, 3, 2, 4], None, [40, 3.3333, 3.3333, 3.3333]),
        ([40, 3, 0, 9], None, [40, 3.3333, 3.3333, 3.3333]),  # three are too few to be told: the nine joins them
        ([40, 3, 2, 30], None, [40, 11.6667, 11.6667, 11.6667]),
        ([1, 2, 7, 3], [0, 0, 1, 1], [3.75, 3.75, 3.75, 3.75]),  # of one parent too few: both together
        ([5, 5, 2, 8, 4, 4], [0, 0, 0, 1, 2, 2], [3.3333, 3.3333, 3.3333, 10, 5, 5]),
        ([3, 2], None, [0, 0]),
        ([0, 0, 40], None, [0, 0, 40]),
        ([7, 7, 20], None, [11.6667, 11.6667, 11.6667]),  # both near seven: their sum would tell
        ([5], None, [0]),
        ([7, 7, 7, 7], None, [6.25, 6.25, 6.25, 6.25]),  # nothing to join them: 30 can only be four of seven
        ([7, 7], None, [5, 5]),
        ([7, 5, 4], None, [5, 5, 5]),
        ([7, 7, 7, 8], None, [7.5, 7.5, 7.5, 7.5]),
        ([5, 5, 5, 5], None, [5, 5, 5, 5]),
    ],
)
def test_small_counts_are_told_with_their_neighbours(
    counts: list[float], parents: list[int] | None, released: list[float]
) -> None:
    assert of(counts, parents) == released


def test_ranks_are_of_what_is_released_and_equal_numbers_share_one() -> None:
    counts, one = np.array([[40.0, 3.0, 2.0, 4.0, 39.0]]), np.array([0.01])
    told = released_map(counts * 0.01, one, counts * 0.01, one, parents=np.zeros(5, dtype=np.int64))
    assert told.rank.tolist() == [[1, 3, 3, 3, 1]]
    assert told.expected.tolist() == [[0.4, 0.0333, 0.0333, 0.0333, 0.4]]
    assert (told.group == ALONE).tolist() == [[True, False, False, False, True]]


@pytest.mark.parametrize(
    ("count", "usual", "beside"),
    [(2, 2, None), (0, 0.8, None), (7, 1, None), (3, 12, "fewer"), (3, 7, None), (8, 2, "more"), (11, 10, "same"),
     (40, 60, "fewer"), (100, 60, "more")],
)  # fmt: skip
def test_a_small_count_is_compared_only_where_all_small_counts_would_be_said_alike(
    count: float, usual: float, beside: str | None
) -> None:
    assert released_beside(count, usual) == beside


# An attack on one map and its totals


COUNTS = st.lists(st.integers(0, 30), min_size=1, max_size=9)


def attacked(counts: list[int], released: list[float], groups: np.ndarray) -> list[int]:
    """The small counts that are recovered from a released map, all cells of a group known to be under 8."""
    attack = Attack()
    for cell, group in enumerate(groups.tolist()):
        larger = any(count >= SMALLEST for count, other in zip(counts, groups, strict=True) if other == group)
        small = group != ALONE and not larger
        attack.hidden(cell, **({"most": SMALLEST - 1} if small else {}))
    for group in np.unique(groups).tolist():
        members = np.flatnonzero(groups == group).tolist()
        for together in [[one] for one in members] if group == ALONE else [members]:
            total = sum(released[one] for one in together)
            small = group != ALONE and not any(counts[one] >= SMALLEST for one in together)
            capped = small and round(total) == 5 * ((6 * len(together) + 2) // 5)  # that much, or any more
            if total > 0.5:  # 0 says nothing
                attack.known(dict.fromkeys(together, 1.0), total - 2.01, total + (1000.0 if capped else 2.01))
    asked = [cell for cell, count in enumerate(counts) if 1 <= count <= 7]
    ranges = attack.ranges([{cell: 1.0} for cell in asked])
    return [counts[asked[one]] for one in recovered(ranges, [counts[cell] for cell in asked])]


@settings(max_examples=120, deadline=None)
@given(COUNTS, st.data())
def test_no_map_gives_a_small_count_back(counts: list[int], data: st.DataObject) -> None:
    parents = data.draw(st.lists(st.integers(0, 2), min_size=len(counts), max_size=len(counts)))
    values = np.array(counts, dtype=np.float64)
    groups = told_together(values, values, np.array(parents))
    assert attacked(counts, of(list(map(float, counts)), parents), groups) == []


@pytest.mark.parametrize("count", range(4, 10))
@pytest.mark.parametrize("apart", [1, 2])
def test_an_area_all_of_whose_places_have_as_many_gives_none_back(count: int, apart: int) -> None:
    """Near the edge of 7 and 8 there may be nobody left to join: one to nine places, under one parent or two."""
    for places in range(1, 10):
        counts, parents = [count] * places, [place % apart for place in range(places)]
        values = np.array(counts, dtype=np.float64)
        groups = told_together(values, values, np.array(parents))
        assert attacked(counts, of(list(map(float, counts)), parents), groups) == []


def test_hiding_each_small_count_by_itself_beside_a_true_total_gives_it_back() -> None:
    """The control: three cells rounded, the fourth hidden, and the total rounded as well. Here the fourth joins one."""
    attack = Attack()
    for cell in range(4):
        attack.hidden(cell, most=SMALLEST - 1 if cell == 3 else 1000)
    for cell in range(3):
        attack.known({cell: 1.0}, 8, 12)
    attack.known(dict.fromkeys(range(4), 1.0), 43, 47)
    assert recovered(attack.ranges([{3: 1.0}]), [7]) == [0]
    groups = told_together(*(np.array([12.0, 12.0, 12.0, 7.0]),) * 2, np.zeros(4, dtype=np.int64))
    assert attacked([12, 12, 12, 7], of([12, 12, 12, 7]), groups) == []


# What one contact more adds


@pytest.mark.parametrize("name", [name for name, kind in PLACE_RULES.items() if kind.lacks is None])
@pytest.mark.parametrize("before_hours", [2, 24 * 7 - 1, 24 * 60])
def test_no_rule_moves_by_more_than_a_unit_for_one_contact_more(name: str, before_hours: int) -> None:
    """One contact more in the first cell: just now, in the like shift of a week ago, two months ago."""
    data = invented_places(200)
    target = data.shifts[-1:]
    rows = issued_before(data.cells, target, issue_hours=24)
    issued = int(rows.issued_at[0])
    every = place_past(data.history, issued_before(data.cells, data.shifts, issue_hours=24), PLACE_SITE)
    rule = fitted_rule(name, every, data.counts)
    more = place_past(_with_one(data.history, issued - before_hours * 3_600_000_000), rows, PLACE_SITE)
    past = place_past(data.history, rows, PLACE_SITE)
    moved = rule.expected(more)[0, 0] - rule.expected(past)[0, 0]
    assert moved <= rule.unit(past)[0] * 1.02


def _with_one(history: PlaceHistory, moment: int) -> PlaceHistory:
    """The history with one contact more in the first cell."""
    at = int(np.searchsorted(-history.occurred_at[: history.starts[1]], -moment))
    columns = {
        "row": -1, "occurred_at": moment, "known_at": moment, "superseded_at": history.superseded_at.max(),
    }  # fmt: skip
    longer = {name: np.insert(getattr(history, name), at, value) for name, value in columns.items()}
    return replace(history, starts=history.starts + np.array([0, *[1] * (len(history.starts) - 1)]), **longer)
