"""Commands that a signal ends at a chosen point: `python -m tests.lib.killed_commands SIGNAL FRAGMENT COMMAND…`.

The process sends the signal to itself just before the first file operation on a path that ends in the fragment, or
lies in a folder of that name: `trees.npz`, `models/`; `.npz@3`: before the third such operation. Without one the
command runs to its end.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from crisisrisk.cli import run

ROOT = Path(__file__).resolve().parents[2]
WATCHED = {"open": 0, "os.rename": 1, "os.mkdir": 0}
"""Operations by the place of the path that they make."""


def signal_at(number: int, fragment: str) -> None:
    """From now on this process gets a signal just before it keeps what the fragment names."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born deaf to it
    seen, (named, _, nth) = 0, fragment.partition("@")

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event not in WATCHED:
            return
        path = str(arguments[WATCHED[event]])
        if path.endswith(named) or (named.endswith("/") and f"/{named}" in path):
            seen += 1
            if seen == int(nth or 1):
                os.kill(os.getpid(), number)

    sys.addaudithook(hook)


def stopped(name: str, fragment: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own until the signal ends it; what it printed, and its exit code."""
    return subprocess.run(
        [sys.executable, "-m", "tests.lib.killed_commands", name, fragment, *command],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


if __name__ == "__main__":
    signal_at(getattr(signal, sys.argv[1]), sys.argv[2])
    sys.exit(run(sys.argv[3:]))
