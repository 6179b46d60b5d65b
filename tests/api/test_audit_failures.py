"""What is kept and what is told when the process is killed, and when the disk is full."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.lib.operational import of_sqlite
from tests.lib.service_site import ServiceSite

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("CRISISRISK_KILLS", "20"))


def run(module: str, site: ServiceSite, *arguments: str) -> dict[str, Any]:
    names = ("ann", "ben", "cat", "dan", "eve")
    (site.site.path / "people.json").write_text(json.dumps([site.people[name] for name in names]))
    command = [sys.executable, "-m", f"tests.lib.{module}", str(site.site.path), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


@pytest.mark.slow
def test_no_answer_leaves_a_service_that_is_killed_without_its_row(own_site: ServiceSite) -> None:
    found = run("killed_service", own_site, str(KILLS), "7")
    assert found["unaudited"] == []
    assert found["findings"] == []
    assert found["received"] >= KILLS, found
    assert found["rows"] >= found["received"]


@of_sqlite("no file of the service's process may grow")
def test_on_a_full_disk_nobody_is_told_about_people_and_places_go_on(own_site: ServiceSite) -> None:
    found = run("full_disk_service", own_site, own_site.key("care", "north"), own_site.key("crisis_team"))
    assert found["full"] == {"person": [503, "CR-AUDIT-001"], "board": 200, "ready": [503, "CR-AUDIT-001"]}
    assert found["given"] > 0
    assert found["unaudited"] == []
    assert found["integrity"] == "ok"
    assert found["again"] == 200  # as soon as there is room
    assert found["findings"] == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
