"""The worker of a site: what its jobs are, and doing what is due."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from crisisrisk.commands.audit import prune
from crisisrisk.commands.forecast import forecast
from crisisrisk.commands.score import score
from crisisrisk.database.jobs import JobState, job_states
from crisisrisk.database.latest import newest_made
from crisisrisk.database.schema import ForecastRun, ScoringRun
from crisisrisk.database.upgrade import current_engine, unreachable
from crisisrisk.errors import KINDS, CrisisRiskError
from crisisrisk.operations.backup import back_up, copies, made_at
from crisisrisk.operations.expiry import expire
from crisisrisk.operations.inbox import load_inbox
from crisisrisk.operations.schedule import BeforeShifts, Daily, Every
from crisisrisk.operations.stopping import Stopping
from crisisrisk.operations.worker import Clock, Ended, Job, Result, StopWork, Worker, system_clock
from crisisrisk.serving.settings import service_declaration
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store
from crisisrisk.tables.waiting_key import refuse_cut_off
from crisisrisk.tables.work_settings import JOBS

WORKER = "worker"
"""Who the audit trail says ended its oldest part."""
LONGEST_SLEEP = 30.0
"""Seconds, after which the worker looks at the clock again: it may have been set, or the machine slept."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Worked:
    """What was done, in order."""

    jobs: tuple[Ended, ...]

    @property
    def failed(self) -> bool:
        """Whether anything was not."""
        return any(one.code for one in self.jobs)

    def as_json(self) -> dict[str, Any]:
        return {
            "jobs": [
                {"name": one.name, "code": one.code, "seconds": round(one.seconds, 2), "result": dict(one.result)}
                for one in self.jobs
            ]
        }


@dataclass(frozen=True)
class ListedJob:
    """A job of the schedule, and its state; None where no worker ever planned it."""

    job: Job
    state: JobState | None
    next_due: datetime | None

    def as_json(self) -> dict[str, Any]:
        state = self.state
        return {
            "name": self.job.name, "meaning": self.job.meaning, "state": state.state if state else "waiting",
            "succeeded_at": _text(state.succeeded_at if state else None),
            "ended_at": _text(state.ended_at if state else None), "next_due_at": _text(self.next_due),
            "code": state.code if state else None, "result": dict(state.result) if state else {},
        }  # fmt: skip


def work_once(site: Site, *, tell: Tell, clock: Clock = system_clock) -> Worked:
    """Do everything that is due now. Raises ServiceError where another worker is at work."""
    worker, stopping = _worker(site, clock), Stopping()
    done: list[Ended] = []
    try:
        with stopping.on_signals():
            while (ended := _step(site, worker, stopping)) is not None:
                done.append(ended)
                tell(line(ended))
    except StopWork:
        tell("told to stop")
    finally:
        worker.engine.dispose()
    return Worked(tuple(done))


def work(site: Site, *, tell: Tell) -> None:
    """Do what is due whenever it is, until told to stop. What fails is told of and tried again."""
    worker, stopping = _worker(site), Stopping()
    names = ", ".join(job.name for job in worker.jobs)
    tell(f"{_clock()} at work: {names}")
    try:
        with stopping.on_signals():
            _go_on(site, worker, stopping, tell)
    except StopWork:
        pass
    finally:
        worker.engine.dispose()
    tell(f"{_clock()} told to stop, and stopped")


def listed_jobs(site: Site) -> list[ListedJob]:
    """The schedule, and how each job stands."""
    worker = _worker(site)
    try:
        states, now = job_states(worker.engine), worker.clock()
    finally:
        worker.engine.dispose()
    return [ListedJob(job, states.get(job.name), job.schedule.following(now)) for job in worker.jobs]


def line(ended: Ended) -> str:
    """What came of a job, as a line of the worker's log. It names nobody."""
    if ended.code is None:
        counts = " ".join(f"{name}={count}" for name, count in ended.result.items())
        return f"{_clock()} {ended.name} done in {ended.seconds:.1f} s {counts}".rstrip()
    where = f" ({ended.where})" if ended.where else ""
    return f"{_clock()} {ended.name} failed: {ended.code} {KINDS[ended.code].meaning}{where}"


def _go_on(site: Site, worker: Worker, stopping: Stopping, tell: Tell) -> None:
    while not stopping.asked:
        try:
            ended = _step(site, worker, stopping)
        except CrisisRiskError as problem:
            tell(f"{_clock()} waits: {problem.code} {problem.problem}")
            stopping.wait(LONGEST_SLEEP)
            continue
        if ended is not None:
            tell(line(ended))
            continue
        moment = worker.next_moment()
        seconds = LONGEST_SLEEP if moment is None else (moment - worker.clock()).total_seconds()
        stopping.wait(min(max(seconds, 0.1), LONGEST_SLEEP))


