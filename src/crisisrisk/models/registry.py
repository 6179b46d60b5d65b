"""Runs and registered models in MLflow. The only file that imports it, and only when a function is called.

The tracking store is always named in full: MLflow's default follows the current directory. Artifacts of a
SQLite store live beside it, under the same `mlruns/` folder. Nothing is sent anywhere.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crisisrisk.errors import ModelError, UsageError

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

CHAMPION = "champion"
BUNDLE = "bundle"
"""The folder of a run's artifacts that holds its candidate bundle."""

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What a training run leaves behind.

    `write` gets the run's id and an empty folder; every file that it puts there is kept as it lies there.
    """

    experiment: str
    name: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    write: Callable[[str, Path], None]


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run as the registry has it."""

    run_id: str
    name: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """One version of a registered model."""

    name: str
    version: int
    run_id: str
    champion: bool
    made_at_ms: int
    description: str


def _client(uri: str) -> "MlflowClient":
    """A client of one store. Raises ModelError for a relative path: it would follow the current directory."""
    if uri.startswith("sqlite:///"):
        file = Path(uri.removeprefix("sqlite:///"))
        if not file.is_absolute():
            raise ModelError("CR-TRAIN-003", "the MLflow store is not named in full", found=uri, wanted="sqlite:////…")
        file.parent.mkdir(parents=True, exist_ok=True)
    elif "://" not in uri:
        raise ModelError(
            "CR-TRAIN-003", "MLflow's file store is not used", found=uri, wanted="sqlite:////… or a server's address"
        )
    os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
    import logging

    for chatty in ("mlflow", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def log_run(uri: str, record: RunRecord) -> str:
    """Keep a run with everything that it leaves behind. Returns its id."""
    client = _client(uri)
    from mlflow.entities import Metric, Param

    now = time.time_ns() // 1_000_000
    with _finished(client, record, _experiment(client, uri, record.experiment)) as run_id:
        parameters = [Param(key, value[:6000]) for key, value in record.parameters.items()]
        metrics = [Metric(key, number, now, 0) for key, number in record.metrics.items()]
        for start in range(0, len(metrics), 500):
            client.log_batch(run_id, metrics=metrics[start : start + 500], synchronous=True)
        for start in range(0, len(parameters), 100):
            client.log_batch(run_id, params=parameters[start : start + 100], synchronous=True)
        with tempfile.TemporaryDirectory(prefix="crisisrisk-") as folder:
            record.write(run_id, Path(folder))
            client.log_artifacts(run_id, folder)
    return run_id


@contextmanager
def _finished(client: "MlflowClient", record: RunRecord, experiment: str) -> Iterator[str]:
    """A run that ends as finished, or as failed when an error passes through."""
    run = client.create_run(experiment, run_name=record.name, tags={**record.tags, "mlflow.runName": record.name})
    status = "FAILED"
    try:
        yield run.info.run_id
        status = "FINISHED"
    finally:
        client.set_terminated(run.info.run_id, status=status)


def _experiment(client: "MlflowClient", uri: str, name: str) -> str:
    known = client.get_experiment_by_name(name)
    if known is not None:
        return str(known.experiment_id)
    location = None
    if uri.startswith("sqlite:///"):
        location = (Path(uri.removeprefix("sqlite:///")).parent / "artifacts" / name).as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def find_run(uri: str, run_id: str) -> StoredRun:
    """A run by its id or the beginning of it. Raises UsageError when none or several begin so."""
    client = _client(uri)
    experiments = [one.experiment_id for one in client.search_experiments()]
    runs = client.search_runs(experiments, max_results=5000) if experiments else []
    found = [run for run in runs if run.info.run_id.startswith(run_id)] if run_id else []
    if len(found) != 1:
        raise UsageError(
            "CR-TRAIN-003", "no run begins so" if not found else f"{len(found)} runs begin so", found=run_id,
            wanted="the id of one training run, or enough of its beginning", hint="see: crisisrisk model list",
        )  # fmt: skip
    run = found[0]
    return StoredRun(
        run_id=run.info.run_id,
        name=run.info.run_name,
        parameters=dict(run.data.params),
        metrics=dict(run.data.metrics),
        tags=dict(run.data.tags),
    )


@contextmanager
def run_artifacts(uri: str, run_id: str, folder: str) -> Iterator[Path]:
    """A copy of one folder of a run's artifacts, gone afterwards. Raises UsageError when the run has none."""
    client = _client(uri)
    if not client.list_artifacts(run_id, folder):
        raise UsageError(
            "CR-TRAIN-003", "the run left no such folder", where=f"run {run_id}", wanted=folder,
            hint="was the training stopped before its end?",
        )  # fmt: skip
    copy = Path(tempfile.mkdtemp(prefix="crisisrisk-"))
    try:
        yield Path(client.download_artifacts(run_id, folder, str(copy)))
    finally:
        shutil.rmtree(copy)


def register(uri: str, *, name: str, run_id: str, description: str) -> int:
    """Make a run's bundle the next version of a registered model. Returns the version."""
    client = _client(uri)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    source = f"{client.get_run(run_id).info.artifact_uri}/{BUNDLE}"
    made = client.create_model_version(name, source=source, run_id=run_id, description=description)
    return int(made.version)


def unregister(uri: str, *, name: str, version: int) -> None:
    """Take a version back whose bundle could not be written."""
    _client(uri).delete_model_version(name, str(version))


def set_champion(uri: str, *, name: str, version: int) -> None:
    """Let the alias `champion` name this version."""
    _client(uri).set_registered_model_alias(name, CHAMPION, str(version))


def registered_versions(uri: str) -> tuple[RegisteredVersion, ...]:
    """Every version of every registered model, by name, newest first."""
    client = _client(uri)
    found: list[RegisteredVersion] = []
    for model in client.search_registered_models():
        champion = str(client.get_registered_model(model.name).aliases.get(CHAMPION, ""))
        versions: list[Any] = list(client.search_model_versions(f"name = '{model.name}'"))
        found.extend(
            RegisteredVersion(
                name=model.name,
                version=int(one.version),
                run_id=str(one.run_id),
                champion=str(one.version) == champion,
                made_at_ms=int(one.creation_timestamp),
                description=str(one.description or ""),
            )
            for one in versions
        )
    return tuple(sorted(found, key=lambda one: (one.name, -one.version)))
