"""The service under an open load from a second process, on SQLite and on a PostgreSQL that keeps what it commits.

Every answer about a person is audited, with the disk asked for each commit. The database holds the scores with reasons
of 100,000 people and a forecast of 1,000 cells. Everything is bounded in number and time and listens on this machine
alone. `--scale` changes how many requests the memory is watched over, and below 1 the seconds of each load too:
`python -m benchmarks service_load --scale 10` is the run of 200,000.
"""

import http.client
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import psutil
from tests.lib.database import forecast, person_run, place_run, score_row, scores
from tests.lib.postgresql import temporary_postgresql
from tests.lib.running_service import RunningService, running_service
from tests.lib.service_site import ServiceSite, make_site, opened

from benchmarks.open_loop import Load, Running, Seen
from benchmarks.report import Figure, Outcome
from crisisrisk.commands.keys import create_key
from crisisrisk.database.scores import save_person_scores, save_place_forecast
from crisisrisk.database.upgrade import current_engine

PEOPLE, CELLS = 100_000, 1_000
PERSON_A_SECOND, BOARD_A_SECOND, TIMES = 50, 100, 3
SECONDS, AGAIN_AFTER, MEMORY_REQUESTS = 20.0, 5.0, 20_000
PERSON_BAR_MS, BOARD_BAR_MS, CROWDED_BAR_MS, START_BAR_S = 25.0, 50.0, 250.0, 5.0
MOST_GROWTH = 1.05
"""How much more memory the second half of many requests may end with than the first."""
ACCEPTED, ALLOWED = (200,), {200, 429, 503}
BOARD = ("/api/v1/board?shift=night-2026-11-22",)
KEYS = 12


@dataclass(frozen=True)
class Asked:
    """What is asked of a running service, and by whom."""

    service: RunningService
    people: tuple[str, ...]
    care: tuple[str, ...]
    team: tuple[str, ...]
    seconds: float

    def person(self, *, times: int = 1) -> Load:
        return Load(port=self.service.port, a_second=times * PERSON_A_SECOND, seconds=self.seconds, paths=self.people,
                    headers=self.care)  # fmt: skip

    def board(self, *, times: int = 1) -> Load:
        return Load(port=self.service.port, a_second=times * BOARD_A_SECOND, seconds=self.seconds, paths=BOARD,
                    headers=self.team)  # fmt: skip


def made_site(folder: Path, url: str | None, people: int) -> ServiceSite:
    """The small site of the tests with the scores of many, in either database."""
    made = make_site(folder)
    if url is not None:
        made.engine.dispose()
        configuration = folder / "crisisrisk.toml"
        configuration.write_text(f'database_url = "{url}"\n' + configuration.read_text())
        current_engine(url).dispose()
        made = opened(folder)
    known = [score_row(made.people[name], 0.2) for name in ("ann", "ben", "dan", "sue")]
    others = [score_row(f"k1_{number:016d}", 0.1) for number in range(people - len(known))]
    save_person_scores(made.engine, scores(*known, *others), person_run())
    save_place_forecast(made.engine, forecast(places=CELLS), place_run())
    shutil.rmtree(folder / "mlruns", ignore_errors=True)  # the registry is gone
    return made


def _keys(made: ServiceSite, role: str, team: str | None) -> tuple[str, ...]:
    secrets = [create_key(made.site, role=role, team=team, valid_for=timedelta(hours=1)).secret for _ in range(KEYS)]
    return tuple(f"X-API-Key: {secret}" for secret in secrets)


