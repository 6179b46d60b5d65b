"""Which models answer, what they say of themselves, and looking again whether another one should."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Path

from crisisrisk.errors import ModelError
from crisisrisk.models.bundle import Manifest
from crisisrisk.models.bundle_files import read_file
from crisisrisk.serving.access import ModelReloader, ModelViewer
from crisisrisk.serving.answers import AnsweringModel, CurrentModel, ModelPromotion, Models
from crisisrisk.serving.bundles import VerifiedModel
from crisisrisk.serving.examples import CARD, CURRENT_MODEL, MODELS, RELOADED, answered
from crisisrisk.serving.problems import NoAnswerError, nothing_here
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import Service, ServiceOf

models = APIRouter(prefix=API, tags=["models"])

Task = Annotated[str, Path(description="The task that a model answers.", examples=["person_crisis_28d"])]


@models.get("/models", summary="Which models answer", responses=answered(MODELS, parameters=False))
def list_models(_viewer: ModelViewer, service: ServiceOf) -> Models:
    """The models that answer here, and whether each is the one that should."""
    answering, unavailable = [], {}
    for model in service.models:
        try:
            answering.append(AnsweringModel(**_answering(model)))
        except ModelError as problem:
            unavailable[model.subject] = f"{problem.code}: {problem.problem}"
    return Models(models=answering, unavailable=unavailable)


@models.get("/models/{task}/current", summary="The model that answers", responses=answered(CURRENT_MODEL))
def current(task: Task, _viewer: ModelViewer, service: ServiceOf) -> CurrentModel:
    """What its bundle says: what it was trained on until when, what it reads, who let it answer and why."""
    model = _of_task(service, task)
    manifest = model.manifest()
    return CurrentModel(
        **_answering(model, manifest),
        training_cut_off=manifest.training_cut_off,
        made_at=manifest.made_at,
        data_digest=manifest.data_digest,
        baseline=manifest.baseline,
        trees=manifest.trees,
        features=list(manifest.feature_names),
        other_issue_hours=list(manifest.other_issue_hours),
        versions=dict(manifest.versions),
        promotion=_promotion(manifest),
    )


@models.get("/models/{task}/card", summary="The trust sheet of the model that answers", responses=answered(CARD))
def card(task: Task, _viewer: ModelViewer, service: ServiceOf) -> dict[str, Any]:
    """As `crisisrisk card` wrote it for the very run that answers; 404 where nobody did."""
    manifest = _of_task(service, task).manifest()
    try:
        content = json.loads(read_file(service.settings.site.reports, f"{manifest.name}-{manifest.run_id[:8]}.json"))
    except (ModelError, ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise NoAnswerError("CR-HTTP-404", "there is no trust sheet of the model that answers",
                            hint="crisisrisk card RUN writes it")  # fmt: skip
    return content


@models.post("/models/{task}/reload", summary="Look now which model should answer", responses=answered(RELOADED))
def reload(task: Task, _viewer: ModelReloader, service: ServiceOf) -> AnsweringModel:
    """Verify what lies in models/ now and let it answer; where it is refused, the last good one goes on.

    The service looks every second by itself. Nobody can choose a model here: it is the one that was promoted.
    """
    model = _of_task(service, task)
    model.refresh(anew=True, wait=False)  # where it is looked at already, nobody waits in a turn of their own
    return AnsweringModel(**_answering(model))


def _of_task(service: Service, task: str) -> VerifiedModel:
    for model in service.models:
        if task == (model.name or _name(model)):
            return model
    raise nothing_here()


def _name(model: VerifiedModel) -> str | None:
    try:
        return model.manifest().name
    except ModelError:
        return None


def _answering(model: VerifiedModel, manifest: Manifest | None = None) -> dict[str, Any]:
    about = manifest or model.manifest()
    refusal = model.refusal
    return {
        "subject": about.subject, "name": about.name, "version": about.version, "run_id": about.run_id,
        "recipe_fingerprint": about.recipe_fingerprint, "state": "current" if refusal is None else "degraded",
        "problem": None if refusal is None else str(refusal),
    }  # fmt: skip


def _promotion(manifest: Manifest) -> ModelPromotion | None:
    made = manifest.promotion
    if made is None:
        return None
    return ModelPromotion(
        by=made.by, at=made.at, reason=made.reason, checks=list(made.checks), accepted=list(made.accepted),
        because=made.because,
    )  # fmt: skip
