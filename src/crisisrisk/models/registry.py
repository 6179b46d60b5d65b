"""Runs and registered models in MLflow. The only file that imports it, and only when a function is called.

The tracking store is always named in full: MLflow's default follows the current directory. Artifacts of a
SQLite store live beside it, under the same `mlruns/` folder. Nothing is sent anywhere.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from crisisrisk.errors import UsageError
from crisisrisk.models.tracking_store import require_store, store_file, store_problem

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

CHAMPION = "champion"
BUNDLE = "bundle"
"""The folder of a run's artifacts that holds its candidate bundle."""
FINISHED = "FINISHED"
TOKEN = "kept_by"  # noqa: S105 -- it names who keeps a run or registers a version, and proves nothing
"""The tag by which a run, or a registered version, that was cut short is found again."""

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

    `write` gets the run's id and an empty folder; every file that it puts there is kept as it lies there. `token`: the
    same for the same work, however often keeping it is tried.
    """

    experiment: str
    name: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    write: Callable[[str, Path], None]
    token: str = field(default_factory=lambda: uuid4().hex)


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


@contextmanager
def _opened(uri: str, *, writing: bool = False, making: bool = False) -> Iterator["MlflowClient"]:
    """A client of one store. Raises ModelError when the store cannot be used, now or on the way."""
    require_store(uri, writing=writing, making=making)
    os.environ.update({name: value for name, value in _QUIET.items() if name not in os.environ})
    import logging

    for chatty, least in {"mlflow": logging.WARNING, "alembic": logging.WARNING, "mlflow.store": logging.FATAL}.items():
        logging.getLogger(chatty).setLevel(least)
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield MlflowClient(tracking_uri=uri, registry_uri=uri)
    except (MlflowException, SQLAlchemyError) as problem:
        found = getattr(problem, "error_code", type(problem).__name__)
        raise store_problem("did not do what it was asked", where=_named(uri), found=str(found)) from None


def _named(uri: str) -> str:
    """A store without the passwords that an address may hold."""
    return uri.rpartition("@")[2]


def log_run(uri: str, record: RunRecord) -> str:
    """Keep a run with everything that it leaves behind. Returns its id.

    A record is kept once: the run that its token has already kept is only named again, and those that were cut short
    are marked as killed.
    """
    with _opened(uri, writing=True, making=True) as client:
        kept = _settled(client, record.token)
        return kept if kept is not None else _logged(client, uri, record)


def _logged(client: "MlflowClient", uri: str, record: RunRecord) -> str:
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
    tags = {**record.tags, "mlflow.runName": record.name, TOKEN: record.token}
    run_id = client.create_run(experiment, run_name=record.name, tags=tags).info.run_id
    try:
        yield run_id
    except BaseException:
        with suppress(Exception):  # the store may be what failed: whoever comes next marks the run as killed
            client.set_terminated(run_id, status="FAILED")
        raise
    client.set_terminated(run_id, status=FINISHED)


def settle_run(uri: str, token: str) -> str | None:
    """The run that was kept under a token, if any; runs under it that were cut short are marked as killed."""
    file = store_file(uri)
    if file is not None and not file.exists():
        return None
    with _opened(uri, writing=True) as client:
        return _settled(client, token)


def _settled(client: "MlflowClient", token: str) -> str | None:
    experiments = [one.experiment_id for one in client.search_experiments()]
    runs = client.search_runs(experiments, filter_string=f"tags.{TOKEN} = '{token}'") if experiments else []
    for run in runs:
        if run.info.status == "RUNNING":
            client.set_terminated(run.info.run_id, status="KILLED")
    return next((str(run.info.run_id) for run in runs if run.info.status == FINISHED), None)


def _experiment(client: "MlflowClient", uri: str, name: str) -> str:
    known = client.get_experiment_by_name(name)
    if known is not None:
        return str(known.experiment_id)
    file, location = store_file(uri), None
    if file is not None:
        location = (file.parent / "artifacts" / name).as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def find_run(uri: str, run_id: str) -> StoredRun:
    """A run by its id or the beginning of it. Raises UsageError when none or several begin so, or it was cut short."""
    with _opened(uri) as client:
        experiments = [one.experiment_id for one in client.search_experiments()]
        runs = client.search_runs(experiments, max_results=5000) if experiments else []
    found = [run for run in runs if run.info.run_id.startswith(run_id)] if run_id else []
    if len(found) != 1:
        raise UsageError(
            "CR-TRAIN-003", "no run begins so" if not found else f"{len(found)} runs begin so", found=run_id,
            wanted="the id of one training run, or enough of its beginning", hint="see: crisisrisk model list",
        )  # fmt: skip
    run = found[0]
    if run.info.status != FINISHED:
        raise UsageError(
            "CR-TRAIN-003", "the run was stopped before it was kept whole", found=f"{run_id}: {run.info.status}",
            wanted=f"a run that is {FINISHED}", hint="train again: it goes on where it stopped",
        )  # fmt: skip
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
    copy = Path(tempfile.mkdtemp(prefix="crisisrisk-"))
    try:
        with _opened(uri) as client:
            if not client.list_artifacts(run_id, folder):
                raise UsageError(
                    "CR-TRAIN-003", "the run left no such folder", where=f"run {run_id}", wanted=folder,
                    hint="was the training stopped before its end?",
                )  # fmt: skip
            downloaded = Path(client.download_artifacts(run_id, folder, str(copy)))
        yield downloaded
    finally:
        shutil.rmtree(copy)


# Registered models


def register(uri: str, *, name: str, run_id: str, description: str, token: str) -> int:
    """Make a run's bundle the next version of a registered model. Returns the version."""
    with _opened(uri, writing=True) as client:
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        source = f"{client.get_run(run_id).info.artifact_uri}/{BUNDLE}"
        tags = {TOKEN: token}
        made = client.create_model_version(name, source=source, run_id=run_id, description=description, tags=tags)
    return int(made.version)


def unregister(uri: str, *, name: str, version: int) -> None:
    """Take a version back whose bundle does not answer."""
    with _opened(uri, writing=True) as client:
        client.delete_model_version(name, str(version))


def tokens_of(uri: str, *, name: str) -> dict[int, str]:
    """The versions of a registered model, each with the token that it was registered under, or ""."""
    with _opened(uri) as client:
        found: list[Any] = list(client.search_model_versions(f"name = '{name}'"))
    return {int(one.version): str(one.tags.get(TOKEN, "")) for one in found}


def set_champion(uri: str, *, name: str, version: int) -> None:
    """Let the alias `champion` name this version."""
    with _opened(uri, writing=True) as client:
        client.set_registered_model_alias(name, CHAMPION, str(version))


def registered_versions(uri: str) -> tuple[RegisteredVersion, ...]:
    """Every version of every registered model, by name, newest first; none before anything was trained."""
    file = store_file(uri)
    if file is not None and not file.exists():
        return ()
    with _opened(uri) as client:
        found = [one for model in client.search_registered_models() for one in _versions(client, model.name)]
    return tuple(sorted(found, key=lambda one: (one.name, -one.version)))


def _versions(client: "MlflowClient", name: str) -> Iterator[RegisteredVersion]:
    champion = str(client.get_registered_model(name).aliases.get(CHAMPION, ""))
    versions: list[Any] = list(client.search_model_versions(f"name = '{name}'"))
    for one in versions:
        yield RegisteredVersion(
            name=name,
            version=int(one.version),
            run_id=str(one.run_id),
            champion=str(one.version) == champion,
            made_at_ms=int(one.creation_timestamp),
            description=str(one.description or ""),
        )