def ready_after(service: RunningService, started: float) -> float:
    """Seconds from the start of the process until every part is ready."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=5)
        connection.request("GET", "/readyz")
        if connection.getresponse().status == 200:
            return time.monotonic() - started
        connection.close()
        if time.monotonic() - started > 60:
            raise TimeoutError("the service did not become ready")
        time.sleep(0.02)


@contextmanager
def served(url: str | None, people: int, seconds: float) -> Iterator[tuple[Asked, float]]:
    """A service of its own on that database, warm, and after how many seconds it was ready."""
    with tempfile.TemporaryDirectory() as name:
        made = made_site(Path(name) / "site", url, people)
        care, team = _keys(made, "care", "north"), _keys(made, "crisis_team", None)
        paths = tuple(f"/api/v1/people/{made.people[one]}/risk" for one in ("ann", "ben", "dan"))
        made.engine.dispose()
        started = time.monotonic()
        with running_service(made.site.path, Path(name) / "log") as service:
            ready = ready_after(service, started)
            asked = Asked(service, paths, care, team, seconds)
            warm = Load(port=service.port, a_second=20, seconds=3, paths=(*paths, *BOARD * 3), headers=(*care, *team))
            Running(warm).seen()
            yield asked, ready
            service.stop()


def _p99(seen: Sequence[Seen]) -> float:
    """Milliseconds within which 99 in 100 of the accepted answers came."""
    found = sorted(one for load in seen for status in ACCEPTED for one in load.seconds.get(status, ()))
    if not found:
        return float("inf")
    return 1000 * found[min(int(0.99 * len(found)), len(found) - 1)]


def _not_allowed(seen: Sequence[Seen]) -> int:
    return sum(count for load in seen for status, count in load.statuses.items() if status not in ALLOWED)


def _refused(seen: Sequence[Seen]) -> int:
    return sum(count for load in seen for status, count in load.statuses.items() if status not in ACCEPTED)


def _memory(service: RunningService) -> float:
    return psutil.Process(service.process.pid).memory_info().rss / 1e6


def _growth(asked: Asked, requests: int) -> tuple[float, float]:
    """Memory after half of many requests and after all of them, in MB."""
    each = max(requests // 2, 1)
    seen = []
    for _ in range(2):
        a_second = PERSON_A_SECOND + 2 * BOARD_A_SECOND
        part = each / a_second
        loads = [
            replace(asked.person(), seconds=part),
            replace(asked.board(times=2), seconds=part),
        ]  # fmt: skip
        for running in [Running(load) for load in loads]:
            running.seen()
        seen.append(_memory(asked.service))
    return seen[0], seen[1]


def measured(kind: str, url: str | None, *, scale: float) -> tuple[list[Figure], dict[str, object]]:
    """Every figure of one database."""
    seconds, requests = max(SECONDS * min(scale, 1), 1.0), round(MEMORY_REQUESTS * scale)
    people = max(round(PEOPLE * min(scale, 1)), 100)
    with served(url, people, seconds) as (asked, ready):
        person = [Running(asked.person()).seen()]
        board = [Running(asked.board()).seen()]
        crowd = [Running(asked.person(times=TIMES)), Running(asked.board(times=TIMES))]
        crowded = [one.seen() for one in crowd]
        time.sleep(AGAIN_AFTER)
        again = [Running(asked.person()).seen()]
        first, last = _growth(asked, requests)
    usual = [*person, *board, *again]

    def at_most(what: str, value: float, unit: str, bar: float) -> Figure:
        return Figure(what=f"{kind}: {what}", value=value, unit=unit, bar=bar, less_is_better=True)

    figures = [
        at_most("from a cold start to ready, the registry gone", ready, "s", START_BAR_S),
        at_most(f"one person, {PERSON_A_SECOND} a second, 99 in 100 within", _p99(person), "ms", PERSON_BAR_MS),
        at_most(f"board of the shift, {BOARD_A_SECOND} a second, 99 in 100 within", _p99(board), "ms", BOARD_BAR_MS),
        at_most(f"{TIMES} times both at once, 99 in 100 of the accepted within", _p99(crowded), "ms", CROWDED_BAR_MS),
        at_most(f"one person {AGAIN_AFTER:.0f} s after that, 99 in 100 within", _p99(again), "ms", PERSON_BAR_MS),
        at_most(f"memory after {requests:,} more requests ÷ after half of them", last / first, "", MOST_GROWTH),
    ]  # fmt: skip
    details: dict[str, object] = {
        "statuses": [one.statuses for one in (*usual, *crowded)],
        "refused_at_the_usual_load": _refused(usual), "refused_when_crowded": _refused(crowded),
        "statuses_that_are_not_allowed": _not_allowed([*usual, *crowded]),
        "sender_late_ms": 1000 * max(one.late for one in (*usual, *crowded)), "memory_mb": [first, last],
    }  # fmt: skip
    return figures, details


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Both databases, one after the other. There are no peers."""
    figures: list[Figure] = []
    details: dict[str, object] = {}
    with ExitStack() as opened_here:
        for kind in ("SQLite", "PostgreSQL"):
            url = opened_here.enter_context(temporary_postgresql(durable=True)) if kind == "PostgreSQL" else None
            found, more = measured(kind, url, scale=scale)
            figures += found
            details[kind] = more
    wrong = sum(int(str(more["statuses_that_are_not_allowed"])) for more in details.values() if isinstance(more, dict))
    remark = "None but 200, 429 and 503 was answered." if not wrong else f"OTHER statuses were answered {wrong} times."
    refused = " · ".join(
        f"{kind} {more['refused_at_the_usual_load']} at the usual loads and {more['refused_when_crowded']} at {TIMES}×"
        for kind, more in details.items() if isinstance(more, dict)
    )  # fmt: skip
    seconds = max(SECONDS * min(scale, 1), 1.0)
    return Outcome(
        of=f"Each load lasts {seconds:g} s; the scores of {PEOPLE:,} people are kept; audit on, with fsync",
        figures=tuple(figures),
        remarks=(remark, f"Refused with 429 or 503: {refused}."),
        details=details,
    )
