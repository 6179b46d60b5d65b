"""The worker on a real site: killed at its steps, run as a process, seen from the command line and over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.lib.killed_worker import INBOX
from tests.lib.service_site import CONFIGURATION, ServiceSite, opened

from crisisrisk.database.jobs import job_states

ROOT = Path(__file__).resolve().parents[2]
EVERY = int(os.environ.get("CRISISRISK_WORKER_KILLS_EVERY", "20"))
LATE_EVENT = "id,at,known,source,person\ne9,2026-11-21 05:00:00,2026-11-21 05:30:00,police_999,ben\n"
DONE = ["done/49c89f882425-events_2.csv", "refused/7cde7fb64fd8-other.csv", "refused/7cde7fb64fd8-other.csv.reason.txt"]


@pytest.fixture
def worked(own_site: ServiceSite) -> ServiceSite:
    """A site with an inbox, and a file in it that can be loaded and one that cannot."""
    folder = own_site.site.path
    own_site.configure(CONFIGURATION + INBOX)
    (folder / "inbox").mkdir()
    (folder / "inbox" / "events_2.csv").write_text(LATE_EVENT)
    (folder / "inbox" / "other.csv").write_text("id\n1\n")
    return opened(folder)


def command(*arguments: str, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "crisisrisk", *arguments, "--site", str(site)], capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.both_databases
def test_killed_at_any_step_nothing_is_lost_and_nothing_made_twice(worked: ServiceSite) -> None:
    worked.engine.dispose()
    points = killed(worked.site.path.parent, EVERY if worked.engine.dialect.name == "sqlite" else 2 * EVERY)
    assert len(points) * EVERY > 100
    assert [point["killed"] for point in points] == [True] * (len(points) - 1) + [False]
    assert {json.dumps(point["then"], sort_keys=True) for point in points} == {
        json.dumps(points[-1]["then"], sort_keys=True)
    }
    then = points[-1]["then"]
    assert (then["scoring_runs"], then["copies"], then["backups"], then["files"]) == (1, 1, 1, DONE)
    assert then["jobs"] == {
        **{name: ["done", None] for name in ("load", "score", "back_up", "expire")},
        "forecast": ["failed", "CR-PLACE-001"],  # these cells have no place
    }


def killed(folder: Path, every: int) -> list[dict[str, Any]]:
    run = [sys.executable, "-m", "tests.lib.killed_worker", str(folder), str(every)]
    done = subprocess.run(run, capture_output=True, text=True, cwd=ROOT, check=False, timeout=550)
    assert done.returncode == 0, done.stderr
    return [json.loads(text) for text in done.stdout.splitlines()]


def test_the_worker_is_seen_from_the_command_line_and_over_http(worked: ServiceSite) -> None:
    site = worked.site.path
    once = command("work", "--once", "--json", site=site)
    assert once.returncode == 1, once.stderr  # one job failed
    done = {job["name"]: job for job in json.loads(once.stdout)["jobs"]}
    assert done["load"]["result"] == {
        "files_loaded": 1, "files_already_loaded": 0, "files_refused": 1, "files_waiting": 0,
    }  # fmt: skip
    again = command("work", "--once", site=site)
    assert (again.returncode, again.stdout) == (0, "Nothing is due.\n")
    listed = {job["name"]: job for job in json.loads(command("work", "--list", "--json", site=site).stdout)["jobs"]}
    assert list(listed) == ["load", "forecast", "score", "back_up", "expire"]
    assert (listed["forecast"]["state"], listed["forecast"]["code"]) == ("failed", "CR-PLACE-001")
    with worked.client("crisis_team") as client:
        answer = client.get("/api/v1/data-status").json()
    jobs = {job["name"]: job for job in answer["jobs"]}
    assert answer["files_refused"] == 1
    assert jobs["score"]["succeeded_at"] == listed["score"]["succeeded_at"] is not None
    assert jobs["forecast"]["problem"] == "The cells of a site cannot be made from its places and events."
    assert not any(job["late"] for job in jobs.values())
    for name in worked.people.values():
        assert name not in json.dumps(answer["jobs"]) + once.stdout + once.stderr
    text = command("data", "status", site=site).stdout
    assert "forecast  failed" in text


def test_told_to_stop_it_ends_with_0_and_the_next_one_goes_on(worked: ServiceSite) -> None:
    site = worked.site.path
    run = [sys.executable, "-m", "crisisrisk", "work", "--site", str(site)]
    with subprocess.Popen(run, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "at work: load, forecast, score" in process.stderr.readline()
        until = time.monotonic() + 60
        while not (jobs := job_states(worked.engine)) or jobs["expire"].state != "done":
            assert time.monotonic() < until, jobs
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(timeout=20) == 0
    assert rest.endswith("told to stop, and stopped\n")
    assert command("work", "--once", site=site).stdout == "Nothing is due.\n"


def test_once_and_list_are_not_asked_for_together(worked: ServiceSite) -> None:
    done = command("work", "--once", "--list", site=worked.site.path)
    assert (done.returncode, "CR-USE-001" in done.stderr) == (2, True)
