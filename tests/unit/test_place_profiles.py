"""A recipe that asks for kinds of week: they are learned before the judged block, kept, and answer tonight."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from tests.lib.place_sites import calls, place_site
from tests.unit.test_place_path import recipe_in

from crisisrisk.commands.forecast import shifts_from
from crisisrisk.commands.model import read_candidate
from crisisrisk.commands.train import train
from crisisrisk.errors import RecipeError
from crisisrisk.features.place import PlaceRows
from crisisrisk.models.bundle import load_bundle, write_bundle
from crisisrisk.scoring.places import forecast_shifts
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import microseconds
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.place import expected_for
from crisisrisk.training.place_data import PlaceData, _profiles_before, _rows, _with_recent, place_data
from crisisrisk.training.results import TrainedRun

FEATURES = """[recipe]
name = "place"
subject = "place"
[[group]]
name = "crisis_here"
sources = ["crisis_line"]
aggregations = ["count"]
lookback_days = [7]
[[group]]
name = "crisis_fading"
column = "crisis"
sources = "all"
where = { is_crisis = [true] }
aggregations = ["decayed_count", "neighbours_1_count"]
lookback_days = [7]
"""


def data_of(site: Site, recipe: Path) -> PlaceData:
    recipes = read_recipes(site, "place", recipe)
    return place_data(recipes.training, recipes.features, Store(site).snapshot(), site, held_out_days=14)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Path, TrainedRun]:
    folder = tmp_path_factory.mktemp("profiles")
    site = place_site(folder, calls(100, each=3))
    (folder / "place.toml").write_text(FEATURES, encoding="utf-8")
    recipe = recipe_in(folder)
    recipe.write_text(
        f"{recipe.read_text(encoding='utf-8')}\n[offset]\nprofiles = 2\nrecent = true\n", encoding="utf-8"
    )
    return site, recipe, train(site, "place", recipe, tell=lambda _: None)


def test_they_are_learned_and_travel_in_the_bundle(trained: tuple[Site, Path, TrainedRun], tmp_path: Path) -> None:
    site, recipe, run = trained
    bundle = read_candidate(site, run.run_id).bundle
    assert bundle.task.profiles is not None
    assert len(bundle.task.profiles.rates) == 2
    assert load_bundle(write_bundle(tmp_path / "bundle", bundle)).task.profiles == bundle.task.profiles
    assert data_of(site, recipe).profiles == bundle.task.profiles


def test_so_does_the_regression_of_recent_counts_and_nothing_judged_changes_it(
    trained: tuple[Site, Path, TrainedRun], tmp_path: Path
) -> None:
    site, path, run = trained
    bundle, data = read_candidate(site, run.run_id).bundle, data_of(site, path)
    assert bundle.task.recent is not None
    assert len(bundle.task.recent.names) == 3
    assert load_bundle(write_bundle(tmp_path / "bundle", bundle)).task.recent == bundle.task.recent == data.recent
    recipes = read_recipes(site, "place", path)
    first = data.cells_known_before
    later = np.array([one.end > first for one in data.shifts])
    other = replace(data, counts=np.where(later[:, None], data.counts + 3, data.counts))
    assert _with_recent(other, recipes.features, first, recipes.training, site).recent == data.recent
    end = data.shifts[-1].end
    assert _with_recent(other, recipes.features, end, recipes.training, site).recent != data.recent


def test_a_forecast_with_both_is_what_training_made_of_the_shift(trained: tuple[Site, Path, TrainedRun]) -> None:
    site, path, run = trained
    bundle, data = read_candidate(site, run.run_id).bundle, data_of(site, path)
    hours = bundle.task.issue_hours
    asked = data.usable[-1:]
    shift = data.shifts[asked[0]]
    frame = forecast_shifts(
        bundle, Store(site).snapshot(), site, shifts=[shift], issued_at=shift.start - timedelta(hours=hours)
    ).frame
    wanted = expected_for(bundle.place_model, bundle.features, data, asked)[0]
    assert frame.sort_values("place_id")["expected"].to_numpy() == pytest.approx(wanted, rel=1e-9)
    assert data.moved is not None
    assert np.ptp(data.moved) > 0


def test_a_regression_of_recent_counts_needs_kinds_of_week(tmp_path: Path) -> None:
    (tmp_path / "place.toml").write_text(FEATURES, encoding="utf-8")
    recipe = recipe_in(tmp_path)
    recipe.write_text(f"{recipe.read_text(encoding='utf-8')}\n[offset]\nrecent = true\n", encoding="utf-8")
    with pytest.raises(RecipeError, match="needs kinds of week"):
        read_recipes(place_site(tmp_path, calls(2, each=1)), "place", recipe)


def test_tonight_is_as_it_was_in_training_to_the_bit(trained: tuple[Site, Path, TrainedRun]) -> None:
    site, recipe, run = trained
    profiles, data = read_candidate(site, run.run_id).bundle.task.profiles, data_of(site, recipe)
    assert profiles is not None
    hours = read_recipes(site, "place", recipe).training.grid.issue_hours[0]
    for row in (0, len(data.usable) - 1):
        shift = data.shifts[data.usable[row]]
        issued = np.array([microseconds(shift.start - timedelta(hours=hours))], dtype=np.int64)
        rows = PlaceRows(data.cells, (shift,), issued)
        alone = profiles.log_expected(data.history, rows, site, latency_hours=data.latency_hours)
        assert data.offset[row].tobytes() == alone[0].tobytes()


def test_what_happens_in_the_judged_block_changes_none(trained: tuple[Site, Path, TrainedRun]) -> None:
    site, recipe, _ = trained
    data, training = data_of(site, recipe), read_recipes(site, "place", recipe).training
    first = data.cells_known_before
    later = np.array([one.end > first for one in data.shifts])
    other = replace(data, counts=np.where(later[:, None], data.counts + 3, data.counts))
    rows = _rows(data.cells, data.shifts, training.grid.issue_hours[0])
    assert _profiles_before(other, rows, first, training, site) == data.profiles
    assert _profiles_before(other, rows, data.shifts[-1].end, training, site) != data.profiles


def test_a_forecast_is_made_with_them(trained: tuple[Site, Path, TrainedRun]) -> None:
    site, _, run = trained
    bundle, snapshot = read_candidate(site, run.run_id).bundle, Store(site).snapshot()
    now = snapshot.as_of_now()
    asked = shifts_from(site, now, 24)
    with_them = forecast_shifts(bundle, snapshot, site, shifts=asked, issued_at=now).frame
    bare = replace(bundle, task=replace(bundle.task, profiles=None))
    without = forecast_shifts(bare, snapshot, site, shifts=asked, issued_at=now).frame
    assert (with_them["expected"] > 0).all()
    assert not np.allclose(np.sort(with_them["expected"]), np.sort(without["expected"]))
    assert np.array_equal(np.sort(with_them["usual"]), np.sort(without["usual"]))
