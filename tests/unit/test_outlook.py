"""A whole shift beside its usual, in words, with and without counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from crisisrisk.features.place_modes import ModeShares
from crisisrisk.models.issue_time import IssueTime
from crisisrisk.models.place_distribution import LEVELS, PlaceDistribution
from crisisrisk.scoring.outlook import Outlook
from crisisrisk.scoring.spread import Spread
from crisisrisk.serving.disclosure import tells_small_number
from crisisrisk.tables.larger_places import Area
from crisisrisk.timeline import Shift

START = datetime(2026, 11, 22, 22, tzinfo=UTC)
NIGHT = Shift(id="night-2026-11-22", name="night", start=START, end=START + timedelta(hours=8), weekday=6)
OUTLOOK = Outlook(
    shift_id=NIGHT.id, places=2, issue_hours=24, hours_ahead=16.0, expected=6.9, lower=3, upper=10, usual=7.0,
    usual_low=5, usual_high=9, quieter=0.18, busier=0.21, hourly=(0.125,) * 8,
)  # fmt: skip
EVEN = [np.full(8, 0.125)] * 3
MODES = [ModeShares({"attendance": 0.75, "s136": 0.25}, {"attendance": 30, "s136": 10})] * 3


@pytest.mark.parametrize(
    ("quieter", "busier", "live", "released"),
    [
        (0.18, 0.21, "looks ordinary: 61 in 100 that 5 to 9 come, as usual; busier 21, quieter 18",
         "looks ordinary: 60 in 100 that it is about usual; busier 20, quieter 20"),
        (0.04, 0.62, "busier than usual: 62 in 100 that more than 9 come; about usual 34, quieter 4",
         "busier than usual: 60 in 100; about usual 35, quieter 5"),
        (0.71, 0.03, "quieter than usual: 71 in 100 that fewer than 5 come; about usual 26, busier 3",
         "quieter than usual: 70 in 100; about usual 25, busier 5"),
    ],
)  # fmt: skip
def test_the_likeliest_is_said_first_with_its_chance(quieter: float, busier: float, live: str, released: str) -> None:
    outlook = replace(OUTLOOK, quieter=quieter, busier=busier)
    assert outlook.text() == live
    assert outlook.released_text() == released


def test_one_usual_count_is_no_span() -> None:
    assert "that 5 come, as usual" in replace(OUTLOOK, usual_high=5).text()


def test_what_leaves_the_site_names_no_usual_count() -> None:
    """The figures in the words are chances in steps of five in 100."""
    for quieter, busier in ((0.2, 0.2), (0.05, 0.6), (0.7, 0.1)):
        words = replace(OUTLOOK, quieter=quieter, busier=busier).released()
        assert not {"usual", "usual_low", "usual_high"} & set(words)
        assert not tells_small_number(str(words["outlook"]).replace("quieter 5", "").replace("busier 5", ""))


def spread(expected: list[list[float]]) -> Spread:
    shared = PlaceDistribution(
        kinds=("other", "night"), dispersion=(0.0,) * 4, shared_dispersion=0.05,
        tails=tuple(((1 - level) / 2,) * 4 for level in LEVELS),
        area_tails=tuple(((1 - level) / 2,) * 2 for level in LEVELS),
    )  # fmt: skip
    return spread_of(shared, expected)


def spread_of(distribution: PlaceDistribution, expected: list[list[float]]) -> Spread:
    shifts = len(expected)
    time = IssueTime(hours=24, distribution=distribution)
    return Spread(
        [time] * shifts, [16.0] * shifts, [NIGHT] * shifts, np.full(len(expected[0]), np.nan), np.array(expected)
    )


def test_a_shift_that_expects_its_usual_is_ordinary_and_one_of_twice_as_much_is_busier() -> None:
    usual = np.array([[2.0, 5.0]] * 3)
    ordinary, busy, quiet = spread([[2.0, 5.0], [5.0, 12.0], [0.2, 0.9]]).outlooks(usual, EVEN, MODES)
    assert [one.likeliest for one in (ordinary, busy, quiet)] == [
        "about usual", "busier than usual", "quieter than usual",
    ]  # fmt: skip
    assert ordinary.usual_low <= 7 <= ordinary.usual_high
    assert ordinary.lower < ordinary.expected < ordinary.upper
    assert busy.quieter + busy.about_usual + busy.busier == pytest.approx(1)


def test_the_total_is_less_sure_than_independent_cells_would_make_it() -> None:
    cells = [[0.5] * 60]
    together = spread(cells)
    apart = spread_of(PlaceDistribution(), cells)
    usual = np.array(cells)
    [wide], [narrow] = together.outlooks(usual, EVEN, MODES), apart.outlooks(usual, EVEN, MODES)
    assert wide.upper - wide.lower > narrow.upper - narrow.lower
    drawn = together.samples(0, draws=20_000, seed=1).sum(axis=1)
    assert np.mean((wide.lower <= drawn) & (drawn <= wide.upper)) == pytest.approx(0.83, abs=0.04)


def test_a_cell_that_rarely_sees_anything_is_about_usual_and_busier_with_the_first_contact() -> None:
    beside = spread([[0.05, 3.0]]).cells_beside(np.array([[0.05, 3.0]]))
    assert (beside.low[0, 0], beside.high[0, 0]) == (0, 0)
    assert beside.busier[0, 0] == pytest.approx(0.05, abs=0.005)


def test_the_modes_of_a_shift_add_up_to_it_and_leave_the_site_to_one_decimal() -> None:
    [busy] = spread([[3.0, 7.03]]).outlooks(np.array([[3.0, 7.0]]), EVEN, MODES)
    assert sum(busy.modes.values()) == pytest.approx(busy.expected, rel=1e-12)
    assert busy.modes["s136"] == pytest.approx(10.03 / 4)
    assert busy.released()["modes"] == {"attendance": 7.5, "s136": 2.5}


def test_areas_add_up_to_the_whole_and_are_less_sure_of_themselves() -> None:
    """Three cells in two areas; every total is the sum of its cells, its range wider for its size than the whole's."""
    found = spread([[2.0, 5.0, 3.0], [1.0, 1.0, 1.0]])
    usual = np.array([[2.0, 5.0, 3.0]] * 2)
    areas = [Area("a", "North", np.array([0, 2])), Area("b", "South", np.array([1]))]
    whole, parts = found.outlooks(usual, EVEN, MODES[:2]), found.area_outlooks(usual, areas)
    assert [(one.shift_id, one.area_name, one.places) for one in parts] == [
        (NIGHT.id, "North", 2), (NIGHT.id, "South", 1),
    ] * 2  # fmt: skip
    assert [one.expected for one in parts] == [5.0, 5.0, 2.0, 1.0]
    assert parts[0].usual + parts[1].usual == whole[0].usual
    assert all(one.lower <= one.expected <= one.upper for one in parts)
    assert (parts[0].upper - parts[0].lower) / parts[0].expected > (whole[0].upper - whole[0].lower) / whole[0].expected
    assert parts[0].likeliest == "about usual"
    assert parts[3].likeliest == "quieter than usual"


def test_each_shift_scatters_as_forecasts_of_its_own_issue_time_do() -> None:
    sure, unsure = IssueTime(hours=1), IssueTime(hours=168, distribution=PlaceDistribution(shared_dispersion=0.3))
    expected = np.array([[9.0], [9.0]])
    both = Spread([sure, unsure], [0.5, 160.0], [NIGHT, NIGHT], np.array([np.nan]), expected)
    near, far = both.outlooks(expected, EVEN, MODES[:2])
    assert (near.issue_hours, near.hours_ahead, far.issue_hours, far.hours_ahead) == (1, 0.5, 168, 160.0)
    assert far.lower < near.lower < near.upper < far.upper
    cells = both.of_cells()
    assert cells.upper[1, 0] > cells.upper[0, 0]
