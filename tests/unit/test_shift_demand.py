"""Demand of a shift for placing teams: counts drawn together, by cell and hour, live and as issued."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.lib.place_sites import NORTH, answering, calls, place_site, small_recipe

from crisisrisk.commands.forecast import forecast
from crisisrisk.database.latest import forecast_for
from crisisrisk.database.upgrade import current_engine
from crisisrisk.errors import DataError, UsageError
from crisisrisk.scoring.demand import ShiftDemand, demand_as_issued, demand_of_forecast

RECIPE = small_recipe()
DEMAND = ShiftDemand(
    shift_id="night-2026-11-22", place_ids=("a", "b", "c"), latitude=np.array([52.4, 52.5, np.nan]),
    longitude=np.array([-1.9, -1.8, np.nan]), expected=np.array([4.0, 1.0, 0.0]),
    own_dispersion=np.array([0.0, 0.5, 0.0]), shared_dispersion=0.2, hourly=np.array([0.5, 0.3, 0.2]),
)  # fmt: skip


def test_counts_are_drawn_together_around_what_is_expected() -> None:
    """Mean m, variance m + d m²; what cells share makes them move together by the shared dispersion."""
    drawn = DEMAND.counts(draws=40_000, seed=1)
    assert drawn.shape == (40_000, 3)
    assert drawn.mean(axis=0) == pytest.approx([4.0, 1.0, 0.0], abs=0.04)
    assert drawn[:, 0].var() == pytest.approx(4 + 0.2 * 16, rel=0.04)
    assert np.cov(drawn[:, 0], drawn[:, 1])[0, 1] == pytest.approx(0.2 * 4 * 1, rel=0.15)
    assert np.array_equal(drawn, DEMAND.counts(draws=40_000, seed=1))
    assert not np.array_equal(drawn, DEMAND.counts(draws=40_000, seed=2))


def test_hours_share_out_the_same_counts() -> None:
    drawn = DEMAND.counts_by_hour(draws=20_000, seed=1)
    assert drawn.shape == (20_000, 3, 3)
    assert np.array_equal(drawn.sum(axis=2), DEMAND.counts(draws=20_000, seed=1))
    assert drawn.mean(axis=0)[0] == pytest.approx([2.0, 1.2, 0.8], abs=0.05)
    assert DEMAND.expected_by_hour.tolist() == [[2.0, 1.2, 0.8], [0.5, 0.3, 0.2], [0.0, 0.0, 0.0]]


def test_a_forecast_draws_the_same_counts_live_and_from_the_database(tmp_path: Path) -> None:
    other = [{**row, "id": f"b {row['id']}"} for row in calls(90, each=2, north=NORTH + 0.0135)]
    site = place_site(tmp_path, [*calls(90), *other])
    recipe = tmp_path / "small.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    answering(site, recipe)
    made = forecast(site, start=None, hours=24.0, out=None).forecast
    shift = made.spread.shifts[0]
    live = demand_of_forecast(made, shift.id)
    assert live.place_ids == made.cells.ids
    assert len(live) == 2
    assert live.expected.sum() == pytest.approx(made.outlooks[0].expected)
    assert (len(live.hourly), live.hourly.sum()) == (12, pytest.approx(1.0))
    found = forecast_for(current_engine(site.database_url), shift.id)
    assert found is not None
    kept = demand_as_issued(*found)
    assert kept.place_ids == live.place_ids
    assert np.array_equal(kept.counts_by_hour(draws=50, seed=3), live.counts_by_hour(draws=50, seed=3))
    with pytest.raises(UsageError, match="the forecast is of other shifts"):
        demand_of_forecast(made, "night-1999-01-01")
    with pytest.raises(DataError, match="does not say how counts scatter"):
        demand_as_issued(replace(found[0], total=None), found[1])
