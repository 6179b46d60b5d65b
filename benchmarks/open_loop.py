"""An open-loop load: requests are sent when they are due, whether or not the ones before were answered.

A process of its own (`python -m benchmarks.open_loop`), so that it takes no time from what it measures but the cores
that both share. A latency counts from the moment at which the request was due: a service that stops for a second has
made everyone wait who came in that second.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_SECONDS = 30.0
"""How long an answer is waited for."""
NO_ANSWER = 0


@dataclass(frozen=True, kw_only=True)
class Load:
    """So many requests a second for so many seconds, paths and headers taken in turn."""

    port: int
    a_second: float
    seconds: float
    paths: tuple[str, ...]
    headers: tuple[str, ...] = ("",)
    """Each whole lines of a request, such as "X-API-Key: …"."""
    connections: int = 32


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What came of a load. `seconds`: of each answered request, by status, in the order of asking."""

    sent: int
    statuses: dict[int, int]
    seconds: dict[int, list[float]] = field(repr=False)
    late: float
    """How late the sender itself was at most, in seconds: beyond a few milliseconds it had too little of the cores."""

    def quantile(self, part: float, *, statuses: Sequence[int] = (200,)) -> float:
        """The seconds within which that part of the answers with these statuses came. Raises ValueError with none."""
        found = sorted(one for status in statuses for one in self.seconds.get(status, ()))
        if not found:
            raise ValueError("there was no such answer")
        return found[min(int(part * len(found)), len(found) - 1)]


async def send(load: Load) -> Seen:
    """Run a load."""
    free: list[_Connection] = [_Connection(load.port) for _ in range(load.connections)]
    seconds: dict[int, list[float]] = {}
    statuses: Counter[int] = Counter()
    began, late, tasks = time.perf_counter(), 0.0, []

    async def one(number: int, due: float) -> None:
        connection = free.pop() if free else _Connection(load.port)
        request = _request(load.paths[number % len(load.paths)], load.headers[number % len(load.headers)])
        try:
            status = await asyncio.wait_for(connection.ask(request), MOST_SECONDS)
        except (OSError, EOFError, asyncio.IncompleteReadError, TimeoutError):
            status = NO_ANSWER
            connection.close()
        statuses[status] += 1
        seconds.setdefault(status, []).append(time.perf_counter() - due)
        free.append(connection)

    count = round(load.a_second * load.seconds)
    for number in range(count):
        due = began + number / load.a_second
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        late = max(late, time.perf_counter() - due)
        tasks.append(asyncio.create_task(one(number, due)))
    await asyncio.gather(*tasks)
    for connection in free:
        connection.close()
    return Seen(sent=count, statuses=dict(statuses), seconds=seconds, late=late)


class _Connection:
    """One connection that is kept, opened when first used and again after it was closed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> int:
        """The status of an answer that was read whole."""
        if self.reader is None or self.writer is None or self.reader.at_eof():
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(request)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = head.partition("content-length:")[2].partition("\r\n")[0]
        await self.reader.readexactly(int(length))
        if "connection: close" in head:
            self.close()
        return int(head.split(" ", 2)[1])

    def close(self) -> None:
        """Give the connection up."""
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


def _request(path: str, header: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *([header] if header else []), "", ""]
    return "\r\n".join(lines).encode("ascii")


class Running:
    """A load in a process of its own."""

    def __init__(self, load: Load) -> None:
        command = [sys.executable, "-m", "benchmarks.open_loop"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asdict(load)).encode())
        self.process.stdin.close()

    def seen(self) -> Seen:
        """What came of it, when it is over."""
        assert self.process.stdout is not None
        with self.process.stdout as output:
            found: dict[str, Any] = json.loads(output.read())
        self.process.wait()
        for name in ("statuses", "seconds"):
            found[name] = {int(status): value for status, value in found[name].items()}
        return Seen(**found)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read a load as JSON, run it, write what came of it as JSON."""
    argparse.ArgumentParser(prog="python -m benchmarks.open_loop", description=__doc__).parse_args(arguments)
    asked = json.load(sys.stdin)
    load = Load(**{name: tuple(value) if isinstance(value, list) else value for name, value in asked.items()})
    print(json.dumps(asdict(asyncio.run(send(load)))))


if __name__ == "__main__":
    main()
