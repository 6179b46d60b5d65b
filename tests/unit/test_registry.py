"""The registry and promotion: where runs are kept, which model answers, and what may let it."""

import json
from pathlib import Path

import pytest
from tests.lib.table_sites import make_site
from tests.lib.tiny_models import bundle

from crisisrisk.commands import model as commands
from crisisrisk.commands.evaluate import evaluate
from crisisrisk.errors import GateError, ModelError, UsageError
from crisisrisk.models import registry
from crisisrisk.models.bundle import Promotion, load_bundle, write_bundle
from crisisrisk.models.champions import Change, champion, champion_folder, changes, set_champion_bundle
from crisisrisk.models.registry import BUNDLE, RunRecord
from crisisrisk.models.signing import signing_key


def report(*, model: float, baseline: float) -> dict:
    numbers = {
        "model": {"auprc": model, "auroc": 0.8},
        "baselines": {"one_year_count": {"auprc": baseline, "auroc": 0.7}},
    }
    return {
        "task": "person_test", "subject": "person", "judged_on": "judged on a test", "attrition_text": "nobody left",
        "rows": 10, "report": numbers,
    }  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """An empty site. Its tracking store is in its own folder."""
    return make_site(tmp_path_factory.mktemp("registry"))


def kept(site, *, model: float = 0.3, baseline: float = 0.2, name: str = "a run") -> str:
    def write(run_id: str, folder: Path) -> None:
        made = bundle()
        object.__setattr__(made.manifest, "run_id", run_id)
        write_bundle(folder / BUNDLE, made)
        (folder / "report.json").write_text(json.dumps(report(model=model, baseline=baseline)))

    record = RunRecord(
        experiment="person_test", name=name, parameters={f"p{n}": "x" for n in range(130)},
        metrics={"model.auprc": model}, tags={"task": "person_test"}, write=write,
    )  # fmt: skip
    return registry.log_run(site.mlflow_tracking_uri, record)


@pytest.fixture(scope="module")
def run_id(site, tmp_path_factory) -> str:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        made = kept(site)
    # MLflow's own default would have made its store in the current folder.
    assert list(elsewhere.iterdir()) == []
    return made


def test_everything_of_a_run_lies_under_one_folder(site, run_id):
    root = site.models.parent / "mlruns"
    assert (root / "mlflow.db").is_file()
    assert sorted(path.name for path in root.rglob("report.json")) == ["report.json"]
    assert load_bundle(next(root.rglob(BUNDLE))).manifest.run_id == run_id


def test_a_run_is_found_by_the_beginning_of_its_id(site, run_id):
    found = registry.find_run(site.mlflow_tracking_uri, run_id[:6])
    assert (found.run_id, found.metrics, len(found.parameters)) == (run_id, {"model.auprc": 0.3}, 130)


@pytest.mark.parametrize("wrong", ["zzzz", ""])
def test_an_unknown_run_is_refused(site, run_id, wrong):
    with pytest.raises(UsageError) as caught:
        registry.find_run(site.mlflow_tracking_uri, wrong)
    assert (caught.value.code, caught.value.problem) == ("CR-TRAIN-003", "no run begins so")


@pytest.mark.parametrize("uri", ["sqlite:///mlruns/mlflow.db", "mlruns", "./mlruns"])
def test_a_store_that_follows_the_current_folder_is_refused(uri):
    with pytest.raises(ModelError) as caught:
        registry.find_run(uri, "abc")
    assert caught.value.code == "CR-TRAIN-003"


def test_a_failed_run_is_marked_as_failed(site, run_id):
    def fail(_run_id: str, _folder: Path) -> None:
        raise OSError("the disk is full")

    record = RunRecord(experiment="failing", name="f", parameters={}, metrics={}, tags={}, write=fail)
    with pytest.raises(OSError, match="the disk is full"):
        registry.log_run(site.mlflow_tracking_uri, record)
    with registry._opened(site.mlflow_tracking_uri) as client:
        experiment = client.get_experiment_by_name("failing")
        assert [run.info.status for run in client.search_runs([experiment.experiment_id])] == ["FAILED"]


