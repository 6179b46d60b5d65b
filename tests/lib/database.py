"""Databases for tests: a SQLite file, and a temporary PostgreSQL where its programs are installed."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crisisrisk.database.scores import RunMeta

RELEASED_TEXT = "more triage calls than usual here in the last four weeks"
AS_OF = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)


def person_run(**changes: Any) -> RunMeta:
    """What a scoring run of the person model says about itself."""
    usual: dict[str, Any] = {
        "task": "person", "model_name": "person_crisis_28d", "model_version": 4, "run_id": "3f2c0a",
        "recipe_fingerprint": "b71d", "horizon_days": 28, "as_of": AS_OF,
        "data_complete_to": {"police_999": AS_OF - timedelta(minutes=2)},
        "valid_until": AS_OF + timedelta(days=1), "made_at": AS_OF + timedelta(minutes=3),
        "outcome": "contact with a crisis service",
    }  # fmt: skip
    return RunMeta(**{**usual, **changes})


def place_run(**changes: Any) -> RunMeta:
    """What a forecast run of the place model says about itself."""
    return person_run(**{"task": "place", "model_name": "place_crisis_shift", "horizon_days": None, **changes})


def score_row(person_id: str, probability: float | None = 0.182, state: str = "scored", **more: Any) -> dict[str, Any]:
    """One row as the scoring step hands it over."""
    reasons = [{"direction": "up", "share": 0.44, "text": "2 crisis-line calls in the last 7 days", "events": ["e_81"]}]
    row = {"person_id": person_id, "state": state, "probability": probability, "lower": None, "upper": None}
    return {**row, "reasons": reasons if state == "scored" else [], **more}


def scores(*rows: dict[str, Any]) -> pd.DataFrame:
    """A table of scores."""
    columns = ["person_id", "state", "probability", "lower", "upper", "reasons"]
    more = ("thin_history", "model_version", "tie_key")
    given = [*columns, *(name for name in more if any(name in row for row in rows))]
    return pd.DataFrame(list(rows), columns=given)


def forecast(shift_id: str = "night-2026-11-22", *, start: datetime | None = None, places: int = 3) -> pd.DataFrame:
    """A forecast of some cells round the middle of Birmingham for one shift."""
    begins = start or datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
    reason = [{"direction": "up", "share": 0.5, "text": "6 triage calls here in the last 28 days", "events": ["e_1"]}]
    rows = [
        {
            "shift_id": shift_id, "shift_name": shift_id.rsplit("-", 3)[0], "start": begins,
            "end": begins + timedelta(hours=10), "issued_at": AS_OF, "place_id": f"place-{number:02}",
            "place_name": f"Place {number}", "latitude": 52.48 + number / 100, "longitude": -1.89,
            "expected": 1.3 / number, "lower": None, "upper": None, "rank": number, "usual": 0.8, "reasons": reason,
            "released_expected": 1.25 if number == 1 else 0.5, "released_lower": 0, "released_upper": 2,
            "released_rank": 1 if number == 1 else 2, "released_usual": 0.75,
            "released_reasons": [{"direction": "up", "text": RELEASED_TEXT}],
        }
        for number in range(1, places + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def totals(shift_id: str = "night-2026-11-22", *, start: datetime | None = None, **changes: Any) -> pd.DataFrame:
    """The totals of the whole shift and of two areas in it."""
    begins = start or datetime(2026, 11, 22, 22, 0, tzinfo=UTC)
    whole = {
        "shift_id": shift_id, "area_id": "", "area_name": "", "start": begins, "end": begins + timedelta(hours=10),
        "places": 3, "issue_hours": 24, "hours_ahead": 16.0, "expected": 2.38, "lower": 1, "upper": 4, "usual": 2.4,
        "usual_low": 1, "usual_high": 3, "quieter": 0.11, "busier": 0.22,
        "outlook": "looks ordinary: 67 in 100 that 1 to 3 come, as usual; busier 22, quieter 11",
        "released_expected": 2.25, "released_lower": 0, "released_upper": 5,
        "released_usual": 2.25, "released_quieter": 0.12, "released_busier": 0.23,
        "released_outlook": "looks ordinary: 65 in 100 that it is about usual; busier 25, quieter 10",
        "hourly": [0.1] * 10, "shared_dispersion": 0.05, **changes,
    }  # fmt: skip
    areas = [
        {**whole, "area_id": area, "area_name": name, "places": places, "expected": expected, "hourly": []}
        for area, name, places, expected in (("east", "East", 1, 1.3), ("west", "West", 2, 1.08))
    ]
    return pd.DataFrame([whole, *areas])


# PostgreSQL


def postgresql_programs() -> Path | None:
    """The folder with `initdb` and `postgres`, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    named = shutil.which("initdb")
    return found[-1].parent if found else Path(named).resolve().parent if named else None


@contextmanager
def temporary_postgresql(*, durable: bool = False) -> Iterator[str]:
    """The URL of a PostgreSQL of its own in a temporary folder. `durable`: a commit waits for the disk.

    Skips, saying why; with CI=true that is a failure.
    """
    programs = postgresql_programs()
    owner = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if programs is None or (owner is not None and not _exists(owner)):
        reason = "PostgreSQL is not installed, or there is no user postgres to run it as"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="crisisrisk-pg-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "cluster"
        home.mkdir(mode=0o700)
        if owner is not None:
            shutil.chown(home, owner)
        yield from _cluster(programs, home, owner, durable)


def _cluster(programs: Path, home: Path, owner: str | None, durable: bool) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*command: str | Path) -> None:
        subprocess.run([*map(str, command)], check=True, user=owner, cwd="/", stdout=subprocess.DEVNULL)

    run(programs / "initdb", "-D", home / "data", "-U", "crisisrisk", "--auth=trust", "--no-sync", "-E", "UTF8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={home}"
    options += " -c max_connections=400"  # an application that is not stopped keeps its own until it is collected
    options += "" if durable else " -c fsync=off"
    run(programs / "pg_ctl", "-D", home / "data", "-w", "-l", home / "log", "-o", options, "start")
    try:
        yield f"postgresql://crisisrisk@127.0.0.1:{port}/postgres"
    finally:
        run(programs / "pg_ctl", "-D", home / "data", "-w", "-m", "immediate", "stop")


def _exists(user: str) -> bool:
    return user in {entry.pw_name for entry in pwd.getpwall()}
