"""How fast a police-like CSV of ten columns loads into an empty site, and in how much memory.

    python -m benchmarks.load_csv                    5,000,000 rows
    python -m benchmarks.load_csv --gigabytes 2      a file of that size: shows that memory does not grow with it

The load runs in a process of its own, whose peak memory is printed. Invented rows; seeded.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmarks.report import Figure, Outcome, lines

SITE = """name = "benchmark"
time_zone = "Europe/London"
pseudonym_key_file = "../key"
[[shift]]
name = "day"
starts = "08:00"
ends = "20:00"
[source.police_999]
agency = "Police"
singular = "call"
plural = "calls"
"""

MAPPING = """table = "events"
[columns]
event_id = { column = "Log No" }
occurred_at = { column = "Opened", format = "%d/%m/%Y %H:%M", ambiguous = "first", missing = "second" }
known_at = { column = "Recorded", format = "%d/%m/%Y %H:%M:%S", ambiguous = "first", missing = "second" }
source = { constant = "police_999" }
code = "Closing Code"
outcome = { column = "Result", values = { "01" = "attended", "02" = "advice", "03" = "no_trace" } }
premises = { column = "Premises", values = { "PUB" = "public", "RES" = "private" }, unknown = "empty" }
is_crisis = { column = "Closing Code", true_values = ["C003", "C007"] }
person_id = { column = "NHS Number", kind = "nhs_number", invalid = "empty" }
team_id = "Unit"
[coordinates]
system = "degrees"
latitude = "Latitude"
longitude = "Longitude"
"""

ROWS, PEOPLE, BAR_ROWS = 5_000_000, 60_000, 300_000
ROWS_AT_ONCE = 1_000_000


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Five million rows."""
    return loaded(rows=round(ROWS * scale), people=max(round(PEOPLE * scale), 10))


def loaded(*, rows: int, people: int, gigabytes: float | None = None) -> Outcome:
    """Write the file and load it in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        site = _site(Path(folder) / "site")
        size = write_csv(site / "police.csv", rows=rows, people=people, gigabytes=gigabytes)
        _warm_up(site)
        figures = _in_new_process(site)
    read, seconds = figures["rows_read"], figures["seconds"]
    return Outcome(
        of=f"{read:,} rows, {size / 1e6:,.0f} MB, 10 columns, {people:,} people, in {seconds:.2f} s",
        figures=(
            Figure(what="loaded, checked and pseudonymised", value=read / seconds, unit="rows/s", bar=BAR_ROWS),
            Figure(what="peak memory of the load", value=figures["peak_mb"] / 1024, unit="GB"),
        ),
        details=figures,
    )


def main(arguments: Sequence[str] = ()) -> None:
    """Other sizes, from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--gigabytes", type=float)
    parser.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.load:
        _load(options.load)
        return
    print(lines(loaded(rows=options.rows, people=options.people, gigabytes=options.gigabytes)))


def write_csv(path: Path, *, rows: int, people: int, gigabytes: float | None = None) -> int:
    """Write an invented file of about so many rows, or of so many gigabytes. Gives its size in bytes."""
    random = np.random.default_rng(1)
    numbers = _nhs_numbers(people)
    written = 0
    with path.open("wb") as file:
        while (file.tell() < gigabytes * 1e9) if gigabytes else (written < rows):
            count = ROWS_AT_ONCE if gigabytes else min(ROWS_AT_ONCE, rows - written)
            options = pyarrow.csv.WriteOptions(include_header=written == 0, quoting_style="none")
            pyarrow.csv.write_csv(_invented(random, count, written, numbers), file, options)
            written += count
        return file.tell()


def _invented(random: np.random.Generator, rows: int, first: int, numbers: list[str]) -> pa.Table:
    opened = np.datetime64("2024-01-01", "s") + np.sort(random.integers(0, 63_000_000, rows))
    recorded = opened + random.integers(60, 90_000, rows)
    codes = [f"C{number:03d}" for number in range(40)]
    person = random.integers(0, len(numbers), rows)
    return pa.table(
        {
            "Log No": pa.array([f"WM-{number:09d}" for number in range(first, first + rows)]),
            "Opened": pa.compute.strftime(pa.array(opened), format="%d/%m/%Y %H:%M"),
            "Recorded": pa.compute.strftime(pa.array(recorded), format="%d/%m/%Y %H:%M:%S"),
            "Closing Code": pa.array(codes).take(pa.array(random.integers(0, 40, rows))),
            "Result": pa.array(["01", "02", "03"]).take(pa.array(random.integers(0, 3, rows))),
            "Premises": pa.array(["PUB", "RES", "OTH"]).take(pa.array(random.integers(0, 3, rows))),
            "NHS Number": pa.array([*numbers, ""]).take(
                pa.array(np.where(random.random(rows) < 0.4, len(numbers), person))
            ),
            "Unit": pa.array(["U1", "U2", "U3", "U4"]).take(pa.array(random.integers(0, 4, rows))),
            "Latitude": np.round(52.4 + random.normal(0, 0.05, rows), 5),
            "Longitude": np.round(-1.9 + random.normal(0, 0.08, rows), 5),
        }
    )


def _nhs_numbers(people: int) -> list[str]:
    """Numbers of the synthetic range (999 …) with a right check digit."""
    found, stem = [], 999_000_000
    while len(found) < people:
        digits = f"{stem}"
        check = -sum(int(digit) * (10 - place) for place, digit in enumerate(digits)) % 11
        if check < 10:
            found.append(f"{digits}{check}")
        stem += 1
    return found


def _site(folder: Path) -> Path:
    folder.mkdir()
    (folder / "crisisrisk.toml").write_text(SITE)
    (folder / "police.toml").write_text(MAPPING)
    return folder


def _warm_up(site: Path) -> None:
    """Compile the kernels, which a site does once, into another site's load."""
    other = _site(site.parent / "warm-up")
    write_csv(other / "police.csv", rows=2_000, people=50)
    _in_new_process(other)


def _in_new_process(site: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.load_csv", "--load", str(site)]
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _load(folder: Path) -> None:
    from crisisrisk.commands.data import load_files
    from crisisrisk.tables.site import read_site

    site = read_site(folder)
    started = time.perf_counter()
    result = load_files(site, [folder / "police.csv"], folder / "police.toml", create_key=True)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {"rows_read": result.rows_read, "seconds": seconds, "peak_mb": peak, **result.as_json()}
            | {"seconds": seconds}
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
