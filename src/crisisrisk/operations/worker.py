"""The worker: takes up what is due, one job at a time, and keeps in the database what came of it.

Whoever holds the lock is the only worker. A job that stands there as running was therefore cut off, and is taken up
again; `Job.made_since` says whether it had made what it is for before that, so that nothing is made twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from crisisrisk.database.jobs import (
    DONE,
    FAILED,
    RUNNING,
    JobState,
    begin_job,
    end_job,
    fail_job,
    job_states,
    plan_jobs,
    put_back,
)
from crisisrisk.database.work_lock import working
from crisisrisk.errors import CrisisRiskError
from crisisrisk.operations.schedule import Schedule

MOST_ATTEMPTS = 3
"""How often a job is taken up again that was cut off, such as for want of memory, before its next time."""
CUT_OFF = "CR-WORK-002"

Result = Mapping[str, int]
Clock = Callable[[], datetime]


class StopWork(BaseException):
    """The worker was told to stop while a job ran."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Something that is done again and again. Both calls give counts of what was made."""

    name: str
    meaning: str
    schedule: Schedule
    run: Callable[[], Result]
    made_since: Callable[[datetime], Result | None] = field(default=lambda _: None)
    """What an attempt that was cut off had made by its end, after that moment; None where it had not come so far."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What came of one job. `where`: of a defect, the line of ours that it went through."""

    name: str
    seconds: float
    code: str | None = None
    result: Result = field(default_factory=dict)
    where: str | None = None


def system_clock() -> datetime:
    """What the machine's clock says."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Worker:
    """The jobs of one site. `defect` says of an unforeseen exception where it arose."""

    engine: Engine
    lock_file: Path
    jobs: Sequence[Job]
    try_again: timedelta
    clock: Clock = system_clock
    defect: Callable[[Exception], str] = lambda problem: type(problem).__name__

    def step(self) -> Ended | None:
        """Do the first job that is due, and None where none is. Raises ServiceError where another worker is at work."""
        with working(self.engine, self.lock_file) as lock:
            self.plan()
            found = next(self._due(job_states(self.engine), self.clock()), None)
            if found is None:
                return None
            job, before, due = found
            if before.state == RUNNING and before.due_at == due and before.attempts >= MOST_ATTEMPTS:
                fail_job(self.engine, job.name, code=CUT_OFF, now=self.clock(), try_again_at=None)
                return Ended(name=job.name, seconds=0, code=CUT_OFF)
            state = begin_job(self.engine, before, due_at=due, now=self.clock())
            ended = self._run(job, state)
            if lock.still_held():  # else another may have taken the job up, and says what came of it
                self._keep(ended, state)
            return ended

    def plan(self) -> None:
        """Say in the database when each job is due next."""
        now = self.clock()
        plan_jobs(self.engine, {job.name: job.schedule.following(now) for job in self.jobs})

    def next_moment(self) -> datetime | None:
        """When something is due next, first attempts or further ones."""
        states, now = job_states(self.engine), self.clock()
        again = [one.try_again_at for one in states.values() if one.state == FAILED]
        moments = [job.schedule.following(now) for job in self.jobs] + again
        return min((moment for moment in moments if moment is not None), default=None)

    def _due(self, states: Mapping[str, JobState], now: datetime) -> Iterator[tuple[Job, JobState, datetime]]:
        for job in self.jobs:
            state, due = states[job.name], job.schedule.last(now)
            if due is not None and _is_due(state, due, now):
                # An older occurrence of a clock that went back is not taken up anew.
                yield job, state, max(due, state.due_at or due)

    def _run(self, job: Job, state: JobState) -> Ended:
        started = self.clock()
        code, where = None, None
        result: Result = {}
        try:
            result = self._result(job, state)
        except StopWork:
            put_back(self.engine, state)
            raise
        except CrisisRiskError as problem:
            code = problem.code
        except SQLAlchemyError as problem:
            code, where = "CR-DB-002", self.defect(problem)
        except OSError as problem:
            code, where = "CR-DATA-007", self.defect(problem)
        except Exception as problem:  # noqa: BLE001 -- one job that fails must not keep the others from being done
            code, where = "CR-WORK-003", self.defect(problem)
        seconds = (self.clock() - started).total_seconds()
        return Ended(name=job.name, seconds=seconds, code=code, result=result, where=where)

    def _result(self, job: Job, state: JobState) -> Result:
        if state.attempts > 1 and state.begun_at is not None:
            made = job.made_since(state.begun_at)
            if made is not None:
                return made
        return job.run()

    def _keep(self, ended: Ended, state: JobState) -> None:
        now = self.clock()
        if ended.code is None:
            end_job(self.engine, ended.name, result=ended.result, now=now)
        else:
            again = now + self.try_again
            fail_job(self.engine, ended.name, code=ended.code, now=now, try_again_at=again)


def _is_due(state: JobState, due: datetime, now: datetime) -> bool:
    if state.due_at is None or due > state.due_at:
        return True
    if state.state == FAILED:
        return state.try_again_at is not None and state.try_again_at <= now
    return state.state != DONE
