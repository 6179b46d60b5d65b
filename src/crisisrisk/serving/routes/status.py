"""Whether the service is well, what it is, and how fresh its data are."""

from datetime import datetime, timedelta

from fastapi import APIRouter, Response

from crisisrisk import __version__
from crisisrisk.database.ingest_ledger import refused_since
from crisisrisk.database.jobs import JobState, job_states
from crisisrisk.database.latest import latest_forecast_run, latest_run
from crisisrisk.database.runs import StoredRun
from crisisrisk.database.upgrade import newest_revision
from crisisrisk.errors import KINDS
from crisisrisk.serving.access import WELL, AnyViewer, StatusViewer
from crisisrisk.serving.answers import (
    DataStatus,
    Health,
    JobStatus,
    LastRun,
    Readiness,
    RowsRefused,
    SourceStatus,
    Version,
    model_used,
)
from crisisrisk.serving.examples import ANYWHERE, DATA_STATUS, VERSION, answered
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import DEGRADED, READY, ServiceOf
from crisisrisk.serving.wording import Freshness
from crisisrisk.tables.store import Snapshot, rules_broken

well = APIRouter(tags=["status"], dependencies=[WELL])
status = APIRouter(prefix=API, tags=["status"])

REFUSED_WITHIN = timedelta(days=7)
LATE_AFTER = timedelta(minutes=30)
"""A worker looks at the clock every half minute, and the jobs before one take minutes at most."""


@well.head("/healthz", include_in_schema=False)
@well.get("/healthz", summary="Whether the process answers", responses=ANYWHERE)
def health() -> Health:
    """No key needed. Says nothing about the parts: ask /readyz."""
    return Health(status="ok")


@well.get("/readyz", summary="Whether every part is ready", responses={**ANYWHERE, 503: {"model": Readiness}})
def readiness(service: ServiceOf, response: Response) -> Readiness:
    """No key needed. 503 while a part is not ready; the others go on answering. A degraded part answers too."""
    parts = service.parts()
    degraded = [name for name, said in parts.items() if said.startswith(DEGRADED)]
    ready = all(said == READY or name in degraded for name, said in parts.items())
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, degraded=degraded, parts=parts)


@status.get("/version", summary="What is running", responses=answered(VERSION, parameters=False))
def version(_viewer: AnyViewer, service: ServiceOf) -> Version:
    """The program, the site, and whether scores of people are offered here."""
    return Version(
        program="crisisrisk",
        version=__version__,
        site=service.settings.site.name,
        person_scores=not service.settings.service.person_scores.missing,
        database_revision=newest_revision(),
    )


@status.get("/data-status", summary="How fresh everything is", responses=answered(DATA_STATUS, parameters=False))
def data_status(_viewer: StatusViewer, service: ServiceOf) -> DataStatus:
    """Per source, up to when it is complete and whether it is late; the last scoring and forecast."""
    view, now, freshness = service.view(), service.now(), Freshness(service.settings)
    newest, late = freshness.newest_known(view.complete_to), freshness.late(view.complete_to, now)
    sources = [
        SourceStatus(source=name, complete_to=moment, newest_known_at=newest[name], late=name in late)
        for name, moment in sorted(view.complete_to.items())
    ]
    declared = service.settings.service
    scores = latest_run(service.engine, model_name=declared.person_model, at=now)
    forecast = latest_forecast_run(service.engine, model_name=declared.place_model, at=now)
    wall = service.clock.now()
    return DataStatus(
        now=now, digest=view.digest, sources=sources, scores=_last(scores), forecast=_last(forecast),
        jobs=[_job(state, wall) for state in job_states(service.engine).values()],
        files_refused=refused_since(service.engine, wall - REFUSED_WITHIN),
        rows_refused=_rows_refused(view.snapshot),
    )  # fmt: skip


def _rows_refused(snapshot: Snapshot) -> list[RowsRefused]:
    rules = rules_broken([load.broken_rules for load in snapshot.manifest.loads])
    return [RowsRefused(rule=rule, rows=rows) for rule, rows in sorted(rules.items(), key=lambda one: (-one[1], one))]


def _job(state: JobState, wall: datetime) -> JobStatus:
    return JobStatus(
        name=state.name, state=state.state, succeeded_at=state.succeeded_at, ended_at=state.ended_at,
        next_due_at=state.next_due_at, late=state.next_due_at is not None and wall - state.next_due_at > LATE_AFTER,
        code=state.code, problem=None if state.code is None else KINDS[state.code].meaning, result=dict(state.result),
    )  # fmt: skip


def _last(run: StoredRun | None) -> LastRun | None:
    if run is None:
        return None
    return LastRun(as_of=run.meta.as_of, valid_until=run.meta.valid_until, model=model_used(run.meta))
