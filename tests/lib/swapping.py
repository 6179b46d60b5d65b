"""Models swapped under load: questions at a steady rate from the outside, each answer held against its stated model."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import numpy as np

from crisisrisk.models.champions import Change, set_champion_bundle
from crisisrisk.models.signing import signing_key
from tests.lib.real_server import RealServer
from tests.lib.served_models import NAME, said_by_version


@dataclass(frozen=True)
class Swapped:
    """What came of it."""

    swaps: int
    answers: int
    statuses: Counter[int]
    by_version: Counter[int]
    mixed: int
    """Answers given whose number is not what the bundle of their stated version says."""
    p50_ms: float
    p99_ms: float
    slowest_swap_seconds: float
    """From the change of the pointer to the first answer of the new version, at most."""

    def __str__(self) -> str:
        return (
            f"{self.swaps} swaps, {self.answers} answers, statuses {dict(self.statuses)}, by version "
            f"{dict(self.by_version)}, mixed {self.mixed}, p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms, "
            f"slowest swap {self.slowest_swap_seconds:.2f} s"
        )


PATIENT = """
[limits]
at_once = 16
waiting = 500
wait_seconds = 30
requests_a_second = 1000
burst = 1000
"""
"""On a machine that others use too, what is told apart is swaps, not how much it can carry: who falls behind asks more
at once afterwards, and would be told to slow down."""


def swap_under_load(server: RealServer, versions: Sequence[int], *, swaps: int, rate: float, pause: float) -> Swapped:
    """Let versions answer by turns while a person is asked about `rate` times a second, however long answers take."""
    site, path = server.site, f"/api/v1/people/{server.site.people['ann']}/risk"
    expected = {version: said_by_version(site, version) for version in versions}
    answers: list[tuple[int, int, float, float]] = []
    ended = threading.Event()
    with server.client("care", "north") as asking, server.client("data") as watching:
        load = threading.Thread(target=_load, args=(asking, path, rate, ended, answers))
        load.start()
        slowest = 0.0
        try:
            for number in range(swaps):
                slowest = max(slowest, _swap(server, watching, versions[number % len(versions)]))
                time.sleep(pause)
        finally:
            ended.set()
            load.join()
    times = np.array([one[3] for one in answers]) * 1000
    return Swapped(
        swaps=swaps,
        answers=len(answers),
        statuses=Counter(one[0] for one in answers),
        by_version=Counter(one[1] for one in answers),
        mixed=sum(one[2] != expected.get(one[1]) for one in answers if one[0] == 200),
        p50_ms=float(np.quantile(times, 0.5)),
        p99_ms=float(np.quantile(times, 0.99)),
        slowest_swap_seconds=slowest,
    )


def _swap(server: RealServer, client: httpx.Client, version: int) -> float:
    """Move the pointer and wait until the service follows by itself."""
    site = server.site.site
    change = Change(version=version, by="tests", at=datetime.now(UTC).isoformat(), reason="by turns")
    set_champion_bundle(site.models, NAME, change, signing_key(site))
    started = time.monotonic()
    while client.get(f"/api/v1/models/{NAME}/current").json()["version"] != version:
        assert time.monotonic() - started < 30, server.log.read_text()
        time.sleep(0.05)
    return time.monotonic() - started


def _load(client: httpx.Client, path: str, rate: float, ended: threading.Event, answers: list[tuple]) -> None:
    """Open loop: each question is due at its own moment, and its time counts from then."""
    started, number = time.monotonic(), 0
    with ThreadPoolExecutor(32) as pool:
        while not ended.is_set():
            due = started + number / rate
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(_ask, client, path, due, answers)
            number += 1


def _ask(client: httpx.Client, path: str, due: float, answers: list[tuple]) -> None:
    try:
        answer = client.get(path)
        status, body = answer.status_code, answer.json()
    except (httpx.HTTPError, ValueError):
        status, body = 0, {}
    version = body.get("model", {}).get("version", 0)
    answers.append((status, version, body.get("probability", -1.0), time.monotonic() - due))


def main(swaps: int) -> None:
    """The whole bar, on a site of its own: `python -m tests.lib.swapping 100`."""
    import tempfile
    from pathlib import Path

    from tests.lib.real_server import real_server
    from tests.lib.served_models import promoted_and_scored
    from tests.lib.service_site import SERVICE, make_site

    with tempfile.TemporaryDirectory() as folder:
        site = make_site(Path(folder) / "site")
        promoted_and_scored(site, 5, 6)
        site.declare("service.toml", SERVICE + PATIENT)
        with real_server(site, Path(folder) / "log") as server:
            done = swap_under_load(server, (5, 6), swaps=swaps, rate=50, pause=0.2)
    sys.stdout.write(f"ready after {server.ready_after:.2f} s; {done}\n")
    sys.exit(0 if set(done.statuses) == {200} and done.mixed == 0 else 1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
