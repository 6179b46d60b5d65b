"""A real PostgreSQL for tests, where its programs are installed: one of its own, or databases of the run's only one."""

import atexit
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url

from crisisrisk.database.upgrade import current_engine

GUARD = Path(__file__).with_name("guarded_postgresql.py")
TEMPLATE = "current"
NUMBERS = count()


def postgresql_programs() -> Path | None:
    """The folder with `initdb` and `postgres`, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = shutil.which("initdb")
    return found[-1].parent if found else Path(named).resolve().parent if named else None


@contextmanager
def temporary_postgresql(*, durable: bool = False) -> Iterator[str]:
    """The URL of a PostgreSQL of its own, which ends with the block or with this process, however that ends.

    `durable`: a commit waits for the disk. Skips where there is none, saying why; with CI=true that is a failure.
    """
    programs = postgresql_programs()
    owner = "postgres" if os.geteuid() == 0 else ""  # PostgreSQL refuses to run as root
    if programs is None or (owner and owner not in {entry.pw_name for entry in pwd.getpwall()}):
        reason = "PostgreSQL is not installed, or there is no user postgres to run it as"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    options = ["-c", "listen_addresses=127.0.0.1"]
    options += ["-c", "timezone=Australia/Adelaide"]  # a server's own zone must not matter; half an hour shows most
    options += ["-c", "max_connections=400"]  # an application that is not stopped keeps its own until it is collected
    options += [] if durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]
    command = [sys.executable, "-I", str(GUARD), str(programs), owner, *options]
    pipe = subprocess.PIPE
    # In a session of its own: what ends this process group must not end the guard before it has cleared up.
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as guard:
        assert guard.stdout is not None
        port = guard.stdout.readline().strip()
        assert port, "PostgreSQL did not start"
        yield f"postgresql://crisisrisk@127.0.0.1:{port}/postgres"


# The only server of a run


def new_database() -> str:
    """The URL of a new database that is up to date and empty, on the run's own server."""
    return _made(_template())


def copied_database(url: str) -> str:
    """The URL of a new database that holds what another of the run's server does. Its connections are cut off."""
    name = str(make_url(url).database)
    with _admin().connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            f" WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
    return _made(name)


def drop_database(url: str) -> None:
    """Take a database of the run's server away, whoever is connected to it."""
    with _admin().connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {make_url(url).database} WITH (FORCE)")


def put_database(url: str, template: str) -> None:
    """Put what another database of the run's server holds in the place of this one."""
    drop_database(url)
    with _admin().connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {make_url(url).database} TEMPLATE {template}")


def _made(template: str) -> str:
    name = f"database_{next(NUMBERS)}"
    with _admin().connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    return _server().rpartition("/")[0] + f"/{name}"


@cache
def _template() -> str:
    with _admin().connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {TEMPLATE}")
    current_engine(_server().rpartition("/")[0] + f"/{TEMPLATE}").dispose()
    return TEMPLATE


@cache
def _server() -> str:
    opened = ExitStack()
    atexit.register(opened.close)
    return opened.enter_context(temporary_postgresql())


@cache
def _admin() -> Engine:
    url = make_url(_server()).set(drivername="postgresql+psycopg")
    return create_engine(url, isolation_level="AUTOCOMMIT")
