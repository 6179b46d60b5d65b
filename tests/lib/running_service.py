"""The real service as a process of its own, on a port of this machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from crisisrisk.serving.health import answers


@dataclass(frozen=True)
class RunningService:
    """A service that answers."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def stop(self, *, seconds: float = 20) -> int:
        """Tell it to stop, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)


@contextmanager
def running_service(site: Path, log: Path, *, seconds: float = 300) -> Iterator[RunningService]:
    """Start the service of a site and wait until it answers. It ends with the block."""
    port = free_port()
    command = [sys.executable, "-m", "crisisrisk", "serve", "--site", str(site), "--port", str(port)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            until = time.monotonic() + seconds
            while not answers(port):
                assert process.poll() is None, f"the service ended: {log.read_text()[-2000:]}"
                assert time.monotonic() < until, "the service did not start"
                time.sleep(0.1)
            yield RunningService(process, port, log)
        finally:
            if process.poll() is None:
                process.kill()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def resident_bytes(process_id: int) -> int:
    """How much memory a process holds."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
