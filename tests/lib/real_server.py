"""The service as a process of its own, on this machine, for tests that end it or harm what it reads."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.lib.service_site import ServiceSite

NOT_READY_WITHIN = 300.0
"""A busy machine starts it in its own time."""


@dataclass(frozen=True)
class RealServer:
    """A running service, and a client of it by role."""

    site: ServiceSite
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path
    ready_after: float
    """Seconds from its start to its first 200 at /readyz."""

    def client(self, role: str, team: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.site.key(role, team)}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=30)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def real_server(site: ServiceSite, log: Path) -> Iterator[RealServer]:
    """The service of a site until the end of the block; it must still be running then, and end as it is asked to."""
    port, started = free_port(), time.monotonic()
    command = [sys.executable, "-m", "crisisrisk", "serve", "--site", str(site.site.path), "--port", str(port)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            while not _ready(port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() - started < NOT_READY_WITHIN, log.read_text()
                time.sleep(0.05)
            yield RealServer(site, port, process, log, time.monotonic() - started)
            assert process.poll() is None, log.read_text()
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) in (0, -signal.SIGTERM)


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
