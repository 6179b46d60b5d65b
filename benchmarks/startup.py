"""How long `crisisrisk --help` takes, beside an interpreter that starts and does nothing."""

import subprocess
import sys
import time
from statistics import median

from benchmarks.report import Figure, Outcome

RUNS, BAR_SECONDS = 15, 0.4


def run(*, scale: float = 1.0, peers: bool = True) -> Outcome:
    """Median of wall seconds over some runs of each."""
    runs = max(round(RUNS * scale), 1)
    bare = median(_seconds([sys.executable, "-c", "pass"]) for _ in range(runs))
    shown = median(_seconds([sys.executable, "-m", "crisisrisk", "--help"]) for _ in range(runs))
    return Outcome(
        of=f"The median of {runs} runs",
        figures=(
            Figure(what="`crisisrisk --help`", value=shown, unit="s", bar=BAR_SECONDS, less_is_better=True),
            Figure(what="an interpreter that starts and does nothing", value=bare, unit="s"),
        ),
    )


def _seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started
