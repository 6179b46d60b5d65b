"""The real service, killed by SIGKILL at random under load: `python -m tests.lib.killed_service FOLDER KILLS SEED`.

A warmed process forks one child a round, which serves the site in FOLDER as `crisisrisk serve` does. Clients ask it
without a pause until it dies. Prints one JSON line: how many whole answers were received, and which of them have no row
in the audit trail with the same request id and the same digest.
"""

import hashlib
import http.client
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from crisisrisk.commands.keys import create_key
from crisisrisk.commands.serve import serve
from crisisrisk.database.audit_read import AuditFilter, audited_looks
from crisisrisk.database.audit_verify import verify
from crisisrisk.serving import app, server  # noqa: F401 -- so that no child has to
from crisisrisk.serving.settings import read_settings
from crisisrisk.serving.trail import audit_trail
from crisisrisk.tables.site import Site, read_site

CLIENTS = 4


@dataclass
class Received:
    """Whole answers by request id, each with the digest of its body."""

    digests: dict[str, str] = field(default_factory=dict)
    statuses: dict[int, int] = field(default_factory=dict)

    def ask(self, port: int, key: str, paths: Sequence[str], done: threading.Event) -> None:
        """Ask until the service is gone."""
        number = 0
        while not done.is_set():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                while not done.is_set():
                    connection.request("GET", paths[number % len(paths)], headers={"X-API-Key": key})
                    answer = connection.getresponse()
                    body = answer.read()
                    self._keep(answer, body)
                    number += 1
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)

    def _keep(self, answer: http.client.HTTPResponse, body: bytes) -> None:
        if len(body) == int(answer.headers["content-length"]):
            self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
            if answer.status in (200, 422):
                self.digests[answer.headers["x-request-id"]] = hashlib.sha256(body).hexdigest()


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _child(site: Site, port: int) -> int:
    child = os.fork()
    if child == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        serve(site, host="127.0.0.1", port=port, environ={})
        os._exit(0)
    return child


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError("the service did not start")


def one_round(site: Site, keys: Sequence[str], paths: Sequence[str], received: Received, seconds: float) -> None:
    """Serve, ask, and kill so many seconds after the first answer."""
    port, done = _port(), threading.Event()
    child = _child(site, port)
    _wait_for(port)
    askers = [threading.Thread(target=received.ask, args=(port, key, paths, done)) for key in keys]
    for asker in askers:
        asker.start()
    had, until = len(received.digests), time.monotonic() + 60
    while len(received.digests) == had and time.monotonic() < until:  # the first answer reads the tables
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    done.set()
    for asker in askers:
        asker.join()


def main(folder: Path, kills: int, seed: int) -> None:
    """Kill that many times, then compare what was received with what was kept."""
    site, draw, received = read_site(folder), random.Random(seed), Received()
    keys = [create_key(site, role="care", team="north", valid_for=timedelta(days=1)).secret for _ in range(CLIENTS)]
    people = json.loads((folder / "people.json").read_text())
    paths = [f"/api/v1/people/{one}/risk" for one in people] + ["/api/v1/caseloads/north"]
    for _ in range(kills):
        one_round(site, keys, paths, received, draw.uniform(0, 0.4))
    trail = audit_trail(read_settings(site, {}))
    kept = {look.request_id: look.sha256 for look in audited_looks(trail.engine, AuditFilter(), limit=None)}
    found = verify(trail.engine, trail.files)
    unaudited = [one for one, digest in received.digests.items() if kept.get(one) != digest]
    print(json.dumps({
        "kills": kills, "received": len(received.digests), "statuses": received.statuses, "unaudited": unaudited,
        "rows": found.rows, "findings": list(found.findings), "unwitnessed": found.unwitnessed,
    }))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