def _step(site: Site, worker: Worker, stopping: Stopping) -> Ended | None:
    refuse_cut_off(site)
    try:
        with stopping.at_work():
            return worker.step()
    except SQLAlchemyError:
        raise unreachable() from None


def _worker(site: Site, clock: Clock = system_clock) -> Worker:
    engine = current_engine(site.database_url)
    return Worker(
        engine=engine, lock_file=site.state / "work.lock", jobs=_jobs(site, engine),
        try_again=timedelta(minutes=site.work.try_again_minutes), clock=clock, defect=_where,
    )  # fmt: skip


def _jobs(site: Site, engine: Engine) -> list[Job]:
    """The board of a shift first, after what it is made from."""
    settings, zone = site.work, site.time_zone
    made: list[tuple[bool, Job]] = [
        (site.inbox is not None, Job(
            name="load", meaning=JOBS["load"], schedule=Every(settings.load_every_minutes),
            run=lambda: _load(site, engine),
        )),
        (bool(settings.forecast_hours_before), Job(
            name="forecast", meaning=JOBS["forecast"],
            schedule=BeforeShifts(settings.forecast_hours_before, site.shifts, zone),
            run=lambda: _forecast(site), made_since=lambda moment: _run_since(engine, ForecastRun, moment),
        )),
        (_offers_scores(site) and bool(settings.score_at), Job(
            name="score", meaning=JOBS["score"], schedule=Daily(settings.score_at, zone),
            run=lambda: _score(site), made_since=lambda moment: _run_since(engine, ScoringRun, moment),
        )),
        (bool(settings.back_up_at), Job(
            name="back_up", meaning=JOBS["back_up"], schedule=Daily(settings.back_up_at, zone),
            run=lambda: _back_up(site, engine), made_since=lambda moment: _copy_since(site.backups, moment),
        )),
        (bool(settings.expire_at), Job(
            name="expire", meaning=JOBS["expire"], schedule=Daily(settings.expire_at, zone),
            run=lambda: expire(site, engine, now=_site_now(site)),
        )),
        (_prunes(site) and bool(settings.prune_audit_at), Job(
            name="prune_audit", meaning=JOBS["prune_audit"],
            schedule=Daily(settings.prune_audit_at, zone),
            run=lambda: {"looks_ended": prune(site, user=WORKER).rows},
        )),
    ]  # fmt: skip
    return [job for wanted, job in made if wanted]


def _load(site: Site, engine: Engine) -> Result:
    assert site.inbox is not None, "without an inbox there is no such job"
    return load_inbox(site, site.inbox, engine).as_result()


def _forecast(site: Site) -> Result:
    made = forecast(site, start=None, hours=site.work.forecast_hours_ahead, out=None)
    return {"run": made.run, "shifts": int(made.forecast.frame["shift_id"].nunique())}


def _score(site: Site) -> Result:
    return {"run": score(site, as_of=None, out=None).run}


def _back_up(site: Site, engine: Engine) -> Result:
    copy = back_up(engine, site.backups, kept=site.work.backups_kept, now=datetime.now(UTC))
    return _of_copy(site.backups, copy)


def _copy_since(folder: Path, moment: datetime) -> Result | None:
    found = copies(folder)
    if not found or made_at(found[-1]) < moment.replace(microsecond=0):
        return None
    return _of_copy(folder, found[-1])


def _of_copy(folder: Path, copy: Path) -> Result:
    return {"bytes": copy.stat().st_size, "copies": len(copies(folder))}


def _run_since(engine: Engine, table: type[ScoringRun] | type[ForecastRun], moment: datetime) -> Result | None:
    run = newest_made(engine, table, since=moment)
    return None if run is None else {"run": run}


def _offers_scores(site: Site) -> bool:
    return not service_declaration(site).person_scores.missing


def _prunes(site: Site) -> bool:
    """Only where the site itself says how long looks are kept."""
    return bool(service_declaration(site).audit.kept_days)


def _site_now(site: Site) -> datetime:
    return Store(site).snapshot().as_of_now() if site.clock == "data" else datetime.now(UTC)


def _where(problem: Exception) -> str:
    """The kind of a failure and the last line of ours that it went through, never its message."""
    ours = [frame for frame in traceback.extract_tb(problem.__traceback__) if "crisisrisk" in frame.filename]
    return f"{type(problem).__name__}" + (f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "")


def _clock() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
