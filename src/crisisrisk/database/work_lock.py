"""The one worker that may be at work: a lock that ends with the process, or the connection, that holds it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from crisisrisk.errors import ServiceError

# Any fixed number: workers of one PostgreSQL are kept apart by it, wherever they run.
WORK_LOCK = 7_249_113_008
SERVE_LOCK = "serve.lock"
"""The name of the file in a site's `state/` that every service holds while it answers."""


class WorkLock:
    """Held. `still_held` says whether it is yet: a PostgreSQL that was started anew has forgotten it."""

    def __init__(self, connection: Connection | None) -> None:
        self._connection = connection

    def still_held(self) -> bool:
        """Whether the connection that holds it is alive."""
        if self._connection is None:
            return True
        try:
            self._connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError:
            return False
        return True


@contextmanager
def working(engine: Engine, file: Path) -> Iterator[WorkLock]:
    """Hold the lock of a site: on a file in its folder, and in its PostgreSQL if it has one.

    Both are given back by the system when the process is killed. Raises ServiceError at once where another holds it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as opened:
        try:
            fcntl.flock(opened.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _at_work(str(file)) from None
        if engine.dialect.name != "postgresql":
            yield WorkLock(None)
            return
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({WORK_LOCK})").scalar_one():
                raise _at_work("the database")
            try:
                yield WorkLock(connection)
            finally:
                _give_back(connection)


@contextmanager
def answering(file: Path) -> Iterator[None]:
    """Say for as long as a service answers that it does; where that cannot be written it answers all the same.

    Raises ServiceError while `nobody_answers`.
    """
    try:
        opened = _opened(file)
    except OSError:
        yield
        return
    with opened:
        _lock(opened, fcntl.LOCK_SH, file, "everybody is being called by another pseudonym")
        yield


@contextmanager
def nobody_answers(file: Path) -> Iterator[None]:
    """Keep every service of this machine from answering. Raises ServiceError at once where one does."""
    with _opened(file) as opened:
        _lock(opened, fcntl.LOCK_EX, file, "the service is running")
        yield


def _opened(file: Path) -> IO[str]:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.open("a")


def _lock(opened: IO[str], how: int, file: Path, problem: str) -> None:
    try:
        fcntl.flock(opened.fileno(), how | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ServiceError(
            "CR-WORK-006", problem, where=str(file), hint="stop it, or wait for it, then say the same command again"
        ) from None


def _give_back(connection: Connection) -> None:
    try:
        connection.exec_driver_sql(f"SELECT pg_advisory_unlock({WORK_LOCK})")
    except SQLAlchemyError:
        pass  # the session is over, and the lock with it
    finally:
        connection.invalidate()  # if it was not given back, it ends with its session


def _at_work(where: str) -> ServiceError:
    return ServiceError(
        "CR-WORK-001", "another worker is at work", where=where, hint="it is tried again when that one has ended a job"
    )
