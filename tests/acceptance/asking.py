"""The service of a site as its own process on the loopback address, and the questions that its readers ask."""

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.commands import command

SECONDS_TO_START = 60.0


@dataclass(frozen=True)
class Reply:
    """The status of an answer and its JSON."""

    status: int
    body: dict[str, Any]


@dataclass(frozen=True)
class Service:
    """A running service."""

    address: str

    def get(self, path: str, key: str | None = None) -> Reply:
        """GET a path, with a key or without."""
        request = urllib.request.Request(self.address + path)
        if key is not None:
            request.add_header("Authorization", f"Bearer {key}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Reply(answer.status, json.loads(answer.read()))
        except urllib.error.HTTPError as refusal:
            return Reply(refusal.code, json.loads(refusal.read()))


@contextlib.contextmanager
def service_of(site: Path) -> Iterator[Service]:
    """`crisisrisk serve` on a free port until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [sys.executable, "-m", "crisisrisk", "serve", "--site", str(site), "--port", str(port)]
    log = site / "service.log"
    with log.open("w") as lines, subprocess.Popen(arguments, stdout=lines, stderr=lines) as process:
        try:
            service = Service(f"http://127.0.0.1:{port}")
            _wait_for(service, process, log)
            yield service
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_for(service: Service, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            service.get("/healthz")
            return
        time.sleep(0.2)
    raise AssertionError(f"the service did not start:\n{log.read_text()}")


def ask_of_places(site: Path, shift_id: str) -> dict[str, Any]:
    """What a crisis team asks of a forecast shift, and what it must not get."""
    key = new_key(site, "crisis_team")
    path = f"/api/v1/shifts/{shift_id}/hotspots"
    with service_of(site) as service:
        asked = {
            "ready": service.get("/readyz"),
            "no_key": service.get(path),
            "shifts": service.get("/api/v1/shifts", key),
            "hotspots": service.get(path, key),
            "geojson": service.get(f"{path}?f=geojson", key),
            "data_status": service.get("/api/v1/data-status", key),
            "person": service.get("/api/v1/people/k1_0000000000000000/risk", key),
        }
    return plain(asked)


def ask_of_people(site: Path, team: str, other_team: str) -> dict[str, Any]:
    """What a care team asks of its own caseload, and what it must not get."""
    key, others_key = new_key(site, "care", team), new_key(site, "care", other_team)
    places_key = new_key(site, "crisis_team")
    with service_of(site) as service:
        caseload = service.get(f"/api/v1/caseloads/{team}", key)
        risk = f"/api/v1/people/{caseload.body['people'][0]['person_id']}/risk"
        asked = {
            "caseload": caseload,
            "risk": service.get(risk, key),
            "no_key": service.get(risk),
            "other_team": service.get(risk, others_key),
            "nobody": service.get("/api/v1/people/k1_0000000000000000/risk", others_key),
            "crisis_team": service.get(risk, places_key),
        }
    return plain(asked)


def new_key(site: Path, role: str, team: str | None = None) -> str:
    """A new key of the service."""
    of_team = ("--team", team) if team else ()
    secret: str = command("keys", "create", "--role", role, *of_team, "--site", str(site))["key"]
    return secret


def plain(asked: dict[str, Reply]) -> dict[str, Any]:
    """Statuses and bodies, ready for JSON."""
    return {name: {"status": reply.status, "body": reply.body} for name, reply in asked.items()}
