"""Training and backtests that a signal ends, or whose MLflow store fails: nothing half kept, and nothing done twice."""

import json
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.acceptance.commands import command
from tests.lib.gate_site import make_gate_site
from tests.lib.killed_commands import stopped
from tests.lib.locked_store import locked
from tests.lib.place_sites import NORTH, calls, place_site, small_recipe

from crisisrisk.commands.backtest import backtest
from crisisrisk.commands.train import train
from crisisrisk.errors import DataError, ModelError, UsageError
from crisisrisk.models import registry
from crisisrisk.tables.site import Site, read_site

pytestmark = pytest.mark.slow
PEOPLE = 120


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A site with its tables; tests work on copies of it."""
    return make_gate_site(tmp_path_factory.mktemp("made") / "site", people=PEOPLE).path


@pytest.fixture(scope="module")
def whole(made, tmp_path_factory) -> dict[str, bytes]:
    """What an uninterrupted training leaves behind."""
    site = copied(made, tmp_path_factory.mktemp("whole"))
    return left_by(site, train(site, "person", None, tell=lambda _: None).run_id)


@pytest.fixture
def site(made, tmp_path) -> Site:
    return copied(made, tmp_path)


def copied(made: Path, folder: Path) -> Site:
    return read_site(Path(shutil.copytree(made, folder / "site")))


def left_by(site: Site, run_id: str) -> dict[str, bytes]:
    """The files of a run that depend on the data alone, and the account that names neither its run nor its time."""
    names = ("bundle/model.txt", "bundle/calibration.json", "bundle/features.json", "judged.parquet", "report.json",
             "attrition.txt")  # fmt: skip
    with registry.run_artifacts(site.mlflow_tracking_uri, run_id, "") as folder:
        return {name: (folder / name).read_bytes() for name in names}


def statuses(site: Site) -> list[str]:
    """Of every run in the store, oldest first."""
    file = Path(site.mlflow_tracking_uri.removeprefix("sqlite:///"))
    if not file.exists():
        return []
    with sqlite3.connect(file) as store:
        return [status for (status,) in store.execute("select status from runs order by start_time")]


def unfinished(site: Site, kind: str = "train") -> Path:
    (folder,) = (site.path / "unfinished").glob(f"{kind}-*")
    return folder


def test_a_training_that_is_killed_again_and_again_gives_the_model_of_one_that_never_was(site, whole):
    """At every stage: while features are built and fitted, calibrated, judged, and while the run is kept."""
    asked = ("train", "person", "--site", str(site.path))
    for fragment, kept, name in (
        ("stop.bins", "train.bins", "SIGKILL"),
        ("calibrated_on.npz", "trees.npz", "SIGINT"),
        ("/finished", "judged_on.npz", "SIGKILL"),
    ):
        done = stopped(name, fragment, *asked)
        assert done.returncode == (-signal.SIGKILL if name == "SIGKILL" else 130), done.stderr
        assert (unfinished(site) / kept).exists()
        assert statuses(site) == []  # no run exists before everything is over
        if name == "SIGINT":
            fitted_at = (unfinished(site) / "trees.npz").stat().st_mtime_ns
            assert done.stderr.endswith("stopped\n")
    assert (unfinished(site) / "trees.npz").stat().st_mtime_ns == fitted_at  # not fitted again
    assert not list(unfinished(site).glob("*.bins"))  # large, and needless once there are trees

    done = stopped("SIGKILL", "report.json", *asked)
    assert (done.returncode, statuses(site)) == (-signal.SIGKILL, ["RUNNING"])
    with pytest.raises(UsageError, match="the run was stopped before it was kept whole"):
        registry.find_run(site.mlflow_tracking_uri, *runs_in(site))

    result = command(*asked)
    assert statuses(site) == ["KILLED", "FINISHED"]
    assert left_by(site, result["run_id"]) == whole
    assert not list((site.path / "unfinished").glob("*"))
    assert registry.registered_versions(site.mlflow_tracking_uri) == ()


def runs_in(site: Site) -> list[str]:
    with sqlite3.connect(site.mlflow_tracking_uri.removeprefix("sqlite:///")) as store:
        return [run for (run,) in store.execute("select run_uuid from runs order by start_time")]


def test_a_run_that_was_kept_is_not_kept_again(site):
    """Killed between the last word to MLflow and the end of the command."""
    asked = ("train", "person", "--baseline", "one_year_count", "--site", str(site.path))
    assert stopped("SIGKILL", ".over", *asked).returncode == -signal.SIGKILL
    assert statuses(site) == ["FINISHED"]
    assert [command(*asked)["run_id"]] == runs_in(site)


def test_a_stop_by_hand_while_the_run_is_kept_leaves_it_as_failed(site):
    asked = ("train", "person", "--baseline", "one_year_count", "--site", str(site.path))
    assert stopped("SIGINT", "report.json", *asked).returncode == 130
    assert statuses(site) == ["FAILED"]
    assert command(*asked)["run_id"] == runs_in(site)[1]


def test_another_recipe_or_other_data_begin_anew(site):
    asked = ("train", "person", "--baseline", "one_year_count", "--site", str(site.path))
    stopped("SIGKILL", "/finished", *asked)
    before = unfinished(site).name
    recipe = site.path / "training" / "person_crisis_28d.toml"
    recipe.write_text(recipe.read_text().replace("warm_up_days = 120", "warm_up_days = 127"))
    told: list[str] = []
    run = train(site, "person", None, baseline="one_year_count", tell=told.append)
    assert not any(line.startswith("going on") for line in told)
    assert run.rows > 0
    assert not (site.path / "unfinished" / before).exists()  # what nobody can go on with goes


def test_two_trainings_of_one_recipe_do_not_run_at_once(site):
    told: list[str] = []

    def again(line: str) -> None:
        told.append(line)
        if len(told) == 1:
            with pytest.raises(DataError) as caught:
                train(site, "person", None, baseline="one_year_count", tell=lambda _: None)
            assert caught.value.code == "CR-TRAIN-004"

    train(site, "person", None, baseline="one_year_count", tell=again)
    assert statuses(site) == ["FINISHED"]


def test_a_store_that_is_locked_when_the_model_is_finished_loses_nothing(site, whole):
    first = train(site, "person", None, baseline="one_year_count", tell=lambda _: None)
    store, told = Path(site.mlflow_tracking_uri.removeprefix("sqlite:///")), []
    with pytest.raises(ModelError) as caught, locking_at("keeping", store) as tell:
        train(site, "person", None, tell=tell)
    assert (caught.value.code, caught.value.problem) == (
        "CR-TRAIN-005", "the MLflow store is locked by another program",
    )  # fmt: skip
    assert "nothing that was finished is lost" in caught.value.rendered()
    assert runs_in(site) == [first.run_id]
    run = train(site, "person", None, tell=told.append)
    assert told == ["going on where the same training stopped …", "keeping the run in MLflow …"]
    assert left_by(site, run.run_id) == whole


@contextmanager
def locking_at(word: str, store: Path) -> Iterator[Callable[[str], None]]:
    """Somebody to tell, at whose first line that begins so another process locks the store."""
    with ExitStack() as opened:

        def tell(line: str) -> None:
            if line.startswith(word):
                opened.enter_context(locked(store))

        yield tell


def test_a_store_that_cannot_be_used_is_said_before_anything_is_read(site):
    (site.path / "mlruns").write_text("where the store's folder should be")
    told: list[str] = []
    with pytest.raises(ModelError) as caught:
        train(site, "person", None, tell=told.append)
    assert (caught.value.code, caught.value.problem, told) == ("CR-TRAIN-005", "the MLflow store cannot be made", [])


def test_a_site_of_a_single_person_is_refused_and_leaves_no_run(tmp_path):
    alone = make_gate_site(tmp_path / "site", people=1)
    for baseline in (None, "one_year_count"):
        with pytest.raises(DataError) as caught:
            train(alone, "person", None, baseline=baseline, tell=lambda _: None)
        assert caught.value.code == "CR-TRAIN-002"
    assert statuses(alone) == []


# Backtests


def test_a_backtest_that_is_killed_goes_on_and_ends_as_one_that_never_was(site):
    recipe = site.path / "training" / "person_crisis_28d.toml"
    recipe.write_text(recipe.read_text().replace("[split]", "[split]\norigins = 3"))
    asked = ("backtest", "person", "--every", "4w", "--site", str(site.path))
    uninterrupted = command(*asked)
    assert uninterrupted["slices"] == 3
    assert not list((site.path / "unfinished").glob("*"))
    # The moment at which it began and the first fold are kept, then the second fold as well.
    for kept, (name, operation) in enumerate((("SIGKILL", ".npz@3"), ("SIGINT", ".npz@5")), 1):
        assert stopped(name, operation, *asked).returncode in (-signal.SIGKILL, 130)
        assert len(list(unfinished(site, "backtest").glob("fold-*.npz"))) == kept
    told: list[str] = []
    result = backtest(site, "person", None, start=None, end=None, every="4w", tell=told.append)
    assert [line.endswith("fitted before") for line in told] == [False, True, True, False]
    again = json.loads(json.dumps(result.as_json(), default=str))
    for one in (uninterrupted, again):
        del one["seconds"]
    assert json.dumps(again) == json.dumps(uninterrupted)


def test_a_backtest_of_places_that_is_killed_goes_on_with_other_workers_and_is_kept_once(tmp_path):
    """Killed while two origins are fitted, then while its run is kept; ended by one worker."""
    other = [{**row, "id": f"b {row['id']}"} for row in calls(120, each=2, north=NORTH + 0.0135)]
    site = place_site(tmp_path, [*calls(120), *other])
    recipe = tmp_path / "small.toml"
    recipe.write_text(small_recipe(split={"origins": 4}), encoding="utf-8")
    asked = ("backtest", "place", "--recipe", str(recipe), "--site", str(site.path))
    uninterrupted = command(*asked, "--workers", "3")
    assert (uninterrupted["origins"], statuses(site)) == (4, ["FINISHED"])
    done = stopped("SIGKILL", ".npz@3", *asked, "--workers", "2")
    assert done.returncode == -signal.SIGKILL, done.stderr
    kept = {path.name for path in unfinished(site, "backtest").glob("fold-*.npz")}
    assert 1 <= len(kept) <= 3
    done = stopped("SIGKILL", "report.json", *asked, "--workers", "2")
    assert (done.returncode, statuses(site)) == (-signal.SIGKILL, ["FINISHED", "RUNNING"])
    assert done.stderr.count("fitted before") == len(kept)
    again = command(*asked, "--workers", "1")
    assert statuses(site) == ["FINISHED", "KILLED", "FINISHED"]
    assert again["run_id"] == runs_in(site)[-1]
    for one in (uninterrupted, again):
        del one["seconds"], one["run_id"]
    assert json.dumps(again) == json.dumps(uninterrupted)
    assert not list((site.path / "unfinished").glob("*"))
