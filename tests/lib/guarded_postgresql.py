"""A PostgreSQL that ends with the run that started it: `python guarded_postgresql.py PROGRAMS OWNER [OPTION …]`.

Makes a cluster in a temporary folder, prints its port once it answers, and waits until its own standard input closes.
The system closes that when the run is over, however it ended, so a killed run (SIGKILL) leaves no server and no folder
behind. OWNER: the user as whom the server runs; empty, the one who runs this. Nothing but Python itself is imported.
"""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ANSWERS_WITHIN = 180.0


@contextlib.contextmanager
def server(programs: Path, owner: str | None, options: list[str]) -> Iterator[int]:
    """The port of a server that answers. At the end of the block it and its folder are gone."""
    folder = Path(tempfile.mkdtemp(prefix="crisisrisk-pg-"))
    try:
        folder.chmod(0o755)
        home = folder / "cluster"
        home.mkdir(mode=0o700)
        if owner is not None:
            shutil.chown(home, owner)
        make = ["-U", "crisisrisk", "--auth=trust", "--no-sync", "-E", "UTF8", *_sorting(programs)]
        subprocess.run(
            [programs / "initdb", "-D", home / "data", *make],
            check=True, user=owner, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        yield from _running(programs, home, owner, options)
    finally:
        shutil.rmtree(folder)


def _sorting(programs: Path) -> list[str]:
    """Texts in a dictionary's order, as on most servers, and not in that of their bytes, as in SQLite and Python."""
    told = subprocess.run([programs / "initdb", "--help"], check=True, capture_output=True).stdout
    return ["--locale-provider=icu", "--icu-locale=en-GB"] if b"--icu-locale" in told else []  # since PostgreSQL 15


def _running(programs: Path, home: Path, owner: str | None, options: list[str]) -> Iterator[int]:
    port, log = _free_port(), home / "log"
    command = [programs / "postgres", "-D", home / "data", "-p", str(port), "-k", home, *options]
    with (
        log.open("wb") as said,
        subprocess.Popen(
            command, user=owner, cwd="/", stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            until = time.monotonic() + ANSWERS_WITHIN
            while not _answers(programs, port):
                if process.poll() is not None or time.monotonic() > until:
                    sys.exit(f"PostgreSQL did not start: {log.read_text()[-2000:]}")
                time.sleep(0.05)
            yield port
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing in it is wanted any more


def _answers(programs: Path, port: int) -> bool:
    return (
        subprocess.run([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode == 0
    )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main(programs: str, owner: str, *options: str) -> None:
    """Run it until standard input closes, or until told to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with server(Path(programs), owner or None, list(options)) as port, contextlib.suppress(BrokenPipeError):
        print(port, flush=True)
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
