"""A running service whose models folder is harmed again and again: it must stay, and go on saying what it said."""

import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.lib.corruptions import Attacker
from tests.lib.real_server import RealServer
from tests.lib.served_models import NAME, said_by_version

RELOAD = f"/api/v1/models/{NAME}/reload"


@dataclass(frozen=True)
class Corrupted:
    """What came of it. Everything but `refused` must be empty."""

    refused: Counter[str]
    by_code: Counter[str]
    accepted: list[str]
    """Kinds of harm that were not noticed."""
    wrong: list[str]
    """Kinds of harm after which something else was said."""
    pid_changed: bool

    def __str__(self) -> str:
        return (
            f"{self.refused.total()} refused {dict(self.refused)}, by code {dict(self.by_code)}; accepted "
            f"{self.accepted}, wrong {self.wrong}, process {'another' if self.pid_changed else 'the same'}"
        )


def corrupt(server: RealServer, aside: Path, *, count: int, seed: int) -> Corrupted:
    """Harm the models folder in every way by turns; after each the service looks, and is asked what it says."""
    attacker, path = Attacker(server.site, aside, seed), f"/api/v1/people/{server.site.people['ann']}/risk"
    expected = (attacker.now, said_by_version(server.site, attacker.now))
    refused: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    accepted, wrong = [], []
    with server.client("care", "north") as care, server.client("data") as data:
        for number in range(count):
            kind = attacker.strike(number)
            said = _looked(data, "degraded")
            if said.get("state") == "degraded":
                refused[kind] += 1
                codes[said["problem"].partition(":")[0]] += 1
            else:
                accepted.append(f"{number} {kind}")
            if (found := care.get(path)).status_code != 200 or expected != _what(found.json()):
                wrong.append(f"{number} {kind}")
            attacker.mend()
            if _looked(data, "current").get("state") != "current":
                wrong.append(f"{number} {kind}: not mended")
    running = server.process.poll() is None
    return Corrupted(refused, codes, accepted, wrong, not running)


def _looked(client: httpx.Client, wanted: str) -> dict:
    """What is said when the service looked; the watch may be looking just then, so it is asked some times."""
    for _ in range(100):
        said: dict = client.post(RELOAD).json()
        if said.get("state") == wanted:
            break
        time.sleep(0.05)
    return said


def _what(body: dict) -> tuple[int, float]:
    return body["model"]["version"], body["probability"]


def main(count: int, seed: int) -> None:
    """Many, on a site of its own: `python -m tests.lib.corrupting 2000 1`."""
    import tempfile

    from tests.lib.real_server import real_server
    from tests.lib.served_models import promoted_and_scored
    from tests.lib.service_site import make_site

    with tempfile.TemporaryDirectory() as folder:
        site = make_site(Path(folder) / "site")
        promoted_and_scored(site, 5, 6)
        with real_server(site, Path(folder) / "log") as server:
            done = corrupt(server, Path(folder) / "aside", count=count, seed=seed)
    sys.stdout.write(f"{done}\n")
    sys.exit(1 if done.accepted or done.wrong or done.pid_changed else 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
