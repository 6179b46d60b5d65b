"""Echoes with learned decay: weights in the bundle, tonight as in training, nothing from the judged block."""

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
from crisisrisk.errors import ModelError, RecipeError
from crisisrisk.features.place import PlaceRows, place_features
from crisisrisk.features.place_past import place_past
from crisisrisk.models.bundle import load_bundle, write_bundle
from crisisrisk.models.place_rules.self_exciting import SCALES, EchoWeights
from crisisrisk.scoring.places import forecast_shifts
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import microseconds
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.place_data import PlaceData, place_data
from crisisrisk.training.results import TrainedRun

FEATURES = """[recipe]
name = "place"
subject = "place"
[[group]]
name = "echo"
aggregations = ["echo"]
[[group]]
name = "crisis_here"
sources = ["crisis_line"]
aggregations = ["count"]
lookback_days = [7]
"""
HELD_OUT = 14


def site_in(folder: Path) -> Site:
    """Calls come in bursts of some days, eight a day; else none."""
    rows = [row for first in range(0, 100, 17) for row in calls(4, each=8, first=first)]
    site = place_site(folder, [*rows, *calls(1, each=2, first=100)])
    (folder / "place.toml").write_text(FEATURES, encoding="utf-8")
    return site


def data_of(site: Site, recipe: Path, **given: EchoWeights) -> PlaceData:
    recipes = read_recipes(site, "place", recipe)
    return place_data(recipes.training, recipes.features, Store(site).snapshot(), site, held_out_days=HELD_OUT, **given)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Path, TrainedRun]:
    folder = tmp_path_factory.mktemp("echo")
    site = site_in(folder)
    recipe = recipe_in(folder)
    return site, recipe, train(site, "place", recipe, tell=lambda _: None)


def test_the_weights_are_learned_and_travel_in_the_bundle(
    trained: tuple[Site, Path, TrainedRun], tmp_path: Path
) -> None:
    site, recipe, run = trained
    bundle = read_candidate(site, run.run_id).bundle
    assert bundle.task.echo is not None
    assert sum(bundle.task.echo.weights) > 0  # bursts: a call brings calls
    assert load_bundle(write_bundle(tmp_path / "bundle", bundle)).task.echo == bundle.task.echo
    assert data_of(site, recipe).echo == bundle.task.echo


def test_tonight_is_as_it_was_in_training_to_the_bit(trained: tuple[Site, Path, TrainedRun]) -> None:
    site, recipe, run = trained
    echo, data = read_candidate(site, run.run_id).bundle.task.echo, data_of(site, recipe)
    assert echo is not None
    for row in (0, len(data.usable) // 2, len(data.usable) - 1):
        shift = data.shifts[data.usable[row]]
        issued = np.array([microseconds(shift.start - timedelta(hours=1))], dtype=np.int64)
        past = place_past(data.history, PlaceRows(data.cells, (shift,), issued), site, latency_hours=data.latency_hours)
        assert data.features[row, :, 0].tobytes() == echo.column(past)[0].astype(np.float32).tobytes()
    assert data.features[:, :, 0].max() > 0


def test_the_weights_of_a_bundle_are_used_where_they_are_given(trained: tuple[Site, Path, TrainedRun]) -> None:
    site, recipe, _ = trained
    nothing = data_of(site, recipe, echo=EchoWeights())
    assert nothing.echo == EchoWeights()
    assert not nothing.features[:, :, 0].any()


def test_what_happens_in_the_judged_block_changes_no_weight(
    trained: tuple[Site, Path, TrainedRun], tmp_path: Path
) -> None:
    site, recipe, _ = trained
    data = data_of(site, recipe)
    first = data.cells_known_before
    other = replace(
        data,
        counts=np.where(np.array([one.end > first for one in data.shifts])[:, None], data.counts + 3, data.counts),
    )
    from crisisrisk.training.place_data import _echoes_before, _rows

    rows = _rows(data.cells, data.shifts, 1)
    assert _echoes_before(other, rows, first, site) == data.echo
    assert _echoes_before(other, rows, data.shifts[-1].end, site) != data.echo


def test_a_forecast_is_made_with_them_and_a_matrix_without_is_refused(trained: tuple[Site, Path, TrainedRun]) -> None:
    site, recipe, run = trained
    bundle, snapshot = read_candidate(site, run.run_id).bundle, Store(site).snapshot()
    now, data = snapshot.as_of_now(), data_of(site, recipe)
    forecast = forecast_shifts(bundle, snapshot, site, shifts=shifts_from(site, now, 24), issued_at=now)
    assert (forecast.frame["expected"] > 0).all()
    rows = PlaceRows(data.cells, data.shifts[-1:], np.array([microseconds(now)], dtype=np.int64))
    with pytest.raises(RecipeError) as caught:
        place_features(bundle.features, snapshot.place_events(), rows, site=site)
    assert caught.value.problem == "a column was asked for whose numbers are learned in training"


def test_damaged_weights_are_refused() -> None:
    for weights in ((0.1,) * (len(SCALES) - 1), (-0.1,) * len(SCALES), (float("nan"),) * len(SCALES)):
        with pytest.raises(ModelError):
            EchoWeights(weights)
