"""The registry follows the site's pointer: the pointer moves whatever stops it, and later both agree."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.acceptance.commands import command
from tests.lib.gate_site import CONFIGURATION
from tests.lib.locked_store import locked
from tests.unit.test_registry import answered, kept

from crisisrisk.commands import model as commands
from crisisrisk.errors import ModelError
from crisisrisk.models import registry
from crisisrisk.models.champions import champion, changes
from crisisrisk.tables.site import Site, read_site

ROOT = Path(__file__).resolve().parents[2]
WHY = {"reason": "wrong codes since Monday", "by": "A. Nowak (invented)"}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A site with two promoted versions of one model; the second answers. Tests change copies of it."""
    folder = tmp_path_factory.mktemp("made") / "site"
    folder.mkdir()
    (folder / "crisisrisk.toml").write_text(CONFIGURATION)
    site = read_site(folder)
    for _ in range(2):
        answered(site, kept(site))
    return folder


@pytest.fixture
def site(made, tmp_path) -> Site:
    return read_site(Path(shutil.copytree(made, tmp_path / "site")))


def store(site: Site) -> Path:
    return Path(site.mlflow_tracking_uri.removeprefix("sqlite:///"))


def aliased(site: Site) -> list[int]:
    return [one.version for one in registry.registered_versions(site.mlflow_tracking_uri) if one.champion]


def rolled_back(site: Site) -> dict:
    """By the command, in seconds."""
    began = time.monotonic()
    told = command("model", "rollback", "person_test", "--reason", WHY["reason"], "--by", WHY["by"],
                   "--site", str(site.path))  # fmt: skip
    assert time.monotonic() - began < 5
    assert told["version"] == 1
    assert champion(site.models, "person").manifest.version == 1
    return told


def test_a_rollback_moves_the_pointer_while_the_store_is_locked_and_the_alias_follows_later(site):
    with locked(store(site)):
        told = rolled_back(site)
        assert told["registry_lags"] == "the MLflow store is locked by another program"
        with pytest.raises(ModelError) as caught:
            commands.list_models(site)
        assert caught.value.code == "CR-TRAIN-005"
    assert aliased(site) == [2]
    assert [(one.version, one.answers) for one in commands.list_models(site)] == [(2, False), (1, True)]
    assert aliased(site) == [1]
    assert not list(site.models.rglob("unsettled.json"))


def test_a_rollback_moves_the_pointer_while_the_store_is_gone(site):
    away = store(site).parent.rename(site.path / "away")
    assert rolled_back(site)["registry_lags"] == "the MLflow store is gone"
    assert not store(site).parent.exists()  # none is made in its place
    with pytest.raises(ModelError) as caught:
        registry.find_run(site.mlflow_tracking_uri, "abc")
    assert (caught.value.code, caught.value.problem) == ("CR-TRAIN-005", "the MLflow store is gone")
    away.rename(store(site).parent)
    commands.list_models(site)
    assert aliased(site) == [1]


def test_a_rollback_says_plainly_that_the_alias_lags(site):
    with locked(store(site)):
        back = commands.rollback(site, "person_test", **WHY)
    assert back.as_text().endswith(
        "  note: the MLflow alias lags behind: the MLflow store is locked by another program; the next "
        "`crisisrisk model list` moves it"
    )
    # Back again before the store had heard of the first.
    assert commands.rollback(site, "person_test", **WHY).version == 2
    assert aliased(site) == [2]


def test_a_damaged_store_is_named_at_once(site):
    store(site).write_bytes(b"not a database" * 100)
    with pytest.raises(ModelError) as caught:
        commands.list_models(site)
    assert (caught.value.problem, caught.value.found) == ("the MLflow store cannot be used", "file is not a database")


def test_a_server_that_does_not_answer_is_named(site):
    with pytest.raises(ModelError) as caught:
        registry.find_run("http://127.0.0.1:9", "abc")
    assert (caught.value.code, caught.value.problem) == ("CR-TRAIN-005", "the MLflow store does not answer")


# A promotion that a signal ends

PROMOTE = """
import os, signal, sys
from pathlib import Path
from tests.lib.killed_commands import signal_at
from tests.unit.test_registry import answered, kept
from crisisrisk.tables.site import read_site
site = read_site(Path(sys.argv[1]))
run_id = kept(site)
signal_at(getattr(signal, sys.argv[2]), sys.argv[3])
print(answered(site, run_id).version)
"""


def promoting(site: Site, name: str, before: str) -> subprocess.CompletedProcess[str]:
    """A run kept and promoted by a process of its own, which a signal ends before a file operation."""
    asked = [sys.executable, "-c", PROMOTE, str(site.path), name, before]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "before", "answers"),
    [("SIGKILL", "/v3", 2), ("SIGINT", "/v3", 2), ("SIGKILL", "champion.json.part", 2)],
    ids=["killed before the bundle", "stopped before the bundle", "killed before the pointer"],
)
def test_a_promotion_that_is_stopped_leaves_nothing_half_registered(site, name, before, answers):
    done = promoting(site, name, before)
    assert done.returncode != 0, done.stderr
    if name == "SIGKILL":
        assert done.returncode == -signal.SIGKILL
        assert len(registry.registered_versions(site.mlflow_tracking_uri)) == 3
    else:
        assert len(registry.registered_versions(site.mlflow_tracking_uri)) == 2  # undone at once
    assert champion(site.models, "person").manifest.version == answers
    assert [one.version for one in commands.list_models(site)] == [2, 1]
    assert aliased(site) == [answers]
    assert sorted(path.name for path in (site.models / "person_test").glob("v*")) == ["v1", "v2"]
    assert answered(site, kept(site)).version > 2
    assert len(changes(site.models, "person_test")) == 3


def test_a_store_that_was_made_anew_gives_a_version_that_no_bundle_has(site):
    shutil.rmtree(store(site).parent)
    assert promoting(site, "SIGKILL", "nowhere").stdout == "3\n"
    assert champion(site.models, "person").manifest.version == 3
    assert aliased(site) == [3]
