"""A SQLite file that another process has locked: `python -m tests.lib.locked_store FILE`, until its input ends."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Inside the block nobody else reads or writes the file."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.lib.locked_store", str(file)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield
    finally:
        process.communicate()


if __name__ == "__main__":
    database = sqlite3.connect(sys.argv[1])
    database.execute("BEGIN EXCLUSIVE")
    print("locked", flush=True)
    sys.stdin.read()