def test_a_run_is_shown_again_from_what_it_left_behind(site, run_id):
    shown = evaluate(site, run_id[:8])
    assert shown.as_json()["report"]["model"]["auprc"] == 0.3
    assert "one_year_count" in shown.as_text()


def answered(site, run_id: str, **changes: object):
    """Let a run answer whose checks are over."""
    promotion = Promotion(**{"by": "A. Nowak (invented)", "at": "2026-11-20T10:00:00+00:00", "reason": "r", **changes})
    with registry.run_artifacts(site.mlflow_tracking_uri, run_id, BUNDLE) as folder:
        return commands._let_answer(site, load_bundle(folder), promotion)


def test_what_may_answer_is_written_registered_and_pointed_to(site, run_id):
    promoted = answered(site, run_id, reason="agreed on 20 Nov", checks=("baselines: passed",))
    answering = champion(site.models, "person")
    assert promoted.bundle == champion_folder(site.models, "person_test") == site.models / "person_test" / "v1"
    assert (answering.manifest.version, answering.manifest.run_id) == (1, run_id)
    assert answering.manifest.promotion == Promotion(
        by="A. Nowak (invented)", at="2026-11-20T10:00:00+00:00", reason="agreed on 20 Nov",
        checks=("baselines: passed",),
    )  # fmt: skip
    assert [(one.version, one.champion) for one in registry.registered_versions(site.mlflow_tracking_uri)] == [
        (1, True)
    ]


def test_an_exception_stays_with_the_model(site, run_id):
    promoted = answered(site, run_id, accepted=("calibration",), because="a drill")
    assert promoted.accepted == ("calibration",)
    promotion = champion(site.models, "person").manifest.promotion
    assert (promotion.accepted, promotion.because) == (("calibration",), "a drill")
    listed = {(one.version, one.answers) for one in commands.list_models(site)}
    assert listed == {(1, False), (2, True)}


def test_rollback_lets_the_model_answer_that_answered_before(site):
    back = commands.rollback(site, "person_test", reason="wrong codes since Monday", by="A. Nowak (invented)")
    assert (back.version, champion(site.models, "person").manifest.version) == (1, 1)
    assert changes(site.models, "person_test")[-1].by == "A. Nowak (invented)"
    aliases = [(one.version, one.champion) for one in registry.registered_versions(site.mlflow_tracking_uri)]
    assert aliases == [(2, False), (1, True)]
    with pytest.raises(UsageError):
        commands.rollback(site, "nothing", reason="x", by="b")
    with pytest.raises(GateError):
        commands.rollback(site, "person_test", reason="", by="b")


def test_a_changed_bundle_never_answers(site):
    folder = champion_folder(site.models, "person_test")
    said = commands.verify(folder, site=site).as_json()
    assert (said["verified"], said["signed_by"]) == (True, signing_key(site).id)
    text = folder / "model.txt"
    content = text.read_bytes()
    text.write_bytes(content.replace(b"leaf_value=", b"leaf_value= ", 1))
    for use in (lambda: champion(site.models, "person"), lambda: commands.verify(folder, site=site)):
        with pytest.raises(ModelError) as caught:
            use()
        assert caught.value.code == "CR-MODEL-001"
    change = Change(version=1, by="me", at="2026-01-01T00:00:00+00:00", reason="x")
    with pytest.raises(ModelError):
        set_champion_bundle(site.models, "person_test", change, signing_key(site))
    text.write_bytes(content)


def test_a_history_that_was_emptied_lets_nothing_answer(site):
    pointer = champion_folder(site.models, "person_test").parent / "champion.json"
    content = pointer.read_text()
    pointer.write_text("[]")
    with pytest.raises(ModelError) as caught:
        champion(site.models, "person")
    assert caught.value.code == "CR-MODEL-006"
    pointer.write_text(content)
    assert champion(site.models, "person").manifest.name == "person_test"


def test_no_model_of_the_subject_is_said_plainly(site):
    with pytest.raises(ModelError) as caught:
        champion(site.models, "place")
    assert (caught.value.code, caught.value.problem) == ("CR-MODEL-004", "no model answers for place yet")
