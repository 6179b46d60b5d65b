"""The PostgreSQL of a test run: its databases are apart from each other, and it does not outlive the run."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tests.lib.postgresql import copied_database, drop_database, new_database

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
SMALL_RUN = """
import json, time
from pathlib import Path
import psycopg
from tests.lib.postgresql import temporary_postgresql

def test_small():
    with temporary_postgresql() as url, psycopg.connect(url) as connection:
        folder = connection.execute("SHOW data_directory").fetchone()[0]
        part = Path(__file__).with_name("part")
        part.write_text(json.dumps({"url": url, "folder": folder}))
        part.rename(part.with_name("told.json"))
        time.sleep(600)
"""


def test_a_run_that_is_killed_leaves_no_server_and_no_folder_behind(tmp_path: Path) -> None:
    (tmp_path / "test_small.py").write_text(SMALL_RUN)
    told = tmp_path / "told.json"
    command = [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", "-p", "no:cacheprovider"]
    with (tmp_path / "log").open("wb") as log:
        run = subprocess.Popen([*command, str(tmp_path)], cwd=ROOT, stdout=log, stderr=log)
    try:
        wait_until(lambda: told.exists() or run.poll() is not None)
        assert told.exists(), (tmp_path / "log").read_text()
        made = json.loads(told.read_text())
        folder = Path(made["folder"])
        assert folder.is_dir()
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    wait_until(lambda: not folder.parents[1].exists())
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(made["url"])


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_copied_database_is_its_own_although_somebody_is_connected_to_the_first() -> None:
    first = new_database()
    with psycopg.connect(first, autocommit=True) as connection:
        connection.execute("CREATE TABLE told (word text)")
        connection.execute("INSERT INTO told VALUES ('before')")
        second = copied_database(first)
    with psycopg.connect(second, autocommit=True) as connection:
        connection.execute("UPDATE told SET word = 'after'")
        drop_database(first)
        assert connection.execute("SELECT word FROM told").fetchall() == [("after",)]
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(first)
    drop_database(second)
