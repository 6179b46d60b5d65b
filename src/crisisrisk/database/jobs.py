"""The worker's jobs as they are kept: of each the occurrence that it took up last, and what came of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from crisisrisk.database.engine import writing
from crisisrisk.database.schema import Job

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"


@dataclass(frozen=True, kw_only=True)
class JobState:
    """One job. `code` and `result` are of its last end: an error's code, and counts of what was made, never of whom.

    `due_at`: the occurrence that was taken up last, and `begun_at`: when it was first. `attempts`: how often in a row
    that was begun and not ended. `try_again_at`: when a failed one is taken up again; None: not before the next.
    """

    name: str
    state: str
    due_at: datetime | None
    begun_at: datetime | None
    attempts: int
    ended_at: datetime | None
    succeeded_at: datetime | None
    try_again_at: datetime | None
    next_due_at: datetime | None
    code: str | None
    result: Mapping[str, int]


def job_states(engine: Engine) -> dict[str, JobState]:
    """Every job that was ever planned, by name."""
    with engine.connect() as connection:
        rows = connection.execute(select(Job.__table__).order_by(Job.name)).all()
    return {row.name: JobState(**{**row._mapping, "result": row.result or {}}) for row in rows}


def plan_jobs(engine: Engine, next_due: Mapping[str, datetime | None]) -> None:
    """Say when each job is due next. A job that is not named any more is forgotten."""
    with writing(engine) as connection:
        known = _names(connection)
        connection.execute(delete(Job).where(Job.name.not_in(sorted(next_due))))
        for name, moment in next_due.items():
            if name in known:
                connection.execute(update(Job).where(Job.name == name).values(next_due_at=moment))
            else:
                connection.execute(insert(Job).values(name=name, state=WAITING, attempts=0, next_due_at=moment))


def begin_job(engine: Engine, before: JobState, *, due_at: datetime, now: datetime) -> JobState:
    """Take up an occurrence of a job, anew or again. Returns its state."""
    again = before.due_at == due_at
    begun = before.begun_at if again and before.begun_at is not None else now
    attempts = before.attempts + 1 if again else 1
    values: dict[str, Any] = {"state": RUNNING, "due_at": due_at, "begun_at": begun, "attempts": attempts,
                              "try_again_at": None}  # fmt: skip
    _change(engine, before.name, values)
    return JobState(**{**vars(before), **values})


def end_job(engine: Engine, name: str, *, result: Mapping[str, int], now: datetime) -> None:
    """The occurrence is done."""
    _change(engine, name, {"state": DONE, "ended_at": now, "succeeded_at": now, "code": None, "result": dict(result)})


def fail_job(engine: Engine, name: str, *, code: str, now: datetime, try_again_at: datetime | None) -> None:
    """The occurrence failed. It was not cut off: the next attempt is a first one again."""
    failed = {"state": FAILED, "attempts": 0, "ended_at": now, "code": code, "try_again_at": try_again_at}
    _change(engine, name, failed)


def put_back(engine: Engine, state: JobState) -> None:
    """The worker was told to stop: the occurrence waits for the next one, as if this attempt had not been made."""
    _change(engine, state.name, {"state": WAITING, "attempts": state.attempts - 1})


def _change(engine: Engine, name: str, values: Mapping[str, Any]) -> None:
    with writing(engine) as connection:
        connection.execute(update(Job).where(Job.name == name).values(**values))


def _names(connection: Connection) -> Collection[str]:
    return set(connection.execute(select(Job.name)).scalars())
