"""The gate of places on the sample: every check runs, and another forecast than the judged one is refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from crisisrisk.commands.place_promotion import place_checks
from crisisrisk.commands.promotion import read_candidate
from crisisrisk.evaluation.gate import BASELINES, CHAMPION, FRESHNESS, REPRODUCTION
from crisisrisk.models import registry
from crisisrisk.models.champions import champion
from crisisrisk.models.risk_model import PlaceModel
from crisisrisk.models.trees import NO_TREES, Trees
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(demo_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return read_site(Path(shutil.copytree(demo_site, tmp_path_factory.mktemp("places") / "site")))


def test_the_place_model_is_held_against_every_rule_its_own_figures_and_the_champion(site: Site) -> None:
    answering = champion(site.models, "place").manifest
    candidate = read_candidate(site, registry.find_run(site.mlflow_tracking_uri, answering.run_id).run_id)
    snapshot, gate = Store(site).snapshot(), candidate.training.gate
    checks = place_checks(site, candidate.run_id, candidate.bundle, candidate.training, snapshot, gate)
    by_name = {check.name: check for check in checks}
    assert set(by_name) == {BASELINES, REPRODUCTION, CHAMPION, FRESHNESS}
    assert by_name[REPRODUCTION].passed, str(by_name[REPRODUCTION])
    assert by_name[CHAMPION].found == f"v{answering.version} is this very run"

    # Without its trees it is the simple forecast that it starts from: another model than the one that was judged.
    bundle, names = candidate.bundle, candidate.bundle.manifest.feature_names
    model = PlaceModel(Trees(NO_TREES, names, 0), bundle.place_model.distribution)
    bare = replace(bundle, model=model, manifest=replace(bundle.manifest, trees=0, run_id="another"))
    refused = {one.name: one for one in place_checks(site, candidate.run_id, bare, candidate.training, snapshot, gate)}
    assert not refused[REPRODUCTION].passed
    assert refused[CHAMPION].found.startswith("deviance lower by ")
